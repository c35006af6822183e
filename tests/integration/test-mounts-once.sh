#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A call about mounts is carried out once, whoever of notifier, helper and warden is killed at the
# moments that chance seldom finds: strace holds a process there.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-strace
root=$work/root
make_root "$root"
cp "$top_builddir/tests/lib/mediated" "$root/bin/"
mkdir -p "$root/new"
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname once)
inside() { cloister exec "$name" "$@" </dev/null; }
# With all that a helper could hold.
echo '{"cloister": {"inside": {"swap": true, "setxattr": true}}}' >"$tap_dir/settings"
launch() { cloister --settings "$tap_dir/settings" launch "$@"; }
launch_detached "$name" --privileged --memory 64M --rootfs "$root" -- sleep 1000 || { fail "a container starts"; done_testing; }
on() { inside awk '$5 == "/new"' /proc/self/mountinfo | grep -c .; }
pid_of() { cloister status --json "$name" | json "[h['pid'] for h in d['helpers'] if h['name'] == '$1' and h['alive']][0]" 2>/dev/null; }
state_of() { awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
lives() { case $(state_of "$1") in '' | Z | X) return 1 ;; esac; }
gone() { ! lives "$1"; }
traced() { [ "$(awk '/^TracerPid:/ { print $2 }' "/proc/$1/status")" != 0 ]; }
# What of the container's cgroup and directory PID holds.
holds() { find "/proc/$1/fd" -printf '%l\n' 2>/dev/null | grep -E "^/sys/fs/cgroup/.*/cloister-$name\$|/$name/swap\$" | sed 's|.*/||' | sort | xargs; }
helper_of() { cat "/proc/$1"/task/*/children 2>/dev/null | awk '{ print $1; exit }' | grep .; }

# hold PID CALL WHERE [WHEN]: whoever of PID and its children makes CALL waits there until `release`.
hold() {
	strace -qq -f -o "$tap_dir/strace" -p "$1" -e "trace=umount2,$2" -e "inject=$2:delay_$3=15000000${4:-}" </dev/null >/dev/null 2>&1 &
	strace=$!
	eventually 5 traced "$1" || fail "strace attaches"
}
# Of a strace that is killed the kernel lets go at once; one that ends waits for its delays.
release() { kill -9 $strace 2>/dev/null; wait $strace 2>/dev/null; }
# begin COMMAND…: run inside; `helper` is who works for it, and has come to where it is held.
begin() {
	notifier=$(eventually 5 pid_of "its notifier" && pid_of "its notifier")
	notifier=${notifier##*$'\n'}
	hold "$notifier" "$held" "$where"
	inside "$@" >"$tap_dir/call" 2>&1 &
	call=$!
	eventually 5 helper_of "$notifier" >/dev/null
	helper=$(helper_of "$notifier")
	sleep 0.7
	lives "${helper:-x}" || fail "the helper is held"
}
finish() { # DESCRIPTION
	release
	wait $call
	is "$? $(cat "$tap_dir/call")" "0 " "$1" || diag "$(cat "$tap_dir/strace")"
	eventually 5 gone "$helper"
}
waits() { kill -0 "$call" 2>/dev/null; }

held=chroot where=enter
inside mount -t proc proc /new; inside mount -t proc proc /new
is "$(on)" 2 "two mounts, one on the other"
begin umount /new
is "$(holds "$notifier")" "cloister-$name swap" "(a notifier can switch the container's swap)"
is "$(holds "$helper")" "" "a helper that enters the container holds nothing for that"
kill -9 "$notifier"
sleep 0.5
ok "a successor waits for the helper that its predecessor had begun" waits
finish "and umount is answered"
is "$(on)" 1 "and has taken one away"

# The successor is to have its pattern: who makes that does nothing for the caller yet.
inside sh -c 'mount -t proc proc /new && umount /new'
begin mount -t proc proc /new
kill -9 "$notifier"
sleep 0.5
ok "so with a mount" waits
finish "and mount is answered"
is "$(on)" 2 "and has made one"

held=umount2 where=exit
begin umount /new
kill -9 "$helper"
finish "a helper that is killed after it unmounted: umount is answered"
is "$(on)" 1 "and has taken one away"
inside mount -t proc proc /new
begin umount /new
kill -9 "$notifier" "$helper"
finish "both killed: umount is answered"
is "$(on)" 1 "and has taken one away"
inside umount /new

# Right after it forked a notifier, before either has said who that is, the warden is killed: its twin
# may start another one (not every time). Who has threads takes calls.
notifiers() { for p in $(family 'cloister-warde.*'); do [ "$(ls "/proc/$p/task" 2>/dev/null | wc -l)" -lt 2 ] || echo "$p"; done; }
notifier=$(eventually 5 pid_of "its notifier" >/dev/null; pid_of "its notifier")
warden=$(pid_of cloister-warden)
hold "$warden" openat enter :when=1
before=$(family 'cloister-warde.*' | sort)
kill -9 "$notifier"
sleep 0.7
first=$(comm -13 <(echo "$before") <(family 'cloister-warde.*' | sort))
kill -9 "$warden"
release
sleep 2
isnt "$first" "" "a notifier was started by a warden that died at once"
is "$(notifiers | wc -l)" 1 "one notifier takes calls"
before=$(family 'cloister-warde.*' | wc -l)
kill -9 "$(notifiers)"
ok "and when it dies another one" inside sh -c 'mount -t proc proc /new && umount /new'
is "$(notifiers | wc -l)" 1 "which is one again"
is "$(on)" 0 "nothing is left mounted"
# The same at any of their steps, and with another process in the caller's place: tests/lib/step.c.
# STEP_EVERY=1: really at each, which takes half an hour.
steps() { # WHO EVERY CALL…
	local who=$1 every=${STEP_EVERY:-$2}
	shift 2
	report_inside "each step" < <("$top_builddir/tests/lib/step" "$state/$name/helpers" "$who" "$every" "$@" \
		-- cloister --root "$state" exec "$name" /bin/mediated steps 2>&1)
}
steps helper 4 mknod swapoff swapon
steps helper 13 mount-proc umount bind readonly setattr fsopen fspick setxattr
steps helper 90 mount-first mount-anew mount-sysfs fsmount
steps both 30 mount-proc umount mknod
steps notifier 5 sysinfo affinity umount umount-tmpfs fsopen
steps stale-helper 20 mount-proc umount setattr mknod setxattr swapoff
steps stale-notifier 3 sysinfo affinity
steps warden 6 sysinfo umount
cloister delete --force "$name"
done_testing
