"""How a test and a client program talk: one JSON object a line.

The test writes `{"id": 1, "do": "join", "room": "!r:hs"}` and reads `{"id": 1, "ok": {…}}` or `{"id": 1, "error": "…"}`. What comes by
itself has no id: `{"read": {…}}` is a message that this client can read, `{"unreadable": {…}}` an event that it cannot (yet), and
`{"broken": "…"}` the end of its sync. The end of the input is the end of the program, so none outlives its test.
"""

import asyncio
import json
import sys

# Seconds that a client may take to see what the test waits for.
PATIENCE = 15


def tell(**line):
    """Writes a line to the test."""
    print(json.dumps(line), flush=True)


class Program:
    """What every client program shares: the commands, and waiting for the next sync."""

    def __init__(self):
        self.synced = asyncio.Condition()
        self.told = set()
        self.sync = None

    async def login(self, homeserver, user, password, folder):
        """Logs in on a new device, publishes its keys and starts to sync."""
        raise NotImplementedError

    def begin_sync(self):
        """Starts to sync; answers the task."""
        raise NotImplementedError

    async def enter(self, room):
        """Joins a room; answers its id."""
        raise NotImplementedError

    async def join(self, room):
        """Joins a room, and not beside a sync: conduwuit 0.5.0 may answer that with a position behind the join and without the room's
        state, and neither library asks for it by itself."""
        sync, self.sync = self.sync, None
        sync.cancel()
        await asyncio.wait([sync])
        joined = await self.enter(room)
        self.start_syncing()
        return {"room": joined}

    async def members(self, room):
        """The joined members of a room as this client knows them; none while it does not know the room as encrypted."""
        raise NotImplementedError

    async def send(self, room, text):
        """Sends a message as an application of this library does; answers the event's id."""
        raise NotImplementedError

    async def close(self):
        """Ends the sync."""
        raise NotImplementedError

    async def see(self, room, users):
        """Waits until this client knows a room as encrypted and all these users as its members."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while missing := set(users) - set(await self.members(room)):
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with self.synced:
                    await asyncio.wait_for(self.synced.wait(), min(left, 0.5) if left > 0 else 0)
            except asyncio.TimeoutError:
                if left <= 0:
                    raise TimeoutError(f"after {PATIENCE} s it does not see {sorted(missing)} in {room}") from None

    async def has_synced(self, *_):
        """To be called after every sync."""
        async with self.synced:
            self.synced.notify_all()

    def read(self, room, event_id, sender, text, encrypted):
        """A message was read; a second reading of the same is nothing new."""
        if event_id not in self.told:
            self.told.add(event_id)
            tell(read={"room": room, "event_id": event_id, "sender": sender, "text": text, "encrypted": encrypted})

    def unreadable(self, room, event_id, sender, why):
        """An encrypted event could not be read."""
        tell(unreadable={"room": room, "event_id": event_id, "sender": sender, "why": why})

    def start_syncing(self):
        """Syncs from here on. A sync that ends before the program does must not end in silence."""
        self.sync = self.begin_sync()

        def ended(task):
            if not task.cancelled() and task is self.sync:
                tell(broken=f"the sync has ended: {task.exception()!r}")

        self.sync.add_done_callback(ended)


async def serve(program):
    """Does what the test asks, one command after the other."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    commands = {
        "login": program.login,
        "join": program.join,
        "see": program.see,
        "send": program.send,
    }
    while line := await lines.readline():
        command = json.loads(line)
        number, work = command.pop("id"), commands[command.pop("do")]
        try:
            tell(id=number, ok=await work(**command))
        except Exception as error:  # whatever it is, the test has to know
            tell(id=number, error=f"{type(error).__name__}: {error}")
    await program.close()
