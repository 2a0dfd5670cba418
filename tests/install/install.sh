#!/usr/bin/env bash
# install.sh CMAKE BUILD COMPILER: installs BUILD into an empty prefix, then builds and runs a program outside of the tree
# against it.
set -euo pipefail
cmake=$1 build=$2 compiler=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$cmake" --install "$build" --prefix "$place/prefix" >/dev/null
"$cmake" -G Ninja -S "$here/consumer" -B "$place/build" -DCMAKE_PREFIX_PATH="$place/prefix" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=Debug >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
"$cmake" --build "$place/build"
"$place/build/consumer"
"$place/prefix/bin/quicsync" --help >/dev/null
