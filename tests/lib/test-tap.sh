#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The harness itself: a harness that cannot fail catches nothing.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99

# A script below our own directory, run like any other. It prints TAP; we look at its verdict.
inner() {
	printf '. "$top_srcdir/tests/lib/tap.sh"\n%s\n' "$1" >"$work/inner.sh"
	# We hold the lock already.
	TEST_LOCK_HELD=1 TEST_TIMEOUT=${2:-20} bash "$work/inner.sh" >"$work/inner.out" 2>&1 </dev/null
}

inner 'is 1 1 one; done_testing'
is $? 0 "a passing script passes"
inner 'is 1 2 one; done_testing'
is $? 1 "a failing comparison fails the script"
inner 'is 1 1 one; exit 0'
is $? 99 "a script that ends without done_testing fails"
inner 'plan 2; is 1 1 one; done_testing'
is $? 1 "a wrong plan fails"
inner "(setsid sleep 300.$$ &) ; pass; done_testing"
is $? 1 "a process that escaped by setsid and a double fork is found"
like "$(cat "$work/inner.out")" "sleep 300.$$" "and named"
is "$(pgrep -fxc "sleep 300.$$")" 0 "and killed"
inner 'sleep 300' 1
is $? 124 "a script that hangs is stopped"
TESTS_MUST_RUN="tool-nonsense" inner 'gate tool-nonsense; pass; done_testing'
is $? 1 "a gate named in TESTS_MUST_RUN fails instead of skipping"
inner 'gate tool-nonsense; pass; done_testing'
is $? 0 "any other gate skips"
like "$(cat "$work/inner.out")" '^1\.\.0 # SKIP .*tool-nonsense' "and says which feature lacks"
inner 'mkdir -p "$state/forgotten"; pass; done_testing'
is $? 1 "a directory left in the state directory is found"
inner 'mkdir -p "$state/.claims"; touch "$state/.claims/100000-x"; pass; done_testing'
is $? 1 "a claim left is found"
if have root; then
	inner 'mkdir "$work/m"; mount -t tmpfs none "$work/m"; pass; done_testing'
	is $? 1 "a mount left behind is found"
	like "$(cat "$work/inner.out")" "tmpfs" "and named"
	inner 'on_exit umount "$work/m"; mkdir "$work/m"; mount -t tmpfs none "$work/m"; pass; done_testing'
	is $? 0 "the cleanup stack runs before the look"
	dir=$(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs -path '*/[pu]*/*' -printf '%h\n' | head -n 1)
	[ -n "$dir" ] || dir=/sys/fs/cgroup
	inner "mkdir $dir/cloister-t$$; pass; done_testing"
	is $? 1 "a cgroup left behind is found"
	rmdir "$dir/cloister-t$$"
else
	skip root "a mount left behind is found"
fi
done_testing
