/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target of a request. The engine decodes the path once and matches what comes out, then
 * redirects paths that are not clean. Here a path that is not clean, or that could be decoded
 * twice, is refused, so that both sides see the same segments.
 */
#include "config.h"
#include "sockproxy/target.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/*
 * Decode @s to @to, terminated. In a query '+' is a space.
 * Return: bytes written with the NUL, or -EBADMSG
 */
static int decode(struct span s, char *to, bool query)
{
	char *begin = to;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (c == '%') {
			if (s.len - i < 3 || !isxdigit((unsigned char)s.at[i + 1]) ||
			    !isxdigit((unsigned char)s.at[i + 2]))
				return -EBADMSG;
			c = hex(s.at[i + 1]) << 4 | hex(s.at[i + 2]);
			i += 2;
		} else if (c == '+' && query) {
			c = ' ';
		}
		/* A value may have lines: a commit's message, a change to an image. */
		if (c == '\0' || (!query && ((unsigned char)c < ' ' || c == 0x7f)))
			return -EBADMSG;
		*to++ = c;
	}
	*to++ = '\0';
	return to - begin;
}

/* What names of containers, images, volumes and so on are made of. */
static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.:@+-~", *s))
			return false;
	return true;
}

static bool is_version(const char *s)
{
	size_t major = s[0] == 'v' ? strspn(s + 1, "0123456789") : 0;
	size_t minor = major && s[1 + major] == '.' ? strspn(s + 2 + major, "0123456789") : 0;

	return minor && s[2 + major + minor] == '\0' && strlen(s) < 16;
}

/* The segments between slashes, after decoding: "%2F" is one, too, as it is for the engine. */
static int split_path(struct target *t, char *path)
{
	char *p = path + 1;

	while (p) {
		char *slash = strchr(p, '/');

		if (slash)
			*slash = '\0';
		if (!*p || strcmp(p, ".") == 0 || strcmp(p, "..") == 0 || !is_plain(p))
			return -EBADMSG;
		if (t->n_segments == 0 && !t->version[0] && is_version(p)) {
			snprintf(t->version, sizeof(t->version), "%s", p + 1);
		} else {
			if (t->n_segments == TARGET_SEGMENTS)
				return -EBADMSG;
			t->segment[t->n_segments++] = p;
		}
		p = slash ? slash + 1 : NULL;
	}
	return t->n_segments ? 0 : -EBADMSG;
}

static int add_query(struct target *t, struct span pair, char **room)
{
	const char *equals = memchr(pair.at, '=', pair.len);
	size_t n = equals ? (size_t)(equals - pair.at) : pair.len;
	struct span value = { pair.at + n, pair.len - n };
	int r;

	if (pair.len == 0)
		return 0;
	if (t->n_queries == TARGET_QUERIES || memchr(pair.at, ';', pair.len))
		return -EBADMSG;
	if (equals) {
		value.at++;
		value.len--;
	}
	t->query[t->n_queries].key = *room;
	r = decode((struct span){ pair.at, n }, *room, true);
	if (r < 2 || !is_plain(*room))
		return -EBADMSG;
	*room += r;
	t->query[t->n_queries].value = *room;
	r = decode(value, *room, true);
	if (r < 0)
		return r;
	*room += r;
	t->n_queries++;
	return 0;
}

static int split_query(struct target *t, struct span text, char *room)
{
	int r = 0;

	while (r == 0 && text.len) {
		const char *and = memchr(text.at, '&', text.len);
		size_t n = and? (size_t)(and-text.at) : text.len;

		r = add_query(t, (struct span){ text.at, n }, &room);
		n += and != NULL;
		text.at += n;
		text.len -= n;
	}
	return r;
}

/**
 * target_parse() - take a target apart
 * Return: 0, -EMSGSIZE or -EBADMSG
 */
int target_parse(struct span text, struct target *ret)
{
	const char *mark = memchr(text.at, '?', text.len);
	struct span path = { text.at, mark ? (size_t)(mark - text.at) : text.len };
	int r;

	memset(ret, 0, offsetof(struct target, room));
	if (text.len >= TARGET_MAX)
		return -EMSGSIZE;
	if (memchr(text.at, '#', text.len))
		return -EBADMSG;
	r = decode(path, ret->room, false);
	if (r < 0)
		return r;
	/* The engine knows "/networks/" as well; it means the same. */
	if (r == sizeof("/networks/") && strcmp(ret->room, "/networks/") == 0)
		ret->room[r - 2] = '\0';
	if (split_path(ret, ret->room) < 0)
		return -EBADMSG;
	if (!mark)
		return 0;
	/* Each key and value gets a NUL where '&' or '=' was. */
	return split_query(ret, (struct span){ mark + 1, text.at + text.len - mark - 1 },
			   ret->room + r);
}

/**
 * target_query() - the first value of @key, which is the one that the engine takes; or NULL
 */
const char *target_query(const struct target *t, const char *key)
{
	for (int i = 0; i < t->n_queries; i++)
		if (strcmp(t->query[i].key, key) == 0)
			return t->query[i].value;
	return NULL;
}

static void put(char *buf, size_t size, size_t *len, const char *s, bool escape)
{
	for (; *s; s++) {
		bool safe = !escape || isalnum((unsigned char)*s) || strchr("-_.~", *s);

		if (*len + 4 >= size) {
			*len = size;
			return;
		}
		*len += safe ? sprintf(buf + *len, "%c", *s)
			     : sprintf(buf + *len, "%%%02X", (unsigned char)*s);
	}
}

/**
 * target_write() - the target in its one form, terminated
 * Return: its length, or -EMSGSIZE
 */
int target_write(const struct target *t, char *buf, size_t size)
{
	size_t len = 0;

	if (t->version[0]) {
		put(buf, size, &len, "/v", false);
		put(buf, size, &len, t->version, false);
	}
	for (int i = 0; i < t->n_segments; i++) {
		put(buf, size, &len, "/", false);
		put(buf, size, &len, t->segment[i], false);
	}
	for (int i = 0; i < t->n_queries; i++) {
		put(buf, size, &len, i ? "&" : "?", false);
		put(buf, size, &len, t->query[i].key, true);
		put(buf, size, &len, "=", false);
		put(buf, size, &len, t->query[i].value, true);
	}
	return len < size ? (int)len : -EMSGSIZE;
}
