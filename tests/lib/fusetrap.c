/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fusetrap DIR [-NUMBER…] [strangers] - a FUSE file system on DIR that takes some requests and
 * never answers fusetrap DIR @SOCKET, fusetrap @SOCKET [-NUMBER…] [strangers] - mounted by one and
 * served by another, who listens there
 *
 * Each name in it is a file, but "d…" a directory. What is answered: all but the opcodes given, or
 * those only of strangers, who have no number in the pid namespace where it was mounted; an
 * ioctl(2) with 0. Who asks for the others sleeps until this process ends, and no signal ends that:
 * the kernel waits for what a server has taken. Says "ready" when it is mounted.
 */
#include "config.h"
#include "fuse-answer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NODE_FILE 2
#define NODE_DIR  3

static bool trapped[256]; /* by opcode */
static bool strangers;	  /* only who has no pid in the namespace of who mounted it */

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){ .ino = node,
				   .mode = node == NODE_FILE ? S_IFREG | 0777 : S_IFDIR | 0777,
				   .size = 4096,
				   .nlink = 1 };
}

static void answer_entry(const struct fuse_in_header *in)
{
	uint64_t node = ((const char *)(in + 1))[0] == 'd' ? NODE_DIR : NODE_FILE;
	const struct fuse_entry_out entry = {
		.nodeid = node, .entry_valid = 100, .attr_valid = 0, .attr = attr_of(node)
	};

	answer(in, 0, &entry, sizeof(entry));
}

static void serve(const struct fuse_in_header *in)
{
	const struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 65536 };
	const struct fuse_attr_out attr = { .attr = attr_of(in->nodeid) };
	const struct fuse_open_out opened = { .fh = 1 };
	const struct fuse_ioctl_out done = { 0 };

	if (in->opcode < 256 && trapped[in->opcode] && (!strangers || in->pid == 0))
		return;
	switch (in->opcode) {
	case FUSE_INIT:
		answer(in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		answer_entry(in);
		break;
	case FUSE_GETATTR:
		answer(in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(in, 0, &opened, sizeof(opened));
		break;
	case FUSE_IOCTL:
		answer(in, 0, &done, sizeof(done));
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_READ:
	case FUSE_READDIR:
		answer(in, 0, "", 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in, ENOSYS, "", 0);
	}
}

static int socket_at(const char *path, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static struct msghdr message(struct iovec *iov, char control[CMSG_SPACE(sizeof(int))])
{
	return (struct msghdr){ .msg_iov = iov,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = CMSG_SPACE(sizeof(int)) };
}

static int give(const char *path)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = message(&iov, control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct sockaddr_un sa;
	int fd = socket_at(path, &sa);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &device, sizeof(int));
	return connect(fd, (void *)&sa, sizeof(sa)) < 0 || sendmsg(fd, &m, 0) < 0 ? -errno : 0;
}

static int take(const char *path)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = message(&iov, control);
	struct sockaddr_un sa;
	int fd = socket_at(path, &sa);

	if (bind(fd, (void *)&sa, sizeof(sa)) < 0 || chmod(path, 0666) < 0 || listen(fd, 1) < 0 ||
	    recvmsg(accept(fd, NULL, NULL), &m, 0) < 0)
		return -errno;
	memcpy(&device, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return 0;
}

static int mount_at(const char *dir)
{
	char options[100];

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 device);
	return device < 0 || mount("none", dir, "fuse", 0, options) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	static union {
		struct fuse_in_header in;
		char bytes[1 << 18];
	} request;
	int r;

	if (argc < 2)
		return 2;
	r = argv[1][0] == '@' ? take(argv[1] + 1) : mount_at(argv[1]);
	for (int i = 2; i < argc && r == 0; i++)
		if (argv[i][0] == '@')
			return give(argv[i] + 1) ? 1 : 0;
		else if (argv[i][0] != '-')
			strangers = true;
		else
			trapped[atoi(argv[i] + 1) & 255] = true;
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (read(device, &request, sizeof(request)) > 0 || errno == EINTR || errno == ENOENT)
		serve(&request.in);
	return 0;
}
