#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of anything: one helper is not noticed inside; all of them, and the next command cleans up.
# shellcheck disable=SC2046,SC2086
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
need_containers --rootfs "$root"
helper_names='cloister.*'

# One detached container; its helpers in $helpers, its first process in $init.
start() {
	name=$(cname "$1")
	launch_detached "$name" --rootfs "$root" -- sleep 1000 || { fail "$1: a container starts"; return 1; }
	init=$(init_pid "$name")
	helpers=$(family "$helper_names")
	[ -n "$init" ] && [ -n "$helpers" ] || { fail "$1: the container has helpers"; return 1; }
}
describe() { for p; do echo "$(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | cut -c 1-60)"; done; }

### A reader and a writer inside notice nothing while each helper dies, twice
start survive || done_testing
n_helpers=$(wc -w <<<"$helpers")
below 3 "$n_helpers" "warden, twin and server ($n_helpers helpers)"
cloister exec "$name" sh -c '
	n=0
	while [ ! -e /tmp/stop ]; do
		read -r up rest </proc/uptime || echo "uptime failed"
		case $up in [0-9]*) ;; *) echo "uptime said <$up>" ;; esac
		grep -q "^MemTotal: *[0-9]" /proc/meminfo || echo "meminfo failed"
		echo $((n % 100)) >/proc/sys/kernel/panic || echo "write failed"
		read -r p </proc/sys/kernel/panic; [ "$p" = $((n % 100)) ] || echo "panic said <$p>, not $((n % 100))"
		n=$((n + 1))
	done
	echo "rounds $n"' </dev/null >"$tap_dir/reader" 2>&1 &
reader=$!
sleep 0.3
for round in 1 2; do
	for kind in cloister-fs cloister-warden; do
		for pid in $(family "$kind.*"); do
			[ -d "/proc/$pid" ] || continue
			what=$(describe "$pid")
			kill -9 "$pid"
			sleep 0.2
			ok "round $round: a new open works after the death of ${what:-$kind}" cloister exec "$name" cat /proc/uptime
		done
	done
done
like "$(cloister status "$name")" 65536 "status still knows it"
touch "$root/tmp/stop"
# The reader must end by itself; it hangs for ever if one request was lost.
eventually 5 sh -c "! kill -0 $reader 2>/dev/null"
if kill -0 $reader 2>/dev/null; then fail "the reader never hung"; kill -9 $reader; else pass "the reader never hung"; fi
like "$(tail -n 1 "$tap_dir/reader")" '^rounds [0-9]+$' "it ran to the end"
is "$(grep -v ^rounds "$tap_dir/reader" | sort | uniq -c | head -n 5)" "" "and saw no error and no wrong value"
is "$(wc -w <<<"$(family "$helper_names")")" "$n_helpers" "the helpers are all there again"
cloister delete --force "$name"
rm -f "$root/tmp/stop"
nothing_left "after delete nothing is left"

### All helpers at once: an error inside, never the host's number; the next command cleans up
start all || done_testing
# shellcheck disable=SC2086
kill -9 $helpers
sleep 0.2
if kill -0 "$init" 2>/dev/null; then
	inside=$(timeout 5 nsenter -t "$init" -m grep "" /proc/uptime 2>&1)
	case $? in
	0) below "$(cut -d ' ' -f 1 <<<"$inside")" 60 "a value after the death of all helpers is the container's" ;;
	124) fail "reading after the death of all helpers hangs" ;;
	*) pass "reading after the death of all helpers fails ($inside)" ;;
	esac
	like "$(cloister status "$name" 2>&1)" 'helper|dead|lost|gone' "status says so"
fi
cloister delete --force "$name" >/dev/null 2>&1
nothing_left "all helpers killed, then delete: nothing is left"

### kill -9 of one kind, of several, of everything; then the next cloister command
kill_and_look() { # DESC PID…
	local desc=$1
	shift
	kill -9 "$@" 2>/dev/null
	sleep 0.2
	cloister list >/dev/null 2>&1
	cloister delete --force "$name" >/dev/null 2>&1
	nothing_left "$desc: nothing is left a second later"
	is "$(launch --rootfs "$root" -- awk '{ print $2 }' /proc/self/uid_map </dev/null 2>&1)" "$first_base" "$desc: the range is free again"
}
first_base=$(launch --rootfs "$root" -- awk '{ print $2 }' /proc/self/uid_map </dev/null)
start k-init && kill_and_look "kill -9 of process 1" "$init"
start k-server && kill_and_look "kill -9 of the server" $(family 'cloister-fs.*')
start k-warden && kill_and_look "kill -9 of warden and twin" $(family 'cloister-warde.*')
start k-all && kill_and_look "kill -9 of everything" $helpers "$init"
# Without delete: everything of it is dead, so the next command, whichever, cleans up.
for next in "list" "launch --rootfs $root -- true" "status"; do
	start k-next || continue
	# shellcheck disable=SC2086
	kill -9 $helpers "$init"
	sleep 0.2
	# shellcheck disable=SC2086
	cloister $next </dev/null >/dev/null 2>&1
	nothing_left "kill -9 of everything, then '${next%% *}': nothing is left a second later"
	cloister delete --force "$name" >/dev/null 2>&1
done
# A foreground launcher, killed alone and with all of its helpers.
for who in launcher everything; do
	name=$(cname "fg-$who")
	launch --rootfs "$root" --name "$name" --env "CNAME=$name" -- sleep 1000 </dev/null >/dev/null 2>&1 &
	shell=$!
	eventually 5 init_pid "$name" >/dev/null
	init=$(init_pid "$name")
	launcher=$(pgrep -P $shell -x cloister || echo $shell)
	if [ $who = launcher ]; then
		kill -9 "$launcher"
	else
		# shellcheck disable=SC2046
		kill -9 "$launcher" "$init" $(family "$helper_names") 2>/dev/null
	fi
	wait $shell 2>/dev/null
	sleep 0.2
	cloister list >/dev/null 2>&1
	nothing_left "kill -9 of a foreground $who and one more command: nothing is left"
	cloister delete --force "$name" >/dev/null 2>&1
done
# The launcher killed at any moment of a start.
for delay in 0.002 0.004 0.006 0.008 0.010 0.015 0.020 0.030; do
	launch --rootfs "$root" --name "$(cname early)" -- sleep 1000 </dev/null >/dev/null 2>&1 &
	shell=$!
	sleep $delay
	kill -STOP $shell # else it may start the launcher after pgrep has looked
	kill -9 $shell $(pgrep -P $shell) 2>/dev/null
	wait $shell 2>/dev/null
	sleep 0.1
	cloister list >/dev/null 2>&1
	nothing_left "the launcher killed after $delay s: nothing is left"
	cloister delete --force "$(cname early)" >/dev/null 2>&1
done
done_testing
