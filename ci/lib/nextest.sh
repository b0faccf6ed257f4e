# shellcheck shell=bash
# The test runner.

# nextest_ready: makes sure of a cargo-nextest that the workspace's configuration accepts.
nextest_ready() {
  if cargo nextest show-config version >/dev/null 2>&1; then
    say "  cargo-nextest: $(nextest_version) is there"
    return 0
  fi
  say "  cargo-nextest: missing or too old; building it (some minutes, once) …"
  quietly "$CACHE/log/nextest.log" cargo install --locked cargo-nextest || fail "there is no test runner without cargo-nextest"
  cargo nextest show-config version >/dev/null || fail "the cargo-nextest just installed is not the one that cargo finds"
  say "  cargo-nextest: $(nextest_version) built"
}

nextest_version() {
  cargo nextest --version | sed -n '1s/^cargo-nextest \([^ ]*\).*/\1/p'
}

# nextest_count HOMESERVER FILTER [OPTION…]: prints how many tests a filter selects.
nextest_count() {
  { nextest_list "$@" || true; } | grep -c . || true
}

# nextest_list HOMESERVER FILTER [OPTION…]: prints the tests that a filter selects, one a line. Which drills there are, and which of them
# are ignored, depends on the homeserver.
nextest_list() {
  local homeserver=$1 filter=$2
  shift 2
  KNOCKPROOF_HOMESERVER=$homeserver KNOCKPROOF_SYNAPSE_VENV=$SYNAPSE_VENV \
    cargo nextest list --workspace --locked --message-format oneline -E "$filter" "$@" 2>"$CACHE/log/nextest-list.log"
}
