/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of sysctls: the only list of them. The server's tree, the covers, `cloister status
 * --sysctl` and `--sysctl` at launch are all derived from it.
 *
 * Types, ranges and defaults are those of a kernel without distribution settings (kernel/,
 * kernel/sched, mm, fs, security, net/core of Linux 5.10 to 6.18); where the kernel derives a
 * default from the size of the machine, a constant that an ordinary server has. Rows that one
 * kernel lacks do no harm: what is not there is not covered (sysctl-scan.c). Sorted by path, as
 * strcmp() has it.
 *
 * What the kernel gives to the container's own root is not covered either, whatever stands here:
 * then this kernel has a namespace for it (kernel.pid_max since 6.14). What no row names stays as
 * the kernel has it: readable, and by its own permissions not writable.
 */
#include "config.h"
#include "lib/sysctl.h"

#include <limits.h>

#define ROW(p, pol, t, n, m, ...)                                                                  \
	{                                                                                          \
		.path = "proc/sys/" p, .policy = SYSCTL_##pol, .type = SYSCTL_##t, .count = n,     \
		.mode = m, __VA_ARGS__                                                             \
	}

#define INT(p, lo, hi, def) ROW(p, PRIVATE, INT, 1, 0644, .min = lo, .max = hi, .initial = { def })
#define INTS(p, n, ...)                                                                            \
	ROW(p, PRIVATE, INT, n, 0644, .min = INT_MIN, .max = INT_MAX, .initial = { __VA_ARGS__ })
#define ANY(p, def)	INT(p, INT_MIN, INT_MAX, def)
#define BIT(p, def)	INT(p, 0, 1, def)
#define SECONDS(p, def) INT(p, -(INT_MAX / HZ), INT_MAX / HZ, def)
#define UINT(p, lo, hi, def)                                                                       \
	ROW(p, PRIVATE, UINT, 1, 0644, .min = lo, .max = hi, .initial = { def })
#define ULONG(p, lo, hi, def)                                                                      \
	ROW(p, PRIVATE, ULONG, 1, 0644, .min = lo, .max = hi, .initial = { def })
#define STRING(p, size, def) ROW(p, PRIVATE, STRING, 1, 0644, .max = size, .words = def)
#define ORDER(p, lo, hi)     ROW(p, PRIVATE, INT, 1, 0200, .min = lo, .max = hi)
#define PAIR(p, t, lo, hi, def, twin)                                                              \
	ROW(p, PRIVATE, t, 1, 0644, .quirk = SYSCTL_CLEARS, .min = lo, .max = hi,                  \
	    .initial = { def }, .words = "proc/sys/" twin)
/* One of @p is @m / @d of what it and its twin show. */
#define UNITS(p, lo, hi, def, m, d, twin)                                                          \
	ROW(p, PRIVATE, INT, 1, 0644, .quirk = SYSCTL_FOLLOWS, .min = lo, .max = hi,               \
	    .initial = { def }, .mul = m, .div = d, .words = "proc/sys/" twin)
#define LARGEST(p, t, lo, hi, def, limit)                                                          \
	ROW(p, MAX, t, 1, 0644, .min = lo, .max = hi, .initial = { def }, .cap = limit)
#define SMALLEST(p, t, lo, hi, def, limit)                                                         \
	ROW(p, MIN, t, 1, 0644, .min = lo, .max = hi, .initial = { def }, .cap = limit)
#define CONSTANT(p, text, reason)                                                                  \
	ROW(p, READONLY, STRING, 1, 0444, .max = SYSCTL_STRING_MAX, .words = text, .why = reason)
#define HIDDEN(p, reason) ROW(p, HIDDEN, STRING, 1, 0, .max = 1, .words = "", .why = reason)
#define KERNEL(p, reason) ROW(p, KERNEL, STRING, 1, 0644, .max = 1, .words = "", .why = reason)
/*
 * What a network namespace's devices begin with (net/core/neighbour.c: neigh_sysctl_template).
 * @hz: what retrans_time counts in
 */
#define NEIGH(dir, retrans, hz, lock)                                                              \
	ANY(dir "anycast_delay", 100), INT(dir "app_solicit", 0, INT_MAX, 0),                      \
		UNITS(dir "base_reachable_time", -(INT_MAX / HZ), INT_MAX / HZ, 30, HZ, 1,         \
		      dir "base_reachable_time_ms"),                                               \
		UNITS(dir "base_reachable_time_ms", INT_MIN, INT_MAX, 30000, HZ, 1000,             \
		      dir "base_reachable_time"),                                                  \
		SECONDS(dir "delay_first_probe_time", 5), SECONDS(dir "gc_interval", 30),          \
		SECONDS(dir "gc_stale_time", 60), INT(dir "gc_thresh1", 0, INT_MAX, 128),          \
		INT(dir "gc_thresh2", 0, INT_MAX, 512), INT(dir "gc_thresh3", 0, INT_MAX, 1024),   \
		INT(dir "interval_probe_time_ms", 1, INT_MAX, 5000), ANY(dir "locktime", lock),    \
		INT(dir "mcast_resolicit", 0, INT_MAX, 0),                                         \
		INT(dir "mcast_solicit", 0, INT_MAX, 3), ANY(dir "proxy_delay", 80),               \
		INT(dir "proxy_qlen", 0, INT_MAX, 64),                                             \
		UNITS(dir "retrans_time", INT_MIN, INT_MAX, retrans, HZ, hz,                       \
		      dir "retrans_time_ms"),                                                      \
		UNITS(dir "retrans_time_ms", INT_MIN, INT_MAX, 1000, HZ, 1000,                     \
		      dir "retrans_time"),                                                         \
		INT(dir "ucast_solicit", 0, INT_MAX, 3),                                           \
		UNITS(dir "unres_qlen", 0, INT_MAX / PACKET, 101, PACKET, 1,                       \
		      dir "unres_qlen_bytes"),                                                     \
		UNITS(dir "unres_qlen_bytes", 0, INT_MAX, 212992, 1, 1, dir "unres_qlen")
#define PARAMETER(m, p, t, ...)                                                                    \
	{                                                                                          \
		.path = "sys/module/" m "/parameters/" p, .type = SYSCTL_##t, .count = 1,          \
		__VA_ARGS__                                                                        \
	}

#define HZ	  250 /* what Debian's, Fedora's and SUSE's kernels are built with */
#define USER_HZ	  100
#define PAGE	  4096
#define PACKET	  2090 /* SKB_TRUESIZE(ETH_FRAME_LEN) of x86-64 */
#define ULONG_ANY -1   /* as unsigned: the largest */

/* fs/file.c: __const_min(INT_MAX, ~(size_t)0 / sizeof(void *)) & -BITS_PER_LONG */
#define NR_OPEN_MAX (INT_MAX & -64)
/* kernel/fork.c: MAX_THREADS is FUTEX_TID_MASK */
#define THREADS_MAX 0x3fffffff
/* drivers/tty/pty.c */
#define NR_PTYS 1048576

static const char of_host[] = "a fact of the host";
static const char counted[] = "counts for the whole machine";
static const char built[] = "of how the kernel was built";
static const char per_ipc[] = "the ipc namespace's";
static const char per_uts[] = "the uts namespace's";
static const char per_pid[] = "the pid namespace's";
static const char first_net[] = "in the first network namespace only: no container has it";

const struct sysctl sysctls[] = {
	BIT("abi/vsyscall32", 1),
	CONSTANT("crypto/fips_enabled", "0", of_host),
	CONSTANT("crypto/fips_name", "Linux Kernel Cryptographic API", of_host),
	CONSTANT("crypto/fips_version", "", of_host),
	ANY("debug/exception-trace", 1),
	BIT("debug/kprobes-optimization", 1),
	ANY("dev/cdrom/autoclose", 1),
	ANY("dev/cdrom/autoeject", 0),
	ANY("dev/cdrom/check_media", 0),
	ANY("dev/cdrom/debug", 0),
	HIDDEN("dev/cdrom/info", "drives of the host"),
	ANY("dev/cdrom/lock", 0),
	ANY("dev/hpet/max-user-freq", 64),
	ANY("dev/mac_hid/mouse_button2_keycode", 97),
	ANY("dev/mac_hid/mouse_button3_keycode", 100),
	ANY("dev/mac_hid/mouse_button_emulation", 0),
	ANY("dev/raid/speed_limit_max", 200000),
	ANY("dev/raid/speed_limit_min", 1000),
	ANY("dev/scsi/logging_level", 0),
	BIT("dev/tty/ldisc_autoload", 1),
	BIT("dev/tty/legacy_tiocsti", 1),

	LARGEST("fs/aio-max-nr", ULONG, 0, ULONG_ANY, 65536, 1048576),
	CONSTANT("fs/aio-nr", "0", counted),
	KERNEL("fs/binfmt_misc", "the user namespace's, once mounted in it"),
	BIT("fs/dentry-negative", 0),
	CONSTANT("fs/dentry-state", "0\t0\t45\t0\t0\t0", counted),
	ANY("fs/dir-notify-enable", 1),
	ULONG("fs/epoll/max_user_watches", 0, LONG_MAX, 1048576),
	INT("fs/fanotify/max_queued_events", 0, INT_MAX, 16384),
	INT("fs/fanotify/max_user_groups", 0, INT_MAX, 128),
	INT("fs/fanotify/max_user_marks", 0, INT_MAX, 8192),
	INT("fs/fanotify/watchdog_timeout", 0, INT_MAX, 0),
	ULONG("fs/file-max", 0, LONG_MAX, LONG_MAX), /* systemd raises it to this at each boot */
	CONSTANT("fs/file-nr", "0\t0\t9223372036854775807", counted),
	UINT("fs/fuse/default_request_timeout", 0, 65535, 0),
	UINT("fs/fuse/max_pages_limit", 1, 65535, 256),
	UINT("fs/fuse/max_request_timeout", 0, 65535, 0),
	CONSTANT("fs/inode-nr", "0\t0", counted),
	CONSTANT("fs/inode-state", "0\t0\t0\t0\t0\t0\t0", counted),
	LARGEST("fs/inotify/max_queued_events", INT, 0, INT_MAX, 16384, 65536),
	LARGEST("fs/inotify/max_user_instances", INT, 0, INT_MAX, 128, 8192),
	LARGEST("fs/inotify/max_user_watches", INT, 0, INT_MAX, 8192, 1048576),
	SMALLEST("fs/lease-break-time", INT, INT_MIN, INT_MAX, 45, 10),
	ANY("fs/leases-enable", 1),
	INT("fs/mount-max", 1, INT_MAX, 100000),
	KERNEL("fs/mqueue/msg_default", per_ipc),
	KERNEL("fs/mqueue/msg_max", per_ipc),
	KERNEL("fs/mqueue/msgsize_default", per_ipc),
	KERNEL("fs/mqueue/msgsize_max", per_ipc),
	KERNEL("fs/mqueue/queues_max", per_ipc),
	INT("fs/nr_open", 64, NR_OPEN_MAX, 1048576),
	INT("fs/overflowgid", 0, 65535, 65534),
	INT("fs/overflowuid", 0, 65535, 65534),
	ROW("fs/pipe-max-size", PRIVATE, UINT, 1, 0644, .quirk = SYSCTL_PIPE, .min = 0,
	    .max = 1u << 31, .initial = { 1048576 }),
	ULONG("fs/pipe-user-pages-hard", 0, ULONG_ANY, 0),
	ULONG("fs/pipe-user-pages-soft", 0, ULONG_ANY, 16384),
	INT("fs/protected_fifos", 0, 2, 0),
	BIT("fs/protected_hardlinks", 0),
	INT("fs/protected_regular", 0, 2, 0),
	BIT("fs/protected_symlinks", 0),
	CONSTANT("fs/quota/allocated_dquots", "0", counted),
	CONSTANT("fs/quota/cache_hits", "0", counted),
	CONSTANT("fs/quota/drops", "0", counted),
	CONSTANT("fs/quota/free_dquots", "0", counted),
	CONSTANT("fs/quota/lookups", "0", counted),
	CONSTANT("fs/quota/reads", "0", counted),
	CONSTANT("fs/quota/syncs", "0", counted),
	ANY("fs/quota/warnings", 1),
	CONSTANT("fs/quota/writes", "0", counted),
	INT("fs/suid_dumpable", 0, 2, 0),
	BIT("fs/verity/require_signatures", 0),
	INT("fs/xfs/error_level", 0, 11, 3),
	INT("fs/xfs/filestream_centisecs", 1, 360000, 3000),
	BIT("fs/xfs/inherit_noatime", 1),
	BIT("fs/xfs/inherit_nodefrag", 1),
	BIT("fs/xfs/inherit_nodump", 1),
	BIT("fs/xfs/inherit_nosymlinks", 0),
	BIT("fs/xfs/inherit_sync", 1),
	BIT("fs/xfs/irix_sgid_inherit", 0),
	BIT("fs/xfs/irix_symlink_mode", 0),
	INT("fs/xfs/panic_mask", 0, 511, 0),
	INT("fs/xfs/rotorstep", 1, 255, 1),
	INT("fs/xfs/speculative_cow_prealloc_lifetime", 1, 86400, 1800),
	INT("fs/xfs/speculative_prealloc_lifetime", 1, 86400, 300),
	BIT("fs/xfs/stats_clear", 0),
	INT("fs/xfs/xfssyncd_centisecs", 1, 720000, 3000),

	INTS("kernel/acct", 3, 4, 2, 30),
	ULONG("kernel/acpi_video_flags", 0, ULONG_ANY, 0),
	BIT("kernel/apparmor_display_secid_mode", 0),
	BIT("kernel/apparmor_restrict_unprivileged_unconfined", 0),
	BIT("kernel/apparmor_restrict_unprivileged_userns", 0),
	KERNEL("kernel/arch", built),
	KERNEL("kernel/auto_msgmni", per_ipc),
	CONSTANT("kernel/bootloader_type", "0", of_host),
	CONSTANT("kernel/bootloader_version", "0", of_host),
	BIT("kernel/bpf_stats_enabled", 0),
	KERNEL("kernel/cad_pid", "nobody inside can open it"),
	KERNEL("kernel/cap_last_cap", built),
	UINT("kernel/core_file_note_size_limit", 65536, 16777216, 4194304),
	KERNEL("kernel/core_modes", built),
	STRING("kernel/core_pattern", 128, "core"),
	UINT("kernel/core_pipe_limit", 0, UINT_MAX, 0),
	BIT("kernel/core_sort_vma", 0),
	ANY("kernel/core_uses_pid", 0),
	ANY("kernel/ctrl-alt-del", 1),
	BIT("kernel/dmesg_restrict", 0),
	KERNEL("kernel/domainname", per_uts),
	UINT("kernel/firmware_config/force_sysfs_fallback", 0, 1, 0),
	UINT("kernel/firmware_config/ignore_sysfs_fallback", 0, 1, 0),
	ANY("kernel/ftrace_dump_on_oops", 0),
	ANY("kernel/ftrace_enabled", 1),
	BIT("kernel/hardlockup_all_cpu_backtrace", 0),
	BIT("kernel/hardlockup_panic", 0),
	KERNEL("kernel/hostname", per_uts),
	STRING("kernel/hotplug", 256, ""),
	BIT("kernel/hung_task_all_cpu_backtrace", 0),
	INT("kernel/hung_task_check_count", 0, INT_MAX, 4194304),
	ULONG("kernel/hung_task_check_interval_secs", 0, LONG_MAX / HZ, 0),
	CONSTANT("kernel/hung_task_detect_count", "0", counted),
	BIT("kernel/hung_task_panic", 0),
	ULONG("kernel/hung_task_timeout_secs", 0, LONG_MAX / HZ, 120),
	INT("kernel/hung_task_warnings", -1, INT_MAX, 10),
	INT("kernel/io_delay_type", 0, 3, 0),
	INT("kernel/io_uring_disabled", 0, 2, 0),
	ANY("kernel/io_uring_group", -1),
	INT("kernel/kexec_load_disabled", 1, 1, 0),
	ANY("kernel/kexec_load_limit_panic", -1),
	ANY("kernel/kexec_load_limit_reboot", -1),
	INT("kernel/keys/gc_delay", 0, INT_MAX, 300),
	/* For each id of a container, and counted for no limit of memory: ten times what there is.
	 */
	LARGEST("kernel/keys/maxbytes", INT, 1, INT_MAX, 20000, 200000),
	LARGEST("kernel/keys/maxkeys", INT, 1, INT_MAX, 200, 2000),
	INT("kernel/keys/persistent_keyring_expiry", 0, INT_MAX, 259200),
	INT("kernel/keys/root_maxbytes", 1, INT_MAX, 25000000),
	INT("kernel/keys/root_maxkeys", 1, INT_MAX, 1000000),
	INT("kernel/kptr_restrict", 0, 2, 0),
	BIT("kernel/latencytop", 0),
	ANY("kernel/max_lock_depth", 1024),
	INT("kernel/max_rcu_stall_to_panic", 1, INT_MAX, 0),
	STRING("kernel/modprobe", 256, "/sbin/modprobe"),
	INT("kernel/modules_disabled", 1, 1, 0),
	KERNEL("kernel/msg_next_id", per_ipc),
	KERNEL("kernel/msgmax", per_ipc),
	KERNEL("kernel/msgmnb", per_ipc),
	KERNEL("kernel/msgmni", per_ipc),
	KERNEL("kernel/ngroups_max", built),
	BIT("kernel/nmi_watchdog", 0),
	KERNEL("kernel/ns_last_pid", per_pid),
	UINT("kernel/numa_balancing", 0, 4, 0),
	UINT("kernel/numa_balancing_promote_rate_limit_MBps", 0, UINT_MAX, 65536),
	UINT("kernel/numa_balancing_scan_delay_ms", 0, UINT_MAX, 1000),
	UINT("kernel/numa_balancing_scan_period_max_ms", 0, UINT_MAX, 60000),
	UINT("kernel/numa_balancing_scan_period_min_ms", 0, UINT_MAX, 1000),
	INT("kernel/numa_balancing_scan_size_mb", 1, INT_MAX, 256),
	BIT("kernel/oops_all_cpu_backtrace", 0),
	UINT("kernel/oops_limit", 0, UINT_MAX, 10000),
	KERNEL("kernel/osrelease", "uname(2) says it too"),
	KERNEL("kernel/ostype", "uname(2) says it too"),
	INT("kernel/overflowgid", 0, 65535, 65534),
	INT("kernel/overflowuid", 0, 65535, 65534),
	ANY("kernel/panic", 0),
	ANY("kernel/panic_on_io_nmi", 0),
	ANY("kernel/panic_on_oops", 0),
	BIT("kernel/panic_on_rcu_stall", 0),
	ANY("kernel/panic_on_unrecovered_nmi", 0),
	BIT("kernel/panic_on_warn", 0),
	ULONG("kernel/panic_print", 0, ULONG_ANY, 0),
	STRING("kernel/panic_sys_info", 64, ""),
	INT("kernel/perf_cpu_time_max_percent", 0, 100, 25),
	INT("kernel/perf_event_max_contexts_per_stack", 0, 1000, 8),
	INT("kernel/perf_event_max_sample_rate", 1, INT_MAX, 100000),
	INT("kernel/perf_event_max_stack", 0, 640 * 1024, 127),
	ANY("kernel/perf_event_mlock_kb", 516),
	ANY("kernel/perf_event_paranoid", 2),
	ROW("kernel/pid_max", PRIVATE, INT, 1, 0644, .quirk = SYSCTL_PER_PID, .min = 301,
	    .max = 4194304, .initial = { 4194304 }),
	STRING("kernel/poweroff_cmd", 256, "/sbin/poweroff"),
	ANY("kernel/print-fatal-signals", 0),
	INTS("kernel/printk", 4, 7, 4, 1, 7),
	INT("kernel/printk_delay", 0, 10000, 0),
	ROW("kernel/printk_devkmsg", PRIVATE, WORD, 1, 0644, .max = 16,
	    .words = "ratelimit|on|off"),
	SECONDS("kernel/printk_ratelimit", 5),
	ANY("kernel/printk_ratelimit_burst", 10),
	INT("kernel/pty/max", 0, NR_PTYS, 4096),
	CONSTANT("kernel/pty/nr", "0", counted),
	INT("kernel/pty/reserve", 0, NR_PTYS, 1024),
	KERNEL("kernel/random/boot_id", "see cloister(7): the container's own"),
	CONSTANT("kernel/random/entropy_avail", "256", of_host),
	KERNEL("kernel/random/poolsize", built),
	ANY("kernel/random/read_wakeup_threshold", 256),
	ANY("kernel/random/urandom_min_reseed_secs", 60),
	KERNEL("kernel/random/uuid", "fresh at each read"),
	ANY("kernel/random/write_wakeup_threshold", 256),
	ANY("kernel/randomize_va_space", 2),
	ANY("kernel/real-root-dev", 0),
	UINT("kernel/sched_autogroup_enabled", 0, 1, 1),
	UINT("kernel/sched_cfs_bandwidth_slice_us", 1, UINT_MAX, 5000),
	UINT("kernel/sched_child_runs_first", 0, UINT_MAX, 0),
	UINT("kernel/sched_deadline_period_max_us", 0, UINT_MAX, 4194304),
	UINT("kernel/sched_deadline_period_min_us", 0, UINT_MAX, 100),
	UINT("kernel/sched_energy_aware", 0, 1, 1),
	UINT("kernel/sched_latency_ns", 100000, 1000000000, 24000000),
	UINT("kernel/sched_migration_cost_ns", 0, UINT_MAX, 500000),
	UINT("kernel/sched_min_granularity_ns", 100000, 1000000000, 3000000),
	UINT("kernel/sched_nr_migrate", 0, UINT_MAX, 32),
	ANY("kernel/sched_rr_timeslice_ms", 100),
	INT("kernel/sched_rt_period_us", 1, INT_MAX, 1000000),
	INT("kernel/sched_rt_runtime_us", -1, INT_MAX, 950000),
	UINT("kernel/sched_schedstats", 0, 1, 0),
	UINT("kernel/sched_tunable_scaling", 0, 2, 1),
	UINT("kernel/sched_util_clamp_max", 0, 1024, 1024),
	UINT("kernel/sched_util_clamp_min", 0, 1024, 1024),
	UINT("kernel/sched_util_clamp_min_rt_default", 0, 1024, 1024),
	UINT("kernel/sched_wakeup_granularity_ns", 0, 1000000000, 4000000),
	KERNEL("kernel/seccomp/actions_avail", built),
	KERNEL("kernel/seccomp/actions_logged", "what the host's audit records"),
	KERNEL("kernel/sem", per_ipc),
	KERNEL("kernel/sem_next_id", per_ipc),
	CONSTANT("kernel/sg-big-buff", "32768", of_host),
	KERNEL("kernel/shm_next_id", per_ipc),
	KERNEL("kernel/shm_rmid_forced", per_ipc),
	KERNEL("kernel/shmall", per_ipc),
	KERNEL("kernel/shmmax", per_ipc),
	KERNEL("kernel/shmmni", per_ipc),
	BIT("kernel/soft_watchdog", 1),
	BIT("kernel/softlockup_all_cpu_backtrace", 0),
	BIT("kernel/softlockup_panic", 0),
	UINT("kernel/split_lock_mitigate", 0, 1, 1),
	BIT("kernel/stack_tracer_enabled", 0),
	INT("kernel/sysctl_writes_strict", -1, 1, 1),
	ANY("kernel/sysrq", 1),
	ULONG("kernel/tainted", 0, ULONG_ANY, 0),
	BIT("kernel/task_delayacct", 0),
	INT("kernel/threads-max", 1, THREADS_MAX, 127456),
	UINT("kernel/timer_migration", 0, 1, 1),
	ANY("kernel/traceoff_on_warning", 0),
	ANY("kernel/tracepoint_printk", 0),
	ANY("kernel/unknown_nmi_panic", 0),
	ROW("kernel/unprivileged_bpf_disabled", PRIVATE, INT, 1, 0644, .quirk = SYSCTL_LOCKS_1,
	    .min = 0, .max = 2, .initial = { 2 }),
	BIT("kernel/unprivileged_userns_apparmor_policy", 1),
	ANY("kernel/unprivileged_userns_clone", 1),
	UINT("kernel/user_events_max", 0, UINT_MAX, 32767),
	HIDDEN("kernel/usermodehelper/bset", "programs that the host's kernel starts"),
	HIDDEN("kernel/usermodehelper/inheritable", "programs that the host's kernel starts"),
	KERNEL("kernel/version", "uname(2) says it too"),
	UINT("kernel/warn_limit", 0, UINT_MAX, 0),
	BIT("kernel/watchdog", 1),
	CONSTANT("kernel/watchdog_cpumask", "0", of_host),
	INT("kernel/watchdog_thresh", 0, 60, 10),
	ROW("kernel/yama/ptrace_scope", PRIVATE, INT, 1, 0644, .quirk = SYSCTL_LOCKS_3, .min = 0,
	    .max = 3, .initial = { 1 }),

	/*
	 * Only what the kernel shows, but to read, in a network namespace of the container's own;
	 * what it does not show there, in directories that are covered (sysctl_net_dirs[]); and, so
	 * that somebody says it, what users ask for and nobody has.
	 */
	KERNEL("net/core/default_qdisc", first_net),
	KERNEL("net/core/netdev_budget", first_net),
	KERNEL("net/core/netdev_max_backlog", first_net),
	INT("net/core/rmem_default", 2304, INT_MAX, 212992),
	LARGEST("net/core/rmem_max", INT, 2304, INT_MAX, 212992, 16777216),
	INT("net/core/wmem_default", 4608, INT_MAX, 212992),
	LARGEST("net/core/wmem_max", INT, 4608, INT_MAX, 212992, 16777216),
	NEIGH("net/ipv4/neigh/default/", 100, USER_HZ, 100),
	CONSTANT("net/ipv4/tcp_ehash_entries", "-131072", "follows the host's memory"),
	KERNEL("net/ipv4/tcp_mem", first_net),
	CONSTANT("net/ipv4/udp_hash_entries", "-16384", "follows the host's memory"),
	KERNEL("net/ipv4/udp_mem", first_net),
	ANY("net/ipv4/vs/conn_reuse_mode", 1),
	ANY("net/ipv4/vs/conntrack", 0),
	ANY("net/ipv4/vs/expire_nodest_conn", 0),
	ANY("net/ipv4/vs/expire_quiescent_template", 0),
	NEIGH("net/ipv6/neigh/default/", HZ, HZ, 0),
	INT("net/netfilter/nf_conntrack_buckets", 1, INT_MAX, 65536),
	INT("net/netfilter/nf_conntrack_expect_max", 1, INT_MAX, 1024),
	LARGEST("net/netfilter/nf_conntrack_max", INT, 0, INT_MAX, 65536, 1048576),
	KERNEL("net/nf_conntrack_max",
	       "net/netfilter/nf_conntrack_max, by its older name; no container has it"),

	INT("sunrpc/max_resvport", 1, 65535, 1023),
	INT("sunrpc/min_resvport", 1, 65535, 665),
	CONSTANT("sunrpc/nfs_debug", "0x0000", of_host),
	CONSTANT("sunrpc/nfsd_debug", "0x0000", of_host),
	CONSTANT("sunrpc/nlm_debug", "0x0000", of_host),
	CONSTANT("sunrpc/rpc_debug", "0x0000", of_host),
	SECONDS("sunrpc/tcp_fin_timeout", 15),
	INT("sunrpc/tcp_max_slot_table_entries", 2, 65536, 65536),
	INT("sunrpc/tcp_slot_table_entries", 2, 65536, 2),
	HIDDEN("sunrpc/transports", of_host),
	INT("sunrpc/udp_slot_table_entries", 2, 65536, 16),

	ULONG("vm/admin_reserve_kbytes", 0, ULONG_ANY, 8192),
	ANY("vm/block_dump", 0),
	ORDER("vm/compact_memory", 1, 1),
	BIT("vm/compact_unevictable_allowed", 1),
	INT("vm/compaction_proactiveness", 0, 100, 20),
	BIT("vm/defrag_mode", 0),
	PAIR("vm/dirty_background_bytes", ULONG, 1, ULONG_ANY, 0, "vm/dirty_background_ratio"),
	PAIR("vm/dirty_background_ratio", INT, 0, 100, 10, "vm/dirty_background_bytes"),
	PAIR("vm/dirty_bytes", ULONG, 2 * PAGE, ULONG_ANY, 0, "vm/dirty_ratio"),
	INT("vm/dirty_expire_centisecs", 0, INT_MAX, 3000),
	PAIR("vm/dirty_ratio", INT, 0, 100, 20, "vm/dirty_bytes"),
	ANY("vm/dirty_writeback_centisecs", 500),
	INT("vm/dirtytime_expire_seconds", 0, INT_MAX, 43200),
	ORDER("vm/drop_caches", 1, 4),
	BIT("vm/enable_soft_offline", 1),
	INT("vm/extfrag_threshold", 0, 1000, 500),
	BIT("vm/highmem_is_dirtyable", 0),
	BIT("vm/hugetlb_optimize_vmemmap", 0),
	ANY("vm/hugetlb_shm_group", 0),
	SECONDS("vm/laptop_mode", 0),
	INT("vm/legacy_va_layout", 0, INT_MAX, 0),
	INTS("vm/lowmem_reserve_ratio", 5, 256, 256, 32, 0, 0),
	LARGEST("vm/max_map_count", INT, 0, INT_MAX, 65530, 1048576),
	INT("vm/memfd_noexec", 0, 2, 0),
	BIT("vm/memory_failure_early_kill", 0),
	BIT("vm/memory_failure_recovery", 1),
	INT("vm/min_free_kbytes", 0, INT_MAX, 67584),
	INT("vm/min_slab_ratio", 0, 100, 5),
	INT("vm/min_unmapped_ratio", 0, 100, 1),
	ULONG("vm/mmap_min_addr", 0, LONG_MAX, 4096),
	ROW("vm/mmap_rnd_bits", PRIVATE, INT, 1, 0600, .min = 28, .max = 32, .initial = { 28 }),
	ROW("vm/mmap_rnd_compat_bits", PRIVATE, INT, 1, 0600, .min = 8, .max = 16,
	    .initial = { 8 }),
	ULONG("vm/nr_hugepages", 0, ULONG_ANY, 0),
	ULONG("vm/nr_hugepages_mempolicy", 0, ULONG_ANY, 0),
	ULONG("vm/nr_overcommit_hugepages", 0, ULONG_ANY, 0),
	BIT("vm/numa_stat", 1),
	CONSTANT("vm/numa_zonelist_order", "Node", "the kernel knows no other"),
	ANY("vm/oom_dump_tasks", 1),
	ANY("vm/oom_kill_allocating_task", 0),
	PAIR("vm/overcommit_kbytes", ULONG, 0, ULONG_ANY, 0, "vm/overcommit_ratio"),
	INT("vm/overcommit_memory", 0, 2, 0),
	PAIR("vm/overcommit_ratio", INT, INT_MIN, INT_MAX, 50, "vm/overcommit_kbytes"),
	INT("vm/page-cluster", 0, 31, 3),
	INT("vm/page_lock_unfairness", 0, INT_MAX, 5),
	INT("vm/panic_on_oom", 0, 2, 0),
	INT("vm/percpu_pagelist_fraction", 0, INT_MAX, 0),
	INT("vm/percpu_pagelist_high_fraction", 0, INT_MAX, 0),
	ANY("vm/shrink_inodes_with_pagecache", 0),
	SECONDS("vm/stat_interval", 1),
	HIDDEN("vm/stat_refresh", "an order to the host's kernel"),
	INT("vm/swappiness", 0, 200, 60),
	BIT("vm/unprivileged_userfaultfd", 0),
	ULONG("vm/user_reserve_kbytes", 0, ULONG_ANY, 131072),
	INT("vm/vfs_cache_pressure", 0, INT_MAX, 100),
	INT("vm/vfs_cache_pressure_denom", 100, INT_MAX, 100),
	INT("vm/watermark_boost_factor", 0, INT_MAX, 15000),
	INT("vm/watermark_scale_factor", 1, 3000, 10),
	INT("vm/zone_reclaim_mode", 0, INT_MAX, 0),

	/* what belongs with the sysctls of connection tracking */
	PARAMETER("nf_conntrack", "acct", STRING, .policy = SYSCTL_READONLY, .mode = 0444, .max = 8,
		  .words = "N", .why = of_host),
	PARAMETER("nf_conntrack", "enable_hooks", STRING, .policy = SYSCTL_READONLY, .mode = 0444,
		  .max = 8, .words = "N", .why = of_host),
	PARAMETER("nf_conntrack", "expect_hashsize", UINT, .policy = SYSCTL_READONLY, .mode = 0400,
		  .max = UINT_MAX, .initial = { 1024 }, .why = of_host),
	PARAMETER("nf_conntrack", "hashsize", UINT, .policy = SYSCTL_PRIVATE, .mode = 0600,
		  .min = 1, .max = UINT_MAX, .initial = { 65536 }),
	PARAMETER("nf_conntrack", "nf_conntrack_helper", STRING, .policy = SYSCTL_READONLY,
		  .mode = 0444, .max = 8, .words = "N", .why = of_host),
	PARAMETER("nf_conntrack", "tstamp", STRING, .policy = SYSCTL_READONLY, .mode = 0444,
		  .max = 8, .words = "N", .why = of_host),
};
const int sysctls_count = sizeof(sysctls) / sizeof(sysctls[0]);

const struct sysctl_net_dir sysctl_net_dirs[] = {
	{ "proc/sys/net/ipv4/neigh", .devices = true },
	{ "proc/sys/net/ipv4/vs" },
	{ "proc/sys/net/ipv6/neigh", .devices = true },
	{ SYSCTL_NETFILTER, .natives = true },
};
const int sysctl_net_dirs_count = sizeof(sysctl_net_dirs) / sizeof(sysctl_net_dirs[0]);
