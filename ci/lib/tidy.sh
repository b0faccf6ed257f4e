# shellcheck shell=bash
# The checks of ci/tidy. Each prints what it found as `FILE:LINE: …`, nothing when all is well. They run in the repository's root.
#
# A pattern that would find itself here has one of its letters in brackets.

TIDY_CHECKS=(secrets paths registries ignored_tests unfinished_code allowed_lints long_files inner_modules strangers layers
  manifest_dirs module_files lock_file untold_dependencies gone_dependencies shell workflows)
TIDY_MAX_LINES=500

# tidy_all ROOT: runs every check; fails when one found something.
tidy_all() {
  local check found failed=0
  cd "$1" || return
  for check in "${TIDY_CHECKS[@]}"; do
    found=$("tidy_$check" 2>&1) || found="${found:-the check itself failed}"
    if [[ -n $found ]]; then
      failed=$((failed + 1))
      printf 'tidy: %s\n  %s\n' "$(tidy_rule "$check")" "${found//$'\n'/$'\n'  }"
    fi
  done
  command -v shellcheck >/dev/null || echo 'tidy: there is no shellcheck: shell scripts were parsed, and no more'
  printf 'tidy: %d checks, %d found something\n' "${#TIDY_CHECKS[@]}" "$failed"
  ((failed == 0))
}

# tidy_rule CHECK: prints what the check wants, in one line.
tidy_rule() {
  case $1 in
  secrets) echo 'nothing that looks like a living secret is committed' ;;
  paths) echo 'no path of somebody'\''s machine is written down' ;;
  registries) echo 'packages are named, never the hosts they come from' ;;
  ignored_tests) echo 'an ignored test says why: #[ignore = "…"]' ;;
  unfinished_code) echo 'no unfinished code' ;;
  allowed_lints) echo 'a lint is lifted by #[expect(…, reason = "…")], never by #[allow(…)]' ;;
  long_files) echo "no source file has more than $TIDY_MAX_LINES lines" ;;
  inner_modules) echo 'a module keeps its inside to itself: re-export the item in mod.rs instead of opening a module to siblings' ;;
  strangers) echo 'harness knows no bot: what it has to know of one stands in a contract' ;;
  layers) echo 'scenarios → harness → fixtures, knock-approver → session-keeper, and nothing links a bot' ;;
  manifest_dirs) echo 'a program that was installed has no source beside it: what only the source tree has is for tests alone' ;;
  module_files) echo 'a module with children is NAME/mod.rs, not NAME.rs beside NAME/' ;;
  lock_file) echo 'Cargo.lock fits the manifests' ;;
  untold_dependencies) echo 'each dependency has a line in ARCHITECTURE.md that says what it is for' ;;
  gone_dependencies) echo 'ARCHITECTURE.md tells of no dependency that is gone' ;;
  shell) echo 'shell scripts stop at the first error and parse' ;;
  workflows) echo 'an activated workflow is the one in ci/github/' ;;
  esac
}

# tidy_files [PATTERN…]: prints the repository's own text files, committed or about to be.
tidy_files() {
  # What a tool wrote is judged by that tool; recorded answers of servers are evidence and stay as they are.
  git ls-files --cached --others --exclude-standard --deduplicate -- "${@:-*}" \
    ':!Cargo.lock' ':!*.snap' ':!LICENSE-*' ':!fixtures/*/transcripts/*' ':!fixtures/transcripts/*' |
    while IFS= read -r file; do
      if [[ -f $file && ! -L $file ]]; then printf '%s\0' "$file"; fi
    done
}

# tidy_grep REGEX [PATTERN…]: prints the matching lines of those files; finding none is no error.
tidy_grep() {
  local regex=$1
  shift
  tidy_files "$@" | xargs -0 --no-run-if-empty grep -nIHE -e "$regex" || (($? == 123))
}

tidy_secrets() {
  # Private keys; tokens of code forges, clouds and chat services; access tokens as Synapse makes them.
  tidy_grep '[-]----BEGIN [A-Z ]*PRIVATE KEY|[g]h[pousr]_[A-Za-z0-9]{36}|[g]lpat-[A-Za-z0-9_-]{20}|[A]KIA[0-9A-Z]{16}|[x]ox[abprs]-[0-9A-Za-z-]{20}|[s]yt_[A-Za-z0-9_]+_[A-Za-z]{20}_[A-Za-z0-9]{6}'
}

tidy_paths() {
  tidy_grep '(^|[^A-Za-z0-9._/*-])/(s[r]v|w[o]rk|r[o]ot|h[o]me/[a-z]+|U[s]ers/[A-Za-z]+)/[A-Za-z0-9._-]'
}

tidy_registries() {
  tidy_grep '[c]rates\.io/|(i[n]dex|s[t]atic)\.crates\.io|p[y]pi\.org|p[y]thonhosted|registry\.n[p]mjs|d[e]b\.debian\.org|snapshot\.d[e]bian|p[k]g\.dev|a[r]tifactory'
}

tidy_ignored_tests() {
  tidy_grep '#\[[i]gnore\]' '*.rs'
}

tidy_unfinished_code() {
  tidy_grep '\<(t[o]do|u[n]implemented|d[b]g)!\(|\<(F[I]XME|T[O]DO|X[X]X)\>' '*.rs' '*.sh' '*.toml' '*.yml' 'ci/*'
}

tidy_allowed_lints() {
  tidy_grep '#!?\[a[l]low\(' '*.rs'
}

tidy_long_files() {
  tidy_files '*.rs' '*.sh' '*.py' '*.toml' '*.yml' '*.html' 'ci/*' |
    xargs -0 --no-run-if-empty awk -v max="$TIDY_MAX_LINES" \
      'FNR == max + 1 { printf "%s:%d: longer than %d lines\n", FILENAME, FNR, max }'
}

tidy_inner_modules() {
  # What is private in a module its siblings cannot reach: the compiler sees to that. This is the way around it; a module that
  # mod.rs opens to the whole crate is said openly, and allowed.
  tidy_grep '^\s*p[u]b\((super|in [a-z:]+)\) mod\>' '*.rs'
}

tidy_layers() {
  local bots='knock-approver|session-keeper'
  tidy_forbid bots/knock-approver 'harness|scenarios|knockproof.*'
  tidy_forbid bots/session-keeper 'harness|scenarios|knockproof.*|knock-approver'
  tidy_forbid fixtures/homeserver "harness|scenarios|knockproof.*|$bots"
  tidy_forbid fixtures/wikipedia "harness|scenarios|knockproof.*|$bots"
  tidy_forbid harness "scenarios|knockproof|$bots"
  tidy_forbid scenarios "$bots"
}

# To knock is a verb of rooms too, which clients and homeservers know.
tidy_strangers() {
  tidy_grep 's[h]ape_rotator|a[p]prover|k[n]ock(-a|_a|_code|s code)|h[a]iku|l[o]bby|v[e]tting|s[i]gnup/api|j[o]in/api|[Ww]i[k]ipedia|s[p]ace_child' 'harness/src/*.rs'
}

# tidy_forbid CRATE NAMES: prints the lines of a manifest that name a crate of the workspace it must not know.
tidy_forbid() {
  [[ ! -f $1/Cargo.toml ]] || grep -nHE "^($2)[. =]" "$1/Cargo.toml" || (($? == 1))
}

# Not in tests, which stand in src/ behind the code that they test.
tidy_manifest_dirs() {
  # shellcheck disable=SC2016 # awk's own $0
  tidy_files '*/src/*.rs' | xargs -0 --no-run-if-empty awk \
    'FNR == 1 { tests = 0 } /#\[cfg\(test\)\]/ { tests = 1 }
     !tests && /e[n]v!\("CARGO_MANIFEST_DIR"\)/ { printf "%s:%d: %s\n", FILENAME, FNR, $0 }'
}

tidy_module_files() {
  tidy_files '*/src/*.rs' | while IFS= read -r -d '' file; do
    if [[ -d ${file%.rs} && $(basename "$(dirname "$file")") != bin ]]; then echo "$file:1: move it to ${file%.rs}/mod.rs"; fi
  done
}

tidy_lock_file() {
  [[ -f Cargo.toml ]] || return 0
  # Silent when it succeeds; otherwise cargo's own words.
  cargo metadata --locked --format-version 1 2>&1 >/dev/null | grep -v '^ *\(Updating\|Downloading\|Downloaded\|Blocking\) ' || (($? == 1))
}

# Whoever adds a dependency says what for, where others look before they add one more.
tidy_untold_dependencies() {
  local name
  LC_ALL=C comm -23 <(tidy_dependencies) <(tidy_told_dependencies) | while IFS= read -r name; do
    echo "Cargo.toml:1: ARCHITECTURE.md, \"Dependencies\", has no line for $name"
  done
}

tidy_gone_dependencies() {
  local name
  LC_ALL=C comm -13 <(tidy_dependencies) <(tidy_told_dependencies) | while IFS= read -r name; do
    echo "ARCHITECTURE.md:1: \"Dependencies\" tells of $name, which Cargo.toml does not name"
  done
}

# tidy_dependencies: prints the names in [workspace.dependencies], sorted; the workspace's own crates stand in the map instead.
tidy_dependencies() {
  # shellcheck disable=SC2016 # awk's own $0
  [[ ! -f Cargo.toml ]] || awk '/^\[/ { inside = $0 == "[workspace.dependencies]"; next } inside && !/[{, ]path = /' Cargo.toml |
    sed -nE 's/^([A-Za-z0-9_-]+)( =|\.).*/\1/p' | LC_ALL=C sort -u
}

# tidy_told_dependencies: prints the names that ARCHITECTURE.md says something of below the heading "Dependencies", sorted.
tidy_told_dependencies() {
  # shellcheck disable=SC2016 # awk's own $0, and Markdown's backticks
  [[ ! -f ARCHITECTURE.md ]] || awk '/^## / { inside = $0 == "## Dependencies" } inside' ARCHITECTURE.md |
    sed -nE 's/^\| `([A-Za-z0-9_-]+)` \| [^ |].* \|$/\1/p' | LC_ALL=C sort -u
}

tidy_shell() {
  local file
  tidy_files | while IFS= read -r -d '' file; do
    [[ $file == *.sh || $(head -c 64 "$file" | head -n 1 | tr -d '\0') == '#!'*sh ]] || continue
    bash -n "$file" 2>&1 || true
    # A library in ci/lib is sourced by scripts that have said it.
    if [[ $file != ci/lib/* ]] && ! grep -qE '^(set -euo pipefail|source .*/lib/all\.sh")' "$file"; then
      echo "$file:1: no 'set -euo pipefail'"
    fi
  done
  if command -v shellcheck >/dev/null; then
    tidy_files 'ci/*' '.ci/*' | xargs -0 --no-run-if-empty grep -lE '^#!.*bash|^# shellcheck shell=bash' |
      xargs --no-run-if-empty shellcheck --external-sources --format=gcc || true
  fi
}

tidy_workflows() {
  local file
  for file in .github/workflows/*.yml; do
    if [[ -f $file ]] && ! cmp -s "$file" "ci/github/$(basename "$file")"; then
      echo "$file:1: differs from ci/github/$(basename "$file"): copy it anew"
    fi
  done
}

# tidy_prove: every check finds what it is there for, and finds nothing in a repository without it.
tidy_prove() {
  local check scratch proved=0
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder's name of now
  trap "rm -rf '$scratch'" EXIT
  git init --quiet "$scratch"
  cd "$scratch" || return
  for check in "${TIDY_CHECKS[@]}"; do
    tidy_clean_repository
    [[ -z $("tidy_$check" 2>&1) ]] || { echo "tidy: $check cries without a reason: $("tidy_$check" 2>&1)"; return 1; }
    tidy_plant "$check"
    [[ -n $("tidy_$check" 2>&1) ]] || { echo "tidy: $check does not find what was planted"; return 1; }
    proved=$((proved + 1))
  done
  echo "tidy: $proved checks find what they are there for"
}

# tidy_clean_repository: what is here becomes a small repository in which all is well.
tidy_clean_repository() {
  find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
  mkdir -p bots/session-keeper/src harness/src ci/github
  printf '[workspace]\nmembers = ["bots/session-keeper"]\nresolver = "3"\n\n[workspace.dependencies]\nserde = "1"\n' >Cargo.toml
  # shellcheck disable=SC2016 # Markdown's backticks
  printf '## Dependencies\n\n| crate | for |\n|---|---|\n| `serde` | what is read |\n' >ARCHITECTURE.md
  printf '[package]\nname = "session-keeper"\nversion = "0.1.0"\nedition = "2024"\n' >bots/session-keeper/Cargo.toml
  printf '//! A library.\n' >bots/session-keeper/src/lib.rs
  printf 'version = 4\n\n[[package]]\nname = "session-keeper"\nversion = "0.1.0"\n' >Cargo.lock
  printf '#!/usr/bin/env bash\nset -euo pipefail\ntrue\n' >ci/test
  printf 'on: push\n' >ci/github/test.yml
}

# tidy_plant CHECK: breaks the rule of one check.
tidy_plant() {
  # Put together from halves, so that the checks do not find them in this file.
  # shellcheck disable=SC2016 # Markdown's backticks
  case $1 in
  secrets) printf -- '-----%s RSA PRIVATE KEY-----\n' BEGIN >bots/key.pem ;;
  paths) printf '// see /%s/main/notes\n' work >>bots/session-keeper/src/lib.rs ;;
  registries) printf 'pip install --index-url https://pypi.%s/simple x\n' org >>ci/test ;;
  ignored_tests) printf '#[%s]\nfn slow() {}\n' ignore >>bots/session-keeper/src/lib.rs ;;
  unfinished_code) printf 'fn later() { %s!() }\n' todo >>bots/session-keeper/src/lib.rs ;;
  allowed_lints) printf '#[%s(dead_code)]\nfn unused() {}\n' allow >>bots/session-keeper/src/lib.rs ;;
  long_files) seq --format '// %g' $((TIDY_MAX_LINES + 1)) >>bots/session-keeper/src/lib.rs ;;
  inner_modules) printf 'pub(super) %s inside;\n' mod >>bots/session-keeper/src/lib.rs ;;
  strangers) printf '// the %s room\n' lob'by' >harness/src/lib.rs ;;
  layers) printf '\n[dependencies]\nharness.workspace = true\n' >>bots/session-keeper/Cargo.toml ;;
  manifest_dirs) printf 'pub fn source() -> &%sstatic str { env!("CARGO_MANIFEST_%s") }\n' "'" DIR >>bots/session-keeper/src/lib.rs ;;
  module_files) mkdir bots/session-keeper/src/session && touch bots/session-keeper/src/session.rs bots/session-keeper/src/session/store.rs ;;
  lock_file) sed -i 's/0\.1\.0/0.2.0/' bots/session-keeper/Cargo.toml ;;
  untold_dependencies) printf 'toml = { version = "1" }\n' >>Cargo.toml ;;
  gone_dependencies) printf '| `toml` | what is gone |\n' >>ARCHITECTURE.md ;;
  shell) printf '#!/usr/bin/env bash\nif true; then\n' >ci/test ;;
  workflows) mkdir -p .github/workflows && printf 'on: pull_request\n' >.github/workflows/test.yml ;;
  esac
}
