# shellcheck shell=bash
# Folders that are made once and kept: a stamp in each says what it was made of, so that it is made anew when that changes.

# made_current FOLDER WANT: whether the folder was made of just this.
made_current() {
  [[ -f $1/.made-of && $(<"$1/.made-of") == "$2" ]]
}

# made_done FOLDER WANT: the folder is whole. Said last: one that was broken off has no stamp.
made_done() {
  printf '%s' "$2" >"$1/.made-of"
}

# made_from PROGRAM FILE: prints what a folder is made of that a program of some version makes from a file of pins.
made_from() {
  printf '%s-%s\n' "$("$1" --version)" "$(sha256sum <"$2" | cut -c 1-16)"
}
