// SPDX-License-Identifier: Apache-2.0
/*
 * attack: one system call (or one trick) that a container's root might try, by name; see calls.h.
 * Whether "it worked" is good is the suite's business; some are ordinary work that must succeed.
 */
#include "config.h"
#include "attack.h"

int main(int argc, char **argv)
{
	static const struct call *const tables[] = {
		attack_mounts, attack_covers, attack_machine,  attack_inherited, attack_processes,
		attack_facts,  attack_traps,  attack_terminal, attack_owners,	 NULL,
	};

	return run_calls(tables, argc, argv);
}
