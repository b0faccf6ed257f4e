# shellcheck shell=bash
# Phases: what is run, one after the other, whatever became of the ones before. A check is a command that succeeds or fails; a suite
# is a set of tests on one homeserver, and its tests are counted; a job is a run of `knockproof`, drills are several, and their drills are.

PHASE_KIND=() PHASE_NAME=() PHASE_NEEDS=() PHASE_WHERE=() PHASE_WHAT=()
# What became of each: passed, failed, not run; counts of tests; seconds; a word on why; what it left behind.
PHASE_VERDICT=() PHASE_PASSED=() PHASE_FAILED=() PHASE_SKIPPED=() PHASE_TIME=() PHASE_WHY=() PHASE_LEFT=()

# check, suite, job, drills NAME NEEDS HOMESERVER WHAT…: put a phase on the list.
check() { phase_add check "$@"; }
job() { phase_add job "$@"; }
drills() { phase_add drills "$@"; }
suite() { phase_add suite "$@"; }

phase_add() {
  PHASE_KIND+=("$1") PHASE_NAME+=("$2") PHASE_NEEDS+=("$3") PHASE_WHERE+=("$4")
  shift 4
  PHASE_WHAT+=("$*")
  PHASE_VERDICT+=('') PHASE_PASSED+=(0) PHASE_FAILED+=(0) PHASE_SKIPPED+=(0) PHASE_TIME+=(0) PHASE_WHY+=('')
}

# phase_choose PATTERN…: keeps only the phases that match; an unknown name is an error.
phase_choose() {
  local pattern i hit
  for i in "${!PHASE_NAME[@]}"; do
    for pattern in "$@"; do
      # shellcheck disable=SC2053 # a pattern on purpose
      [[ ${PHASE_NAME[i]} != $pattern ]] || continue 2
    done
    PHASE_VERDICT[i]='not asked for'
  done
  for pattern in "$@"; do
    hit=
    # shellcheck disable=SC2053
    for i in "${PHASE_NAME[@]}"; do [[ $i != $pattern ]] || hit=1; done
    [[ $hit ]] || fail "there is no phase '$pattern'; there are: ${PHASE_NAME[*]}"
  done
}

# phase_list: prints the phases, for people.
phase_list() {
  local i
  {
    printf '%s|' phase needs homeserver what
    printf '\n'
    # `|` is also part of a set of tests; the table's own separator must be another sign there.
    for i in "${!PHASE_NAME[@]}"; do
      printf '%s|%s|%s|%s\n' "${PHASE_NAME[i]}" "${PHASE_NEEDS[i]}" "${PHASE_WHERE[i]}" "${PHASE_WHAT[i]//|/or}"
    done
  } | column -t -s '|'
}

# phase_needs: prints what the chosen phases need, each once.
phase_needs() {
  local i
  for i in "${!PHASE_NAME[@]}"; do
    [[ -n ${PHASE_VERDICT[i]} ]] || tr ',' '\n' <<<"${PHASE_NEEDS[i]}"
  done | grep -vx -e - | sort -u || true
}

# phase_run I: runs one phase and notes what became of it.
phase_run() {
  local i=$1 started=$SECONDS why
  [[ -z ${PHASE_VERDICT[i]} ]] || return 0
  heading "${PHASE_NAME[i]} ($(duration "$SECONDS") so far)"
  why=$(phase_obstacle "$i")
  if [[ -n $why ]]; then
    phase_omit "$i" "$why"
  else
    # What it is called when it never comes back from here.
    PHASE_VERDICT[i]=interrupted
    if "phase_${PHASE_KIND[i]}" "$i"; then PHASE_VERDICT[i]=passed; else PHASE_VERDICT[i]=failed; fi
  fi
  PHASE_TIME[i]=$((SECONDS - started))
  say "-- ${PHASE_NAME[i]}: ${PHASE_VERDICT[i]}${PHASE_WHY[i]:+ (${PHASE_WHY[i]})} in $(duration "${PHASE_TIME[i]}")"
}

# phase_obstacle I: prints why the phase cannot run; nothing when it can.
phase_obstacle() {
  if [[ ${PHASE_KIND[$1]} != check && $(phase_verdict build) == failed ]]; then
    echo 'the workspace does not build'
    return 0
  fi
  # What is not on this machine is not missed for want of time.
  local why
  why=$(need_unmet "${PHASE_NEEDS[$1]}" "${PHASE_WHERE[$1]}")
  if [[ -n $why ]]; then
    echo "$why"
  elif ((SECONDS >= BUDGET)); then
    echo "out of time: $(duration "$BUDGET") are used up"
  fi
}

# phase_omit I WHY: a phase that cannot run. Its tests count as skipped. What is missing on this machine is no failure; what we broke is.
phase_omit() {
  PHASE_WHY[$1]=$2
  PHASE_VERDICT[$1]='not run'
  if [[ $(phase_verdict build) != failed ]]; then PHASE_SKIPPED[$1]=$(phase_size "$1"); fi
  if [[ $2 == 'out of time'* || ${KNOCKPROOF_STRICT:-} == 1 ]]; then
    PHASE_VERDICT[$1]=failed
    PHASE_FAILED[$1]=1
  fi
}

# phase_size I: prints how many tests a suite has.
phase_size() {
  [[ ${PHASE_KIND[$1]} == suite && ${PHASE_WHAT[$1]} != doc-tests ]] || { echo 0; return; }
  # Counted as on the embedded homeserver: asking for the one that is not there would be another try to pull it, per test binary.
  nextest_count embedded "${PHASE_WHAT[$1]}" --run-ignored all
}

# phase_verdict NAME: prints what became of a phase.
phase_verdict() {
  local i
  for i in "${!PHASE_NAME[@]}"; do
    [[ ${PHASE_NAME[i]} != "$1" ]] || echo "${PHASE_VERDICT[i]}"
  done
}

# phase_check I: a command, or a function check_NAME with that name.
phase_check() {
  local words
  read -ra words <<<"${PHASE_WHAT[$1]}"
  if declare -F "check_${words[0]}" >/dev/null; then words[0]=check_${words[0]}; fi
  phase_live "$1" "${words[@]}"
}

# phase_suite I: a set of tests.
phase_suite() {
  local i=$1 code=0 left
  if [[ ${PHASE_WHAT[i]} == doc-tests ]]; then
    phase_live "$i" cargo test --workspace --locked --doc || code=$?
    phase_count_doc_tests "$i"
  else
    phase_nextest "$i" || code=$?
    phase_count_nextest "$i"
  fi
  phase_left "$i" "$code"
}

# phase_job I: `knockproof` as a person runs it, with the bot that is built already, or one of a contract with the programs that it needs. It
# fails too when a branch of the healing code was missed.
phase_job() {
  local i=$1 code=0 more=()
  mapfile -t more < <(phase_homeserver "$i")
  [[ ${PHASE_WHAT[i]} == *--contract* ]] || more+=("KNOCKPROOF_BOT=$TARGET/debug/knock-approver")
  [[ ${PHASE_NEEDS[i]} != *clients-venv* ]] || more+=("PATH=$CLIENTS_VENV/bin:$PATH")
  # shellcheck disable=SC2086 # the words of a command line
  phase_live "$i" env "${more[@]}" "$TARGET/debug/knockproof" ${PHASE_WHAT[i]} --json "$CACHE/log/${PHASE_NAME[i]}.json" || code=$?
  phase_count_job "$i"
  phase_left "$i" "$code"
}

# phase_drills I: a command, or a function check_NAME with that name, that runs `knockproof` more than once. All its drills are counted.
phase_drills() {
  local i=$1 code=0
  phase_check "$i" || code=$?
  phase_count_job "$i"
  phase_left "$i" "$code"
}

# phase_left I CODE: fails a phase for its exit code, and for what it left behind.
phase_left() {
  local i=$1 code=$2 left
  left=$(sweep)
  if [[ -n $left ]]; then
    code=1
    PHASE_WHY[i]="left behind and swept: $(grep -c . <<<"$left")"
    # shellcheck disable=SC2034 # the report reads it
    PHASE_LEFT[i]=$left
    say "left behind by ${PHASE_NAME[i]}:"
    say "$left"
  fi
  if ((code != 0 && PHASE_FAILED[i] == 0)); then
    PHASE_FAILED[i]=1
    PHASE_WHY[i]=${PHASE_WHY[i]:-exit code $code}
  fi
  return "$code"
}

# phase_homeserver I: prints the variables that everything in a phase gets, one a line. The homeserver is chosen here, once: the processes
# of the phase find the very image named, and none of them looks for another or pulls.
phase_homeserver() {
  local i=$1 wish=${PHASE_WHERE[$1]}
  [[ $wish == - ]] || echo "KNOCKPROOF_HOMESERVER=$wish"
  if [[ $wish == *-container ]]; then echo "KNOCKPROOF_IMAGE=$(image_chosen "$wish")"; fi
  printf '%s\n' "KNOCKPROOF_RUN_ID=$RUN_ID" "KNOCKPROOF_SEED=$SEED" "KNOCKPROOF_SYNAPSE_VENV=$SYNAPSE_VENV" \
    "KNOCKPROOF_ARTIFACTS=$CACHE/artifacts/${PHASE_NAME[i]}"
}

# phase_nextest I: the tests of a suite, with the homeserver and the folder for what failing tests leave.
phase_nextest() {
  local i=$1 code=0 profile=ci homeserver=()
  case ${PHASE_WHERE[i]} in *-process) profile=ci-processes ;; embedded) profile=ci-embedded ;; esac
  mapfile -t homeserver < <(phase_homeserver "$i")
  phase_live "$i" env "${homeserver[@]}" \
    cargo nextest run --workspace --locked --profile "$profile" --no-fail-fast -E "${PHASE_WHAT[i]}" || code=$?
  mkdir -p "$CACHE/junit"
  [[ ! -f $TARGET/nextest/$profile/junit.xml ]] || mv "$TARGET/nextest/$profile/junit.xml" "$CACHE/junit/${PHASE_NAME[i]}.xml"
  return "$code"
}

# phase_live I COMMAND…: runs a command within the time that is left, shown as it goes and kept in the phase's log.
#
# It runs as a job of its own, out of reach of the terminal's Ctrl-C, and we wait for it: so a signal reaches this script at once, and
# phase_interrupt passes it on once. The runner takes a second one as the wish to kill its tests instead of ending them.
phase_live() {
  local i=$1 code=0 limit=() show screen
  shift
  exec {screen}> >(exec tee --ignore-interrupts "$(phase_log "$i")")
  show=$!
  set -m
  if declare -F "$1" >/dev/null; then
    "$@" </dev/null >&"$screen" 2>&1 &
    PHASE_JOB=-$!
  else
    limit=(timeout --foreground --kill-after=60 $((BUDGET - SECONDS > 60 ? BUDGET - SECONDS : 60)))
    "${limit[@]}" "$@" </dev/null >&"$screen" 2>&1 &
    PHASE_JOB=$!
  fi
  set +m
  exec {screen}>&-
  wait "${PHASE_JOB#-}" || code=$?
  PHASE_JOB=
  # The log is complete when its writer has seen the end.
  wait "$show" || true
  return "$code"
}

# phase_interrupt: ends the running command and waits until it has cleaned up.
PHASE_JOB=
phase_interrupt() {
  [[ -n $PHASE_JOB ]] || return 0
  say 'ending what runs …'
  kill -TERM -- "$PHASE_JOB" 2>/dev/null || true
  wait "${PHASE_JOB#-}" || true
}

# phase_text I: prints the phase's log without colours.
phase_text() {
  sed 's/\x1b\[[0-9;]*m//g' "$(phase_log "$1")"
}

phase_log() {
  echo "$CACHE/log/phase-${PHASE_NAME[$1]}.log"
}

# phase_count_nextest I: reads the runner's last line: `Summary [ 1.2s] 7 tests run: 5 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
# Its skipped ones are the tests that other phases run; ours are the ignored ones.
phase_count_nextest() {
  local line all
  line=$(phase_text "$1" | grep -E '^ +Summary \[' | tail -n 1 || true)
  PHASE_PASSED[$1]=$(phase_number 'passed' "$line")
  PHASE_FAILED[$1]=$(($(phase_number 'failed' "$line") + $(phase_number 'timed out' "$line") + $(phase_number 'exec failed' "$line")))
  # A test that an interrupted or too long run never came to has not passed.
  all=$(sed -nE 's/.*\] +([0-9]+\/)?([0-9]+) tests? run:.*/\2/p' <<<"$line")
  PHASE_SKIPPED[$1]=$((${all:-0} - PHASE_PASSED[$1] - PHASE_FAILED[$1] + $(nextest_count "${PHASE_WHERE[$1]/#-/embedded}" "${PHASE_WHAT[$1]}" --run-ignored only)))
}

# phase_count_job I: adds up the last lines of `knockproof drill`: `108 passed, 0 failed, 3 not run in 52 s …`.
phase_count_job() {
  read -r "PHASE_PASSED[$1]" "PHASE_FAILED[$1]" "PHASE_SKIPPED[$1]" < <(
    grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ not run in ' "$(phase_log "$1")" |
      awk '{ p += $1; f += $3; n += $5 } END { print p + 0, f + 0, n + 0 }'
  )
}

# phase_number WORD LINE: prints the number before a word; 0 when it is not there.
phase_number() {
  local number
  number=$(grep -oE "[0-9]+ $1" <<<"$2" | head -n 1 | grep -oE '^[0-9]+' || true)
  echo "${number:-0}"
}

# phase_count_doc_tests I: adds up cargo's lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
phase_count_doc_tests() {
  read -r "PHASE_PASSED[$1]" "PHASE_FAILED[$1]" "PHASE_SKIPPED[$1]" < <(
    sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored.*/\1 \2 \3/p' "$(phase_log "$1")" |
      awk '{ p += $1; f += $2; i += $3 } END { print p + 0, f + 0, i + 0 }'
  )
}
