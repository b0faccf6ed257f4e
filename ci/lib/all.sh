# shellcheck shell=bash
# What every script of the gate starts with.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
# What is made once and kept: logs, the virtual environment, wheels. Below target/, so that `cargo clean` clears it.
CACHE=$ROOT/target/knockproof
# Marks everything that this run makes, so that what is left can be found.
RUN_ID=gate-$(date +%s)-$$
# Seconds after which nothing new is begun; what runs then is ended.
BUDGET=${KNOCKPROOF_BUDGET:-5100}
# What names, codes and passwords are drawn from: another one for every run, for what holds with one seed alone does not hold.
SEED=${KNOCKPROOF_SEED:-$((RANDOM * 32768 + RANDOM))}
export ROOT TARGET CACHE RUN_ID BUDGET SEED
# A gate builds once: what would make its next build shorter only costs time and disk.
if [[ ${CI:-} == true ]]; then export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}; fi
# What cargo prints goes through a pipe into a log; whether that may have colours depends on where this script's own output goes.
if [[ -z ${CARGO_TERM_COLOR:-} ]]; then
  if [[ -t 1 ]]; then export CARGO_TERM_COLOR=always; else export CARGO_TERM_COLOR=never; fi
fi

for noun in say made debian nextest engine synapse clients node browser image sweep bot need phase report; do
  # shellcheck source=/dev/null
  source "$ROOT/ci/lib/$noun.sh"
done
