/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the providers of the views over sources of any content.
 *
 * The input is a text of sections, each begun by a line "@NAME" as in fact_sources[] (repeated, for
 * the levels of a limit); what has no section is absent. Every view is rendered twice, and what
 * programs rely on must hold, whatever the sources say.
 */
#include "config.h"
#include "fuzz.h"

#include "fusefs/cpu-facts.h"
#include "fusefs/dirs.h"
#include "fusefs/netdev.h"
#include "fusefs/providers.h"
#include "lib/views.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t now_ns = 200000000000u;

static void fuzz_clock(uint64_t *boottime, uint64_t *realtime)
{
	*boottime = now_ns += 1234567;
	if (realtime)
		*realtime = 1700000000000000000u + now_ns;
}

static void add_section(struct facts *f, const char *name, size_t len, const char *text,
			size_t text_len)
{
	char terminated[64];
	int fd;

	if (len >= sizeof(terminated))
		return;
	memcpy(terminated, name, len);
	terminated[len] = '\0';
	fd = memfd_create("fact", MFD_CLOEXEC);
	FUZZ_ASSERT(fd >= 0 && pwrite(fd, text, text_len, 0) == (ssize_t)text_len);
	if (facts_add(f, terminated, fd) < 0)
		close(fd);
}

static void add_sections(struct facts *f, const char *p, const char *end)
{
	while (p < end) {
		const char *name = p + 1, *text, *next;
		size_t len;

		if (*p != '@')
			return;
		text = memchr(name, '\n', end - name);
		if (!text)
			return;
		len = text++ - name;
		for (next = text; next < end && *next != '@';) {
			const char *nl = memchr(next, '\n', end - next);

			next = nl ? nl + 1 : end;
		}
		add_section(f, name, len, text, next - text);
		p = next;
	}
}

/* The number on the line of @key, 0 if there is none. */
static uint64_t number(const struct text *t, const char *key)
{
	size_t len = strlen(key);
	uint64_t v = 0;

	for (const char *p = t->buf; *p; p = parse_next_line(p)) {
		if (strncmp(p, key, len) != 0)
			continue;
		p += len;
		p += strspn(p, ": ");
		parse_u64(&p, &v);
		return v;
	}
	return 0;
}

static void check_meminfo(const struct text *t)
{
	uint64_t total = number(t, "MemTotal");

	/* a line may be missing: then there is nothing to compare */
	if (!strstr(t->buf, "MemTotal:") || !strstr(t->buf, "MemFree:") ||
	    !strstr(t->buf, "MemAvailable:"))
		return;
	FUZZ_ASSERT(number(t, "MemFree") <= total);
	FUZZ_ASSERT(number(t, "MemAvailable") <= total);
}

static void terminate(struct text *t)
{
	text_bytes(t, "", 1);
	if (!t->failed)
		t->len--;
}

static void render_views(const struct facts *f, struct text *t)
{
	for (int i = 0; i < views_count; i++) {
		if (views[i].kind != VIEW_RENDERED)
			continue;
		text_clear(t);
		if (provider_find(views[i].path)(f, t) == 0 && !t->failed) {
			terminate(t);
			if (strcmp(views[i].path, "proc/meminfo") == 0)
				check_meminfo(t);
		}
	}
}

static void render_directory(const struct facts *f, const struct dir_file *file, struct text *t)
{
	for (; file->path; file++) {
		text_clear(t);
		file->render(f, 1, file->arg, t);
	}
}

/* All that is listed is found again, and is a name that can stand in a path. */
static void look_up_devices(const struct facts *f)
{
	char name[NETDEV_NAME_MAX];
	int64_t number = -1;
	uint32_t again;

	while ((number = netdev_next(f, number + 1)) >= 0) {
		FUZZ_ASSERT(netdev_name(f, number, name));
		FUZZ_ASSERT(*name && strlen(name) < sizeof(name) && !strpbrk(name, ":\n"));
		FUZZ_ASSERT(netdev_find(f, name, &again) && again == number);
	}
}

static void close_facts(struct facts *f)
{
	for (int id = 0; id < FACT_COUNT; id++)
		for (int i = 0; i < f->n[id]; i++)
			close(f->fd[id][i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpu_account cpu = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct load_account load = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct text text = { 0 };
	struct facts f;

	facts_init(&f);
	f.clock = fuzz_clock;
	f.cpu = &cpu;
	f.load = &load;
	add_sections(&f, (const char *)data, (const char *)data + size);
	render_views(&f, &text);
	render_views(&f, &text);
	render_directory(&f, cpu_dir, &text);
	render_directory(&f, node_dir, &text);
	look_up_devices(&f);
	text_free(&text);
	close_facts(&f);
	free(cpu.base);
	return 0;
}
