# shellcheck shell=bash
# Other people's clients for the tests: mautrix and matrix-nio, in a virtual environment of pinned packages, with pytest for the examples.

CLIENTS_RECIPE=$ROOT/ci/clients
CLIENTS_VENV=${KNOCKPROOF_CLIENTS_VENV:-$CACHE/clients-venv}
# What mautrix's olm is built with where there is no wheel of it for this machine's Python.
CLIENTS_BUILD_PACKAGES=(build-essential cmake python3-dev libffi-dev)

# clients_venv: makes sure of the virtual environment. It is made anew when the pins or this machine's Python change.
clients_venv() {
  local python want
  if [[ -n ${KNOCKPROOF_CLIENTS_VENV:-} ]]; then
    clients_work || fail "KNOCKPROOF_CLIENTS_VENV=$CLIENTS_VENV holds no mautrix and matrix-nio with encryption; unset it to have one made"
    say "  clients' virtual environment: $CLIENTS_VENV (named by KNOCKPROOF_CLIENTS_VENV)"
    return 0
  fi
  python=$(synapse_python) || return 1
  want=$(made_from "$python" "$CLIENTS_RECIPE/requirements.txt")
  if made_current "$CLIENTS_VENV" "$want"; then
    say "  clients' virtual environment: $(clients_versions) are there"
    return 0
  fi
  say "  clients' virtual environment: installing $(clients_versions) …"
  rm -rf "$CLIENTS_VENV"
  quietly "$CACHE/log/clients-venv.log" "$python" -m venv "$CLIENTS_VENV" && clients_install && clients_work &&
    made_done "$CLIENTS_VENV" "$want"
}

# clients_versions: prints what is pinned.
clients_versions() {
  sed -n 's/^\(mautrix\|matrix-nio\)==/\1 /p' "$CLIENTS_RECIPE/requirements.txt" | paste -s -d , | sed 's/,/, /'
}

# clients_install: the packages. The one that needs a compiler is built only where there is no wheel of it.
clients_install() {
  clients_pip --only-binary python-olm >"$CACHE/log/clients-venv.log" 2>&1 && return 0
  say "    no wheel of python-olm fits this Python: building it (some minutes, once) …"
  if debian_root; then debian_install "${CLIENTS_BUILD_PACKAGES[@]}" || return 1; fi
  # olm asks for a CMake so old that new ones refuse to be it.
  CMAKE_POLICY_VERSION_MINIMUM=3.5 quietly "$CACHE/log/clients-venv.log" clients_pip
}

clients_pip() {
  "$CLIENTS_VENV/bin/pip" install --disable-pip-version-check --requirement "$CLIENTS_RECIPE/requirements.txt" "$@"
}

# clients_work: whether both libraries are there with their encryption.
clients_work() {
  quietly "$CACHE/log/clients-work.log" "$CLIENTS_VENV/bin/python" -c \
    'import aiosqlite, olm, pytest, vodozemac; from mautrix.crypto import OlmMachine; from nio.crypto import Olm'
}
