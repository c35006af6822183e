/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy of an engine's socket: requests, targets, endpoints and documents, without a process.
 */
#include "config.h"
#include "sockproxy/archive.h"
#include "sockproxy/body.h"
#include "sockproxy/request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct http_head *h)
{
	size_t used;

	return http_head_parse(text, strlen(text), h, &used);
}

static void heads(void **state)
{
	struct http_head h;

	assert_int_equal(parse("GET / HTTP/1.1\r\nHost: d\r\n\r\n", &h), 0);
	assert_int_equal(h.length, HTTP_LENGTH_NONE);
	assert_int_equal(parse("GET / HTTP/1.1\r\nHost: d\r\n", &h), -EAGAIN);
	assert_int_equal(parse("POST / HTTP/1.1\r\nhost: d\r\ncontent-LENGTH: 12\r\nConnection: a, "
			       "CLOSE\r\n\r\n",
			       &h),
			 0);
	assert_int_equal(h.length, 12);
	assert_true(h.close);
	assert_int_equal(
		parse("POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n\r\n", &h), 0);
	assert_int_equal(h.length, HTTP_LENGTH_CHUNK);
}

static void bad_heads(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.0\r\nHost: d\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\nHost: d\n\n",
		"GET / HTTP/1.1\r\nHost: d\nA: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\rA: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\n A: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : d\r\n\r\n",
		"GET http://d/ HTTP/1.1\r\nHost: d\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: d\r\n\r\n",
		"G\tT / HTTP/1.1\r\nHost: d\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nHost: e\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: +1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 1,1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 0x1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 9999999999999999999\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: "
		"chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		"x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nExpect: tea\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: d\r\nTrailer: a\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: d\r\n\r\n",
	};
	static const char nul[] = "GET / HTTP/1.1\r\nHost: d\r\nA\0: b\r\n\r\n";
	struct http_head h;
	size_t used;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &h) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(http_head_parse(nul, sizeof(nul) - 1, &h, &used), -EBADMSG);
}

/* Whole, and in pieces of each size, the same comes out. */
static void read_chunks(const char *text, const char *want)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct http_chunks c = { 0 };
		char got[64] = "";
		size_t at = 0, n = 0;
		int r = 0;

		while (r == 0 && at < strlen(text) && c.state != CHUNK_DONE) {
			size_t used, len = strlen(text) - at < piece ? strlen(text) - at : piece;
			struct span data;

			r = http_chunks_read(&c, text + at, len, &used, &data);
			memcpy(got + n, data.at, data.len);
			n += data.len;
			at += used;
		}
		if (!want) {
			assert_int_equal(r, -EBADMSG);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(c.state, CHUNK_DONE);
		assert_int_equal(at, strlen(text));
		assert_string_equal(got, want);
	}
}

static void chunks(void **state)
{
	read_chunks("3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n", "abc0123456789");
	read_chunks("0\r\n\r\n", "");
	read_chunks("3;x=y\r\nabc\r\n0\r\n\r\n", NULL);
	read_chunks("3\nabc\r\n0\r\n\r\n", NULL);
	read_chunks("3\r\nabcd\r\n0\r\n\r\n", NULL);
	read_chunks("-3\r\nabc\r\n0\r\n\r\n", NULL);
	read_chunks("\r\nabc\r\n0\r\n\r\n", NULL);
	read_chunks("0\r\nA: b\r\n\r\n", NULL);
	read_chunks("1000000000000003\r\nabc\r\n0\r\n\r\n", NULL);
}

static int target(const char *text, struct target *t)
{
	return target_parse((struct span){ text, strlen(text) }, t);
}

static void targets(void **state)
{
	static struct target t;
	char out[TARGET_MAX];

	assert_int_equal(target("/v1.43/images%2Fa/b:c/push?tag=x%26y&a+b=&q=1&q=2", &t), -EBADMSG);
	assert_int_equal(target("/v1.43/images%2Fa/b:c/push?tag=x%26y&n=a+b&q=1&q=2", &t), 0);
	assert_string_equal(t.version, "1.43");
	assert_int_equal(t.n_segments, 4);
	assert_string_equal(target_query(&t, "q"), "1");
	assert_string_equal(target_query(&t, "tag"), "x&y");
	assert_string_equal(target_query(&t, "n"), "a b");
	assert_null(target_query(&t, "Q"));
	assert_true(target_write(&t, out, sizeof(out)) > 0);
	assert_string_equal(out, "/v1.43/images/a/b:c/push?tag=x%26y&n=a%20b&q=1&q=2");
	assert_int_equal(target("/commit?comment=a%0Ab", &t), 0);
	assert_string_equal(target_query(&t, "comment"), "a\nb");
}

static void bad_targets(void **state)
{
	static const char *const bad[] = {
		"//a",	 "/a//b",  "/./a",     "/a/..",	     "/a/",	"/%2e%2e/a", "/a%2f%2fb",
		"/a%00", "/a%0ab", "/a%252Fb", "/a%zz",	     "/a%2",	"/a#b",	     "/",
		"/v1.4", "/a?b;c", "/a?b=c;d", "/a?=b",	     "/a?%00b", "/a?b=%00c", "/a?b%0a=c",
		"/a b",	 "/a\\b",  "/a?b=%",   "/a?a%3Db=c",
	};
	static struct target t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (target(bad[i], &t) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
}

/* A query may grow when it is written anew, but not beyond what the other side reads. */
static void long_targets(void **state)
{
	static struct target t;
	char text[TARGET_MAX] = "/a?b=", out[TARGET_MAX];

	memset(text + 5, '+', 4000);
	assert_int_equal(target(text, &t), 0);
	assert_int_equal(target_write(&t, out, sizeof(out)), -EMSGSIZE);
}

/* Is this request passed by this list? -EACCES or -EBADMSG if not. */
static int judge(const char *list, const char *line, const char *headers)
{
	struct sockcommands commands;
	const struct endpoint *e;
	static struct target t;
	struct http_head h;
	const char *why;
	char text[1024];

	assert_int_equal(sockcommands_parse(list, &commands), 0);
	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: d\r\n%s\r\n", line, headers);
	assert_int_equal(parse(text, &h), 0);
	assert_int_equal(target_parse(h.target, &t), 0);
	return request_check(&h, &t, &commands, &e, &why);
}

static void commands(void **state)
{
	assert_int_equal(judge("deny:push", "POST /images/create/push", ""), -EACCES);
	assert_int_equal(judge("deny:push", "POST /v9.9/images/a/b/push", ""), -EACCES);
	assert_int_equal(judge("deny:push", "POST /images/a/tag", ""), 0);
	assert_int_equal(judge("deny:pull", "POST /images/create?fromImage=a", ""), -EACCES);
	assert_int_equal(judge("deny:pull", "POST /images/create?fromSrc=-", ""), 0);
	assert_int_equal(judge("deny:import", "POST /images/create?fromSrc=-", ""), -EACCES);
	assert_int_equal(judge("deny:rm", "DELETE /containers/a/b", ""), -EACCES);
	assert_int_equal(judge("allow:", "GET /_ping", ""), 0);
	assert_int_equal(judge("allow:ps", "GET /containers/json", ""), 0);
	assert_int_equal(judge("allow:ps", "GET /containers/a/json", ""), -EACCES);
	assert_int_equal(judge("allow:exec", "POST /containers/a/exec", ""), 0);
	for (const char *const *line =
		     (const char *const[]){ "POST /services/create", "POST /plugins/pull",
					    "POST /swarm/init", "GET /debug/vars", "OPTIONS /a",
					    "POST /v1.43/v1.43/images/a/push", "GET /v43/version",
					    "get /version", "GET /Version", "POST /libpod/build",
					    "POST /secrets/create", "POST /nodes/a/update", NULL };
	     *line; line++)
		if (judge("deny:", *line, "") != -EACCES)
			fail_msg("passed: %s", *line);
}

static void queries(void **state)
{
	static const char *const bad[] = {
		"POST /images/create?fromImage=a&fromSrc=-",
		"POST /images/create?fromImage=&fromSrc=",
		"POST /images/create",
		"GET /containers/a/checkpoints?dir=/etc",
		"DELETE /containers/a/checkpoints/b?dir=/etc",
		"POST /containers/a/start?checkpoint=b&checkpoint-dir=/etc",
		"POST /containers/a/start?checkpoint-dir=&checkpoint-dir=/etc",
		"POST /build?remote=http://127.0.0.1/",
		"POST /build?version=2&remote=client-session&remote=git://a/b",
		"POST /images/create?fromSrc=http://127.0.0.1/",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (judge("deny:", bad[i], "") != -EBADMSG)
			fail_msg("passed: %s", bad[i]);
	assert_int_equal(judge("deny:", "GET /containers/a/checkpoints", ""), 0);
	assert_int_equal(judge("deny:", "POST /build?version=2&remote=client-session", ""), 0);
	assert_int_equal(judge("deny:", "POST /images/create?fromSrc=-", ""), 0);
}

/* What a request is about, and the same request about what is called "id". */
static void names(void **state)
{
	static const struct {
		const char *line, *name, *renamed;
		enum endpoint_reach reach;
	} t[] = {
		{ "POST /v1.40/containers/a/exec?x=y", "a", "/v1.40/containers/id/exec?x=y",
		  REACH_INTO },
		{ "POST /containers/a/b/attach", "a/b", "/containers/id/attach", REACH_INTO },
		{ "GET /containers/json/attach/ws", "json", "/containers/id/attach/ws",
		  REACH_INTO },
		{ "POST /commit?repo=r&container=%2Fa&container=b", "/a",
		  "/commit?repo=r&container=id&container=b", REACH_INTO },
		{ "POST /commit?repo=r", "", NULL, REACH_INTO },
		{ "HEAD /containers/a/archive?path=/", "a", "/containers/id/archive?path=%2F",
		  REACH_FILES },
		{ "PUT /containers/a/archive", "a", "/containers/id/archive", REACH_FILES },
		{ "POST /exec/a/start", "a", "/exec/id/start", REACH_EXEC },
		{ "GET /containers/a/json", "a", "/containers/id/json", REACH_NONE },
		{ "GET /containers/json", "", NULL, REACH_NONE },
	};
	static struct target parsed;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *space = strchr(t[i].line, ' ');
		char buf[256], id[] = "id";
		const struct endpoint *e;

		assert_int_equal(target(space + 1, &parsed), 0);
		e = endpoint_find((struct span){ t[i].line, space - t[i].line }, &parsed);
		assert_int_equal(e->reach, t[i].reach);
		assert_int_equal(endpoint_name(e, &parsed, buf, sizeof(buf)), strlen(t[i].name));
		assert_true(!*t[i].name || strcmp(buf, t[i].name) == 0);
		if (t[i].renamed) {
			assert_int_equal(endpoint_set_name(e, &parsed, id), 0);
			target_write(&parsed, buf, sizeof(buf));
			assert_string_equal(buf, t[i].renamed);
		} else {
			assert_int_equal(endpoint_set_name(e, &parsed, id), -ENOENT);
		}
	}
	assert_int_equal(target("/containers/abcdef/exec", &parsed), 0);
	assert_int_equal(endpoint_name(endpoint_find((struct span){ "POST", 4 }, &parsed), &parsed,
				       (char[4]){ 0 }, 4),
			 -EMSGSIZE);
}

static void headers(void **state)
{
	static const struct {
		const char *line, *headers;
		int want;
	} t[] = {
		{ "POST /build", "Content-Type: application/x-tar\r\n", 0 },
		{ "POST /build", "Content-Type: multipart/form-data; boundary=a\r\n", -EBADMSG },
		{ "POST /containers/create", "Content-Type: application/x-tar\r\n", -EBADMSG },
		{ "POST /commit", "Content-Type: APPLICATION/x-www-form-urlencoded\r\n", -EBADMSG },
		{ "POST /commit?container=a", "", 0 },
		{ "POST /v1.13/commit?container=a&pause=1&pause=0", "", 0 },
		{ "POST /commit?container=a&pause=0", "", -EBADMSG },
		{ "POST /v1.12/commit?container=a", "", -EBADMSG },
		{ "GET /_ping", "Connection: Upgrade\r\nUpgrade: h2c\r\n", -EBADMSG },
		{ "POST /exec/a/start", "Connection: Upgrade\r\nUpgrade: h2c\r\n", -EBADMSG },
		{ "POST /exec/a/start", "Connection: Upgrade\r\nUpgrade: tcp\r\n", 0 },
		{ "POST /exec/a/start", "Upgrade: tcp\r\n", -EBADMSG },
		{ "POST /grpc", "", -EBADMSG },
		{ "POST /grpc", "Connection: Upgrade\r\nUpgrade: h2c\r\n", 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (judge("deny:", t[i].line, t[i].headers) != t[i].want)
			fail_msg("%s with %s", t[i].line, t[i].headers);
}

static void needs(void **state)
{
	static const struct {
		const char *line;
		enum request_need want;
	} t[] = {
		{ "POST /containers/create", NEEDS_RUNTIME },
		{ "POST /build", NEEDS_BUILDS },
		{ "POST /build?version=1&version=2", NEEDS_BUILDS },
		{ "POST /build?version=2", NEEDS_BUILDKIT },
		{ "POST /build?version=02", NEEDS_BUILDKIT },
		{ "POST /session", NEEDS_BUILDKIT },
		{ "POST /grpc", NEEDS_BUILDKIT },
		{ "POST /build/prune", NEEDS_NOTHING },
	};
	static struct target parsed;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(target(t[i].line + 5, &parsed), 0);
		assert_int_equal(
			request_needs(endpoint_find((struct span){ "POST", 4 }, &parsed), &parsed),
			t[i].want);
	}
}

/* Document @text at @line becomes @want, or is refused if that is NULL. */
static void document(const char *line, const char *text, const char *want)
{
	static struct target t;
	char why[256], *out = NULL, *again = NULL;
	const struct endpoint *e;
	int n;

	assert_int_equal(target(line, &t), 0);
	e = endpoint_find((struct span){ "POST", 4 }, &t);
	assert_non_null(e);
	n = body_rewrite(e, text, strlen(text), "ours", &out, why, sizeof(why));
	if (!want) {
		if (n >= 0)
			fail_msg("taken: %s", text);
		return;
	}
	if (n < 0)
		fail_msg("%s: %s", text, why);
	assert_string_equal(out, want);
	assert_int_equal(n, strlen(want));
	/* What the forwarder checks. */
	assert_int_equal(body_rewrite(e, out, n, "ours", &again, why, sizeof(why)), n);
	assert_string_equal(again, out);
	free(again);
	free(out);
}

static void documents(void **state)
{
	static const char create[] = "/containers/create", volume[] = "/volumes/create";

	document(create, "{}", "{\"HostConfig\":{\"Runtime\":\"ours\"}}");
	document(create, "{\"HostConfig\":null}", "{\"HostConfig\":{\"Runtime\":\"ours\"}}");
	document(create,
		 "{ \"HostConfig\": {\"Runtime\":\"runc\",\"CpuPercent\":0.25}, \"A\":\"\\u00e9\"}",
		 "{\"HostConfig\":{\"Runtime\":\"ours\",\"CpuPercent\":0.25},\"A\":"
		 "\"\xc3\xa9\"}");
	document(create, "{\"HostConfig\":{\"Binds\":[\"v:/v\",\"/a:/b\",\"/c:/d:ro,rslave\"]}}",
		 "{\"HostConfig\":{\"Binds\":[\"v:/v\"],\"Runtime\":\"ours\",\"Mounts\":[{\"Type\":"
		 "\"bind\",\"Source\":\"/a\",\"Target\":\"/b\"},{\"Type\":\"bind\",\"Source\":"
		 "\"/c\",\"Target\":\"/d\",\"ReadOnly\":true,\"BindOptions\":{\"Propagation\":"
		 "\"rslave\"}}]}}");
	document(create,
		 "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"BindOptions\":{"
		 "\"CreateMountpoint\":true}}]}}",
		 "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"BindOptions\":{}}],\"Runtime\":"
		 "\"ours\"}}");
	document(create, "{\"HostConfig\":{\"Binds\":[\"/a:/b:nocopy\"]}}", NULL);
	document(create, "{\"HostConfig\":{\"Binds\":[\"/a:/b:ro:x\"]}}", NULL);
	document(create, "{\"HostConfig\":{\"Binds\":[7]}}", NULL);
	document(create, "{\"HostConfig\":{\"Binds\":{}}}", NULL);
	document(create, "{\"HostConfig\":{\"binds\":[]}}", NULL);
	document(create, "{\"hostconfig\":{}}", NULL);
	document(create, "{\"Ho\\u017ftConfig\":{}}", NULL);
	document(create, "{\"HostConfig\":{\"RUNTIME\":\"runc\"}}", NULL);
	document(create, "{\"HostConfig\":{},\"HostConfig\":{}}", NULL);
	document(create, "{\"HostConfig\":[]}", NULL);
	document(create, "[]", NULL);
	document(create, "null", NULL);
	document(create, "{} {}", NULL);
	document(create, "{\"VolumeDriver\":\"x\"}", NULL);
	document(create, "{\"volumedriver\":\"x\"}", NULL);
	document(create, "{\"HostConfig\":{\"VolumeDriver\":\"x\"}}", NULL);
	document(create, "{\"HostConfig\":{\"Mounts\":{}}}", NULL);
	document(create, "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"syslog\"}}}", NULL);
	document(create, "{\"HostConfig\":{\"LogConfig\":{\"Config\":{\"a\":\"b\"}}}}", NULL);
	document(create,
		 "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"\",\"config\":{\"a\":\"b\"}}}}", NULL);
	document(volume, "{\"Name\":\"a\"}", "{\"Name\":\"a\"}");
	document(volume, "{\"Driver\":\"x\"}", NULL);
	document(volume, "{\"DriverOpts\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"/\"}}",
		 NULL);
	document(volume,
		 "{\"DriverOpts\":{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1,bind\"}}",
		 NULL);
	document(
		volume,
		"{\"DriverOpts\":{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1,uid=2\"}}",
		"{\"DriverOpts\":{\"type\":\"tmpfs\",\"device\":\"tmpfs\",\"o\":\"size=1,uid=2\"}"
		"}");
	document("/containers/a/checkpoints", "{\"CheckpointID\":\"a\",\"CheckpointDir\":\"/etc\"}",
		 NULL);
	document("/containers/a/checkpoints", "{\"checkpointdir\":\"/etc\"}", NULL);
}

/* Passed on in pieces of @step bytes; how much of it may? */
static size_t passed(const char *data, size_t len, size_t step)
{
	struct archive a = { .plain = true };
	size_t done = 0;

	while (done < len) {
		size_t n = len - done < step ? len - done : step;

		if (!archive_may_pass(&a, data + done, n))
			break;
		done += n;
	}
	return done;
}

static void archives(void **state)
{
	static const struct {
		const char *begin;
		size_t n;
	} bad[] = {
		{ "\x1f\x8b\x08", 3 },	   { "BZh", 3 },
		{ "\xfd\x37zXZ\0", 6 },	   { "\x28\xb5\x2f\xfd", 4 },
		{ "\x50\x2a\x4d\x18", 4 }, { "\x5f\x2a\x4d\x18", 4 },
	};
	struct archive any = { .plain = false };
	char text[512] = "name";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(text, bad[i].begin, bad[i].n);
		assert_int_equal(passed(text, sizeof(text), sizeof(text)), 0);
		/* Never all of what the engine knows it by. */
		for (size_t step = 1; step < 8; step++)
			assert_in_range(passed(text, sizeof(text), step), 0, bad[i].n - 1);
		assert_true(archive_may_pass(&any, text, sizeof(text)));
	}
	assert_int_equal(passed("BZ", 2, 1), 2);
	assert_int_equal(passed("name\0\x1f\x8b\x08 and more", 20, 1), 20);
	assert_int_equal(passed("`*M\x18", 4, 4), 4);
}

static void mended(void **state)
{
	static const struct {
		const char *version;
		bool want;
	} t[] = {
		{ "20.10.24+dfsg1", true }, { "28.5.2", true },	    { "29.5.0", true },
		{ "29.5.1", false },	    { "29.5.1-rd", false }, { "29.10.0", false },
		{ "30.0.0", false },	    { "dev", true },	    { "", true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		json_t *info = json_pack("{s:s}", "ServerVersion", t[i].version);

		if (archive_needs_plain(info) != t[i].want)
			fail_msg("%s", t[i].version);
		json_decref(info);
	}
	assert_true(archive_needs_plain(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads),       cmocka_unit_test(bad_heads),
		cmocka_unit_test(chunks),      cmocka_unit_test(targets),
		cmocka_unit_test(bad_targets), cmocka_unit_test(long_targets),
		cmocka_unit_test(commands),    cmocka_unit_test(queries),
		cmocka_unit_test(names),       cmocka_unit_test(headers),
		cmocka_unit_test(needs),       cmocka_unit_test(documents),
		cmocka_unit_test(archives),    cmocka_unit_test(mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
