#!/usr/bin/env bash
# run.sh PROGRAM EXPECTED: runs an example, which must end with 0 and, where the file EXPECTED is there, print just that.
set -euo pipefail
printed=$("$1")
if [[ -f $2 ]]; then
  diff -u "$2" <(printf '%s\n' "$printed")
else
  printf '%s\n' "$printed"
fi
