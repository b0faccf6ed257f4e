# shellcheck shell=bash
# What phases need. Everything is made sure of once, at the start; afterwards `need_unmet` says why a phase cannot run.

declare -A NEED_UNMET=()

# needs_ready NEED…: makes sure of what the chosen phases need, each with a visible line.
needs_ready() {
  local need
  heading 'What the run needs'
  nextest_ready
  if [[ " $* " == *' docker '* ]]; then
    engine_ready
    NEED_UNMET[docker]=${NO_ENGINE:+no Docker engine: $NO_ENGINE}
  fi
  for need in "$@"; do
    [[ -z ${NEED_UNMET[$need]+set} ]] || continue
    NEED_UNMET[$need]=
    case $need in
    synapse-venv) synapse_venv || NEED_UNMET[$need]='the Synapse virtual environment could not be made (see above)' ;;
    clients-venv) clients_venv || NEED_UNMET[$need]="the clients' virtual environment could not be made (see above)" ;;
    browser)
      browser_ready
      NEED_UNMET[$need]=${NO_BROWSER:+no browser: $NO_BROWSER}
      ;;
    # Where it cannot be built, the harness may still pull one: need_unmet asks it when a phase comes to it.
    synapse-image) [[ -n ${NEED_UNMET[docker]} ]] || synapse_image || say '  Synapse image: not built; one may be pulled later' ;;
    pyyaml) python3 -c 'import yaml' 2>/dev/null || NEED_UNMET[$need]='there is no PyYAML: install it (Debian: python3-yaml)' ;;
    npm) node_packages || NEED_UNMET[$need]=$NO_NODE ;;
    docker | image) ;;
    *) fail "a phase needs '$need', which ci/lib/need.sh does not know" ;;
    esac
  done
}

# need_unmet NEED,… HOMESERVER: prints why a phase cannot run; nothing when it can.
need_unmet() {
  local need why
  for need in ${1//,/ }; do
    why=${NEED_UNMET[$need]:-}
    if [[ $need == *image ]]; then why=$(image_missing "$2"); fi
    if [[ -n $why ]]; then
      printf '%s\n' "$why"
      return 0
    fi
  done
}
