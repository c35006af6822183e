/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/buddyinfo and /proc/pagetypeinfo: the free memory of meminfo in blocks as large as can be,
 * all of it movable. Of the host only the number of block sizes is taken.
 */
#include "config.h"
#include "cpu-facts.h"
#include "providers.h"
#include "vm-facts.h"

/* "Node 0, zone   Normal": pagetypeinfo has the number in four columns on some of its lines. */
static void put_zone(struct text *out, const struct facts *facts, unsigned int width)
{
	text_str(out, "Node ");
	text_num_width(out, cpu_node(facts, NULL), width, ' ');
	text_str(out, ", zone   Normal");
}

static void put_free(struct text *out, const struct vm_facts *vm, int orders)
{
	for (int i = 0; i < orders; i++) {
		text_num_width(out, vm_free_blocks(vm, i, orders), 6, ' ');
		text_bytes(out, " ", 1);
	}
	text_bytes(out, "\n", 1);
}

static int look(const struct facts *facts, struct vm_facts *vm)
{
	int r = vm_facts_get(facts, vm);

	return r < 0 ? r : vm_orders(facts);
}

int buddyinfo_render(const struct facts *facts, struct text *out)
{
	struct vm_facts vm;
	int orders = look(facts, &vm);

	if (orders < 0)
		return orders;
	put_zone(out, facts, 1);
	text_bytes(out, " ", 1);
	put_free(out, &vm, orders);
	return 0;
}

/* migratetype_names[] of mm/page_alloc.c, but for what depends on the kernel's configuration. */
static const char *const types[] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic",
				     "Isolate" };
#define MOVABLE 1
#define N_TYPES (int)(sizeof(types) / sizeof(types[0]))

static void put_name(struct text *out, int type)
{
	size_t len = 0;

	while (types[type][len])
		len++;
	text_bytes(out, "            ", 12 - len);
	text_bytes(out, types[type], len);
	text_bytes(out, " ", 1);
}

static void put_types(struct text *out, const struct facts *facts, const struct vm_facts *vm,
		      int orders)
{
	struct vm_facts none = { .page = vm->page };

	text_str(out, "Free pages count per migrate type at order ");
	for (int i = 0; i < orders; i++) {
		text_num_width(out, i, 6, ' ');
		text_bytes(out, " ", 1);
	}
	text_bytes(out, "\n", 1);
	for (int type = 0; type < N_TYPES; type++) {
		put_zone(out, facts, 4);
		text_str(out, ", type ");
		put_name(out, type);
		put_free(out, type == MOVABLE ? vm : &none, orders);
	}
}

int pagetypeinfo_render(const struct facts *facts, struct text *out)
{
	struct vm_facts vm;
	int orders = look(facts, &vm), block = 0;

	if (orders < 0)
		return orders;
	/* A page block is a huge page, but no larger than the largest block. */
	while (block < orders - 1 && vm.page << block < vm.huge)
		block++;
	text_str(out, "Page block order: ");
	text_num(out, block);
	text_str(out, "\nPages per block:  ");
	text_num(out, 1u << block);
	text_str(out, "\n\n");
	put_types(out, facts, &vm, orders);
	text_bytes(out, "\n", 1);
	text_str(out, "Number of blocks type ");
	for (int type = 0; type < N_TYPES; type++)
		put_name(out, type);
	text_bytes(out, "\n", 1);
	put_zone(out, facts, 1);
	text_bytes(out, " ", 1);
	for (int type = 0; type < N_TYPES; type++) {
		text_num_width(out, type == MOVABLE ? vm.look.m.total / vm.page >> block : 0, 12,
			       ' ');
		text_bytes(out, " ", 1);
	}
	text_bytes(out, "\n", 1);
	return 0;
}
