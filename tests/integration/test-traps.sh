#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that lays traps: files and memory of a FUSE file system of its own whose server takes a request
# and never answers. Who asks sleeps, and no signal ends that, so nobody of the host's may ask.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
cp "$top_builddir"/tests/lib/{fusetrap,mediated} "$root/bin/"
mkdir -p "$root/trap" "$work/vol"
chmod 777 "$work/vol"
shift_owners "$root"; shift_owners "$work/vol"
need_containers --rootfs "$root"
c=$(type -P cloister)
name=$(cname trapper) other=$(cname other)
launch_detached "$other" --privileged --rootfs "$root" -v "$work/vol:/mnt" -- sleep 10000 || { fail "a container starts"; done_testing; }
LOOKUP=-1 OPEN=-14 READ=-15 FLUSH=-25

# trapper OPCODE… [-- COMMAND]: a container whose /trap does not answer these, and in which that has run.
trapper() {
	local traps=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do traps+=" $1"; shift; done
	launch_detached "$name" --privileged --rootfs "$root" -v "$work/vol:/mnt" -- sh -c \
		"fusetrap /trap$traps & until grep -q ' /trap ' /proc/self/mountinfo; do sleep 0.05; done; ${2:-true}; touch /tmp/set; wait" &&
		eventually 10 test -e "$root/tmp/set" && rm "$root/tmp/set"
}
disarm() { ok "$1: the container is deleted" timeout -s KILL 10 "$c" --root "$state" delete --force "$name"; }
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }
within() { timeout -s KILL "$1" "$c" --root "$state" "${@:2}" </dev/null; }
# ends_by DESCRIPTION SIGNAL [OPTION…] NAME COMMAND…: an exec that waits, until that comes.
ends_by() {
	local desc=$1 sig=$2 pid
	python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
		"$c" --root "$state" exec "${@:3}" </dev/null >"$tap_dir/exec" 2>&1 &
	pid=$!
	sleep 0.7
	ok "(exec waits for $desc)" kill -0 $pid
	kill "-$sig" $pid
	ok "exec that waits for $desc ends with SIG$sig" eventually 5 gone $pid
	kill -KILL $pid 2>/dev/null
	ok "... and is not left asleep" eventually 2 gone $pid
}

### In the place of the container's /dev/pts/ptmx, which `exec -t` opens
for trap in "$FLUSH" "-39"; do # of all: closing, ioctl(2)
	trapper "$trap" -- 'mount --bind /trap/ptmx /dev/pts/ptmx'
	fails 'is not a terminal' "exec -t says what it found in place of a terminal ($trap)" within 5 exec -t "$name" true
	ok "a command without a terminal is none the worse" within 5 exec "$name" true
	disarm "ptmx ($trap)"
done
trapper "$OPEN" -- 'mount --bind /trap/ptmx /dev/pts/ptmx'
ends_by "a ptmx that does not open" TERM -t "$name" true
disarm "ptmx that does not open"

### In the place of the command, its directory, the path to it
trapper "$OPEN"
ends_by "a command that does not open" TERM "$name" /trap/command
ends_by "a command that does not open, on a terminal," INT -t "$name" /trap/command
disarm "command"
trapper "$READ"
ends_by "a command that cannot be read" TERM "$name" /trap/command
disarm "command that cannot be read"
trapper "$LOOKUP"
ends_by "a working directory that is not found" TERM --cwd /trap/dir "$name" true
disarm "working directory"

### Calls that the warden works on, with arguments in such memory, and a name for `ps`
commands() {
	local cmd
	# shellcheck disable=SC2086
	for cmd in "state $name" "status $name" list "ps $name" "ps $other" "events --stats $name" "exec $name true" "update --memory 200000000 $name" \
		"kill $name 0" "exec $other mediated sysinfo"; do
		ok "$1: ${cmd%% *} ${cmd##* } does not wait" within 10 $cmd
	done
}
for attack in "mount-trapped $READ" "node-trapped $READ" "take-trapped $FLUSH" "name-trapped $READ"; do
	trapper "${attack#* }" -- "attack ${attack% *} /trap/file 20 >/tmp/said & sleep 0.5"
	is "$(cat "$root/tmp/said")" trapped "(${attack% *} is under way)"
	commands "${attack% *}"
	disarm "${attack% *}"
done

### Served by another container, which does not end with this one: what works for this one ends with it all the same
helpers_cgroup() { find /sys/fs/cgroup -maxdepth 2 -name "cloister:helpers:$name:*"; }
helper_waits() {
	local pid
	for pid in $(helpers_cgroup | sed 's|$|/cgroup.procs|' | xargs cat); do
		grep -qs request_wait_answer "/proc/$pid/task/"*/wchan && return
	done
	return 1
}
# stuck_by DESCRIPTION OPCODE[,strangers] COMMAND: of the container nobody waits, who then would be ended.
stuck_by() {
	local server
	rm -f "$work/vol/"*
	# shellcheck disable=SC2086
	"$c" --root "$state" exec "$other" fusetrap @/mnt/s ${2/,/ } </dev/null >/dev/null 2>&1 &
	server=$!
	eventually 5 test -S "$work/vol/s"
	launch_detached "$name" --privileged --rootfs "$root" -v "$work/vol:/mnt" -- sh -c "fusetrap /trap @/mnt/s; $3"
	ok "(a helper waits for $1, served from outside)" eventually 10 helper_waits
	ok "reload does not wait" within 10 reload "$name"
	disarm "$1, served from outside"
	is "$(helpers_cgroup)" "" "... and nothing of it is left"
	kill $server 2>/dev/null # unless that connection was aborted
	wait $server 2>/dev/null
}
stuck_by "a path" $LOOKUP "attack mount proc /trap/dir -"
stuck_by "the end of a file that it took" $FLUSH,strangers "attack take-trapped /trap/file 20"
ok "the other container is deleted" within 10 delete --force "$other"
wait
done_testing
