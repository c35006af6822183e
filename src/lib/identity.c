/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of what /proc and /sys tell of the machine. The rule behind it: a name that is not in
 * it is masked, at the top of /proc and /sys as in the directories that are "own"; so a kernel with
 * more files shows none of them, and neither does a module, disk or CPU that comes after the start.
 *
 * doc/identity.md has the same table; a test compares the two.
 */
#include "config.h"
#include "lib/identity.h"

#include "lib/sysctl.h"
#include "lib/views.h"

#include <string.h>
#include <sys/stat.h>

#define ROW(p, what, why)                                                                          \
	{                                                                                          \
		.path = p, .policy = IDENTITY_##what, .reason = why                                \
	}
#define VIEW(p) ROW(p, VIEW, "rendered for the container, see views.md")
#define FILE_OWN(p, content, why)                                                                  \
	{                                                                                          \
		.path = p, .policy = IDENTITY_OWN, .mode = S_IFREG | 0444, .text = content,        \
		.reason = why                                                                      \
	}
#define VALUE_OWN(p, perm, member, why)                                                            \
	{                                                                                          \
		.path = p, .policy = IDENTITY_OWN, .mode = S_IFREG | (perm),                       \
		.value = offsetof(struct identity_values, member), .reason = why                   \
	}
#define LINK_OWN(p, target, why)                                                                   \
	{                                                                                          \
		.path = p, .policy = IDENTITY_OWN, .mode = S_IFLNK, .text = target, .reason = why  \
	}
#define DIR_OWN(p, why)                                                                            \
	{                                                                                          \
		.path = p, .policy = IDENTITY_OWN, .mode = S_IFDIR | 0555, .reason = why           \
	}
#define MADE_OWN(p, type, how, why)                                                                \
	{                                                                                          \
		.path = p, .policy = IDENTITY_OWN, .mode = type, .make = how, .reason = why        \
	}

/* clang-format off */
const struct identity identities[] = {
	/* Namespaced by the kernel. */
	ROW("proc/mounts", NATIVE, "link to the reader's own mount namespace"),
	ROW("proc/net", NATIVE, "link to the reader's own network namespace"),
	ROW("proc/self", NATIVE, "link to the reader itself"),
	ROW("proc/thread-self", NATIVE, "link to the reader itself"),
	ROW("proc/sys", NATIVE, "sysctls have a table of their own"),
	ROW("proc/sysvipc", NATIVE, "of the reader's ipc namespace"),
	ROW("proc/key-users", NATIVE, "only users that the user namespace maps"),

	/* The same on every machine that runs this kernel. */
	ROW("proc/version", HARMLESS, "as uname(2); programs choose by the kernel's version"),
	ROW("proc/config.gz", HARMLESS, "how this kernel was built, which its version says too; kubeadm reads it"),
	ROW("proc/execdomains", HARMLESS, "a constant"),

	/* Derived from the container's cgroup: views.c. */
	VIEW("proc/buddyinfo"), VIEW("proc/cpuinfo"), VIEW("proc/diskstats"), VIEW("proc/interrupts"),
	VIEW("proc/loadavg"), VIEW("proc/meminfo"), VIEW("proc/pagetypeinfo"), VIEW("proc/partitions"),
	VIEW("proc/pressure"), VIEW("proc/schedstat"), VIEW("proc/slabinfo"), VIEW("proc/softirqs"),
	VIEW("proc/stat"), VIEW("proc/swaps"), VIEW("proc/uptime"), VIEW("proc/vmstat"),
	VIEW("proc/zoneinfo"),

	/* The container's own. */
	VALUE_OWN("proc/sys/kernel/random/boot_id", 0444, boot_id,
		  "random, one for the life of the container: journals are told apart by it"),
	ROW("proc/sys/kernel/random/uuid", NATIVE, "random at each read"),
	FILE_OWN("proc/cmdline", "\n", "the host's boot loader, disks and secrets; systemd inside takes its own"),
	MADE_OWN("proc/cgroups", S_IFREG | 0444, identity_make_cgroups,
		 "controllers as the kernel lists them, without the host's number of cgroups"),
	FILE_OWN("proc/filesystems",
		 "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tdevpts\n"
		 "nodev\tramfs\nnodev\tmqueue\nnodev\toverlay\nnodev\tfuse\n",
		 "what can be mounted inside; the host's tells which modules it loaded"),
	FILE_OWN("proc/devices",
		 "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n"
		 "136 pts\n\nBlock devices:\n",
		 "majors of the nodes in /dev; the host's tells its drivers"),
	FILE_OWN("proc/misc", "200 tun\n229 fuse\n", "minors of the nodes in /dev; the host's tells its modules"),
	DIR_OWN("proc/tty", "the host's tells its serial ports"),
	FILE_OWN("proc/tty/drivers",
		 "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
		 "/dev/console         /dev/console    5       1 system:console\n"
		 "/dev/ptmx            /dev/ptmx       5       2 system\n"
		 "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
		 "pty_master           /dev/ptm      128 0-1048575 pty:master\n",
		 "ps and top name terminals by it"),
	FILE_OWN("proc/tty/ldiscs", "n_tty       0\n", "the one of a pty"),
	ROW("proc/tty/driver", EMPTY, "serial ports: none"),
	ROW("proc/tty/ldisc", EMPTY, "always empty"),

	/* The container has none. */
	ROW("proc/locks", EMPTY, "those of open file descriptions are listed for the whole machine, by inode; /proc/PID/fdinfo has one's own"),
	ROW("proc/modules", EMPTY, "modules are the host's; lsmod prints an empty list"),
	ROW("proc/mdstat", EMPTY, "RAID arrays: none"),
	ROW("proc/consoles", EMPTY, "of the host's kernel"),
	ROW("proc/dma", EMPTY, "of the host's hardware"),
	ROW("proc/fb", EMPTY, "frame buffers: none"),
	ROW("proc/version_signature", EMPTY, "the distribution of the host"),

	/* Of the host's kernel and hardware. */
	ROW("proc/acpi", MASKED, "wake-up devices of the host's hardware"),
	ROW("proc/asound", MASKED, "sound cards"),
	ROW("proc/bootconfig", MASKED, "more of the kernel's command line"),
	ROW("proc/bus", MASKED, "PCI, input and USB devices; they come and go"),
	ROW("proc/crypto", MASKED, "loaded modules, processor features, use counts"),
	ROW("proc/driver", MASKED, "state of the host's drivers"),
	ROW("proc/dynamic_debug", MASKED, "source of the loaded modules; a switch of the host"),
	ROW("proc/fs", MASKED, "disks that the host mounted, by name; NFS exports"),
	ROW("proc/ide", MASKED, "disks"),
	ROW("proc/iomem", MASKED, "how much memory and which devices the machine has"),
	ROW("proc/ioports", MASKED, "which devices the machine has"),
	ROW("proc/irq", MASKED, "interrupts and CPUs of the host; they come and go"),
	ROW("proc/kallsyms", MASKED, "loaded modules and, if kptr_restrict allows, addresses"),
	ROW("proc/keys", MASKED, "serials and times of keys, from one table for all; keyctl(1) does not need it"),
	ROW("proc/latency_stats", MASKED, "what the host's processes wait for"),
	ROW("proc/lock_stat", MASKED, "the host's kernel at work"),
	ROW("proc/lockdep", MASKED, "the host's kernel at work"),
	ROW("proc/lockdep_chains", MASKED, "the host's kernel at work"),
	ROW("proc/lockdep_stats", MASKED, "the host's kernel at work"),
	ROW("proc/mtd", MASKED, "flash memory"),
	ROW("proc/mtrr", MASKED, "layout of the machine's memory"),
	ROW("proc/sched_debug", MASKED, "every process of the host, before Linux 5.13"),
	ROW("proc/scsi", MASKED, "disks, with model and serial"),
	ROW("proc/sgi_uv", MASKED, "hardware"),
	ROW("proc/timer_stats", MASKED, "processes of the host"),
	ROW("proc/xen", MASKED, "the hypervisor; a privileged interface to it"),

	/* Root's on the host, and nobody's here. */
	ROW("proc/allocinfo", DENIED, "0400"),
	ROW("proc/kcore", DENIED, "0400: the kernel's memory"),
	ROW("proc/kmsg", DENIED, "0400: the kernel's log"),
	ROW("proc/kpagecgroup", DENIED, "0400: every page of the machine"),
	ROW("proc/kpagecount", DENIED, "0400: every page of the machine"),
	ROW("proc/kpageflags", DENIED, "0400: every page of the machine"),
	ROW("proc/sysrq-trigger", DENIED, "0200"),
	ROW("proc/timer_list", DENIED, "0400: timers of every process"),
	ROW("proc/vmallocinfo", DENIED, "0400: addresses"),
	ROW("proc/vmcore", DENIED, "0400: memory of a kernel that crashed"),

	/* /sys: directories of our own over each that has contents which come and go. */
	ROW("sys/block", EMPTY, "disks: none; lsblk prints an empty list"),
	ROW("sys/bus", EMPTY, "devices: none; lspci and lsusb print an empty list"),
	DIR_OWN("sys/class", "devices of the host by kind: thermal, hwmon, power_supply, nvme, tty, …"),
	ROW("sys/class/net", NATIVE, "of the network namespace"),
	DIR_OWN("sys/class/dmi", "as on a machine"),
	LINK_OWN("sys/class/dmi/id", "../../devices/virtual/dmi/id", "as on a machine"),
	DIR_OWN("sys/dev", "devices of the host by number"),
	ROW("sys/dev/block", EMPTY, "lsblk expects the directory"),
	ROW("sys/dev/char", EMPTY, "as above"),
	DIR_OWN("sys/devices", "PCI, platform, power, virtual/{block,powercap,thermal,…}, system/{memory,clocksource,…}"),
	ROW("sys/devices/virtual/net", NATIVE, "of the network namespace"),
	VALUE_OWN("sys/devices/virtual/dmi/id/product_uuid", 0400, product_uuid,
		  "random, one for the life of the container: kubelet names the node by it"),
	FILE_OWN("sys/devices/virtual/dmi/id/product_name", "container\n", "vendor, model, serials and BIOS are the host's"),
	FILE_OWN("sys/devices/virtual/dmi/id/sys_vendor", "Cloister\n", "as above"),
	VIEW("sys/devices/system/cpu"),
	VIEW("sys/devices/system/node"),
	ROW("sys/firmware", MASKED, "ACPI and DMI tables, EFI variables, memory map"),
	DIR_OWN("sys/fs", "disks that the host mounted, by name, with their counters"),
	ROW("sys/fs/cgroup", EMPTY, "where the cgroup namespace is mounted"),
	ROW("sys/fs/bpf", EMPTY, "a mount point; BPF is the host's"),
	ROW("sys/fs/fuse/connections", EMPTY, "a mount point"),
	ROW("sys/fs/pstore", EMPTY, "a mount point; what the host's kernel said when it crashed"),
	ROW("sys/hypervisor", MASKED, "uuid and name of the virtual machine"),
	DIR_OWN("sys/kernel", "boot_params, btf, iommu_groups, irq, livepatch, notes, slab, uevent_seqnum, vmcoreinfo, counters of warnings"),
	ROW("sys/kernel/address_bits", HARMLESS, "a constant"),
	ROW("sys/kernel/cpu_byteorder", HARMLESS, "a constant"),
	ROW("sys/kernel/fscaps", HARMLESS, "a constant; systemd reads it"),
	ROW("sys/kernel/cgroup/delegate", HARMLESS, "a constant; systemd and engines read it"),
	ROW("sys/kernel/cgroup/features", HARMLESS, "a constant; engines read it"),
	ROW("sys/kernel/config", POINT, "systemd inside would fail to mount configfs"),
	ROW("sys/kernel/debug", POINT, "systemd inside would fail to mount debugfs"),
	ROW("sys/kernel/security", POINT, "no LSM of the host's is offered inside"),
	ROW("sys/kernel/tracing", POINT, "systemd inside would fail to mount tracefs"),
	ROW("sys/kernel/mm/transparent_hugepage/enabled", HARMLESS, "a setting that holds for the container too; databases and JVMs read it"),
	ROW("sys/kernel/mm/transparent_hugepage/defrag", HARMLESS, "as above; the counters beside it are not shown"),
	ROW("sys/kernel/mm/transparent_hugepage/shmem_enabled", HARMLESS, "as above"),
	ROW("sys/kernel/mm/transparent_hugepage/hpage_pmd_size", HARMLESS, "a property of the processor"),
	MADE_OWN("sys/kernel/mm/hugepages", S_IFDIR | 0555, identity_make_hugepages,
		 "the sizes, a property of the processor; none reserved: engines and JVMs read it"),
	DIR_OWN("sys/module", "modules of the host and their parameters; they come and go"),
	VIEW("sys/module/nf_conntrack/parameters/hashsize"),
	ROW("sys/power", MASKED, "suspend and hibernation of the host"),
};
/* clang-format on */
const int identities_count = sizeof(identities) / sizeof(identities[0]);

/**
 * identity_policy_name() - the word that doc/identity.md has for @policy
 */
const char *identity_policy_name(enum identity_policy policy)
{
	static const char *const names[] = {
		[IDENTITY_NATIVE] = "native", [IDENTITY_HARMLESS] = "harmless",
		[IDENTITY_VIEW] = "view",     [IDENTITY_OWN] = "own",
		[IDENTITY_EMPTY] = "empty",   [IDENTITY_MASKED] = "masked",
		[IDENTITY_DENIED] = "denied", [IDENTITY_POINT] = "mount point",
	};

	return names[policy];
}

/**
 * identity_find() - the row of exactly this path, without a slash at its beginning; or NULL
 */
const struct identity *identity_find(const char *path)
{
	for (int i = 0; i < identities_count; i++)
		if (strcmp(identities[i].path, path) == 0)
			return &identities[i];
	return NULL;
}

/**
 * identity_is_below() - is @path in @directory, or further below?
 */
bool identity_is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* The directories of our own, which are few: found once. */
static const struct identity *const *own_dirs(void)
{
	static const struct identity *dirs[sizeof(identities) / sizeof(identities[0]) + 1];
	int n = 0;

	if (dirs[0])
		return dirs;
	for (int i = 0; i < identities_count; i++)
		if (identities[i].policy == IDENTITY_OWN && S_ISDIR(identities[i].mode))
			dirs[n++] = &identities[i];
	return dirs;
}

/**
 * identity_cover_of() - the uppermost directory of our own that @path lies below, or NULL
 */
const struct identity *identity_cover_of(const char *path)
{
	const struct identity *top = NULL;

	for (const struct identity *const *dir = own_dirs(); *dir; dir++)
		if (identity_is_below(path, (*dir)->path) &&
		    (!top || strlen((*dir)->path) < strlen(top->path)))
			top = *dir;
	return top;
}

/**
 * identity_has_view() - whether the server serves @path itself, be it a file or a directory
 */
bool identity_has_view(const char *path)
{
	for (int i = 0; i < views_count; i++)
		if (strcmp(views[i].path, path) == 0)
			return true;
	return sysctl_find(path); /* a parameter of a module may have a row there */
}

/**
 * identity_has_views_below() - whether views.c serves files in the directory @path
 */
bool identity_has_views_below(const char *path)
{
	for (int i = 0; i < views_count; i++)
		if (identity_is_below(views[i].path, path))
			return true;
	return false;
}
