# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# What every shell test stands on: TAP output, gates, a private directory, a cleanup stack, and a
# look at the machine before and after. Source it first:
#
#	. "${top_srcdir:-.}/tests/lib/tap.sh"
#	gate root; gate fuse
#	is "$(launch -- id -u)" 0 "the container's user is root"
#	done_testing
#
#   ok DESC CMD…           the command succeeds (what it printed is shown when it does not)
#   fails WANT DESC CMD…   the command fails; WANT: exit status, '*', or a regex for its output
#   is GOT WANT DESC       isnt, like GOT REGEX DESC, unlike, below A B DESC (A <= B, decimals)
#   pass DESC  fail DESC   diag TEXT…   skip FEATURE DESC
#   gate FEATURE           skip the whole script where the machine lacks FEATURE …
#   have FEATURE           … or ask, and `skip` single tests
#   on_exit CMD…           run at the end, last in first out
#   eventually SECONDS CMD…  poll until the command succeeds; $TEST_SLOW times as long (a guest under emulation)
#
# A skip is loud: features named in $TESTS_MUST_RUN ("fuse userns", or "all") fail instead.
# $work is a private directory on a disk file system, $state the state directory that `cloister` (a
# function: the built program with --root $state) uses. The script's last test is the leak check.
# Suites count from the first range: not beside what else runs on this machine.
export CLOISTER_PRIVATE_CLAIMS=1

set -u
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-$top_srcdir}
top_srcdir=$(cd "$top_srcdir" && pwd) || exit 99
top_builddir=$(cd "$top_builddir" && pwd) || exit 99
export top_srcdir top_builddir
tests_lib=$top_srcdir/tests/lib
test_name=$(basename "$0" .sh)
under=$top_builddir/tests/lib/under
attack=$top_builddir/tests/lib/attack

# Every script runs under `under`: locks, subreaper, mount namespace, time limit. One script at a time in a lane:
# those of `machine` look at all that Cloister has on this machine; those of `files` start no container, use no
# id that a container may have, and run beside them, giving way.
if [ -z "${CLOISTER_TEST_UNDER:-}" ]; then
	[ -x "$under" ] || { echo "Bail out! no $under: run 'make check TESTS=' first"; exit 99; }
	locks=() way=() limit=300
	if [ -z "${TEST_NO_LOCK:-}${TEST_LOCK_HELD:-}" ] && [ -w /run ]; then
		for lane in ${TEST_LANES:-machine}; do locks+=(-l "/run/cloister-tests-$lane.lock"); done
		case ${TEST_LANES:-machine} in *machine*) ;; *) way=(nice -n 5) limit=1200 ;; esac
	fi
	CLOISTER_TEST_UNDER=1 exec "${way[@]}" "$under" -t "${TEST_TIMEOUT:-$limit}" "${locks[@]}" bash "$0" "$@"
fi
unset CLOISTER_TEST_UNDER
machine_is_ours=
[ -n "${TEST_NO_LOCK:-}" ] || case ${TEST_LANES:-machine} in *machine*) machine_is_ours=1 ;; esac
unset TEST_LANES # of this script, not of those it runs

case ":$PATH:" in
*":$top_builddir/src:"*) ;;
*) PATH=$top_builddir/src:$top_builddir/fusefs:$PATH ;;
esac
export PATH LC_ALL=C.UTF-8

tap_count=0 tap_failed=0 tap_planned='' tap_done=
tap_cleanup=()

diag() { local l; while IFS= read -r l; do echo "#   $l"; done <<<"$*"; }
plan() { tap_planned=$1; echo "1..$1"; }
# Who only asks whether a suite fails (check-mutants.sh) is told at the first line that does; the next
# one ends it, so that what the line had to say is there.
stop_here() { [ -z "${TAP_STOP:-}" ] || [ $tap_failed = 0 ] || exit 1; }
pass() { stop_here; tap_count=$((tap_count + 1)); echo "ok $tap_count - $*"; }
fail() {
	stop_here
	tap_count=$((tap_count + 1)) tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $*"
	diag "at ${BASH_SOURCE[2]-${BASH_SOURCE[1]-}}:${BASH_LINENO[1]-}"
}

ok() {
	local desc=$1 out status
	shift
	out=$("$@" 2>&1 </dev/null)
	status=$?
	if [ $status = 0 ]; then pass "$desc"; return 0; fi
	fail "$desc"
	diag "status $status of: $*"
	[ -z "$out" ] || diag "$out"
	return 1
}

fails() {
	local want=$1 desc=$2 out status bad=
	shift 2
	out=$("$@" 2>&1 </dev/null)
	status=$?
	case $want in
	'*') [ $status != 0 ] || bad=1 ;;
	*[!0-9]*) [ $status != 0 ] && grep -Eq -- "$want" <<<"$out" || bad=1 ;;
	*) [ $status = "$want" ] || bad=1 ;;
	esac
	if [ -z "$bad" ]; then pass "$desc"; return 0; fi
	fail "$desc"
	diag "wanted failure '$want', got status $status of: $*"
	[ -z "$out" ] || diag "$out"
	return 1
}

is() {
	if [ "$1" = "$2" ]; then pass "$3"; return 0; fi
	fail "$3"; diag "got:    $1"; diag "wanted: $2"; return 1
}
isnt() {
	if [ "$1" != "$2" ]; then pass "$3"; return 0; fi
	fail "$3"; diag "got just that: $1"; return 1
}
like() {
	if grep -Eq -- "$2" <<<"$1"; then pass "$3"; return 0; fi
	fail "$3"; diag "got:          $1"; diag "wanted regex: $2"; return 1
}
unlike() {
	if ! grep -Eq -- "$2" <<<"$1"; then pass "$3"; return 0; fi
	fail "$3"; diag "got:            $1"; diag "unwanted regex: $2"; return 1
}
below() {
	if awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 <= b + 0) }'; then pass "$3"; return 0; fi
	fail "$3"; diag "got $1, wanted at most $2"; return 1
}
# Asks less and less often, up to five times a second: what is waited for may need the CPU itself.
eventually() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000 * ${TEST_SLOW:-1})) ms=20 pause
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		printf -v pause '0.%03d' $ms
		sleep "$pause"
		[ $ms -ge 200 ] || ms=$((ms * 3 / 2))
	done
}

### Features

must_run() { case " ${TESTS_MUST_RUN:-} " in *" $1 "* | *" all "*) return 0 ;; esac; return 1; }

# Can this machine do it? A feature, never a version.
have() {
	case $1 in
	root) [ "$(id -u)" = 0 ] ;;
	fuse) [ -c /dev/fuse ] && { : <>/dev/fuse; } 2>/dev/null ;;
	fuse-io-uring) [ -w /sys/module/fuse/parameters/enable_uring ] ;;
	userns) unshare -U true 2>/dev/null ;;
	timens) [ -e /proc/self/ns/time ] && unshare -T true 2>/dev/null ;;
	userns-ipc-sysctl) setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Uri sh -c 'echo 12345 >/proc/sys/kernel/shmmni' 2>/dev/null ;;
	timens-start) [ "$(unshare --time --boottime 1000000 --fork sh -c 'cut -d " " -f 22 /proc/self/stat')" -gt 100000000 ] 2>/dev/null ;;
	idmap) [ -n "${work:-}" ] && "$attack" can-idmap "$work" >/dev/null 2>&1 ;;
	idmap-tmpfs) "$attack" can-idmap /dev/shm >/dev/null 2>&1 ;;
	root-disk) [ -b "$(findmnt -nvo SOURCE -T /)" ] ;;
	python-docker) /usr/bin/python3 -c 'import docker' 2>/dev/null ;;
	loop) [ -n "$(losetup -f 2>/dev/null)" ] ;;
	cgroup-*) cgroup_has "${1#cgroup-}" ;;
	cgroup2-only) [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] ;;
	two-cpus) [ "$(nproc)" -ge 2 ] ;;
	launcher) type -P cloister >/dev/null ;;
	vsock) python3 -c "import socket; socket.socket(socket.AF_VSOCK)" 2>/dev/null ;;
	engine-docker) PATH=$PATH:/usr/sbin type -P dockerd >/dev/null && type -P docker containerd-shim-runc-v2 >/dev/null && have overlay ;;
	engine-containerd) type -P containerd ctr containerd-shim-runc-v2 >/dev/null && have overlay ;;
	engine-podman) type -P podman conmon >/dev/null && have overlay ;;
	overlay) grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ;;
	rlimit-rtprio) (ulimit -Hr 99) 2>/dev/null ;;
	# With groups of real-time tasks (v1) each has to be given time.
	realtime-v2) [ ! -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] && chrt -f 1 true 2>/dev/null ;;
	tool-*) type -P "${1#tool-}" >/dev/null ;;
	*) echo "Bail out! nobody knows the feature '$1'"; exit 99 ;;
	esac
}

gate() {
	have "$1" && return 0
	if must_run "$1"; then
		echo "1..1"
		echo "not ok 1 - $test_name: this machine lacks '$1', and TESTS_MUST_RUN names it"
		tap_done=1
		exit 1
	fi
	echo "1..0 # SKIP this machine lacks '$1'"
	tap_done=1
	exit 0
}

skip() {
	if must_run "$1"; then fail "$2 (this machine lacks '$1', and TESTS_MUST_RUN names it)"; return 1; fi
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $2 # SKIP this machine lacks '$1'"
}

### Cleanup and the look at the machine

on_exit() { local c; printf -v c '%q ' "$@"; tap_cleanup+=("$c"); }

machine_mounts() {
	# Root, mount point, type and source: the numbers of devices and mounts may differ.
	awk '{ for (i = 7; $i != "-"; i++); print $4, $5, $(i + 1), $(i + 2) }' /proc/self/mountinfo | sort
	[ -n "$machine_is_ours" ] || return 0
	echo "-- mounts of the first process"
	grep -F -e "$state" -e "$work" /proc/1/mountinfo | awk '{ print $5 }' | sort
}
# A cgroup that others live in is theirs: what is left of ours is empty, its processes are counted above.
machine_cgroups() {
	local dir pid
	find /sys/fs/cgroup -mindepth 1 -type d -path '*cloister*' 2>/dev/null | sort | while read -r dir; do
		pid=
		read -r pid 2>/dev/null <"$dir/cgroup.procs"
		[ -n "$pid" ] || echo "$dir"
	done
}
machine_processes() {
	ps -e -o pid= -o ppid= -o stat= -o args= | awk -v top=$PPID -v me=$$ '
		{ parent[$1] = $2; line[$1] = $0; stat[$1] = $3 }
		END {
			for (p in parent) {
				if (p == me || stat[p] ~ /^[ZX]/) continue
				below = 0; ours = 0
				for (q = p; q in parent && q > 1 && n[p]++ < 64; q = parent[q]) {
					if (q == me) ours = 1
					if (parent[q] == top) below = 1
				}
				# What bash itself runs right now (this pipeline) is not a leak.
				if (below && (!ours || line[p] ~ /cloister/) && line[p] !~ /awk -v top=/) print line[p]
			}
		}' | grep -v "bash $0" || :
}
# Containers and claims. What begins with a dot is the state root's own: lock, registry, template.
machine_state() {
	[ ! -d "$state" ] || find "$state" -mindepth 1 -maxdepth 1 ! -name '.*'
	[ ! -d "$state/.claims" ] || find "$state/.claims" -mindepth 1 ! -name '.*'
}

# Scripts that are not of the lane `machine` run beside others, whose cgroups come and go.
[ -n "$machine_is_ours" ] || machine_cgroups() { :; }

machine_before() {
	machine_mounts >"$tap_dir/mounts"
	machine_cgroups >"$tap_dir/cgroups"
}
machine_same() {
	machine_mounts | diff "$tap_dir/mounts" - >"$tap_dir/left" 2>&1 || return 1
	machine_cgroups | comm -13 "$tap_dir/cgroups" - >"$tap_dir/cgroups-now"
	# Only what every look has found is left; what comes and goes belongs to somebody else.
	[ ! -e "$tap_dir/cgroups-left" ] || comm -12 "$tap_dir/cgroups-left" "$tap_dir/cgroups-now" >"$tap_dir/left"
	[ -e "$tap_dir/cgroups-left" ] || cp "$tap_dir/cgroups-now" "$tap_dir/left"
	cp "$tap_dir/left" "$tap_dir/cgroups-left"
	[ ! -s "$tap_dir/left" ] || return 1
	machine_processes >"$tap_dir/left"; [ ! -s "$tap_dir/left" ] || return 1
	machine_state >"$tap_dir/left"; [ ! -s "$tap_dir/left" ] || return 1
}
# Is everything as it was before the script? One second of grace; under emulation TEST_GRACE.
nothing_left() {
	rm -f "$tap_dir/cgroups-left"
	if eventually "${2:-${TEST_GRACE:-1}}" machine_same; then pass "$1"; return 0; fi
	fail "$1"
	diag "$(head -40 "$tap_dir/left")"
	return 1
}

run_cleanup() {
	local i
	for ((i = ${#tap_cleanup[@]} - 1; i >= 0; i--)); do eval "${tap_cleanup[i]}" >&2; done
	tap_cleanup=()
}

done_testing() {
	run_cleanup
	nothing_left "$test_name leaves no mount, process, cgroup or directory"
	if [ -z "$tap_planned" ]; then
		echo "1..$tap_count"
	elif [ "$tap_planned" != $((tap_count - 1)) ]; then
		diag "planned $tap_planned tests, ran $((tap_count - 1))"
		tap_failed=$((tap_failed + 1))
	fi
	tap_done=1
	echo "# took $SECONDS s"
	exit $((tap_failed != 0))
}

tap_exit() {
	local status=$? c
	trap : TERM INT
	run_cleanup
	if [ -z "$tap_done" ]; then
		# Once the state directory is gone nobody could find these containers' cgroups.
		for c in "$state"/*/; do
			[ ! -d "$c" ] || timeout -s KILL 2 cloister --root "$state" delete --force "$(basename "$c")" >/dev/null 2>&1
		done
		echo "Bail out! $test_name ended early with status $status"
		[ $status != 0 ] || status=99
	fi
	if [ -n "${KEEP_WORK:-}" ]; then
		echo "# kept: $work"
	elif [ -f "$work/.cloister-test" ]; then
		# The sentinel: only a directory that this file made is ever removed, and never across a mount.
		awk -v w="$work/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l 2>/dev/null
		rm -rf --one-file-system "$work" "$tap_dir"
	fi
	exit $status
}

umask 022
work=$(mktemp -d "${TEST_TMPDIR:-/var/tmp}/cloister-test.XXXXXXXX") || exit 99
: >"$work/.cloister-test"
chmod 0755 "$work"
tap_dir=$(mktemp -d "${TEST_TMPDIR:-/var/tmp}/cloister-tap.XXXXXXXX") || exit 99
state=$tap_dir/state
# A checkout in a home of mode 700: what other users run of it they run as a copy.
if [ "$(id -u)" = 0 ] && ! setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$tests_lib/tap.sh"; then
	cp -r "$tests_lib" "$tap_dir/lib"
	chmod -R a+rX "$tap_dir"
	tests_lib=$tap_dir/lib
fi
# A python3 that is a script which looks for Pythons (pyenv) takes six times as long to start as the system's.
if [ -x /usr/bin/python3 ] && [ "$(type -P python3)" != /usr/bin/python3 ]; then
	mkdir "$tap_dir/bin"
	ln -s /usr/bin/python3 "$tap_dir/bin/python3"
	PATH=$tap_dir/bin:$PATH
fi
trap tap_exit EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# shellcheck source=tests/lib/cloister.sh
. "$tests_lib/cloister.sh"
machine_before
