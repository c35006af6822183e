#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# New /proc and /sys inside a container, in namespaces of its own and nested ones: the same views, as
# locked as on /proc itself; and what scripts do with such trees.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
cp "$top_builddir"/tests/lib/{mediated,newmount} "$root/bin/"
mkdir -p "$root"/new "$root"/other "$root"/jail/{bin,proc} "$root"/a/b
cp "$root"/bin/{busybox,attack,mediated} "$root/jail/bin/"
ln -s busybox "$root/jail/bin/mount"; ln -s busybox "$root/jail/bin/sh"; ln -s busybox "$root/jail/bin/grep"
ln -s ../new "$root/a/link"
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname mounts)
memory=
have cgroup-memory && memory='--memory 64M'
inside() { cloister exec "$name" "$@" </dev/null; }
# A script inside, with the words of inside.sh; its verdicts become tests.
script() {
	{ cat "$tests_lib/inside.sh"; echo '
		total() { awk "/^MemTotal/ { print \$2 }" "$1/meminfo"; }
		below_of() { awk -v p="$1/" "index(\$5, p) == 1 && \$5 !~ /cgroup/" /proc/self/mountinfo | grep -c .; }
		on() { awk -v p="$1" "\$5 == p" /proc/self/mountinfo | grep -c .; }
		want=$(total /proc)
		here=$(attack covered /proc/uptime && echo yes)
		same "$here" yes "/proc is covered to begin with"'; cat; } >"$root/script"
	cloister exec "$name" sh /script </dev/null >"$tap_dir/inside" 2>&1
	report_inside "$1" <"$tap_dir/inside"
	[ "$(grep -cE '^(OK|BAD)' "$tap_dir/inside")" -ge "${2:-2}" ] || { fail "$1: the script ran to its end"; diag "$(tail -n 5 "$tap_dir/inside")"; }
}
# shellcheck disable=SC2086
launch_detached "$name" --privileged --rootfs "$root" $memory -- sleep 1000 || { fail "a container starts"; done_testing; }
mounts_before=$(inside grep -c . /proc/self/mountinfo)

script "new procfs" 20 <<'END'
works "mount -t proc" mount -t proc proc /new
same "$(total /new)" "$want" "shows the same memory"
works "its uptime is covered" attack covered /new/uptime
works "its sysctls are covered" attack covered /new/sys/kernel/panic
refused "unmounting a cover of it" attack umount /new/uptime
refused "unmounting one lazily" attack umount-lazy /new/meminfo
refused "moving one" attack move-mount /new/meminfo /new/version
refused "a bind that leaves them behind" attack reach-by-clone /new uptime
same "$(ls -d /new/1)" /new/1 "and it is a procfs"
same "$(below_of /new)" "$(below_of /proc)" "as many covers and masks as on /proc"
echo 77 >/new/sys/kernel/panic
same "$(cat /proc/sys/kernel/panic)" 77 "a value written there is the container's"
works "umount" umount /new
same "$(on /new)" 0 "takes it away"
works "once more" mount -t proc proc /new
works "on top of itself" mount -t proc proc /new
same "$(on /new)" 2 "makes two"
instances() { awk -v p=/new '$5 == p { print $3 }' /proc/self/mountinfo | sort -u | wc -l; }
same "$(instances)" 1 "of one instance, which is covered once"
umount /new
works "with an option" mount -t proc -o hidepid=2 proc /new
same "$(instances)" 2 "it is another"
same "$(grep -c ' /new [^-]* - proc .*hidepid' /proc/self/mountinfo)" 1 "which the first is none the wiser of"
umount /new
works "to remount one read-only" mount -o remount,ro /new
works "makes the next another" mount -t proc proc /new
works "which can be written to" sh -c 'echo 78 >/new/sys/kernel/panic'
umount /new
mount -o remount,rw /new
works "in a pid namespace of its own" unshare -p -f -m sh -c 'mount -t proc proc /new && [ "$(cat /new/1/comm)" = sh ]'
works "and in a network namespace of its own" unshare -n -m sh -c 'mount -t proc proc /new && ! grep -q eth0 /new/net/dev && attack covered /new/uptime'
umount /new
same "$(on /new)" 0 "and none again"
works "options" mount -t proc -o ro,hidepid=2 proc /new
refused "read-only is" sh -c 'echo 1 >/new/sys/kernel/panic'
same "$(grep -c ' /new [^-]* - proc .*hidepid' /proc/self/mountinfo)" 1 "hidepid is there"
umount /new
works "subset=pid" mount -t proc -o subset=pid proc /new
same "$(ls /new/meminfo 2>/dev/null)" "" "has no other files"
umount /new
works "what has no covers for want of files does not get the files afterwards" newmount undo-subset uptime /new
umount /new
mount -t tmpfs -o size=64k tmpfs /new
works "fspick(2): of a tmpfs" newmount remount /new size=128k
ln -s /new /picked
works "by a link" newmount remount /picked size=192k
refused "but not where it is not to be followed" newmount remount-nofollow /picked size=256k
works "as what is none" newmount remount-nofollow /new size=128k
same "$(awk '$5 == "/new" { print $NF }' /proc/self/mountinfo | grep -o 'size=[0-9]*k')" size=128k "reconfigures it"
umount /new
works "of the first procfs" newmount remount /proc hidepid=0
refused "of no mount" newmount remount /bin size=1
refused "by a user without power" su user -c "newmount remount /proc hidepid=0"
refused "an instance of another pid namespace" mount -t proc -o pidns=/proc/1/ns/pid proc /new
refused "nor quoted" attack mount proc /new 'hidepid="2,pidns=/proc/1/ns/pid"'
refused "nonsense for an option" mount -t proc -o nonsense=1 proc /new
refused "a target that is not there" mount -t proc proc /nothing
same "$(on /new)" 0 "and nothing is mounted by that"
END

script "targets" 10 <<'END'
cd /a; works "relative" mount -t proc proc ../new
same "$(on /new)" 1 "is where it was meant"; umount /new
works "through a symlink" mount -t proc proc /a/link
same "$(on /new)" 1 "is where that leads"; umount /a/link
exec 3</new; works "by descriptor" mount -t proc proc /proc/self/fd/3; exec 3<&-
same "$(on /new)" 1 "is what that is"; umount /new
works "in a chroot" chroot /jail mount -t proc proc /proc
same "$(on /jail/proc)" 1 "is below it"
same "$(chroot /jail grep -c MemTotal /proc/meminfo)" 1 "and readable there"
works "which is covered" chroot /jail attack covered /proc/uptime
umount /jail/proc
END

script "new sysfs" 5 <<'END'
works "mount -t sysfs" mount -t sysfs sysfs /new
works "is covered" attack covered /new/devices/system/cpu/online
refused "unmounting a cover" attack umount /new/devices/system/cpu/online
same "$(below_of /new)" "$(below_of /sys)" "as many covers and masks as on /sys"
same "$(cat /new/devices/system/cpu/online)" "$(cat /sys/devices/system/cpu/online)" "with the same value"
same "$(ls /new/class/net)" "$(ls /sys/class/net)" "with the devices of the network namespace"
same "$(cat /new/class/net/lo/mtu)" 65536 "which can be read"
works "umount" umount /new
same "$(on /new)" 0 "takes it away"
END

script "nested" 8 <<'END'
cat >/deeper <<'DEEP'
. /words
depth=$1
same "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" "$want" "depth $depth: the same memory"
works "depth $depth: covered" attack covered /proc/uptime
refused "depth $depth: unmounting a cover" attack umount /proc/uptime
same "$$" 1 "depth $depth: of its own pid namespace"
[ "$depth" -ge 5 ] || want=$want unshare -Urpmf --mount-proc sh /deeper $((depth + 1))
DEEP
sed '/^		total()/,$d' /script >/words
export want
unshare -Urpmf --mount-proc sh /deeper 1
works "as another user" su user -c "unshare -Urpmf --mount-proc attack covered /proc/uptime"
refused "without power over the pid namespace" unshare -Urm mount -t proc proc /new
refused "without power over the network namespace" unshare -Urm mount -t sysfs sysfs /new
works "sysfs with its own" unshare -Urmn sh -c 'mount -t sysfs sysfs /new && attack covered /new/devices/system/cpu/online'
refused "by a user without power" su user -c "attack mount proc /new -"
works "where the last one was unmounted" unshare -m sh -c 'umount /proc && mount -t proc proc /proc && attack covered /proc/uptime'
works "where something was hidden and shown again" unshare -Urpmf sh -c 'mount -t tmpfs none /proc/tty && umount /proc/tty && unshare -Urpmf mount -t proc proc /new'
refused "where a part of /proc was hidden" unshare -Urpmf sh -c 'mount -t proc proc /proc; umount -l /a 2>/dev/null; mount -t tmpfs none /proc/tty && unshare -Urpmf mount -t proc proc /new'
rm -f /deeper /words
END

script "whole trees" 10 <<'END'
works "mount --bind /proc" mount --bind /proc /new
works "brings the covers" attack covered /new/uptime
works "umount" umount /new
same "$(on /new)" 0 "takes it away"
works "mount --bind of a part" mount --bind /proc/sys /new
works "brings its covers" attack covered /new/kernel/panic
works "umount of that" umount /new
works "mount --bind of a cover with something below (systemd-nspawn --private-network)" mount --bind /sys/class /new
same "$(ls /new/net)" "$(ls /sys/class/net)" "brings that"
works "its umount" umount /new
neigh=/proc/sys/net/ipv4/neigh; [ -e $neigh/default ] || neigh=/proc/sys/net
works "of one that the network has" mount --bind $neigh /new
works "and its umount" umount /new
works "mount --bind /" mount --bind / /new
works "umount of that too" umount /new
works "mount --rbind /proc" mount --rbind /proc /new
works "and umount" umount /new
mount --rbind /proc /new
works "or umount -l" umount -l /new
same "$(on /new)" 0 "takes it away"
mount --bind /proc /new
refused "umount2 of a symlink to it with UMOUNT_NOFOLLOW" attack umount-flags /a/link 8
refused "umount2 with flags that there are not" attack umount-flags /new 16
same "$(on /new)" 1 "takes nothing away"
works "umount2 with UMOUNT_NOFOLLOW" attack umount-flags /new 8
mount --bind /proc /new
mkdir -p /other/in; works "with something of one's own on it" mount -t tmpfs none /new/tty
refused "umount is" umount /new
same "$(on /new)" 1 "and the tree is whole"
umount /new/tty; umount /new
mount -t proc proc /new
works "mount --move" mount --move /new /other
works "keeps the covers" attack covered /other/uptime
works "umount where it is now" umount /other
refused "umount of a cover of /proc" attack umount /proc/uptime
works "a tmpfs is as ever" sh -c 'mount -t tmpfs none /new && touch /new/x && umount /new'
END

script "chroots" 16 <<'END'
under() { awk -v p="$1" '$5 == p || index($5, p "/") == 1 { print $5 }' /proc/self/mountinfo | sort -r; }
# As schroot begins and ends a session: what is mounted below is unmounted one by one, deepest first.
mkdir -p /jail/sys /jail/dev/pts /jail/tmp
for d in proc sys dev dev/pts tmp; do works "schroot: /$d" mount -o rw,bind /$d /jail/$d; done
works "schroot: its /proc is covered" chroot /jail sh -c 'grep -q MemTotal /proc/meminfo && echo x >/dev/null'
works "schroot: and locked" attack covered /jail/proc/uptime
under /jail >/tmp/list; while read -r m; do umount "$m" 2>/dev/null; done </tmp/list
same "$(under /jail)" "" "schroot: at the end nothing is left"
# As debootstrap tries its target, makes its devices and mounts what its second half needs.
works "debootstrap: a device is made and written to" sh -c 'mknod /jail/test-dev-null c 1 3 && echo test >/jail/test-dev-null'
umount /jail/test-dev-null; rm /jail/test-dev-null
works "debootstrap: its devices" sh -c 'cd /jail/dev && for d in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "console 5 1"; do set -- $d; mknod -m 666 $1 c $2 $3 || exit; done'
works "debootstrap: proc and sys" sh -c 'chroot /jail mount -t proc proc /proc && chroot /jail mount -t sysfs sysfs /sys'
works "debootstrap: they are taken away" sh -c 'umount /jail/sys && umount /jail/proc'
for d in null zero full random urandom tty console; do umount /jail/dev/$d; done
same "$(under /jail)" "" "debootstrap: nothing is left"
# umount -R goes from below; what it cannot do it says, and then nothing has changed.
mount --rbind /proc /new
n=$(under /new | grep -c .)
refused "umount -R: its first step" attack umount "$(under /new | head -n 1)"
same "$(under /new | grep -c .)" "$n" "umount -R: the tree is whole"
works "umount -l" umount -l /new
same "$(under /new) $(ls -A /new)" " " "umount -l: nothing is left for an rm -rf to find"
mount --bind / /new
works "umount of a bind of /" umount /new
same "$(under /new)" "" "leaves nothing"
END

script "read-only" 6 <<'END'
mount --bind /proc /new
works "mount -o remount,ro,bind" mount -o remount,ro,bind /new
refused "writing to a cover below it" sh -c 'echo 5 >/new/sys/kernel/panic'
works "while /proc is writable" sh -c 'echo 5 >/proc/sys/kernel/panic'
umount -l /new
mount --bind /proc/sys /new
refused "open_tree_attr(2), which would leave them out" mediated tree-attr-readonly /new
if mediated set-readonly /new 2>/dev/null; then
	refused "by mount_setattr(2): writing to a cover" sh -c 'echo 5 >/new/kernel/panic'
	mediated clone-readonly /proc/sys /other
	refused "by a clone's descriptor: writing to a cover" sh -c 'echo 5 >/other/kernel/panic'
	umount -l /other
fi
umount -l /new
works "and other file systems" sh -c 'mount -t tmpfs none /new && umount /new'
works "each mount of the list, where another network is: read-only, or out of reach (bwrap)" unshare -mn sh -c 'for m in $(awk "\$5 ~ /^.(proc|sys)/ { print \$5 }" /proc/self/mountinfo); do
	why=$(mount -o remount,bind,ro,nosuid,nodev,noexec none "$m" 2>&1) || case $why in *"Permission denied"*) ;; *) echo "$m: $why" >&2; exit 1 ;; esac; done; ! echo 1 2>/dev/null >/proc/sys/kernel/panic'
END
# How many descriptors of root's wait in sockets: who has no capability may send none beyond its RLIMIT_NOFILE.
under_way() {
	setpriv --bounding-set=-all --inh-caps=-all python3 -IS -c '
import resource, socket
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
n = 0
while True:
    resource.setrlimit(resource.RLIMIT_NOFILE, (n, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        socket.send_fds(a, [b"x"], [0])
        break
    except OSError:
        n += 1
print(n)'
}
under_way_before=$(under_way)
killable=$(cloister check --json | json '[c["status"] for c in d["checks"] if c["name"] == "seccomp WAIT_KILLABLE_RECV"][0]')
if [ "$killable" = ok ]; then
script "the new mount API" 30 <<'END'
works "procfs" newmount mount /new proc
same "$(total /new)" "$want" "procfs: shows the same memory"
works "procfs: its uptime is covered" attack covered /new/uptime
refused "procfs: unmounting a cover of it" attack umount /new/uptime
refused "procfs: moving one" attack move-mount /new/meminfo /new/version
refused "procfs: a bind that leaves them behind" attack reach-by-clone /new uptime
same "$(below_of /new)" "$(below_of /proc)" "procfs: as many covers and masks as on /proc"
works "procfs: umount" umount /new
same "$(on /new)" 0 "procfs: takes it away"
works "by another thread than the first" newmount by-thread /new proc
works "is the same" attack covered /new/uptime; umount /new
works "options" newmount mount /new proc ro hidepid=2 source=own @noexec
same "$(grep -c ' /new [^-]* - proc .*hidepid' /proc/self/mountinfo)" 1 "hidepid is there"
same "$(awk '$5 == "/new" { print $(NF - 1) }' /proc/self/mountinfo)" own "the source too"
refused "read-only is" sh -c 'echo 1 >/new/sys/kernel/panic'
umount /new
works "the attribute ro" newmount mount /new proc @ro
refused "read-only is, covers too" sh -c 'echo 1 >/new/sys/kernel/panic'
umount /new
works "mount_setattr(2) before it is attached" newmount mount-readonly /new proc
refused "read-only is, here too" sh -c 'echo 1 >/new/sys/kernel/panic'
umount /new
works "subset=pid" newmount mount /new proc subset=pid
same "$(ls /new/meminfo 2>/dev/null)" "" "has no other files"
works "its umount" umount /new
refused "nonsense for an option" newmount mount /new proc nonsense=1
works "sysfs" newmount mount /new sysfs
works "sysfs: is covered" attack covered /new/devices/system/cpu/online
refused "sysfs: unmounting a cover" attack umount /new/devices/system/cpu/online
same "$(below_of /new)" "$(below_of /sys)" "sysfs: as many covers and masks as on /sys"
works "sysfs: umount" umount /new
works "tmpfs" newmount mount /new tmpfs size=64k @noexec
works "is one" touch /new/x; umount /new
works "in nested namespaces" unshare -Urpmf sh -c 'newmount mount /new proc && attack covered /new/uptime && ! attack umount /new/uptime && read -r pid rest </new/self/stat && test "$pid" = $$'
works "sysfs too" unshare -Urmn sh -c 'newmount mount /new sysfs && attack covered /new/devices/system/cpu/online'
refused "without power over the pid namespace" unshare -Urm newmount mount /new proc
refused "by a user without power" su user -c "newmount mount /new proc"
same "$(on /new)" 0 "and nothing is mounted by that"
works "what is never attached is covered, and stays so" newmount never-attached uptime proc
refused "taking a cover off before it is attached" newmount take-cover uptime /new/x proc
refused "a clone without covers" newmount clone-bare uptime proc
refused "a context without the mark is the kernel's to refuse" newmount unmarked proc
refused "the mark on another file system" newmount marked tmpfs 61
works "whatever another thread makes of the type, nothing bare comes of it" newmount swap-type 300
works "whatever it makes of the context's number" newmount swap-number 40
same "$(on /new)" 0 "nothing is left"
works "mounts as before" sh -c 'mount -t proc proc /new && umount /new'
END
few_under_way() { [ "$(under_way)" -lt $((under_way_before + 8)) ]; }
ok "what was not attached counts against the container, not the host's root" eventually 3 few_under_way || diag "before $under_way_before, now $(under_way)"
else
	is "$(inside newmount mount /new proc 2>&1)" ENOSYS "before Linux 5.19 the new mount API is not served: mount(2) is tried"
fi
is "$(inside grep -c . /proc/self/mountinfo)" "$mounts_before" "nothing is left mounted"

### Nothing to do
pid_of() { cloister status --json "$name" | json "[h['pid'] for h in d['helpers'] if h['name'] == '$1' and h['alive']][0]" 2>/dev/null; }
switches() { cat "/proc/$1"/task/*/status | awk '/^voluntary_ctxt/ { n += $2 } END { print n }'; }
inside sh -c 'mount -t proc proc /new && umount /new'
notifier=$(pid_of "its notifier")
before=$(switches "$notifier")
sleep 1
below $(($(switches "$notifier") - before)) 100 "after a mount the notifier sleeps"

### Storms, swaps, deaths
# Where each signal takes the call back (before Linux 5.19) a storm has to end for it to be made.
storm="30 0"
[ "$killable" = ok ] || storm="8 12"
# shellcheck disable=SC2086
ok "a mount under a storm of signals is one mount" inside mediated mount-storm proc /new $storm
# shellcheck disable=SC2086
ok "so is a tmpfs" inside mediated mount-storm tmpfs /new $storm
inside mediated mount-swapped proc /new /other 1500
is "$(inside sh -c 'for m in $(awk "\$5 == \"/new\" || \$5 == \"/other\"" /proc/self/mountinfo | wc -l); do
	for t in /new /other; do while grep -q " $t " /proc/self/mountinfo; do
		[ ! -e $t/uptime ] || attack covered $t/uptime >/dev/null 2>&1 || echo "bare $t"; umount $t || umount -l $t || exit; done; done; done')" "" \
	"whatever another thread made of the arguments, no bare procfs came of it"
inside mediated mount-load proc /new 5000 >"$tap_dir/load" 2>&1 &
loader=$!
for _ in $(seq 12); do
	sleep 0.2$((RANDOM % 10))
	who="its notifier"
	[ $((RANDOM % 3)) != 0 ] || who=cloister-warden
	pid=$(pid_of "$who") && kill -9 "$pid"
done
wait $loader
is "$?" 0 "SIGKILL of notifier and warden at any moment: each mount is made once ($(cat "$tap_dir/load"))"
is "$(inside grep -c . /proc/self/mountinfo)" "$mounts_before" "and nothing is left mounted"
is "$(cloister exec "$name" ps </dev/null | grep -c cloister)" 0 "no helper is visible inside"
# Whoever changes the type while it is looked at has the kernel alone for a judge, as has who comes without the filter. It
# makes a procfs for everybody who has one with nothing locked over it, and subset=pid has nothing to lock something over.
unfiltered() { nsenter -t "$(init_pid "$name")" -U -m -p -S 0 -G 0 "$@" </dev/null 2>&1; }
ok "(without a filter other mounts are made)" unfiltered mount -t tmpfs none /other
ok "(and unmounted)" unfiltered umount /other
for way in 'mount -t proc -o subset=pid proc /new' 'newmount mount /new proc subset=pid' 'mount -t proc -o ro,hidepid=2,subset=pid proc /new'; do
	case $way in newmount*) [ "$killable" = ok ] || continue ;; esac
	# shellcheck disable=SC2086
	ok "a procfs of subset=pid ($way)" inside $way
	fails '*' "does not make the kernel give a whole one" unfiltered mount -t proc proc /other
	is "$(inside sh -c 'ls /new | grep -v "^[0-9]"; ls /new/meminfo 2>/dev/null' | tr '\n' ' ')" "self thread-self " "and has nothing but processes in it"
	ok "it is unmounted" inside umount /new
done
# Linux 6.12 and later let it find the namespaces of helpers, some for everybody's who has power over them, some for
# the host's root only, who does it here.
find_helpers() {
	local loader
	inside mediated mount-load-anew proc /new 2500 >/dev/null 2>&1 &
	loader=$!
	"$attack" find-namespace "/proc/$(init_pid "$name")/ns/mnt" meminfo 2 >"$tap_dir/found" 2>"$tap_dir/error"
	wait $loader
	[ "$(cat "$tap_dir/found")" != 0 ]
}
ok "(helpers make mounts, and can be looked for)" eventually 20 find_helpers
if grep -qxE 'ENOTTY|EINVAL' "$tap_dir/error"; then
	skip kernel-6.12 "a helper's namespace that is found shows no bare procfs"
else
	is "$(cat "$tap_dir/error")" ENOENT "a helper's namespace that is found shows no bare procfs ($(cat "$tap_dir/found") looked at)"
fi
# Callers that die in the middle, and hands that reach for the helpers meanwhile.
inside attack seize-all 3500 >"$tap_dir/seized" 2>/dev/null &
seizer=$!
ok "callers that are killed in the middle of a mount" inside unshare -m mediated mount-killed proc /new 2500
wait $seizer
unlike "$(cat "$tap_dir/seized")" 'cloister|another root' "no helper can be seized or looked through meanwhile"
is "$(inside grep -c . /proc/self/mountinfo)" "$mounts_before" "and nothing is left mounted"
helpers_alone() { [ "$(family 'cloister-warde.*' | wc -l)" = 3 ]; }
ok "nor is any helper left" eventually 3 helpers_alone
ok "the next one is served" inside sh -c 'mount -t proc proc /new && attack covered /new/uptime && umount /new'

### binfmt_misc: each user namespace has its own, since Linux 6.7
binfmts() { unshare -m sh -c 'mount -t binfmt_misc none "$1" && LC_ALL=C ls "$1" | xargs' - "$work/binfmt"; }
mkdir "$work/binfmt"
if [ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -lt 607 ]; then
	skip kernel-6.7 "binfmt_misc inside"
elif before=$(binfmts 2>&1); then
	ok "binfmt_misc is mounted where it belongs" inside mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
	ok "a program for a kind of files is registered" inside sh -c 'echo ":mine:E::mine::/bin/echo:" >/proc/sys/fs/binfmt_misc/register && touch /tmp/x.mine && chmod +x /tmp/x.mine'
	is "$(inside /tmp/x.mine hello 2>&1)" "/tmp/x.mine hello" "and executes them"
	is "$(binfmts)" "$before" "which the host does not see"
	: >"$work/y.mine"; chmod +x "$work/y.mine"
	unlike "$("$work/y.mine" hello 2>&1)" hello "nor does"
	is "$(cloister launch --rootfs "$root" --privileged -- sh -c 'mount -t binfmt_misc none /new && ls /new' </dev/null | sort | xargs)" "register status" "nor another container"
else
	diag "$before"
	skip kernel-binfmt_misc "binfmt_misc inside"
fi
cloister delete --force "$name"
done_testing
