#!/usr/bin/env bash
# floors.sh TREE: the four floors of docs/ARCHITECTURE.md. An include only goes down, cli → actors → transport → codec, and
# each third-party library is used in the rooms that the table below gives it, nowhere else. Prints FILE:LINE: WHY.
set -euo pipefail
cd "${1:?usage: floors.sh TREE}"

# What an include names (an extended regular expression on the text between the brackets), and the rooms that may name it.
# A header that matches no row is refused: a new library gets a row, and so a room.
libraries='
^(tl|fmt)/                                                  codec transport actors cli
^absl/                                                      codec transport actors
^(lz4[a-z]*|simdjson|xxhash|xxh3)\.h$                       codec
^nettle/                                                    codec
^(ngtcp2|nghttp3|gnutls)/                                   transport
^(sys/(socket|un|epoll|eventfd)|netdb|ifaddrs)\.h$          transport
^(netinet|arpa|net)/                                        transport
^caf/                                                       transport actors
^(sqlite3|httplib)\.h$                                      actors
^(prometheus|nlohmann)/                                     actors
^spdlog/                                                    actors cli
^(cxxabi|emmintrin)\.h$                                     actors
^CLI/                                                       cli
^(filesystem|fstream|iostream|future|mutex|condition_variable|thread|coroutine)$ transport actors cli
^[a-z_0-9]+$                                                codec transport actors cli
^(sys|linux)/[a-z_0-9]+\.h$                                 transport actors cli
^(dirent|errno|fcntl|malloc|poll|pthread|pwd|sched|signal|termios|time|unistd)\.h$ transport actors cli
'

files=$(find . -path './codec/*.[ch]pp' -o -path './transport/*.[ch]pp' -o -path './actors/*.[ch]pp' -o -path './cli/*.[ch]pp' |
        sed 's,^\./,,' | sort)
[[ -n $files ]] || { echo "no sources in $PWD" >&2; exit 1; }
# shellcheck disable=SC2086  # file names of this project hold no spaces
awk -v libraries="$libraries" '
BEGIN {
  floor["codec"] = 1; floor["transport"] = 2; floor["actors"] = 3; floor["cli"] = 4
  rows = split(libraries, row, "\n")
  for (i = 1; i <= rows; i++) {
    pattern[i] = rooms[i] = row[i]
    sub(/[ ].*/, "", pattern[i])
    sub(/^[^ ]+ +/, "", rooms[i])
  }
}
function complain(why) { printf "%s:%d: %s\n", FILENAME, FNR, why; bad = 1 }

# The path from the top of the tree that a quoted include of this file names.
function resolved(name,   parts, n, i, depth, kept, path) {
  path = FILENAME
  sub(/[^\/]*$/, "", path)
  n = split(path name, parts, "/")
  depth = 0
  for (i = 1; i <= n; i++) {
    if (parts[i] == "..") { if (depth > 0) depth-- }
    else if (parts[i] != "." && parts[i] != "") kept[++depth] = parts[i]
  }
  path = kept[1]
  for (i = 2; i <= depth; i++) path = path "/" kept[i]
  return path
}

FNR == 1 { room = FILENAME; sub(/\/.*/, "", room) }

room == "codec" && /(system|steady|high_resolution)_clock/ { complain("codec reads no clock") }
(room == "codec" || room == "cli") && /(^|[^A-Za-z0-9_])caf::/ { complain("CAF is spoken in " room) }
/CAF_(MAJOR_)?VERSION/ && FILENAME != "transport/caf_compat.hpp" {
  complain("what differs between versions of CAF belongs into transport/caf_compat.hpp")
}

/^[ \t]*#[ \t]*include/ {
  name = $0
  quoted = name ~ /include[ \t]*"/
  if (!sub(/^[^<"]*[<"]/, "", name)) { complain("an include that names no file"); next }
  sub(/[>"].*/, "", name)
  ours = name
  if (ours !~ /^(quicsync\/)?(codec|transport|actors|cli)\// && quoted) ours = resolved(ours)
  if (ours ~ /^(quicsync\/)?(codec|transport|actors|cli)\//) {
    sub(/^quicsync\//, "", ours)
    target = ours
    sub(/\/.*/, "", target)
    if (floor[target] > floor[room]) complain(room " includes upwards: " ours)
    if (room == "transport" && target == "codec" && ours !~ /^codec\/(error|bytes|limits)\.hpp$/)
      complain("of codec, transport uses only error, bytes and limits, not " ours)
    next
  }
  if (name ~ /^quicsync\// || quoted) { complain("no room has " name); next }
  for (i = 1; i <= rows; i++) {
    if (pattern[i] != "" && name ~ pattern[i]) {
      if (index(" " rooms[i] " ", " " room " ") == 0) complain(name " belongs to " rooms[i] ", not to " room)
      next
    }
  }
  complain(name " is in no row of tests/checks/floors.sh")
}
END { exit bad }
' $files
