/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cloister(1) has to say: to stderr for people, and to --log for engines, which read the last
 * line of level "error" (containerd: {"level":…,"msg":…,"time":RFC 3339}).
 *
 * With --log a warning goes there alone: an engine starts us with the container's own stderr, and
 * what the container says there is not ours to add to.
 */
#include "config.h"
#include "launcher/log.h"

#include "launcher/plain.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEVEL_ERROR, LEVEL_WARNING, LEVEL_DEBUG };

static const char *const levels[] = { "error", "warning", "debug" };
static int log_fd = -1;
static int log_level = LEVEL_WARNING;
static bool log_json;

/**
 * log_open() - also write to the file @path, at its end
 */
bool log_open(const char *path)
{
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0)
		log_error("--log \"%s\": %s", path, g_strerror(errno));
	return log_fd >= 0;
}

/**
 * log_set_format() - the value of --log-format; a bad one is reported. Return: whether it is one
 */
bool log_set_format(const char *name)
{
	log_json = strcmp(name, "json") == 0;
	if (!log_json && strcmp(name, "text") != 0) {
		log_error("--log-format \"%s\": give text or json", name);
		return false;
	}
	return true;
}

/**
 * log_set_level() - the value of --log-level, likewise
 */
bool log_set_level(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
		if (strcmp(name, levels[i]) == 0) {
			log_level = i;
			return true;
		}
	}
	log_error("--log-level \"%s\": give error, warning or debug", name);
	return false;
}

static char *record(int level, const char *text, const char *when)
{
	json_t *json;
	char *line;

	if (!log_json) { /* quoted as in JSON, which is as logrus and so runc do it */
		json = json_string(text);
		line = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
		json_decref(json);
		text = g_strdup_printf("time=\"%s\" level=%s msg=%s\n", when, levels[level],
				       line ?: "\"?\"");
		free(line);
		return (char *)text;
	}
	json = json_pack("{s:s, s:s, s:s}", "level", levels[level], "msg", text, "time", when);
	line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	text = line ?: "{\"level\":\"error\",\"msg\":\"?\"}";
	text = g_strdup_printf("%s\n", text);
	free(line);
	return (char *)text;
}

static void G_GNUC_PRINTF(2, 0) say(int level, const char *format, va_list args)
{
	g_autofree char *raw = g_strdup_vprintf(format, args);
	/* One line, and visible: names of the specification may be neither. */
	g_autofree char *text = plain_text(g_strdelimit(raw, "\n\r\t", ' '));
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *when = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	g_autofree char *line = NULL;

	if (level > log_level)
		return;
	if (level == LEVEL_ERROR || log_fd < 0)
		fprintf(stderr, "cloister: %s%s\n", level == LEVEL_WARNING ? "warning: " : "",
			text);
	if (log_fd < 0)
		return;
	line = record(level, text, when);
	fd_write_all(log_fd, line, strlen(line));
}

/**
 * log_error() - one line: what failed, and what to do about it
 */
void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LEVEL_ERROR, format, args);
	va_end(args);
}

/**
 * log_warning() - one line: what works differently from what was asked
 */
void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LEVEL_WARNING, format, args);
	va_end(args);
}
