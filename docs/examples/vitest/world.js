// A Matrix homeserver for each run of vitest: `knockproof up --json` starts one, and it ends with the run.
// In vitest.config.js: export default { test: { globalSetup: "./world.js" } };

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export default async function setup({ provide }) {
  // It ends when its standard input does: also when this process is killed.
  const knockproof = spawn(process.env.KNOCKPROOF ?? "knockproof", ["up", "--json"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(knockproof, "exit");
  const line = once(createInterface({ input: knockproof.stdout }), "line");
  const first = await Promise.race([line, ended.then(([code]) => { throw new Error(`knockproof ended with exit status ${code}`); })]);
  provide("world", JSON.parse(first[0]));
  return async () => {
    knockproof.stdin.end();
    await ended;
  };
}
