/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes. Most are bytes; those with ids inside are translated (acl.c, filecap.c).
 *
 * There are no calls for O_PATH descriptors, so the link in /proc/self/fd is used, which leads to
 * the inode itself, whatever type it has. That directory is every worker's working directory.
 */
#include "config.h"
#include "acl.h"
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <linux/limits.h>
#include <linux/xattr.h>

enum kind { BYTES, ACL, FILECAP };

struct link {
	char name[16];
};

/* Return: 0 or -errno. */
static int link_of(struct request *r, struct link *l)
{
	int fd = request_fd(r);

	snprintf(l->name, sizeof(l->name), "%d", fd);
	return fd < 0 ? fd : 0;
}

static enum kind kind_of(const char *name)
{
	if (!strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) ||
	    !strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT))
		return ACL;
	return !strcmp(name, XATTR_NAME_CAPS) ? FILECAP : BYTES;
}

/* Names of attributes have no other rule than their end. */
static const char *attr_name(const struct request *r, size_t offset, size_t *end)
{
	const char *name = (const char *)r->arg + offset;
	const char *nul = offset < r->len ? memchr(name, '\0', r->len - offset) : NULL;

	if (!nul)
		return NULL;
	*end = nul + 1 - (const char *)r->arg;
	return name;
}

/* As getxattr(2): a size of 0 asks how long the value is. */
static int reply_value(struct request *r, size_t n, size_t size)
{
	struct fuse_getxattr_out *out = &r->reply.getxattr;

	if (size == 0) {
		*out = (struct fuse_getxattr_out){ .size = n };
		return reply_with(r, out, sizeof(*out));
	}
	return n > size ? -ERANGE : reply_with(r, r->worker->out, n);
}

/*
 * Return: the error to tell for that of the backing. The kernel asks for ACLs when it decides on
 * permission, and takes any other answer than "none" as a failure.
 */
static int get_error(enum kind kind, int error)
{
	return kind == ACL && error == -EOPNOTSUPP ? -ENODATA : error;
}

/*
 * Capabilities for somebody without an image are of no effect where it is looked at. What is no
 * capability set (an empty value can be set by anybody) is the kernel's to judge.
 */
static int filecap_error(int error)
{
	return error == -EOVERFLOW ? -ENODATA : 0;
}

/*
 * The kernel asks before the first write and before chown. Nobody can have given any to a file that
 * was just made but through us, or in the directory itself, which may take a while to be seen.
 */
static bool has_no_caps(const struct request *r, enum kind kind)
{
	const struct node *n = request_node(r);
	uint32_t known = __atomic_load_n(&n->known, __ATOMIC_RELAXED);

	return kind == FILECAP && S_ISREG(node_type(n)) && known &&
	       now_ms() - known < timeout_ms(r->server);
}

/**
 * do_getxattr() - GETXATTR
 */
int do_getxattr(struct request *r)
{
	const struct fuse_getxattr_in *in = r->arg;
	const struct id_maps *maps = &r->server->maps;
	struct link l;
	size_t end, len;
	const char *name = attr_name(r, sizeof(*in), &end);
	enum kind kind;
	ssize_t n;
	int error;

	if (!name)
		return -EINVAL;
	kind = kind_of(name);
	if (has_no_caps(r, kind))
		return -ENODATA;
	error = link_of(r, &l);
	if (error < 0)
		return error;
	if (kind == ACL && maps->uids.all) /* whom it names is not shown */
		return -ENODATA;
	n = getxattr(l.name, name, r->worker->out, XATTR_SIZE_MAX);
	if (n < 0)
		return get_error(kind, -errno);
	len = n;
	if (kind == ACL)
		error = acl_to_inside(maps, r->worker->out, &len);
	else if (kind == FILECAP)
		error = filecap_error(filecap_to_inside(maps, r->worker->out, &len));
	return error < 0 ? error : reply_value(r, len, in->size);
}

/*
 * What only the initial user namespace's CAP_SYS_ADMIN may set. In the superblock of a container
 * the kernel asks for the container's.
 */
static bool of_host(const struct server *s, const char *name)
{
	if (s->mode == MODE_SERVER || !strcmp(name, XATTR_NAME_CAPS))
		return false;
	return !strncmp(name, XATTR_SECURITY_PREFIX, XATTR_SECURITY_PREFIX_LEN) ||
	       !strncmp(name, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN);
}

/* Return: 0, or -EOVERFLOW for ids without an image. */
static int translate(struct request *r, enum kind kind, void *value, size_t *len)
{
	const struct id_maps *maps = &r->server->maps;

	if (kind == ACL)
		return acl_to_outside(maps, value, *len);
	return kind == FILECAP && *len ? filecap_to_outside(maps, value, len) : 0;
}

/* An owner who is not of the file's group sets an access ACL. */
static int clear_sgid(struct request *r, const struct link *l)
{
	struct node_stat st;
	int fd = request_fd(r), error = fd < 0 ? fd : node_stat(fd, &st);

	if (error < 0 || !(st.x.stx_mode & S_ISGID))
		return error;
	return fchmodat(r->server->proc_fd, l->name, st.x.stx_mode & 07777 & ~S_ISGID, 0) < 0
		       ? -errno
		       : 0;
}

/* Whether a server before this one has made it. errno is why it cannot be made now. */
static bool set_before(const struct request *r, const struct link *l, const char *name, size_t len)
{
	char there[XATTR_SIZE_MAX];
	ssize_t n;

	if (errno != EEXIST || !r->again)
		return false;
	n = getxattr(l->name, name, there, sizeof(there));
	errno = EEXIST;
	return n == (ssize_t)len && memcmp(there, r->worker->out, len) == 0;
}

/**
 * do_setxattr() - SETXATTR
 */
int do_setxattr(struct request *r)
{
	const struct fuse_setxattr_in *in = r->arg;
	bool ext = r->server->setxattr_ext;
	struct link l;
	size_t end, len = in->size;
	const char *name = attr_name(r, ext ? sizeof(*in) : FUSE_COMPAT_SETXATTR_IN_SIZE, &end);
	int error;

	if (!name || r->len - end < len || len > XATTR_SIZE_MAX)
		return -EINVAL;
	if (of_host(r->server, name))
		return -EPERM;
	memcpy(r->worker->out, (const char *)r->arg + end, len);
	error = translate(r, kind_of(name), r->worker->out, &len);
	if (error == 0)
		error = link_of(r, &l);
	if (error < 0)
		return error;
	if (kind_of(name) == ACL)
		creds_fsetid(&r->worker->creds, true);
	else if (S_ISREG(node_type(request_node(r))))
		__atomic_store_n(&request_node(r)->known, 0, __ATOMIC_RELAXED);
	if (!r->done && setxattr(l.name, name, r->worker->out, len, in->flags) < 0 &&
	    !set_before(r, &l, name, len))
		return -errno;
	if (kind_of(name) == ACL)
		ask_again_aliases(r->server, request_node(r));
	/* the kernel asks for it with default ACLs too */
	if (ext && in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID &&
	    !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS))
		return clear_sgid(r, &l);
	return 0;
}

/* trusted. is not for everybody's eyes; natively the file systems see to that. */
static size_t leave_out_trusted(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = strnlen(list + i, len - i - 1) + 1;
		if (!strncmp(list + i, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN))
			continue;
		memmove(list + kept, list + i, n);
		kept += n;
	}
	return kept;
}

/**
 * do_listxattr() - LISTXATTR
 */
int do_listxattr(struct request *r)
{
	const struct fuse_getxattr_in *in = r->arg;
	struct link l;
	int error = link_of(r, &l);
	ssize_t n;

	if (error < 0)
		return error;
	n = listxattr(l.name, r->worker->out, XATTR_LIST_MAX);
	if (n < 0)
		return -errno;
	if (r->in->uid != 0 || r->server->mode != MODE_SERVER)
		n = leave_out_trusted(r->worker->out, n);
	return reply_value(r, n, in->size);
}

/**
 * do_removexattr() - REMOVEXATTR
 */
int do_removexattr(struct request *r)
{
	struct link l;
	size_t end;
	const char *name = attr_name(r, 0, &end);
	int error;

	if (!name)
		return -EINVAL;
	if (of_host(r->server, name))
		return -EPERM;
	error = link_of(r, &l);
	if (error < 0 || r->done)
		return error;
	if (kind_of(name) == FILECAP)
		atomic_store(&r->server->uncapped, request_of(r));
	/* tmpfs and overlays clear S_ISGID for who is not of the group and has not CAP_FSETID */
	if (!strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS))
		creds_fsetid(&r->worker->creds, seems_root(r));
	if (removexattr(l.name, name) == 0 || (errno == ENODATA && r->again))
		return 0;
	return -errno;
}
