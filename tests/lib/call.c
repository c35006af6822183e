// SPDX-License-Identifier: Apache-2.0
/*
 * call 64|32 NUMBER [ARG [ARG]]: one system call, by the 64-bit entry or int 0x80; prints the
 * result. Static, so that it runs in any root file system.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
int main(int argc, char **argv)
{
	unsigned long nr, a, b;
	long r;

	if (argc < 3)
		return 2;
	nr = strtoul(argv[2], NULL, 0);
	a = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
	b = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;
	if (strcmp(argv[1], "64") == 0) {
		register long r10 __asm__("r10") = 0;

		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"(nr), "D"(a), "S"(b), "d"(0), "r"(r10)
				 : "rcx", "r11", "memory");
	} else {
		__asm__ volatile("int $0x80"
				 : "=a"(r)
				 : "a"(nr), "b"(a), "c"(b), "d"(0)
				 : "memory", "r8", "r9", "r10", "r11");
	}
	printf("%ld\n", r);
	return 0;
}
#else
int main(void)
{
	return 2;
}
#endif
