/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes of a container's /dev, and which of the host's devices may be among them.
 *
 * They are real nodes on a tmpfs of the host's: whoever may open one reaches the driver with no
 * further question. `--privileged` makes engines list every device of the host; of those only what
 * harms nobody appears. A device that is asked for by name appears too, unless it gives away the
 * host: its disks, memory, terminals, or the power to make such.
 */
#include "config.h"
#include "runtime/devices.h"

#include "lib/fd.h"
#include "runtime/error.h"
#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned int major, minor;
} defaults[] = {
	{ "null", MEM_MAJOR, 3 },   { "zero", MEM_MAJOR, 5 },	 { "full", MEM_MAJOR, 7 },
	{ "random", MEM_MAJOR, 8 }, { "urandom", MEM_MAJOR, 9 }, { "tty", TTYAUX_MAJOR, 0 },
};

static const struct {
	const char *name, *target;
} links[] = { { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
	      { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	      { "core", "/proc/kcore" },       { "ptmx", "pts/ptmx" } };

/* What a privileged container gets beside the defaults: FUSE and TUN are safe in a user namespace,
 * and null is under any name. */
static bool is_harmless(const struct spec_device *d)
{
	if (d->type != 'c')
		return false;
	return (d->major == MISC_MAJOR && (d->minor == 229 || d->minor == 200)) ||
	       (d->major == MEM_MAJOR && d->minor == 3);
}

/**
 * devices_find_default() - the name below /dev of a device that every container has
 *
 * Return: a constant; NULL if @st is of something else.
 */
const char *devices_find_default(const struct stat *st)
{
	for (size_t i = 0; S_ISCHR(st->st_mode) && i < G_N_ELEMENTS(defaults); i++)
		if (st->st_rdev == makedev(defaults[i].major, defaults[i].minor))
			return defaults[i].name;
	return NULL;
}

/* Already there, by another way: the defaults, ptmx, console and the pts. */
static bool is_default(const struct spec_device *d)
{
	for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++)
		if (g_str_has_prefix(d->path, "/dev/") &&
		    strcmp(d->path + 5, defaults[i].name) == 0)
			return true;
	return strcmp(d->path, "/dev/ptmx") == 0 || strcmp(d->path, "/dev/console") == 0 ||
	       g_str_has_prefix(d->path, "/dev/pts/");
}

/**
 * devices_driver() - what the kernel calls a major number: "136 pts" in the section "Character
 * devices:" or "Block devices:" of /proc/devices
 *
 * Return: freed with g_free(); NULL: it has no such
 */
char *devices_driver(char type, int64_t major)
{
	static char text[1 << 16];
	const char *section = type == 'b' ? "Block devices:" : "Character devices:";
	const char *at;

	if (fd_read_file_at(AT_FDCWD, "/proc/devices", text, sizeof(text)) < 0 ||
	    !(at = strstr(text, section)))
		return NULL;
	while ((at = strchr(at, '\n'))) {
		char *end;
		int64_t number = strtoll(++at, &end, 10);

		if (end == at)
			return NULL;
		if (number == major && *end == ' ')
			return g_strndup(end + 1, strcspn(end + 1, "\n"));
	}
	return NULL;
}

/* Drivers whose major number the kernel chooses at each boot. */
static const char *danger_of_driver(const struct spec_device *d)
{
	static const struct {
		const char *driver, *what;
	} list[] = {
		{ "bsg", "the host's disks" },	 { "nvme-generic", "the host's disks" },
		{ "dax", "the host's disks" },	 { "dimmctl", "the host's disks" },
		{ "ndctl", "the host's disks" }, { "watchdog", "the machine's watchdog" },
	};
	g_autofree char *driver = devices_driver(d->type, d->major);

	for (size_t i = 0; driver && i < G_N_ELEMENTS(list); i++)
		if (strcmp(driver, list[i].driver) == 0)
			return list[i].what;
	return NULL;
}

/* Why a device of the host is not for containers, or NULL. */
static const char *danger(const struct spec_device *d)
{
	static const struct {
		unsigned int major, first, last;
		const char *what;
	} list[] = {
		{ MEM_MAJOR, 1, 2, "the machine's memory" },
		{ MEM_MAJOR, 4, 4, "the machine's ports" },
		{ MEM_MAJOR, 11, 11, "the kernel's log" },
		{ TTY_MAJOR, 0, 255, "the host's terminals" },
		{ TTYAUX_MAJOR, 1, 1, "the host's terminals" },
		{ VCS_MAJOR, 0, 255, "the host's screens" },
		{ MISC_MAJOR, 130, 130, "the machine's watchdog" },
		{ MISC_MAJOR, 144, 144, "the machine's NVRAM" },
		{ MISC_MAJOR, 203, 203, "what makes devices of the host" }, /* cuse */
		{ MISC_MAJOR, 223, 223, "the host's input" },
		{ MISC_MAJOR, 231, 231, "the machine's suspended memory" },
		{ MISC_MAJOR, 234, 237, "the host's disks" },
		{ MISC_MAJOR, 239, 239, "the host's input" }, /* uhid */
		{ 21 /* SCSI generic */, 0, 255, "the host's disks" },
		{ 90 /* MTD */, 0, 0xfffff, "the machine's flash memory" },
		{ 162 /* raw */, 0, 0xfffff, "the host's disks" },
		{ 202 /* msr */, 0, 0xfffff, "the machine's registers" },
		{ 229 /* hvc */, 0, 0xfffff, "the host's terminals" },
	};

#ifdef MUTANT_DEVICE_GIVEN
	return NULL;
#endif
	if (d->type == 'b')
		return "the host's disks";
	for (size_t i = 0; d->type == 'c' && i < G_N_ELEMENTS(list); i++)
		if (d->major == list[i].major && d->minor >= list[i].first &&
		    d->minor <= list[i].last)
			return list[i].what;
	return d->type == 'c' ? danger_of_driver(d) : NULL;
}

/* The mark of --privileged: a rule that allows every device. */
static bool allows_everything(const struct spec *spec)
{
	json_t *rule, *rules = json_object_get(spec->resources, "devices");
	bool all = false;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		const char *type = json_string_value(json_object_get(rule, "type"));

		if ((type && strcmp(type, "a") != 0) || json_object_get(rule, "major") ||
		    json_object_get(rule, "minor"))
			continue;
		all = json_is_true(json_object_get(rule, "allow"));
	}
	return all;
}

/* The switch of the settings that keeps this device from containers, or NULL. */
static const char *switched_off(const struct spec_device *d, const struct settings_inside *inside)
{
	if (d->type != 'c' || d->major != MISC_MAJOR)
		return NULL;
	return d->minor == 229 && !inside->fuse	 ? "fuse"
	       : d->minor == 200 && !inside->tun ? "tun"
						 : NULL;
}

/* A node of /dev/null: who writes there is not kept from its work, and the host's log is its own.
 */
static struct spec_device *new_kmsg(void)
{
	struct spec_device *d = g_new0(struct spec_device, 1);

	*d = (struct spec_device){ .path = g_strdup("/dev/kmsg"),
				   .type = 'c',
				   .major = MEM_MAJOR,
				   .minor = 3,
				   .mode = 0644 };
	return d;
}

/**
 * devices_switch() - what the settings say of devices: some are never given, one is given to all
 *
 * Whoever asks for everything goes without; who asks for one of them by name is refused.
 */
bool devices_switch(const struct spec *spec, const struct settings_inside *inside, GError **error)
{
	bool all = allows_everything(spec);

	for (guint i = 0; spec->devices && i < spec->devices->len;) {
		const struct spec_device *d = spec->devices->pdata[i];
		const char *off = switched_off(d, inside);

		if (off && !all)
			return error_set(error,
					 "linux.devices: \"%s\": switched off by the "
					 "administrator (cloister.inside.%s)",
					 d->path, off);
		if (off || (inside->kmsg && strcmp(d->path, "/dev/kmsg") == 0))
			g_ptr_array_remove_index(spec->devices, i);
		else
			i++;
	}
	if (inside->kmsg && spec->devices)
		g_ptr_array_add(spec->devices, new_kmsg());
	return true;
}

/**
 * devices_check() - may the container have what linux.devices lists?
 */
bool devices_check(const struct spec *spec, GError **error)
{
	for (guint i = 0; spec->devices && i < spec->devices->len; i++) {
		const struct spec_device *d = spec->devices->pdata[i];
		const char *why = danger(d);

		if (is_default(d) || (allows_everything(spec) && !is_harmless(d)))
			continue;
		if (why)
			return error_set(
				error,
				"linux.devices: \"%s\" (%c %u:%u) is %s; it is not given to "
				"containers",
				d->path, d->type, d->major, d->minor, why);
		if (!g_str_has_prefix(d->path, "/dev/") || strstr(d->path, "/../") ||
		    g_str_has_suffix(d->path, "/.."))
			return error_set(error,
					 "linux.devices: \"%s\": a device can only be below /dev",
					 d->path);
	}
	return true;
}

/* The directory for the last component of @path below /dev; *@name is that component. */
static int open_parent(int dir, const char *path, uid_t uid, gid_t gid, const char **name)
{
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	const char *slash;

	*name = path;
	while (at >= 0 && (slash = strchr(*name, '/'))) {
		g_autofree char *part = g_strndup(*name, slash - *name);
		autofd parent = at;

		*name = slash + strspn(slash, "/");
		if (mkdirat(parent, part, 0755) == 0 &&
		    fchownat(parent, part, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		at = openat(parent, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return at < 0 ? -errno : at;
}

static int make_node(int dir, const char *name, mode_t type, dev_t dev, mode_t mode, uid_t uid,
		     gid_t gid)
{
	if (mknodat(dir, name, type | mode, dev) < 0 || fchmodat(dir, name, mode, 0) < 0 ||
	    fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int make_listed(int dir, const struct spec_device *d, uid_t uid, gid_t gid)
{
	mode_t type = d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;
	const char *name;
	autofd parent = open_parent(dir, d->path + strlen("/dev/"), uid, gid, &name);
	int r;

	if (parent < 0)
		return parent;
	r = make_node(parent, name, type, makedev(d->major, d->minor), d->mode & 0777, uid + d->uid,
		      gid + d->gid);
	return r == -EEXIST ? 0 : r;
}

static int make_defaults(int dir, uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++) {
		int r = make_node(dir, defaults[i].name, S_IFCHR,
				  makedev(defaults[i].major, defaults[i].minor), 0666, uid, gid);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(links); i++)
		if (symlinkat(links[i].target, dir, links[i].name) < 0 ||
		    fchownat(dir, links[i].name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	return fchownat(dir, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/**
 * devices_make() - fill a new /dev, which nobody else sees yet
 * @uid, @gid: host ids of the container's root
 * @ret_failed: set to the path that could not be made
 */
int devices_make(int dir, const struct spec *spec, uid_t uid, gid_t gid, const char **ret_failed)
{
	bool all = allows_everything(spec);
	int r = make_defaults(dir, uid, gid);

	*ret_failed = "/dev";
	/* Where the terminal will be shown. */
	if (r == 0 && spec->process.terminal)
		r = make_node(dir, "console", S_IFREG, 0, 0620, uid, gid);
	for (guint i = 0; r == 0 && spec->devices && i < spec->devices->len; i++) {
		const struct spec_device *d = spec->devices->pdata[i];

		*ret_failed = d->path;
		if (!is_default(d) && (!all || is_harmless(d)))
			r = make_listed(dir, d, uid, gid);
	}
	return r;
}

static int make_point(int dir, const char *path, bool file, uid_t uid, gid_t gid)
{
	const char *name;
	autofd parent = open_parent(dir, path, uid, gid, &name);

	if (parent < 0)
		return parent;
	if (file)
		return make_node(parent, name, S_IFREG, 0, 0644, uid, gid);
	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	return fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/**
 * devices_make_points() - the places for mounts below a /dev that will be read-only
 *
 * PID 1 cannot make them in there. Podman 5 wants such a one: --read-only, and of a pod's infra
 * container.
 */
int devices_make_points(int dir, const struct plan *plan, uid_t uid, gid_t gid,
			const char **ret_failed)
{
	for (guint i = 0; i < plan->steps->len; i++) {
		const struct plan_step *step = &g_array_index(plan->steps, struct plan_step, i);
		const char *path = step->mount->destination;
		int r = g_str_has_prefix(path, "/dev/")
				? make_point(dir, path + strlen("/dev/"), step->file, uid, gid)
				: 0;

		*ret_failed = path;
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}
