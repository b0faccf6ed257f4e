"""A client made with matrix-nio."""

import asyncio

from nio import (
    AsyncClient,
    EncryptionError,
    JoinResponse,
    LoginResponse,
    MegolmEvent,
    RoomMessageText,
    RoomSendResponse,
    SyncResponse,
)
from protocol import Program, serve


def expect(answer, kind):
    """The library answers errors as values."""
    if not isinstance(answer, kind):
        raise RuntimeError(str(answer))
    return answer


class Nio(Program):
    """The program."""

    def __init__(self):
        super().__init__()
        self.client = None
        self.waiting = []

    async def login(self, homeserver, user, password, folder):
        self.client = AsyncClient(homeserver, user, store_path=folder)
        expect(await self.client.login(password, device_name="matrix-nio"), LoginResponse)
        self.client.add_event_callback(self.on_message, RoomMessageText)
        self.client.add_event_callback(self.on_encrypted, MegolmEvent)
        self.client.add_response_callback(self.on_sync, SyncResponse)
        expect(await self.client.sync(timeout=0, full_state=True), SyncResponse)
        await self.client.keys_upload()
        self.start_syncing()
        return {"device": self.client.device_id}

    def begin_sync(self):
        return asyncio.create_task(self.client.sync_forever(timeout=10_000))

    async def enter(self, room):
        return expect(await self.client.join(room), JoinResponse).room_id

    async def members(self, room):
        known = self.client.rooms.get(room)
        return [user for user in known.users if user not in known.invited_users] if known and known.encrypted else []

    async def send(self, room, text):
        # The sync asks for the keys of new members beside other work; a message must not overtake that.
        if self.client.should_query_keys:
            await self.client.keys_query()
        content = {"msgtype": "m.text", "body": text}
        sent = await self.client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        return {"event_id": expect(sent, RoomSendResponse).event_id}

    async def close(self):
        if self.client:
            if self.sync:
                self.sync.cancel()
            await self.client.close()

    async def on_message(self, room, event):
        self.read(room.room_id, event.event_id, event.sender, event.body, event.decrypted)

    async def on_encrypted(self, room, event):
        self.waiting.append(event)
        self.unreadable(room.room_id, event.event_id, event.sender, f"no session {event.session_id}")

    async def on_sync(self, _):
        """A key may come later than its message."""
        for event in list(self.waiting):
            try:
                message = self.client.decrypt_event(event)
            except EncryptionError:
                continue
            self.waiting.remove(event)
            self.read(event.room_id, message.event_id, message.sender, message.body, message.decrypted)
        await self.has_synced()


async def main():
    """Serves one test."""
    await serve(Nio())


asyncio.run(main())
