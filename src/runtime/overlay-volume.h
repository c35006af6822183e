/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An overlay that a specification asks for as a volume.
 */
#include "runtime/spec.h"
#include "runtime/vet.h"

#include <glib.h>

int overlay_volume(const struct spec_mount *m, struct vet *vet, GError **error);
