/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloister-systemd: asks systemd for the scope of a container, over D-Bus.
 *
 *   cloister-systemd start UNIT [PROPERTY=VALUE]…   make the unit, wait until it is there, and
 *                                                   print its cgroup below the hierarchy's root
 *   cloister-systemd set UNIT [PROPERTY=VALUE]…     change properties until the unit ends
 *   cloister-systemd stop UNIT                      end it; one that is gone is no error
 *
 * VALUE is a GVariant in its text form with its type ("uint64 5"). Errors go to stderr, one line,
 * with exit status 1. Run by src/runtime/scope.c and by nobody else; what the properties mean is in
 * org.freedesktop.systemd1(5).
 */
#include "config.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE	   "org.freedesktop.systemd1"
#define OBJECT	   "/org/freedesktop/systemd1"
#define MANAGER	   SERVICE ".Manager"
#define PRIVATE	   "/run/systemd/private"
#define TIMEOUT_MS 30000
#define EXISTS	   SERVICE ".UnitExists"
#define NO_SUCH	   SERVICE ".NoSuchUnit"

struct client {
	GDBusConnection *bus;
	const char *name;    /* NULL: systemd itself is at the other end */
	GHashTable *results; /* jobs that are over: object path to result */
};

static void on_job_removed(GDBusConnection *bus, const char *sender, const char *path,
			   const char *interface, const char *signal, GVariant *args, void *data)
{
	struct client *c = data;
	const char *job, *result;

	g_variant_get(args, "(u&o&s&s)", NULL, &job, NULL, &result);
	g_hash_table_insert(c->results, g_strdup(job), g_strdup(result));
}

static GVariant *call(const struct client *c, const char *path, const char *interface,
		      const char *method, GVariant *args, const char *type, GError **error)
{
	return g_dbus_connection_call_sync(c->bus, c->name, path, interface, method, args,
					   type ? G_VARIANT_TYPE(type) : NULL,
					   G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, error);
}

static GVariant *manage(const struct client *c, const char *method, GVariant *args,
			const char *type, GError **error)
{
	return call(c, OBJECT, MANAGER, method, args, type, error);
}

/*
 * systemd's own socket where it is (root's, and there without a message bus too), else the system
 * bus.
 */
static bool open_bus(struct client *c, GError **error)
{
	g_autoptr(GVariant) none = NULL;

	if (!g_getenv("DBUS_SYSTEM_BUS_ADDRESS") && access(PRIVATE, W_OK) == 0)
		c->bus = g_dbus_connection_new_for_address_sync(
			"unix:path=" PRIVATE, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
			NULL, NULL);
	if (!c->bus) {
		c->bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);
		c->name = SERVICE;
	}
	if (!c->bus)
		return false;
	g_dbus_connection_set_exit_on_close(c->bus, FALSE);
	c->results = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_dbus_connection_signal_subscribe(c->bus, c->name, MANAGER, "JobRemoved", OBJECT, NULL,
					   G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, c, NULL);
	/* Over the bus systemd only speaks to those who asked. */
	none = c->name ? manage(c, "Subscribe", NULL, NULL, error) : NULL;
	return !c->name || none;
}

static gboolean on_timeout(void *data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

static bool wait_job(struct client *c, const char *job, GError **error)
{
	const char *result;
	bool late = false;
	guint timer = g_timeout_add(TIMEOUT_MS, on_timeout, &late);

	while (!(result = g_hash_table_lookup(c->results, job)) && !late &&
	       !g_dbus_connection_is_closed(c->bus))
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(timer);
	if (!result)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "systemd did not finish");
	else if (strcmp(result, "done") != 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "systemd's job ended as \"%s\"",
			    result);
	return result && strcmp(result, "done") == 0;
}

/* NAME=VALUE… as a(sv). */
static GVariant *read_properties(char **args, GError **error)
{
	g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));

	for (; *args; args++) {
		const char *equals = strchr(*args, '=');
		g_autofree char *name = equals ? g_strndup(*args, equals - *args) : NULL;
		g_autoptr(GVariant)
			value = equals ? g_variant_parse(NULL, equals + 1, NULL, NULL, error)
				       : NULL;

		if (!equals)
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
				    "\"%s\" is no PROPERTY=VALUE", *args);
		if (!value)
			return NULL;
		g_variant_builder_add(&builder, "(sv)", name, value);
	}
	return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static bool is_error(const GError *error, const char *name)
{
	g_autofree char *remote = error ? g_dbus_error_get_remote_error(error) : NULL;

	return g_strcmp0(remote, name) == 0;
}

static GVariant *start_unit(const struct client *c, const char *unit, GVariant *properties,
			    GError **error)
{
	return manage(c, "StartTransientUnit",
		      g_variant_new("(ss@a(sv)@a(sa(sv)))", unit, "replace", properties,
				    g_variant_new_array(G_VARIANT_TYPE("(sa(sv))"), NULL, 0)),
		      "(o)", error);
}

/* The unit's cgroup, as systemd sees it: below the root of the hierarchy. */
static bool print_cgroup(const struct client *c, const char *unit, GError **error)
{
	g_autoptr(GVariant) path = manage(c, "GetUnit", g_variant_new("(s)", unit), "(o)", error);
	g_autoptr(GVariant) reply = NULL, value = NULL;
	const char *object;

	if (!path)
		return false;
	g_variant_get(path, "(&o)", &object);
	reply = call(c, object, "org.freedesktop.DBus.Properties", "Get",
		     g_variant_new("(ss)", SERVICE ".Scope", "ControlGroup"), "(v)", error);
	if (!reply)
		return false;
	g_variant_get(reply, "(v)", &value);
	if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "ControlGroup is no string");
		return false;
	}
	printf("%s\n", g_variant_get_string(value, NULL));
	return fflush(stdout) == 0;
}

static bool start(struct client *c, const char *unit, char **args, GError **error)
{
	g_autoptr(GVariant) properties = read_properties(args, error);
	g_autoptr(GVariant) reply = NULL, reset = NULL;
	g_autoptr(GError) first = NULL;
	const char *job;

	if (!properties)
		return false;
	reply = start_unit(c, unit, properties, &first);
	if (!reply && is_error(first, EXISTS)) {
		/* What is left of one that failed stands in the way until somebody says so. */
		reset = manage(c, "ResetFailedUnit", g_variant_new("(s)", unit), NULL, NULL);
		reply = start_unit(c, unit, properties, error);
	} else if (!reply) {
		g_propagate_error(error, g_steal_pointer(&first));
	}
	if (!reply)
		return false;
	g_variant_get(reply, "(&o)", &job);
	return wait_job(c, job, error) && print_cgroup(c, unit, error);
}

static bool set(struct client *c, const char *unit, char **args, GError **error)
{
	g_autoptr(GVariant) properties = read_properties(args, error);
	g_autoptr(GVariant) reply = NULL;

	if (!properties)
		return false;
	reply = manage(c, "SetUnitProperties", g_variant_new("(sb@a(sv))", unit, TRUE, properties),
		       NULL, error);
	return reply != NULL;
}

static bool stop(struct client *c, const char *unit, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autoptr(GVariant) reply = manage(c, "StopUnit", g_variant_new("(ss)", unit, "replace"),
					   "(o)", &failed);
	g_autoptr(GVariant) reset = NULL;
	const char *job;
	bool ok = true;

	if (reply) {
		g_variant_get(reply, "(&o)", &job);
		ok = wait_job(c, job, error);
	} else if (!is_error(failed, NO_SUCH)) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return false;
	}
	reset = manage(c, "ResetFailedUnit", g_variant_new("(s)", unit), NULL, NULL);
	return ok;
}

static bool run(struct client *c, int argc, char **argv, GError **error)
{
	if (argc < 3) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "give start, set or stop, and a unit");
		return false;
	}
	if (!open_bus(c, error))
		return false;
	if (strcmp(argv[1], "start") == 0)
		return start(c, argv[2], argv + 3, error);
	if (strcmp(argv[1], "set") == 0)
		return set(c, argv[2], argv + 3, error);
	if (strcmp(argv[1], "stop") == 0)
		return stop(c, argv[2], error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%s\" is unknown", argv[1]);
	return false;
}

static bool print_usage(const char *word)
{
	if (strcmp(word, "--version") == 0)
		printf("cloister-systemd %s\n", PACKAGE_VERSION);
	else if (strcmp(word, "--help") == 0)
		printf("Usage: cloister-systemd start|set|stop UNIT [PROPERTY=VALUE]...\n\n"
		       "Asks systemd for the scope of a container. Started by cloister(1), not by "
		       "hand.\n");
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct client c = { 0 };

	if (argc == 2 && print_usage(argv[1]))
		return EXIT_SUCCESS;
	if (run(&c, argc, argv, &error))
		return EXIT_SUCCESS;
	g_dbus_error_strip_remote_error(error);
	fprintf(stderr, "%s\n", error->message);
	return EXIT_FAILURE;
}
