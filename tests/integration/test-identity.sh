#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What /proc and /sys tell of the machine (lib/identity.c): nothing. Ids are the container's own.
. "${top_srcdir:?: run it by make check}/tests/lib/tap.sh" || exit 99
gate root; gate launcher; gate fuse; gate userns; gate tool-busybox
root=$work/root
make_root "$root"
root2=$root
have idmap || { root2=$work/root2; cp -a "$root" "$root2"; shift_owners "$root2" 165536; }
shift_owners "$root"
need_containers --rootfs "$root"
name=$(cname identity) other=$(cname identity2)
launch_detached "$name" --rootfs "$root" -- sleep 1000 || { fail "a container starts"; done_testing; }
launch_detached "$other" --rootfs "$root2" --privileged -- sleep 1000 || { fail "a second container starts"; done_testing; }
inside() { cloister exec "$name" "$@" </dev/null; }
other() { cloister exec "$other" "$@" </dev/null; }
uuid='^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'

### Ids
boot=/proc/sys/kernel/random/boot_id
mine=$(inside cat $boot)
like "$mine" "$uuid" "boot_id is a random UUID"
isnt "$mine" "$(cat $boot)" "it is not the host's"
is "$(inside cat $boot)" "$mine" "it is the same in the next process"
isnt "$(other cat $boot)" "$mine" "it is another container's own"
is "$(inside sysctl -n kernel.random.boot_id)" "$mine" "sysctl reads it"
is "$(inside sh -c "exec 3<$boot; dd bs=7 count=1 <&3; dd bs=5 count=1 <&3" 2>/dev/null)" "${mine:0:12}" "it is read piece by piece"
fails '*' "nobody writes it" inside sh -c "echo 1 >$boot"
isnt "$(inside cat /proc/sys/kernel/random/uuid)" "$(inside cat /proc/sys/kernel/random/uuid)" "random/uuid is a new one at each read"
product=$(inside cat /sys/class/dmi/id/product_uuid)
like "$product" "$uuid" "product_uuid is a random UUID, through the usual link"
isnt "$product" "$mine" "other than boot_id"
isnt "$product" "$(other cat /sys/class/dmi/id/product_uuid)" "and each container's own"
fails '*' "only root reads product_uuid" inside busybox su user -c "cat /sys/class/dmi/id/product_uuid"
pids=$(cat "$state/$name/helpers" 2>/dev/null | grep -oE '[0-9]+' || :)
server=$(for p in $pids; do [ "$(cat "/proc/$p/comm" 2>/dev/null)" != cloister-fs ] || echo "$p"; done | head -n 1)
ok "there is a server to kill" test -n "$server"
if [ -n "$server" ] && kill -9 "$server"; then
	is "$(inside cat $boot)" "$mine" "boot_id outlives the server"
fi

### Each name at the top of /proc and /sys is what the table says, known or not
"$top_builddir/tests/unit/test-identity" --table >"$tap_dir/table" 2>/dev/null || : >"$tap_dir/table"
policy() { awk -F ' [|] ' -v p="| \`$1\`" '$1 == p { print $2 }' "$tap_dir/table"; }
wrong='' unknown='' seen=0
for f in $(inside sh -c 'ls -d /proc/[!0-9]* /sys/*'); do
	seen=$((seen + 1))
	p=$(policy "$f")
	[ -n "$p" ] || { unknown="$unknown $f"; p=masked; }
	case $p in
	empty | masked) [ -z "$(inside sh -c "[ -d $f ] && ls -A $f || cat $f" 2>&1 | head -c 100)" ] || wrong="$wrong $f" ;;
	denied) [ -z "$(inside head -c 100 "$f" 2>/dev/null)" ] || wrong="$wrong $f" ;;
	view) inside sh -c "[ -d $f ] || attack covered $f || [ -z \"\$(cat $f)\" ]" 2>/dev/null || wrong="$wrong $f" ;;
	*) inside ls "$f" >/dev/null 2>&1 || wrong="$wrong $f" ;;
	esac
done
below 30 "$seen" "names at the top ($seen)"
is "$wrong" "" "each is what the table says"
[ -z "$unknown" ] || diag "not in the table, so masked:$unknown"
if [ -x "$top_builddir/tests/unit/test-identity" ]; then ok "the table was asked" test -s "$tap_dir/table"; fi

### What the table does not know is masked: a kernel with more files shows none of them
isnt "$(ls /sys/bus /sys/class /sys/devices | wc -w)" 0 "the host has devices"
is "$(inside ls /sys/class)" "$(printf 'dmi\nnet')" "/sys/class has what the table has"
is "$(inside ls /sys/devices /sys/devices/virtual | grep -v : | xargs)" "system virtual dmi net" "so has /sys/devices"
is "$(inside ls /sys/fs | xargs)" "bpf cgroup fuse pstore" "so has /sys/fs"
is "$(inside sh -c 'ls -A /sys/block /sys/bus /sys/dev/block /sys/dev/char /sys/firmware /sys/power' | grep -v : | xargs)" "" "no disks, buses, firmware"
is "$(other sh -c 'ls -A /sys/block /sys/bus /sys/firmware; cat /proc/modules /proc/iomem /proc/kallsyms 2>/dev/null' | grep -v : | xargs)" "" "with --privileged neither"
is "$(inside find /sys -name "$(ls /sys/class/block 2>/dev/null | head -n 1 || echo none)" | head -n 1)" "" "no path to the host's first disk"

### The container's own devices and files
is "$(inside ls /sys/class/net)" lo "/sys/class/net has the container's devices"
is "$(inside cat /sys/class/net/lo/address)" "00:00:00:00:00:00" "they are read through the link"
is "$(inside cat /sys/devices/virtual/net/lo/mtu)" "$(inside cat /sys/class/net/lo/mtu)" "and directly"
like "$(inside stat -fc %t /sys/class/net/lo/ /sys | xargs)" '^62656572 62656572$' "it is the kernel's sysfs"
ok "a device made later shows" other sh -c 'ip link add d0 type dummy 2>/dev/null || ip link add d0 type bridge 2>/dev/null || exit 0; ls /sys/class/net/d0/mtu /sys/devices/virtual/net/d0/mtu'
is "$(inside cat /proc/cmdline)" "" "the kernel's command line is not told"
is "$(inside awk '$1 !~ /^#/ && $3 != 1' /proc/cgroups)" "" "/proc/cgroups does not tell how many the host has"
is "$(inside awk '$1 !~ /^#/ { print $1, $2, $4 }' /proc/cgroups)" "$(awk '$1 !~ /^#/ { print $1, $2, $4 }' /proc/cgroups)" "but the same controllers"
# Of open file descriptions the kernel knows no pid, and shows them in every pid namespace.
if have tool-python3; then
	echo >"$work/locked"
	exec {held}<"$work/locked"
	python3 -c 'import fcntl, struct; fcntl.fcntl(int(__import__("sys").argv[1]), 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))' "$held"
	like "$(cat /proc/locks)" "OFDLCK.*:$(stat -c %i "$work/locked") " "a lock of the host's"
	is "$(inside cat /proc/locks)$(other cat /proc/locks)" "" "is not told inside"
	exec {held}<&-
fi
like "$(inside cat /proc/filesystems | xargs)" 'tmpfs.*overlay' "/proc/filesystems has what can be mounted"
like "$(inside cat /proc/tty/drivers)" 'pty_slave .*136' "/proc/tty/drivers knows the pty"
is "$(inside cat /proc/version)" "$(cat /proc/version)" "the kernel's version is told"
for d in config debug security tracing; do
	ok "/sys/kernel/$d is a mount, empty" inside sh -c "grep -q ' /sys/kernel/$d ' /proc/self/mountinfo && [ -z \"\$(ls -A /sys/kernel/$d)\" ]"
done
is "$(inside sh -c 'cat /sys/kernel/mm/hugepages/*/nr_hugepages' | sort -u)" "$([ ! -d /sys/kernel/mm/hugepages ] || echo 0)" "no huge pages are reserved"
is "$(inside find /sys /proc/sys/kernel/random -xdev -writable ! -type l 2>/dev/null | head -n 3)" "" "nothing of it is writable"
fails '*' "nor with --privileged" other sh -c 'echo x >/sys/class/x || mkdir /sys/kernel/x || rm /sys/class/dmi/id/product_uuid || mount -o remount,rw,bind /sys/class'

### System calls that tell of the machine say nothing, with --privileged neither
if [ -x "$top_builddir/tests/lib/taint" ]; then
	cp "$top_builddir/tests/lib/taint" "$root/bin/"
	[ "$root2" = "$root" ] || cp "$top_builddir/tests/lib/taint" "$root2/bin/"
	for which in inside other; do
		is "$($which taint calls | awk -F '\t' '$1 ~ /^(syslog|sysfs|ustat)$/ && $3 == "success" { print $1, $2, $3 }')" "" "$which: syslog(2), sysfs(2), ustat(2)"
		is "$($which taint calls | awk -F '\t' '$1 ~ /^(syslog|sysfs|ustat)$/' | wc -l)" 4 "$which: all were asked"
	done
	# The kernel would complain of the arguments, whoever may ask with this setting of the host's.
	is "$(other taint calls | sed -n 's/^perf_event_open\tall\t//p')" "Permission denied" "perf_event_open(2) of all processes"
fi

### A mount of the specification below a directory of ours finds its place
mkdir "$work/vol"
echo here >"$work/vol/file"
shift_owners "$work/vol"
is "$(launch --rootfs "$root" --volume "$work/vol:/sys/fs/bpf:ro" -- cat /sys/fs/bpf/file </dev/null 2>&1)" here "a volume on /sys/fs/bpf"
point=$(find /sys/kernel -mindepth 1 -maxdepth 1 -type d ! -name config ! -name debug ! -name security ! -name tracing ! -name mm ! -name cgroup 2>/dev/null | head -n 1)
[ -z "$point" ] || is "$(launch --rootfs "$root" --volume "$work/vol:$point:ro" -- cat "$point/file" </dev/null 2>&1)" here "a volume on $point, which the host has and we do not show"
cloister delete --force "$name" >/dev/null
cloister delete --force "$other" >/dev/null
done_testing
