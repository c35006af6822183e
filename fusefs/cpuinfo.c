/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/cpuinfo: the host's blocks of the CPUs that are shown. Lines about topology are rewritten
 * to one package of N single-thread cores, so that no tool counts more CPUs, and the place in the
 * host's topology is not told.
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"

#include <errno.h>
#include <string.h>

/*
 * Only the clock rate ever moves in it, and on the host it is the slowest of all the files: it is
 * made anew once a second at most, but for a very long one, which is not kept.
 */
#define CACHE_NS  1000000000u
#define CACHE_MAX (64 * 1024)

_Static_assert(sizeof(((struct cpuinfo_cache *)0)->cpus) == CPU_SET_BITS / 8, "one set");

/* Which number takes the place of the host's on a line about topology. */
enum own { OWN_NUMBER, OWN_COUNT, OWN_ZERO };

static const struct {
	const char *key;
	enum own own;
} rewritten[] = {
	{ "processor", OWN_NUMBER }, { "core id", OWN_NUMBER },	       { "apicid", OWN_NUMBER },
	{ "siblings", OWN_COUNT },   { "cpu cores", OWN_COUNT },       { "physical id", OWN_ZERO },
	{ "package", OWN_ZERO },     { "initial apicid", OWN_NUMBER }, { "cpu number", OWN_NUMBER },
};

static void put_line(struct text *out, const char *line, const char *end, int cpu, int count)
{
	const char *colon = memchr(line, ':', end - line);
	size_t len = colon ? (size_t)(colon - line) : 0;

	while (len > 0 && (line[len - 1] == '\t' || line[len - 1] == ' '))
		len--;
	for (size_t i = 0; len && i < sizeof(rewritten) / sizeof(rewritten[0]); i++) {
		enum own own = rewritten[i].own;

		if (strncmp(rewritten[i].key, line, len) != 0 || rewritten[i].key[len] != '\0')
			continue;
		text_bytes(out, line, colon + 1 - line);
		text_bytes(out, " ", 1);
		text_num(out, own == OWN_NUMBER ? cpu : own == OWN_COUNT ? count : 0);
		text_bytes(out, "\n", 1);
		return;
	}
	text_bytes(out, line, end - line);
}

/* Whether a block begins here, and of which CPU. */
static bool block_start(const char *line, uint64_t *cpu)
{
	if (strncmp(line, "processor", 9) != 0)
		return false;
	line += 9;
	line += strspn(line, "\t ");
	if (*line++ != ':')
		return false;
	line += strspn(line, " ");
	return parse_u64(&line, cpu);
}

static int render(const struct facts *facts, const struct cpu_set *set, struct text *out)
{
	struct text host = { 0 };
	int found = 0, r = facts_read_text(facts, FACT_CPUINFO, &host);
	bool shown = true; /* what stands before the first block, on some architectures */
	uint64_t cpu = 0;

	for (const char *p = host.buf, *next; r == 0 && *p; p = next) {
		next = parse_next_line(p);
		if (block_start(p, &cpu)) {
			shown = cpu_set_has(set, cpu);
			found += shown;
		}
		if (shown)
			put_line(out, p, next, cpu, set->count);
	}
	text_free(&host);
	return r == 0 && found < set->count ? -ENODATA : r;
}

static bool from_cache(struct cpuinfo_cache *c, const struct cpu_set *set, uint64_t now,
		       struct text *out)
{
	bool hit;

	pthread_mutex_lock(&c->lock);
	hit = now < c->until_ns && memcmp(c->cpus, set->word, sizeof(c->cpus)) == 0;
	if (hit)
		text_bytes(out, c->text.buf, c->text.len);
	pthread_mutex_unlock(&c->lock);
	return hit;
}

static void to_cache(struct cpuinfo_cache *c, const struct cpu_set *set, uint64_t now,
		     const struct text *text)
{
	pthread_mutex_lock(&c->lock);
	text_clear(&c->text);
	text_bytes(&c->text, text->buf, text->len);
	memcpy(c->cpus, set->word, sizeof(c->cpus));
	c->until_ns = c->text.failed ? 0 : now + CACHE_NS;
	pthread_mutex_unlock(&c->lock);
}

int cpuinfo_render(const struct facts *facts, struct text *out)
{
	uint64_t now = facts_uptime_ns(facts);
	struct cpus cpus;
	int r = cpus_get(facts, &cpus);

	if (r < 0)
		return r;
	if (facts->cpuinfo && from_cache(facts->cpuinfo, &cpus.shown, now, out))
		return 0;
	r = render(facts, &cpus.shown, out);
	if (r == 0 && facts->cpuinfo && out->len <= CACHE_MAX)
		to_cache(facts->cpuinfo, &cpus.shown, now, out);
	return r;
}
