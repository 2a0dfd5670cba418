#!/usr/bin/env bash
# run.sh SOURCE-TREE INCLUDE COMPILER...: compiles agent_forms.cpp with each compiler at -O0 and -O2 under the address
# sanitizer and runs it; then sees that what must not compile does not, and that the message says what to do.
set -euo pipefail
tree=$1 include=$2
shift 2
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
sources=("$tree/tests/forms/agent_forms.cpp" "$tree/actors/agent/wait.cpp")

for compiler in "$@"; do
  for level in -O0 -O2; do
    "$compiler" -std=c++20 "$level" -g0 -Wall -Wextra -Werror -fsanitize=address -I "$include" "${sources[@]}" \
      "$tree/codec/error.cpp" -o "$made/forms" -lfmt
    printf '%s %s: ' "$(basename "$compiler")" "$level"
    "$made/forms" 2> "$made/findings" || { head -n 40 "$made/findings"; exit 1; }
  done
  for refused in 1 2 3; do
    if said=$("$compiler" -std=c++20 -fsyntax-only -DREFUSED=$refused -I "$include" "${sources[0]}" 2>&1); then
      printf '%s compiled what must be refused, number %d\n' "$compiler" "$refused"
      exit 1
    fi
    [[ $refused == 3 || $said == *'a constructor'* ]] || { printf '%s\n' "$said"; exit 1; }
  done
done
