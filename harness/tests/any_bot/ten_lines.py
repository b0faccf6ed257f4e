import json, os, time, urllib.request
def ask(path, body=None, api=os.environ["HOMESERVER"] + "/_matrix/client/v3/", head={"Authorization": "Bearer " + os.environ["TOKEN"]}):
    try: return json.load(urllib.request.urlopen(urllib.request.Request(api + path, body, head, method="PUT" if body else "GET"), timeout=40))
    except OSError: return time.sleep(0.5) or ask(path, body)
news = ask("sync")
while news := ask("sync?timeout=10000&since=" + news["next_batch"]):
    events = [(room, event) for room, joined in news.get("rooms", {}).get("join", {}).items() for event in joined.get("timeline", {}).get("events", [])]
    for room, event in events:
        if event["content"].get("body") == "!ping":
            ask("rooms/" + room + "/send/m.room.message/" + event["event_id"], b'{"msgtype": "m.text", "body": "pong"}')
