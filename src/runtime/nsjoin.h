/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Namespaces that a specification names by path: those of another container, or a network that the
 * engine made.
 */
#include "lib/claims.h"
#include "runtime/spec.h"

struct nsjoin {
	int fds[SPEC_NS_COUNT]; /* to join; -1: a new one is made */
	bool foreign_net;	/* the network is owned by the host: used without power over it */
};

#define NSJOIN_NONE                                                                                \
	{                                                                                          \
		.fds = { -1, -1, -1, -1, -1, -1, -1, -1 }                                          \
	}

bool nsjoin_open(const struct spec *spec, struct nsjoin *ret, GError **error);
bool nsjoin_range(const struct nsjoin *ns, struct claim *ret, GError **error);
uint64_t nsjoin_new(const struct nsjoin *ns);
int nsjoin_enter_owned(const struct nsjoin *ns);
int nsjoin_prepare_foreign_net(const struct nsjoin *ns, int host_proc);
void nsjoin_close(struct nsjoin *ns);
