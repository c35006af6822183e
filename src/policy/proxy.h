/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the launcher starts cloister-sockproxy, which a container gets in the place of an engine's
 * socket. One process tree per socket that is mounted.
 *
 *	cloister-sockproxy --listen-fd=3 --engine-dir-fd=4 --engine-socket=NAME
 *	                   --commands=LIST --image=NAME --id=CONTAINER
 *
 *   3  a listening Unix stream socket, bound to ID/proxy.N in the state root: its file is what is
 *      mounted into the container, under the path that was asked for. Mode, owner and group are
 *      copied from the engine's socket before anybody can connect
 *   4  O_PATH descriptor of the directory in which the engine's socket lies: the engine may restart
 *      and make a new one of that name. Connect by /proc/self/fd/4/NAME
 *   LIST  what sockcommands_format() makes (src/lib/sockcommands.h); sockcommands_parse() reads it
 *
 * It runs in the helpers' cgroup, and ends when its container does.
 */
#include "lib/sockcommands.h"

#define PROXY_PROGRAM	"cloister-sockproxy"
#define PROXY_LISTEN_FD 3
#define PROXY_ENGINE_FD 4
