/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What those share that serve a FUSE file system by hand: the connection, and an answer on it. */
#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int device;

static void answer(const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	char out[512];
	struct fuse_out_header h = { .len = sizeof(h) + len,
				     .error = -error,
				     .unique = in->unique };

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), data, len);
	if (write(device, out, h.len) < 0 && errno != ENOENT)
		perror("write");
}
