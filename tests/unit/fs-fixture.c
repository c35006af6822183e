/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fs-fixture.h. The container of a fixture was started when the host was up for 1000 s.
 */
#include "config.h"
#include "fs-fixture.h"
#include "lib/views.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define BOOT_OFFSET 1000000000000u
#define HOST_BOOT   1700000000250000000u /* 1700000000.25 */

uint64_t fixture_now_ns = BOOT_OFFSET + 100000000000u;

static void fixture_clock(uint64_t *boottime, uint64_t *realtime)
{
	*boottime = fixture_now_ns;
	if (realtime)
		*realtime = HOST_BOOT + fixture_now_ns;
}

static int memfd_of(const char *text, size_t len)
{
	int fd = memfd_create("fact", MFD_CLOEXEC);

	assert_int_equal(pwrite(fd, text, len, 0), len);
	return fd;
}

static void load(struct fixture *f, const char *name, enum fact id, int level)
{
	static char buf[1 << 20];
	const char *srcdir = getenv("srcdir");
	char path[512], suffix[16] = "";
	ssize_t n;
	int fd;

	if (level)
		snprintf(suffix, sizeof(suffix), ".%d", level);
	snprintf(path, sizeof(path), "%s/tests/fixtures/fs/%s/%s%s", srcdir ? srcdir : ".", name,
		 fact_sources[id].name, suffix);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	n = read(fd, buf, sizeof(buf));
	assert_true(n >= 0);
	close(fd);
	assert_int_equal(facts_add(&f->facts, fact_sources[id].name, memfd_of(buf, n)), 0);
}

void fixture_load(struct fixture *f, const char *name)
{
	memset(f, 0, sizeof(*f));
	facts_init(&f->facts);
	pthread_mutex_init(&f->cpu.lock, NULL);
	pthread_mutex_init(&f->load.lock, NULL);
	f->facts.clock = fixture_clock;
	f->facts.boot_offset_ns = BOOT_OFFSET;
	f->facts.cpu = &f->cpu;
	f->facts.load = &f->load;
	fixture_now_ns = BOOT_OFFSET + 100000000000u;
	for (int id = 0; id < FACT_COUNT; id++)
		for (int level = 0; level < 3; level++)
			load(f, name, id, level);
}

void fixture_free(struct fixture *f)
{
	for (int id = 0; id < FACT_COUNT; id++)
		fixture_remove(f, id);
	free(f->cpu.base);
	f->cpu.base = NULL;
}

void fixture_set(struct fixture *f, enum fact id, int level, const char *text)
{
	assert_true(level < f->facts.n[id]);
	close(f->facts.fd[id][level]);
	f->facts.fd[id][level] = memfd_of(text, strlen(text));
}

void fixture_remove(struct fixture *f, enum fact id)
{
	for (int level = 0; level < f->facts.n[id]; level++)
		close(f->facts.fd[id][level]);
	f->facts.n[id] = 0;
}

/* As a file of a cgroup that was removed: it is there, and every read fails. */
void fixture_vanish(struct fixture *f, enum fact id)
{
	for (int level = 0; level < f->facts.n[id]; level++) {
		close(f->facts.fd[id][level]);
		f->facts.fd[id][level] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
}

/* To be freed. */
char *fixture_text(const struct fixture *f, enum fact id, int level)
{
	char *buf = calloc(1, 1 << 20);

	assert_true(pread(f->facts.fd[id][level], buf, (1 << 20) - 1, 0) >= 0);
	return buf;
}

/* What of the host's files may be shown: all else in them becomes a marker. */
static bool may_show(enum fact id, const char *line, const char *at)
{
	switch (id) {
	case FACT_MEMINFO: /* what there is where no limit is set; a property of the processor */
		return strncmp(line, "MemTotal", 8) == 0 || strncmp(line, "SwapTotal", 9) == 0 ||
		       strncmp(line, "Hugepagesize", 12) == 0;
	case FACT_CPUINFO: /* model and features; not the place in the machine */
		return strncmp(line, "physical id", 11) != 0 && strncmp(line, "siblings", 8) != 0 &&
		       strncmp(line, "core id", 7) != 0 && strncmp(line, "cpu cores", 9) != 0 &&
		       strncmp(line, "apicid", 6) != 0 && strncmp(line, "initial apicid", 14) != 0;
	case FACT_DISKSTATS: /* major, minor and name, up to column 3 */
		line += strspn(line, " ");
		for (int i = 0; i < 3; i++) {
			line += strcspn(line, " \n");
			line += strspn(line, " ");
		}
		return at < line;
	case FACT_CPU_KERNEL_MAX: /* the kernel was built with it */
		return true;
	case FACT_SCHEDSTAT: /* number of the format */
		return strncmp(line, "version", 7) == 0;
	default:
		return false;
	}
}

static bool in_a_name(const char *text, const char *at)
{
	char before = at > text ? at[-1] : ' ';

	return (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z') ||
	       before == '_';
}

static void taint(struct fixture *f, enum fact id)
{
	char *text = fixture_text(f, id, 0);
	struct text out = { 0 };
	const char *line = text;
	uint64_t n = 0;

	for (const char *p = text; *p;) {
		size_t digits = strspn(p, "0123456789");

		if (p[0] == '\n')
			line = p + 1;
		if (digits && !may_show(id, line, p) && !in_a_name(text, p)) {
			text_str(&out, TAINT);
			text_num_width(&out, n++ % 1000, 3, '0');
		} else {
			text_bytes(&out, p, digits ? digits : 1);
		}
		p += digits ? digits : 1;
	}
	text_bytes(&out, "", 1);
	fixture_set(f, id, 0, out.buf);
	text_free(&out);
	free(text);
}

/* Every number in the host's files becomes TAINT with three more digits, if it must not be shown.
 */
void fixture_taint(struct fixture *f)
{
	for (int id = 0; id < FACT_COUNT; id++)
		if (fact_sources[id].where == FACT_HOST && f->facts.n[id] > 0)
			taint(f, id);
}

/* Whether @path is that of @file, with a number in the place of DIR_CPU. */
static bool is_path_of(const struct dir_file *file, const char *path, unsigned int *cpu)
{
	const char *hash = strchr(file->path, '#');
	char *rest;

	if (!hash)
		return strcmp(file->path, path) == 0;
	if (strncmp(file->path, path, hash - file->path) != 0)
		return false;
	*cpu = strtoul(path + (hash - file->path), &rest, 10);
	return strcmp(rest, hash + 1) == 0;
}

static const struct dir_file *find_in(const struct dir_file *dir, const char *path,
				      unsigned int *cpu)
{
	for (; dir->path; dir++)
		if (is_path_of(dir, path, cpu))
			return dir;
	return NULL;
}

static void each_in(struct fixture *f, const struct dir_file *dir, fixture_path_fn *fn, void *arg)
{
	static const char *const cpus[] = { "0", "3", "4095" };
	char path[256];

	for (; dir->path; dir++) {
		const char *hash = strchr(dir->path, '#');

		for (int i = 0; i < (hash ? 3 : 1); i++) {
			snprintf(path, sizeof(path), "%.*s%s%s",
				 (int)(hash ? (size_t)(hash - dir->path) : strlen(dir->path)),
				 dir->path, hash ? cpus[i] : "", hash ? hash + 1 : "");
			fn(f, path, arg);
		}
	}
}

/* Calls @fn for every file that the server renders; of those of CPUs, for some. */
void fixture_each_path(struct fixture *f, fixture_path_fn *fn, void *arg)
{
	for (int i = 0; i < views_count; i++)
		if (views[i].kind == VIEW_RENDERED)
			fn(f, views[i].path, arg);
	each_in(f, cpu_dir, fn, arg);
	each_in(f, node_dir, fn, arg);
}

/* Renders into the emptied @out, terminated. */
int fixture_render(const struct fixture *f, const char *path, struct text *out)
{
	provider_fn *render = provider_find(path);
	const struct dir_file *file;
	unsigned int cpu = 0;
	int r;

	text_clear(out);
	if (render) {
		r = render(&f->facts, out);
	} else {
		file = find_in(cpu_dir, path, &cpu);
		if (!file)
			file = find_in(node_dir, path, &cpu);
		assert_non_null(file);
		r = file->render(&f->facts, cpu, file->arg, out);
	}
	text_bytes(out, "", 1);
	out->len--;
	assert_false(out->failed);
	return r;
}

/* The number behind "@key:" or "@key " at the start of a line. */
uint64_t field(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; *text; text = parse_next_line(text)) {
		if (strncmp(text, key, len) != 0 || !strchr(": ", text[len]))
			continue;
		text += len + 1;
		return strtoull(text, NULL, 10);
	}
	fail_msg("no line %s", key);
	return 0;
}
