/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was refused: to whoever asked, to the system's log, and to `cloister status`.
 */
#include "config.h"
#include "policy/events.h"

#include "lib/fd.h"
#include "policy/policy-error.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#define REFUSED_FILE ".refused"
#define KEEP_LINES   50
#define MAX_SIZE     65536

static void to_syslog(const char *id, const char *verb, const char *text)
{
	openlog("cloister", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_WARNING, "policy: %s: container \"%s\": %s", verb, id ?: "?", text);
	closelog();
}

/**
 * events_refuse() - say no to something, as strictly as the section's @mode says
 * @text: what is refused and why, one line
 *
 * Return: false and *@error if it is refused; true if it is only to be noticed.
 */
bool events_refuse(struct policy *p, enum settings_mode mode, const char *text, GError **error)
{
	const char *verb = mode == MODE_ENFORCE ? "refused" : "would be refused";
	g_autofree char *line = g_strdelimit(g_strdup(text), "\n\r", ' ');
	g_autofree char *event = g_strdup_printf("%s: %s", verb, line);

	if (g_ptr_array_find_with_equal_func(p->events, event, g_str_equal, NULL))
		return mode != MODE_ENFORCE;
	if (!p->quiet)
		to_syslog(p->who.id, verb, line);
	g_ptr_array_add(p->events, g_steal_pointer(&event));
	if (mode == MODE_ENFORCE)
		return policy_error_set(error, "%s", line);
	if (mode == MODE_WARN)
		g_ptr_array_add(p->warnings, g_strdup_printf("policy: %s", line));
	return true;
}

static char *read_tail(int fd)
{
	char *text = g_malloc0(MAX_SIZE + 1);
	ssize_t n = pread(fd, text, MAX_SIZE, 0);

	text[MAX(n, 0)] = '\0';
	return text;
}

/* The last lines of @text, one less than are kept. */
static const char *last_lines(const char *text)
{
	const char *p = text + strlen(text);

	for (int lines = 0; p > text; p--)
		if (p[-1] == '\n' && lines++ == KEEP_LINES - 1)
			break;
	return p;
}

/**
 * policy_refused_add() - keep a line about container @id for `cloister status`
 * @state_fd: the state root
 *
 * Only the last ones are kept. What cannot be written is in the system's log all the same.
 */
void policy_refused_add(int state_fd, const char *id, const char *text)
{
	autofd fd = openat(state_fd, REFUSED_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *when = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	g_autofree char *old = NULL, *all = NULL;

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return;
	old = read_tail(fd);
	all = g_strdup_printf("%s%s %s: %.1000s\n", last_lines(old), when, id, text);
	if (pwrite(fd, all, strlen(all), 0) == (ssize_t)strlen(all))
		(void)!ftruncate(fd, strlen(all));
}

/**
 * policy_refused_read() - those lines, the latest last; freed with g_strfreev()
 */
char **policy_refused_read(int state_fd)
{
	autofd fd = openat(state_fd, REFUSED_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	g_autofree char *text = fd < 0 ? g_strdup("") : read_tail(fd);

	return g_strsplit(g_strchomp(text), "\n", -1);
}
