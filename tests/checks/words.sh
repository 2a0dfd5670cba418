#!/usr/bin/env bash
# words.sh TREE: what must stand nowhere in the project. Prints FILE:LINE: TEXT.
set -euo pipefail
cd "${1:?usage: words.sh TREE}"

bad=0
refuse() { # refuse WHY PATTERN FOLDER-TO-SKIP...
  local why=$1 pattern=$2 skip=()
  for folder in .git build .cache node_modules "${@:3}"; do skip+=("--exclude-dir=$folder"); done
  if grep -rInE "${skip[@]}" -e "$pattern" .; then
    printf 'refused: %s\n' "$why" >&2
    bad=1
  fi
}

# Each pattern has brackets that keep it from finding itself.
refuse "unfinished work" '\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b'
refuse "a path of one machine" '(^|[^A-Za-z0-9_.$}])/(wor[k]|far[m]|hom[e]|roo[t])/'
refuse "the address of a package registry" 'https?://[^ "]*(debia[n]|ubunt[u]|registr[y]|mirro[r])'
# ngtcp2 1.11 overflows its stack there (CVE-2026-40170).
refuse "ngtcp2's own log writer" 'qlog_writ[e]' docs
exit $bad
