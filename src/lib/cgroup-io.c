/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's limits of block devices, huge pages, network classes and RDMA, and files of v2 by
 * name.
 */
#include "config.h"
#include "lib/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool has_file(const struct cgroup_hierarchy *h, const char *file)
{
	return faccessat(h->dir_fd, file, F_OK, 0) == 0;
}

static int only_v1(struct cgroup_plan *plan, const char *property)
{
	return cgroup_plan_refuse(plan, -ENOTSUP, "%s: cgroup v2 has no such setting; leave it out",
				  property);
}

/* BFQ has its own file; before Linux 5.0 CFQ had the plain one. */
static const char *weight_file_v1(const struct cgroup_hierarchy *h)
{
	return has_file(h, "blkio.bfq.weight") ? "blkio.bfq.weight" : "blkio.weight";
}

static void plan_weight(struct cgroup_plan *plan, const struct cgroup_hierarchy *h, uint64_t weight)
{
	if (!h->v2)
		cgroup_plan_put(plan, h, "blockIO.weight", weight_file_v1(h), "%" PRIu64, weight);
	else if (has_file(h, "io.bfq.weight"))
		cgroup_plan_put(plan, h, "blockIO.weight", "io.bfq.weight", "%" PRIu64, weight);
	else
		cgroup_plan_put(plan, h, "blockIO.weight", "io.weight", "%" PRIu64,
				cgroup_weight_from_blkio(weight));
}

static void plan_device_weight(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			       const struct cgroup_io *io)
{
	static const char property[] = "blockIO.weightDevice";
	bool bfq = has_file(h, h->v2 ? "io.bfq.weight" : "blkio.bfq.weight_device");
	const char *file = h->v2 ? bfq ? "io.bfq.weight" : "io.weight"
			   : bfq ? "blkio.bfq.weight_device"
				 : "blkio.weight_device";

	cgroup_plan_put(plan, h, property, file, "%u:%u %" PRIu64, io->major, io->minor,
			h->v2 && !bfq ? cgroup_weight_from_blkio(io->value) : io->value);
}

static const struct {
	const char *property, *v1, *v2;
} throttles[] = {
	[CGROUP_IO_READ_BPS] = { "blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device",
				 "rbps" },
	[CGROUP_IO_WRITE_BPS] = { "blockIO.throttleWriteBpsDevice",
				  "blkio.throttle.write_bps_device", "wbps" },
	[CGROUP_IO_READ_IOPS] = { "blockIO.throttleReadIOPSDevice",
				  "blkio.throttle.read_iops_device", "riops" },
	[CGROUP_IO_WRITE_IOPS] = { "blockIO.throttleWriteIOPSDevice",
				   "blkio.throttle.write_iops_device", "wiops" },
};

/* 0 takes a limit away; in v2 that is called "max". */
static void plan_throttle(struct cgroup_plan *plan, const struct cgroup_hierarchy *h,
			  const struct cgroup_io *io)
{
	const char *property = throttles[io->kind].property;

	if (!h->v2)
		cgroup_plan_put(plan, h, property, throttles[io->kind].v1, "%u:%u %" PRIu64,
				io->major, io->minor, io->value);
	else if (io->value == 0)
		cgroup_plan_put(plan, h, property, "io.max", "%u:%u %s=max", io->major, io->minor,
				throttles[io->kind].v2);
	else
		cgroup_plan_put(plan, h, property, "io.max", "%u:%u %s=%" PRIu64, io->major,
				io->minor, throttles[io->kind].v2, io->value);
}

/**
 * cgroup_plan_io() - plan the limits of block devices
 *
 * Return: 0; -ENODEV if there is no controller for them; -ENOTSUP for what v2 lacks.
 */
int cgroup_plan_io(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h;
	int r;

	if (!l->io_weight && !l->io_leaf_weight && !l->n_io)
		return 0;
	r = cgroup_plan_target(plan, "blkio", "blockIO", &h);
	if (r < 0)
		return r;
	if (l->io_weight)
		plan_weight(plan, h, l->io_weight);
	if (l->io_leaf_weight && h->v2)
		return only_v1(plan, "blockIO.leafWeight");
	if (l->io_leaf_weight)
		cgroup_plan_put(plan, h, "blockIO.leafWeight", "blkio.leaf_weight", "%" PRIu64,
				l->io_leaf_weight);
	for (size_t i = 0; i < l->n_io; i++) {
		const struct cgroup_io *io = &l->io[i];

		if (io->kind == CGROUP_IO_WEIGHT)
			plan_device_weight(plan, h, io);
		else if (io->kind != CGROUP_IO_LEAF_WEIGHT)
			plan_throttle(plan, h, io);
		else if (h->v2)
			return only_v1(plan, "blockIO.weightDevice.leafWeight");
		else
			cgroup_plan_put(plan, h, "blockIO.weightDevice.leafWeight",
					"blkio.leaf_weight_device", "%u:%u %" PRIu64, io->major,
					io->minor, io->value);
	}
	return 0;
}

/* Pages that are in use, and since 5.7 those that are only reserved. */
static int plan_hugepages(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h;
	int r = l->n_hugepages ? cgroup_plan_target(plan, "hugetlb", "hugepageLimits", &h) : 0;

	for (size_t i = 0; r == 0 && i < l->n_hugepages; i++) {
		static const char *const kinds[] = { "", ".rsvd" };

		for (int k = 0; k < 2; k++) {
			char file[96];

			snprintf(file, sizeof(file), "hugetlb.%.40s%s.%s",
				 l->hugepages[i].page_size, kinds[k],
				 h->v2 ? "max" : "limit_in_bytes");
			cgroup_plan_put(plan, h, "hugepageLimits", file, "%" PRIu64,
					l->hugepages[i].limit)
				->optional = k == 1;
		}
	}
	return r;
}

static int plan_network(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h;
	int r = 0;

	if (l->net_class) {
		r = cgroup_plan_target(plan, "net_cls", "network.classID", &h);
		if (r == 0 && h->v2)
			r = only_v1(plan, "network.classID");
		if (r == 0)
			cgroup_plan_put(plan, h, "network.classID", "net_cls.classid", "%" PRIu32,
					l->net_class);
	}
	if (r == 0 && l->n_net_prio) {
		r = cgroup_plan_target(plan, "net_prio", "network.priorities", &h);
		if (r == 0 && h->v2)
			r = only_v1(plan, "network.priorities");
		for (size_t i = 0; r == 0 && i < l->n_net_prio; i++)
			cgroup_plan_put(plan, h, "network.priorities", "net_prio.ifpriomap",
					"%s %" PRIu32, l->net_prio[i].name,
					l->net_prio[i].priority);
	}
	return r;
}

static int plan_rdma(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h;
	int r = l->n_rdma ? cgroup_plan_target(plan, "rdma", "rdma", &h) : 0;

	for (size_t i = 0; r == 0 && i < l->n_rdma; i++) {
		const struct cgroup_rdma *d = &l->rdma[i];
		char handles[48] = "", objects[48] = "";

		if (d->handles >= 0)
			snprintf(handles, sizeof(handles), " hca_handle=%" PRId64, d->handles);
		if (d->objects >= 0)
			snprintf(objects, sizeof(objects), " hca_object=%" PRId64, d->objects);
		cgroup_plan_put(plan, h, "rdma", "rdma.max", "%s%s%s", d->device, handles, objects);
	}
	return r;
}

/* Last, and whatever their names: the specification lets them overrule all others. */
static int plan_unified(struct cgroup_plan *plan, const struct cgroup_limits *l)
{
	const struct cgroup_hierarchy *h = cgroup_find_v2(plan->cg);

	if (!l->n_unified)
		return 0;
	if (cgroup_mode(plan->cg) != CGROUP_V2 || h->dir_fd < 0)
		return cgroup_plan_refuse(plan, -ENOTSUP,
					  "unified: this host has cgroup v1; use the other "
					  "properties of linux.resources");
	for (size_t i = 0; i < l->n_unified; i++) {
		const char *key = l->unified[i].key;

		if (!*key || strchr(key, '/') || !strcmp(key, ".") || !strcmp(key, ".."))
			return cgroup_plan_refuse(plan, -EINVAL,
						  "unified: \"%s\" is not a file name", key);
		cgroup_plan_put(plan, h, "unified", key, "%s", l->unified[i].value);
	}
	return 0;
}

/**
 * cgroup_plan_others() - plan the limits of huge pages, network and RDMA, and files of v2 by name
 *
 * Return: as cgroup_plan_io(); -EINVAL for a key of "unified" that is no file name.
 */
int cgroup_plan_others(struct cgroup_plan *plan, const struct cgroup_limits *limits)
{
	int r = plan_hugepages(plan, limits);

	if (r == 0)
		r = plan_network(plan, limits);
	if (r == 0)
		r = plan_rdma(plan, limits);
	return r ?: plan_unified(plan, limits);
}
