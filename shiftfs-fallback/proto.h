/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The FUSE protocol: what the build host's <linux/fuse.h> may lack. Values are the kernel's
 * (include/uapi/linux/fuse.h, the version is in brackets).
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fuse.h>

/* The newest version that all of this is written for. */
#define PROTO_MINOR 41

/* INIT flags; those from bit 32 on are told in flags2. */
#define PROTO_SETXATTR_EXT	   (1ull << 29) /* 7.33 */
#define PROTO_INIT_EXT		   (1ull << 30) /* 7.36 */
#define PROTO_DIRECT_IO_ALLOW_MMAP (1ull << 36) /* 7.39 */
#define PROTO_NO_EXPORT_SUPPORT	   (1ull << 38) /* 7.40 */
#define PROTO_ALLOW_IDMAP	   (1ull << 40) /* 7.41 */

#define PROTO_PASSTHROUGH   (1ull << 37) /* 7.40 */
#define PROTO_OVER_IO_URING (1ull << 41) /* 7.42 */

/* Follows .flags2 in the answer to INIT (7.40). */
static inline void proto_set_stack_depth(struct fuse_init_out *out, uint32_t depth)
{
	memcpy((char *)out + offsetof(struct fuse_init_out, flags2) + 4, &depth, sizeof(depth));
}

/* Answers to OPEN and CREATE; the number of the backing file is in what was padding (7.40). */
#define PROTO_FOPEN_PASSTHROUGH (1 << 7)

static inline void proto_set_backing_id(struct fuse_open_out *out, int32_t id)
{
	memcpy((char *)out + offsetof(struct fuse_open_out, open_flags) + 4, &id, sizeof(id));
}

struct proto_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};

#define PROTO_DEV_IOC_BACKING_OPEN  _IOW(229, 1, struct proto_backing_map)
#define PROTO_DEV_IOC_BACKING_CLOSE _IOW(229, 2, uint32_t)

/* Opcodes */
#define PROTO_TMPFILE		 51 /* 7.37 */
#define PROTO_STATX		 52 /* 7.39 */
#define PROTO_COPY_FILE_RANGE_64 53 /* 7.45 */

/* Notifications */
#define PROTO_NOTIFY_PRUNE 9 /* 7.45 */
#define PROTO_MINOR_PRUNE  45

struct proto_notify_prune_out {
	uint32_t count;
	uint32_t padding;
	uint64_t spare;
};

/* Commands of IORING_OP_URING_CMD on the connection, in the second half of a long entry (7.42). */
#define PROTO_URING_REGISTER	     1
#define PROTO_URING_COMMIT_AND_FETCH 2
#define PROTO_URING_SQE_SIZE	     128
#define PROTO_URING_SQE_COMMAND	     48 /* where struct proto_uring_command begins */

struct proto_uring_command {
	uint64_t flags;
	uint64_t commit_id;
	uint16_t queue;
	uint8_t padding[6];
};

/* A request or an answer; what follows the operation's structure is in the payload. */
struct proto_uring_header {
	char in_out[128]; /* struct fuse_in_header, or fuse_out_header */
	char op_in[128];  /* the operation's structure */
	struct {
		uint64_t flags;
		uint64_t commit_id;
		uint32_t payload_size;
		uint32_t padding;
		uint64_t reserved;
	} entry;
};

struct proto_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct proto_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct proto_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0[1];
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct proto_sx_time atime, btime, ctime, mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

struct proto_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct proto_statx stat;
};

struct proto_copy_file_range_out {
	uint64_t bytes_copied;
};
