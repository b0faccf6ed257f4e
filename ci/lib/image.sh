# shellcheck shell=bash
# Images of homeservers that are not built here. Whether one can be had is the harness's knowledge: it is asked, not repeated.

# image_chosen HOMESERVER: prints what names exactly the image that is taken for it.
image_chosen() {
  "$TARGET/debug/examples/choose" --image "$1" 2>/dev/null </dev/null
}

# image_missing HOMESERVER: prints in one line why the homeserver cannot be had; nothing when it can. An image that is not there is
# pulled on the way, with visible progress.
image_missing() {
  local log=$CACHE/log/choose-$1.log
  # Built with the rest of the workspace; `cargo run --package` would build its dependencies again with other features.
  "$TARGET/debug/examples/choose" "$1" 2>&1 >/dev/null </dev/null | tee "$log" >&2 && return 0
  # The harness ends with one line that says what is missing and how to get it.
  grep . "$log" | tail -n 1 | cut -c 1-240
}
