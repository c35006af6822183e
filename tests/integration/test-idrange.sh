#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every container has 65536 host ids of its own, lowest free first.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
need_containers --rootfs "$root"

# The ranges that should come, given what this host gives to others.
expected() {
	python3 - "$1" <<'END'
import sys
taken = []
def ids(path, field):
    try:
        for line in open(path):
            f = line.strip().split(":")
            if len(f) > field and f[field].isdigit(): yield f, int(f[field])
    except OSError: pass
for path in ("/etc/passwd", "/etc/group"):
    taken += [(i, 1) for _, i in ids(path, 2)]
for path in ("/etc/subuid", "/etc/subgid"):
    taken += [(i, int(f[2])) for f, i in ids(path, 1) if len(f) > 2 and f[2].isdigit()]
base, out = 100000, []
while len(out) < int(sys.argv[1]):
    if not any(b < base + 65536 and base < b + n for b, n in taken): out.append(base)
    base += 65536
print(*out)
END
}
read -r first second third < <(expected 3)
bases() { for n; do cloister exec "$n" awk '{ print $2 }' /proc/self/uid_map </dev/null; done; }
a=$(cname a) b=$(cname b) c=$(cname c)
launch_detached "$a" --rootfs "$root" -- sleep 1000
launch_detached "$b" --rootfs "$root" -- sleep 1000
is "$(cloister exec "$a" cat /proc/self/uid_map </dev/null | tr -s ' ' | sed 's/^ //')" "0 $first 65536" "the first container's uid_map"
is "$(cloister exec "$a" cat /proc/self/gid_map </dev/null | tr -s ' ' | sed 's/^ //')" "0 $first 65536" "and gid_map"
is "$(cloister exec "$b" cat /proc/self/uid_map </dev/null | tr -s ' ' | sed 's/^ //')" "0 $second 65536" "the second one beside it"
is "$(cat "/proc/$(init_pid "$a")/uid_map" | tr -s ' ' | sed 's/^ //')" "0 $first 65536" "as the host sees it"
cloister delete --force "$a"
launch_detached "$c" --rootfs "$root" -- sleep 1000
is "$(bases "$c")" "$first" "a freed range is used again"
launch_detached "$a" --rootfs "$root" -- sleep 1000
is "$(bases "$a")" "$third" "the next one takes the third"
for n in "$a" "$b" "$c"; do cloister delete --force "$n"; done
is "$(launch --rootfs "$root" -- awk '{ print $2 }' /proc/self/uid_map </dev/null)" "$first" "and after all are gone the first again"
# What others were given is avoided: a private /etc for the launcher alone.
unshare -m sh -c "
	printf 'alice:%s:65536\n' '$first' >$work/subuid; : >$work/subgid
	printf 'root:x:0:0::/:/bin/sh\nbob:x:%s:1::/:/bin/sh\n' '$((second + 5))' >$work/passwd
	touch /etc/subuid /etc/subgid
	mount --bind $work/subuid /etc/subuid; mount --bind $work/subgid /etc/subgid; mount --bind $work/passwd /etc/passwd
	command cloister --root '$state' launch --rootfs '$root' -- awk '{ print \$2 }' /proc/self/uid_map </dev/null" >"$tap_dir/base"
got=$(cat "$tap_dir/base")
if [ -n "$got" ] && { [ "$got" -ge $((first + 65536)) ] && { [ $((got + 65536)) -le $((second + 5)) ] || [ "$got" -gt $((second + 5)) ]; }; }; then
	pass "/etc/subuid and /etc/passwd of others are avoided ($got)"
else
	fail "/etc/subuid and /etc/passwd of others are avoided"
	diag "got '$got'; alice has $first+65536, bob is $((second + 5))"
fi

### 200 containers by 20 parallel launchers
count=${IDRANGE_CONTAINERS:-200} launchers=20
each=$((count / launchers))
for ((l = 0; l < launchers; l++)); do
	(
		for ((i = 0; i < each; i++)); do
			launch --detach --name "$(cname "p$l-$i")" --rootfs "$root" -- sleep 1000 </dev/null >>"$tap_dir/parallel" 2>&1 ||
				echo "p$l-$i failed"
		done
	) >>"$tap_dir/failed" 2>&1 &
done
wait
is "$(cat "$tap_dir/failed")" "" "$count containers start from $launchers launchers at once" || diag "$(sort "$tap_dir/parallel" | uniq -c | sort -rn | head -5)"
maps=$(for p in $(family sleep); do awk 'NR == 1 { print $2 }' "/proc/$p/uid_map" 2>/dev/null; done | sort -n)
is "$(wc -l <<<"$maps")" "$count" "$count live"
is "$(uniq -d <<<"$maps")" "" "no two have the same range"
is "$(awk 'NR > 1 && $1 - last < 65536 { print last, $1 } { last = $1 }' <<<"$maps")" "" "no two overlap"
is "$(tail -n 1 <<<"$maps")" "$(expected "$count" | awk '{ print $NF }')" "and no range is left out"
start=${EPOCHREALTIME/./}
is "$(cloister list --json | json 'len(d if isinstance(d, list) else d["containers"])')" "$count" "list shows $count"
diag "list of $count containers: $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
for ((l = 0; l < launchers; l++)); do
	(for ((i = 0; i < each; i++)); do cloister delete --force "$(cname "p$l-$i")" </dev/null; done) >>"$tap_dir/deleted" 2>&1 &
done
wait
is "$(cat "$tap_dir/deleted")" "" "and all are deleted"
nothing_left "nothing is left of them" 2
is "$(launch --rootfs "$root" -- awk '{ print $2 }' /proc/self/uid_map </dev/null)" "$first" "the first range is free again"
### Two state roots, one machine: the registry that everybody uses
shared() { env -u CLOISTER_PRIVATE_CLAIMS "$(type -P cloister)" --root "$1" "${@:2}"; }
for r in "$state" "$work/state2"; do
	shared "$r" launch --detach --name "$(cname "of-${r##*/}")" -- sleep 1000 </dev/null >/dev/null || fail "a container in $r starts"
done
base_of() { shared "$1" list --json | json 'd[0]["ids"]["base"]'; }
isnt "$(base_of "$state")" "$(base_of "$work/state2")" "containers of two state roots share no id"
for r in "$state" "$work/state2"; do shared "$r" delete --force "$(cname "of-${r##*/}")"; done

done_testing
