/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppArmor profile and SELinux label of a container's processes.
 *
 * Theory of operation. What is written to /proc/self/attr/…/exec takes effect at the next execve()
 * of that process or of one that it forks. The launcher decides what (names, whether the module is
 * there, loading our own profile); the process writes it itself, as the kernel demands, before it
 * enters anything of the container, through the host's procfs: below the container's /proc a
 * hostile image may have put anything (CVE-2019-16884, CVE-2025-52881), with which the process
 * would run unconfined and nobody would know.
 *
 * A confinement that was asked for and cannot be had is an error, as in runc.
 */
#include "config.h"
#include "runtime/lsm.h"

#include "lib/fd.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define APPARMOR_ENABLED  "/sys/module/apparmor/parameters/enabled"
#define APPARMOR_PROFILES "/sys/kernel/security/apparmor/profiles"
#define OWN_PROFILE_FILE  SYSCONFDIR "/apparmor.d/" LSM_OWN_PROFILE
#define SELINUX_MOUNT	  "/sys/fs/selinux"

/* Without a user namespace of the container's own these had to deny what ours may allow. */
static const char *const engine_profiles[] = { "docker-default", "crio-default",
					       "cri-containerd.apparmor.d", "nerdctl-default" };

/**
 * lsm_profile() - the AppArmor profile to take when @wanted (may be NULL) is asked for
 *
 * Return: a static string or @wanted; NULL: none.
 */
const char *lsm_profile(const char *wanted)
{
	if (!wanted || !*wanted)
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(engine_profiles); i++)
		if (strcmp(wanted, engine_profiles[i]) == 0)
			return LSM_OWN_PROFILE;
	/* Podman's carries a version. */
	if (g_str_has_prefix(wanted, "containers-default-"))
		return LSM_OWN_PROFILE;
	return wanted;
}

static bool apparmor_enabled(void)
{
	char text[8] = "";

	return fd_read_file_at(AT_FDCWD, APPARMOR_ENABLED, text, sizeof(text)) > 0 &&
	       text[0] == 'Y';
}

/* A line is "NAME (MODE)". Return: -1 if that cannot be known. */
static int profile_loaded(const char *name)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(APPARMOR_PROFILES, &text, NULL, NULL))
		return -1;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		char *mode = strrchr(*line, '(');

		if (mode && mode > *line && (size_t)(mode - *line - 1) == strlen(name) &&
		    strncmp(*line, name, strlen(name)) == 0)
			return 1;
	}
	return 0;
}

static bool load_own_profile(GError **error)
{
	const char *argv[] = { "apparmor_parser", "-Kr", OWN_PROFILE_FILE, NULL };
	const char *envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	g_autofree char *text = NULL;
	g_autoptr(GError) why = NULL;
	int status = -1;

	if (g_spawn_sync("/", (char **)argv, (char **)envp,
			 G_SPAWN_SEARCH_PATH_FROM_ENVP | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
			 NULL, &text, &status, &why) &&
	    g_spawn_check_wait_status(status, NULL))
		return true;
	g_strdelimit(g_strchomp(text ?: (text = g_strdup(""))), "\n", ' ');
	return error_set(error,
			 "AppArmor profile \"" LSM_OWN_PROFILE "\" is not loaded, and "
			 "`apparmor_parser -r " OWN_PROFILE_FILE "` fails: %s",
			 why ? why->message : text);
}

static bool prepare_apparmor(const char *wanted, struct lsm *ret, GError **error)
{
	const char *name = lsm_profile(wanted);
	bool own = name && name != wanted;
	int loaded;

	if (!name)
		return true;
	if (strpbrk(name, "\n\t ") || strlen(name) > 255)
		return error_set(error, "process.apparmorProfile: \"%s\" is not a name", name);
	if (!apparmor_enabled()) {
		/* Nobody but the engine asked for its own; nothing is less confined than wanted. */
		if (own || strcmp(name, "unconfined") == 0)
			return true;
		return error_set(error,
				 "process.apparmorProfile: \"%s\": this kernel runs without "
				 "AppArmor; remove the option",
				 name);
	}
	loaded = strcmp(name, "unconfined") == 0 ? 1 : profile_loaded(name);
	if (loaded == 0 && strcmp(name, LSM_OWN_PROFILE) == 0) {
		if (!load_own_profile(error))
			return false;
	} else if (loaded == 0) {
		return error_set(error,
				 "process.apparmorProfile: \"%s\" is not loaded; load it with "
				 "`apparmor_parser -r FILE`",
				 name);
	}
	ret->apparmor = g_strconcat("exec ", name, NULL);
	return true;
}

/**
 * lsm_selinux_enabled() - is SELinux at work on this host?
 */
bool lsm_selinux_enabled(void)
{
	struct statfs fs;

	return statfs(SELINUX_MOUNT, &fs) == 0 && (uint32_t)fs.f_type == SELINUX_MAGIC;
}

/**
 * lsm_prepare() - find out what a process of the container has to write; called on the host
 * @ret: overwritten; to be freed with lsm_clear() whatever is returned
 */
bool lsm_prepare(const struct spec_process *process, struct lsm *ret, GError **error)
{
	const char *label = process->selinux_label;

	*ret = (struct lsm){ 0 };
	if (!prepare_apparmor(process->apparmor_profile, ret, error))
		return false;
	if (!label || !*label)
		return true;
	if (!lsm_selinux_enabled())
		return error_set(error,
				 "process.selinuxLabel: \"%s\": SELinux is off on this host; "
				 "remove the option",
				 label);
	ret->selinux = g_strdup(label);
	return true;
}

/**
 * lsm_clear() - free what lsm_prepare() found
 */
void lsm_clear(struct lsm *lsm)
{
	g_clear_pointer(&lsm->apparmor, g_free);
	g_clear_pointer(&lsm->selinux, g_free);
}

static int write_attr(int host_proc, const char *path, const char *text)
{
	autofd fd = openat(host_proc, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return -EXDEV;
	n = write(fd, text, strlen(text));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

/**
 * lsm_apply() - have the next execve() of the calling process take its profile and label
 * @host_proc: the host's /proc
 *
 * "attr/apparmor" is there since Linux 5.8; before that "attr" belongs to the only such module.
 */
int lsm_apply(const struct lsm *lsm, int host_proc)
{
	int r = 0;

	if (lsm->apparmor) {
		r = write_attr(host_proc, "self/attr/apparmor/exec", lsm->apparmor);
		if (r == -ENOENT)
			r = write_attr(host_proc, "self/attr/exec", lsm->apparmor);
	}
	if (r == 0 && lsm->selinux)
		r = write_attr(host_proc, "self/attr/exec", lsm->selinux);
	return r;
}

/**
 * lsm_mount_options() - file system options with the label of linux.mountLabel
 * @options: comma separated, may be NULL
 * @label: may be NULL; the caller gives none where SELinux is off
 *
 * Return: to be freed with g_free(); NULL if there are none.
 */
char *lsm_mount_options(const char *fstype, const char *options, const char *label)
{
	/* Those whose label SELinux lets a user namespace choose. */
	static const char *const kinds[] = { "tmpfs", "devpts", "ramfs", NULL };

	if (!label || !*label || !fstype || !g_strv_contains(kinds, fstype) ||
	    (options && strstr(options, "context=")))
		return g_strdup(options);
	/* Quoted for mnt_new(): a label may have commas in its categories. */
	return g_strconcat(options && *options ? options : "", options && *options ? "," : "",
			   "context=\"", label, "\"", NULL);
}
