#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs --survive: killed processes are replaced, and what was open, locked or under way stays.
TEST_LANES=files
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate tool-python3
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
backing=$work/backing view=$work/view
mkdir "$backing" "$view"
chmod 755 "$work"; chown 100000:100000 "$backing"
serve() { # OPTION…
	"$top_builddir/tests/lib/shift-mount" "$backing" "$view" "$shiftfs" --map 0:100000:65536 "$@" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
}
processes() { ps -e -o pid= -o sid= -o stat= | awk -v s="$(cat "$work/pid")" '$2 == s && $3 !~ /^[ZX]/' | wc -l; }
none_left() { [ "$(processes)" = 0 ]; }
unserve() { umount "$view" && eventually 5 none_left && cat "$work/log" && [ ! -s "$work/log" ]; }
cleanup() { umount -l "$view" 2>/dev/null; }
on_exit cleanup

for options in "" "--no-passthrough" "--cache strict"; do
	# shellcheck disable=SC2086
	ok "served with --survive $options" serve --survive $options
	is "$(processes)" 3 "by three processes"
	ok "processes are killed under load, and nobody notices" python3 "$tests_lib/shift-kill.py" "$view" "$(cat "$work/pid")" 6
	is "$(processes)" 3 "there are three"
	ok "unmounted, and all have ended" unserve
	rm -rf "${backing:?}"/*
done

### Several mounts of one server
ram=$work/ram other=$work/other
mkdir "$ram" "$other"
mount -t tmpfs -o mode=755 ram "$ram"; on_exit umount -q "$ram"; on_exit umount -lq "$other"
chown 100000:100000 "$ram"
also() { serve --survive "$@" --next "$ram" "$other" --map 0:100000:65536; }
server() { ps -e -o pid= -o sid= -o comm= | awk -v s="$(cat "$work/pid")" '$2 == s && $3 == "shiftfs" { print $1; exit }'; }
held() { # how many of the server's descriptors are of the second source's file system
	local fd
	for fd in "/proc/$(server)/fd/"*; do stat -Lc %d "$fd" 2>/dev/null; done | grep -cx "$(stat -c %d "$ram")"
}
not_held() { [ "$(held)" = 0 ]; }
ok "two mounts are served" also --cache strict
is "$(processes)" 3 "by three processes"
ok "which are killed under load on both, and nobody notices" python3 "$tests_lib/shift-kill.py" "$view:$other" "$(cat "$work/pid")" 4
is "$(stat -c %u:%g "$other/kept") $(stat -c %u:%g "$ram/kept")" "0:0 100000:100000" "each shows its own directory"
exec 5>"$view/open"
umount "$other"
is "$(processes)" 3 "one is unmounted, the other one served"
kill -KILL "$(server)"
echo more >&5
is "$(cat "$view/open")" more "also killed once more"
exec 5>&-
ok "unmounted, and all have ended" unserve
rm -rf "${backing:?}"/*
ok "two mounts" also # of a server that nobody has killed: who is killed may leave descriptors
exec 5>"$view/open"
echo x >"$other/x"
isnt "$(held)" 0 "the server holds what it serves"
umount "$other"
ok "and no more when that mount is no more" eventually 5 not_held
echo more >&5; exec 5>&-
ok "unmounted, and all have ended" unserve
ok "two mounts" also
umount "$view"
echo x >"$other/x"
is "$(cat "$ram/x")" x "the first one is not needed for the second"
umount "$other"
ok "both unmounted, and all have ended" eventually 5 none_left

### A hostile container on one mount, who is honest on the other; kills meanwhile
size() { # descriptors, and KiB of memory
	echo "$(ls "/proc/$(server)/fd" | wc -l) $(awk '/^Rss(Anon|Shmem)/ { n += $2 } END { print n }' "/proc/$(server)/status")"
}
mkdir "$work/outside"; echo outside >"$work/outside/secret"; chmod -R a+rwX "$work/outside"
rm -rf "${ram:?}"/*
for options in "" "--no-passthrough --cache strict"; do
	# shellcheck disable=SC2086
	ok "two mounts are served $options" also $options
	before=$(size)
	"$top_builddir/tests/lib/shift-hurt" "$view" 7 >"$work/hurt" 2>&1 & hurt=$!
	ok "one is hurt, all are killed, and nobody on the other notices" python3 "$tests_lib/shift-kill.py" "$other" "$(cat "$work/pid")" 6
	wait $hurt
	is "$? $(cat "$work/hurt")" "0 " "nor do processes die of it who hurt"
	umount "$other"
	rm -rf "${view:?}"/* "${ram:?}"/*
	after=$(size)
	# A death can leave the descriptors that were being opened: of some 20 deaths, and each of two workers' two.
	below "${after% *}" $((${before% *} + 80)) "the descriptors of the last server are few: $after, before $before"
	below "${after#* }" $((${before#* } + 32768)) "its memory too (KiB)"
	ok "unmounted, and all have ended" unserve
	chown 100000:100000 "$backing"; chmod 755 "$backing" # which had them changed, too
	# shellcheck disable=SC2086
	"$top_builddir/tests/lib/shift-mount" "$backing" "$view" "$shiftfs" --map 0:0:65536 --survive $options --next "$ram" "$other" --map 0:100000:65536 \
		>"$work/pid" 2>"$work/log" || fail "two mounts are served once more"
	"$top_builddir/tests/lib/shift-attack" "$backing" "$work/outside" 6 & attack=$!
	eventually 5 test -e "$backing/target"
	python3 "$tests_lib/shift-victim.py" "$view" 5 >"$work/victim" 2>&1 & victim=$!
	ok "killed while names are swapped below one, and nobody on the other notices" python3 "$tests_lib/shift-kill.py" "$other" "$(cat "$work/pid")" 5
	wait $victim
	is $? 0 "nothing outside of the tree is reached, and no request hangs" || diag "$(cat "$work/victim")"
	wait $attack
	is "$(cat "$work/outside/"*)" outside "nor is it written"
	umount "$other"
	ok "unmounted, and all have ended" unserve
	rm -rf "${backing:?}"/* "${ram:?}"/*
done
umount "$ram"

### Requests of several mounts that outlive several servers: the backing, which is served too, does not answer meanwhile
base=$work/base
mkdir "$base" "$backing/a" "$backing/b"; echo a >"$backing/a/x"; echo b >"$backing/b/x"
below=$("$top_builddir/tests/lib/shift-mount" "$backing" "$base" "$shiftfs" --map 0:0:65536 --map 100000:100000:65536 --cache strict 2>/dev/null); on_exit umount -lq "$base"
"$top_builddir/tests/lib/shift-mount" "$base/a" "$view" "$shiftfs" --map 0:0:65536 --survive --next "$base/b" "$other" --map 0:0:65536 >"$work/pid" 2>"$work/log"
waiting() { [ "$(cat "/proc/$(server)/task/"*/wchan 2>/dev/null | grep -oE 'request_wait_answer|fuse_request_send|fuse_simple_request' | wc -l)" = "$1" ]; }
# Linux 5.10 does not tell where they wait.
seen() { if [ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 601 ]; then ok "$@"; else sleep 2; skip kernel-wchan "$1"; fi; }
kill -STOP "$below"
cat "$view/x" >"$work/a" & readers=$!
cat "$other/x" >"$work/b" & readers="$readers $!"
seen "a request to each of two mounts takes long" eventually 5 waiting 2
was=$(server); kill -KILL "$was"; eventually 5 eval '[ "$(server)" != "$was" ]'
seen "its server is killed: both are tried again" eventually 5 waiting 2
was=$(server); kill -KILL "$was"; eventually 5 eval '[ "$(server)" != "$was" ]'
seen "and once more: one after the other, since one of them may be the cause" eventually 5 waiting 1
kill -CONT "$below"
for p in $readers; do eventually 10 eval "! kill -0 $p 2>/dev/null" || kill "$p"; done
is "$(cat "$work/a" "$work/b" | tr -d '\n')" ab "both are answered"
umount "$other"
ok "unmounted, and all have ended" unserve
umount "$base"
rm -rf "${backing:?}"/*

### The ends
ok "served" serve --survive
kill "$(cat "$work/pid")"
ok "SIGTERM to the first ends all" eventually 5 none_left
fails 'not connected' "and the mount" ls "$view"
umount "$view"
ok "served" serve --survive
kill -KILL -- "-$(cat "$work/pid")"
ok "SIGKILL to all is the end" eventually 5 none_left
fails 'not connected' "and nothing else is shown" ls "$view"
umount "$view"
done_testing
