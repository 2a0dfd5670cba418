#!/usr/bin/env bash
# fresh_root.sh ARCHIVE SUITE: what somebody sees who clones quicsync on a new machine. In an empty root of Debian SUITE
# (minbase and git, from ARCHIVE) a clone of HEAD runs `./dev demo` and `./dev test`, then both again, and each is timed.
# Needs root and debootstrap. With KEEP=DIRECTORY the root is made there, used again, and left.
set -euo pipefail
archive=${1:?usage: fresh_root.sh ARCHIVE SUITE} suite=${2:?usage: fresh_root.sh ARCHIVE SUITE}
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
root=${KEEP:-$(mktemp -d)}

leave() {
  umount "$root/proc" "$root/dev" 2>/dev/null || true
  # Never through a mount that would not go away.
  if [[ -z ${KEEP:-} ]] && ! mountpoint -q "$root/proc" && ! mountpoint -q "$root/dev"; then
    rm -rf --one-file-system "$root"
  fi
}
trap leave EXIT

if [[ ! -d $root/etc ]]; then
  debootstrap --variant=minbase --include=git "$suite" "$root" "$archive" >"$root.log" 2>&1 || { cat "$root.log"; exit 1; }
  rm "$root.log"
fi
cp /etc/resolv.conf "$root/etc/"
# What this machine needs to reach the archive, the new root needs as well.
{ grep -lsri 'proxy' /etc/apt/apt.conf.d || true; } | xargs -r cp -t "$root/etc/apt/apt.conf.d"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
rm -rf "$root/srv/quicsync"
git clone --quiet --no-local "$source" "$root/srv/quicsync"

timed() {
  local begin=$SECONDS
  chroot "$root" env -i HOME=/srv PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 /srv/quicsync/dev "$@" </dev/null
  times+=("$suite: ./dev $*: $((SECONDS - begin)) s")
}
times=()
timed demo
timed test
timed demo
timed test
printf '%s\n' "${times[@]}"
