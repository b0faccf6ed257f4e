# shellcheck shell=bash
# What a run leaves behind. The harness marks everything it makes with the run's id, and removes it; what is still there afterwards is
# a fault of its own, is said, and is removed.

LABEL_RUN=dev.knockproof.run

# base_folder: prints where the harness keeps what this user's runs need while they last (harness/src/run/base.rs).
base_folder() {
  if [[ -z ${TMPDIR:-} && -n ${XDG_RUNTIME_DIR:-} && -O $XDG_RUNTIME_DIR ]]; then
    echo "$XDG_RUNTIME_DIR/knockproof"
  else
    echo "${TMPDIR:-/tmp}/knockproof-$(id -u)"
  fi
}

# sweep_find: prints one line for every container, volume, network, image, process and scratch folder of this run. It looks with its own eyes:
# the harness's sweep is also what is tested here.
sweep_find() {
  local file pid
  # Set and empty: an engine was asked for, and answers.
  if [[ -n ${NO_ENGINE+set} && -z $NO_ENGINE ]]; then
    docker ps --all --filter "label=$LABEL_RUN=$RUN_ID" --format 'container {{.ID}} {{.Image}} {{.Status}}'
    docker volume ls --filter "label=$LABEL_RUN=$RUN_ID" --format 'volume {{.Name}}'
    docker network ls --filter "label=$LABEL_RUN=$RUN_ID" --format 'network {{.ID}} {{.Name}}'
    docker image ls --filter "label=$LABEL_RUN=$RUN_ID" --format 'image {{.ID}} {{.Repository}}:{{.Tag}}'
  fi
  for file in "$(base_folder)/scratch/$RUN_ID"-*/; do
    [[ ! -d $file ]] || echo "folder $file"
  done
  for file in /proc/[0-9]*/environ; do
    if grep -qzsx "KNOCKPROOF_RUN_ID=$RUN_ID" "$file"; then
      pid=${file//[^0-9]/}
      echo "process $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-80)"
    fi
  done
}

# sweep: removes what sweep_find finds and prints what it was.
sweep() {
  local kind id rest found
  found=$(sweep_find)
  [[ -n $found ]] || return 0
  printf '%s\n' "$found"
  # The harness knows which process works on which folder; what it does not get is removed by name.
  "$TARGET/debug/examples/sweep" "$RUN_ID" >&2 2>/dev/null || true
  while read -r kind id rest; do
    case $kind in
    container) docker rm --force --volumes "$id" >/dev/null 2>&1 || true ;;
    process) kill -KILL "$id" 2>/dev/null || true ;;
    volume) docker volume rm --force "$id" >/dev/null 2>&1 || true ;;
    image) docker image rm --force "$id" >/dev/null 2>&1 || true ;;
    network) docker network rm "$id" >/dev/null 2>&1 || true ;;
    folder) rm -rf "$id" ;;
    esac
  done <<<"$found"
}
