# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A guest under QEMU's software emulation, in parts: what run-kernel.sh and run-debian.sh share. They
# set $vm_name (for messages) and $vm_next (the program that the initramfs ends in) and call the parts
# in this order: vm_setup, vm_initramfs, vm_disk, vm_boot, vm_tap.
# KEEP_WORK=1 keeps the logs.
top_srcdir=$(cd "${top_srcdir:-.}" && pwd) top_builddir=$(cd "${top_builddir:-.}" && pwd)
vm=$top_srcdir/tests/vm
PATH=$PATH:/usr/sbin:/sbin
vm_qemu='' vm_first=''
declare -p vm_options >/dev/null 2>&1 || vm_options=()

# Without what it needs there is no guest: a skip, or a failure where TESTS_MUST_RUN names vm.
vm_lacks() {
	case " ${TESTS_MUST_RUN:-} " in
	*" vm "* | *" all "*) printf '1..1\nnot ok 1 - %s: %s, and TESTS_MUST_RUN names vm\n' "$vm_name" "$1"; exit 1 ;;
	esac
	echo "1..0 # SKIP $vm_name: $1"
	exit 0
}

# shellcheck disable=SC2317
vm_finish() {
	[ -z "$vm_qemu" ] || kill -9 "$vm_qemu" 2>/dev/null
	[ -n "${KEEP_WORK:-}" ] || rm -rf "$vm_dir"
}

# Of all guests of this machine no more than it has CPUs run at a time; who waits costs nothing, so `make -j`
# may start them all. The kernel gives the slot back when the last one of us has ended, however it ended.
# VM_NO_SLOT=1: the caller sees to that.
vm_slot() {
	local i fd
	[ -w /run ] && [ -z "${VM_NO_SLOT:-}" ] || return 0
	while :; do
		for ((i = $(nproc); i > 0; i--)); do
			exec {fd}>>"/run/cloister-guest-$i.lock"
			if flock -n "$fd"; then SECONDS=0; return; fi
			exec {fd}>&-
		done
		sleep 1
	done
}

vm_setup() {
	local tool
	for tool in qemu-system-x86_64 mke2fs cpio depmod dpkg-deb busybox; do
		[ -n "$(type -P $tool)" ] || vm_lacks "no $tool"
	done
	vm_slot
	vm_dir=$(mktemp -d "${TMPDIR:-/var/tmp}/cloister-vm.XXXXXX") || exit 99
	trap vm_finish EXIT
	trap 'exit 143' TERM INT
}

# vm_modules KERNEL MODULE… DIR: the modules and what they need, and DIR/order, which insmod accepts.
vm_modules() {
	local kernel=$1 dir=${*: -1} release module
	set -- "${@:2:$#-2}"
	release=$(ls "$kernel/modules")
	[ -e "$kernel/lib" ] || ln -sfn . "$kernel/lib"
	[ -e "$kernel/modules/$release/modules.dep" ] || depmod -b "$kernel" "$release" || exit 99
	mkdir -p "$dir"
	awk -F '[: ]+' -v want="$*" '
		{
			name = $1; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name)
			path[name] = $1
			for (i = NF; i > 1; i--) if ($i != "") deps[name] = deps[name] $i "\n"
		}
		END {
			n = split(want, w, " ")
			for (i = 1; i <= n; i++) if (w[i] in path) printf "%s%s\n", deps[w[i]], path[w[i]]
		}' "$kernel/modules/$release/modules.dep" | awk 'NF && !seen[$0]++' |
		while read -r module; do
			cp "$kernel/modules/$release/$module" "$dir/"
			echo "${module##*/}"
		done >"$dir/order"
}

# vm_initramfs KERNEL MODULE…: busybox and the modules.
vm_initramfs() {
	mkdir -p "$vm_dir/initramfs"/{bin,dev,root}
	cp "$(type -P busybox)" "$vm_dir/initramfs/bin/busybox"
	install -m 0755 "$vm/initramfs-init" "$vm_dir/initramfs/init"
	echo "$vm_next" >"$vm_dir/initramfs/next"
	vm_modules "$@" "$vm_dir/initramfs/modules"
	(cd "$vm_dir/initramfs" && find . | cpio -o -H newc --quiet | gzip -1) >"$vm_dir/initramfs.gz"
}

# vm_disk SUITE…: the second disk: what was built, the libraries it needs, the tests. A suite may be
# preceded by settings: `vm_disk smoke CGROUP_DRIVER=systemd docker`.
vm_disk() {
	local program suite script parser prefix sysconfdir
	mkdir -p "$vm_dir/disk/cloister"/{src,fusefs,tests/lib,tests/vm}
	# Every program that was built and is installed, without libtool's or automake's leftovers.
	for program in "$top_builddir"/{src,fusefs}/cloister* "$top_builddir"/shiftfs-fallback/{shiftfs,mount.shiftfs} \
		"$top_builddir"/tests/lib/{under,attack,call,taint,mediated,granted,newmount,shift-mount,shift-attack,shift-hurt,stand-in}; do
		{ [ -f "$program" ] && [ -x "$program" ]; } || continue
		mkdir -p "$vm_dir/disk/cloister/$(dirname "${program#"$top_builddir"/}")"
		cp "$program" "$vm_dir/disk/cloister/${program#"$top_builddir"/}"
	done
	cp -r "$top_srcdir/tests/lib" "$top_srcdir/tests/integration" "$vm_dir/disk/cloister/tests/"
	cp "$vm"/guest-*.sh "$vm_dir/disk/cloister/tests/vm/"
	# What suites read or copy of the sources.
	mkdir -p "$vm_dir/disk/cloister"/{doc,src/lib}
	cp "$top_srcdir"/doc/*.[158] "$vm_dir/disk/cloister/doc/"
	cp "$top_srcdir"/src/lib/*.[ch] "$vm_dir/disk/cloister/src/lib/"
	# AppArmor's parser with what profiles include, and ours where the runtime looks for it.
	sysconfdir=
	parser=$(type -P apparmor_parser)
	if [ -n "$parser" ] && [ -d /etc/apparmor.d/abi ]; then
		sysconfdir=$(sed -n 's/^sysconfdir = //p' "$top_builddir/Makefile")
		prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
		sysconfdir=${sysconfdir/'${prefix}'/$prefix}
		mkdir -p "$vm_dir/disk/usr/sbin" "$vm_dir/disk/etc/apparmor.d" "$vm_dir/disk$sysconfdir/apparmor.d"
		cp "$parser" "$vm_dir/disk/usr/sbin/"
		cp -r /etc/apparmor.d/{abi,tunables} "$vm_dir/disk/etc/apparmor.d/"
		cp -r /etc/apparmor "$vm_dir/disk/etc/"
		mkdir -p "$vm_dir/disk/usr/share"
		[ ! -d /usr/share/apparmor-features ] || cp -r /usr/share/apparmor-features "$vm_dir/disk/usr/share/"
	fi
	if [ -e "$top_srcdir/src/apparmor/cloister-default" ]; then
		mkdir -p "$vm_dir/disk${sysconfdir:-/usr/local/etc}/apparmor.d"
		cp "$top_srcdir/src/apparmor/cloister-default" "$vm_dir/disk${sysconfdir:-/usr/local/etc}/apparmor.d/"
	fi
	find "$vm_dir/disk" -type f '(' -perm -100 -o -name '*.so' ')' -exec ldd {} + 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u |
		while read -r f; do
			real=$(realpath "${f%/*}")/${f##*/}
			mkdir -p "$vm_dir/disk${real%/*}"
			cp -L "$real" "$vm_dir/disk$real"
		done
	{
		echo 'export top_srcdir=/cloister top_builddir=/cloister'
		echo "export PATH=/cloister/src:/cloister/fusefs:\$PATH CLOISTER_IN_VM=${vm_version:-$vm_name} CLOISTER_VM_CPUS=${vm_cpus:-1}"
		printf 'export TESTS_MUST_RUN=%q TEST_GRACE=10 TEST_SLOW=%q TEST_TIMEOUT=%q\n' "${VM_MUST_RUN:-}" "${TEST_SLOW:-1}" "${TEST_TIMEOUT:-300}"
		echo "cd /cloister; ${vm_first}total=0"
		local settings=
		for suite; do
			case $suite in *=*) settings="$settings $suite"; continue ;; esac
			script=tests/integration/test-$suite.sh
			[ -e "$top_srcdir/$script" ] || script=tests/vm/guest-$suite.sh
			# Up to the suite's own time limit; its errors go to the same stream as comments.
			echo "echo 'GUEST-SUITE $suite${settings:+,${settings}}'; SECONDS=0; env$settings bash $script 2>&1; status=\$?"
			echo "echo \"GUEST-STATUS \$status \$SECONDS\"; [ \$status = 0 ] || total=1"
			settings=
		done
		echo 'exit $total'
	} >"$vm_dir/disk/cloister/run"
	tar -C "$vm_dir/disk" -c -f "$vm_dir/disk.tar" --owner=0 --group=0 .
}

# vm_tree KIND: a third disk with that tree of make-debian.sh, which machine_tree() finds in the guest.
vm_tree() {
	local tree
	tree=$(. "$top_srcdir/tests/lib/machine.sh" && machine_tree "$1") || vm_lacks "the tree $1 cannot be made"
	mke2fs -q -q -t ext4 -O ^has_journal -E root_owner=0:0,lazy_itable_init=1 -m 0 -d "$tree" "$vm_dir/tree.img" 1500M >/dev/null || exit 99
	vm_options+=(-drive "file=$vm_dir/tree.img,if=virtio,format=raw,readonly=on")
	mkdir -p "$vm_dir/disk/cloister/trees/$1"
	vm_first="mount -o ro /dev/vdc /cloister/trees/$1; $vm_first"
}

# vm_node: what inside-kubernetes wants besides, of this machine.
vm_node() {
	local tree
	tree=$("$vm/fetch-deb.sh" sid containerd) || vm_lacks "a containerd of these days cannot be fetched"
	mkdir -p "$vm_dir/disk/cloister/trees/containerd" "$vm_dir/disk/usr/lib/python3/dist-packages"
	cp -r "$tree/usr" "$vm_dir/disk/cloister/trees/containerd/"
	cp -rL /usr/lib/cni "$vm_dir/disk/usr/lib/" || vm_lacks "no CNI plugins"
	cp -r /usr/lib/python3/dist-packages/grpc "$vm_dir/disk/usr/lib/python3/dist-packages/" || vm_lacks "no python3-grpcio"
}

# vm_start KERNEL ROOT MEGABYTES [KERNEL-OPTION…]: QEMU in the background, its pid in $vm_qemu. VM_NICE: 10 if not set.
vm_start() {
	local kernel=$1 root=$2 memory=$3 khz
	shift 3
	: >"$vm_dir/out"
	khz=$("$top_builddir/tests/lib/tsc-khz" 2>/dev/null)
	# cx16: with QEMU 7.2's threads Linux 6.12 loses what it does by cmpxchg16b, and panics in its allocator.
	# avx, erms: emulated vectors and copies by the byte take longer than what is used in their place. smap, smep:
	# a block of code ends wherever the kernel opens and closes user memory.
	# norandmaps: code is translated anew for each address at which a library comes to lie. tsc=reliable: with
	# several CPUs every look at the clock would else go to an emulated device. tsc_early_khz (Linux 5.11): what the
	# kernel measures by an emulated timer is wrong on a busy machine; one had a clock that ran twelve times too fast,
	# and every suite in it was out of time.
	TMPDIR=$vm_dir nice -n "${VM_NICE:-10}" qemu-system-x86_64 -accel tcg,thread=${vm_thread:-multi} -machine pc \
		-cpu max,la57=off,cx16=off,avx=off,avx2=off,erms=off,smap=off,smep=off -smp "${vm_cpus:-1}" -m "$memory" \
		-nodefaults -no-user-config -no-reboot -display none \
		-kernel "$kernel/vmlinuz" -initrd "$vm_dir/initramfs.gz" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on nowatchdog no_timer_check norandmaps tsc=reliable ${khz:+tsc_early_khz=$khz} $*" \
		-drive "file=$root,if=virtio,format=raw,snapshot=on,cache=unsafe" \
		-drive "file=$vm_dir/disk.tar,if=virtio,format=raw,readonly=on" \
		-object rng-random,filename=/dev/urandom,id=rng -device virtio-rng-pci,rng=rng \
		"${vm_options[@]}" -serial "file:$vm_dir/console" -serial "file:$vm_dir/out" 2>"$vm_dir/qemu.log" &
	vm_qemu=$!
}

# Does the guest believe to be up for much longer than it is?
vm_hasty() {
	local up
	read -r _ up _ <"$vm_dir/out" && [ "${up%%.*}" -gt $((vm_up * 3 / 2000 + 2)) ] 2>/dev/null
}

# Until the guest has reset itself, or $VM_TIMEOUT (480 s) has passed, or its clock is seen to be wrong. $vm_up: ms
# until it said something.
vm_wait() {
	local start=${EPOCHREALTIME/./} limit=$((${VM_TIMEOUT:-480} * 1000000)) line
	vm_up=
	while kill -0 $vm_qemu 2>/dev/null; do
		if [ -z "$vm_up" ] && read -r line <"$vm_dir/out"; then
			vm_up=$(((${EPOCHREALTIME/./} - start) / 1000))
			! vm_hasty || kill -9 $vm_qemu
		fi
		if [ $((${EPOCHREALTIME/./} - start)) -gt $limit ]; then
			echo "# $vm_name: time is up after ${VM_TIMEOUT:-480} s"
			kill -9 $vm_qemu
			break
		fi
		sleep 0.1
	done
	wait $vm_qemu 2>/dev/null
	vm_qemu=
}

# Did the kernel panic before anything of ours ran (what QEMU's threads get wrong does not come twice), or get a clock
# that runs too fast?
vm_fell() {
	grep -q '^GUEST-SUITE' "$vm_dir/out" && return 1
	grep -q 'Kernel panic' "$vm_dir/console" || vm_hasty
}

# vm_boot KERNEL ROOT MEGABYTES [KERNEL-OPTION…]: until the guest resets itself, or $VM_TIMEOUT.
# $vm_cpus (1) and the array vm_options, more of QEMU's, make one guest unlike another. With a second emulated CPU
# everything takes twice the time of the real ones, and on a busy machine ten times as long; vm_thread=single has one
# thread run them in turn, which takes less where no race is looked for: neither waits for one that does not run.
vm_boot() {
	local start=${EPOCHREALTIME/./}
	vm_start "$@"
	vm_wait
	if vm_fell; then
		echo "# $vm_name: before any test the kernel panicked, or its clock was wrong; once more. It had said" \
			"'$(head -n 1 "$vm_dir/out" | tr -d '\r')' after ${vm_up:-0} ms and:"
		tail -n 40 "$vm_dir/console" | tr -d '\r' | sed 's/^/#   /'
		vm_start "$@"
		vm_wait
	fi
	echo "# $vm_name, $(ls "$1/modules"): up after ${vm_up:-0} ms, done after $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
}

# One TAP stream out of the guest's. Return: whether all is well.
vm_tap() {
	local status
	tr -d '\r' <"$vm_dir/out" | awk -v name="$vm_name" '
		function verdict(good, text) { n++; bad += !good; print (good ? "ok " : "not ok ") n " - " name ": " text }
		/^GUEST-SUITE / { suite = substr($0, 13); ran = 0; planned = -1; next }
		/^GUEST-STATUS / {
			if (planned >= 0 && ran != planned) print "# planned " planned ", ran " ran
			verdict($2 == 0 && planned >= 0 && ran == planned, suite ": ended well (status " $2 ", " $3 " s)")
			suite = ""; next
		}
		/^GUEST-CLOCK / { next }
		/^GUEST-EXIT / { ended = 1; next }
		/^1\.\.0 # SKIP/ { planned = 0; n++; print "ok " n " - " name ": " suite " # SKIP " substr($0, 13); next }
		/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; next }
		/^(not )?ok / {
			ran++; n++
			good = /^ok /; if (!good && !/# TODO/) bad++
			text = $0; sub(/^(not )?ok +[0-9]* *-? */, "", text)
			print (good ? "ok " : "not ok ") n " - " name ": " suite ": " text; next
		}
		/^Bail out!/ { print "# " $0; next }
		{ print "# " $0 }
		END {
			if (!ended) verdict(0, "the guest ended by itself")
			print "1.." n
			exit bad != 0
		}'
	status=$?
	echo "# took $SECONDS s"
	times >"$vm_dir/times"
	awk -F '[ms ]+' 'NR == 2 { printf "# used %.1f s of CPU time\n", $1 * 60 + $2 + $3 * 60 + $4 }' "$vm_dir/times"
	if [ $status != 0 ]; then
		echo "# last lines of the guest's console:"
		tail -n 15 "$vm_dir/console" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
		sed 's/^/# qemu: /' "$vm_dir/qemu.log"
	fi
	return $status
}
