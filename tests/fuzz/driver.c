/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer. Without arguments it replays the target's corpus and speaks
 * TAP (`make check`); "--mutate SECONDS" goes on with random changes of it; names of files run
 * these. An input that kills the program is left in the file "crash-TARGET" of the working
 * directory.
 */
#include "config.h"
#include "fuzz.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define INPUT_MAX (1 << 20)

static const char *target = "?";

static void run(const char *data, size_t len)
{
	/* A block of its own, of exactly this size: a sanitizer sees one byte too many. */
	uint8_t *copy = g_memdup2(data, len);

	LLVMFuzzerTestOneInput(copy, len);
	g_free(copy);
}

static GPtrArray *list_corpus(void)
{
	const char *top = g_getenv("top_srcdir") ?: ".";
	g_autofree char *dir = g_build_filename(top, "tests/fuzz/corpus", target, NULL);
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
	const char *name;

	while (handle && (name = g_dir_read_name(handle)))
		g_ptr_array_add(paths, g_build_filename(dir, name, NULL));
	return paths;
}

static int replay(char **paths, guint n)
{
	for (guint i = 0; i < n; i++) {
		g_autofree char *data = NULL;
		g_autofree char *name = g_path_get_basename(paths[i]);
		size_t len;

		if (!g_file_get_contents(paths[i], &data, &len, NULL)) {
			printf("Bail out! cannot read %s\n", paths[i]);
			return 1;
		}
		run(data, len);
		printf("ok %u - %s\n", i + 1, name);
		fflush(stdout);
	}
	printf("1..%u\n", n);
	if (n == 0)
		fprintf(stderr, "no corpus for \"%s\"; set top_srcdir\n", target);
	return n == 0;
}

/* Values at which programs change their minds. */
static const char *const tokens[] = {
	"0",
	"-1",
	"1",
	"4294967295",
	"4294967296",
	"9223372036854775807",
	"9223372036854775808",
	"18446744073709551615",
	"-9223372036854775808",
	"1e300",
	"null",
	"true",
	"false",
	"{}",
	"[]",
	"\"\"",
	"\"/\"",
	"\"..\"",
	"\"\\u0000\"",
	"\"\\ud800\"",
	",",
	":",
	"{",
	"}",
	"[",
	"]",
	"\"",
	"\\",
};

static void mutate_once(GString *s, GRand *rand, const GPtrArray *corpus)
{
	size_t at = s->len ? g_rand_int(rand) % s->len : 0;
	size_t n = s->len ? g_rand_int(rand) % MIN(s->len - at + 1, 64) : 0;
	const GString *other = g_ptr_array_index(corpus, g_rand_int(rand) % corpus->len);
	size_t from = other->len ? g_rand_int(rand) % other->len : 0;

	switch (g_rand_int_range(rand, 0, 6)) {
	case 0:
		if (s->len)
			s->str[at] ^= 1 << g_rand_int_range(rand, 0, 8);
		break;
	case 1:
		g_string_erase(s, at, n);
		break;
	case 2:
		g_string_insert(s, at, tokens[g_rand_int(rand) % G_N_ELEMENTS(tokens)]);
		break;
	case 3:
		g_string_insert_len(s, at, other->str + from, MIN(other->len - from, 256));
		break;
	case 4: /* another value in the place of this one */
		n = strcspn(s->str + at, ",]}");
		g_string_erase(s, at, n);
		g_string_insert(s, at, tokens[g_rand_int(rand) % G_N_ELEMENTS(tokens)]);
		break;
	default:
		if (s->len)
			s->str[at] = g_rand_int(rand);
		break;
	}
}

static GPtrArray *load_corpus(const GPtrArray *paths)
{
	GPtrArray *corpus = g_ptr_array_new();

	for (guint i = 0; i < paths->len; i++) {
		g_autofree char *data = NULL;
		size_t len;

		if (g_file_get_contents(g_ptr_array_index(paths, i), &data, &len, NULL))
			g_ptr_array_add(corpus, g_string_new_len(data, len));
	}
	return corpus;
}

/* The input is written before it is run: what kills the program stays behind. */
static int mutate(const GPtrArray *paths, int seconds)
{
	GPtrArray *corpus = load_corpus(paths);
	g_autofree char *file = g_strdup_printf("crash-%s", target);
	gint64 end = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
	g_autoptr(GRand) rand = g_rand_new();
	unsigned long runs = 0;

	for (; corpus->len && g_get_monotonic_time() < end; runs++) {
		const GString *seed = g_ptr_array_index(corpus, g_rand_int(rand) % corpus->len);
		GString *s = g_string_new_len(seed->str, seed->len);

		for (int i = g_rand_int_range(rand, 1, 8); i > 0; i--)
			mutate_once(s, rand, corpus);
		if (s->len <= INPUT_MAX && g_file_set_contents(file, s->str, s->len, NULL))
			run(s->str, s->len);
		g_string_free(s, true);
	}
	remove(file);
	printf("%s: %lu inputs\n", target, runs);
	return corpus->len == 0;
}

int main(int argc, char **argv)
{
	g_autofree char *program = g_path_get_basename(argv[0]);
	g_autoptr(GPtrArray) paths = NULL;

	/* "fuzz-spec", or "lt-fuzz-spec" */
	target = strrchr(program, '-') ? strrchr(program, '-') + 1 : program;
	if (argc > 1 && strcmp(argv[1], "--mutate") != 0)
		return replay(argv + 1, argc - 1);
	paths = list_corpus();
	if (argc > 2)
		return mutate(paths, atoi(argv[2]));
	return replay((char **)paths->pdata, paths->len);
}
