#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run-kernel.sh 5.10|6.1|6.12|sid SUITE…
#
# Boots that Debian kernel under QEMU's software emulation with the programs just built, runs
# tests/integration/test-SUITE.sh there (or tests/vm/guest-SUITE.sh) and prints their results as one
# TAP stream. $top_srcdir and $top_builddir as in `make check`; $VM_TIMEOUT in seconds (480),
# $TEST_TIMEOUT of each suite (300);
# $VM_MUST_RUN: features whose skip is a failure in the guest. KEEP_WORK=1 keeps the logs.
set -u
vm_version=$1 vm_name=$1 vm_next=/sbin/guest-init
shift
# shellcheck source=tests/vm/vm.sh
. "${top_srcdir:-.}/tests/vm/vm.sh"
vm_setup
kernel=$("$vm/fetch-kernel.sh" "$vm_version") || vm_lacks "the kernel package cannot be fetched"
root=$("$vm/make-root.sh") || vm_lacks "the guest's disk cannot be made"
vm_initramfs "$kernel" virtio_pci virtio_blk fuse overlay loop virtio_rng
vm_disk "$@"
vm_boot "$kernel" "$root" 1024
vm_tap
