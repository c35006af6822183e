/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The size that the kernel believes a file has, which is not what stat(2) shows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Protocol of Linux 6.2: from there on the kernel does what sizes.c needs, from 6.5 it is needed.
 */
#define SIZE_MIN_PROTOCOL 38

enum size_todo { SIZE_FITS, SIZE_RAISE, SIZE_RAISE_BLOCKING };

void size_begin(int fuse_fd, uint64_t *kept, bool resume);
enum size_todo size_opened(uint64_t ino, size_t len, bool truncated);
void size_raise(uint64_t ino);
void size_closed(uint64_t ino);
void size_asked(uint64_t ino);
size_t size_to_fill(uint64_t ino, size_t len, uint64_t asked_ns);
