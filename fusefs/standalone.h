/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cloister-fs alone, for containers that somebody else runs.
 */
#include "server.h"

int standalone_main(struct server *s, int argc, char **argv);
