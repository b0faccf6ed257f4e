"""A small Matrix bot that answers !ping, and comes back from what `knockproof drill` does to it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
from nio import AsyncClient, LoginResponse, MatrixRoom, RoomMessageText, SyncResponse

USER_ID = os.environ["USER_ID"]
DATA = Path(os.environ["DATA"])
SESSION = DATA / "session.json"
PASSWORD = DATA / "password"
# Milliseconds that the homeserver may hold a sync which has no news.
LONG_POLL = 10_000


class Bot:
    def __init__(self) -> None:
        self.client = AsyncClient(os.environ["HOMESERVER"], USER_ID)
        self.client.add_event_callback(self.on_message, RoomMessageText)
        self.since = ""

    async def on_message(self, room: MatrixRoom, event: RoomMessageText) -> None:
        # What was said before the bot's first sync is nobody's question to it.
        if self.since and event.sender != USER_ID and event.body == "!ping":
            content = {"msgtype": "m.text", "body": "pong"}
            # The question's id: a question that is heard twice is answered once.
            await self.client.room_send(room.room_id, "m.room.message", content, tx_id=event.event_id)

    def restore(self) -> bool:
        """Goes on with the session that was saved, if there is one."""
        try:
            saved = json.loads(SESSION.read_text())
        except (OSError, ValueError):
            return False
        self.client.restore_login(USER_ID, saved["device_id"], saved["token"])
        self.since = saved["since"]
        return True

    def save(self) -> None:
        """Keeps the session: whole, or as it was."""
        new = SESSION.with_suffix(".new")
        session = {"device_id": self.client.device_id, "token": self.client.access_token, "since": self.since}
        with open(new, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(session, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(SESSION)

    async def log_in(self) -> None:
        """Logs in on the device that it had. A homeserver that is not well is asked again later."""
        # The library would send the dead token with the login, and be refused for that.
        self.client.access_token = ""
        answer = await self.client.login(PASSWORD.read_text().strip(), device_name="template")
        if isinstance(answer, LoginResponse):
            self.save()
        elif answer.status_code == "M_FORBIDDEN":
            sys.exit(f"OPERATOR: the password in {PASSWORD} is refused: write the right one, and start the bot again")
        else:
            await asyncio.sleep(1)

    async def run(self) -> None:
        listening = False
        while True:
            try:
                if not self.client.access_token and not self.restore():
                    await self.log_in()
                    continue
                answer = await self.client.sync(LONG_POLL if listening else 0, since=self.since or None)
                if isinstance(answer, SyncResponse):
                    self.since = answer.next_batch
                    self.save()
                    if not listening:
                        print("listening", flush=True)
                        listening = True
                elif answer.status_code == "M_UNKNOWN_TOKEN":
                    await self.log_in()
                else:
                    await asyncio.sleep(1)
            except (aiohttp.ClientError, asyncio.TimeoutError):
                await asyncio.sleep(1)


async def main() -> None:
    bot = Bot()
    running = asyncio.ensure_future(bot.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        pass
    finally:
        await bot.client.close()


asyncio.run(main())
