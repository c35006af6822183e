/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `docker cp` sends: a tar that is not compressed.
 *
 * Docker 23 to 29.5.0 unpack it, as the host's root, with the container's file system for theirs:
 * for a compressed one they start the xz or unpigz that lies there (CVE-2026-41567). The engine
 * knows compression by the first bytes, and so is it known here; the client itself compresses
 * nothing.
 */
#include "config.h"
#include "sockproxy/archive.h"

#include <stdio.h>
#include <string.h>

#define MENDED_MAJOR 29
#define MENDED_MINOR 5
#define MENDED_PATCH 1

const char archive_refusal[] =
	"enhanced container isolation: this engine would unpack a compressed archive with programs "
	"of the container (CVE-2026-41567; mended in Docker 29.5.1), so it has to be a plain tar";

/**
 * archive_needs_plain() - does this engine unpack with the container's own programs?
 * @info: what it says of itself
 */
bool archive_needs_plain(json_t *info)
{
	const char *version = json_string_value(json_object_get(info, "ServerVersion"));
	int major = 0, minor = 0, patch = 0;

#ifdef MUTANT_ARCHIVES_PACKED
	return false;
#endif
	if (!version || sscanf(version, "%d.%d.%d", &major, &minor, &patch) != 3)
		return true;
	if (major != MENDED_MAJOR)
		return major < MENDED_MAJOR;
	return minor < MENDED_MINOR || (minor == MENDED_MINOR && patch < MENDED_PATCH);
}

/* Which bytes a compressed stream begins with. */
static bool is_compressed(const uint8_t *b, size_t n)
{
	static const struct {
		size_t n;
		uint8_t bytes[6], from; /* @from: the first byte is one of that many */
	} kinds[] = {
		{ 3, { 0x1f, 0x8b, 0x08 }, 1 },		      /* gzip */
		{ 3, { 'B', 'Z', 'h' }, 1 },		      /* bzip2 */
		{ 6, { 0xfd, '7', 'z', 'X', 'Z', 0x00 }, 1 }, /* xz */
		{ 4, { 0x28, 0xb5, 0x2f, 0xfd }, 1 },	      /* zstd */
		{ 4, { 0x50, 0x2a, 0x4d, 0x18 }, 16 },	      /* zstd, a frame to be skipped */
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (n >= kinds[i].n && b[0] >= kinds[i].bytes[0] &&
		    b[0] < kinds[i].bytes[0] + kinds[i].from &&
		    memcmp(b + 1, kinds[i].bytes + 1, kinds[i].n - 1) == 0)
			return true;
	return false;
}

/**
 * archive_may_pass() - may this piece, the next, go on to the engine?
 *
 * Of one that may not the engine never gets so many bytes that it could know a compression.
 */
bool archive_may_pass(struct archive *a, const char *data, size_t len)
{
	size_t n = sizeof(a->first) - a->n;

	n = n < len ? n : len;
	memcpy(a->first + a->n, data, n);
	a->n += n;
	return !a->plain || !is_compressed(a->first, a->n);
}
