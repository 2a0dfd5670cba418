#!/usr/bin/env bash
# The checks themselves are tried on small trees: what must pass passes, what must fail fails and says why.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# expect CHECK FILE TEXT [WHY]: a tree whose FILE is TEXT passes CHECK, or fails with WHY in what it prints.
expect() {
  local check=$1 file=$2 text=$3 why=${4:-} said status=0
  rm -rf "${tree:?}"/*
  mkdir -p "$tree/$(dirname "$file")"
  printf '#pragma once\n%s\n' "$text" > "$tree/$file"
  said=$("$here/$check.sh" "$tree" 2>&1) || status=$?
  if [[ -z $why && $status -ne 0 ]]; then
    printf 'FAILED: %s: %s should pass, but: %s\n' "$file" "$text" "$said"
  elif [[ -n $why && $status -eq 0 ]]; then
    printf 'FAILED: %s: %s should be refused (%s)\n' "$file" "$text" "$why"
  elif [[ -n $why && $said != *"$why"* ]]; then
    printf 'FAILED: %s: %s should be refused with "%s", but: %s\n' "$file" "$text" "$why" "$said"
  else
    return 0
  fi
  failures=$((failures + 1))
}

# Includes only go down.
expect floors cli/a.cpp '#include <quicsync/actors/server.hpp>'
expect floors actors/peer/a.cpp '#include <quicsync/transport/loop.hpp>'
expect floors actors/peer/a.cpp '#include "../../codec/record.hpp"'
expect floors actors/peer/a.cpp '#include "outbox.hpp"'
expect floors transport/a.hpp '#include <quicsync/codec/bytes.hpp>'
expect floors codec/a.hpp '#include <quicsync/transport/loop.hpp>' 'upwards'
expect floors codec/a.hpp '  #  include   <quicsync/actors/messages.hpp>' 'upwards'
expect floors codec/a.hpp '#include "../actors/messages.hpp"' 'upwards'
expect floors transport/a.cpp '#include <quicsync/actors/messages.hpp>' 'upwards'
expect floors transport/deep/a.cpp '#include "../../actors/messages.hpp"' 'upwards'
expect floors actors/a.cpp '#include <quicsync/cli/command.hpp>' 'upwards'
expect floors actors/cache/a.cpp '#include <cli/command.hpp>' 'upwards'
expect floors transport/a.hpp '#include <quicsync/codec/record.hpp>' 'only error, bytes and limits'
expect floors transport/a.hpp '#include "../codec/record.hpp"' 'only error, bytes and limits'
expect floors cli/a.cpp '#include <quicsync/tests/a.hpp>' 'no room'
expect floors cli/a.cpp '#include SOMETHING' 'names no file'

# A library has its rooms.
expect floors codec/a.cpp '#include <lz4.h>'
expect floors codec/a.cpp '#include <vector>'
expect floors transport/a.cpp '#include <ngtcp2/ngtcp2.h>'
expect floors actors/a.cpp '#include <caf/all.hpp>'
expect floors actors/a.cpp '#include <lz4frame.h>' 'belongs to codec'
expect floors transport/a.cpp '#include <xxhash.h>' 'belongs to codec'
expect floors actors/a.cpp '#include <simdjson.h>' 'belongs to codec'
expect floors actors/a.cpp '#include <ngtcp2/ngtcp2.h>' 'belongs to transport'
expect floors cli/a.cpp '#include <gnutls/x509.h>' 'belongs to transport'
expect floors actors/a.cpp '#include <sys/socket.h>' 'belongs to transport'
expect floors cli/a.cpp '#include <netinet/in.h>' 'belongs to transport'
expect floors transport/a.cpp '#include <sqlite3.h>' 'belongs to actors'
expect floors cli/a.cpp '#include <nlohmann/json.hpp>' 'belongs to actors'
expect floors actors/a.cpp '#include <CLI/CLI.hpp>' 'belongs to cli'
expect floors codec/a.cpp '#include <caf/all.hpp>' 'belongs to transport actors'
expect floors cli/a.cpp '#include <caf/actor.hpp>' 'belongs to transport actors'
expect floors codec/a.cpp '#include <fstream>' 'not to codec'
expect floors codec/a.cpp '#include <unistd.h>' 'not to codec'
expect floors codec/a.hpp 'auto now = std::chrono::steady_clock::now();' 'no clock'
expect floors actors/a.cpp '#include <boost/asio.hpp>' 'in no row'

# CAF is spoken upstairs only, and its versions in one header.
expect floors actors/a.cpp 'caf::actor a;'
expect floors cli/a.cpp 'caf::actor a;' 'CAF is spoken in cli'
expect floors codec/a.hpp 'using caf::actor;' 'CAF is spoken in codec'
expect floors actors/a.cpp '#if CAF_MAJOR_VERSION >= 1' 'caf_compat.hpp'
expect floors transport/caf_compat.hpp '#if CAF_MAJOR_VERSION >= 1'

# Words.
expect words README.md 'Patterns travel between agents.'
expect words actors/a.cpp '// TO''DO later' 'unfinished'
expect words docs/a.md 'see /wo''rk/somewhere' 'one machine'
expect words dev 'deb http://deb.debi''an.org/x' 'registry'
expect words transport/a.cpp 'settings.qlog_wri''te = f;' 'log writer'

# A promise without its test.
expect security docs/SECURITY.md '| a threat | what stands against it | nothing but words |'
# shellcheck disable=SC2016  # the backquotes are Markdown's
expect security docs/SECURITY.md '| a threat | what stands against it | `gate: is shut` |' 'no test is named "gate: is shut"'

# A test file that nobody builds.
mkdir -p "$tree/tests/codec"
touch "$tree/tests/codec/built.cpp" "$tree/tests/codec/forgotten.cpp"
echo tests/codec/built.cpp > "$tree/list"
if said=$("$here/registered.sh" "$tree" "$tree/list" 2>&1) || [[ $said != *forgotten.cpp* || $said == *built.cpp:* ]]; then
  printf 'FAILED: a forgotten test file: %s\n' "$said"
  failures=$((failures + 1))
fi
echo tests/codec/forgotten.cpp >> "$tree/list"
"$here/registered.sh" "$tree" "$tree/list" || failures=$((failures + 1))

((failures == 0)) || { printf '%d of the checks'"'"' own tests failed\n' "$failures"; exit 1; }
