/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's cgroup as a scope of systemd's (--systemd-cgroup): its name, and making, changing
 * and ending it by way of cloister-systemd (src/systemd), which speaks D-Bus.
 *
 * A scope begins with a process and ends with its last one. Ours is wanted before the container's
 * first process exists, so a placeholder holds it open meanwhile: scope_start() forks it, and
 * scope_release() ends it once PID 1 is in the cgroup. Whatever happens to the launcher, the
 * placeholder dies with it, and systemd removes the scope.
 */
#include "config.h"
#include "runtime/scope.h"

#include "lib/sys.h"
#include "runtime/error.h"
#include "runtime/wardenlink.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT_MAX 255 /* systemd.unit(5) */

static bool is_unit_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:_.\\-@";
	size_t len = strlen(name);

	return len > 0 && len <= UNIT_MAX && strspn(name, allowed) == len;
}

/* Where a slice's cgroup is: "a-b.slice" is "a.slice/a-b.slice", "-.slice" "". */
static char *slice_path(const char *slice, GError **error)
{
	g_autoptr(GString) path = g_string_new(NULL);
	size_t len = strlen(slice) - (g_str_has_suffix(slice, ".slice") ? 6 : 0);

	if (strcmp(slice, "-.slice") == 0)
		return g_strdup("");
	if (!g_str_has_suffix(slice, ".slice") || !is_unit_name(slice) || len == 0 ||
	    slice[0] == '-' || slice[len - 1] == '-' || strstr(slice, "--")) {
		error_set(error,
			  "linux.cgroupsPath: \"%s\" is not the name of a slice; give one "
			  "like system.slice",
			  slice);
		return NULL;
	}
	for (size_t i = 1; i <= len; i++)
		if (i == len || slice[i] == '-')
			g_string_append_printf(path, "%s%.*s.slice", path->len ? "/" : "", (int)i,
					       slice);
	return g_strdup(path->str);
}

/**
 * scope_parse() - read "SLICE:PREFIX:NAME"
 * @cgroups_path: of the specification; NULL or "": a scope of our own for @id in system.slice
 * @ret: overwritten; give back with scope_clear()
 */
bool scope_parse(const char *cgroups_path, const char *id, struct scope *ret, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(cgroups_path ? cgroups_path : "", ":", -1);
	bool own = !cgroups_path || !*cgroups_path;
	const char *slice, *prefix, *name;
	g_autofree char *parent = NULL;

	*ret = (struct scope){ 0 };
	if (!own && g_strv_length(parts) != 3)
		return error_set(error,
				 "linux.cgroupsPath: \"%s\": with --systemd-cgroup give "
				 "SLICE:PREFIX:NAME",
				 cgroups_path);
	slice = own || !*parts[0] ? "system.slice" : parts[0];
	prefix = own ? "cloister" : parts[1];
	name = own ? id : parts[2];
	parent = slice_path(slice, error);
	if (!parent)
		return false;
	ret->slice = g_strdup(slice);
	ret->unit = g_strdup_printf("%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	ret->path = g_strdup_printf("%s%s%s", parent, *parent ? "/" : "", ret->unit);
	if (*name && is_unit_name(ret->unit))
		return true;
	error_set(error, "linux.cgroupsPath: \"%s\" is not the name of a unit of systemd",
		  ret->unit);
	scope_clear(ret);
	return false;
}

/**
 * scope_clear() - end the placeholder, if there is one still, and free what @scope has
 */
void scope_clear(struct scope *scope)
{
	scope_release(scope);
	g_clear_pointer(&scope->slice, g_free);
	g_clear_pointer(&scope->unit, g_free);
	g_clear_pointer(&scope->path, g_free);
}

static void G_GNUC_NORETURN be_placeholder(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The launcher's locks and sockets must end with the launcher. */
	sys_close_range(0, ~0U, 0);
	while (getppid() == parent)
		pause();
	_exit(0);
}

/**
 * scope_release() - end the placeholder: the container's first process is in the cgroup, or never
 * will be
 */
void scope_release(struct scope *scope)
{
	if (scope->placeholder <= 0)
		return;
	kill(scope->placeholder, SIGKILL);
	while (waitpid(scope->placeholder, NULL, 0) < 0 && errno == EINTR)
		;
	scope->placeholder = 0;
}

/* Runs cloister-systemd; *@output is what it printed, without the newline. */
static bool run(const char *verb, const char *unit, GPtrArray *arguments, char **output,
		GError **error)
{
	g_autofree char *program = wardenlink_program("cloister-systemd");
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *out = NULL, *err = NULL;
	g_autoptr(GError) failed = NULL;
	int status = 0;

	g_ptr_array_add(argv, program);
	g_ptr_array_add(argv, (char *)verb);
	g_ptr_array_add(argv, (char *)unit);
	for (guint i = 0; arguments && i < arguments->len; i++)
		g_ptr_array_add(argv, arguments->pdata[i]);
	g_ptr_array_add(argv, NULL);
	if (!g_spawn_sync("/", (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err,
			  &status, &failed))
		return error_set(error, "run \"%s\": %s; is it installed?", program,
				 failed->message);
	if (!g_spawn_check_wait_status(status, &failed))
		return error_set(error, "systemd: %s \"%s\": %s", verb, unit,
				 *err ? g_strchomp(err) : failed->message);
	if (output) {
		g_strchomp(out);
		*output = g_steal_pointer(&out);
	}
	return true;
}

static void add(GPtrArray *arguments, const char *name, GVariant *value)
{
	g_autoptr(GVariant) owned = g_variant_ref_sink(value);
	g_autofree char *text = g_variant_print(owned, true);

	g_ptr_array_add(arguments, g_strdup_printf("%s=%s", name, text));
}

/**
 * scope_start() - have systemd make the scope with the limits that it knows
 * @scope: of scope_parse(); ->path becomes what systemd says
 * @cg: to know v1 from v2
 *
 * Afterwards open the cgroups with cgroup_create(), which makes those that systemd does not, and
 * set the limits again with cgroup_set_limits(): systemd knows only some, and rounds. A placeholder
 * process is in the cgroup until scope_release().
 */
bool scope_start(struct scope *scope, const struct cgroups *cg, const struct cgroup_limits *limits,
		 const char *id, GError **error)
{
	g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *description = g_strdup_printf("Cloister container %s", id);
	g_autofree char *path = NULL;
	pid_t self = getpid();
	uint32_t pid;

	scope->placeholder = sys_clone3(0, SIGCHLD, NULL, -1);
	if (scope->placeholder == 0)
		be_placeholder(self);
	if (scope->placeholder < 0)
		return error_set_errno(error, scope->placeholder, "fork");
	pid = scope->placeholder;
	add(arguments, "Description", g_variant_new_string(description));
	add(arguments, "Slice", g_variant_new_string(scope->slice));
	add(arguments, "PIDs", g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &pid, 1, 4));
	add(arguments, "Delegate", g_variant_new_boolean(true));
	add(arguments, "DefaultDependencies", g_variant_new_boolean(false));
	add(arguments, "CollectMode", g_variant_new_string("inactive-or-failed"));
	add(arguments, "MemoryAccounting", g_variant_new_boolean(true));
	add(arguments, "CPUAccounting", g_variant_new_boolean(true));
	add(arguments, "TasksAccounting", g_variant_new_boolean(true));
	add(arguments, cgroup_mode(cg) == CGROUP_V2 ? "IOAccounting" : "BlockIOAccounting",
	    g_variant_new_boolean(true));
	scope_properties(cg, limits, arguments);
	scope_device_properties(cg, limits, arguments);
	if (!run("start", scope->unit, arguments, &path, error)) {
		scope_release(scope);
		return false;
	}
	if (path[0] == '/' && path[1]) {
		g_free(scope->path);
		scope->path = g_strdup(path + 1);
	}
	return true;
}

/**
 * scope_update() - tell systemd of new limits, lest it writes the old ones at its next reload
 */
bool scope_update(const char *unit, const struct cgroups *cg, const struct cgroup_limits *limits,
		  GError **error)
{
	g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);

	scope_properties(cg, limits, arguments);
	/* Not given is unchanged, and not "those of every container". */
	if (limits->n_devices)
		scope_device_properties(cg, limits, arguments);
	return arguments->len == 0 || run("set", unit, arguments, NULL, error);
}
