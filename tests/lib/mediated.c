// SPDX-License-Identifier: Apache-2.0
/*
 * mediated: makes the system calls that the warden answers, by name; see calls.h.
 */
#include "config.h"
#include "mediated.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/**
 * kill_children() - children that are killed while their calls are worked on, one after the other
 * @work: what each does, again and again
 * @ms: for how long
 * @us: a child lives less than so many microseconds
 */
int kill_children(void (*work)(char **args), char **args, double ms, int us)
{
	double until = now_ms() + ms;
	unsigned int seed = 1;
	long n = 0;

	for (; now_ms() < until; n++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		while (pid == 0)
			work(args);
		usleep(rand_r(&seed) % us);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("killed %ld\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct call *const tables[] = {
		mediated_info,	mediated_mounts, mediated_mknod,
		mediated_races, mediated_steps,	 NULL,
	};

	return run_calls(tables, argc, argv);
}
