# shellcheck shell=bash
# What is in JavaScript: Node.js, and the packages that lock files pin.

NODE_BOT=$ROOT/bots/ping/matrix-js-sdk
NODE_FOLDERS=("$NODE_BOT" "$ROOT/docs/examples/vitest" "$ROOT/ci/workflows")

# node_packages: makes sure of them. Without them the run goes on; NO_NODE then says why there are none.
node_packages() {
  local folder
  NO_NODE='node and npm are not both in PATH: install Node.js 20 or newer'
  if command -v node >/dev/null && command -v npm >/dev/null; then
    NO_NODE=
    for folder in "${NODE_FOLDERS[@]}"; do
      node_installed "$folder" || NO_NODE="the packages of ${folder#"$ROOT"/} could not be installed (see above)"
    done
  fi
  [[ -n $NO_NODE ]] || return 0
  say "  packages in JavaScript: none ($NO_NODE)"
  return 1
}

# node_installed FOLDER: makes sure of the packages of one lock file.
node_installed() {
  local want packages=$1/node_modules
  want=$(made_from node "$1/package-lock.json")
  if made_current "$packages" "$want"; then
    say "  packages of ${1#"$ROOT"/}: there"
    return 0
  fi
  say "  packages of ${1#"$ROOT"/}: installing …"
  quietly "$CACHE/log/npm.log" npm ci --prefix "$1" --no-audit --no-fund && made_done "$packages" "$want"
}
