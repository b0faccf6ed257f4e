"""A bot on matrix-nio, tested against a real homeserver."""

import asyncio

from nio import AsyncClient, MatrixRoom, RoomMessageText


def client(world, account) -> AsyncClient:
    client = AsyncClient(world["homeserver"], account["user_id"])
    client.restore_login(account["user_id"], account["device_id"], account["access_token"])
    return client


async def say(client: AsyncClient, room: str, text: str) -> None:
    await client.room_send(room, "m.room.message", {"msgtype": "m.text", "body": text})


async def echo(world, account) -> None:
    """The bot: it says again whatever is said."""
    bot = client(world, account)

    async def on_message(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender != account["user_id"]:
            await say(bot, room.room_id, f"echo: {event.body}")

    bot.add_event_callback(on_message, RoomMessageText)
    try:
        await bot.sync_forever(timeout=1000)
    finally:
        await bot.close()


async def talk(world, owner, bot_account) -> str:
    bot, owner_client, room = asyncio.create_task(echo(world, bot_account)), client(world, owner), world["rooms"]["plain"]
    heard = asyncio.get_running_loop().create_future()

    async def on_message(_: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender == bot_account["user_id"] and not heard.done():
            heard.set_result(event.body)

    owner_client.add_event_callback(on_message, RoomMessageText)
    listening = asyncio.create_task(owner_client.sync_forever(timeout=1000))
    try:
        await say(owner_client, room, "hello")
        return await asyncio.wait_for(heard, 60)
    finally:
        for task in (bot, listening):
            task.cancel()
        await asyncio.gather(bot, listening, return_exceptions=True)
        await owner_client.close()


def test_it_says_again_what_is_said(world, owner, bot):
    assert asyncio.run(talk(world, owner, bot)) == "echo: hello"


def test_the_environment_is_that_of_the_bot(world, bot):
    environment = world["environment"]
    assert environment["ACCESS_TOKEN"] == bot["access_token"]
    assert environment["USER_ID"] == bot["user_id"]
