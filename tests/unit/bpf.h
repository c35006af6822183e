/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a seccomp filter decides, computed here: for ABIs that this machine does not run.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

/* Not a value that a filter returns: it ran off its end, or has an instruction that is not known.
 */
#define BPF_BROKEN UINT32_MAX

uint32_t bpf_run(const struct sock_fprog *program, const struct seccomp_data *data);
