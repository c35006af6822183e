#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run-kernel.sh 5.10|6.1 SUITE…
#
# Boots that Debian kernel under QEMU's software emulation with the programs just built, runs
# tests/integration/test-SUITE.sh there (or tests/vm/guest-SUITE.sh) and prints their results as one
# TAP stream. $top_srcdir and $top_builddir as in `make check`; $VM_TIMEOUT in seconds (480);
# $VM_MUST_RUN: features whose skip is a failure in the guest. KEEP_WORK=1 keeps the logs.
set -u
top_srcdir=$(cd "${top_srcdir:-.}" && pwd) top_builddir=$(cd "${top_builddir:-.}" && pwd)
vm=$top_srcdir/tests/vm
version=$1
shift

lacks() {
	case " ${TESTS_MUST_RUN:-} " in
	*" vm "* | *" all "*) printf '1..1\nnot ok 1 - kernel %s: %s, and TESTS_MUST_RUN names vm\n' "$version" "$1"; exit 1 ;;
	esac
	echo "1..0 # SKIP kernel $version: $1"
	exit 0
}
for tool in qemu-system-x86_64 mke2fs cpio depmod dpkg-deb busybox; do
	[ -n "$(PATH=$PATH:/sbin:/usr/sbin type -P $tool)" ] || lacks "no $tool"
done
PATH=$PATH:/usr/sbin:/sbin
kernel=$("$vm/fetch-kernel.sh" "$version") || lacks "the kernel package cannot be fetched"
root=$("$vm/make-root.sh") || lacks "the guest's disk cannot be made"

dir=$(mktemp -d "${TMPDIR:-/var/tmp}/cloister-vm.XXXXXX") || exit 99
qemu=
# shellcheck disable=SC2317
finish() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null
	[ -n "${KEEP_WORK:-}" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 143' TERM INT

### The initramfs: busybox and the modules, in an order that insmod accepts.
release=$(ls "$kernel/modules")
[ -e "$kernel/lib" ] || ln -sfn . "$kernel/lib"
[ -e "$kernel/modules/$release/modules.dep" ] || depmod -b "$kernel" "$release" || exit 99
mkdir -p "$dir/initramfs"/{bin,dev,root,modules}
cp "$(type -P busybox)" "$dir/initramfs/bin/busybox"
install -m 0755 "$vm/initramfs-init" "$dir/initramfs/init"
awk -F '[: ]+' -v want="virtio_pci virtio_blk fuse overlay loop virtio_rng" '
	{
		name = $1; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name)
		path[name] = $1
		for (i = NF; i > 1; i--) if ($i != "") deps[name] = deps[name] $i "\n"
	}
	END {
		n = split(want, w, " ")
		for (i = 1; i <= n; i++) if (w[i] in path) printf "%s%s\n", deps[w[i]], path[w[i]]
	}' "$kernel/modules/$release/modules.dep" | awk 'NF && !seen[$0]++' >"$dir/modules"
while read -r module; do
	cp "$kernel/modules/$release/$module" "$dir/initramfs/modules/"
	echo "${module##*/}"
done <"$dir/modules" >"$dir/initramfs/modules/order"
(cd "$dir/initramfs" && find . | cpio -o -H newc --quiet | gzip -1) >"$dir/initramfs.gz"

### The second disk: what was built, the libraries it needs, the tests.
mkdir -p "$dir/disk/cloister"/{src,fusefs,shiftfs-fallback,tests/lib}
for program in src/cloister src/cloister-warden fusefs/cloister-fs shiftfs-fallback/shiftfs tests/lib/under tests/lib/attack; do
	[ ! -x "$top_builddir/$program" ] || cp "$top_builddir/$program" "$dir/disk/cloister/$program"
done
cp -r "$top_srcdir/tests/lib" "$top_srcdir/tests/integration" "$dir/disk/cloister/tests/"
mkdir -p "$dir/disk/cloister/tests/vm"
cp "$vm"/guest-*.sh "$dir/disk/cloister/tests/vm/"
# AppArmor's parser with what profiles include, and ours where the runtime looks for it.
parser=$(type -P apparmor_parser)
if [ -n "$parser" ] && [ -d /etc/apparmor.d/abi ]; then
	sysconfdir=$(sed -n 's/^sysconfdir = //p' "$top_builddir/Makefile")
	prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
	sysconfdir=${sysconfdir/'${prefix}'/$prefix}
	mkdir -p "$dir/disk/usr/sbin" "$dir/disk/etc/apparmor.d" "$dir/disk$sysconfdir/apparmor.d"
	cp "$parser" "$dir/disk/usr/sbin/"
	cp -r /etc/apparmor.d/{abi,tunables} "$dir/disk/etc/apparmor.d/"
	cp -r /etc/apparmor "$dir/disk/etc/"
	mkdir -p "$dir/disk/usr/share"
	[ ! -d /usr/share/apparmor-features ] || cp -r /usr/share/apparmor-features "$dir/disk/usr/share/"
	cp "$top_srcdir/src/apparmor/cloister-default" "$dir/disk$sysconfdir/apparmor.d/"
fi
find "$dir/disk" -type f -perm -100 -exec ldd {} + 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u |
	while read -r f; do
		real=$(realpath "${f%/*}")/${f##*/}
		mkdir -p "$dir/disk${real%/*}"
		cp -L "$real" "$dir/disk$real"
	done
{
	echo 'export top_srcdir=/cloister top_builddir=/cloister'
	echo "export PATH=/cloister/src:/cloister/fusefs:\$PATH CLOISTER_IN_VM=$version"
	printf 'export TESTS_MUST_RUN=%q\n' "${VM_MUST_RUN:-}"
	echo 'cd /cloister; total=0'
	for suite; do
		script=tests/integration/test-$suite.sh
		[ -e "$top_srcdir/$script" ] || script=tests/vm/guest-$suite.sh
		# Up to the suite's own time limit; its errors go to the same stream as comments.
		echo "echo 'GUEST-SUITE $suite'; bash $script 2>&1; status=\$?"
		echo "echo \"GUEST-STATUS \$status\"; [ \$status = 0 ] || total=1"
	done
	echo 'exit $total'
} >"$dir/disk/cloister/run"
tar -C "$dir/disk" -c -f "$dir/disk.tar" --owner=0 --group=0 .

### Boot.
start=${EPOCHREALTIME/./}
: >"$dir/out"
TMPDIR=$dir nice -n 10 qemu-system-x86_64 -accel tcg,thread=multi -machine pc -cpu max,la57=off -smp 2 -m 1024 \
	-nodefaults -no-user-config -no-reboot -display none \
	-kernel "$kernel/vmlinuz" -initrd "$dir/initramfs.gz" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on nowatchdog" \
	-drive "file=$root,if=virtio,format=raw,snapshot=on,cache=unsafe" \
	-drive "file=$dir/disk.tar,if=virtio,format=raw,readonly=on" \
	-object rng-random,filename=/dev/urandom,id=rng -device virtio-rng-pci,rng=rng \
	-serial "file:$dir/console" -serial "file:$dir/out" 2>"$dir/qemu.log" &
qemu=$!
limit=$((${VM_TIMEOUT:-480} * 1000000))
booted=
while kill -0 $qemu 2>/dev/null; do
	if [ -z "$booted" ] && [ -s "$dir/out" ]; then booted=$((${EPOCHREALTIME/./} - start)); fi
	if [ $((${EPOCHREALTIME/./} - start)) -gt $limit ]; then
		echo "# kernel $version: time is up after ${VM_TIMEOUT:-480} s"
		kill -9 $qemu
		break
	fi
	sleep 0.1
done
wait $qemu 2>/dev/null
qemu=
took=$((${EPOCHREALTIME/./} - start))
echo "# kernel $release: up after $((${booted:-0} / 1000)) ms, done after $((took / 1000)) ms"

### One TAP stream out of the guest's.
tr -d '\r' <"$dir/out" | awk -v version="$version" '
	function verdict(good, text) { n++; bad += !good; print (good ? "ok " : "not ok ") n " - " version ": " text }
	/^GUEST-SUITE / { suite = $2; ran = 0; planned = -1; next }
	/^GUEST-STATUS / {
		if (planned >= 0 && ran != planned) print "# planned " planned ", ran " ran
		verdict($2 == 0 && planned >= 0 && ran == planned, suite ": ended well (status " $2 ")")
		suite = ""; next
	}
	/^GUEST-EXIT / { ended = 1; next }
	/^1\.\.0 # SKIP/ { planned = 0; n++; print "ok " n " - " version ": " suite " # SKIP " substr($0, 13); next }
	/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; next }
	/^(not )?ok / {
		ran++; n++
		good = /^ok /; if (!good && !/# TODO/) bad++
		text = $0; sub(/^(not )?ok +[0-9]* *-? */, "", text)
		print (good ? "ok " : "not ok ") n " - " version ": " suite ": " text; next
	}
	/^Bail out!/ { print "# " $0; next }
	{ print "# " $0 }
	END {
		if (!ended) verdict(0, "the guest ended by itself")
		print "1.." n
		exit bad != 0
	}'
status=$?
if [ $status != 0 ]; then
	echo "# last lines of the guest's console:"
	tail -n 15 "$dir/console" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
	sed 's/^/# qemu: /' "$dir/qemu.log"
fi
exit $status
