#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mount -t shiftfs: by hand and from a fstab, ID-mapped and with FUSE, and what mount(8) expects of a helper.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate fuse; gate overlay; gate tool-findmnt; gate tool-setfattr; gate tool-setcap
built=$top_builddir/shiftfs-fallback
src=$work/src dst=$work/dst
mkdir "$src" "$dst" "$work/sbin-upper" "$work/sbin-work"; chmod 755 "$work"
# mount(8) looks in /sbin and nowhere else; this mount namespace is ours.
ln -s "$built/mount.shiftfs" "$work/sbin-upper/mount.shiftfs"
ln -s "$built/mount.shiftfs" "$work/sbin-upper/mount.fuse.shiftfs"
mount -t overlay o -o "lowerdir=$(readlink -f /sbin),upperdir=$work/sbin-upper,workdir=$work/sbin-work" "$(readlink -f /sbin)" ||
	{ echo "Bail out! no overlay on /sbin"; exit 99; }
cleanup() { while umount -l "$dst" "$work"/d[0-9] "$work/ramfs" "$work/tmpfs" 2>/dev/null; do :; done; umount -l "$(readlink -f /sbin)"; }
on_exit cleanup
map=idmap=0:100000:65536

owner() { stat -c %u:%g "$1"; }
field() { findmnt -rno "$2" -M "$1" | tail -n 1; }
servers() { local p; for p in $(pgrep -x shiftfs); do tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -F "$work/" ; done; }
no_servers() { [ -z "$(servers)" ]; }
way() { case $(field "$1" OPTIONS),$(field "$1" FSTYPE) in *idmapped*) echo idmapped ;; *fuse.shiftfs) echo fuse ;; *) echo none ;; esac; }
check_owners() { # WHAT: at $dst, map 0:100000:65536
	touch "$src/root"; chown 5:6 "$src"; touch "$src/low"; chown 1:2 "$src/low"
	is "$(owner "$dst/low") $(owner "$dst")" "100001:100002 100005:100006" "$1: owners are shifted"
	setpriv --reuid 100005 --regid 100006 --clear-groups touch "$dst/made"
	is "$(owner "$src/made")" "5:6" "$1: and back, for what is made"
	is "$(owner "$dst/made")" "100005:100006" "$1: which is shown so"
	rm -f "${src:?}"/*; chown 0:0 "$src"
}
flags() { field "$1" VFS-OPTIONS; }

have idmap && kernel=idmapped || kernel=fuse

### By hand
for spec in "shiftfs $map $kernel" "shiftfs idmap=b:0:100000:65536 $kernel" "fuse.shiftfs $map fuse" "shiftfs $map,fallback=always fuse"; do
	read -r type options want <<<"$spec"
	ok "mount -t $type -o $options" mount -t "$type" "$src" "$dst" -o "$options"
	is "$(way "$dst")" "$want" "is $want"
	check_owners "$type $options"
	like "$(flags "$dst")" 'nosuid,nodev|nosuid.*nodev' "suid bits and devices have no effect by default"
	[ "$want" = fuse ] && n=1 || n=0
	is "$(servers | grep -c .)" $n "servers that run: $n"
	ok "umount" umount "$dst"
	ok "leaves no server" eventually 5 no_servers
done
if [ $kernel = idmapped ]; then
	like "$(mount -v -t shiftfs "$src" "$dst" -o $map)" 'ID-mapped mount' "--verbose says: an ID-mapped mount"
	like "$(mount -v -t shiftfs "$src" "$dst" -o $map)" 'already' "a second time: it is there already"
	is "$(findmnt -n "$dst" | wc -l)" 1 "and is not mounted twice"
	like "$(cloister status)" "^  $dst +idmapped " "cloister status mentions it"
	fails 32 "with other ids it is busy" mount -t shiftfs "$src" "$dst" -o idmap=0:200000:65536
	umount "$dst"
	mkdir "$work/ramfs"; mount -t ramfs r "$work/ramfs"
	fails 'type 0x858458f6.* cannot be ID-mapped.*fallback=never' "fallback=never is kept, with the reason" \
		mount -t shiftfs "$work/ramfs" "$dst" -o $map,fallback=never
	is "$(way "$dst")" none "and nothing is mounted"
	like "$(mount -v -t shiftfs "$work/ramfs" "$dst" -o $map)" 'FUSE \(.*cannot be ID-mapped' "what cannot be ID-mapped: FUSE, and --verbose says why"
	is "$(way "$dst")" fuse "it is mounted"
	touch "$work/ramfs/x"
	is "$(owner "$dst/x")" 100000:100000 "with shifted owners"
	umount "$dst"
	# An ID-mapped mount as the source: a second translation, by the server
	mkdir "$work/d1" && mount -t shiftfs "$src" "$work/d1" -o $map
	touch "$src/twice"
	ok "a source that is ID-mapped itself" mount -t shiftfs "$work/d1" "$dst" -o idmap=100000:7:1
	is "$(owner "$dst/twice")" 7:7 "is shifted again"
	umount "$dst" "$work/d1"
else
	skip idmap "the kernel's ID-mapped mounts"
fi
like "$(mount -v -t fuse.shiftfs "$src" "$dst" -o $map)" 'FUSE \(.*fuse.shiftfs' "--verbose says: FUSE by its type"
like "$(mount -v -t fuse.shiftfs "$src" "$dst" -o $map)" 'already' "a second time: it is there already"
fails 32 "with other ids it is busy" mount -t fuse.shiftfs "$src" "$dst" -o idmap=0:200000:65536
fails 32 "with another source too" mount -t fuse.shiftfs "$work/sbin-upper" "$dst" -o $map
is "$(findmnt -n "$dst" | wc -l)" 1 "it is mounted once"
like "$(cloister status)" "^  $dst +shiftfs +$src +\\(FUSE\\)" "cloister status mentions it"
is "$(field "$dst" SOURCE) $(field "$dst" FSTYPE)" "$src fuse.shiftfs" "findmnt shows source and type"
umount "$dst"
ok "umount leaves no server" eventually 5 no_servers
# From a shell, in two directories that have one of the same name.
mkdir -p "$work/one/src" "$work/two/src"
in_dir() { (cd "$work/$1" && shift && mount.shiftfs "$@"); }
ok "a relative source" in_dir one -t fuse.shiftfs ./src "$dst" -o $map
is "$(field "$dst" SOURCE)" "$work/one/src" "has its whole path"
ok "again from elsewhere" in_dir one/src -t fuse.shiftfs "$work/one/src" "$dst" -o $map
fails 32 "the same words in another directory are another source" in_dir two -t fuse.shiftfs src "$dst" -o $map
umount "$dst"
ok "the directory itself" in_dir two/src -t fuse.shiftfs . "$dst" -o $map
is "$(field "$dst" SOURCE)" "$work/two/src" "has a name too"
umount "$dst"

### Ids
both() { # OPTIONS DISK-UID:GID SHOWN DESC
	local w
	chown "$2" "$src"
	for w in auto always; do
		mount -t shiftfs "$src" "$dst" -o "$1,fallback=$w" && is "$(owner "$dst")" "$3" "$4 (fallback=$w)"
		umount "$dst"
	done
	chown 0:0 "$src"
}
both 'idmap=u:0:100000:10;g:0:200000:10' 3:4 100003:200004 "users and groups apart"
both 'idmap=0:100000:1000;1000:5000:1;2000:300000:10' 1000:2005 5000:300005 "several ranges"
both 'idmap=u:0:100000:10' 3:4 100003:4 "groups that nothing is said of stay"
both 'uidmapping=0:100:10,gidmapping=0:200:5:5:300:5' 3:7 103:302 "fuse-overlayfs's spelling"
both 'idmap=uids=0-100-10#10-500-1;gids=0-200-5' 10:3 500:203 "Podman's"
both 'map=1000/1500:@50/@60' 1000:50 1500:60 "bindfs's"
both 'map=1000/1500:@50/@60' 7:8 7:8 "which leaves others alone"
unshare -U sleep 1000 & holder=$!
differs() { [ "$(readlink "/proc/self/ns/$1")" != "$(readlink "/proc/$holder/ns/$1")" ]; }
eventually 5 differs user
echo "0 70000 100" >/proc/$holder/uid_map; echo "0 80000 100" >/proc/$holder/gid_map
both "idmap=/proc/$holder/ns/user" 3:4 70003:80004 "those of a user namespace"
fails 32 "the host's own is none" mount -t shiftfs "$src" "$dst" -o "idmap=/proc/$$/ns/user"
kill $holder; wait $holder 2>/dev/null
if have launcher; then
	id=$(cname shiftmount)
	mkdir "$work/root"; make_root "$work/root"
	launch_detached "$id" --rootfs "$work/root" -- sleep 1000
	base=$(awk '{ print $2; exit }' "/proc/$(init_pid "$id")/uid_map")
	both "idmap=container:$id,state-root=$state" 3:4 $((base + 3)):$((base + 4)) "those of a running container"
	cloister delete --force "$id"
	fails 'no such container is running' "a container that is gone" mount -t shiftfs "$src" "$dst" -o "idmap=container:$id,state-root=$state"
fi

### FUSE for something else than ids
for options in allow_other,default_permissions allow_other,dev,suid rw hide=x; do
	type=fuse.shiftfs; [ $options != hide=x ] || type=shiftfs
	ok "mount -t $type -o $options" mount -t $type "$src" "$dst" -o $options
	is "$(way "$dst")" fuse "is FUSE"
	touch "$src/x" "$src/y"; chown 70000:70001 "$src/y"
	is "$(owner "$dst/y")" 70000:70001 "without ids everybody stays who they are"
	chown 4294967294 "$dst/y"
	is "$(owner "$src/y")" 4294967294:70001 "up to the last id"
	umount "$dst"; rm -f "$src/x" "$src/y"
done

### As a user: nothing that the user lacks
cp /etc/group "$work/group"; echo "shifttest:x:54321:daemon" >>"$work/group"; mount --bind "$work/group" /etc/group
daemon=$(id -u daemon):$(id -g daemon)
mkdir "$src/open" "$src/closed"; chmod 777 "$src/open"; chmod 700 "$src/closed"; touch "$src/closed/in"
for f in own other public group; do echo $f >"$src/$f"; chmod 600 "$src/$f"; done
chown "$daemon" "$src/own"; chmod 644 "$src/public"; chgrp 54321 "$src/group"; chmod 640 "$src/group"
ok "as=USER" mount -t shiftfs "$src" "$dst" -o as=daemon
is "$(way "$dst")" fuse "is FUSE"
pid=$(for pid in $(pgrep -x shiftfs); do grep -qsF "$work/" "/proc/$pid/cmdline" && echo "$pid"; done | tail -n 1)
is "$(awk '/^(Uid|Gid|Groups|CapEff|CapPrm|CapInh|CapAmb|NoNewPrivs):/ { $1 = $1; print }' "/proc/$pid/status" | tr '\n' ' ')" \
	"Uid: 4026531841 4026531841 4026531841 1 Gid: 1 1 1 1 Groups: 54321 CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapAmb: 0000000000000000 NoNewPrivs: 1 " \
	"the server has the user's ids and groups for files, and no capability"
fails 'not permitted' "the user cannot stop it" setpriv --reuid daemon --regid daemon --clear-groups kill -CONT "$pid"
is "$(stat -c %u:%g "$dst" "$dst"/* | sort -u)" 0:0 "everything appears owned by root"
is "$(cat "$dst/own" "$dst/public" "$dst/group" | tr '\n' ' ')" "own public group " "root reads what the user, or a group of the user, may read"
fails 'Permission denied' "and not what the user may not" cat "$dst/other"
fails 'Permission denied' "nor look where the user may not" stat "$dst/closed/in"
fails 'Permission denied' "nor write" sh -c "echo x >>'$dst/public'"
fails 'Permission denied' "nor make" touch "$dst/new"
fails '*' "nor change modes" chmod 777 "$dst/other"
fails '*' "nor remove" rm -f "$dst/other"
ok "it makes files where the user may" cp "$(type -P true)" "$dst/open/suid"
ok "with suid bits" chmod 4755 "$dst/open/suid"
is "$(stat -c '%u:%g %a' "$src/open/suid")" "$daemon 4755" "which belong to the user outside: suid that user, not suid root"
like "$(flags "$dst")" nosuid "and have no effect inside"
ok "root may give files to itself" chown 0:0 "$dst/open/suid"
is "$(stat -c %u:%g "$src/open/suid")" "$daemon" "they stay the user's"
fails 'not permitted' "and not to others" chown 5:5 "$dst/open/suid"
ok "hard links of the user's own" ln "$dst/own" "$dst/open/link"
fails '*' "no devices" mknod "$dst/open/null" c 1 3
fails '*' "no capabilities of files" setcap cap_net_raw+ep "$dst/open/suid"
fails '*' "no trusted attributes" setfattr -n trusted.x -v y "$dst/open/suid"
ok "user attributes" setfattr -n user.x -v y "$dst/open/suid"
is "$(mkdir "$dst/open/d" && cd "$dst/open/d" && echo a >a && mv a b && ln -s b c && cat c && rm b && echo gone)" "a
gone" "ordinary work"
umount "$dst"; rm -r "$src/open"/*
ok "as=USER:GROUP, and an owner" mount -t shiftfs "$src" "$dst" -o as=daemon:54321,uid=100000,gid=100001,dev,allow_suid
is "$(owner "$dst/other")" 100000:100001 "everything appears owned by that"
like "$(flags "$dst")" 'nosuid,nodev' "suid bits and devices never have an effect"
touch "$dst/open/x"
is "$(owner "$src/open/x")" "$(id -u daemon):54321" "what is made has the group"
umount "$dst"; rm "$src/open/x"
ok "as=USER with a map" mount -t shiftfs "$src" "$dst" -o as=daemon,$map
is "$(owner "$dst/own") $(owner "$dst/group")" "100001:100001 100000:154321" "owners are shifted"
touch "$dst/open/x"
is "$(owner "$src/open/x")" "$daemon" "what is made is the user's"
fails 'Permission denied' "the rights are the user's" cat "$dst/other"
umount "$dst"; rm -r "${src:?}"/*
umount /etc/group

### Names that are hidden
mkdir "$src/sub"; touch "$src/sub/secret" "$src/sub/seen" "$src/a,b"
ok "hide=" mount -t shiftfs "$src" "$dst" -o "$map,hide=sub/secret,hide=\"a,b\""
is "$(cd "$dst" && find . -type f)" ./sub/seen "the names are not there"
umount "$dst"; rm -r "${src:?}"/*

### Flags, and remount
for type in shiftfs fuse.shiftfs; do
	mount -t $type "$src" "$dst" -o $map,ro,noexec,allow_suid
	like "$(flags "$dst")" '^ro,.*noexec' "$type: ro,noexec"
	unlike "$(flags "$dst")" 'nosuid' "$type: suid"
	fails 'Read-only' "$type: nothing can be made" touch "$dst/x"
	ok "$type: remount rw" mount -t $type -o remount,rw,$map "$src" "$dst"
	ok "$type: something can be made" setpriv --reuid 100000 --regid 100000 --clear-groups touch "$dst/x"
	unlike "$(flags "$dst")" '^ro|noexec' "$type: and flags are off"
	fails 'cannot be changed' "$type: other ids cannot be had by a remount" mount -t $type -o remount,idmap=0:5:65536 "$src" "$dst"
	ok "$type: remount ro" mount -t $type -o remount,ro,nosuid,$map "$src" "$dst"
	like "$(flags "$dst")" '^ro,nosuid' "$type: read-only again"
	is "$(findmnt -n "$dst" | wc -l)" 1 "$type: still one mount"
	umount "$dst"
	have idmap || skip idmap "$type: times of access" # a kernel that cannot change a mount by its descriptor
	for times in $(! have idmap || echo noatime strictatime); do # relatime, the default, changes what is in the past and nothing else
		mount -t $type "$src" "$dst" -o $map,$times
		echo x >"$src/x"; touch -ad @5 "$src/x"; cat "$dst/x" >"$work/null"
		is "$(stat -c %X "$src/x" | sed '/^5$/!s/.*/now/')" "$([ $times = noatime ] && echo 5 || echo now)" "$type: $times of the past"
		touch -ad @4000000000 "$src/x"; cat "$dst/x" >"$work/null"
		is "$(stat -c %X "$src/x" | sed '/^4000000000$/!s/.*/now/')" "$([ $times = noatime ] && echo 4000000000 || echo now)" "$type: $times of the future"
		umount "$dst"
	done
	rm -f "$src/x"
done
mount -t fuse.shiftfs "$src" "$dst" -o $map
ok "remount by the target alone" mount -o remount,ro "$dst"
like "$(flags "$dst")" '^ro' "has its effect"
umount "$dst"
fails 32 "remount of what is not mounted" mount -t shiftfs -o remount,ro,$map "$src" "$dst"

### /etc/fstab
mkdir -p "$work"/d{1,2,3,4,5} "$work/with space" "$work/to space"
spaced=${work// /\\040}
cat >"$work/fstab" <<-END
	$src $work/d1 shiftfs $map,nofail 0 0
	$src $work/d2 fuse.shiftfs $map,_netdev,x-systemd.requires-mounts-for=$work 0 0
	$spaced/with\040space $work/to\040space fuse.shiftfs idmap=0:7:1\0401:9:1,ro,user 0 0
	$work/nowhere $work/d4 shiftfs $map,nofail 0 0
	$src $work/d5 shiftfs $map,noauto 0 0
END
ok "mount -a" mount -T "$work/fstab" -a
is "$(way "$work/d1") $(way "$work/d2") $(way "$work/to space") $(way "$work/d4") $(way "$work/d5")" "$kernel fuse fuse none none" "mounts what it should"
is "$(owner "$work/to space")" 7:7 "names and ids with blanks"
before=$(grep -c . /proc/self/mountinfo)
ok "mount -a again" mount -T "$work/fstab" -a
is "$(grep -c . /proc/self/mountinfo)" "$before" "mounts nothing twice"
ok "remount by a line of fstab" mount -T "$work/fstab" -o remount,ro "$work/d1"
like "$(flags "$work/d1")" '^ro' "read-only"
ok "noauto is mounted by its name" mount -T "$work/fstab" "$work/d5"
ok "all are unmounted" umount "$work/d1" "$work/d2" "$work/to space" "$work/d5"
ok "no server is left" eventually 5 no_servers
sed -i '/nofail/s/,nofail//' "$work/fstab"
fails '*' "without nofail a missing source is an error" mount -T "$work/fstab" -a
umount "$work/d1" "$work/d2" "$work/to space"

### The helper's contract
helper=$built/mount.shiftfs
ok "options come before" "$helper" -o $map "$src" "$dst"; umount "$dst"
ok "or after" "$helper" "$src" "$dst" -n -v -s -o rw -o $map,nosuch; umount "$dst"
ok "the type can be given" "$helper" "$src" "$dst" -o $map -t fuse.shiftfs
is "$(way "$dst")" fuse "and is FUSE"
umount "$dst"
ok "shiftfs SOURCE TARGET is the same" "$built/shiftfs" "$src" "$dst" -o $map
is "$(way "$dst")" fuse "with FUSE"
umount "$dst"
ok "-f does everything but the mount" mount -f -t shiftfs "$src" "$dst" -o $map
ok "with FUSE too" mount -f -t fuse.shiftfs "$src" "$dst" -o $map
is "$(way "$dst")" none "nothing is there"
ok "no server" no_servers
fails 32 "and finds what is wrong" mount -f -t shiftfs "$work/nowhere" "$dst" -o $map
is "$(timeout 5 mount -t fuse.shiftfs "$src" "$dst" -o $map 2>&1 | cat)" "" "no descriptor of the caller stays with the server"
ok "the file system answers as soon as mount returns" stat "$dst"
umount "$dst"
unshare -m sleep 1000 & holder=$!
eventually 5 differs mnt
ok "-N: in another mount namespace" "$helper" "$src" "$dst" -N /proc/$holder/ns/mnt -o $map,fallback=always
is "$(way "$dst")" none "not here"
like "$(grep " $dst " /proc/$holder/mountinfo)" fuse.shiftfs "but there"
kill $holder; wait $holder 2>/dev/null
ok "its server ends with that namespace" eventually 5 no_servers

### Bad input: the status, one line, and nothing mounted
bad() { # STATUS REGEX DESC OPTIONS [SOURCE [TARGET]]
	local out status
	out=$(mount -t "${type:-shiftfs}" "${5:-$src}" "${6:-$dst}" -o "$4" 2>&1)
	status=$?
	is "$status" "$1" "$3: status $1"
	like "$out" "$2" "$3: says so"
	is "$(grep -c . <<<"$out")" 1 "$3: in one line"
}
before=$(grep -c . /proc/self/mountinfo)
for type in shiftfs fuse.shiftfs; do
	bad 32 'source.*nowhere.*No such file' "$type: a missing source" $map "$work/nowhere"
	touch "$work/file"
	bad 32 'not a directory' "$type: a source that is a file" $map "$work/file"
	bad 32 'target.*not a directory|Not a directory' "$type: a target that is a file" $map "$src" "$work/file"
	bad 1 'overlaps' "$type: overlapping ranges" 'idmap=0:100000:65536;65535:300000:2'
	bad 1 'none beyond 4294967294' "$type: a range beyond the last id" idmap=0:4294967290:10
	bad 1 'unknown option "nosuchthing"' "$type: an unknown option" $map,nosuchthing
	bad 1 'SOURCE:SHOWN:COUNT' "$type: garbled ids" idmap=0:100000
	bad 32 'no such container' "$type: an unknown container" "idmap=container:nobody,state-root=$state"
	bad 32 'No such file' "$type: an unknown namespace" idmap=/proc/0/ns/user
	bad 32 'not a user namespace' "$type: another kind of namespace" idmap=/proc/self/ns/net
done
type=shiftfs
bad 1 'no ids are mapped' "no ids" rw
bad 1 'more than one way' "two ways to say it" "$map,idmap=container:x"
type=fuse.shiftfs
bad 1 'other than root' "as=root" as=root
bad 32 'no such user' "as= an unknown user" as=nobody-knows
bad 32 'no directory of the source: no/name: No such file' "hide= in a directory that is not there" hide=no/name
bad 32 'no directory of the source: ../name:' "hide= outside" hide=../name
bad 1 'timeout=-1: give a whole number' "a time before now" timeout=-1
bad 1 'fallback=never' "a type that contradicts" "$map,fallback=never"
type=shiftfs
is "$(grep -c . /proc/self/mountinfo)" "$before" "nothing was mounted"
is "$(setpriv --reuid 1000 --regid 1000 --clear-groups "$helper" "$src" "$dst" -o $map 2>&1; echo $?)" "mount.shiftfs: only root can do that
1" "users cannot"
mkdir "$work/nodev"
is "$(unshare -m sh -c "mount --bind '$work/nodev' /dev && exec '$helper' '$src' '$dst' -o $map,fallback=always" 2>&1; echo $?)" \
	"mount.shiftfs: $src: fallback=always, or the type fuse.shiftfs, and /dev/fuse cannot be opened: No such file or directory; \`modprobe fuse\`
32" "no /dev/fuse"
ok "nothing runs" no_servers
done_testing
