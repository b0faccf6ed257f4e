# shellcheck shell=bash
# Synapse for the tests, in two forms made of the same pinned packages: a virtual environment on this machine and a container image.

SYNAPSE_RECIPE=$ROOT/ci/synapse
SYNAPSE_VENV=${KNOCKPROOF_SYNAPSE_VENV:-$CACHE/synapse-venv}
# The image's Debian and that Debian's Python: the wheels are fetched for it, whatever Python this machine has.
SYNAPSE_SUITE=bookworm
SYNAPSE_PYTHON=3.11
SYNAPSE_BASE_PACKAGES=python3,python3-venv

# synapse_version: prints the pinned version.
synapse_version() {
  sed -n 's/^matrix-synapse==//p' "$SYNAPSE_RECIPE/requirements.txt"
}

# synapse_tag: prints the image's name.
synapse_tag() {
  printf 'knockproof/synapse:%s\n' "$(synapse_version)"
}

# synapse_venv: makes sure of the virtual environment. It is made anew when the pins or this machine's Python change.
synapse_venv() {
  local python want
  if [[ -n ${KNOCKPROOF_SYNAPSE_VENV:-} ]]; then
    "$SYNAPSE_VENV/bin/python" -c 'import synapse' 2>/dev/null ||
      fail "KNOCKPROOF_SYNAPSE_VENV=$SYNAPSE_VENV holds no Synapse; unset it to have one made"
    say "  Synapse virtual environment: $SYNAPSE_VENV (named by KNOCKPROOF_SYNAPSE_VENV)"
    return 0
  fi
  python=$(synapse_python) || return 1
  want=$(made_from "$python" "$SYNAPSE_RECIPE/requirements.txt")
  if made_current "$SYNAPSE_VENV" "$want"; then
    say "  Synapse virtual environment: $(synapse_version) is there"
    return 0
  fi
  say "  Synapse virtual environment: installing $(synapse_version) …"
  rm -rf "$SYNAPSE_VENV"
  quietly "$CACHE/log/synapse-venv.log" "$python" -m venv "$SYNAPSE_VENV" &&
    quietly "$CACHE/log/synapse-venv.log" "$SYNAPSE_VENV/bin/pip" install --disable-pip-version-check \
      --requirement "$SYNAPSE_RECIPE/requirements.txt" &&
    made_done "$SYNAPSE_VENV" "$want"
}

# synapse_python: prints a Python that can make virtual environments; installs what Debian keeps in a package of its own.
synapse_python() {
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    debian_install python3 python3-venv ||
      { say "  Python 3 with its module venv is missing: install it (Debian: python3-venv)"; return 1; }
  fi
  command -v python3
}

# synapse_image: makes sure of the image. It is built anew when its recipe changes.
synapse_image() {
  local tag recipe started=$SECONDS
  tag=$(synapse_tag)
  recipe=$(synapse_recipe_hash)
  if [[ $(synapse_label "$tag") == "$recipe" ]]; then
    say "  Synapse image: $tag is there"
    return 0
  fi
  say "  Synapse image: building $tag …"
  local base
  base=$(synapse_base) && synapse_wheels && synapse_build "$tag" "$recipe" "$base" || return 1
  say "  Synapse image: built in $(duration $((SECONDS - started)))"
}

# synapse_recipe_hash: prints a hash of everything that the image is made of.
synapse_recipe_hash() {
  cat "$SYNAPSE_RECIPE/Containerfile" "$SYNAPSE_RECIPE/requirements.txt" <(synapse_base_tag) | sha256sum | cut -c 1-16
}

# synapse_label IMAGE: prints the hash of the recipe that a local image was built by; nothing when there is no such image.
synapse_label() {
  docker image inspect --format '{{index .Config.Labels "knockproof.recipe"}}' "$1" 2>/dev/null || true
}

# synapse_base_tag: prints the base image's name, which tells its ingredients.
synapse_base_tag() {
  printf 'knockproof/base:%s-%s\n' "$SYNAPSE_SUITE" "$(sha256sum <<<"$SYNAPSE_BASE_PACKAGES" | cut -c 1-12)"
}

# synapse_base: makes sure of the base image and prints its name.
synapse_base() {
  local tag tree
  tag=$(synapse_base_tag)
  if ! docker image inspect "$tag" >/dev/null 2>&1; then
    command -v debootstrap >/dev/null || debian_install debootstrap ||
      { say "  no debootstrap, so no base image"; return 1; }
    [[ $(id -u) == 0 ]] || { say "  debootstrap needs root, so no base image"; return 1; }
    say "    base: debootstrap $SYNAPSE_SUITE …"
    # Outside the work tree: a folder full of another system's files there would be walked by every tool.
    tree=$(mktemp -d /tmp/knockproof-base.XXXXXX)
    synapse_bootstrap "$tag" "$tree"
    local code=$?
    rm -rf --one-file-system "$tree"
    ((code == 0)) || return 1
  fi
  printf '%s\n' "$tag"
}

# synapse_bootstrap TAG TREE: fills TREE with a small Debian and imports it as an image.
synapse_bootstrap() {
  local mirror
  mirror=$(debian_mirror)
  # The mirror goes without quotes: where this machine knows none, debootstrap takes its own default.
  # shellcheck disable=SC2086
  quietly "$CACHE/log/debootstrap.log" debootstrap --variant=minbase --include="$SYNAPSE_BASE_PACKAGES" \
    "$SYNAPSE_SUITE" "$2" $mirror || return 1
  tar --create --directory "$2" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists --exclude=./usr/share/doc \
    --exclude=./usr/share/man --exclude=./usr/share/locale --exclude=./dev . |
    docker import --message "debootstrap $SYNAPSE_SUITE" - "$1" >/dev/null
}

# synapse_wheels: fetches the packages on this machine, for the image's Python: a container may have no network, or none it trusts.
synapse_wheels() {
  local wheels=$CACHE/synapse-wheels want platforms=() minor
  want=$(sha256sum <"$SYNAPSE_RECIPE/requirements.txt")
  if made_current "$wheels" "$want"; then return 0; fi
  say "    packages: pip download …"
  synapse_venv 2>/dev/null || return 1
  # A tag of the family names the oldest glibc it runs on; bookworm's is 2.36.
  for minor in $(seq 5 36); do
    platforms+=(--platform "manylinux_2_${minor}_$(uname -m)")
  done
  rm -rf "$wheels"
  mkdir -p "$wheels"
  # --no-deps: the pins are complete (pip check in the image says so), and markers would be judged by this machine's Python.
  quietly "$CACHE/log/synapse-wheels.log" "$SYNAPSE_VENV/bin/python" -m pip download --disable-pip-version-check \
    --no-deps --only-binary=:all: --implementation cp --python-version "$SYNAPSE_PYTHON" \
    --platform "manylinux2014_$(uname -m)" "${platforms[@]}" \
    --dest "$wheels" --requirement "$SYNAPSE_RECIPE/requirements.txt" || return 1
  made_done "$wheels" "$want"
}

# synapse_build TAG RECIPE BASE: the image itself, from a context of nothing but the recipe and the wheels.
synapse_build() {
  local context=$CACHE/synapse-context
  say "    image: docker build …"
  rm -rf "$context"
  mkdir -p "$context"
  cp "$SYNAPSE_RECIPE/Containerfile" "$SYNAPSE_RECIPE/requirements.txt" "$context/"
  cp --recursive --link "$CACHE/synapse-wheels" "$context/wheels"
  quietly "$CACHE/log/synapse-image.log" docker build --network none --build-arg "BASE=$3" \
    --label "knockproof.recipe=$2" --tag "$1" --file "$context/Containerfile" "$context" || return 1
  rm -rf "$context"
  # The stage with the wheels and an image of an older recipe have no name any more.
  docker image prune --force --filter label=knockproof.stage >/dev/null
  docker image prune --force --filter label=knockproof.recipe >/dev/null
}
