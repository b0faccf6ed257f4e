#!/usr/bin/env python3
"""The smallest bot: answers !ping with pong, and logs in with its password when its token is dead. Only Python's own library."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ["HOMESERVER"] + "/_matrix/client/v3"
SESSION = os.path.join(os.environ["DATA"], "session.json")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def ask(method, path, token=None, body=None):
    """The status and the answer; 0 and why where none came."""
    request = urllib.request.Request(BASE + path, method=method, data=json.dumps(body).encode() if body is not None else None)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=40) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.load(error)
        except ValueError:
            return error.code, {}
    except (OSError, ValueError) as error:
        return 0, {"error": type(error).__name__}


def session():
    """The saved session, else the one of the environment, as long as the homeserver knows it."""
    try:
        with open(SESSION) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {"token": os.environ["TOKEN"], "device": os.environ["DEVICE"]}


def log_in(device):
    """A new token on the same device."""
    who = {"type": "m.id.user", "user": os.environ["LOCALPART"]}
    body = {"type": "m.login.password", "identifier": who, "password": os.environ["PASSWORD"], "device_id": device}
    while True:
        status, answer = ask("POST", "/login", body=body)
        if status == 200:
            saved = {"token": answer["access_token"], "device": answer["device_id"]}
            with open(SESSION, "w") as file:
                json.dump(saved, file)
            return saved
        if status in (400, 403):
            sys.exit("CALL THE OPERATOR: the password is refused")
        time.sleep(1)


def answer(me, token, sync):
    """Answers what was said since."""
    for room, news in sync.get("rooms", {}).get("join", {}).items():
        for event in news.get("timeline", {}).get("events", []):
            if event["sender"] != me and event.get("content", {}).get("body") == "!ping":
                path = "/rooms/%s/send/m.room.message/%s" % (urllib.parse.quote(room), urllib.parse.quote(event["event_id"], safe=""))
                while ask("PUT", path, token, {"msgtype": "m.text", "body": "pong"})[0] not in (200, 401, 403):
                    time.sleep(0.5)


def main():
    now, since, says = session(), None, False
    me = os.environ["USER_ID"]
    while True:
        where = "/sync?timeout=%d" % (10000 if since else 0) + ("&since=" + urllib.parse.quote(since) if since else "")
        status, sync = ask("GET", where, now["token"])
        if status == 401:
            now = log_in(now["device"])
        elif status == 200:
            if since:
                answer(me, now["token"], sync)
            since = sync["next_batch"]
            if not says:
                print("listening", flush=True)
                says = True
        else:
            time.sleep(0.5)


main()
