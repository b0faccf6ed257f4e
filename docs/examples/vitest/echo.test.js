// A bot tested against a real homeserver. It needs nothing but fetch; yours will use its library.

import { expect, inject, test } from "vitest";

const world = inject("world");
const account = (name) => world.accounts.find((one) => one.name === name);

async function request(who, method, path, body) {
  const answer = await fetch(`${world.homeserver}/_matrix/client/v3${path}`, {
    method,
    headers: { authorization: `Bearer ${who.access_token}` },
    body: body && JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  return answer.json();
}

const say = (who, text) =>
  request(who, "PUT", `/rooms/${encodeURIComponent(world.rooms.plain)}/send/m.room.message/${crypto.randomUUID()}`, { msgtype: "m.text", body: text });

/** Messages of a room that came after a place of the sync. */
async function heard(who, since) {
  const sync = await request(who, "GET", `/sync?timeout=10000${since ? `&since=${since}` : ""}`);
  const events = sync.rooms?.join?.[world.rooms.plain]?.timeline?.events ?? [];
  return { since: sync.next_batch, messages: events.filter((event) => event.type === "m.room.message") };
}

test("what the owner says, the bot hears", async () => {
  const { since } = await heard(account("bot"));
  await say(account("owner"), "hello");
  const { messages } = await heard(account("bot"), since);
  expect(messages.map((message) => [message.sender, message.content.body])).toEqual([[account("owner").user_id, "hello"]]);
});
