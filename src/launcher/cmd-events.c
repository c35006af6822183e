/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister events`: what a container uses, now and then, and when its memory runs out. One line of
 * JSON each.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/stats.h"
#include "launcher/target.h"
#include "lib/fd.h"
#include "lib/proc.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define INTERVAL_MS 5000

static bool print_event(const char *type, const char *id, json_t *data)
{
	json_t *json = json_pack("{s:s, s:s, s:o*}", "type", type, "id", id, "data", data);
	char *text = json_dumps(json, JSON_COMPACT);
	bool ok = text && puts(text) >= 0 && fflush(stdout) == 0;

	free(text);
	json_decref(json);
	return ok;
}

/* How often the kernel killed for want of memory, and by which file it says so. */
struct oom {
	int dir; /* borrowed */
	bool v2;
	int notify;  /* readable, or "urgent" in v2, when it may have happened */
	int control; /* v1: what is watched */
	long long kills;
};

/* v1 (Documentation/admin-guide/cgroup-v1/memory.rst): an eventfd tied to memory.oom_control. */
static bool watch_v1(struct oom *o)
{
	char text[32];

	o->control = openat(o->dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	o->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(text, sizeof(text), "%d %d", o->notify, o->control);
	return o->control >= 0 && o->notify >= 0 &&
	       fd_write_file_at(o->dir, "cgroup.event_control", text) == 0;
}

static bool watch(struct oom *o, const struct cgroups *cg)
{
	*o = (struct oom){ .notify = -1, .control = -1 };
	o->dir = cgroup_controller_fd(cg, "memory", &o->v2);
	if (o->dir < 0)
		return false;
	o->kills = cgroup_oom_kills(o->dir, o->v2);
	if (!o->v2)
		return watch_v1(o);
	o->notify = openat(o->dir, "memory.events", O_RDONLY | O_CLOEXEC);
	return o->notify >= 0;
}

/*
 * Rearms the notification; whether memory ran out since the last look. v1 notifies before it kills
 * and counts, so there the notification is the event; the end of the cgroup is one too, but not
 * ours.
 */
static bool happened(struct oom *o)
{
	char text[1024];
	long long kills;
	bool more;

	if (o->v2)
		lseek(o->notify, 0, SEEK_SET);
	while (read(o->notify, text, sizeof(text)) > 0)
		;
	kills = cgroup_oom_kills(o->dir, o->v2);
	more = o->v2 ? kills > o->kills : kills >= 0;
	if (kills >= 0)
		o->kills = kills;
	return more;
}

static int64_t now_ms(void)
{
	return g_get_monotonic_time() / 1000;
}

/* Until the container's first process ends. */
static bool follow(const char *id, const struct target *t, int interval_ms, GError **error)
{
	autofd init = proc_open(&t->known.record.init);
	struct oom oom;
	bool watched = watch(&oom, &t->cgroups);
	struct pollfd p[2] = { { .fd = init, .events = POLLIN },
			       { .fd = watched ? oom.notify : -1,
				 .events = oom.v2 ? POLLPRI : POLLIN } };
	int64_t next = now_ms() + interval_ms;
	bool ok = true;

	while (ok && init >= 0 && !p[0].revents) {
		int r = poll(p, 2, (int)MAX(next - now_ms(), 0));

		if (r < 0 && errno != EINTR)
			ok = error_set_errno(error, -errno, "wait for \"%s\"", id);
		if (r > 0 && p[1].revents && happened(&oom))
			ok = print_event("oom", id, NULL);
		if (ok && now_ms() >= next) {
			next += interval_ms;
			ok = print_event("stats", id, stats_collect(&t->cgroups));
		}
	}
	if (oom.notify >= 0)
		close(oom.notify);
	if (oom.control >= 0)
		close(oom.control);
	return ok || (error && *error) || error_set(error, "cannot write to standard output");
}

/* "5s", "500ms", "1m": as Go writes a duration, with one unit. */
static bool parse_interval(const char *text, int *ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	char *end;
	double value = g_ascii_strtod(text, &end);

	for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
		if (end != text && strcmp(end, units[i].name) == 0 && value * units[i].ms >= 1 &&
		    value * units[i].ms < 1e9) {
			*ms = (int)(value * units[i].ms);
			return true;
		}
	return false;
}

static bool show(const char *id, bool once, int interval_ms, GError **error)
{
	struct target t;
	bool ok = target_open_running(id, &t, error);

	if (ok && once)
		ok = print_event("stats", id, stats_collect(&t.cgroups)) ||
		     error_set(error, "cannot write to standard output");
	else if (ok)
		ok = follow(id, &t, interval_ms, error);
	target_close(&t);
	return ok && !(error && *error);
}

static int help(void)
{
	printf("Usage: cloister events [--stats] [--interval TIME] NAME\n\n"
	       "Print what container NAME uses of CPU, memory, processes and block I/O, every TIME "
	       "until it\n"
	       "ends, and whenever the kernel killed in it for want of memory; one JSON object a "
	       "line.\n\n"
	       "  --stats          print what it uses once\n"
	       "  --interval TIME  like 500ms, 5s, 1m; default 5s\n"
	       "  --help           show this text\n");
	return 0;
}

/**
 * cmd_events() - `cloister events`
 */
int cmd_events(int argc, char **argv)
{
	static const struct option options[] = { { "stats", no_argument, NULL, 's' },
						 { "interval", required_argument, NULL, 'i' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	g_autoptr(GError) error = NULL;
	int c, interval_ms = INTERVAL_MS;
	bool once = false;

	while ((c = flags_getopt(argc, argv, "h", options)) != -1) {
		if (c == 'h')
			return help();
		if (c != 's' && c != 'i')
			return launcher_bad_option("events", argv);
		if (c == 'i' && !parse_interval(optarg, &interval_ms))
			return launcher_usage_error(
				"events", "--interval \"%s\": give a time like 5s", optarg);
		once = c == 's' ? !optarg : once;
	}
	if (argc - optind != 1)
		return launcher_usage_error("events", "give the name of one container");
	return show(argv[optind], once, interval_ms, &error) ? 0 : launcher_fail(error);
}
