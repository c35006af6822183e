#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Root file systems on overlay, laid out and mounted as the engines do it.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox; gate tool-python3; gate idmap

# A program of the host and the libraries that it needs.
add_tool() {
	local tool dir=$1 lib
	shift
	for tool in "$@"; do
		tool=$(type -P "$tool") || return 1
		mkdir -p "$dir/usr/bin"
		rm -f "$dir/usr/bin/$(basename "$tool")"
		cp -L "$tool" "$dir/usr/bin/"
		for lib in $(ldd "$tool" | grep -o '/[^ ]*'); do
			mkdir -p "$dir$(dirname "$lib")"
			cp -L "$lib" "$dir$lib"
		done
	done
}

# What a layer looks like on disk: names, inodes, owners, modes, times of change.
prints() { find "$@" -printf '%p %i %U:%G %m %s %T@ %C@\n' | sort; }

xattr() { python3 -c 'import os,sys; print(os.getxattr(sys.argv[1], sys.argv[2]).decode(errors="replace"))' "$@" 2>/dev/null || echo missing; }

# overlay_mount DIR OPTIONS TARGET: mount(2) as it is, without mount(8)'s own ideas of quoting.
overlay_mount() {
	python3 - "$@" <<-'PY'
	import ctypes, os, sys
	os.chdir(sys.argv[1])
	libc = ctypes.CDLL(None, use_errno=True)
	if libc.mount(b"overlay", os.fsencode(sys.argv[3]), b"overlay", 0, os.fsencode(sys.argv[2])) != 0:
	    sys.exit("mount: " + os.strerror(ctypes.get_errno()))
	PY
}

base=$work/base
make_root "$base"
chown 1000:1000 "$base/home"
echo lower >"$base/etc/of-1000"; chown 1000:1000 "$base/etc/of-1000"
echo gone >"$base/etc/removed"
mkdir -p "$base/srv/d/sub" "$base/opt/old"
echo x >"$base/srv/d/sub/file"
echo x >"$base/opt/old/hidden"
echo linked >"$base/etc/link-a"; ln "$base/etc/link-a" "$base/etc/link-b"
# Not busybox, which gives up such rights.
add_tool "$base" cat
mkdir "$base/suid"; mv "$base/usr/bin/cat" "$base/suid/"; chown 1000:1000 "$base/suid/cat"; chmod 6755 "$base/suid/cat"
add_tool "$base" setcap getcap setfattr getfattr || skip tool-setcap "capabilities inside"
need_containers --rootfs "$base"

# layout_docker HOME ID: as overlay2 of Docker: layers in ID/diff, short names in l/, all relative.
layout_docker() {
	local home=$1 id=$2
	mkdir -p "$home/l" "$home"/base/diff "$home/$id-init"/{diff,work} "$home/$id"/{diff,work,merged}
	cp -a "$base/." "$home/base/diff"
	ln -s ../base/diff "$home/l/BASE"
	ln -s "../$id-init/diff" "$home/l/INIT"
	ln -s "../$id/diff" "$home/l/TOP"
	overlay_mount "$home" "lowerdir=l/INIT:l/BASE,upperdir=$id/diff,workdir=$id/work,index=off" "$id/merged"
	on_exit umount "$home/$id/merged"
}

### Docker
docker=$work/docker/overlay2
layout_docker "$docker" c1
merged=$docker/c1/merged
in_c1() { launch --rootfs "$merged" "$@" </dev/null; }
prints "$docker/base" "$docker/c1-init" "$docker/l" >"$tap_dir/before"
in_c1 -- true
is $? 0 "Docker's layout: a container starts"
prints "$docker/base" "$docker/c1-init" "$docker/l" >"$tap_dir/after"
is "$(diff "$tap_dir/before" "$tap_dir/after")" "" "no inode of an image layer changes by a start and a stop: no owner, no time of change"
is "$(find "$docker/c1/diff" -mindepth 1 ! -type d)" "" "in the upper layer there are mount points at most"
prints "$docker/base" "$docker/c1-init" "$docker/l" "$docker/c1/diff" >"$tap_dir/before"
in_c1 -- true
prints "$docker/base" "$docker/c1-init" "$docker/l" "$docker/c1/diff" >"$tap_dir/after"
is "$(diff "$tap_dir/before" "$tap_dir/after")" "" "the second time not even the upper layer's"
is "$(ls -A "$docker/c1")" "$(printf 'diff\nmerged\nwork')" "nothing is left beside the layers"
is "$(in_c1 -- stat -c '%u:%g' /etc/passwd /etc/of-1000 /home / | tr '\n' ' ')" "0:0 1000:1000 1000:1000 0:0 " \
	"owners inside are those on disk"
in_c1 -- sh -c 'echo new >/etc/new; mkdir /srv/new; mknod /srv/fifo p; ln -s x /srv/sym
	echo more >>/etc/of-1000; rm /etc/removed; rm -r /opt/old; mkdir /opt/old; mv /srv/d /srv/e
	echo v >/home/by-1000; chown 5:6 /etc/link-a; chmod 4711 /bin/attack 2>/dev/null; touch -d @1 /etc/group'
is $? 0 "it is written to: new files, copy-up, whiteouts, an opaque directory, a renamed directory, hard links"
is "$(cd "$docker/c1/diff" && stat -c '%n %u:%g' etc/new srv/new srv/fifo srv/sym etc/of-1000 home/by-1000 etc/link-a | tr '\n' ' ')" \
	"etc/new 0:0 srv/new 0:0 srv/fifo 0:0 srv/sym 0:0 etc/of-1000 1000:1000 home/by-1000 0:0 etc/link-a 5:6 " \
	"on disk: as inside"
is "$(find "$docker" \( -uid +65535 -o -gid +65535 \) | head)" "" "no id of the container's range is on disk"
is "$(stat -c '%F %t:%T' "$docker/c1/diff/etc/removed")" "character special file 0:0" "a whiteout for what was removed"
is "$(xattr "$docker/c1/diff/opt/old" trusted.overlay.opaque)" y \
	"an opaque directory for what was made again"
is "$(in_c1 -- sh -c 'ls /etc/removed /opt/old/hidden 2>&1 | grep -c "No such"; cat /srv/e/sub/file; cat /etc/of-1000' | tr '\n' ' ')" \
	"2 x lower more " "the next container sees it so"
is "$(umount "$merged" && overlay_mount "$docker" "lowerdir=l/INIT:l/BASE,upperdir=c1/diff,workdir=c1/work,index=off" c1/merged && cat "$merged/etc/of-1000" "$merged/srv/e/sub/file" 2>&1 | tr '\n' ' '; [ -e "$merged/etc/removed" ] || echo gone)" \
	"lower more x gone" "and so does the engine, mounting it again"
is "$(in_c1 --user 1000 -- sh -c 'touch /etc/x 2>/dev/null || echo no; echo mine >>/etc/of-1000 && echo yes; touch /home/y && stat -c %u /home/y' | tr '\n' ' ')" \
	"no yes 1000 " "a user inside has the rights of that owner on disk"
is "$(in_c1 --user 7:7 -- /suid/cat /proc/self/status | awk '/^[UG]id:/ {print $2, $3}' | tr '\n' ' ')" \
	"7 1000 7 1000 " "a suid and sgid program of 1000 runs with its owner's rights"
is "$(in_c1 -- sh -c 'mkdir /mapped; cp /bin/busybox /mapped/ && /mapped/busybox cmp /mapped/busybox /bin/busybox && echo same')" same \
	"what was written is mapped and executed"
if [ -x "$base/usr/bin/setcap" ]; then
	is "$(in_c1 -- sh -c 'mkdir /ping; cp /bin/busybox /ping/; setcap cap_net_raw+ep /ping/busybox && getcap /ping/busybox')" \
		"/ping/busybox cap_net_raw=ep" "a file capability set inside is seen inside"
	is "$(in_c1 --user 1000 -- /ping/busybox grep CapEff /proc/self/status | awk '{print $2}')" 0000000000002000 \
		"and works"
	like "$(getfattr --absolute-names -e hex -n security.capability "$docker/c1/diff/ping/busybox" 2>&1)" \
		'0x0100000200200000000000000000000000000000(00000000)?$' "on disk it is as on a host, of no user namespace"
	is "$(in_c1 -- sh -c 'setfattr -n user.note -v hello /etc/hosts2 2>/dev/null || { touch /etc/hosts2; setfattr -n user.note -v hello /etc/hosts2; }; getfattr --only-values -n user.note /etc/hosts2 2>/dev/null')" \
		hello "user attributes"
	in_c1 -- setfattr -n trusted.overlay.opaque -v y /srv 2>/dev/null
	isnt $? 0 "no trusted attribute can be set inside"
fi
in_c1 -- mknod /dev-null c 1 1 2>/dev/null
isnt $? 0 "no node of a device that harms can be made"
like "$(in_c1 -- grep ' / ' /proc/mounts)" '^overlay / overlay rw,' "/proc/mounts names an overlay as root"
unlike "$(in_c1 -- cat /proc/self/mountinfo)" "$work" "and no directory of the host"
is "$(in_c1 -- df -k / | awk 'NR==2 {print $2}')" "$(df -k "$merged" | awk 'NR==2 {print $2}')" "df shows the size of the disk"

### The engine's view
name=$(cname view)
launch_detached "$name" --rootfs "$merged" -- sh -c 'ls /later 2>/dev/null; while ! [ -e /later ]; do sleep 0.05; done; cat /later >/seen; touch /done; sleep 1000'
like "$(awk -v m="$merged" '$5 == m' /proc/self/mountinfo | tail -n 1)" ' fuse[.]shiftfs ' "a view of the container's overlay lies on the engine's mount"
echo written >"$merged/later"
ok "the container sees what the engine writes there" eventually 10 test -e "$merged/done"
is "$(cat "$merged/seen" "$docker/c1/diff/seen")" "$(printf 'written\nwritten')" "and the engine what the container writes"
is "$(stat -c '%u:%g' "$merged/seen" "$merged/etc/of-1000" "$docker/c1/diff/later" | tr '\n' ' ')" "0:0 1000:1000 0:0 " \
	"with the ids of the disk"
mkdir "$work/copy"
ok "tar out" sh -c "tar -C '$merged' -cf - etc | tar -C '$work/copy' -xpf -"
is "$(stat -c '%u:%g' "$work/copy/etc/of-1000")" 1000:1000 "keeps owners"
ok "tar in" sh -c "tar -C '$work/copy' -cf - etc | tar -C '$merged' --one-top-level=in -xpf -"
is "$(cloister exec "$name" stat -c '%u:%g' /in/etc/of-1000 /in/etc/passwd </dev/null | tr '\n' ' ')" "1000:1000 0:0 " "keeps them too"
chown 1234:1234 "$merged/in"
is "$(cloister exec "$name" stat -c '%u:%g' /in </dev/null)" 1234:1234 "chown by the engine"
cloister delete --force "$name"
is "$(awk -v m="$merged" '$5 == m { print $(NF-2) }' /proc/self/mountinfo)" overlay "after delete only the engine's own mount is there"
is "$(cat "$merged/etc/of-1000" | head -n 1)" lower "and it works"
is "$(ls -A "$docker/c1")" "$(printf 'diff\nmerged\nwork')" "nothing is left beside the layers"
launch_detached "$name" --rootfs "$merged" -- sleep 1000
umount "$merged"
is "$(awk -v m="$merged" '$5 == m { print $(NF-2) }' /proc/self/mountinfo)" overlay "an engine that unmounts too early takes the view off"
cloister delete --force "$name"
is "$(awk -v m="$merged" '$5 == m { print $(NF-2) }' /proc/self/mountinfo)" overlay "delete then leaves the engine's mount alone"
launch_detached "$name" --rootfs "$merged" -- sleep 1000
for p in $(family 'cloister-warden|cloister-fs|shiftfs'); do kill -9 "$p" 2>/dev/null; done
pid=$(init_pid "$name") && kill -9 "$pid"
cloister delete --force "$name"
is "$(awk -v m="$merged" '$5 == m { print $(NF-2) }' /proc/self/mountinfo) $(ls -A "$docker/c1" | tr '\n' ' ')" "overlay diff merged work " \
	"all helpers killed: delete takes everything back"

### Podman: the same with other names, and volatile
podman=$work/containers/storage/overlay
mkdir -p "$podman"/l "$podman"/{img,top}/diff "$podman"/top/{work,merged}
cp -a "$base/." "$podman/img/diff"
ln -s ../img/diff "$podman/l/IMGAAAAAAAAAAAAAAAAAAAAAAA"
overlay_mount "$podman" "lowerdir=l/IMGAAAAAAAAAAAAAAAAAAAAAAA,upperdir=top/diff,workdir=top/work,volatile,metacopy=on,redirect_dir=on,index=off" top/merged
on_exit umount "$podman/top/merged"
is "$(launch --rootfs "$podman/top/merged" -- sh -c 'mv /srv/d /srv/f; chown 3:4 /etc/passwd; chmod 600 /etc/group; stat -c %u:%g /etc/passwd; cat /srv/f/sub/file' </dev/null | tr '\n' ' ')" \
	"3:4 x " "Podman's layout, volatile, metacopy, redirect_dir"
is "$(stat -c '%u:%g' "$podman/top/diff/etc/passwd")" 3:4 "owners on disk"
isnt "$(xattr "$podman/top/diff/etc/passwd" trusted.overlay.metacopy)" missing "the copy-up was of metadata only"
is "$(launch --rootfs "$podman/top/merged" -- sh -c 'cat /etc/passwd' </dev/null | head -n 1)" "root:x:0:0:root:/root:/bin/sh" "a second start on a volatile overlay"

### containerd: relative lowers from snapshots/, the rest absolute, mounted elsewhere
snap=$work/containerd/snapshots
mkdir -p "$snap"/{1,2,3,4}/fs "$snap"/4/work "$work/run/task/rootfs"
cp -a "$base/." "$snap/1/fs"
echo two >"$snap/2/fs/two"; mkdir "$snap/3/fs/etc"; echo three >"$snap/3/fs/etc/three"
overlay_mount "$snap" "index=off,workdir=$snap/4/work,upperdir=$snap/4/fs,lowerdir=3/fs:2/fs:1/fs" "$work/run/task/rootfs"
on_exit umount "$work/run/task/rootfs"
is "$(launch --rootfs "$work/run/task/rootfs" -- sh -c 'cat /two /etc/three; stat -c %u /etc/of-1000; echo n >/n' </dev/null | tr '\n' ' ')" \
	"two three 1000 " "containerd's layout"
is "$(stat -c %u:%g "$snap/4/fs/n")" 0:0 "its upper layer"
is "$(ls -A "$snap/4" | tr '\n' ' ')" "fs work " "nothing is left in the snapshot"

### Read-only: no upper layer at all
mkdir -p "$work/ro" "$work/ro-rel"
overlay_mount / "lowerdir=$snap/3/fs:$snap/2/fs:$snap/1/fs" "$work/ro"
on_exit umount "$work/ro"
is "$(launch --rootfs "$work/ro" -- sh -c 'cat /two; stat -c %u /etc/of-1000; echo n >/n' </dev/null 2>&1 | tr '\n' ' ')" \
	"two 1000 sh: can't create /n: Read-only file system " "an overlay without an upper layer"
overlay_mount "$snap" "lowerdir=3/fs:2/fs:1/fs" "$work/ro-rel"
on_exit umount "$work/ro-rel"
is "$(launch --rootfs "$work/ro-rel" -- cat /two </dev/null 2>&1)" two "with relative names: those of another snapshot's mount"
is "$(launch --rootfs "$work/run/task/rootfs" --read-only -- sh -c 'echo n >/n' </dev/null 2>&1)" \
	"sh: can't create /n: Read-only file system" "a read-only container on a writable overlay"

### Names with everything in them
odd="$work/odd a:b,c\\d
e"
mkdir -p "$odd"/{lo,up,wk,m}
cp -a "$base/." "$odd/lo"
esc=$(python3 -c 'import sys; print("".join("\\"+c if c in "\\:," else c for c in sys.argv[1]), end="")' "$odd")
if overlay_mount / "lowerdir=$esc/lo,upperdir=$esc/up,workdir=$esc/wk,index=off" "$odd/m"; then
	on_exit umount "$odd/m"
	is "$(launch --rootfs "$odd/m" -- sh -c 'stat -c %u /etc/of-1000; echo n >/n' </dev/null)" 1000 "blanks, colons, commas, backslashes and newlines in names"
	is "$(stat -c %u:%g "$odd/up/n") $(ls -A "$odd" | tr '\n' ' ')" "0:0 lo m up wk " "and nothing is left"
else
	fail "an overlay with odd names is mounted"
fi

### 120 layers
many=$work/many
mkdir -p "$many"/{up,wk,m}
list=
for i in $(seq 120); do mkdir -p "$many/$i"; echo "$i" >"$many/$i/layer$i"; echo "$i" >"$many/$i/top"; list="$i:$list"; done
overlay_mount "$many" "lowerdir=$list$base,upperdir=$many/up,workdir=$many/wk,index=off" "$many/m"
on_exit umount "$many/m"
is "$(launch --rootfs "$many/m" -- sh -c 'cat /top /layer1 /layer77; ls / | grep -c layer; echo n >/n' </dev/null | tr '\n' ' ')" \
	"120 1 77 120 " "120 layers, one absolute and 120 relative"
is "$(stat -c %u:%g "$many/up/n")" 0:0 "written to"

### Layers on more than one file system, layers given one by one, data-only layers
if have idmap-tmpfs; then
	mkdir -p "$work/tm" "$work/two"/{up,wk,m}
	mount -t tmpfs none "$work/tm"; on_exit umount "$work/tm"
	mkdir "$work/tm/lo"; echo t >"$work/tm/lo/tmp-file"; chown 1000:1000 "$work/tm/lo/tmp-file"
	overlay_mount / "lowerdir=$work/tm/lo:$base,upperdir=$work/two/up,workdir=$work/two/wk,index=off" "$work/two/m"
	on_exit umount "$work/two/m"
	is "$(launch --rootfs "$work/two/m" -- stat -c %u /tmp-file /etc/of-1000 </dev/null | tr '\n' ' ')" "1000 1000 " "layers on two file systems"
else
	skip idmap-tmpfs "layers on two file systems"
fi
mkdir -p "$work/each"/{'a:b',up,wk,m,data,meta}
echo ab >"$work/each/a:b/ab"
if python3 - "$work/each/m" "$work/each/a:b" "$base" "$work/each/up" "$work/each/wk" <<-'PY'
	import ctypes, os, sys
	libc = ctypes.CDLL(None, use_errno=True)
	def call(*a):
	    r = libc.syscall(*a)
	    if r < 0: sys.exit(os.strerror(ctypes.get_errno()))
	    return r
	fs = call(430, b"overlay", 0)
	for k, v in (("lowerdir+", sys.argv[2]), ("lowerdir+", sys.argv[3]), ("upperdir", sys.argv[4]), ("workdir", sys.argv[5])):
	    call(431, fs, 1, k.encode(), v.encode(), 0)
	call(431, fs, 6, None, None, 0)
	m = call(432, fs, 0, 0)
	call(429, m, b"", -100, sys.argv[1].encode(), 4)
	PY
then
	on_exit umount "$work/each/m"
	is "$(launch --rootfs "$work/each/m" -- sh -c 'cat /ab; stat -c %u /etc/of-1000' </dev/null | tr '\n' ' ')" "ab 1000 " "layers given one by one (lowerdir+)"
else
	skip lowerdir-plus "layers given one by one"
fi

### A part of an overlay; layers that the container's ids own; an index
mkdir -p "$snap/4/fs/part"; cp -a "$base/." "$snap/4/fs/part"
mkdir -p "$work/part"/{up,wk,m}
overlay_mount / "lowerdir=$snap/4/fs:$snap/2/fs,upperdir=$work/part/up,workdir=$work/part/wk,index=off" "$work/part/m"
on_exit umount "$work/part/m"
is "$(launch --rootfs "$work/part/m/part" -- sh -c 'stat -c %u /etc/of-1000; ls /two 2>/dev/null; ls /.. | grep -c two; echo n >/n' </dev/null | tr '\n' ' ')" \
	"1000 0 " "a directory of an overlay"
is "$(stat -c %u:%g "$work/part/up/part/n")" 0:0 "written to"
mkdir -p "$work/own"/{lo,up,wk,m}
cp -a "$base/." "$work/own/lo"
(find "$work/own" -uid 0 -exec chown -h 100000:100000 {} +; find "$work/own" -uid 1000 -exec chown -h 101000:101000 {} +)
overlay_mount / "lowerdir=$work/own/lo,upperdir=$work/own/up,workdir=$work/own/wk,index=off" "$work/own/m"
on_exit umount "$work/own/m"
name=$(cname own)
launch_detached "$name" --rootfs "$work/own/m" -- sleep 1000
is "$(cloister exec "$name" stat -c %u /etc/passwd /etc/of-1000 </dev/null | tr '\n' ' ')" "0 1000 " "layers owned by the container's range are used as they are"
is "$(awk -v m="$work/own/m" '$5 == m' /proc/self/mountinfo | wc -l)" 1 "without a view"
cloister delete --force "$name"
mv "$work/own/lo" "$work/own/gone"
is "$(launch --rootfs "$work/own/m" -- stat -c %u /etc/of-1000 </dev/null)" 1000 "also where their names lead nowhere any more (Podman's ID-mapped layers)"
mkdir -p "$work/idx"/{up,wk,m}
overlay_mount / "lowerdir=$base,upperdir=$work/idx/up,workdir=$work/idx/wk,index=on" "$work/idx/m"
on_exit umount "$work/idx/m"
served() { launch --rootfs "$1" -- sh -c 'stat -c %u /etc/of-1000; ls / | grep planted; grep -c " / / .* - fuse.shiftfs " /proc/self/mountinfo' </dev/null | tr '\n' ' '; }
is "$(served "$work/idx/m")" "1000 1 " "an overlay with an index cannot be rebuilt: it is served as it is mounted"

### Names that have come to mean something else
mkdir -p "$work/swap"/{up,wk,m}
overlay_mount / "lowerdir=$base,upperdir=$work/swap/up,workdir=$work/swap/wk,index=off" "$work/swap/m"
on_exit umount "$work/swap/m"
mv "$work/swap/up" "$work/swap/real"
mkdir "$work/swap/up"; touch "$work/swap/up/planted"
is "$(served "$work/swap/m")" "1000 1 " "a layer's name that leads elsewhere now is noticed, and what is mounted is served"
rm -r "$work/swap/up"; ln -s "$base" "$work/swap/up"
is "$(served "$work/swap/m")" "1000 1 " "a symlink too"
rm "$work/swap/up"
is "$(served "$work/swap/m")" "1000 1 " "and one that leads nowhere"
mv "$work/swap/real" "$work/swap/up"
ok "put back it works" launch --rootfs "$work/swap/m" -- true

done_testing
