# shellcheck shell=bash
# The Docker engine.

# engine_ready: makes sure of an engine. Without one the run goes on; NO_ENGINE then says why there is none.
engine_ready() {
  NO_ENGINE=
  if [[ ${KNOCKPROOF_DOCKER:-} == no ]]; then
    NO_ENGINE='KNOCKPROOF_DOCKER=no'
  elif engine_answers; then
    say "  Docker engine: $(engine_version) answers"
  elif [[ -n ${DOCKER_HOST:-} ]]; then
    NO_ENGINE="nothing answers at DOCKER_HOST=$DOCKER_HOST"
  else
    if engine_install; then engine_start || true; fi
  fi
  [[ -z $NO_ENGINE ]] || say "  Docker engine: none ($NO_ENGINE); everything in containers stays undone"
}

engine_answers() {
  command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1
}

engine_version() {
  docker version --format '{{.Server.Version}}'
}

# engine_install: the programs, from Debian.
engine_install() {
  local packages=(docker.io)
  if command -v dockerd >/dev/null && command -v docker >/dev/null; then
    return 0
  fi
  # Since Debian 13 the client is a package of its own.
  if debian_root && apt-cache show docker-cli >/dev/null 2>&1; then packages+=(docker-cli); fi
  debian_install "${packages[@]}" && return 0
  NO_ENGINE='none is installed, and only root on Debian gets one here: install Docker and start it'
  return 1
}

# engine_start: the daemon, which stays when this script ends: the next run is quicker for it.
engine_start() {
  local log=$CACHE/log/dockerd.log pid=
  if ! engine_answers; then
    if [[ $(id -u) != 0 ]]; then
      NO_ENGINE='it is installed but does not answer, and only root starts it here'
      return 1
    fi
    say "  Docker engine: starting dockerd (log: ${log#"$ROOT/"}) …"
    mkdir -p "$CACHE/log"
    # A session of its own and no open file of ours: neither Ctrl-C nor whoever waits for this script's output waits for it.
    setsid dockerd >"$log" 2>&1 </dev/null &
    pid=$!
    disown "$pid"
    engine_await "$pid"
  fi
  if engine_answers; then
    say "  Docker engine: $(engine_version) started; it stays up${pid:+ (to end it: kill $pid)}"
  else
    NO_ENGINE="dockerd did not come up: $(tail -n 1 "$log" | cut -c 1-200)"
    return 1
  fi
}

# engine_await PID: waits until the engine answers, its daemon has ended, or a minute is over.
engine_await() {
  local end=$((SECONDS + 60))
  while ((SECONDS < end)) && ! engine_answers && kill -0 "$1" 2>/dev/null; do sleep 0.5; done
}
