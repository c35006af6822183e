/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp profile: what its filter decides, for every ABI, against a plain reading of the JSON;
 * the cache; the listener. The kernel is asked too where it can be.
 */
#include "config.h"
#include "bpf.h"
#include "lib/fd.h"
#include "runtime/error.h"
#include "runtime/seccomp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *profile_of(const char *text)
{
	g_autofree char *copy = g_strdup(text);
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	return json;
}

static struct sock_fprog compiled(json_t *profile)
{
	g_autoptr(GError) error = NULL;
	struct sock_fprog filter = { 0 };

	if (!seccomp_compile(profile, &filter, &error))
		fail_msg("%s", error->message);
	return filter;
}

/* What the filter of @text says of system call @name of the ABI @token with these arguments. */
static uint32_t decides_args(const char *text, uint32_t token, const char *name, uint64_t arg0,
			     uint64_t arg1)
{
	json_t *profile = profile_of(text);
	struct sock_fprog filter = compiled(profile);
	struct seccomp_data data = { .nr = seccomp_syscall_resolve_name_arch(token, name),
				     .arch = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token,
				     .args = { arg0, arg1 } };
	uint32_t r = bpf_run(&filter, &data);

	g_free(filter.filter);
	json_decref(profile);
	return r;
}

static uint32_t decides(const char *text, const char *name)
{
	return decides_args(text, seccomp_arch_native(), name, 0, 0);
}

static void refuses(const char *text, const char *word)
{
	g_autoptr(GError) error = NULL;
	json_t *profile = profile_of(text);
	struct seccomp s;

	assert_false(seccomp_prepare(profile, -1, &s, &error));
	if (!strstr(error->message, word))
		fail_msg("\"%s\" does not say \"%s\"", error->message, word);
	assert_null(strchr(error->message, '\n'));
	seccomp_clear(&s);
	json_decref(profile);
}

static void every_action(void **state)
{
	static const struct {
		const char *action;
		uint32_t value;
	} table[] = {
		{ "'SCMP_ACT_ALLOW'", SECCOMP_RET_ALLOW },
		{ "'SCMP_ACT_ERRNO'", SECCOMP_RET_ERRNO | EPERM },
		{ "'SCMP_ACT_ERRNO','errnoRet':38", SECCOMP_RET_ERRNO | ENOSYS },
		{ "'SCMP_ACT_ERRNO','errnoRet':0", SECCOMP_RET_ERRNO },
		{ "'SCMP_ACT_KILL'", SECCOMP_RET_KILL_THREAD },
		{ "'SCMP_ACT_KILL_THREAD'", SECCOMP_RET_KILL_THREAD },
		{ "'SCMP_ACT_KILL_PROCESS'", SECCOMP_RET_KILL_PROCESS },
		{ "'SCMP_ACT_TRAP'", SECCOMP_RET_TRAP },
		{ "'SCMP_ACT_TRACE'", SECCOMP_RET_TRACE | EPERM },
		{ "'SCMP_ACT_TRACE','errnoRet':9", SECCOMP_RET_TRACE | 9 },
		{ "'SCMP_ACT_LOG'", SECCOMP_RET_LOG },
		{ "'SCMP_ACT_NOTIFY'", SECCOMP_RET_USER_NOTIF },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		const char *other = i ? "SCMP_ACT_ALLOW" : "SCMP_ACT_LOG";
		g_autofree char *text = g_strdup_printf(
			"{'defaultAction':'%s','syscalls':[{'names':['read'],"
			"'action':%s}]}",
			other, table[i].action);

		assert_int_equal(decides(text, "read"), table[i].value);
		assert_int_equal(decides(text, "write"), i ? SECCOMP_RET_ALLOW : SECCOMP_RET_LOG);
	}
}

static void defaults(void **state)
{
	assert_int_equal(decides("{'defaultAction':'SCMP_ACT_ERRNO'}", "read"),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decides("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':13}", "read"),
			 SECCOMP_RET_ERRNO | EACCES);
	assert_int_equal(decides("{'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':7}", "read"),
			 SECCOMP_RET_TRACE | 7);
	assert_int_equal(decides("{'defaultAction':'SCMP_ACT_KILL_PROCESS'}", "read"),
			 SECCOMP_RET_KILL_PROCESS);
}

#define ONE(rest) "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read']," rest "}]}"

static void what_is_wrong_is_named(void **state)
{
	refuses("[]", "not an object");
	refuses("{}", "unknown action");
	refuses("{'defaultAction':'ALLOW'}", "unknown action \"ALLOW\"");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}", "SCMP_ACT_ALLOW has no");
	refuses("{'defaultAction':'SCMP_ACT_KILL','defaultErrnoRet':1}", "SCMP_ACT_KILL has no");
	refuses("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096}", "0 to 4095");
	refuses("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':'1'}", "not an errno");
	refuses(ONE("'action':'SCMP_ACT_TRAP','errnoRet':1"), "SCMP_ACT_TRAP has no errno");
	refuses(ONE("'action':'SCMP_ACT_NOTIFY','errnoRet':1"), "listenerPath");
	refuses(ONE("'action':'SCMP_ACT_WHAT'"), "SCMP_ACT_WHAT");
	refuses(ONE("'action':'SCMP_ACT_ERRNO','args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]"),
		"6 arguments");
	refuses(ONE("'action':'SCMP_ACT_ERRNO','args':[{'index':-1,'value':1,'op':'SCMP_CMP_EQ'}]"),
		"6 arguments");
	refuses(ONE("'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':1,'op':'EQ'}]"),
		"unknown operator \"EQ\"");
	refuses(ONE("'action':'SCMP_ACT_ERRNO','args':[{'index':0,'op':'SCMP_CMP_EQ'}]"),
		"args.value");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'action':'SCMP_ACT_KILL'}]}",
		"without names");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[1],"
		"'action':'SCMP_ACT_KILL'}]}",
		"not a string");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_VAX']}",
		"SCMP_ARCH_VAX");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['x86']}", "\"x86\"");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_S390X']}",
		"byte order");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','flags':['TSYNC']}", "unknown flag \"TSYNC\"");
	refuses("{'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/a'}", "default action");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'x'}", "listenerPath");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/a','syscalls':["
		"{'names':['mkdir','sendmsg'],'action':'SCMP_ACT_NOTIFY'}]}",
		"sendmsg");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'a','syscalls':["
		"{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]}",
		"absolute path");
}

static void unknown_names_are_skipped(void **state)
{
	const char *text = "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':"
			   "['no_such_call','read'],'action':'SCMP_ACT_ERRNO'}]}";

	assert_int_equal(decides(text, "read"), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decides(text, "write"), SECCOMP_RET_ALLOW);
}

/* The shape of engines' default profiles: one call in several entries with conditions. */
static void one_call_in_several_entries(void **state)
{
	const char *text =
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		"{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':"
		"[{'index':0,'value':0,'op':'SCMP_CMP_EQ'}]},"
		"{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':"
		"[{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]},"
		"{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':"
		"[{'index':0,'value':2114060288,'valueTwo':0,'op':'SCMP_CMP_MASKED_EQ'}]},"
		"{'names':['clone3'],'action':'SCMP_ACT_ERRNO','errnoRet':38}]}";
	uint32_t native = seccomp_arch_native();
	uint32_t denied = SECCOMP_RET_ERRNO | EPERM;

	assert_int_equal(decides_args(text, native, "personality", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decides_args(text, native, "personality", 8, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decides_args(text, native, "personality", 9, 0), denied);
	assert_int_equal(decides_args(text, native, "clone", 0x1200011, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decides_args(text, native, "clone", 0x10000011, 0), denied);
	assert_int_equal(decides_args(text, native, "clone3", 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
}

static void conditions_on_one_argument_are_alternatives(void **state)
{
	const char *text = "{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],"
			   "'action':'SCMP_ACT_ALLOW','args':["
			   "{'index':0,'value':3,'op':'SCMP_CMP_EQ'},"
			   "{'index':0,'value':5,'op':'SCMP_CMP_EQ'}]}]}";
	uint32_t native = seccomp_arch_native();

	assert_int_equal(decides_args(text, native, "read", 3, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decides_args(text, native, "read", 5, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decides_args(text, native, "read", 4, 0), SECCOMP_RET_ERRNO | EPERM);
}

static void conflicts_have_an_order(void **state)
{
	const char *conditional = "{'names':['read'],'action':'SCMP_ACT_KILL','args':"
				  "[{'index':0,'value':3,'op':'SCMP_CMP_EQ'}]}";
	const char *always = "{'names':['read'],'action':'SCMP_ACT_ERRNO','errnoRet':2}";
	const char *never = "{'names':['read'],'action':'SCMP_ACT_TRAP'}";
	const char *orders[][3] = { { conditional, always, never },
				    { always, conditional, never },
				    { always, never, conditional } };

	for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
		g_autofree char *text = g_strdup_printf(
			"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[%s,%s,%s]}", orders[i][0],
			orders[i][1], orders[i][2]);

		assert_int_equal(decides_args(text, seccomp_arch_native(), "read", 3, 0),
				 SECCOMP_RET_ERRNO | ENOENT);
	}
}

static const uint32_t abis[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32,
				 SCMP_ARCH_AARCH64 };

#define ARCHS                                                                                      \
	"'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32','SCMP_ARCH_AARCH64']"

static uint32_t run_number(const struct sock_fprog *filter, uint32_t token, uint32_t nr)
{
	struct seccomp_data data = { .nr = nr,
				     .arch = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token };

	return bpf_run(filter, &data);
}

/* Above the newest that is named, per ABI; at and below it the default action. */
static void newer_calls_do_not_exist(void **state)
{
	static const char *const with[] = { "'SCMP_ACT_ERRNO'", "'SCMP_ACT_KILL'",
					    "'SCMP_ACT_KILL_PROCESS'", "'SCMP_ACT_TRAP'" };

	for (size_t d = 0; d < G_N_ELEMENTS(with); d++) {
		g_autofree char *text = g_strdup_printf(
			"{'defaultAction':%s," ARCHS ",'syscalls':[{'names':['read','openat'],"
			"'action':'SCMP_ACT_ALLOW'},{'names':['statx'],"
			"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':1,"
			"'op':'SCMP_CMP_EQ'}]}]}",
			with[d]);
		json_t *profile = profile_of(text);
		struct sock_fprog filter = compiled(profile);

		for (size_t i = 0; i < G_N_ELEMENTS(abis); i++) {
			uint32_t newest = seccomp_syscall_resolve_name_arch(abis[i], "statx");
			uint32_t fallback = run_number(&filter, abis[i], newest);

			assert_int_not_equal(fallback, SECCOMP_RET_ALLOW);
			assert_int_not_equal(fallback, SECCOMP_RET_ERRNO | ENOSYS);
			assert_int_equal(run_number(&filter, abis[i], newest - 1), fallback);
			assert_int_equal(
				run_number(&filter, abis[i],
					   seccomp_syscall_resolve_name_arch(abis[i], "openat")),
				SECCOMP_RET_ALLOW);
			for (uint32_t nr = newest + 1; nr < newest + 300; nr++)
				assert_int_equal(run_number(&filter, abis[i], nr),
						 SECCOMP_RET_ERRNO | ENOSYS);
		}
		g_free(filter.filter);
		json_decref(profile);
	}
}

static void what_is_allowed_anyway_stays_so(void **state)
{
	static const char *const with[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE" };

	for (size_t d = 0; d < G_N_ELEMENTS(with); d++) {
		g_autofree char *text = g_strdup_printf("{'defaultAction':'%s'," ARCHS
							",'syscalls':[{'names':"
							"['read'],'action':'SCMP_ACT_KILL'}]}",
							with[d]);
		json_t *profile = profile_of(text);
		struct sock_fprog filter = compiled(profile);

		for (size_t i = 0; i < G_N_ELEMENTS(abis); i++) {
			uint32_t bit = abis[i] == SCMP_ARCH_X32 ? 0x40000000 : 0;

			assert_int_equal(run_number(&filter, abis[i], bit | 999),
					 run_number(&filter, abis[i], bit | 200));
			assert_int_not_equal(run_number(&filter, abis[i], bit | 999),
					     SECCOMP_RET_ERRNO | ENOSYS);
		}
		g_free(filter.filter);
		json_decref(profile);
	}
}

/* The ABIs that are not listed are no way around the filter. */
static void other_abis_are_killed(void **state)
{
	json_t *profile = profile_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':"
				     "['read'],'action':'SCMP_ACT_ALLOW'}]}");
	struct sock_fprog filter = compiled(profile);

	for (size_t i = 0; i < G_N_ELEMENTS(abis); i++) {
		uint32_t nr = seccomp_syscall_resolve_name_arch(abis[i], "read");

		if (abis[i] == seccomp_arch_native())
			continue;
		assert_int_equal(run_number(&filter, abis[i], nr), SECCOMP_RET_KILL_THREAD);
		assert_int_equal(run_number(&filter, abis[i], nr | 0xfff), SECCOMP_RET_KILL_THREAD);
	}
	g_free(filter.filter);
	json_decref(profile);
}

/*
 * The property: for random profiles, the filter decides as a plain reading of the rules does.
 */
static const char *const names[] = { "read", "write", "openat", "close", "ioctl", "statx", "dup3" };
static const char *const ops[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	      "SCMP_CMP_EQ",
				   "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ" };
static const struct {
	const char *name;
	uint32_t value;
} some_actions[] = { { "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
		     { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM },
		     { "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		     { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		     { "SCMP_ACT_LOG", SECCOMP_RET_LOG } };

/*
 * The first ones fit 32 bits. To an ABI with 32-bit arguments the others would be conditions that
 * always or never hold, so profiles with them are tried with 64-bit ABIs only. The same is true of
 * a mask of 0, which none of these is.
 */
static uint64_t some_value(GRand *rand, bool wide)
{
	static const uint64_t values[] = {
		1, 2, 3, 0x80000000, 0xffffffff, 0x100000000, 0x100000001, 0x7fffffffffffffff
	};

	return values[g_rand_int_range(rand, 0, wide ? G_N_ELEMENTS(values) : 5)];
}

static json_t *some_rule(GRand *rand, bool wide)
{
	json_t *rule = json_object(), *list = json_array(), *args = json_array();
	int first = g_rand_int_range(rand, 0, 4), n_args = g_rand_int_range(rand, -1, 4);

	for (int i = g_rand_int_range(rand, 1, 4); i > 0; i--)
		json_array_append_new(
			list, json_string(names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))]));
	for (int i = 0; i < n_args; i++)
		json_array_append_new(
			args, json_pack("{s:i, s:I, s:I, s:s}", "index",
					g_rand_int_range(rand, 0, 8) ? (first + i) % 3 : first % 3,
					"value", (json_int_t)some_value(rand, wide), "valueTwo",
					(json_int_t)some_value(rand, wide), "op",
					ops[g_rand_int_range(rand, 0, G_N_ELEMENTS(ops))]));
	json_object_set_new(rule, "names", list);
	json_object_set_new(rule, "action",
			    json_string(some_actions[g_rand_int_range(rand, 0, 5)].name));
	json_object_set_new(rule, "args", args);
	return rule;
}

static json_t *some_profile(GRand *rand, bool wide)
{
	json_t *rules = json_array();

	for (int i = g_rand_int_range(rand, 0, 12); i > 0; i--)
		json_array_append_new(rules, some_rule(rand, wide));
	return json_pack("{s:s, s:[s,s,s,s], s:o}", "defaultAction",
			 some_actions[g_rand_int_range(rand, 0, 5)].name, "architectures",
			 "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64",
			 "syscalls", rules);
}

static uint32_t action_value(json_t *object, const char *key)
{
	const char *name = json_string_value(json_object_get(object, key));

	for (size_t i = 0; i < G_N_ELEMENTS(some_actions); i++)
		if (strcmp(name, some_actions[i].name) == 0)
			return some_actions[i].value;
	fail();
	return 0;
}

static bool holds(json_t *arg, const uint64_t *args, uint64_t mask)
{
	const char *op = json_string_value(json_object_get(arg, "op"));
	uint64_t a = args[json_integer_value(json_object_get(arg, "index"))] & mask;
	uint64_t v = (uint64_t)json_integer_value(json_object_get(arg, "value")) & mask;
	uint64_t v2 = (uint64_t)json_integer_value(json_object_get(arg, "valueTwo")) & mask;

	return strcmp(op, "SCMP_CMP_NE") == 0	? a != v
	       : strcmp(op, "SCMP_CMP_LT") == 0 ? a < v
	       : strcmp(op, "SCMP_CMP_LE") == 0 ? a <= v
	       : strcmp(op, "SCMP_CMP_EQ") == 0 ? a == v
	       : strcmp(op, "SCMP_CMP_GE") == 0 ? a >= v
	       : strcmp(op, "SCMP_CMP_GT") == 0 ? a > v
						: (a & v) == (v2 & v);
}

/* Do the rule's conditions hold? On one argument any of them, else all. */
static bool matches(json_t *rule, const uint64_t *args, uint64_t mask)
{
	json_t *list = json_object_get(rule, "args"), *arg;
	unsigned int seen = 0;
	size_t i, held = 0;
	bool any = false;

	json_array_foreach(list, i, arg)
	{
		unsigned int bit = 1U << json_integer_value(json_object_get(arg, "index"));

		any = any || (seen & bit);
		seen |= bit;
		held += holds(arg, args, mask);
	}
	return any ? held > 0 : held == json_array_size(list);
}

static bool names_it(json_t *rule, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(rule, "names"), i, item)
	{
		if (strcmp(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

/*
 * The actions that the rules ask for: one is certain, several are a conflict between conditional
 * rules, of which the specification says nothing.
 */
static GHashTable *expected(json_t *profile, const char *name, const uint64_t *args, uint64_t mask)
{
	GHashTable *set = g_hash_table_new(NULL, NULL);
	uint32_t fallback = action_value(profile, "defaultAction");
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
	{
		uint32_t action = action_value(rule, "action");

		if (action == fallback || !names_it(rule, name) || !matches(rule, args, mask))
			continue;
		if (json_array_size(json_object_get(rule, "args")) == 0) {
			g_hash_table_remove_all(set);
			g_hash_table_add(set, GUINT_TO_POINTER(action));
			return set;
		}
		if (g_hash_table_size(set) == 0)
			g_hash_table_add(set, GUINT_TO_POINTER(action));
	}
	if (g_hash_table_size(set) == 0)
		g_hash_table_add(set, GUINT_TO_POINTER(fallback));
	return set;
}

static bool too_new(json_t *profile, uint32_t token, const char *name)
{
	uint32_t fallback = action_value(profile, "defaultAction");
	int newest = 0, nr = seccomp_syscall_resolve_name_arch(token, name);
	json_t *rule;
	size_t i;

	if (fallback == SECCOMP_RET_ALLOW || fallback == SECCOMP_RET_LOG)
		return false;
	json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
	{
		for (size_t k = 0; k < G_N_ELEMENTS(names); k++)
			if (names_it(rule, names[k]))
				newest = MAX(newest,
					     seccomp_syscall_resolve_name_arch(token, names[k]));
	}
	return newest > 0 && nr > newest;
}

/* To libseccomp x32 has 32-bit arguments: it looks at no more of them. */
static bool is_narrow(uint32_t token)
{
	return token == SCMP_ARCH_X86 || token == SCMP_ARCH_X32;
}

static void check_decision(json_t *profile, const struct sock_fprog *filter, uint32_t token,
			   const char *name, const uint64_t *args)
{
	struct seccomp_data data = { .nr = seccomp_syscall_resolve_name_arch(token, name),
				     .arch = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token };
	uint64_t mask = is_narrow(token) ? UINT32_MAX : UINT64_MAX;
	GHashTable *set = expected(profile, name, args, mask);
	uint32_t got;

	for (int i = 0; i < 3; i++)
		data.args[i] = token == SCMP_ARCH_X86 ? args[i] & mask : args[i];
	got = bpf_run(filter, &data);
	if (too_new(profile, token, name) ? got != (SECCOMP_RET_ERRNO | ENOSYS)
					  : !g_hash_table_contains(set, GUINT_TO_POINTER(got))) {
		char *text = json_dumps(profile, JSON_COMPACT);

		fail_msg("%s: arch %x, %s(%llx, %llx, %llx) = %x", text, token, name,
			 (unsigned long long)args[0], (unsigned long long)args[1],
			 (unsigned long long)args[2], got);
	}
	g_hash_table_destroy(set);
}

static void filters_decide_as_the_rules_read(void **state)
{
	const char *seed_text = g_getenv("SECCOMP_SEED");
	uint32_t seed = seed_text ? strtoul(seed_text, NULL, 0) : (uint32_t)getpid();
	GRand *rand = g_rand_new_with_seed(seed);
	int refused = 0;

	print_message("SECCOMP_SEED=%u\n", seed);
	for (int round = 0; round < 400; round++) {
		bool wide = g_rand_boolean(rand);
		json_t *profile = some_profile(rand, wide);
		g_autoptr(GError) error = NULL;
		struct sock_fprog filter = { 0 };

		if (!seccomp_compile(profile, &filter, &error)) {
			/* Counted, to see the seed first. */
			refused++;
			json_decref(profile);
			continue;
		}
		for (int i = 0; i < 200; i++) {
			uint64_t args[3] = { some_value(rand, true), some_value(rand, true),
					     some_value(rand, true) };
			uint32_t abi = abis[g_rand_int_range(rand, 0, G_N_ELEMENTS(abis))];

			if (wide && is_narrow(abi))
				continue;
			args[g_rand_int_range(rand, 0, 3)] = 0;

			check_decision(profile, &filter, abi,
				       names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))], args);
		}
		g_free(filter.filter);
		json_decref(profile);
	}
	assert_int_equal(refused, 0);
	g_rand_free(rand);
}

static int load(const struct seccomp *s)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags, &s->filter);
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* An old profile: it allows everything up to a call that is older than clone3. */
static json_t *old_profile(void)
{
	json_t *list = json_array();
	json_t *archs = seccomp_default_architectures();
	int newest = seccomp_syscall_resolve_name("statx");

	for (int nr = 0; nr <= newest; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);

		if (name)
			json_array_append_new(list, json_string(name));
		free(name);
	}
	return json_pack("{s:s, s:o, s:[{s:o, s:s}]}", "defaultAction", "SCMP_ACT_ERRNO",
			 "architectures", archs, "syscalls", "names", list, "action",
			 "SCMP_ACT_ALLOW");
}

/* In the kernel: the C library's ways back from clone3, faccessat2 and close_range. */
static void the_c_library_falls_back(void **state)
{
	json_t *profile = old_profile();
	struct seccomp s;
	pid_t pid;

	assert_true(seccomp_prepare(profile, -1, &s, NULL));
	pid = fork();
	if (pid == 0) {
		if (load(&s) < 0)
			_exit(1);
		if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
			_exit(2);
		if (syscall(SYS_close_range, 1000, 1001, 0) != -1 || errno != ENOSYS)
			_exit(3);
		if (faccessat(AT_FDCWD, "/", R_OK, AT_EACCESS) < 0)
			_exit(4);
		/* posix_spawn() and clone3 in it. */
		_exit(system("exit 7") == 7 << 8 ? 0 : 5);
	}
	assert_int_equal(status_of(pid), 0);
	seccomp_clear(&s);
	json_decref(profile);
}

#ifdef __x86_64__
static long call_32(long nr)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(0), "c"(0), "d"(0) : "memory");
	return r;
}

static void the_32_bit_entry_is_filtered(void **state)
{
	json_t *profile = profile_of("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':"
				     "['swapoff'],'action':'SCMP_ACT_ERRNO','errnoRet':99}]}");
	struct seccomp s;
	pid_t pid;

	json_object_set_new(profile, "architectures", seccomp_default_architectures());
	assert_true(seccomp_prepare(profile, -1, &s, NULL));
	pid = fork();
	if (pid == 0) {
		/* getpid() of i386 is 20, swapoff() 115; kernels without the ABI: SIGSEGV. */
		if (load(&s) < 0 || call_32(20) != getpid())
			_exit(1);
		_exit(call_32(115) == -99 ? 0 : 2);
	}
	assert_int_equal(status_of(pid), 0);
	seccomp_clear(&s);
	json_decref(profile);
}
#endif

static int cache_root(char *path, size_t size)
{
	int fd;

	g_snprintf(path, size, "%s/seccomp-test.XXXXXX", g_get_tmp_dir());
	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int each_cached(int root, void (*fn)(int dir, const char *name))
{
	int fd = openat(root, ".seccomp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int n = 0;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && ++n && fn)
			fn(fd, e->d_name);
	if (dir)
		closedir(dir);
	return n;
}

static void remove_it(int dir, const char *name)
{
	unlinkat(dir, name, 0);
}

static void remove_cache(int root, const char *path)
{
	each_cached(root, remove_it);
	unlinkat(root, ".seccomp", AT_REMOVEDIR);
	close(root);
	rmdir(path);
}

/* Is the filter of @profile taken from the cache? It must be the compiler's either way. */
static bool cached(json_t *profile, int root)
{
	struct sock_fprog fresh = compiled(profile);
	struct seccomp s;
	bool r;

	assert_true(seccomp_prepare(profile, root, &s, NULL));
	assert_int_equal(s.filter.len, fresh.len);
	assert_memory_equal(s.filter.filter, fresh.filter, fresh.len * sizeof(struct sock_filter));
	r = s.from_cache;
	seccomp_clear(&s);
	g_free(fresh.filter);
	return r;
}

static void cut(int dir, const char *name)
{
	struct stat st;
	autofd fd = openat(dir, name, O_RDWR | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(ftruncate(fd, st.st_size - 8), 0);
}

static void flip(int dir, const char *name)
{
	autofd fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	struct stat st;
	char c;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &c, 1, st.st_size - 5), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, st.st_size - 5), 1);
}

static void open_to_others(int dir, const char *name)
{
	assert_int_equal(fchmodat(dir, name, 0666, 0), 0);
}

static void by_another_format(int dir, const char *name)
{
	autofd fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "cloister seccomp 0", 18, 0), 18);
}

static void filters_are_kept(void **state)
{
	void (*const damage[])(int, const char *) = { cut, flip, open_to_others, remove_it,
						      by_another_format };
	json_t *profile = old_profile();
	char path[4096];
	int root = cache_root(path, sizeof(path));
	struct stat st;

	assert_false(cached(profile, root));
	assert_true(cached(profile, root));
	assert_int_equal(fstatat(root, ".seccomp", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(each_cached(root, NULL), 1);
	for (size_t i = 0; i < G_N_ELEMENTS(damage); i++) {
		each_cached(root, damage[i]);
		assert_false(cached(profile, root));
		assert_true(cached(profile, root));
	}
	json_object_set_new(profile, "defaultErrnoRet", json_integer(2));
	assert_false(cached(profile, root));
	json_decref(profile);
	remove_cache(root, path);
}

static void the_cache_is_bounded(void **state)
{
	char path[4096];
	int root = cache_root(path, sizeof(path));
	json_t *used = profile_of("{'defaultAction':'SCMP_ACT_ALLOW'}");

	assert_false(cached(used, root));
	for (int i = 0; i < 200; i++) {
		g_autofree char *text = g_strdup_printf(
			"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':%d}", i);
		json_t *profile = profile_of(text);

		assert_false(cached(profile, root));
		/* What is used stays. */
		assert_true(cached(used, root));
		json_decref(profile);
	}
	assert_int_equal(each_cached(root, NULL), 64);
	json_decref(used);
	remove_cache(root, path);
}

static void a_cache_of_others_is_not_used(void **state)
{
	char path[4096];
	int root = cache_root(path, sizeof(path));
	json_t *profile = profile_of("{'defaultAction':'SCMP_ACT_ALLOW'}");

	assert_int_equal(mkdirat(root, ".seccomp", 0700), 0);
	assert_int_equal(fchmodat(root, ".seccomp", 0777, 0), 0);
	assert_false(cached(profile, root));
	assert_int_equal(each_cached(root, NULL), 0);
	unlinkat(root, ".seccomp", AT_REMOVEDIR);
	assert_int_equal(symlinkat("/", root, ".seccomp"), 0);
	assert_false(cached(profile, root));
	unlinkat(root, ".seccomp", 0);
	json_decref(profile);
	remove_cache(root, path);
}

static void flags_are_the_kernels(void **state)
{
	json_t *profile = profile_of(
		"{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_TSYNC',"
		"'SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_SPEC_ALLOW',"
		"'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}");
	struct seccomp s;
	pid_t pid;

	assert_true(seccomp_prepare(profile, -1, &s, NULL));
	assert_int_equal(s.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_false(s.listener);
	pid = fork();
	if (pid == 0)
		_exit(load(&s) == 0 ? 0 : 1);
	assert_int_equal(status_of(pid), 0);
	seccomp_clear(&s);
	json_decref(profile);
}

/* The agent: takes one message with one descriptor, and answers one notification with -EXDEV. */
static int serve(int listening, json_t **message)
{
	int conn = accept(listening, NULL, NULL), fd = -1;
	struct seccomp_notif *req = calloc(1, 4096);
	struct seccomp_notif_resp resp = { .error = -EXDEV };
	char text[65536];
	size_t n_fds = 0;
	ssize_t n, more;

	n = fd_recv(conn, text, sizeof(text), &fd, 1, &n_fds);
	assert_true(n > 0);
	assert_int_equal(n_fds, 1);
	while ((more = read(conn, text + n, sizeof(text) - n)) > 0)
		n += more;
	close(conn);
	*message = json_loadb(text, n, 0, NULL);
	assert_non_null(*message);
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, req), 0);
	resp.id = req->id;
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp), 0);
	free(req);
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* The process that is filtered: passes its listener to @to, and has one call answered by it. */
static int be_notified(const struct seccomp *s, int to)
{
	int fd = load(s);

	if (fd < 0 || fd_send(to, "x", 1, &fd, 1) < 0)
		return 1;
	return mkdirat(-1, "nothing", 0) < 0 && errno == EXDEV ? 0 : 2;
}

/* What the agent is told; see struct seccomp_process in the test below. */
static void assert_told(const json_t *message, const char *metadata)
{
	json_t *state = json_object_get(message, "state"), *fds = json_object_get(message, "fds");

	assert_string_equal(json_string_value(json_object_get(state, "id")), "id");
	assert_string_equal(json_string_value(json_object_get(state, "bundle")), "/bundle");
	assert_string_equal(json_string_value(json_object_get(state, "status")), "created");
	assert_int_equal(json_integer_value(json_object_get(state, "pid")), 77);
	assert_non_null(json_object_get(json_object_get(state, "annotations"), "a"));
	assert_non_null(json_object_get(state, "ociVersion"));
	assert_non_null(json_object_get(message, "ociVersion"));
	assert_int_equal(json_integer_value(json_object_get(message, "pid")), 78);
	assert_string_equal(json_string_value(json_object_get(message, "metadata")), metadata);
	assert_int_equal(json_array_size(fds), 1);
	assert_string_equal(json_string_value(json_array_get(fds, 0)), "seccompFd");
}

static void an_agent_gets_the_listener(void **state)
{
	g_autofree char *dir = g_strdup_printf("%s/seccomp-agent.XXXXXX", g_get_tmp_dir());
	g_autofree char *path = NULL, *long_path = NULL, *padding = g_strnfill(5000, 'm');
	json_t *profile, *message = NULL;
	struct seccomp_process who = { "id", "/bundle", "created", 77, 78, NULL };
	struct seccomp s;
	int listening, fd, pair[2];
	pid_t pid, sender;
	char c;
	size_t n;

	assert_non_null(mkdtemp(dir));
	path = g_build_filename(dir, "agent.sock", NULL);
	/* The same, longer than the address of a socket can be. */
	long_path = g_strdup_printf("%s/%s%s/agent.sock", dir,
				    "././././././././././././././././././././././././././././././"
				    "././././././././././././././././././././",
				    ".");
	profile = json_pack("{s:s, s:s, s:s, s:[s], s:[{s:[s], s:s}]}", "defaultAction",
			    "SCMP_ACT_ALLOW", "listenerPath", long_path, "listenerMetadata",
			    padding, "flags", "SECCOMP_FILTER_FLAG_TSYNC", "syscalls", "names",
			    "mkdirat", "action", "SCMP_ACT_NOTIFY");
	who.annotations = json_pack("{s:s}", "a", "b");
	assert_true(seccomp_prepare(profile, -1, &s, NULL));
	assert_true(s.listener);

	/* Nobody is there. */
	{
		g_autoptr(GError) error = NULL;

		assert_false(seccomp_deliver_listener(&s, &who, 0, &error));
		assert_non_null(strstr(error->message, "agent.sock"));
	}
	listening = listen_at(path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	pid = fork();
	if (pid == 0)
		_exit(be_notified(&s, pair[1]));
	assert_int_equal(fd_recv(pair[0], &c, 1, &fd, 1, &n), 1);
	sender = fork();
	if (sender == 0)
		_exit(seccomp_deliver_listener(&s, &who, fd, NULL) ? 0 : 1);
	close(fd);
	fd = serve(listening, &message);
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(status_of(sender), 0);
	assert_told(message, padding);

	close(fd);
	close(listening);
	close(pair[0]);
	close(pair[1]);
	seccomp_clear(&s);
	json_decref(who.annotations);
	json_decref(message);
	json_decref(profile);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action),
		cmocka_unit_test(defaults),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(unknown_names_are_skipped),
		cmocka_unit_test(one_call_in_several_entries),
		cmocka_unit_test(conditions_on_one_argument_are_alternatives),
		cmocka_unit_test(conflicts_have_an_order),
		cmocka_unit_test(newer_calls_do_not_exist),
		cmocka_unit_test(what_is_allowed_anyway_stays_so),
		cmocka_unit_test(other_abis_are_killed),
		cmocka_unit_test(filters_decide_as_the_rules_read),
		cmocka_unit_test(the_c_library_falls_back),
#ifdef __x86_64__
		cmocka_unit_test(the_32_bit_entry_is_filtered),
#endif
		cmocka_unit_test(filters_are_kept),
		cmocka_unit_test(the_cache_is_bounded),
		cmocka_unit_test(a_cache_of_others_is_not_used),
		cmocka_unit_test(flags_are_the_kernels),
		cmocka_unit_test(an_agent_gets_the_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
