/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights of v2 for those of v1.
 */
#include "config.h"
#include "lib/cgroup.h"

static double log2_of(double x)
{
	double result = 0;

	for (; x >= 2; x /= 2)
		result++;
	for (double bit = 0.5; bit > 1e-14; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

static double exp10_of(double x)
{
	double y = x * 2.302585092994045684 / 256, term = 1, sum = 1;

	for (int i = 1; i < 8; i++)
		sum += term *= y / i;
	for (int i = 0; i < 8; i++)
		sum *= sum;
	return sum;
}

/**
 * cgroup_weight_from_shares() - v2's cpu.weight for v1's cpu.shares
 *
 * The curve of crun and runc since 2025 (runtime-spec left it open): 2 to 1, 1024 to 100 and
 * 262144 to 10000, so that the default of one is the default of the other. With the straight line
 * that was used before, a container of 1024 shares got 39. No libm: every small helper would link
 * it for this.
 *
 * Return: 1 to 10000, or 0 for 0 (not set).
 */
uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	double l, weight;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of(shares);
	weight = exp10_of((l * l + 125 * l) / 612 - 7.0 / 34);
	/* Rounded up, but not by the error of the calculation. */
	return (uint64_t)(weight + 1 - 1e-6);
}

/**
 * cgroup_weight_from_blkio() - v2's io.weight for v1's blkio.weight: 10 to 1, 1000 to 10000
 *
 * Return: 0 for 0 (not set).
 */
uint64_t cgroup_weight_from_blkio(uint64_t weight)
{
	if (weight == 0)
		return 0;
	return weight <= 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}
