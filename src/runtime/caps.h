/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Capability sets: names as in capabilities(7), and giving them to the calling thread.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

int caps_from_name(const char *name);
const char *caps_name(int cap);
uint64_t caps_all(void);
int caps_drop_bounding(uint64_t keep);
int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int caps_set_ambient(uint64_t ambient);
bool caps_has(int cap);
