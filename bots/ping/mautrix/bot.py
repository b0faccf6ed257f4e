"""Answers !ping with pong. Written with mautrix-python's own client as its documentation and programs use it, encryption on."""

import asyncio
import os
import signal

from mautrix.client import Client
from mautrix.client.state_store.asyncpg import PgStateStore
from mautrix.crypto import OlmMachine
from mautrix.crypto.store.asyncpg import PgCryptoStore
from mautrix.types import EventType, Membership
from mautrix.util.async_db import Database

HOMESERVER = os.environ["HOMESERVER"]
USER_ID = os.environ["USER_ID"]
DATA = os.environ["DATA"]


async def main() -> None:
    database = Database.create(f"sqlite:{DATA}/bot.db")
    await database.start()
    for tables in (PgStateStore.upgrade_table, PgCryptoStore.upgrade_table):
        await tables.upgrade(database)
    store = PgCryptoStore(USER_ID, "pickle key", database)
    await store.open()
    state = PgStateStore(database)
    client = Client(mxid=USER_ID, base_url=HOMESERVER, state_store=state, sync_store=store)

    # As its programs do: the token and the device come from the configuration.
    client.api.token = os.environ["TOKEN"]
    answer = await client.whoami()
    client.device_id = answer.device_id
    await store.put_device_id(answer.device_id)

    client.crypto = OlmMachine(client, store, state)
    await client.crypto.load()
    await client.crypto.share_keys()

    async def on_message(event) -> None:
        if event.sender != USER_ID and event.content.body == "!ping":
            await client.send_text(event.room_id, "pong")

    async def on_member(event) -> None:
        if event.state_key == USER_ID and event.content.membership == Membership.INVITE:
            await client.join_room(event.room_id)

    client.add_event_handler(EventType.ROOM_MESSAGE, on_message)
    client.add_event_handler(EventType.ROOM_MEMBER, on_member)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, client.stop)
    await client.start(None)
    await client.api.session.close()
    await database.stop()


asyncio.run(main())
