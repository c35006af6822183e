#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Random calls about mounts, namespaces, roots, nodes and attributes, by a container's root with all
# capabilities; after each round somebody looks from outside at what every process of it can reach.
# FUZZ_SEED=1 repeats a run; FUZZ_ROUNDS: how many (6000 take ten minutes: make check-long).
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3
root=$work/root
make_root "$root"
cp "$top_builddir/tests/lib/mount-fuzz" "$root/bin/"
mkdir -p "$root"/fz/{a,b,c}
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname fuzz)
seed=${FUZZ_SEED:-$RANDOM}
rounds=${FUZZ_ROUNDS:-10}
diag "FUZZ_SEED=$seed FUZZ_ROUNDS=$rounds"
memory=
have cgroup-memory && memory='--memory 256M'
# shellcheck disable=SC2086
launch_detached "$name" --privileged --rootfs "$root" $memory --pids 300 -- sleep 10000 || { fail "a container starts"; done_testing; }
init=$(init_pid "$name")
# That the observer sees what it is there for, on the host's own trees.
observe() { python3 "$tests_lib/mount-observer.py" "$@"; }
unshare -m sleep 1000 </dev/null >/dev/null 2>&1 &
bare=$!
on_exit kill $bare
like "$(echo | observe "$bare" "$root" 2>&1)" 'shows its own meminfo' "the observer sees a bare procfs"

coproc watch { observe "$init" "$root" 2>&1; }
watch_in=${watch[1]} watch_out=${watch[0]}
mkfifo "$tap_dir/in"
cloister exec "$name" mount-fuzz "$seed" 5 40 <"$tap_dir/in" >"$tap_dir/said" 2>&1 &
fuzzer=$!
exec 9>"$tap_dir/in"
says() { [ "$(grep -c "^$1" "$tap_dir/said")" -ge "$2" ]; }
wrong=
for ((i = 1; i <= rounds; i++)); do
	echo go >&9
	eventually 200 says ready $i || { wrong="round $i does not end: $(tail -n 1 "$tap_dir/said")"; break; }
	echo >&"$watch_in"
	read -r -t 200 -u "$watch_out" saw || saw="the observer says nothing"
	[ "$saw" = same ] || { wrong="round $i: $saw"; break; }
	echo next >&9
	eventually 200 says over $i || { wrong="round $i is not over"; break; }
done
is "$wrong" "" "after each of $rounds rounds nothing of the host is reached, and no view shows the host's"
exec 9>&-
wait $fuzzer
ok "the container still can be asked" sh -c "command cloister --root '$state' status '$name' >/dev/null"
alive() { cloister status --json "$name" | json "','.join(sorted(h['name'] for h in d['helpers'] if h['alive']))"; }
like "$(alive)" 'cloister-fs.*cloister-warden' "its helpers live"
helpers_alone() { [ "$(family 'cloister-warde.*' | wc -l)" -le 3 ]; }
ok "and none of what they made is left" eventually 10 helpers_alone
ok "and deleted" cloister delete --force "$name"
exec {watch_in}>&-
done_testing
