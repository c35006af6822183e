// SPDX-License-Identifier: Apache-2.0
/*
 * bare MOUNTPOINT: what FUSE costs. A server of one file, "text", that says the same 26 bytes at
 * each open, by libfuse's own loop: direct I/O, long timeouts, nothing computed.
 */
#include "config.h"
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>

static const char text[] = "12345.67 23456.78 34567.89\n";

static void fill(fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){ .st_ino = ino, .st_nlink = 1 };
	st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0555 : S_IFREG | 0444;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .ino = 2, .attr_timeout = 1e9, .entry_timeout = 1e9 };

	fill(2, &e.attr);
	if (parent != FUSE_ROOT_ID || strcmp(name, "text") != 0)
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &e);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	fill(ino, &st);
	fuse_reply_attr(req, &st, 1e9);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	size_t left = off < (off_t)sizeof(text) - 1 ? sizeof(text) - 1 - off : 0;

	(void)ino;
	(void)fi;
	fuse_reply_buf(req, text + off, left < size ? left : size);
}

int main(int argc, char **argv)
{
	static const struct fuse_lowlevel_ops ops = {
		.lookup = op_lookup, .getattr = op_getattr, .open = op_open, .read = op_read
	};
	char *args_v[] = { argv[0], (char *)"-oallow_other,default_permissions", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, args_v);
	struct fuse_session *se = argc == 2 ? fuse_session_new(&args, &ops, sizeof(ops), NULL)
					    : NULL;
	struct fuse_loop_config *config = fuse_loop_cfg_create();

	if (!se || fuse_session_mount(se, argv[1]) != 0)
		return 1;
	fuse_set_signal_handlers(se);
	fuse_session_loop_mt(se, config);
	fuse_session_unmount(se);
	return 0;
}
