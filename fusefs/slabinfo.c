/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/slabinfo: what a cgroup knows of slabs, two sums, as two caches of pages. The kernel's
 * caches are shared by all, and their names tell which modules are loaded.
 */
#include "config.h"
#include "providers.h"
#include "vm-facts.h"

static void put_cache(struct text *out, const char *name, uint64_t pages, uint64_t page)
{
	text_str(out, name);
	text_num_width(out, pages, 6, ' ');
	text_bytes(out, " ", 1);
	text_num_width(out, pages, 6, ' ');
	text_bytes(out, " ", 1);
	text_num_width(out, page, 6, ' ');
	text_str(out, "    1    1 : tunables    0    0    0 : slabdata ");
	text_num_width(out, pages, 6, ' ');
	text_bytes(out, " ", 1);
	text_num_width(out, pages, 6, ' ');
	text_str(out, "      0\n");
}

int slabinfo_render(const struct facts *facts, struct text *out)
{
	static const char head[] =
		"slabinfo - version: 2.1\n"
		"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
		" : tunables <limit> <batchcount> <sharedfactor>"
		" : slabdata <active_slabs> <num_slabs> <sharedavail>\n";
	struct vm_facts vm;
	int r = vm_facts_get(facts, &vm);

	if (r < 0)
		return r;
	text_str(out, head);
	put_cache(out, "reclaimable       ", vm.look.m.slab_reclaimable / vm.page, vm.page);
	put_cache(out, "unreclaimable     ", vm.look.m.slab_unreclaimable / vm.page, vm.page);
	return 0;
}
