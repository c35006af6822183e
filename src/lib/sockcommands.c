/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `docker` that the settings can allow or deny on an engine's socket.
 *
 * Here are only names. What a command is on the wire is the proxy's to know: a name in a `deny`
 * list blocks the request that makes it what it is, one in an `allow` list opens every request that
 * the client sends for it (doc: cloister-settings(5)).
 */
#include "config.h"
#include "lib/sockcommands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *group;
} commands[SOCKCOMMAND_COUNT] = {
#define SOCKCOMMAND_ROW(symbol, text, group) [SOCKCOMMAND_##symbol] = { text, group },
	SOCKCOMMANDS(SOCKCOMMAND_ROW)
#undef SOCKCOMMAND_ROW
};

/* Other words for the same. */
static const struct {
	const char *name;
	enum sockcommand command;
} aliases[] = {
	{ "container ls", SOCKCOMMAND_PS },	 { "container list", SOCKCOMMAND_PS },
	{ "container ps", SOCKCOMMAND_PS },	 { "image ls", SOCKCOMMAND_IMAGES },
	{ "image list", SOCKCOMMAND_IMAGES },	 { "image rm", SOCKCOMMAND_RMI },
	{ "image remove", SOCKCOMMAND_RMI },	 { "image build", SOCKCOMMAND_BUILD },
	{ "builder build", SOCKCOMMAND_BUILD },	 { "buildx", SOCKCOMMAND_BUILD },
	{ "buildx build", SOCKCOMMAND_BUILD },	 { "buildx prune", SOCKCOMMAND_BUILDER_PRUNE },
	{ "system events", SOCKCOMMAND_EVENTS }, { "system info", SOCKCOMMAND_INFO },
};

static void add(struct sockcommands *list, int command)
{
	list->listed[command / 64] |= UINT64_C(1) << command % 64;
}

/* "container kill" is "kill". */
static bool is_named(int command, const char *name)
{
	const char *group = commands[command].group;
	size_t n = strlen(group);

	if (strcmp(name, commands[command].name) == 0)
		return true;
	return n && strncmp(name, group, n) == 0 && name[n] == ' ' &&
	       strcmp(name + n + 1, commands[command].name) == 0;
}

static int add_group(struct sockcommands *list, const char *group, size_t n)
{
	int found = 0;

	for (int i = 0; i < SOCKCOMMAND_COUNT; i++) {
		if (strlen(commands[i].group) != n || strncmp(commands[i].group, group, n) != 0)
			continue;
		add(list, i);
		found++;
	}
	return found ? 0 : -ENOENT;
}

/**
 * sockcommands_add() - list the command @name, or with "container*" all of a group
 *
 * Markdown has taught people to write the star as "\*".
 * Return: 0, or -ENOENT if there is no such command here.
 */
int sockcommands_add(struct sockcommands *list, const char *name)
{
	size_t n = strlen(name);

	if (n > 1 && name[n - 1] == '*')
		return add_group(list, name, name[n - 2] == '\\' ? n - 2 : n - 1);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(name, aliases[i].name) != 0)
			continue;
		add(list, aliases[i].command);
		return 0;
	}
	for (int i = 0; i < SOCKCOMMAND_COUNT; i++) {
		if (!is_named(i, name))
			continue;
		add(list, i);
		return 0;
	}
	return -ENOENT;
}

/**
 * sockcommands_lists() - is @command on the list?
 */
bool sockcommands_lists(const struct sockcommands *list, enum sockcommand command)
{
	return list->listed[command / 64] >> command % 64 & 1;
}

/**
 * sockcommands_blocks() - does the list block what makes the command what it is?
 */
bool sockcommands_blocks(const struct sockcommands *list, enum sockcommand command)
{
	return sockcommands_lists(list, command) != list->allow;
}

/**
 * sockcommands_name() - as which @command stands in the settings
 */
const char *sockcommands_name(enum sockcommand command)
{
	return commands[command].name;
}

/**
 * sockcommands_format() - as text: "deny:build,push" or "allow:"
 *
 * Return: 0 or -ENOSPC; SOCKCOMMANDS_TEXT_MAX is always enough.
 */
int sockcommands_format(const struct sockcommands *list, char *buf, size_t size)
{
	size_t at = snprintf(buf, size, "%s:", list->allow ? "allow" : "deny");
	const char *comma = "";

	for (int i = 0; i < SOCKCOMMAND_COUNT && at < size; i++) {
		if (!sockcommands_lists(list, i))
			continue;
		at += snprintf(buf + at, size - at, "%s%s", comma, commands[i].name);
		comma = ",";
	}
	return at < size ? 0 : -ENOSPC;
}

/**
 * sockcommands_parse() - what sockcommands_format() wrote
 *
 * Return: 0, or -EINVAL: then nothing may be let through.
 */
int sockcommands_parse(const char *text, struct sockcommands *ret)
{
	char name[64];

	*ret = (struct sockcommands){ .allow = strncmp(text, "allow:", 6) == 0 };
	if (!ret->allow && strncmp(text, "deny:", 5) != 0)
		return -EINVAL;
	for (text = strchr(text, ':') + 1; *text;) {
		size_t n = strcspn(text, ",");

		if (n == 0 || n >= sizeof(name))
			return -EINVAL;
		memcpy(name, text, n);
		name[n] = '\0';
		if (sockcommands_add(ret, name) < 0)
			return -EINVAL;
		text += n;
		if (*text == ',' && !*++text)
			return -EINVAL;
	}
	return 0;
}
