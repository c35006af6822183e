#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# fetch-kernel.sh 5.10|6.1
#
# Fetches a Debian cloud kernel with apt, unpacks it in the cache and prints its directory: vmlinuz and
# modules/ below it. The system's own package sources are only read, for where Debian's archive is
# near this machine; everything else of apt (lists, status, cache) is private. A second run needs no
# network.
set -eu
cache=${CLOISTER_CACHE:-${HOME:-/root}/.cache/cloister}

case ${1-} in
5.10) suite=bullseye package=linux-image-cloud-amd64 ;;
6.1) suite=bookworm package=linux-image-cloud-amd64 ;;
*) echo "usage: fetch-kernel.sh 5.10|6.1" >&2; exit 2 ;;
esac

kernel=$cache/kernel-$1
if [ -e "$kernel/complete" ]; then
	echo "$kernel"
	exit 0
fi
mkdir -p "$cache"
exec 9>"$cache/lock-$1"
flock 9
if [ -e "$kernel/complete" ]; then
	echo "$kernel"
	exit 0
fi

# shellcheck source=tests/vm/archive.sh
. "$(dirname "$0")/archive.sh"
main=$archive_main security=$archive_security keyring=$archive_keyring
if [ -z "$main" ] || [ ! -r $keyring ]; then
	echo "fetch-kernel: this system's apt sources name no Debian archive (or $keyring is missing)" >&2
	exit 77
fi

apt=$cache/apt-$suite
mkdir -p "$apt"/{lists/partial,archives/partial,empty}
: >"$apt/status"
{
	echo "deb [signed-by=$keyring] $main $suite main"
	# The kernel of an old release is kept up to date in the security archive only.
	[ -z "$security" ] || echo "deb [signed-by=$keyring] $security $suite-security main"
} >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/empty";
Dir::Etc::preferencesparts "$apt/empty";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "3";
END
export APT_CONFIG=$apt/apt.conf

apt-get -qq update >&2
# The metapackage's dependency is the image itself.
image=$(apt-cache depends "$package" | sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
[ -n "$image" ] || { echo "fetch-kernel: $suite has no $package" >&2; exit 77; }
echo "fetch-kernel: $suite: $image" >&2
rm -rf "$kernel.new"
mkdir -p "$kernel.new"
(cd "$kernel.new" && apt-get -qq download "$image" >&2)
dpkg-deb -x "$kernel.new"/*.deb "$kernel.new/tree"
mv "$kernel.new"/tree/boot/vmlinuz-* "$kernel.new/vmlinuz"
mv "$kernel.new"/tree/boot/config-* "$kernel.new/config"
mv "$kernel.new"/tree/lib/modules "$kernel.new/modules"
rm -rf "$kernel.new/tree" "$kernel.new"/*.deb
: >"$kernel.new/complete"
rm -rf "$kernel"
mv "$kernel.new" "$kernel"
echo "$kernel"
