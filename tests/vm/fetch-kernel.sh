#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# fetch-kernel.sh 5.10|6.1|6.12|sid
#
# Fetches a Debian cloud kernel with apt, unpacks it in the cache and prints its directory: vmlinuz and
# modules/ below it. A second run needs no network.
set -eu
cache=${CLOISTER_CACHE:-${HOME:-/root}/.cache/cloister}
# shellcheck source=tests/vm/archive.sh
. "$(dirname "$0")/archive.sh"

case ${1-} in
5.10) suite=bullseye ;;
6.1) suite=bookworm ;;
6.12) suite=bookworm-backports ;;
sid) suite=sid ;;
*) echo "usage: fetch-kernel.sh 5.10|6.1|6.12|sid" >&2; exit 2 ;;
esac

kernel=$cache/kernel-$1
mkdir -p "$cache"
exec 9>"$cache/lock-$suite"
flock 9
if [ -e "$kernel/complete" ]; then
	echo "$kernel"
	exit 0
fi
archive_apt $suite
# The metapackage's dependency is the image itself.
image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
[ -n "$image" ] || { echo "fetch-kernel: $suite has no cloud kernel" >&2; exit 77; }
echo "fetch-kernel: $suite: $image" >&2
rm -rf "$kernel.new"
mkdir -p "$kernel.new"
# Of late that is empty, and kernel and modules are packages of their own.
parts=$(apt-cache depends "$image" | sed -n 's/^ *Depends: \(linux-\(binary\|modules\)-.*\)$/\1/p')
# shellcheck disable=SC2086
(cd "$kernel.new" && apt-get -qq download "$image" $parts >&2)
for deb in "$kernel.new"/*.deb; do dpkg-deb -x "$deb" "$kernel.new/tree"; done
mv "$(find "$kernel.new/tree" -type f -name 'vmlinuz*')" "$kernel.new/vmlinuz"
config=$(find "$kernel.new/tree" -type f -path '*/boot/config-*' -o -type f -path '*/modules/*/config')
[ -z "$config" ] || mv "$config" "$kernel.new/config"
modules=$kernel.new/tree/lib/modules
[ -e "$modules" ] || modules=$kernel.new/tree/usr/lib/modules
mv "$modules" "$kernel.new/modules"
rm -rf "$kernel.new/tree" "$kernel.new"/*.deb
: >"$kernel.new/complete"
rm -rf "$kernel"
mv "$kernel.new" "$kernel"
echo "$kernel"
