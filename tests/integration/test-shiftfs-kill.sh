#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs --survive: killed processes are replaced, and what was open, locked or under way stays.
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
