/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in list of what no container may mount; doc: cloister-settings(5).
 */
#include "config.h"
#include "policy/restricted-list.h"

#define READABLE RESTRICTED_PARENT_RO
#define CONFIG	 RESTRICTED_SCAN
#define ENGINE	 RESTRICTED_ENGINE
#define SOCKET	 RESTRICTED_SOCKET

const struct restricted_default restricted_defaults[] = {
	/* Configuration of engines and ours */
	{ "/etc/docker", CONFIG },
	{ "/etc/containerd", CONFIG },
	{ "/etc/containers", CONFIG },
	{ "/etc/crio", CONFIG },
	{ "/etc/buildkit", CONFIG },
	{ "/etc/nerdctl", CONFIG },
	{ "/etc/kubernetes", CONFIG },
	{ "/etc/default/docker", CONFIG },
	{ SETTINGS_DIR, CONFIG },
	/* State of engines and ours */
	{ "/var/lib/docker", ENGINE },
	{ "/var/lib/containerd", ENGINE },
	{ "/var/lib/containers", ENGINE },
	{ "/var/lib/nerdctl", ENGINE },
	{ "/var/lib/buildkit", 0 },
	{ "/var/lib/crio", 0 },
	{ "/var/lib/kubelet/pki", 0 },
	{ "/var/lib/cloister", 0 },
	{ "/run/cloister", 0 },
	{ "/run/docker", ENGINE },
	{ "/run/containerd", ENGINE },
	{ "/run/containers", ENGINE },
	{ "/run/crio", 0 },
	{ "/run/libpod", 0 },
	{ "/run/buildkit", 0 },
	{ "/run/runc", 0 },
	{ "/run/crun", 0 },
	/* Sockets of engines that lie beside others */
	{ "/run/docker.sock", SOCKET },
	{ "/run/docker.raw.sock", SOCKET },
	{ "/run/cri-dockerd.sock", SOCKET },
	{ "/run/podman/podman.sock", SOCKET },
	{ "/run/containerd/containerd.sock", SOCKET },
	{ "/run/containerd/containerd.sock.ttrpc", SOCKET },
	{ "/run/containerd/debug.sock", SOCKET },
	{ "/run/docker/containerd/containerd.sock", SOCKET },
	{ "/run/docker/plugins/*.sock", SOCKET },
	{ "/run/docker/libnetwork/*.sock", SOCKET },
	{ "/run/docker/metrics.sock", SOCKET },
	{ "/run/docker/swarm/control.sock", SOCKET },
	{ "/run/buildkit/buildkitd.sock", SOCKET },
	{ "/run/crio/crio.sock", SOCKET },
	{ "/run/k3s/containerd/containerd.sock", SOCKET },
	{ "/run/user/*/docker.sock", SOCKET },
	{ "/run/user/*/podman/podman.sock", SOCKET },
	/* Programs: runtimes, shims, engines */
	{ "/usr/bin/runc", READABLE },
	{ "/usr/sbin/runc", READABLE },
	{ "/usr/bin/crun", READABLE },
	{ "/usr/bin/dockerd", READABLE },
	{ "/usr/sbin/dockerd", READABLE },
	{ "/usr/bin/docker", READABLE },
	{ "/usr/bin/docker-proxy", READABLE },
	{ "/usr/sbin/docker-proxy", READABLE },
	{ "/usr/bin/containerd", READABLE },
	{ "/usr/bin/containerd-shim", READABLE },
	{ "/usr/bin/containerd-shim-runc-v1", READABLE },
	{ "/usr/bin/containerd-shim-runc-v2", READABLE },
	{ "/usr/bin/ctr", READABLE },
	{ "/usr/bin/podman", READABLE },
	{ "/usr/bin/conmon", READABLE },
	{ "/usr/libexec/podman", READABLE },
	{ "/usr/lib/podman", READABLE },
	{ "/usr/local/bin/runc", READABLE },
	{ "/usr/local/bin/containerd-shim-runc-v2", READABLE },
	{ PKGLIBEXECDIR, READABLE },
	/* Secrets of the host */
	{ "/etc/shadow", CONFIG },
	{ "/etc/shadow-", CONFIG },
	{ "/etc/gshadow", CONFIG },
	{ "/etc/gshadow-", CONFIG },
	{ "/etc/sudoers", CONFIG },
	{ "/etc/sudoers.d", CONFIG },
	{ "/etc/ssh/*key", CONFIG },
	/* What the host boots from and runs with all power */
	{ "/boot", READABLE },
	{ "/efi", READABLE },
	{ "/etc/default/grub", READABLE },
	{ "/etc/grub.d", READABLE },
	{ "/usr/lib/modules", RESTRICTED_SELF_RO | READABLE },
	{ "/lib/modules", RESTRICTED_SELF_RO | READABLE },
	{ "/etc/modprobe.d", READABLE },
	{ "/etc/modules-load.d", READABLE },
	{ "/etc/modules", READABLE },
	{ "/etc/systemd", READABLE },
	{ "/run/systemd/system", READABLE },
	{ "/run/systemd/generator", READABLE },
	{ "/run/systemd/transient", READABLE },
	{ "/run/systemd/private", 0 },
	{ "/usr/lib/systemd", READABLE },
	{ "/lib/systemd", READABLE },
	{ "/etc/init.d", READABLE },
	{ "/etc/crontab", READABLE },
	{ "/etc/cron.d", READABLE },
	{ "/var/spool/cron", READABLE },
	/* Block devices lie here; nothing else of it is restricted */
	{ "/dev", RESTRICTED_NOT_BELOW },
};
const unsigned int restricted_n_defaults = G_N_ELEMENTS(restricted_defaults);
