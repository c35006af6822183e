#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# fetch-hp.sh: builds libfuse's passthrough_hp from the source package of this Debian release's fuse3,
# in the cache, and prints the path of the program. A second run needs no network.
set -eu
cache=${CLOISTER_CACHE:-${HOME:-/root}/.cache/cloister}
# shellcheck source=tests/vm/archive.sh
. "$(dirname "$0")/../vm/archive.sh"
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
tree=$cache/fuse3-$release
mkdir -p "$cache"
exec 9>"$cache/lock-fuse3"
flock 9
if [ ! -x "$tree/passthrough_hp" ]; then
	archive_apt "$release" deb-src
	rm -rf "$tree"
	mkdir -p "$tree"
	cd "$tree"
	apt-get -qq source --download-only fuse3 >&2
	tar -xf fuse3_*.orig.tar.?z --strip-components=1
	# shellcheck disable=SC2046
	g++ -O2 -std=gnu++17 -D_FILE_OFFSET_BITS=64 -DHAVE_UTIMENSAT -o passthrough_hp example/passthrough_hp.cc $(pkg-config --cflags --libs fuse3) -pthread
fi
echo "$tree/passthrough_hp"
