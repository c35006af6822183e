#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of create, start, run and delete at random moments, 500 times or as often as 75 seconds allow:
# `delete --force` always cleans, and nothing is left. KILL9_SEED repeats a run's moments.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3; gate idmap
make_root "$work/plain/rootfs"
need_containers --rootfs "$work/plain/rootfs"
mkdir -p "$work/overlay/rootfs" "$work/upper" "$work/work"
mount -t overlay overlay -o "lowerdir=$work/plain/rootfs,upperdir=$work/upper,workdir=$work/work" "$work/overlay/rootfs" || exit 99
on_exit umount "$work/overlay/rootfs"
for b in plain overlay; do
	cloister spec --bundle "$work/$b"
	python3 - "$work/$b/config.json" <<-'PY'
	import json, sys
	d = json.load(open(sys.argv[1]))
	d["process"].update(terminal=False, args=["sleep", "1000"])
	json.dump(d, open(sys.argv[1], "w"))
	PY
done
python3 "$tests_lib/kill9.py" "$(type -P cloister)" "$state" "$work/plain" "$work/overlay" "$(cname k)" \
	"${KILL9_COUNT:-500}" "${KILL9_SECONDS:-75}" >"$tap_dir/kills"
is $? 0 "after every kill -9, delete --force leaves no state, claim, cgroup, mount or process" || diag "$(grep ^bad "$tap_dir/kills" | head -n 12)"
diag "$(grep -v ^bad "$tap_dir/kills")"
for kind in create run start delete; do
	below 1 "$(sed -n "s/^ok $kind kills=.*before-its-end=\([0-9]*\).*/\1/p" "$tap_dir/kills")" "$kind was killed before its end at least once"
done

### Two that create it, one that starts it, one that deletes it, all at once
name=$(cname race)
each() { timeout -k 5 30 "$(type -P cloister)" --root "$state" "${@:2}" "$name" </dev/null >"$tap_dir/race-$1" 2>&1; echo "$?" >"$tap_dir/race-$1.status"; }
wrong="" deleted=0
for _ in $(seq 25); do
	each a create --bundle "$work/plain" & pids=$!
	each b create --bundle "$work/plain" & pids+=" $!"
	sleep "0.0$((RANDOM % 5))"
	each c delete --force & pids+=" $!"
	each d start & pids+=" $!"
	# shellcheck disable=SC2086
	wait $pids
	for who in a b c d; do
		status=$(cat "$tap_dir/race-$who.status")
		said=$(cat "$tap_dir/race-$who")
		case $status in
		0) [ -z "$said" ] || wrong+=" $who: $said" ;;
		1) [ "$(wc -l <"$tap_dir/race-$who")" = 1 ] || wrong+=" $who: $said" ;;
		*) wrong+=" $who: status $status: $said" ;;
		esac
		case $said in *"deleted while it was being made"*) deleted=$((deleted + 1)) ;; *warden* | *cover*) wrong+=" $who: $said" ;; esac
	done
	each e delete --force
	[ "$(cat "$tap_dir/race-e.status")" = 0 ] || wrong+=" delete: $(cat "$tap_dir/race-e")"
done
is "$wrong" "" "create, create, start and delete at once: each works or fails in one line that says why ($deleted deleted while made)"
done_testing
