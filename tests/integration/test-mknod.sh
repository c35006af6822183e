#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Device nodes that a container makes: the harmless ones work wherever it makes them, no other does;
# and the switches for what else a machine inside may have.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
cp "$top_builddir/tests/lib/mediated" "$root/bin/"
mkdir -p "$root"/new "$root"/jail/{bin,dev} "$root"/a/b "$root"/turn
cp "$root"/bin/{busybox,mediated} "$root/jail/bin/"
for applet in mknod sh cat; do ln -s busybox "$root/jail/bin/$applet"; done
ln -s ../new "$root/a/link"
ln -s /new/nowhere "$root/new/dangling"
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname mknod)
inside() { cloister exec "$name" "$@" </dev/null; }
script() {
	{ cat "$tests_lib/inside.sh"; echo '
		on() { awk -v p="$1" "\$5 == p" /proc/self/mountinfo | grep -c .; }
		what() { stat -c "%F %t:%T %a %u:%g" "$1"; }
		drop() { umount "$1" && rm "$1"; }'; cat; } >"$root/script"
	cloister exec "$name" sh /script </dev/null >"$tap_dir/inside" 2>&1
	report_inside "$1" <"$tap_dir/inside"
	[ "$(grep -cE '^(OK|BAD)' "$tap_dir/inside")" -ge "${2:-2}" ] || { fail "$1: the script ran to its end"; diag "$(tail -n 5 "$tap_dir/inside")"; }
}
launch_detached "$name" --privileged --rootfs "$root" -- sleep 1000 || { fail "a container starts"; done_testing; }
mounts_before=$(inside grep -c . /proc/self/mountinfo)
c_i386=no
"$root/bin/mediated" sysinfo32 >/dev/null 2>&1 && c_i386=yes

script "harmless" 30 <<END
i386=$c_i386
umask 022
works "mknod null" mknod -m 666 /new/null c 1 3
same "\$(what /new/null)" "character special file 1:3 666 0:0" "is that device"
works "writing to it" sh -c 'echo x >/new/null'
same "\$(cat /new/null)" "" "which keeps nothing"
refused "making it again" mediated mknod /new/null 20666 1 3
refused "removing it while it is mounted" rm /new/null
works "umount" umount /new/null
same "\$(stat -c '%F %u:%g %a' /new/null)" "regular empty file 0:0 666" "leaves an empty file"
rm /new/null
works "the umask" sh -c 'umask 027; mediated mknod /new/z 20666 1 5'
same "\$(what /new/z)" "character special file 1:5 640 0:0" "counts"
same "\$(dd if=/new/z bs=4 count=1 2>/dev/null | od -An -tx1 | tr -d ' ')" 00000000 "zero gives zeros"
works "chmod" chmod 600 /new/z
works "chown" chown 5:6 /new/z
same "\$(what /new/z) \$(what /dev/zero)" "character special file 1:5 600 5:6 character special file 1:5 666 0:0" "concern this node, and not that of /dev"
drop /new/z
for d in "full 7" "random 8" "urandom 9"; do
	set -- \$d
	works "mknod \$1" mknod /new/\$1 c 1 \$2
	works "reading it" dd if=/new/\$1 of=/dev/null bs=1 count=1
	drop /new/\$1
done
works "mknod tty" mknod /new/tty c 5 0
refused "opening it without a terminal" sh -c ': </new/tty'
drop /new/tty
works "mknod console" mknod /new/console c 5 1
same "\$(what /new/console)" "character special file 1:3 644 0:0" "is a null under that name"
drop /new/console
works "mknod fuse" mknod /new/fuse c 10 229
works "it opens as /dev/fuse does" sh -c '[ ! -e /dev/fuse ] || exec 3<>/new/fuse'
drop /new/fuse
works "mknodat" mediated mknodat /a/b node
same "\$(stat -c %t:%T /a/b/node)" 1:3 "is that device"; drop /a/b/node
[ \$i386 = no ] || works "by a 32-bit program" mediated mknod32 /a/b/node
[ \$i386 = no ] || drop /a/b/node
same "\$(on /new/null)" 0 "nothing stays mounted"
END

script "places" 12 <<'END'
cd /a; works "relative" mknod ../new/n c 1 3; same "$(on /new/n)" 1 "is where it was meant"; drop /new/n
works "through a link" mknod /a/link/n c 1 3; same "$(on /new/n)" 1 "is where that leads"; drop /new/n
refused "a link for a name" mknod /new/dangling c 1 3
same "$(ls /new/nowhere 2>&1 | grep -c 'No such')" 1 "does not follow it"
exec 3</new; works "by a descriptor" mknod /proc/self/fd/3/n c 1 3; exec 3<&-
same "$(on /new/n)" 1 "is what that is"; drop /new/n
works "in a chroot" chroot /jail mknod /dev/null c 1 3
works "used there" chroot /jail sh -c 'echo x >/dev/null && mknod /../../n c 1 3'
same "$(on /jail/n) $(on /n)" "1 0" "and not above it"; drop /jail/n; drop /jail/dev/null
mount -t tmpfs none /a/b
works "on a tmpfs of one's own" mknod /a/b/n c 1 3
works "which knows no devices" sh -c 'echo x >/a/b/n'
umount /a/b/n; umount /a/b
works "in a nested user namespace" unshare -Urm sh -c 'mount -t tmpfs none /a/b && mknod /a/b/n c 1 3 && echo x >/a/b/n'
works "on a read-only mount" sh -c 'mount -t tmpfs -o ro none /a/b; mknod /a/b/n c 1 3 2>&1 | grep -q "Read-only"; r=$?; umount /a/b; exit $r'
works "without the directory" sh -c 'mknod /nothing/n c 1 3 2>&1 | grep -q "No such file"'
works "tar with nodes" sh -c 'mknod /new/null c 1 3 && tar -C /new -cf /new.tar null && mkdir /a/t && tar -C /a/t -xf /new.tar && echo x >/a/t/null && umount /a/t/null /new/null && rm -r /a/t /new/null /new.tar'
END

script "harmful" 15 <<'END'
for d in "c 1 1" "c 1 2" "c 1 4" "c 1 11" "c 4 0" "c 4 64" "c 7 0" "c 10 237" "c 10 144" "c 21 0" "c 5 3" "c 257 3" "c 1 259" "b 7 0" "b 8 0" "b 1 3"; do
	set -- $d
	refused "mknod $d" mknod /new/n $1 $2 $3
	[ ! -e /new/n ] || verdict BAD "mknod $d left something"
done
works "a whiteout is the kernel's" mediated mknod /new/w 20000 0 0; rm -f /new/w
works "a pipe too" mknod /new/p p; rm -f /new/p
refused "by a user" su user -c "mediated mknod /tmp/n 20666 1 3"
refused "without CAP_MKNOD" mediated mknod-capless /new/n
refused "with one over another namespace" unshare -Ur mediated mknod /new/n 20666 1 3
same "$(ls /new)" dangling "and nothing is left"
END
is "$(launch --rootfs "$root" -- sh -c 'mknod /new/n c 1 3 && echo x >/new/n && echo yes; umount /new/n 2>&1' </dev/null | head -n 1)" yes "a container that is not privileged makes them, too"
rm -f "$root/new/n"

### Storms
inside mediated mknod-turned /turn /proc/1/root 1500
is "$(inside sh -c 'for m in $(awk "\$5 ~ /dn[0-9]/ { print \$5 }" /proc/self/mountinfo); do case $m in /turn/dn* | /dn*) ;; *) echo $m;; esac; umount $m; done; rm -f /turn/dn* /dn*')" "" "whatever became of the path meanwhile, nothing is mounted elsewhere"
is "$(ls -d /dn* 2>/dev/null)" "" "or made on the host"
inside unshare -m mediated mknod-killed /new 1500 >"$tap_dir/killed"
like "$(cat "$tap_dir/killed")" 'killed [1-9]' "callers are killed in the middle"
helpers_alone() { [ "$(family 'cloister-warde.*' | wc -l)" = 3 ]; }
ok "no helper is left" eventually 3 helpers_alone
inside sh -c 'umount /new/node; rm -f /new/node' 2>/dev/null
is "$(inside grep -c . /proc/self/mountinfo)" "$mounts_before" "and nothing is left mounted"
ok "the next one is served" inside sh -c 'mknod /new/n c 1 3 && echo x >/new/n && umount /new/n && rm /new/n'
cloister delete --force "$name"

### The switches
settings() { printf '{"cloister": {"inside": {%s}}}\n' "$1" >"$tap_dir/settings"; }
with() { cloister --settings "$tap_dir/settings" launch --rootfs "$root" "$@" </dev/null 2>&1; }
settings '"mknod": false'
like "$(with -- mknod /new/n c 1 3)" 'not permitted' "mknod off: none is made"
is "$(with -- sh -c 'ls -A /new')" dangling "and nothing is left"
settings '"kmsg": true'
is "$(with -- sh -c 'stat -c "%F %t:%T" /dev/kmsg; echo x >/dev/kmsg; cat /dev/kmsg; echo $?')" "character special file 1:3
0" "kmsg on: /dev/kmsg takes all, and has nothing to tell"
is "$(with --privileged -- sh -c 'stat -c "%F %t:%T" /dev/kmsg')" "character special file 1:3" "with --privileged too"
is "$(launch --rootfs "$root" --privileged -- ls /dev/kmsg </dev/null 2>&1 | grep -c 'No such')" 1 "by default there is none"
settings '"fuse": false, "tun": false'
is "$(with --privileged -- sh -c 'ls /dev/fuse /dev/net 2>/dev/null; mknod /new/fuse c 10 229; mknod /new/tun c 10 200' 2>&1 | grep -c 'not permitted')" 2 "fuse and tun off: neither is there nor can be made"
settings '"fuse": true'
if [ -e /dev/fuse ]; then is "$(with --privileged -- sh -c 'echo /dev/fuse')" /dev/fuse "on: --privileged has it"; fi
done_testing
