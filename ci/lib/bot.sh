# shellcheck shell=bash
# The bot as an image, and how it fares as a container.

BOT_RECIPE=$ROOT/ci/bot
# What is looked at as a container: what has to do with how a bot runs, and with what it keeps in its directory.
BOT_DRILLS=(
  'none,env-token-clobbered,data-directory-lost --moment at-boot'
  'password-reset,device-deleted,homeserver-frozen,bot-killed --moment while-running'
)
# How long a container may take until its health check has an opinion, in seconds.
BOT_HEALTH=30

# bot_image TAG BINARY: makes the image and prints its name.
bot_image() {
  local context=$CACHE/bot-image
  rm -rf "$context"
  mkdir -p "$context"
  strip --strip-debug -o "$context/knock-approver" "$2" || return 1
  "$BOT_RECIPE/root" "$context/knock-approver" "$context/out" || return 1
  # The recipe's last stage, with what its first one makes of the source already there.
  sed -n '/^FROM scratch/,$p' "$BOT_RECIPE/Containerfile" | sed 's|--from=build ||; s|^\(COPY .*\)/out/|\1out/|' >"$context/Containerfile"
  quietly "$CACHE/log/bot-image.log" docker build --network none --label "$LABEL_RUN=$RUN_ID" --tag "$1" \
    --file "$context/Containerfile" "$context" || return 1
  rm -rf "$context"
  printf '%s\n' "$1"
}

# check_image: the image is made, is as closed as it is promised to be, and the bot is drilled in it.
check_image() {
  local image=knock-approver:$RUN_ID code=0
  bot_image "$image" "$TARGET/debug/knock-approver" || return 1
  echo "image: $(docker image inspect --format '{{.Size}}' "$image" | awk '{ printf "%.0f MB", $1 / 1000000 }') with the binary of the gate (unoptimised)"
  image_is_closed "$image" && image_lives "$image" && image_drilled "$image" || code=1
  docker image rm --force "$image" >/dev/null
  return "$code"
}

# image_is_closed IMAGE: no shell, no root, a health check, a volume.
image_is_closed() {
  local said
  said=$(docker image inspect --format '{{.Config.User}} {{json .Config.Volumes}} {{json .Config.Healthcheck.Test}}' "$1")
  echo "image: $said"
  [[ $said == '10001:10001 {"/data":{}} ["CMD",'* ]] || { echo 'it has another user, volume or health check than it should'; return 1; }
  if docker run --rm --label "$LABEL_RUN=$RUN_ID" --entrypoint /bin/sh "$1" -c true 2>/dev/null; then
    echo 'there is a shell in it'
    return 1
  fi
}

# image_lives IMAGE: with a root file system that cannot be written and without a homeserver it is healthy, and as process 1 it ends when it is
# asked to.
image_lives() {
  local container code=0 health=starting end=$((SECONDS + BOT_HEALTH))
  container=$(docker run --detach --label "$LABEL_RUN=$RUN_ID" --health-interval 1s --read-only --cap-drop ALL --security-opt no-new-privileges \
    --tmpfs /tmp --env HS=http://127.0.0.1:9 --env 'SPACE_ID=!space:example.org' "$1") || return 1
  while [[ $health == starting ]] && ((SECONDS < end)); do
    health=$(docker inspect --format '{{.State.Health.Status}}' "$container")
    sleep 0.2
  done
  docker stop --time 10 "$container" >/dev/null
  code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
  echo "image: its health is \"$health\", and asked to end it ends with exit status $code"
  [[ $health == healthy && $code == 0 ]] || { docker logs "$container"; code=1; }
  docker rm --force --volumes "$container" >/dev/null
  return "$code"
}

# image_drilled IMAGE: the drills, on the embedded homeserver, and one on Synapse in a container of its own where there is an image of it.
image_drilled() {
  local faults code=0
  for faults in "${BOT_DRILLS[@]}"; do
    # shellcheck disable=SC2086 # the words of a command line
    image_drill "$1" embedded $faults || code=1
  done
  if docker image inspect "$(synapse_tag)" >/dev/null 2>&1; then
    image_drill "$1" synapse-container bot-killed --moment while-running || code=1
  else
    echo "not run: the bot's container beside Synapse's: there is no image $(synapse_tag)"
  fi
  return "$code"
}

# image_drill IMAGE HOMESERVER FAULTS [OPTION…]
image_drill() {
  local image=$1 homeserver=$2
  shift 2
  env KNOCKPROOF_BOT_IMAGE="$image" KNOCKPROOF_RUN_ID="$RUN_ID" KNOCKPROOF_SEED="$SEED" KNOCKPROOF_ARTIFACTS="$CACHE/artifacts/image" \
    "$TARGET/debug/knockproof" drill --homeserver "$homeserver" --scenario smoke --fault "$@"
}
