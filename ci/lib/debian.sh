# shellcheck shell=bash
# Packages of Debian, where the machine is a Debian (or Ubuntu) and we are root.

# debian_root: whether packages can be installed here.
debian_root() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null
}

# debian_install PACKAGE…: installs what is not there yet.
debian_install() {
  debian_root || return 1
  say "  installing from Debian: $*"
  # The list of packages may be missing (a fresh image) or old (a file it names is gone): renew it and try once more.
  debian_apt "$@" && return 0
  quietly "$CACHE/log/apt-update.log" apt-get update --quiet || return 1
  debian_apt "$@" || {
    tail -n 20 "$CACHE/log/apt-install.log" | sed 's/^/  | /' >&2
    return 1
  }
}

# debian_apt PACKAGE…: one try. Another installation that is under way is waited for, five minutes at most.
debian_apt() {
  mkdir -p "$CACHE/log"
  DEBIAN_FRONTEND=noninteractive apt-get install --option DPkg::Lock::Timeout=300 --yes --quiet --no-install-recommends "$@" \
    >"$CACHE/log/apt-install.log" 2>&1 </dev/null
}

# debian_mirror: prints the archive that this machine installs from; nothing where there is none.
debian_mirror() {
  command -v apt-get >/dev/null || return 0
  # shellcheck disable=SC2016 # $(SITE) is apt's own field, not the shell's
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' 'Component: main' 2>/dev/null | head -n 1
}
