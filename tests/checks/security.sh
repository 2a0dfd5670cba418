#!/usr/bin/env bash
# security.sh TREE: every test that a table of docs/SECURITY.md names, `in backquotes` in the last column, is there.
set -euo pipefail
cd "${1:?usage: security.sh TREE}"

# shellcheck disable=SC2016  # the backquotes are Markdown's
named_tests() {
  awk -F' [|] | [|]$' '/^[|]/ && NF > 2 {print $(NF - 1)}' docs/SECURITY.md |
    { grep -oE '`[^`]+: [^`]+`' || true; } | tr -d '`' | sort -u
}

bad=0
while IFS= read -r name; do
  grep -rqF --include='*.cpp' -e "TEST_CASE(\"$name\"" tests 2>/dev/null && continue
  printf 'docs/SECURITY.md: no test is named "%s"\n' "$name" >&2
  bad=1
done < <(named_tests)
exit $bad
