"""A client made with mautrix."""

import asyncio

from mautrix.client import Client, DecryptionDispatcher, InternalEventType
from mautrix.client.state_store.asyncpg import PgStateStore
from mautrix.crypto import OlmMachine
from mautrix.crypto.store.asyncpg import PgCryptoStore
from mautrix.errors import SessionNotFound
from mautrix.types import EventType
from mautrix.util.async_db import Database
from protocol import PATIENCE, Program, serve


class Mautrix(Program):
    """The program."""

    def __init__(self):
        super().__init__()
        self.client = self.database = None

    async def login(self, homeserver, user, password, folder):
        # One database for both stores: within a transaction the library takes its connection for every database.
        self.database = Database.create(f"sqlite:{folder}/mautrix.db")
        await self.database.start()
        for tables in (PgStateStore.upgrade_table, PgCryptoStore.upgrade_table):
            await tables.upgrade(self.database)
        store = PgCryptoStore("account", "pickle key", self.database)
        await store.open()
        state = PgStateStore(self.database)
        self.client = Client(mxid=user, base_url=homeserver, state_store=state, sync_store=store)
        answer = await self.client.login(user, password=password, device_name="mautrix")
        await store.put_device_id(answer.device_id)
        self.client.crypto = OlmMachine(self.client, store, state)
        # The library's own one gives up at once when the message comes before its key.
        self.client.remove_dispatcher(DecryptionDispatcher)
        self.client.add_event_handler(EventType.ROOM_ENCRYPTED, self.on_encrypted)
        self.client.add_event_handler(EventType.ROOM_MESSAGE, self.on_message)
        self.client.add_event_handler(InternalEventType.SYNC_SUCCESSFUL, self.has_synced)
        await self.client.crypto.load()
        await self.client.crypto.share_keys()
        self.start_syncing()
        return {"device": answer.device_id}

    def begin_sync(self):
        return self.client.start(None)

    async def enter(self, room):
        return await self.client.join_room(room)

    async def members(self, room):
        if not await self.client.state_store.is_encrypted(room):
            return []
        return list(await self.client.get_joined_members(room))

    async def send(self, room, text):
        return {"event_id": await self.client.send_text(room, text)}

    async def close(self):
        if self.client:
            self.client.stop()
            await self.client.api.session.close()
            await self.database.stop()

    async def on_message(self, event):
        self.read(event.room_id, event.event_id, event.sender, event.content.body, encrypted=False)

    async def on_encrypted(self, event):
        try:
            message = await self.decrypted(event)
        except Exception as error:  # the library would log it and go on
            self.unreadable(event.room_id, event.event_id, event.sender, repr(error))
            return
        self.read(event.room_id, event.event_id, event.sender, message.content.body, encrypted=True)

    async def decrypted(self, event):
        """A key may come later than its message."""
        try:
            return await self.client.crypto.decrypt_megolm_event(event)
        except SessionNotFound as error:
            self.unreadable(event.room_id, event.event_id, event.sender, str(error))
            await self.client.crypto.wait_for_session(event.room_id, error.session_id, timeout=PATIENCE)
            return await self.client.crypto.decrypt_megolm_event(event)


async def main():
    """Serves one test."""
    await serve(Mautrix())


asyncio.run(main())
