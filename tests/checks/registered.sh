#!/usr/bin/env bash
# registered.sh TREE LIST: every .cpp under TREE/tests stands in LIST (one path a line, from the top of the tree), which
# tests/CMakeLists.txt writes of what it builds. tests/install has projects of its own.
set -euo pipefail
list=$(realpath "${2:?usage: registered.sh TREE LIST}")
cd "$1"
forgotten=$(find tests -name '*.cpp' -not -path 'tests/install/*' | sort | grep -vxFf "$list" || true)
[[ -z $forgotten ]] && exit 0
printf '%s: no test program is built of it (see tests/CMakeLists.txt)\n' "$forgotten" >&2
exit 1
