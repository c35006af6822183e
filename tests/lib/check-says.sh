# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What `cloister check` says of this kernel against what the release of Linux that it is has had from then on. Sourced after tap.sh.

# release KERNEL: a number that can be compared
release() { awk -F. '{ print $1 * 1000 + $2 }' <<<"$1"; }

check_says() {
	local said
	said=$(cloister check --json </dev/null)
	# The answer for a line of the table: ok, or what it says in its place
	row() { json "[c['status'] for c in d['checks'] if c['name'] == '$1'][0]" <<<"$said"; }
	is "$(json 'd["kernel"]' <<<"$said")" "$(uname -r)" "check: the kernel"
	local what since want
	while IFS=: read -r since what; do
		want=ok
		[ "$(release "$(uname -r)")" -ge "$(release "$since")" ] || want='missing|limited'
		like "$(row "$what")" "^($want)\$" "check: $what (Linux $since)"
	done <<-'END'
		5.6:time namespace
		5.10:seccomp notification
		5.12:mount_setattr
		5.12:ID-mapped mounts of /
		5.19:overlay on ID-mapped layers
		5.19:seccomp WAIT_KILLABLE_RECV
		6.3:ID-mapped mounts of /dev/shm
		6.6:seccomp SYNC_WAKE_UP
		6.9:FUSE resend
		6.9:FUSE passthrough
		6.12:FUSE on ID-mapped mounts
		6.17:proc pidns= option
	END
}
