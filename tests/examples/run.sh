#!/usr/bin/env bash
# run.sh PROGRAM SOURCE: runs an example, which must end with 0, print what the comment at the beginning of its source
# says under "Prints:", and be no longer than 80 lines.
set -euo pipefail
program=$1 source=$2
lines=$(wc -l <"$source")
((lines <= 80)) || { printf '%s has %d lines; an example has 80 at most\n' "$source" "$lines"; exit 1; }
expected=$(sed -n '/^\/\/ .*Prints:$/,/^#include/{ s/^\/\/   //p }' "$source")
[[ -n $expected ]] || { printf '%s does not say what it prints\n' "$source"; exit 1; }
printed=$("$program")
diff -u <(printf '%s\n' "$expected") <(printf '%s\n' "$printed")
