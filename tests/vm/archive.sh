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
