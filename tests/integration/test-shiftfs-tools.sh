#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shiftfs: real programs on it, many files, few descriptors.
TEST_LANES=files
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate tool-python3
shiftfs=$top_builddir/shiftfs-fallback/shiftfs
backing=$work/backing view=$work/view
mkdir "$backing" "$view"
chmod 755 "$work"; chown 100000:100000 "$backing"
serve() { # SOURCE TARGET OPTION…
	"$top_builddir/tests/lib/shift-mount" "$1" "$2" "$shiftfs" --map 0:100000:65536 "${@:3}" >"$work/pid" 2>"$work/log" || { cat "$work/log"; return 1; }
}
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
unserve() { umount "$1" && eventually 5 gone "$(cat "$work/pid")" && cat "$work/log" && [ ! -s "$work/log" ]; }
cleanup() { umount -l "$view/over" "$view" "$work/debs" 2>/dev/null; }
on_exit cleanup
as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups env HOME="$view/home" "$@"; }

ok "served" serve "$backing" "$view"
mkdir -m 777 "$view/home"; mkdir -m 755 "$view/made"; chown 1000:1000 "$view/made"

if have tool-git; then
	as_user git init -q "$view/made/repo"
	cp -r "$top_srcdir/src" "$top_srcdir/tests" "$view/made/repo/"; chown -R 1000:1000 "$view/made/repo"
	as_user git -C "$view/made/repo" add -A
	as_user git -C "$view/made/repo" -c user.name=n -c user.email=e commit -qm one
	ok "git clone" as_user git clone -q --no-local "$view/made/repo" "$view/made/clone"
	ok "git fsck" as_user git -C "$view/made/clone" fsck --strict --full
	ok "git gc" as_user git -C "$view/made/clone" gc -q --aggressive
	is "$(as_user git -C "$view/made/clone" status --porcelain)" "" "and its work tree is clean"
else
	skip tool-git "git"
fi
if have tool-rsync; then
	mkdir "$work/tree"; cp -a "$top_srcdir/src" "$work/tree/"; ln "$work/tree/src/lib/fd.c" "$work/tree/hard"
	chown -R 1000:1001 "$work/tree/src/lib"; setfattr -n user.x -v y "$work/tree/hard"; truncate -s 5M "$work/tree/sparse"
	ok "rsync -aHAX" rsync -aHAX --numeric-ids "$work/tree/" "$view/rsync/"
	is "$(rsync -aHAXcni --numeric-ids --delete "$work/tree/" "$view/rsync/")" "" "has nothing left to do"
else
	skip tool-rsync "rsync"
fi
if have tool-sqlite3; then
	ok "unmounted" unserve "$view"
	ok "served with --cache strict, as others write in the directory itself" serve "$backing" "$view" --cache strict
	insert() { for _ in 1 2 3 4 5; do sqlite3 -cmd '.timeout 20000' "$1/home/db" "INSERT INTO t VALUES($2)" 2>/dev/null && return; done; return 1; }
	sqlite3 "$view/home/db" 'PRAGMA journal_mode=WAL; CREATE TABLE t(n);' >/dev/null
	pids=()
	for w in "$view" "$backing" "$view" "$backing"; do
		(for i in $(seq 60); do insert "$w" "$i" || exit 1; done) & pids+=($!)
	done
	bad=0; for p in "${pids[@]}"; do wait "$p" || bad=1; done
	is $bad 0 "sqlite3: four writers, two of them in the directory itself"
	is "$(sqlite3 "$view/home/db" 'SELECT count(*), sum(n) FROM t; PRAGMA integrity_check;' | tr '\n' ' ')" "240|7320 ok " "none is lost"
	if have launcher; then
		mkdir -m 777 "$work/shared"; pids=()
		sqlite3 "$work/shared/db" 'PRAGMA journal_mode=WAL; CREATE TABLE t(n);' >/dev/null; chmod 666 "$work/shared/db"
		for w in one two; do
			launch --name "$(cname $w)" -v "$work/shared:/db:shiftfs" -- sh -c 'grep -q " /db .*fuse.shiftfs" /proc/self/mountinfo || exit 1
				for i in $(seq 60); do sqlite3 -cmd ".timeout 20000" /db/db "INSERT INTO t VALUES($i)" || exit 1; done' >"$work/$w" 2>&1 </dev/null & pids+=($!)
		done
		bad=0; for p in "${pids[@]}"; do wait "$p" || { bad=1; diag "$(cat "$work/one" "$work/two")"; }; done
		is $bad 0 "sqlite3: two containers write to one database at once"
		is "$(sqlite3 "$work/shared/db" 'SELECT count(*), sum(n) FROM t; PRAGMA integrity_check;' | tr '\n' ' ')" "120|3660 ok " "none is lost either"
	else
		skip launcher "sqlite3: two containers"
	fi
else
	skip tool-sqlite3 "sqlite3"
fi
if have tool-gcc; then
	printf '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n' >"$view/home/p.c"
	ok "gcc" gcc -o "$view/home/p" "$view/home/p.c"
	is "$("$view/home/p")" built "and what it built runs"
else
	skip tool-gcc "gcc"
fi
if have tool-dpkg-deb; then
	mkdir -p "$work/pkg/DEBIAN" "$work/pkg/usr/share/pkg" "$view/root/var/lib/dpkg/"{info,updates} && touch "$view/root/var/lib/dpkg/status"
	printf 'Package: pkg\nVersion: 1\nArchitecture: all\nMaintainer: m <m@m>\nDescription: d\n' >"$work/pkg/DEBIAN/control"
	seq 1000 >"$work/pkg/usr/share/pkg/file"; dpkg-deb -b "$work/pkg" "$work/pkg.deb" >/dev/null
	ok "dpkg -i" dpkg --root="$view/root" --force-not-root --force-script-chrootless -i "$work/pkg.deb"
	is "$(dpkg --root="$view/root" -V pkg)" "" "dpkg -V"
else
	skip tool-dpkg-deb "dpkg"
fi

### A database whose server is killed: what it had said is there, and its files are whole
# (The package, installed, would make and start a cluster.)
pg_debs="postgresql-15 postgresql-client-15 libpq5 libicu72 libxml2 libxslt1.1 libldap-2.5-0 libsasl2-2"
# shellcheck disable=SC2086
if debs=$("$top_srcdir/tests/vm/fetch-deb.sh" bookworm $pg_debs 2>"$work/fetch"); then
	mkdir -m 700 "$view/pg"; chown daemon:daemon "$view/pg"
	mkdir "$work/debs"; ok "where others than root get at them" mount --bind "$debs" "$work/debs"
	pg() ( # COMMAND ARGUMENT…
		cd / && setpriv --reuid daemon --regid daemon --clear-groups env HOME=/ PGHOST="$view/pg" PGDATA="$view/pg" LC_ALL=C PGOPTIONS="-c jit=off" \
			LD_LIBRARY_PATH="$work/debs/usr/lib/x86_64-linux-gnu" "$work/debs/usr/lib/postgresql/15/bin/$1" "${@:2}" >"$work/pg.log" 2>&1
	)
	pg_start() { pg pg_ctl -l "$view/pg/log" -o "-c listen_addresses= -k $view/pg" -w start; }
	ok "PostgreSQL: initdb" pg initdb -U daemon || diag "$(cat "$work/pg.log")"
	ok "... starts" pg_start || diag "$(cat "$work/pg.log" "$view/pg/log")"
	ok "... tables are filled" pg pgbench -i -s 2 postgres || diag "$(tail -n 5 "$work/pg.log")"
	ok "... four clients" pg pgbench -c 4 -t 50 postgres || diag "$(tail -n 5 "$work/pg.log")"
	sums="SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history), count(*) FROM pgbench_history"
	ok "... is stopped without a checkpoint" pg pg_ctl -m immediate stop
	ok "... and recovers" pg_start
	pg psql -Atc "$sums" postgres
	is "$(cat "$work/pg.log")" "t|200" "... with all that it had done"
	pg psql -c "CREATE EXTENSION amcheck" postgres
	ok "... pg_amcheck" pg pg_amcheck --heapallindexed --parent-check postgres || diag "$(cat "$work/pg.log")"
	ok "... ends" pg pg_ctl -m fast stop
	rm -r "$view/pg"; umount "$work/debs"
else
	diag "$(cat "$work/fetch")"
	skip tool-postgres "PostgreSQL"
fi

ok "300 programs that are executed with a file open that the exec closes" python3 "$tests_lib/exec-closing.py" "$view/home/closed"

### Overlay on top, as an engine inside has it
mkdir -p "$view/o/"{lower/d,upper,wd} "$view/over"; echo low >"$view/o/lower/f"
if mount -t overlay o -o "lowerdir=$view/o/lower,upperdir=$view/o/upper,workdir=$view/o/wd" "$view/over"; then
	echo more >>"$view/over/f"; rm -r "$view/over/d"; mkdir "$view/over/new"; mv "$view/over/new" "$view/over/moved"
	is "$(cat "$view/over/f" | tr '\n' ' ')$(ls "$view/over" | tr '\n' ' ')" "low more f moved " "an overlay works on it"
	is "$(stat -c %F "$view/o/upper/d")" "character special file" "with whiteouts"
	umount "$view/over"
else
	fail "an overlay can be mounted on it"
fi

### Data: maps, holes, sizes
if [ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 609 ]; then
	ok "shared maps, holes, large files, positions" python3 "$tests_lib/shift-data.py" "$view/home" "$backing/home"
else
	skip fuse-passthrough "shared maps of what is written in the directory itself at the same time"
fi
ok "unmounted" unserve "$view"
ok "served without passthrough, with --cache strict" serve "$backing" "$view" --no-passthrough --cache strict
ok "shared maps, holes, large files, positions there" python3 "$tests_lib/shift-data.py" "$view/home" "$backing/home"
ok "unmounted" unserve "$view"

### Many files with few descriptors
mkdir "$work/few"; chown 100000:100000 "$work/few"
(cd "$work/few" && for d in $(seq 20); do mkdir "$d"; (cd "$d" && seq 2000 | xargs touch); done)
chown -R 100000:100000 "$work/few"
(ulimit -Sn 256; ulimit -Hn 256; serve "$work/few" "$view" --cache always)
# as somebody without the right to more
prlimit --pid "$(cat "$work/pid")" --nofile=256:256
is "$(find "$view" -type f -printf '%s\n' | wc -l)" 40000 "40 000 files are looked at with 256 descriptors"
below "$(find "/proc/$(cat "$work/pid")/fd" -mindepth 1 | wc -l)" 100 "of which few are used"
exec 7<"$view/1/1"; rm -r "$view/1"; is "$(stat -Lc %h /proc/self/fd/7)" 0 "removed while open"; exec 7<&-
used=$(awk '/RssShmem/ { print $2 }' "/proc/$(cat "$work/pid")/status")
diag "$used KiB for 38 000 nodes"
below 2000 "$used" "(they are remembered)"
below "$used" 7400 "with 200 bytes each at most"
echo 2 >/proc/sys/vm/drop_caches
eventually 5 test "$(awk '/RssShmem/ { print $2 }' "/proc/$(cat "$work/pid")/status")" -lt "$used"
below "$(awk '/RssShmem/ { print $2 }' "/proc/$(cat "$work/pid")/status")" $((used / 2)) "memory is given back when the kernel forgets"
ok "unmounted" unserve "$view"
done_testing
