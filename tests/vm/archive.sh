# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Where Debian's archive is near this machine: read from the system's own apt sources, and never
# written down. Sets $archive_main, $archive_security (empty: unknown) and $archive_keyring.

# Every archive URI that the system uses, one a line, from both formats of sources.
archive_uris() {
	local f
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ ! -r "$f" ] || sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^[:space:]]\+\).*/\2/p' "$f"
	done
	for f in /etc/apt/sources.list.d/*.sources; do
		[ ! -r "$f" ] || sed -n 's/^URIs:[[:space:]]*//p' "$f" | tr ' ' '\n'
	done
}
archive_main=$(archive_uris | grep -E '/debian/?$' | head -n 1 || :)
archive_security=$(archive_uris | grep -E 'debian-security/?$' | head -n 1 || :)
archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# archive_apt SUITE [deb-src]: an apt of its own for that Debian suite. From here on apt-get and apt-cache read its
# packages (or their sources); lists, status and cache are private, below $cache, and nothing of the system is touched.
archive_apt() {
	local suite=$1 type=${2:-deb}
	local apt=$cache/apt-$suite${2:+-$2}
	if [ -z "$archive_main" ] || [ ! -r "$archive_keyring" ]; then
		echo "$0: this system's apt sources name no Debian archive (or $archive_keyring is missing)" >&2
		exit 77
	fi
	mkdir -p "$apt"/{lists/partial,archives/partial,empty}
	: >"$apt/status"
	{
		echo "$type [signed-by=$archive_keyring] $archive_main $suite main"
		# What belongs to an old release is kept up to date in the security archive only.
		case $suite in
		sid | *-backports) ;;
		*) [ -z "$archive_security" ] || echo "$type [signed-by=$archive_keyring] $archive_security $suite-security main" ;;
		esac
	} >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
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
}
