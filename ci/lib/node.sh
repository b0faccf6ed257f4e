# shellcheck shell=bash
# The bot in JavaScript: Node.js, and the packages that its lock file pins.

NODE_BOT=$ROOT/bots/ping/matrix-js-sdk

# node_packages: makes sure of them. Without them the run goes on; NO_NODE then says why there are none.
node_packages() {
  local want packages=$NODE_BOT/node_modules
  NO_NODE='node and npm are not both in PATH: install Node.js 20 or newer'
  if command -v node >/dev/null && command -v npm >/dev/null; then
    want=$(made_from node "$NODE_BOT/package-lock.json")
    if made_current "$packages" "$want"; then
      say '  packages of the bot in JavaScript: there'
      return 0
    fi
    say '  packages of the bot in JavaScript: installing …'
    NO_NODE='the packages of the bot in JavaScript could not be installed (see above)'
    if quietly "$CACHE/log/npm.log" npm ci --prefix "$NODE_BOT" --no-audit --no-fund; then
      made_done "$packages" "$want"
      return 0
    fi
  fi
  say "  packages of the bot in JavaScript: none ($NO_NODE)"
  return 1
}
