/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sysctls that the kernel does not namespace: what each of them is and takes (sysctl-table.c), and
 * text to value and back as the kernel does it (sysctl.c). The container's own values are kept in a
 * store (sysctl-store.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYSCTL_MAX_VALUES 5
#define SYSCTL_STRING_MAX 256 /* with the terminating NUL, as the kernel counts */
#define SYSCTL_TEXT_MAX	  (SYSCTL_STRING_MAX + 1)

enum sysctl_type {
	SYSCTL_INT,    /* proc_dointvec(_minmax), _jiffies; several values */
	SYSCTL_UINT,   /* proc_douintvec(_minmax), dou8vec: one value, the rest of the text is taken
			*/
	SYSCTL_ULONG,  /* proc_doulongvec_minmax; compared as unsigned */
	SYSCTL_STRING, /* proc_dostring; @max is the size of the kernel's buffer */
	SYSCTL_WORD,   /* one of the words in @words and a newline */
};

enum sysctl_policy {
	SYSCTL_KERNEL,	 /* not covered: the kernel's own file is right as it is */
	SYSCTL_PRIVATE,	 /* the container's own value, the host's untouched */
	SYSCTL_MAX,	 /* the host gets the largest that it or a container wants, up to @cap */
	SYSCTL_MIN,	 /* the smallest, down to @cap */
	SYSCTL_READONLY, /* a constant */
	SYSCTL_HIDDEN,	 /* cannot be opened */
};

/* What a type does not say. */
enum sysctl_quirk {
	SYSCTL_PLAIN,
	SYSCTL_LOCKS_3, /* can never change again once it is 3 */
	SYSCTL_LOCKS_1, /* once it is 1, anything else is EPERM */
	SYSCTL_PIPE,	/* rounded up to a power of two of pages */
	SYSCTL_PER_PID, /* newer kernels have it per pid namespace */
	SYSCTL_CLEARS,	/* a change zeroes its twin, the row named in @words */
	SYSCTL_FOLLOWS, /* what its twin, the row named in @words, shows in other units */
};

struct sysctl {
	const char *path; /* "proc/sys/kernel/panic" */
	enum sysctl_policy policy;
	enum sysctl_type type;
	enum sysctl_quirk quirk;
	int count;	  /* number of values */
	mode_t mode;	  /* as the kernel has it; 0200 is an order, not a value */
	int64_t min, max; /* of each value */
	int64_t cap;	  /* SYSCTL_MAX, SYSCTL_MIN */
	int64_t initial[SYSCTL_MAX_VALUES];
	int mul, div;	   /* SYSCTL_FOLLOWS: one of this is @mul / @div of what twins share */
	const char *words; /* text at first; SYSCTL_WORD: "first|second"; path of the twin */
	const char *why;   /* SYSCTL_KERNEL, _READONLY, _HIDDEN */
};

struct sysctl_value {
	union {
		int64_t n[SYSCTL_MAX_VALUES];
		char text[SYSCTL_STRING_MAX];
	};
};

extern const struct sysctl sysctls[];
extern const int sysctls_count;

/*
 * A directory of the network namespace in which the kernel shows rows of the table to the first one
 * only, or that come with a module, and into which no container runtime writes: covered as a whole.
 * What the kernel has there stays in reach. Where there are devices its own directory lies in
 * SYSCTL_NET_KERNEL, and each device's name is a symlink into that. Where our rows are files among
 * its own that would show them: there the warden reads and writes its files (natives.h).
 */
struct sysctl_net_dir {
	const char *path;
	bool devices; /* has a directory for each network device */
	bool natives; /* has files of the kernel's; else nothing but our rows */
};

#define SYSCTL_NET_KERNEL ".kernel"
#define SYSCTL_NETFILTER  "proc/sys/net/netfilter"
/* A directory there, with nothing but the namespace's own, which no module brings: laid as it is.
 */
#define SYSCTL_NF_LOG "nf_log"

extern const struct sysctl_net_dir sysctl_net_dirs[];
extern const int sysctl_net_dirs_count;

const struct sysctl *sysctl_find(const char *path);
const char *sysctl_policy_name(enum sysctl_policy policy);
bool sysctl_is_text(const struct sysctl *s);
bool sysctl_is_shared(const struct sysctl *s);
const char *sysctl_reason(const struct sysctl *s);
const char *sysctl_namespaced(const char *path);
const struct sysctl_net_dir *sysctl_net_dir(const char *path);
bool sysctl_in_netfilter(const char *name);

void sysctl_initial(const struct sysctl *s, struct sysctl_value *value);
const struct sysctl *sysctl_twin(const struct sysctl *s);
void sysctl_follow(const struct sysctl *s, struct sysctl_value *value, struct sysctl_value *twins);
int sysctl_write(const struct sysctl *s, struct sysctl_value *value, const char *text, size_t len,
		 off_t offset, size_t *consumed);
size_t sysctl_format(const struct sysctl *s, const struct sysctl_value *value, char *text);
