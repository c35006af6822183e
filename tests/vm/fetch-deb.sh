#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# fetch-deb.sh SUITE PACKAGE…
#
# Unpacks packages of a Debian suite into one directory of the cache and prints it: newer engines to test
# with, which nothing is installed of. A second run needs no network; a new version of the archive is not
# asked for.
set -eu
cache=${CLOISTER_CACHE:-${HOME:-/root}/.cache/cloister}
# shellcheck source=tests/vm/archive.sh
. "$(dirname "$0")/archive.sh"
suite=${1:?usage: fetch-deb.sh SUITE PACKAGE…}
shift
: "${1:?usage: fetch-deb.sh SUITE PACKAGE…}"
tree=$cache/deb-$suite-$(printf '%s ' "$@" | sha256sum | cut -c 1-16)
mkdir -p "$cache"
exec 9>"$cache/lock-$suite"
flock 9
if [ ! -e "$tree" ]; then
	archive_apt "$suite"
	rm -rf "$tree.new"
	mkdir -p "$tree.new/.deb"
	(cd "$tree.new/.deb" && apt-get -qq download "$@" >&2)
	for deb in "$tree.new"/.deb/*.deb; do
		dpkg-deb -x "$deb" "$tree.new"
	done
	rm -rf "$tree.new/.deb"
	mv "$tree.new" "$tree"
fi
echo "$tree"
