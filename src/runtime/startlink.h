/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How `cloister start`, a process of its own, reaches a PID 1 that was created and waits: a socket
 * in the container's state directory, on which PID 1 listens.
 */
#include <stdbool.h>

int startlink_listen(int dir_fd);
int startlink_connect(int dir_fd);
bool startlink_waits(int dir_fd);
void startlink_remove(int dir_fd);
int startlink_accept(int listen_fd);
