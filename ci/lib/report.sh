# shellcheck shell=bash
# What the run ends with: a table of what ran where, and the sum.

# report: prints the table; fails when something failed or no phase passed.
report() {
  local i ran=0 passed=0 failed=0 skipped=0
  heading 'What ran where'
  {
    printf '%s|' phase homeserver result passed failed 'not run' time why
    printf '\n'
    for i in "${!PHASE_NAME[@]}"; do
      [[ ${PHASE_VERDICT[i]} != 'not asked for' ]] || continue
      : "${PHASE_VERDICT[i]:=not reached}"
      report_row "$i"
      passed=$((passed + PHASE_PASSED[i]))
      failed=$((failed + PHASE_FAILED[i]))
      skipped=$((skipped + PHASE_SKIPPED[i]))
      # A check counts when it fails, so that the sum of a red run is never all green.
      if [[ ${PHASE_KIND[i]} == check && ${PHASE_VERDICT[i]} == failed ]]; then failed=$((failed + 1)); fi
      case ${PHASE_VERDICT[i]} in interrupted | 'not reached') failed=$((failed + 1)) ;; passed) ran=$((ran + 1)) ;; esac
    done
    REPORT_SUM="$passed passed, $failed failed, $skipped skipped"
    REPORT_FAILED=$failed REPORT_RAN=$ran
  } > >(column -t -s '|' >&2)
  # The table is written by another process; wait for it, so that the sum is really the last line.
  wait $!
  report_failures
  say ''
  say "$(duration "$SECONDS") in all, seed $SEED"
  printf '%s\n' "$REPORT_SUM"
  ((REPORT_FAILED == 0 && REPORT_RAN > 0))
}

# report_row I: one line of the table.
report_row() {
  local tests=('' '' '')
  [[ ${PHASE_KIND[$1]} == check ]] || tests=("${PHASE_PASSED[$1]}" "${PHASE_FAILED[$1]}" "${PHASE_SKIPPED[$1]}")
  printf '%s|' "${PHASE_NAME[$1]}" "${PHASE_WHERE[$1]}" "${PHASE_VERDICT[$1]}" "${tests[@]/#/ }" \
    "$(duration "${PHASE_TIME[$1]}")" "${PHASE_WHY[$1]:- }"
  printf '\n'
}

# report_failures: says what failed and where to look. Whoever sees only the end of a long output learns it here.
report_failures() {
  local i culprits reasons
  for i in "${!PHASE_NAME[@]}"; do
    [[ ${PHASE_VERDICT[i]} == failed ]] || continue
    say "failed: ${PHASE_NAME[i]}${PHASE_WHY[i]:+ (${PHASE_WHY[i]})}; its output: $(phase_log "$i")"
    culprits=$(report_culprits "$i")
    [[ -z $culprits ]] || say "$culprits"
    reasons=$(report_reasons "$i")
    [[ -z $reasons ]] || say "$reasons"
  done
  # Folders without a file are only where something would have been left.
  if [[ -n $(find "$CACHE/artifacts" -type f -print -quit 2>/dev/null) ]]; then say "what failing tests left: ${CACHE#"$ROOT/"}/artifacts"; fi
}

# report_culprits I: prints the tests and drills of a phase that did not pass, and what was left behind, twenty lines at most.
report_culprits() {
  [[ -f $(phase_log "$1") ]] || return 0
  {
    phase_text "$1" |
      grep -E '^ +(TRY [0-9]+ )?(FAIL|LEAK-FAIL|TIMEOUT|SIG[A-Z]+|ABORT|XFAIL|TERMINATING) |^(test .* \.\.\. FAILED$|error(\[|:))|^[a-z-]+/[a-z/-]+ .* (failed|could not run)$' |
      sed 's/^ */  /' | sort -u
    [[ -z ${PHASE_LEFT[$1]:-} ]] || printf '%s\n' "${PHASE_LEFT[$1]}" | sed 's/^/  left behind: /'
  } | head -n 20 || true
}

# report_reasons I: prints what the tests of a phase said when they failed, once each, twelve lines at most: what follows the heading of a
# failed test, and what follows a panic. Where the log is lost with the machine, nothing else says why.
report_reasons() {
  [[ -f $(phase_log "$1") ]] || return 0
  phase_text "$1" |
    awk '/^ *---- .* ----$/ || / panicked at / { wanted = 2 } !/^ *$/ && wanted-- > 0 && !seen[$0]++ { sub(/^ +/, ""); print "    " substr($0, 1, 300) }' |
    head -n 12 || true
}
