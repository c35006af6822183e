/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Malformed and hostile documents: each gives one line that names the property, whatever is in it.
 * And what Cloister refuses of well-formed ones: the host's namespaces, mappings that isolate
 * nothing.
 */
#include "config.h"

#include "spec-text.h"

static const struct {
	const char *text, *word;
} table[] = {
	/* Not a document at all */
	{ "", "text:" },
	{ "[]", "not a JSON object" },
	{ "[1,2", "text:" },
	{ "{'ociVersion':'1.0.0','ociVersion':'1.0.0'}", "duplicate" },
	{ "{'ociVersion':'1.0.0'", "text:" },
	{ "{'ociVersion':'1.0.0'} x", "text:" },
	{ "{'ociVersion':'1.0.0\n','root':{'path':'r'}}", "text:" },
	{ "{'ociVersion':'1.0.0','root':{'path':'r\\u0000x'}}", "text:" },
	{ "{'ociVersion':'1.0.0','root':{'path':'\xff\xfe'}}", "text:" },
	{ "{'ociVersion':'1.0.0','root':{'path':'\xc3('}}", "text:" },
	{ "{'ociVersion':'1.0.0','x':99999999999999999999999}", "text:" },

	/* The root */
	{ "{'ociVersion':'1.0.0'}", "root.path: is missing" },
	{ "{'ociVersion':'1.0.0','root':'r'}", "root: is a string" },
	{ "{'ociVersion':'1.0.0','root':{'path':''}}", "root.path: is empty" },
	{ "{'ociVersion':'1.0.0','root':{'path':7}}", "root.path: is an integer" },
	{ "{'ociVersion':'1.0.0','root':{'path':'r','readonly':1}}", "root.readonly" },

	/* Types */
	{ WITH("'mounts':{}"), "mounts: is an object; give an array" },
	{ WITH("'mounts':[7]"), "mounts[0]: is an integer" },
	{ WITH("'linux':[]"), "linux: is an array" },
	{ WITH("'hooks':[]"), "hooks: is an array" },
	{ WITH("'hooks':{'prestart':{}}"), "hooks.prestart" },
	{ WITH("'hooks':{'prestart':['x']}"), "hooks.prestart[0]" },
	{ WITH("'hooks':{'prestart':[{}]}"), "hooks.prestart[0].path: is missing" },
	{ WITH("'hooks':{'prestart':[{'path':'/x','args':'x'}]}"), "hooks.prestart[0].args" },
	{ WITH("'hooks':{'prestart':[{'path':'/x','env':[1]}]}"), "hooks.prestart[0].env[0]" },
	{ WITH("'hooks':{'poststart':[{'path':'/x','timeout':-1}]}"),
	  "hooks.poststart[0].timeout" },
	{ WITH("'hooks':{'poststart':[{'path':'/x','timeout':1.5}]}"), "timeout: is a fraction" },
	{ WITH("'hooks':{'poststart':[{'path':'/x','timeout':'1'}]}"), "timeout: is a string" },
	{ WITH("'hooks':{'poststart':[{'path':'../x'}]}"), "hooks.poststart[0].path" },
	{ WITH("'annotations':[]"), "annotations" },
	{ WITH("'hostname':7"), "hostname" },
	{ WITH("'linux':{'namespaces':[{'type':'uts'}]},'hostname':"
	       "'hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh'"),
	  "hostname: is 65 bytes long" },

	/* The process */
	{ "{" SPEC_TOP ",'process':[]}", "process: is an array" },
	{ "{" SPEC_TOP ",'process':{'args':'sh','cwd':'/'}}", "process.args: is a string" },
	{ "{" SPEC_TOP ",'process':{'args':['sh',7],'cwd':'/'}}", "process.args[1]" },
	{ WITH_PROCESS("'terminal':'yes'"), "process.terminal" },
	{ WITH_PROCESS("'env':{}"), "process.env" },
	{ WITH_PROCESS("'env':['A=1',null]"), "process.env[1]: is null" },
	{ WITH_PROCESS("'env':['NOVALUE']"), "NOVALUE" },
	{ WITH_PROCESS("'env':['=x']"), "process.env" },
	{ WITH_PROCESS("'user':7"), "process.user" },
	{ WITH_PROCESS("'user':{'uid':-1}"), "process.user.uid: -1" },
	{ WITH_PROCESS("'user':{'uid':4294967295}"), "process.user.uid" },
	{ WITH_PROCESS("'user':{'uid':18446744073709551615}"), "process.user.uid" },
	{ WITH_PROCESS("'user':{'uid':'root'}"), "process.user.uid: is a string" },
	{ WITH_PROCESS("'user':{'gid':1.0}"), "process.user.gid" },
	{ WITH_PROCESS("'user':{'umask':4096}"), "process.user.umask" },
	{ WITH_PROCESS("'user':{'additionalGids':[0,-1]}"), "process.user.additionalGids" },
	{ WITH_PROCESS("'user':{'additionalGids':['wheel']}"), "process.user.additionalGids" },
	{ WITH_PROCESS("'capabilities':[]"), "process.capabilities" },
	{ WITH_PROCESS("'capabilities':{'bounding':'CAP_KILL'}"), "process.capabilities.bounding" },
	{ WITH_PROCESS("'capabilities':{'ambient':[1]}"), "process.capabilities.ambient[0]" },
	{ WITH_PROCESS("'rlimits':{}"), "process.rlimits" },
	{ WITH_PROCESS("'rlimits':[{'soft':1,'hard':1}]"), "process.rlimits[0].type" },
	{ WITH_PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':2,'hard':1}]"),
	  "process.rlimits[0]" },
	{ WITH_PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':'1','hard':1}]"), "[0].soft" },
	{ WITH_PROCESS("'rlimits':[{'type':'rlimit_cpu','soft':1,'hard':1}]"), "rlimit_cpu" },
	{ WITH_PROCESS("'oomScoreAdj':'-5'"), "process.oomScoreAdj" },
	{ WITH_PROCESS("'oomScoreAdj':-1001"), "process.oomScoreAdj" },
	{ WITH_PROCESS("'noNewPrivileges':0"), "process.noNewPrivileges" },
	{ WITH_PROCESS("'apparmorProfile':'a\\nb'"), "process.apparmorProfile" },
	{ WITH_PROCESS("'selinuxLabel':[]"), "process.selinuxLabel" },
	{ WITH_PROCESS("'ioPriority':{}"), "process.ioPriority.class" },
	{ WITH_PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_NONE'}"), "process.ioPriority.class" },
	{ WITH_PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_RT','priority':8}"), "priority" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_ISO'}"), "process.scheduler.policy" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_FIFO'}"), "process.scheduler.priority" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_FIFO','priority':100}"), "priority" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_OTHER','priority':1}"), "priority" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_OTHER','nice':20}"),
	  "process.scheduler.nice" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_IDLE','nice':1}"), "process.scheduler.nice" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_OTHER','runtime':1}"), "process.scheduler" },
	{ WITH_PROCESS("'scheduler':{'policy':'SCHED_OTHER','flags':['X']}"), "flags" },
	{ WITH_PROCESS("'execCPUAffinity':{'initial':'all'}"), "process.execCPUAffinity.initial" },
	{ WITH_PROCESS("'terminal':true,'consoleSize':{'height':70000,'width':1}"), "height" },

	/* Mounts */
	{ WITH_MOUNT("{}"), "mounts[0].destination: is missing" },
	{ WITH_MOUNT("{'destination':'/','type':'tmpfs'}"), "mounts[0].destination" },
	{ WITH_MOUNT("{'destination':'/a/..','type':'tmpfs'}"), "mounts[0].destination" },
	{ WITH_MOUNT("{'destination':'//','type':'tmpfs'}"), "mounts[0].destination" },
	{ WITH_MOUNT("{'destination':'','type':'tmpfs'}"), "mounts[0].destination" },
	{ WITH_MOUNT("{'destination':'/x'}"), "mounts[0].type" },
	{ WITH_MOUNT("{'destination':'/x','type':'none'}"), "mounts[0].type" },
	{ WITH_MOUNT("{'destination':'/x','options':['bind']}"), "mounts[0].source: is missing" },
	{ WITH_MOUNT("{'destination':'/x','type':'tmpfs','options':'ro'}"), "mounts[0].options" },
	{ WITH_MOUNT("{'destination':'/x','type':'tmpfs','options':['ro',1]}"), "options[1]" },
	{ WITH_MOUNT("{'destination':'/x','type':'tmpfs','options':['ro,nosuid']}"), "ro,nosuid" },
	{ WITH_MOUNT("{'destination':'/x','type':'tmpfs','options':['remount']}"), "remount" },
	{ WITH_MOUNT("{'destination':'/x','type':'proc','options':['tmpcopyup']}"), "tmpcopyup" },
	{ WITH_MOUNT("{'destination':'/x','source':'/y','options':['bind','idmap=uids=0-1-2']}"),
	  "uidMappings" },
	{ WITH_MOUNT("{'destination':'/x','source':'/y','options':['bind'],'uidMappings':["
		     "{'containerID':0,'hostID':0}]}"),
	  "mounts[0].uidMappings[0].size: is missing" },
	{ WITH_MOUNT("{'destination':'/x','type':'tmpfs','annotations':{'a':true}}"),
	  "annotations" },

	/* Linux */
	{ WITH_LINUX("'namespaces':{}"), "linux.namespaces" },
	{ WITH_LINUX("'namespaces':[{'type':7}]"), "linux.namespaces[0].type" },
	{ WITH_LINUX("'namespaces':[{'type':'PID'}]"), "PID" },
	{ WITH_LINUX("'namespaces':[{'type':'pid','path':7}]"), "linux.namespaces[0].path" },
	{ WITH_LINUX("'uidMappings':[{'containerID':0,'hostID':1,'size':0}]"),
	  "uidMappings[0].size" },
	{ WITH_LINUX("'uidMappings':[{'containerID':-1,'hostID':1,'size':1}]"), "containerID" },
	{ WITH_LINUX("'uidMappings':[{'containerID':0,'hostID':1,'size':4294967296}]"), "size" },
	{ WITH_LINUX("'uidMappings':[{'containerID':0,'hostID':4294901761,'size':65536}]"),
	  "beyond" },
	{ WITH_LINUX("'gidMappings':[{'containerID':4294967290,'hostID':1,'size':6}]"), "beyond" },
	{ WITH_LINUX("'gidMappings':[{'containerID':'0','hostID':1,'size':6}]"),
	  "linux.gidMappings[0].containerID: is a string" },
	{ WITH_LINUX("'devices':[{'type':'c','major':1,'minor':1}]"), "linux.devices[0].path" },
	{ WITH_LINUX("'devices':[{'path':'dev/x','type':'c','major':1,'minor':1}]"), "path" },
	{ WITH_LINUX("'devices':[{'path':'/dev/x','type':'char','major':1,'minor':1}]"), "type" },
	{ WITH_LINUX("'devices':[{'path':'/dev/x','type':'c','major':4096,'minor':1}]"), "major" },
	{ WITH_LINUX("'devices':[{'path':'/dev/x','type':'b','major':-1,'minor':1}]"), "major" },
	{ WITH_LINUX("'devices':[{'path':'/dev/x','type':'b','major':1,'minor':1048576}]"),
	  "minor" },
	{ WITH_LINUX("'maskedPaths':['proc/kcore']"), "linux.maskedPaths" },
	{ WITH_LINUX("'readonlyPaths':['/proc',7]"), "linux.readonlyPaths[1]" },
	{ WITH_LINUX("'cgroupsPath':['a']"), "linux.cgroupsPath" },
	{ WITH_LINUX("'cgroupsPath':'..'"), "linux.cgroupsPath" },
	{ WITH_LINUX("'cgroupsPath':'a/..'"), "linux.cgroupsPath" },
	{ WITH_LINUX("'cgroupsPath':'a\\nb'"), "linux.cgroupsPath" },
	{ WITH_LINUX("'rootfsPropagation':'ro'"), "linux.rootfsPropagation" },
	{ WITH_LINUX("'mountLabel':'a\\\"b'"), "linux.mountLabel" },
	{ WITH_LINUX("'personality':{'domain':'LINUX','flags':['X']}"), "linux.personality.flags" },
	{ WITH_LINUX("'resources':[]"), "linux.resources" },
	{ WITH_LINUX("'seccomp':'x'"), "linux.seccomp" },
	{ WITH_LINUX("'sysctl':['x']"), "linux.sysctl" },
	{ WITH_LINUX("'sysctl':{'net.ipv4.ip_forward':1}"), "linux.sysctl" },
	{ WITH_LINUX("'sysctl':{'net/../kernel/x':'1'}"), "linux.sysctl" },
	{ WITH_LINUX("'sysctl':{'/etc/passwd':'1'}"), "linux.sysctl" },
	{ WITH_LINUX("'intelRdt':{'closID':'../x'}"), "linux.intelRdt.closID" },
	{ WITH_LINUX("'intelRdt':{'memBwSchema':'L3:0=f'}"), "linux.intelRdt.memBwSchema" },
	{ WITH_LINUX("'memoryPolicy':{'mode':'MPOL_X'}"), "linux.memoryPolicy.mode" },
	{ WITH_LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'x'}"),
	  "linux.memoryPolicy.nodes" },
	{ WITH_LINUX("'memoryPolicy':{'mode':'MPOL_BIND','flags':['MPOL_F_X']}"), "flags" },
	{ WITH_LINUX("'namespaces':[{'type':'network'}],'netDevices':{'a/b':{}}"), "netDevices" },
	{ WITH_LINUX("'namespaces':[{'type':'network'}],'netDevices':{'a':7}"), "netDevices" },
	{ WITH_LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{'monotonic':7}"), "monotonic" },
	{ WITH_LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{'monotonic':{'secs':'1'}}"),
	  "linux.timeOffsets.monotonic.secs" },
};

static void each_malformed_document_gives_one_line(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		spec_refuses(table[i].text, table[i].word);
}

/* Names of the document show up in errors: newlines, escapes and megabytes must not. */
static void names_do_not_break_the_line(void **state)
{
	g_autofree char *long_name = g_strnfill(100000, 'x');
	g_autofree char *text = g_strdup_printf(
		WITH_LINUX("'namespaces':[{'type':'%.3000s'}],'sysctl':{'a':''}"), long_name);
	g_autofree char *key = g_strdup_printf(WITH_LINUX("'sysctl':{'%s':1}"), long_name);

	spec_refuses(text, "linux.namespaces[0].type");
	spec_refuses(key, "linux.sysctl");
	spec_refuses(WITH_LINUX("'namespaces':[{'type':'a\\nb\\u001b[31m\\u007f'}]"), "a?b?[31m?");
	spec_refuses(WITH("'annotations':{'a\\nb':1}"), "a?b");
}

static void overlong_strings_are_named(void **state)
{
	static const struct {
		const char *format, *word;
		size_t length;
	} cases[] = {
		{ WITH_MOUNT("{'destination':'/%s','type':'tmpfs'}"), "mounts[0].destination",
		  5000 },
		{ WITH_MOUNT("{'destination':'/x','type':'bind','source':'/%s'}"),
		  "mounts[0].source", 5000 },
		{ WITH_MOUNT("{'destination':'/x','type':'bind','source':'%s'}"),
		  "mounts[0].source", 4094 },
		{ WITH_MOUNT("{'destination':'/x','type':'%s'}"), "mounts[0].type", 300 },
		{ WITH_MOUNT("{'destination':'/x','type':'a','options':['%s']}"), "options[0]",
		  5000 },
		{ WITH_LINUX("'cgroupsPath':'/%s'"), "linux.cgroupsPath", 4001 },
		{ WITH_LINUX("'maskedPaths':['/%s']"), "linux.maskedPaths[0]", 5000 },
		{ WITH_PROCESS("'env':['A=%s']"), "process.env[0]", 4 << 20 },
		{ "{" SPEC_TOP ",'process':{'cwd':'/','args':['sh','%s']}}", "process.args[1]",
		  1 << 20 },
		{ "{" SPEC_TOP ",'process':{'args':['sh'],'cwd':'/%s'}}", "process.cwd", 5000 },
		{ "{'ociVersion':'1.0.0','root':{'path':'/%s'}}", "root.path", 5000 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *filling = g_strnfill(cases[i].length, 'x');
		g_auto(GStrv) parts = g_strsplit(cases[i].format, "%s", 2);
		g_autofree char *text = g_strconcat(parts[0], filling, parts[1], NULL);

		spec_refuses(text, cases[i].word);
	}
}

static void many_args_are_taken_until_the_kernel_would_not(void **state)
{
	g_autoptr(GString) text = g_string_new("{" SPEC_TOP ",'process':{'cwd':'/','args':['sh'");
	g_autofree char *arg = g_strnfill(65536, 'x');
	g_autofree char *taken = NULL;
	autospec spec = NULL;

	for (int i = 0; i < 16; i++)
		g_string_append_printf(text, ",'%s'", arg);
	taken = g_strconcat(text->str, "]}}", NULL);
	spec = spec_accepts(taken); /* 1 MiB */
	assert_int_equal(g_strv_length(spec->process.args), 17);
	for (int i = 0; i < 90; i++)
		g_string_append_printf(text, ",'%s'", arg);
	g_string_append(text, "]}}");
	spec_refuses(text->str, "process.args");
}

static void ten_thousand_mounts_are_taken(void **state)
{
	g_autoptr(GString) text = g_string_new("{" SPEC_TOP ",'mounts':[");
	autospec spec = NULL;

	for (int i = 0; i < 10000; i++)
		g_string_append_printf(text, "%s{'destination':'/m/%d','type':'tmpfs'}",
				       i ? "," : "", i);
	g_string_append(text, "]}");
	spec = spec_accepts(text->str);
	assert_int_equal(spec->mounts->len, 10000);
	assert_string_equal(spec_mount_at(spec, 9999)->destination, "/m/9999");
}

static void deep_nesting_is_refused(void **state)
{
	g_autofree char *open = g_strnfill(100000, '[');
	g_autofree char *text = g_strconcat("{'x':", open, NULL);

	spec_refuses(text, "text:");
}

static void a_NUL_from_elsewhere_is_refused(void **state)
{
	json_t *json = json_pack("{s:s, s:{s:s}, s:{s:s, s:[s%]}}", "ociVersion", "1.0.0", "root",
				 "path", "r", "process", "cwd", "/", "args", "a\0b", 3);
	g_autoptr(GError) error = NULL;

	assert_non_null(json);
	assert_null(spec_from_json(json, "/", &error));
	assert_error_line(error, "process.args[0]: contains a NUL byte");
}

/* @missing: "namespaces [...]", in brackets those that are missing, or "a network namespace" */
static void check_namespaces(const char *text, const char *missing)
{
	autospec spec = spec_accepts(text);
	g_autoptr(GError) error = NULL;
	g_autofree char *want = NULL;

	if (!missing) {
		assert_true(spec_check_namespaces(spec, &error));
		return;
	}
	assert_false(spec_check_namespaces(spec, &error));
	want = g_strdup_printf(
		"error in the container spec: invalid or unsupported container spec: cloister "
		"containers can't share %s with the host (because they use the linux "
		"user-namespace for isolation)",
		missing);
	assert_string_equal(error->message, want);
}

static void the_hosts_namespaces_are_refused_by_name(void **state)
{
	check_namespaces(WITH_LINUX(OWN_NAMESPACES "]"), NULL);
	check_namespaces(WITH_LINUX(OWN_NAMESPACES ",{'type':'user'}]"), NULL);
	check_namespaces(WITH_LINUX("'namespaces':[{'type':'pid','path':'/proc/1/ns/pid'},"
				    "{'type':'uts'},{'type':'mount'},{'type':'ipc'},"
				    "{'type':'network','path':'/run/netns/x'}]"),
			 NULL);
	check_namespaces(WITH_LINUX("'namespaces':[{'type':'uts'},{'type':'mount'},"
				    "{'type':'network'}]"),
			 "namespaces [ipc pid]");
	check_namespaces(WITH_LINUX("'namespaces':[{'type':'uts'},{'type':'mount'},{'type':'pid'},"
				    "{'type':'ipc'}]"),
			 "a network namespace");
	check_namespaces(WITH(""
			      "'linux':{}"),
			 "namespaces [ipc mount network pid uts]");
	check_namespaces("{" SPEC_TOP "}", "namespaces [ipc mount network pid uts]");
}

#define MAP(inside, outside, count)                                                                \
	"{'containerID':" #inside ",'hostID':" #outside ",'size':" #count "}"
#define MAPS(uid, gid)                                                                             \
	WITH_LINUX("'namespaces':[{'type':'user'}],'uidMappings':[" uid "],'gidMappings':[" gid "]")
#define SAME(map) MAPS(map, map)

static void check_mappings(const char *text, const char *word)
{
	autospec spec = spec_accepts(text);
	g_autoptr(GError) error = NULL;
	bool ok = spec_check_mappings(spec, &error);

	if (ok == (word != NULL))
		fail_msg("%s: %s", ok ? "accepted" : error->message, text);
	if (word)
		assert_error_line(error, word);
}

static void mappings_that_isolate_are_taken(void **state)
{
	check_mappings(WITH_LINUX("'namespaces':[{'type':'user'}]"), NULL);
	check_mappings(WITH_LINUX(""), NULL);
	check_mappings(SAME(MAP(0, 100000, 65536)), NULL);
	check_mappings(SAME(MAP(0, 1, 4294967294)), NULL);
	check_mappings(SAME(MAP(0, 100000, 1) "," MAP(1, 100001, 65535)), NULL);
	check_mappings(SAME(MAP(1, 100001, 65535) "," MAP(0, 100000, 1)), NULL);
	check_mappings(MAPS(MAP(0, 100000, 65536), MAP(0, 100000, 1) "," MAP(1, 100001, 65535)),
		       NULL);
	check_mappings(WITH_LINUX("'namespaces':[{'type':'user','path':'/proc/7/ns/user'}],"
				  "'uidMappings':[" MAP(0, 100000, 65536) "],'gidMappings':[" MAP(
					  0, 100000, 65536) "]"),
		       NULL);
}

static void mappings_that_do_not_isolate_are_refused(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ SAME(MAP(0, 100000, 65535)),
		  "uid mapping range must specify a container with at least 65536 uids starting at "
		  "uid 0; found [{0 100000 65535}]" },
		{ SAME(MAP(1, 100000, 65536)), "starting at uid 0; found [{1 100000 65536}]" },
		{ MAPS(MAP(0, 100000, 65536), MAP(1, 100000, 65536)),
		  "65536 gids starting at gid 0" },
		{ MAPS(MAP(0, 100000, 65536), MAP(0, 200000, 65536)),
		  "detecting non-matching uid & gid mappings; found uid = [{0 100000 65536}], gid "
		  "= "
		  "[{0 200000 65536}]" },
		{ MAPS(MAP(0, 100000, 65536), MAP(0, 100000, 65537)), "non-matching" },
		{ SAME(MAP(0, 0, 65536)), "detected user-ns uid mapping to host ID 0 ([{0 0 "
					  "65536}]); this breaks container "
					  "isolation" },
		{ SAME(MAP(0, 100000, 30000) "," MAP(30001, 130001, 65536)),
		  "container ID mappings are non-contiguous: [{0 100000 30000} {30001 130001 "
		  "65536}]" },
		{ SAME(MAP(0, 100000, 30000) "," MAP(30000, 200000, 65536)),
		  "host ID mappings are non-contiguous" },
		/* Overlapping, inside and outside */
		{ SAME(MAP(0, 100000, 65536) "," MAP(0, 200000, 65536)), "container ID mappings" },
		{ SAME(MAP(0, 100000, 65536) "," MAP(65536, 100000, 65536)), "host ID mappings" },
		{ SAME(MAP(0, 100000, 65536) "," MAP(100, 165536, 10)), "container ID mappings" },
		{ MAPS(MAP(0, 100000, 65536), ""),
		  "detected missing user-ns UID and/or GID mappings" },
		{ MAPS("", MAP(0, 100000, 65536)),
		  "detected missing user-ns UID and/or GID mappings" },
		{ WITH_LINUX("'uidMappings':[" MAP(0, 100000, 65536) "],'gidMappings':[" MAP(
			  0, 100000, 65536) "]"),
		  "need a user namespace" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_mappings(cases[i].text, cases[i].word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_malformed_document_gives_one_line),
		cmocka_unit_test(names_do_not_break_the_line),
		cmocka_unit_test(overlong_strings_are_named),
		cmocka_unit_test(many_args_are_taken_until_the_kernel_would_not),
		cmocka_unit_test(ten_thousand_mounts_are_taken),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(a_NUL_from_elsewhere_is_refused),
		cmocka_unit_test(the_hosts_namespaces_are_refused_by_name),
		cmocka_unit_test(mappings_that_isolate_are_taken),
		cmocka_unit_test(mappings_that_do_not_isolate_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
