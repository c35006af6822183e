/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The commands of `docker` that the settings can allow or deny on an engine's socket: their names,
 * and a list of them in the form in which the launcher hands it to cloister-sockproxy.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/* symbol, name as in `docker --help`, group: "container ls" is "ps" too */
#define SOCKCOMMANDS(X) \
	X(ATTACH, "attach", "container") \
	X(COMMIT, "commit", "container") \
	X(CP, "cp", "container") \
	X(CREATE, "create", "container") \
	X(DIFF, "diff", "container") \
	X(EXEC, "exec", "container") \
	X(EXPORT, "export", "container") \
	X(CONTAINER_INSPECT, "container inspect", "container") \
	X(KILL, "kill", "container") \
	X(LOGS, "logs", "container") \
	X(PAUSE, "pause", "container") \
	X(PORT, "port", "container") \
	X(PS, "ps", "container") \
	X(CONTAINER_PRUNE, "container prune", "container") \
	X(RENAME, "rename", "container") \
	X(RESTART, "restart", "container") \
	X(RM, "rm", "container") \
	X(RUN, "run", "container") \
	X(START, "start", "container") \
	X(STATS, "stats", "container") \
	X(STOP, "stop", "container") \
	X(TOP, "top", "container") \
	X(UNPAUSE, "unpause", "container") \
	X(UPDATE, "update", "container") \
	X(WAIT, "wait", "container") \
	X(CHECKPOINT, "checkpoint", "container") \
	X(HISTORY, "history", "image") \
	X(IMAGES, "images", "image") \
	X(IMPORT, "import", "image") \
	X(IMAGE_INSPECT, "image inspect", "image") \
	X(LOAD, "load", "image") \
	X(IMAGE_PRUNE, "image prune", "image") \
	X(PULL, "pull", "image") \
	X(PUSH, "push", "image") \
	X(RMI, "rmi", "image") \
	X(SAVE, "save", "image") \
	X(SEARCH, "search", "image") \
	X(TAG, "tag", "image") \
	X(BUILD, "build", "build") \
	X(BUILDER_PRUNE, "builder prune", "build") \
	X(VOLUME_CREATE, "volume create", "volume") \
	X(VOLUME_INSPECT, "volume inspect", "volume") \
	X(VOLUME_LS, "volume ls", "volume") \
	X(VOLUME_PRUNE, "volume prune", "volume") \
	X(VOLUME_RM, "volume rm", "volume") \
	X(VOLUME_UPDATE, "volume update", "volume") \
	X(NETWORK_CONNECT, "network connect", "network") \
	X(NETWORK_CREATE, "network create", "network") \
	X(NETWORK_DISCONNECT, "network disconnect", "network") \
	X(NETWORK_INSPECT, "network inspect", "network") \
	X(NETWORK_LS, "network ls", "network") \
	X(NETWORK_PRUNE, "network prune", "network") \
	X(NETWORK_RM, "network rm", "network") \
	X(EVENTS, "events", "system") \
	X(INFO, "info", "system") \
	X(SYSTEM_DF, "system df", "system") \
	X(SYSTEM_PRUNE, "system prune", "system") \
	X(VERSION, "version", "") \
	X(INSPECT, "inspect", "") \
	X(LOGIN, "login", "") \
	X(LOGOUT, "logout", "") \
	X(SWARM, "swarm", "swarm") \
	X(SERVICE, "service", "swarm") \
	X(STACK, "stack", "swarm") \
	X(NODE, "node", "swarm") \
	X(SECRET, "secret", "swarm") \
	X(CONFIG, "config", "swarm")
/* clang-format on */

enum sockcommand {
#define SOCKCOMMAND_ENUM(symbol, name, group) SOCKCOMMAND_##symbol,
	SOCKCOMMANDS(SOCKCOMMAND_ENUM)
#undef SOCKCOMMAND_ENUM
		SOCKCOMMAND_COUNT
};

/* A commandList: `deny` blocks what is listed, `allow` everything else. */
struct sockcommands {
	bool allow;
	uint64_t listed[2]; /* bit per enum sockcommand */
};

/* The longest text that sockcommands_format() makes. */
#define SOCKCOMMANDS_TEXT_MAX 1024

int sockcommands_add(struct sockcommands *list, const char *name);
bool sockcommands_lists(const struct sockcommands *list, enum sockcommand command);
bool sockcommands_blocks(const struct sockcommands *list, enum sockcommand command);
const char *sockcommands_name(enum sockcommand command);
int sockcommands_format(const struct sockcommands *list, char *buf, size_t size);
int sockcommands_parse(const char *text, struct sockcommands *ret);
