// Answers !ping with pong. Written as matrix-js-sdk's own README has it: log in with the password, start the Rust crypto, listen to timelines.
// In Node.js the crypto's store is in memory, so each start logs in on a device of its own.

import { readFile } from "node:fs/promises";
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";

logger.setLevel("warn");
const { HOMESERVER, USER_ID, PASSWORD_FILE } = process.env;

const password = (await readFile(PASSWORD_FILE, "utf8")).trim();
const login = await sdk.createClient({ baseUrl: HOMESERVER }).loginRequest({
  type: "m.login.password",
  identifier: { type: "m.id.user", user: USER_ID },
  password,
  initial_device_display_name: "matrix-js-sdk",
});
const client = sdk.createClient({
  baseUrl: HOMESERVER,
  userId: login.user_id,
  deviceId: login.device_id,
  accessToken: login.access_token,
});
await client.initRustCrypto({ useIndexedDB: false });

const started = Date.now();

async function answer(event) {
  if (event.getType() !== "m.room.message" || event.getSender() === login.user_id) return;
  // What was said before this start is history.
  if (event.getTs() < started || event.getContent().body !== "!ping") return;
  await client.sendTextMessage(event.getRoomId(), "pong");
}

client.on(sdk.RoomEvent.Timeline, (event, _room, toStartOfTimeline) => {
  if (toStartOfTimeline) return;
  if (event.isEncrypted()) event.once(sdk.MatrixEventEvent.Decrypted, answer);
  else answer(event);
});
client.on(sdk.RoomMemberEvent.Membership, (_event, member) => {
  if (member.userId === login.user_id && member.membership === "invite") client.joinRoom(member.roomId);
});
client.once(sdk.ClientEvent.Sync, () => console.log("listening"));
await client.startClient({ initialSyncLimit: 10 });
