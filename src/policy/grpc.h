/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A client for single calls on containerd's socket.
 */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grpc {
	int fd;
	uint32_t stream; /* of the next call */
	const char *ns;	 /* containerd's namespace; borrowed */
};

bool grpc_open(struct grpc *g, const char *path, const char *ns);
GString *grpc_call(struct grpc *g, const char *method, const char *text);
GString *grpc_read(struct grpc *g, const char *method, const char *text, uint32_t number);
void grpc_close(struct grpc *g);

/* A field of a protocol buffer: a number, or bytes in the buffer that was given. */
struct pb_field {
	uint32_t number;
	uint64_t value;
	const char *data; /* NULL: a number */
	size_t len;
};

bool pb_next(const char **at, const char *end, struct pb_field *ret);
bool pb_find(const char *data, size_t len, uint32_t number, struct pb_field *ret);
char *pb_text(const struct pb_field *field);
