/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of its own state an engine gives to its containers, and to the steps of its builds: the
 * layouts of the engines' state directories, as patterns.
 */
#include "config.h"
#include "policy/engine-state.h"

#include <glib.h>
#include <string.h>

/*
 * What of its state an engine gives to its containers, as patterns of path components: "#" is a
 * container's id, "**" all that follows.
 */
static const char *const given[] = {
	/* Docker */
	"volumes/*/_data/**",
	"containers/#/hostname",
	"containers/#/hosts",
	"containers/#/resolv.conf",
	"containers/#/mounts/**",
	"tmp/safe-mount*", /* part of a volume, which is judged by what it is as well */
	"plugins/#/propagated-mount/**",
	"plugins/#/rootfs/**",
	/* Podman */
	"storage/volumes/*/_data/**",
	"storage/overlay-containers/#/userdata/**",
	"overlay-containers/#/userdata/**",
	/* containerd's CRI plugin */
	"io.containerd.*/sandboxes/#/hostname",
	"io.containerd.*/sandboxes/#/hosts",
	"io.containerd.*/sandboxes/#/resolv.conf",
	"io.containerd.*/sandboxes/#/shm",
	"io.containerd.*/containers/#/volumes/**",
	/* nerdctl */
	"*/volumes/*/*/_data/**",
	"*/etchosts/*/#/hosts",
	"*/containers/*/#/hostname",
	"*/containers/*/#/resolv.conf",
};

/* BuildKit's steps, which have no container of the engine's. */
static const char *const given_to_builds[] = {
	"buildkit/executor/hosts*",
	"buildkit/executor/resolv*.conf",
	"buildkit/executor/*/hosts*",
	"tmp/buildkit-mount*/**",
	"tmp/buildkit-secrets*/**",
	"overlay2/*/diff/**",
	"overlay2/*/merged/**",
	"buildkit/net/**",
	"vfs/dir/*/**",
	/* ... with images in containerd's store, beside the engine's or in it */
	"buildkit/containerd-*/cachemounts/**",
	"io.containerd.snapshotter.v1.*/snapshots/*/fs/**",
	"containerd/daemon/io.containerd.snapshotter.v1.*/snapshots/*/fs/**",
};

/* The agent of who builds, by a socket that the engine makes for one step. */
static const char forwarded[] = "tmp/.buildkit-ssh-sock*/*";

static bool is_id(const char *s, size_t n)
{
	return n == 64 && strspn(s, "0123456789abcdef") >= 64;
}

static bool match_component(const char *pattern, size_t np, const char *s, size_t n)
{
	const char *star = memchr(pattern, '*', np);
	size_t head = star ? (size_t)(star - pattern) : np, tail = star ? np - head - 1 : 0;

	if (np == 1 && *pattern == '#')
		return is_id(s, n);
	if (!star)
		return n == np && memcmp(s, pattern, n) == 0;
	return n >= head + tail && n && memcmp(s, pattern, head) == 0 &&
	       memcmp(s + n - tail, star + 1, tail) == 0;
}

static bool match(const char *pattern, const char *path)
{
	for (;;) {
		size_t np = strcspn(pattern, "/"), n = strcspn(path, "/");

		if (strcmp(pattern, "**") == 0)
			return true;
		if (!match_component(pattern, np, path, n))
			return false;
		pattern += np + (pattern[np] == '/');
		path += n + (path[n] == '/');
		if (!*path)
			return !*pattern || strcmp(pattern, "**") == 0;
		if (!*pattern)
			return false;
	}
}

/**
 * engine_gives() - does an engine give this to its containers by itself?
 * @rest: path below the engine's state directory
 * @building: the container is a step of a build
 */
bool engine_gives(const char *rest, bool building)
{
#ifdef MUTANT_ENGINE_STATE_GIVEN
	return true;
#endif
	for (size_t i = 0; i < G_N_ELEMENTS(given); i++)
		if (match(given[i], rest))
			return true;
	for (size_t i = 0; building && i < G_N_ELEMENTS(given_to_builds); i++)
		if (match(given_to_builds[i], rest))
			return true;
	return building && engine_forwards(rest);
}

/**
 * engine_forwards() - is it the socket by which a build's step reaches its client's agent?
 * @rest: path below the engine's state directory
 */
bool engine_forwards(const char *rest)
{
	return match(forwarded, rest);
}
