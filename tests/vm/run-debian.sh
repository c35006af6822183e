#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run-debian.sh [NAME=VALUE…] SUITE…
#
# As run-kernel.sh, in a stock Debian 12 with systemd, AppArmor and Docker. Settings hold for the suite
# that follows them: run-debian.sh debian ENGINE_CGROUP_DRIVER=systemd docker
# VM_APPEND: more options of the kernel. VM_MEMORY: MiB. VM_TREE: a tree of make-debian.sh (inside, inside-sid) that the
# guest has on a disk of its own, for the suites inside-*.
set -u
vm_name=debian-12 vm_next=/sbin/init
# shellcheck source=tests/vm/vm.sh
. "${top_srcdir:-.}/tests/vm/vm.sh"
vm_setup
kernel=$("$vm/fetch-kernel.sh" 6.1) || vm_lacks "the kernel package cannot be fetched"
root=$("$vm/make-debian.sh" disk) || vm_lacks "the guest's disk cannot be made"
vm_initramfs "$kernel" virtio_pci virtio_blk virtio_rng
[ -z "${VM_TREE:-}" ] || vm_tree "$VM_TREE"
case " $* " in *" inside-kubernetes "*) vm_node ;; esac
vm_disk "$@"
# Without a machine-id on the disk each boot is the first one: systemd would go over all presets and so enable the
# Docker and the containerd that make-debian.sh has disabled, beside those that the suites start.
# shellcheck disable=SC2086 # several options
vm_boot "$kernel" "$root" "${VM_MEMORY:-2048}" systemd.show_status=false systemd.condition-first-boot=no ${VM_APPEND:-}
vm_tap
