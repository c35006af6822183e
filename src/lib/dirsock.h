/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sockets with a name in a state directory: whoever may enter it (root) may connect.
 */
int dirsock_listen(int dir_fd, const char *name);
int dirsock_connect(int dir_fd, const char *name, int flags);
