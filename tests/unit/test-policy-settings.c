/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings file, names of images, and the command list.
 */
#include "config.h"
#include "policy/images.h"
#include "policy/imageref.h"
#include "policy/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct settings *parse(const char *text, char **message)
{
	g_autofree char *copy = g_strdup(text);
	g_autoptr(GError) error = NULL;
	struct settings *s = settings_parse(copy, "f", &error);

	*message = error ? g_strdup(error->message) : NULL;
	return s;
}

static struct settings *good(const char *text)
{
	g_autofree char *message = NULL;
	struct settings *s = parse(text, &message);

	if (!s)
		fail_msg("%s", message);
	return s;
}

static void bad(const char *text, const char *want)
{
	g_autofree char *message = NULL;
	autosettings s = parse(text, &message);

	assert_null(s);
	if (!strstr(message, want))
		fail_msg("\"%s\" does not have \"%s\"", message, want);
}

/* The example of Docker's page, both spellings of the key, with comments and a byte order mark. */
static void test_example(void **state)
{
	static const char example[] =
		"\xef\xbb\xbf// policy of the company\n"
		"{ \"configurationFileVersion\": 2, /* still */\n"
		"  \"enhancedContainerIsolation\": { \"locked\": true, \"value\": true,\n"
		"    \"%sSocketMount\": {\n"
		"      \"imageList\": { \"images\": [ \"docker.io/localstack/localstack:*\",\n"
		"        \"docker.io/testcontainers/ryuk:*\", \"docker:cli\" ],\n"
		"        \"allowDerivedImages\": true },\n"
		"      \"commandList\": { \"type\": \"deny\", \"commands\": [\"push\", \"build\"] "
		"} } } "
		"}\n";
	static const char *const engines[] = { "docker", "iechor" };

	for (size_t i = 0; i < G_N_ELEMENTS(engines); i++) {
		g_auto(GStrv) parts = g_strsplit(example, "%s", 2);
		g_autofree char *text = g_strjoinv(engines[i], parts);
		autosettings s = good(text);
		const struct settings_image *image;

		assert_true(s->locked && !s->disabled && s->allow_derived && !s->has_shares);
		assert_int_equal(s->warnings->len, 0);
		assert_true(s->inside.mknod && s->inside.fuse && s->inside.tun && !s->inside.kmsg);
		assert_int_equal(s->inside.rtprio, SETTINGS_UNSET);
		assert_false(s->inside.setxattr || s->inside.swap);
		assert_int_equal(s->images->len, 3);
		image = s->images->pdata[2];
		assert_string_equal(image->ref.name, "docker.io/library/docker");
		assert_string_equal(image->ref.tag, "cli");
		assert_true(sockcommands_blocks(&s->commands, SOCKCOMMAND_PUSH));
		assert_true(sockcommands_blocks(&s->commands, SOCKCOMMAND_BUILD));
		assert_false(sockcommands_blocks(&s->commands, SOCKCOMMAND_PS));
	}
	(void)state;
}

static void test_ours(void **state)
{
	autosettings s = good(
		"{ \"enhancedContainerIsolation\": { \"dockerSocketMount\": { \"imageList\": { "
		"\"images\": [ { \"image\": \"a/b\", \"commandList\": { \"type\": \"allow\", "
		"\"commands\": [ \"ps\", \"image\\\\*\" ] } }, \"*\" ] } } },\n"
		"\"cloister\": { \"restrictedMounts\": { \"mode\": \"hide\", \"paths\": "
		"[\"/srv/x\"], "
		"\"except\": [\"/boot\"] }, \"socketMount\": { \"mode\": \"warn\", \"verify\": "
		"\"registry\", \"maxAge\": 60, \"sockets\": [ \"/srv/s\" ] }, \"fileSharing\": { "
		"\"mode\": \"audit\", \"directories\": [ \"/home\", { \"path\": \"/data\", \"as\": "
		"\"me\", \"readOnly\": true }, { \"path\": \"/o\", \"as\": \"owner\" } ] }, "
		"\"inside\": { \"mknod\": false, \"tun\": false, \"kmsg\": true, "
		"\"sched_setscheduler\": 12, \"setxattr\": true, \"swap\": true } } }");
	const struct settings_image *image = s->images->pdata[0];
	const struct settings_share *share = s->shares->pdata[1];

	assert_true(image->own_commands && image->commands.allow);
	assert_false(sockcommands_blocks(&image->commands, SOCKCOMMAND_PS));
	assert_false(sockcommands_blocks(&image->commands, SOCKCOMMAND_PULL));
	assert_true(sockcommands_blocks(&image->commands, SOCKCOMMAND_RUN));
	assert_int_equal(s->warnings->len, 1); /* the star */
	assert_true(s->hide && s->mounts_mode == MODE_ENFORCE && s->socket_mode == MODE_WARN);
	assert_true(s->ask_registry && s->max_age == 60);
	assert_true(s->has_shares && s->shares_mode == MODE_AUDIT && s->shares->len == 3);
	assert_int_equal(share->as, AS_USER);
	assert_string_equal(settings_as_name(share), "me");
	assert_true(share->readonly);
	assert_true(!s->inside.mknod && s->inside.fuse && !s->inside.tun && s->inside.kmsg);
	assert_int_equal(s->inside.rtprio, 12);
	assert_true(s->inside.setxattr && s->inside.swap);
	(void)state;
}

static void test_unknown(void **state)
{
	autosettings s = good("{ \"proxy\": {},\n  \"cloister\": { \"füll\": 1, \"x\": 2 } }");

	assert_int_equal(s->warnings->len, 3);
	assert_string_equal(
		s->warnings->pdata[0],
		"settings \"f\": line 1, column 12: proxy: unknown key, without effect");
	/* Columns are characters. */
	assert_string_equal(
		s->warnings->pdata[2],
		"settings \"f\": line 2, column 33: cloister.x: unknown key, without effect");
	(void)state;
}

static void test_refused(void **state)
{
	bad("", "line 1, column 0");
	bad("[]", "line 1, column 1: must be an object");
	bad("{ \"a\": 1, \"a\": 2 }", "line 1, column 13: duplicate");
	bad("{\n \"enhancedContainerIsolation\": {\n  \"locked\": \"yes\" } }",
	    "line 3, column 13: enhancedContainerIsolation.locked: must be true or false");
	bad("{ \"cloister\": { \"restrictedMounts\": { \"paths\": [ \"/a\", \"b\" ] } } }",
	    "line 1, column 56: cloister.restrictedMounts.paths[1]: \"b\": give an absolute path");
	bad("{ \"cloister\": { \"restrictedMounts\": { \"mode\": \"enforced\" } } }",
	    "\"enforced\" is unknown");
	bad("{ \"cloister\": { \"fileSharing\": { \"directories\": {} } } }", "must be a list");
	bad("{ \"cloister\": { \"fileSharing\": { \"directories\": [ {} ] } } }", "no \"path\"");
	bad("{ \"cloister\": { \"socketMount\": { \"maxAge\": 0 } } }", "from 1 to");
	bad("{ \"cloister\": { \"inside\": { \"sched_setscheduler\": 100 } } }",
	    "from 0 (none) to 99");
	bad("{ \"cloister\": { \"inside\": { \"sched_setscheduler\": true } } }",
	    "from 0 (none) to 99");
	bad("{ \"enhancedContainerIsolation\": { \"dockerSocketMount\": { \"commandList\": { "
	    "\"commands\": [ \"ps\", \"compose\" ] } } } }",
	    "commands[1]: the command \"compose\" is not supported");
	bad("{ \"enhancedContainerIsolation\": { \"dockerSocketMount\": { \"commandList\": { "
	    "\"commands\": [ \"pusch\" ] } } } }",
	    "\"pusch\" is no command");
	bad("{ \"enhancedContainerIsolation\": { \"dockerSocketMount\": { \"imageList\": { "
	    "\"images\": [ \"a b\" ] } } } }",
	    "images[0]: \"a b\" is no name of an image");
	bad("{ \"enhancedContainerIsolation\": { \"dockerSocketMount\": {}, "
	    "\"iechorSocketMount\": {} } }",
	    "give one");
	bad("{ /* never ends }", "line 1, column");
	(void)state;
}

static void test_names(void **state)
{
	static const struct {
		const char *text, *name, *tag;
	} cases[] = {
		{ "docker", "docker.io/library/docker", "latest" },
		{ "docker:cli", "docker.io/library/docker", "cli" },
		{ "testcontainers/ryuk:0.5", "docker.io/testcontainers/ryuk", "0.5" },
		{ "docker.io/docker", "docker.io/library/docker", "latest" },
		{ "index.docker.io/library/docker", "docker.io/library/docker", "latest" },
		{ "localhost/x", "localhost/x", "latest" },
		{ "localhost:5000/x:1", "localhost:5000/x", "1" },
		{ "r.example/a/b/c", "r.example/a/b/c", "latest" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct imageref ref;

		assert_true(imageref_parse(cases[i].text, false, &ref));
		assert_string_equal(ref.name, cases[i].name);
		assert_string_equal(ref.tag, cases[i].tag);
		imageref_clear(&ref);
	}
	(void)state;
}

static bool matches(const char *pattern, const char *name, const char *tag)
{
	struct imageref ref;
	bool ok;

	assert_true(imageref_parse(pattern, true, &ref));
	ok = imageref_match_name(&ref, name) && imageref_match_tag(&ref, tag);
	imageref_clear(&ref);
	return ok;
}

static void test_patterns(void **state)
{
	struct imageref ref;

	assert_true(matches("*", "r.example/a/b", "1"));
	assert_true(matches("testcontainers/*:*", "docker.io/testcontainers/ryuk", "1"));
	assert_false(matches("testcontainers/*", "docker.io/testcontainers/ryuk", "1"));
	assert_false(matches("testcontainers/*:*", "docker.io/testcontainers/a/b", "1"));
	assert_false(matches("r.example/*:*", "r.example.evil/x", "1"));
	assert_false(matches("docker", "docker.io/library/docker", "cli"));
	assert_false(matches("docker:*", "docker.io/evil/docker", "cli"));
	assert_false(matches("docker:*", "docker.io/library/docker2", "cli"));
	assert_true(matches("r.example/c?-*:1", "r.example/ci-tools", "1"));
	assert_false(imageref_parse("a*b*c*d*e*f", true, &ref));
	assert_false(imageref_parse("a:*", false, &ref));
	assert_false(imageref_parse("a@sha256:12", true, &ref));
	assert_false(imageref_parse("../x", true, &ref));
	(void)state;
}

/* What is decided by content: a tag alone is nothing. */
static void test_match(void **state)
{
	const char *const digest = "sha256:"
				   "0123456789abcdef0123456789abcdef"
				   "0123456789abcdef0123456789abcdef";
	autosettings s = good("{ \"enhancedContainerIsolation\": { \"dockerSocketMount\": { "
			      "\"imageList\": { \"images\": [ \"docker:cli\" ] } } } }");
	struct image *image = image_new("Docker");
	const struct subject who = { .id = "x" };
	g_autofree char *why = NULL;

	g_ptr_array_add(image->tags, g_strdup("docker.io/library/docker:cli"));
	assert_null(images_match(s, &who, image, &why));
	g_ptr_array_add(image->digests, g_strdup_printf("docker.io/evil/docker@%s", digest));
	assert_null(images_match(s, &who, image, &why));
	g_ptr_array_add(image->digests, g_strdup_printf("docker.io/library/docker@%s", digest));
	assert_non_null(images_match(s, &who, image, &why));
	assert_null(images_match(s, &who, NULL, &why));
	image_free(image);
	(void)state;
}

static void test_commands(void **state)
{
	struct sockcommands list = { 0 }, again;
	char text[SOCKCOMMANDS_TEXT_MAX];

	assert_int_equal(sockcommands_add(&list, "container*"), 0);
	assert_int_equal(sockcommands_add(&list, "image ls"), 0);
	assert_int_equal(sockcommands_add(&list, "container kill"), 0);
	assert_int_equal(sockcommands_add(&list, "nothing*"), -ENOENT);
	assert_int_equal(sockcommands_add(&list, "*"), -ENOENT);
	assert_true(sockcommands_lists(&list, SOCKCOMMAND_RUN));
	assert_true(sockcommands_lists(&list, SOCKCOMMAND_IMAGES));
	assert_false(sockcommands_lists(&list, SOCKCOMMAND_PUSH));
	assert_int_equal(sockcommands_format(&list, text, sizeof(text)), 0);
	assert_int_equal(sockcommands_parse(text, &again), 0);
	assert_memory_equal(&list, &again, sizeof(list));
	for (int i = 0; i < SOCKCOMMAND_COUNT; i++)
		assert_int_equal(sockcommands_add(&list, sockcommands_name(i)), 0);
	assert_int_equal(sockcommands_format(&list, text, sizeof(text)), 0);
	assert_int_equal(sockcommands_format(&list, text, 20), -ENOSPC);
	assert_int_equal(sockcommands_parse("allow:", &again), 0);
	assert_true(sockcommands_blocks(&again, SOCKCOMMAND_PS));
	assert_int_equal(sockcommands_parse("deny:ps,", &again), -EINVAL);
	assert_int_equal(sockcommands_parse("deny", &again), -EINVAL);
	assert_int_equal(sockcommands_parse("deny:psx", &again), -EINVAL);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example), cmocka_unit_test(test_ours),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_match),	cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests_name("policy-settings", tests, NULL, NULL);
}
