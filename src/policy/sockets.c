/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sockets of the host are those of a container engine.
 *
 * By who holds them: the kernel says of each listening socket which inode it is bound to
 * (sock_diag(7)), and /proc says which process has it open. So a socket that was renamed, linked or
 * bind-mounted elsewhere is recognised, and one that only has the name of an engine's is none.
 *
 * An engine is a process of our own user namespace whose program has the name of one: the engine
 * inside of a container is that container's affair. sock_diag sees the sockets of our network
 * namespace; one of another namespace is connected to, and closed, to learn its owner. A kernel
 * without it tells names alone (/proc/net/unix).
 */
#include "config.h"
#include "policy/sockets.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define PROC_LISTENS 0x10000 /* in /proc/net/unix: the kernel's __SO_ACCEPTCON */

struct socket_entry {
	uint32_t number; /* "socket:[N]" */
	dev_t dev;
	uint32_t ino; /* the lower half: more the kernel does not say */
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
};

static const char *const engines[] = { "dockerd",     "containerd", "buildkitd",   "podman",
				       "crio",	      "cri-o",	    "cri-dockerd", "conmon",
				       "conmonrs",    "nerdctl",    "k3s",	   "rke2",
				       "kubelet",     "k3s-server", "lxd",	   "incusd",
				       "docker-proxy" };

/**
 * sockets_init() - nothing is known yet: who listens is looked up when it is asked for
 */
void sockets_init(struct sockets *s)
{
	*s = (struct sockets){ 0 };
}

/**
 * sockets_clear() - forget who listens
 */
void sockets_clear(struct sockets *s)
{
	g_clear_pointer(&s->listening, g_array_unref);
	g_clear_pointer(&s->held, g_hash_table_unref);
}

static void take_entry(GArray *list, const struct nlmsghdr *h)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(h);
	const struct nlattr *a = (const void *)(msg + 1);
	long left = (long)h->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));
	struct socket_entry e = { .number = msg->udiag_ino };

	while (left >= (long)sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= left) {
		size_t n = a->nla_len - sizeof(*a);

		if (a->nla_type == UNIX_DIAG_NAME && n < sizeof(e.name)) {
			memcpy(e.name, a + 1, n);
		} else if (a->nla_type == UNIX_DIAG_VFS && n >= sizeof(struct unix_diag_vfs)) {
			const struct unix_diag_vfs *vfs = (const void *)(a + 1);

			e.ino = vfs->udiag_vfs_ino;
			/* The kernel's own form: 12 bits and 20. */
			e.dev = makedev(vfs->udiag_vfs_dev >> 20, vfs->udiag_vfs_dev & 0xfffff);
		}
		left -= NLA_ALIGN(a->nla_len);
		a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
	if (e.ino)
		g_array_append_val(list, e);
}

/* @buf: @n bytes of an answer. Return: 1: there is more to come; 0: that was all; -1: an error */
static int take_answer(GArray *list, const char *buf, ssize_t n)
{
	if (n <= 0)
		return -1;
	for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, (size_t)n);
	     h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return h->nlmsg_type == NLMSG_DONE ? 0 : -1;
		if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
			take_entry(list, h);
	}
	return 1;
}

/* By netlink. Return: whether all that listen were told of. */
static bool list_by_diag(GArray *list)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} ask = { .h = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		  .r = { .sdiag_family = AF_UNIX,
			 .udiag_states = 1 << TCP_LISTEN,
			 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS } };
	autofd fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	int r;

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) != (ssize_t)sizeof(ask))
		return false;
	do {
		r = take_answer(list, buf, recv(fd, buf, sizeof(buf), 0));
	} while (r > 0);
	return r == 0;
}

/* "Num: RefCount Protocol Flags Type St Inode Path" */
static void take_line(GArray *list, const char *line)
{
	struct socket_entry e = { 0 };
	unsigned int flags;
	struct stat st;
	int at = 0;

	if (sscanf(line, "%*x: %*x %*x %x %*x %*x %u %n", &flags, &e.number, &at) != 2 || !at ||
	    !(flags & PROC_LISTENS) ||
	    g_strlcpy(e.name, line + at, sizeof(e.name)) >= sizeof(e.name) || e.name[0] != '/' ||
	    lstat(e.name, &st) < 0)
		return;
	e.dev = st.st_dev;
	e.ino = st.st_ino;
	g_array_append_val(list, e);
}

/* Where the kernel has no such netlink (unix_diag): by name, as long as that is the socket's. */
static void list_by_name(GArray *list)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents("/proc/net/unix", &text, NULL, NULL))
		return;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		take_line(list, *line);
}

static void list_listening(struct sockets *s)
{
	s->listening = g_array_new(false, false, sizeof(struct socket_entry));
	if (list_by_diag(s->listening))
		return;
#ifndef MUTANT_DIAG_ALONE
	list_by_name(s->listening);
#endif
}

static bool is_engine_name(const char *exe)
{
	const char *slash = strrchr(exe, '/'), *name = slash ? slash + 1 : exe;
	size_t n = strcspn(name, " "); /* " (deleted)" after an upgrade */

	if (strncmp(name, "containerd-shim", strlen("containerd-shim")) == 0)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(engines); i++)
		if (strlen(engines[i]) == n && strncmp(name, engines[i], n) == 0)
			return true;
	return false;
}

static bool in_our_userns(const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/ns/user", pid);
	struct stat ours, theirs;

	return stat(path, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static bool is_engine(const char *pid)
{
	g_autofree char *link = g_strdup_printf("/proc/%s/exe", pid);
	g_autofree char *exe = g_file_read_link(link, NULL);

	return exe && is_engine_name(exe) && in_our_userns(pid);
}

static void take_held(GHashTable *held, const char *pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char target[64];
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);
		unsigned int number;

		if (n < 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%u]", &number) == 1)
			g_hash_table_add(held, GUINT_TO_POINTER(number));
	}
	if (dir)
		closedir(dir);
}

static void list_held(struct sockets *s)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	s->held = g_hash_table_new(NULL, NULL);
	while (proc && (d = readdir(proc)))
		if (g_ascii_isdigit(d->d_name[0]) && is_engine(d->d_name))
			take_held(s->held, d->d_name);
	if (proc)
		closedir(proc);
}

static bool is_held(struct sockets *s, const struct socket_entry *e)
{
	if (!s->held)
		list_held(s);
	return g_hash_table_contains(s->held, GUINT_TO_POINTER(e->number));
}

/* Who listens on it, of another network namespace; by a connection that says nothing. */
static bool ask_peer(const struct object *o)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t len = sizeof(peer);
	autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char pid[16];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", o->fd);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == EAGAIN; /* it listens, and nobody can say who it is */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0)
		return true;
	snprintf(pid, sizeof(pid), "%d", (int)peer.pid);
	return is_engine(pid);
}

static const struct socket_entry *find(struct sockets *s, const struct object *o)
{
	if (!s->listening)
		list_listening(s);
	for (guint i = 0; i < s->listening->len; i++) {
		const struct socket_entry *e = &g_array_index(s->listening, struct socket_entry, i);

		if (e->ino == (uint32_t)o->ino && e->dev == o->dev)
			return e;
	}
	return NULL;
}

/**
 * sockets_path() - under which name its engine made the socket @o, and would make it again
 */
char *sockets_path(struct sockets *s, const struct object *o)
{
	const struct socket_entry *e = find(s, o);
	struct stat st;

	if (e && e->name[0] == '/' && lstat(e->name, &st) == 0 && st.st_dev == o->dev &&
	    st.st_ino == o->ino)
		return g_strdup(e->name);
	return g_strdup(o->path);
}

/**
 * sockets_is_engines() - is @o a socket on which an engine listens?
 */
bool sockets_is_engines(struct sockets *s, const struct object *o)
{
	if (!S_ISSOCK(o->mode))
		return false;
	if (!s->listening)
		list_listening(s);
	for (guint i = 0; i < s->listening->len; i++) {
		const struct socket_entry *e = &g_array_index(s->listening, struct socket_entry, i);

		if (e->ino == (uint32_t)o->ino && e->dev == o->dev)
			return is_held(s, e);
	}
	return ask_peer(o);
}

/* Where below @dir @e lies, if that is still where it was bound; or NULL. */
static char *place_below(const struct socket_entry *e, const struct mounttab *tab,
			 const struct object *dir)
{
	autofd fd = open(e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct object o = { 0 };
	const char *rest = NULL;
	char *place = NULL;

	if (fd >= 0 && object_open(tab, fd, &o) == 0 && (uint32_t)o.ino == e->ino &&
	    (path_is_below(o.path, dir->path, &rest) ||
	     (o.mount && dir->mount && o.mount->dev == dir->mount->dev && o.fspath && dir->fspath &&
	      path_is_below(o.fspath, dir->fspath, &rest))))
		place = g_strdup(rest);
	object_clear(&o);
	return place;
}

/**
 * sockets_find_below() - the name of an engine's socket in the directory @dir, or NULL
 * @places: receives where below @dir it lies, and all others; or NULL
 */
char *sockets_find_below(struct sockets *s, const struct mounttab *tab, const struct object *dir,
			 GPtrArray *places)
{
	const char *found = NULL;

	if (!S_ISDIR(dir->mode))
		return NULL;
	if (!s->listening)
		list_listening(s);
	for (guint i = 0; i < s->listening->len; i++) {
		const struct socket_entry *e = &g_array_index(s->listening, struct socket_entry, i);

		g_autofree char *place = e->name[0] == '/' ? place_below(e, tab, dir) : NULL;

		if (!place || (found && !places) || !is_held(s, e))
			continue;
		found = e->name;
		if (places)
			g_ptr_array_add(places, g_steal_pointer(&place));
	}
	return g_strdup(found);
}
