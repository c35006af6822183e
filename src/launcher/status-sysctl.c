/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister status --sysctl`: what becomes of each sysctl of this kernel in a container.
 */
#include "config.h"
#include "launcher/launcher.h"
#include "launcher/plain.h"

#include "lib/fd.h"
#include "lib/rundir.h"
#include "lib/sysctl-host.h"
#include "lib/sysctl-scan.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* "kernel.panic" for "proc/sys/kernel/panic": as sysctl(8) writes it; others stay paths. */
static char *name_of(const char *path)
{
	char *name;

	if (!g_str_has_prefix(path, "proc/sys/"))
		return g_strconcat("/", path, NULL);
	name = g_strdup(path + strlen("proc/sys/"));
	for (char *p = name; *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return name;
}

static json_t *value_json(const struct sysctl_store *store, const struct sysctl *s)
{
	struct sysctl_value value;
	char text[SYSCTL_TEXT_MAX + 1];
	size_t len;

	sysctl_store_get(store, s, &value);
	len = sysctl_format(s, &value, text);
	text[len - 1] = '\0';
	g_strdelimit(text, "\t", ' ');
	return json_string(text) ?: json_string("(not text)");
}

/* What only shared ones have: the cap, and the value that stands on the host. */
static void add_shared(json_t *json, const struct sysctl *s, int root)
{
	int64_t host;

	json_object_set_new(json, "cap", json_integer(s->cap));
	if (sysctl_host_read(root, s, &host) == 0)
		json_object_set_new(json, "host", json_integer(host));
}

static json_t *row_json(const struct sysctl *s, const struct sysctl_store *store, bool inside,
			int root)
{
	unsigned int marks = sysctl_store_marks(store, s);
	enum sysctl_policy policy = marks & SYSCTL_NATIVE ? SYSCTL_KERNEL : s->policy;
	g_autofree char *name = name_of(s->path);
	json_t *json = json_pack("{s:s, s:s}", "name", name, "policy", sysctl_policy_name(policy));

	if (policy != SYSCTL_KERNEL && policy != SYSCTL_HIDDEN && s->mode != 0200)
		json_object_set_new(json, "value", value_json(store, s));
	if (inside)
		json_object_set_new(json, "set", json_boolean(marks & SYSCTL_ASKED));
	if (sysctl_is_shared(s))
		add_shared(json, s, root);
	json_object_set_new(json, "reason",
			    json_string(marks & SYSCTL_NATIVE
						? "of a namespace of the container's own"
						: sysctl_reason(s)));
	return json;
}

static void add_unknown(const char *path, const struct sysctl *s, void *arg)
{
	g_autofree char *name = s ? NULL : name_of(path);

	if (!name)
		return;
	json_array_append_new(arg, json_string(name) ?: json_string("(not text)"));
}

static bool is_there(const struct sysctl *s, const struct sysctl_store *store, int root)
{
	if (sysctl_store_marks(store, s) & SYSCTL_IS_THERE)
		return true;
	return (s->policy == SYSCTL_KERNEL || sysctl_namespaced(s->path)) &&
	       faccessat(root, s->path, F_OK, 0) == 0;
}

static json_t *report(const struct sysctl_store *store, bool inside)
{
	autofd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	json_t *known = json_array(), *unknown = json_array();

	for (int i = 0; i < sysctls_count; i++)
		if (is_there(&sysctls[i], store, root))
			json_array_append_new(known, row_json(&sysctls[i], store, inside, root));
	sysctl_scan_left(root, add_unknown, unknown);
	return json_pack("{s:o, s:o}", "sysctls", known, "unhandled", unknown);
}

/* The values of container @id. */
static bool open_container(struct sysctl_store *store, const char *id, GError **error)
{
	autofd state = launcher_open_root(error);
	autofd dir = -1, fd = -1;
	int r;

	if (state < 0)
		return false;
	dir = rundir_enter(state, id);
	fd = dir < 0 ? -1 : openat(dir, SYSCTL_STORE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(
			error,
			"container \"%s\" does not exist; `cloister list` shows those that do", id);
	r = sysctl_store_load(store, fd);
	return r == 0 || error_set_errno(error, r, "read the sysctls of \"%s\"", id);
}

/* Those that a container made now would begin with. */
static bool open_new(struct sysctl_store *store, GError **error)
{
	autofd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd fd = memfd_create("cloister-sysctls", MFD_CLOEXEC);
	int r = fd < 0 || root < 0 ? -errno : sysctl_store_map(store, fd);

	if (r == 0)
		r = sysctl_scan(root, store, NULL, NULL);
	if (r == 0)
		sysctl_host_initial(root, store);
	return r == 0 || error_set_errno(error, r, "look at /proc/sys");
}

static const char *text_of(json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key)) ?: "-";
}

static void print_row(json_t *json)
{
	json_t *host = json_object_get(json, "host");

	printf("%-48s %-9s %-20s %s%s", text_of(json, "name"), text_of(json, "policy"),
	       text_of(json, "value"), json_is_true(json_object_get(json, "set")) ? "set; " : "",
	       text_of(json, "reason"));
	if (json_object_get(json, "cap"))
		printf(" %lld", (long long)json_integer_value(json_object_get(json, "cap")));
	if (host)
		printf("; host: %lld", (long long)json_integer_value(host));
	putchar('\n');
}

static void print(json_t *json)
{
	json_t *item;
	size_t i;

	printf("%-48s %-9s %-20s %s\n", "SYSCTL", "POLICY", "VALUE", "REASON");
	json_array_foreach(json_object_get(json, "sysctls"), i, item) print_row(item);
	if (json_array_size(json_object_get(json, "unhandled")) == 0)
		return;
	printf("\nUnhandled: not in the table. A container reads the host's value, and cannot "
	       "write it.\n");
	json_array_foreach(json_object_get(json, "unhandled"), i, item)
		printf("%s\n", json_string_value(item));
}

/**
 * status_sysctl() - `cloister status --sysctl [NAME]`
 * @id: the container, or NULL for what one made now would have
 */
int status_sysctl(const char *id, bool as_json)
{
	g_autoptr(GError) error = NULL;
	struct sysctl_store store;
	json_t *json;

	if (!(id ? open_container(&store, id, &error) : open_new(&store, &error)))
		return launcher_fail(error);
	json = report(&store, id != NULL);
	sysctl_store_close(&store);
	if (as_json) {
		char *text = json_dumps(json, JSON_INDENT(2));

		puts(text ?: "{}");
		free(text);
	} else {
		plain_json(json);
		print(json);
	}
	json_decref(json);
	return 0;
}
