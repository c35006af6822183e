// SPDX-License-Identifier: Apache-2.0
/*
 * policy COUNT SETTINGS ID ROOT SOURCE...: what create does to decide the mounts of the container
 * ID whose root file system is ROOT, COUNT times; prints the median in nanoseconds, or says what
 * was refused. The sources are opened beforehand: that is the resolve, which anybody would have to
 * do.
 */
#include "config.h"
#include "timing.h"
#include "runtime/vet.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static int open_source(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static bool decide(const struct subject *who, const char *settings, int root, char **sources,
		   const int *fds, GError **error)
{
	struct vet vet = { 0 };
	bool ok = vet_begin(&vet, who, settings, error) &&
		  vet_root(&vet, who->root_path, root, error);

	for (int i = 0; ok && sources[i]; i++) {
		struct spec_mount m = { .destination = (char *)"/x",
					.source = sources[i],
					.bind = true };
		struct policy_grant grant = { 0 };

		ok = vet_mount(&vet, &m, fds[i], &grant, error);
		policy_grant_clear(&grant);
	}
	policy_settled(&vet.policy);
	vet_end(&vet);
	return ok;
}

int main(int argc, char **argv)
{
	int count = argc > 5 ? atoi(argv[1]) : 0;
	long *took = calloc((size_t)count + 1, sizeof(*took));
	int *fds = calloc((size_t)argc, sizeof(*fds));
	int root;

	if (count < 1 || !took || !fds)
		errx(2, "usage: policy COUNT SETTINGS ID ROOT SOURCE...");
	const struct subject who = { .id = argv[3], .root_path = argv[4] };

	root = open_source(argv[4]);
	for (int i = 5; i < argc; i++)
		fds[i - 5] = open_source(argv[i]);
	for (int i = 0; i < count; i++) {
		g_autoptr(GError) error = NULL;
		long start = now();

		if (!decide(&who, argv[2], root, argv + 5, fds, &error))
			errx(1, "%s", error->message);
		took[i] = now() - start;
	}
	printf("%ld\n", median(took, (size_t)count));
	return 0;
}
