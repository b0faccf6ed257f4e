"""Answers !ping with pong. Written as matrix-nio's own examples are (restore_login.py, and the ones with encryption), encryption on."""

import asyncio
import json
import os
import sys

from nio import AsyncClient, AsyncClientConfig, InviteMemberEvent, LoginResponse, MatrixRoom, RoomMessageText

HOMESERVER = os.environ["HOMESERVER"]
USER_ID = os.environ["USER_ID"]
DATA = os.environ["DATA"]
CREDENTIALS = os.path.join(DATA, "credentials.json")


def write_details_to_disk(answer: LoginResponse) -> None:
    """Writes what is needed to log in later without the password."""
    with open(CREDENTIALS, "w") as file:
        json.dump({"user_id": answer.user_id, "device_id": answer.device_id, "access_token": answer.access_token}, file)


async def main() -> None:
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    store = os.path.join(DATA, "store")
    os.makedirs(store, exist_ok=True)
    client = AsyncClient(HOMESERVER, USER_ID, store_path=store, config=config)

    async def on_message(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender != client.user_id and event.body == "!ping":
            content = {"msgtype": "m.text", "body": "pong"}
            await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)

    async def on_invite(room: MatrixRoom, event: InviteMemberEvent) -> None:
        await client.join(room.room_id)

    client.add_event_callback(on_message, RoomMessageText)
    client.add_event_callback(on_invite, InviteMemberEvent)

    if os.path.exists(CREDENTIALS):
        with open(CREDENTIALS) as file:
            saved = json.load(file)
        client.restore_login(saved["user_id"], saved["device_id"], saved["access_token"])
        print("Logged in using stored credentials.", flush=True)
    else:
        with open(os.environ["PASSWORD_FILE"]) as file:
            answer = await client.login(file.read().strip(), device_name="matrix-nio")
        if not isinstance(answer, LoginResponse):
            print(f"Failed to log in: {answer}", flush=True)
            sys.exit(1)
        write_details_to_disk(answer)
        print("Logged in using a password.", flush=True)

    if client.should_upload_keys:
        await client.keys_upload()
    await client.sync_forever(timeout=30000, full_state=True)


asyncio.run(main())
