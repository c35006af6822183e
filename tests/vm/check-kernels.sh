#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check-kernels.sh
#
# `make check-kernels`: the suites of $KERNEL_SUITES on each kernel of $KERNELS, $KERNEL_JOBS guests at a
# time, and one table of the results: tests that passed, and failed if any, and seconds; "-" for a suite that
# has no subject there. The streams are left in $KERNEL_LOGS. Fails if anything did, or a guest did not run.
# KERNEL_TABLE=1 prints the table of streams that are there, so that kernels can be run one at a time
# (KERNELS=sid). Each suite has $KERNEL_SECONDS, each guest $VM_TIMEOUT. $KERNEL_SUITES has settings as
# run-kernel.sh takes them: shiftfs with 200 random steps in the place of 4000, and those took 400 s.
set -u
vm=$(cd "$(dirname "$0")" && pwd)
read -ra kernels <<<"${KERNELS:-5.10 6.1 6.12 sid}"
read -ra suites <<<"${KERNEL_SUITES:-smoke isolation seccomp views sysctls mediation calls mounts-inside mount-namespaces SHIFTFS_STEPS=200 shiftfs shiftfs-modes mount-shiftfs served cgroup volumes overlay oci-cli oci-spec survive crash}"
logs=${KERNEL_LOGS:-${top_builddir:?}/kernels}
export VM_TIMEOUT=${VM_TIMEOUT:-7200} TEST_TIMEOUT=${KERNEL_SECONDS:-900}
mkdir -p "$logs"

run_all() {
	local k
	for k in "${kernels[@]}"; do
		while [ "$(jobs -rp | wc -l)" -ge "${KERNEL_JOBS:-2}" ]; do wait -n; done
		echo "# $k: $logs/$k.tap" >&2
		VM_NO_SLOT=1 bash "$vm/run-kernel.sh" "$k" "${suites[@]}" </dev/null >"$logs/$k.tap" 2>&1 &
	done
	wait
}
[ -n "${KERNEL_TABLE:-}" ] || run_all

# The results of one suite on one kernel as run-kernel.sh prints them. A suite that did not come to its end says so,
# whatever passed before, and one that never began is no success either.
cell() { # KERNEL SUITE
	awk -v head="- $1: $2: " -v with="- $1: $2, " -v skip="- $1: $2 # SKIP" '
		index($0, skip) { none = 1 }
		!index($0, head) && !index($0, with) { next }
		/: ended well \(status/ { seconds = $(NF - 1); ended = /^ok/; next }
		/^ok .*# SKIP/ { skipped++; next }
		/^ok / { good++ }
		/^not ok / { bad++ }
		END {
			if (!good && !bad && (none || seconds == "")) { print none ? "-" : "NOT RUN"; exit }
			printf "%d", good
			if (bad) printf ", %d FAILED", bad
			if (skipped) printf " (%d skipped)", skipped
			if (seconds == "") printf ", NOT ENDED"
			else printf "%s, %d s", ended || bad ? "" : ", FAILED", seconds
		}' "$logs/$1.tap"
}
bad=0
{
	printf 'suite'
	printf '\t%s' "${kernels[@]}"
	echo
	for s in "${suites[@]}"; do
		case $s in *=*) continue ;; esac
		printf '%s' "$s"
		for k in "${kernels[@]}"; do printf '\t%s' "$(cell "$k" "$s")"; done
		echo
	done
	printf 'release'
	for k in "${kernels[@]}"; do printf '\t%s' "$(sed -n "s/^# $k, \([^:]*\):.*/\1/p" "$logs/$k.tap")"; done
	echo
} | awk -F '\t' '{ for (i = 1; i <= NF; i++) printf i == 1 ? "%-16s" : "%-28s", $i; print "" }'
for k in "${kernels[@]}"; do
	grep -q '^1\.\.[1-9]' "$logs/$k.tap" && ! grep -q '^not ok' "$logs/$k.tap" || bad=1
	grep '^not ok' "$logs/$k.tap"
done
exit $bad
