# shellcheck shell=bash
# What the gate's scripts print: short lines on standard error, so that standard output stays free for results.

# say TEXT…: one visible line.
say() {
  printf '%s\n' "$*" >&2
}

# heading TEXT…: the start of a part of the run.
heading() {
  printf '\n== %s\n' "$*" >&2
}

# fail TEXT…: says what is wrong and what to do, and gives up.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# duration SECONDS: prints `7 s` or `12 min 07 s`.
duration() {
  if (($1 < 60)); then
    printf '%d s' "$1"
  else
    printf '%d min %02d s' $(($1 / 60)) $(($1 % 60))
  fi
}

# quietly LOG COMMAND…: runs a command with its output in a file, and shows the file's end when the command fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if "$@" >"$log" 2>&1 </dev/null; then
    return 0
  else
    local code=$?
    say "failed (exit code $code): $*"
    tail -n 20 "$log" | sed 's/^/  | /' >&2
    say "  all of it: $log"
    return "$code"
  fi
}
