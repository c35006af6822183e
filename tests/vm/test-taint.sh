#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two machines that differ in all they can, with the same kernel, run the same container with the same
# limits: what a process inside can learn through /proc, /sys and system calls is the same on both, up to
# tests/lib/taint.allow. TAINT_KEEP=DIR keeps the dumps.
set -u
vm=${top_srcdir:?: run it by make check}/tests/vm
# One turn for both, before the clock runs; and all that it does to a machine it does in the guests.
if [ -z "${CLOISTER_TEST_UNDER:-}" ]; then
	. "$vm/vm.sh"
	vm_slot
fi
export TEST_TIMEOUT=${TEST_TIMEOUT:-560} TEST_NO_LOCK=1 VM_NO_SLOT=1
. "$top_srcdir/tests/lib/tap.sh" || exit 99
gate root; gate tool-python3
TMPDIR=$work

# side NAME SUITE-SETTING…: boots it with the options that the caller has set.
side() (
	vm_name=taint-$1 vm_next=/sbin/guest-init vm_version=6.1
	export VM_TIMEOUT=${VM_TIMEOUT:-480} VM_MUST_RUN="root fuse userns timens launcher"
	# shellcheck source=tests/vm/vm.sh
	. "$vm/vm.sh"
	vm_setup
	kernel=$("$vm/fetch-kernel.sh" 6.1) || vm_lacks "the kernel package cannot be fetched"
	root=$("$vm/make-root.sh") || vm_lacks "the guest's disk cannot be made"
	vm_initramfs "$kernel" virtio_pci virtio_blk fuse overlay loop virtio_rng
	mkdir -p "$vm_dir/disk/cloister/modules"
	vm_modules "$kernel" brd null_blk nf_conntrack md_mod sunrpc "$vm_dir/disk/cloister/modules"
	vm_disk "TAINT_SIDE=$1" "${@:2}" taint
	vm_boot "$kernel" "$root" "$vm_memory" "${vm_append[@]}"
	vm_tap
	cp "$vm_dir/out" "$work/out-$1"
)
take() { # SIDE NAME
	tr -d '\r' <"$work/out-$1" | sed -n "s/^DUMP $2 //p" | base64 -d 2>/dev/null | gzip -dc >"$work/$1.$2" 2>/dev/null
}

truncate -s 48M "$work/disk-b"
(
	vm_memory=800 vm_cpus=3 vm_append=(taint.secret=alfa-7391 rootfstype=ext4)
	vm_options=(-smbios "type=0,vendor=AlfaBios,version=bios-alfa-11" -uuid 6f1c2d70-1111-4a11-8a11-aaaaaaaaaaaa
		-smbios "type=1,manufacturer=AlfaMaker,product=alfa-model,serial=alfa-serial-1" -smbios "type=2,serial=alfa-board-1"
		-smbios "type=3,serial=alfa-chassis-1")
	side a TAINT_LATER=1
) >"$work/log-a" 2>&1 &
a=$!
(
	vm_memory=1100 vm_cpus=5 vm_append=(taint.secret=bravo-2846 rootfstype=ext4 threadirqs nosmt hugepages=4 sysrq_always_enabled)
	vm_options=(-smbios "type=0,vendor=BravoBios,version=bios-bravo-22" -uuid 9e3b4f80-2222-4b22-9b22-bbbbbbbbbbbb
		-smbios "type=1,manufacturer=BravoMaker,product=bravo-model,serial=bravo-serial-2" -smbios "type=2,serial=bravo-board-2"
		-smbios "type=3,serial=bravo-chassis-2"
		-drive "file=$work/disk-b,if=none,id=more,format=raw" -device "virtio-blk-pci,drive=more,serial=bravo-disk-2,addr=0x1e")
	side b
) >"$work/log-b" 2>&1 &
b=$!
wait $a
wait $b
for s in a b; do
	if grep -q '^1\.\.0 # SKIP' "$work/log-$s"; then skip vm "$(sed -n 's/^1\.\.0 # SKIP //p' "$work/log-$s")"; done_testing; fi
	grep -v '^#   *DUMP\|^# DUMP' "$work/log-$s" | sed 's/^/# /; s/^# # /# /' | grep -v '^# ok\|^# 1\.\.'
	is "$(grep -c '^not ok' "$work/log-$s")" 0 "guest $s did all it was to"
	for d in facts machine bare dump; do take $s $d; done
	[ -z "${TAINT_KEEP:-}" ] || cp "$work/$s".* "$work/out-$s" "$TAINT_KEEP/"
done
for d in before after reloaded; do
	take a $d
	[ -z "${TAINT_KEEP:-}" ] || cp "$work/a.$d" "$TAINT_KEEP/"
done

### The machines do differ, or there would be nothing to see
while IFS=$'\t' read -r what value; do
	isnt "$(awk -F '\t' -v w="$what" '$1 == w { print $2 }' "$work/b.machine")" "$value" "the machines differ in $what ($value)"
done <"$work/a.machine"
is "$(wc -l <"$work/a.machine")" 6 "all facts came"
while IFS=$'\t' read -r what value; do
	[ -z "$value" ] || isnt "$(awk -F '\t' -v w="$what" '$1 == w { print $2 }' "$work/b.facts" | head -n 1)" "$value" "and in $what"
done <"$work/a.facts"
below 9 "$(wc -l <"$work/a.facts")" "the secrets came"

### Inside they do not
taint() { python3 "$tests_lib/taint.py" "$@"; }
ok "nothing inside tells one machine from the other" taint compare "$work/a.dump" "$work/b.dump" "$tests_lib/taint.allow"
for s in a b; do ok "no secret of machine $s is anywhere" taint secrets "$work/$s.dump" "$work/$s.facts"; done

### What came after the start
ok "modules, disks and a CPU that come show nothing" taint compare "$work/a.before" "$work/a.after" "$tests_lib/taint.allow"
ok "nor when they come again" taint compare "$work/a.before" "$work/a.reloaded" "$tests_lib/taint.allow"
is "$(grep -cwE 'ram[0-9]|brd|nullb[0-9]|null_blk' "$work/a.after" "$work/a.reloaded" | cut -d : -f 2 | xargs)" "0 0" "their names are nowhere"

### The comparison notices what is told: all that nobody covers on the machines themselves, and one line put in
taint compare --least 50 --most 10000 "$work/a.bare" "$work/b.bare" "$tests_lib/taint.allow" >"$tap_dir/bare"
for f in proc/cmdline proc/meminfo proc/cpuinfo proc/iomem proc/partitions \
	sys/devices/virtual/dmi/id/product_serial sys/block sys/devices/system/cpu/possible; do
	ok "bare, /$f would tell" grep -q "^/$f " "$tap_dir/bare"
done
sed "s|^/proc/cmdline\t1\t.*|/proc/cmdline\t1\t$(awk -F '\t' '$1 == "command line" { print $2 }' "$work/b.facts")|" "$work/b.dump" >"$work/told"
fails '*' "a command line that shows is noticed" taint compare "$work/a.dump" "$work/told" "$tests_lib/taint.allow"
fails '*' "and is found among the secrets" taint secrets "$work/told" "$work/b.facts"
done_testing
