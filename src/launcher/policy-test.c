/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister policy test`: canaries. Each asks this very program, as an engine would, for a
 * container that has to be refused; one has to start. A policy that is silently not enforced (as a
 * release of another product had it) is noticed by that.
 */
#include "config.h"
#include "launcher/policy-words.h"

#include "launcher/launcher.h"
#include "policy/settings.h"
#include "runtime/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTRICTED "because it's configured as a restricted host mount"
#define NAMESPACES                                                                                 \
	"error in the container spec: invalid or unsupported container spec: cloister containers " \
	"can't share"

struct canary {
	const char *what; /* for people */
	const char *source;
	const char *namespace; /* or: the one that is not asked for */
	const char *want;      /* what the refusal says; NULL: it has to start */
};

static const struct canary canaries[] = {
	{ "a harmless directory", "/", NULL, NULL }, /* a new one takes the place of "/" */
	{ "the engine's configuration", "/etc/docker", NULL, RESTRICTED },
	{ "the settings", SETTINGS_DIR, NULL, RESTRICTED },
	{ "the passwords", "/etc/shadow", NULL, RESTRICTED },
	{ "a parent of them", "/etc", NULL, RESTRICTED },
	{ "the host's root", "/", NULL, RESTRICTED },
	{ "another way to it", "/proc/self/root", NULL, RESTRICTED },
	{ "the kernel's files", "/proc", NULL, RESTRICTED },
	{ "the devices", "/dev", NULL, RESTRICTED },
	{ "the engine's state", "/var/lib/docker", NULL, RESTRICTED },
	{ "the engine's socket", "/run/docker.sock", NULL, "docker socket mount denied" },
	{ "containerd's socket", "/run/containerd/containerd.sock", NULL,
	  "docker socket mount denied" },
	{ "the host's processes", NULL, "pid", NAMESPACES },
	{ "the host's network", NULL, "network", NAMESPACES },
	{ "the host's ipc", NULL, "ipc", NAMESPACES },
	{ "the host's name", NULL, "uts", NAMESPACES },
	{ "the host's mounts", NULL, "mount", NAMESPACES },
};

/* Return: its exit status, or -1; *@said: what it wrote to stderr */
static int run(const char *const *args, char **said)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	int status = -1;

	g_ptr_array_add(argv, (char *)"/proc/self/exe");
	g_ptr_array_add(argv, (char *)"--root");
	g_ptr_array_add(argv, (char *)launcher_root);
	if (launcher_settings) {
		g_ptr_array_add(argv, (char *)"--settings");
		g_ptr_array_add(argv, (char *)launcher_settings);
	}
	for (; *args; args++)
		g_ptr_array_add(argv, (char *)*args);
	g_ptr_array_add(argv, NULL);
	if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
			  NULL, said, &status, NULL))
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int try_mount(const char *source, char **said)
{
	g_autofree char *volume = g_strdup_printf("%s:/mnt", source);
	const char *const args[] = { "launch", "--volume", volume, "--", "true", NULL };

	return run(args, said);
}

/* A bundle that asks for all namespaces but one. */
static json_t *bundle_without(const char *missing)
{
	static const char *const names[] = { "pid", "network", "ipc", "uts", "mount" };
	json_t *list = json_array();

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(names[i], missing) != 0)
			json_array_append_new(list, json_pack("{s:s}", "type", names[i]));
	return json_pack("{s:s, s:{s:s}, s:{s:s, s:[s]}, s:{s:o}}", "ociVersion",
			 LAUNCHER_SPEC_VERSION, "root", "path", ".", "process", "cwd", "/", "args",
			 "/nothing", "linux", "namespaces", list);
}

static int try_namespace(const char *dir, const char *missing, char **said)
{
	g_autofree char *file = g_build_filename(dir, "config.json", NULL);
	g_autofree char *id = g_strdup_printf("policy-test-%d", (int)getpid());
	const char *const args[] = { "run", "--bundle", dir, id, NULL };
	json_t *json = bundle_without(missing);
	int status = -1;

	if (json_dump_file(json, file, 0) == 0)
		status = run(args, said);
	unlink(file);
	json_decref(json);
	return status;
}

/* Does the settings' mode let it pass on purpose? */
static const char *lets_pass(const struct settings *s, const struct canary *c)
{
	if (c->namespace || !c->want)
		return NULL;
	if (s->disabled)
		return "switched off";
	if (strcmp(c->want, RESTRICTED) == 0)
		return s->mounts_mode != MODE_ENFORCE ? settings_mode_name(s->mounts_mode)
		       : s->hide && strcmp(c->what, "a parent of them") == 0 ? "hide"
									     : NULL;
	return s->socket_mode != MODE_ENFORCE ? settings_mode_name(s->socket_mode) : NULL;
}

/* "held", "failed", or why it was not tried. */
static const char *try_one(const struct settings *s, const struct canary *c, const char *dir,
			   char **said)
{
	const char *source = c->want ? c->source : dir;
	int status;

	if (lets_pass(s, c))
		return lets_pass(s, c);
	if (source && access(source, F_OK) != 0)
		return "not there";
	for (guint i = 0; source && i < s->unrestricted->len; i++)
		if (strcmp(s->unrestricted->pdata[i], source) == 0)
			return "excepted";
	/* Nothing but what is shared can be mounted then. */
	if (!c->want && s->has_shares)
		return "not shared";
	status = c->namespace ? try_namespace(dir, c->namespace, said) : try_mount(source, said);
	if (!c->want)
		return status == 0 ? "held" : "failed";
	return status != 0 && *said && strstr(*said, c->want) ? "held" : "failed";
}

static bool try_all(const struct settings *s, const char *dir, json_t *results)
{
	bool ok = true;

	for (size_t i = 0; i < G_N_ELEMENTS(canaries); i++) {
		const struct canary *c = &canaries[i];
		g_autofree char *said = NULL;
		const char *word = try_one(s, c, dir, &said);

		ok = ok && strcmp(word, "failed") != 0;
		json_array_append_new(results,
				      json_pack("{s:s, s:s, s:s, s:b}", "what", c->what, "asked",
						c->namespace
							?: c->want ? c->namespace ?: c->source
								   : dir,
						"result", word, "refused", c->want != NULL));
	}
	return ok;
}

static void print_results(json_t *results)
{
	json_t *json;
	size_t i;

	json_array_foreach(results, i, json)
	{
		const char *word = json_string_value(json_object_get(json, "result"));
		bool no = json_is_true(json_object_get(json, "refused"));

		if (strcmp(word, "held") == 0)
			word = no ? "refused" : "starts";
		else if (strcmp(word, "failed") == 0)
			word = no ? "NOT REFUSED" : "DOES NOT START";
		printf("%-14s %-32s %s\n", word, json_string_value(json_object_get(json, "asked")),
		       json_string_value(json_object_get(json, "what")));
	}
}

/**
 * policy_test() - try each restriction for real; Return: 0 if all hold
 */
int policy_test(const struct policy_options *o)
{
	char dir[] = "/tmp/cloister-policy-XXXXXX";
	g_autoptr(GError) error = NULL;
	autosettings s = settings_load(launcher_settings, &error);
	json_t *results = json_array();
	bool ok;

	if (s && geteuid() != 0)
		error_set(&error, "needs root privileges; use sudo");
	else if (s && !mkdtemp(dir))
		error_set_errno(&error, -errno, "make \"%s\"", dir);
	if (error) {
		json_decref(results);
		return launcher_fail(error);
	}
	ok = try_all(s, dir, results);
	rmdir(dir);
	if (o->as_json)
		policy_print_json(results);
	else
		print_results(results);
	json_decref(results);
	return ok ? 0 : EXIT_FAILURE;
}
