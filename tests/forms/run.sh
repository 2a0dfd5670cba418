#!/usr/bin/env bash
# run.sh SOURCE-TREE INCLUDE COMPILER...: compiles agent_forms.cpp with each compiler at -O0 and -O2 under the address
# sanitizer and runs it; then sees that what must not compile does not, and that the message says what to do. A compiler
# that is not installed is skipped, and said to be, as long as there is another one.
set -euo pipefail
tree=$1 include=$2
shift 2
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
sources=("$tree/tests/forms/agent_forms.cpp" "$tree/actors/agent/wait.cpp" "$tree/codec/error.cpp")

try() { # try COMPILER
  local level number said
  for level in -O0 -O2; do
    "$1" -std=c++20 "$level" -g0 -Wall -Wextra -Werror -fsanitize=address -I "$include" "${sources[@]}" \
      -o "$made/forms" -lfmt
    printf '%s %s: ' "$(basename "$1")" "$level"
    "$made/forms" 2> "$made/findings" || { head -n 40 "$made/findings"; exit 1; }
  done
  for number in 1 2 3; do
    if said=$("$1" -std=c++20 -fsyntax-only -DREFUSED=$number -I "$include" "${sources[0]}" 2>&1); then
      printf '%s compiled what must be refused, number %d\n' "$1" "$number"
      exit 1
    fi
    [[ $number == 3 || $said == *'a constructor'* ]] || { printf '%s\n' "$said"; exit 1; }
  done
}

# g++ 12 awaits it whatever stands before it.
if grep -rnE '(while|for) *\(.*(&&|\|\|).*co_await' "$tree"/{actors,cli,examples,tests} --include='*.[ch]pp'; then
  printf 'no co_await behind && or || in the condition of a loop: docs/AGENTS.md\n'
  exit 1
fi

tried=0
for compiler in "$@"; do
  if command -v "$compiler" >/dev/null; then
    try "$compiler"
    tried=$((tried + 1))
  else
    printf '%s is not installed: skipped\n' "$compiler"
  fi
done
((tried > 0)) || { printf 'no compiler to try the forms with\n'; exit 1; }
