/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $HOME of a process whose specification does not say it: as in the container's /etc/passwd.
 *
 * Runs in the process itself, in the container's root and with no more than its rights: what it
 * reads there can only mislead the container.
 */
#include "config.h"
#include "runtime/home.h"

#include "lib/fd.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* More than a line of passwd(5) has; what is longer is no home. */
#define LINE_MAX_BYTES 1024

/* Field @n (from 0) of a passwd line, ended by NUL in place; the line is cut there. */
static char *field(char *line, int n)
{
	char *rest = line, *f = NULL;

	for (int i = 0; i <= n; i++)
		f = strsep(&rest, ":");
	return f;
}

static bool is_users(const char *line, uid_t uid)
{
	char copy[LINE_MAX_BYTES], *text, *end;

	snprintf(copy, sizeof(copy), "%s", line);
	text = field(copy, 2);
	return text && *text && strtoul(text, &end, 10) == uid && *end == '\0';
}

static bool find_in(FILE *file, uid_t uid, char *home, size_t size)
{
	char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), file)) {
		char *dir;

		line[strcspn(line, "\n")] = '\0';
		if (!is_users(line, uid))
			continue;
		dir = field(line, 5);
		if (!dir || dir[0] != '/' || strlen(dir) >= size)
			return false;
		strcpy(home, dir);
		return true;
	}
	return false;
}

/**
 * home_find() - the home directory of @uid in the container we are in, "/" if it has none
 * @home: at least 2 bytes
 */
void home_find(uid_t uid, char *home, size_t size)
{
	/* A FIFO in its place must not hold us up. */
	autofd fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	strcpy(home, "/");
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	file = fdopen(fd_steal(&fd), "re");
	if (!file)
		return;
	find_in(file, uid, home, size);
	fclose(file);
}
