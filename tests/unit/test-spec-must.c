/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runtime-spec 1.3 demands (MUST) of whoever reads config.json: one test each, named after it.
 * What it demands of the container that comes of it is tested where that is made.
 */
#include "config.h"
#include "runtime/caps.h"

#include <glib/gstdio.h>
#include <linux/ioprio.h>
#include <linux/mount.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "spec-text.h"

static void config_ociVersion_is_required_and_semver(void **state)
{
	static const char *const good[] = { "1.0.0",  "1.0.2-dev",  "1.1.0-rc.1",     "1.3.0",
					    "1.99.7", "1.2.0+b.01", "1.0.0-0a.1+x-y", "1.0.0-x-y" };
	static const char *const bad[] = {
		"",	  "1",	    "1.0",	  "1.0.0.0",  "v1.0.0", "1.0.00",
		"01.0.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.0 ", "1.0.0+",
		"1.0.x",  "0.9.0",  "2.0.0",	  "10.0.0",   "-1.0.0", "1.0.0-\xc3\xa4"
	};

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *text = g_strdup_printf("{'ociVersion':'%s','root':{'path':'r'}}",
							good[i]);
		autospec spec = spec_accepts(text);

		assert_false(spec->has_process);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *text = g_strdup_printf("{'ociVersion':'%s','root':{'path':'r'}}",
							bad[i]);

		spec_refuses(text, "ociVersion");
	}
	spec_refuses("{'root':{'path':'r'}}", "ociVersion: is missing");
	spec_refuses("{'ociVersion':1,'root':{'path':'r'}}", "ociVersion");
}

static void config_root_path_is_absolute_or_below_the_bundle(void **state)
{
	static const char *const table[][2] = {
		{ "rootfs", "/bundle/rootfs" },
		{ "./rootfs/", "/bundle/rootfs" },
		{ "/abs/rootfs", "/abs/rootfs" },
		{ "a/../b", "/bundle/a/../b" },
		{ ".", "/bundle" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf(
			"{'ociVersion':'1.0.0','root':{'path':'%s','readonly':true}}", table[i][0]);
		autospec spec = spec_accepts(text);

		assert_string_equal(spec->root_path, table[i][1]);
		assert_true(spec->root_readonly);
	}
}

static void config_mounts_keep_the_listed_order(void **state)
{
	autospec spec = spec_accepts(WITH_MOUNT("{'destination':'/z','type':'tmpfs'},"
						"{'destination':'/a','type':'tmpfs'},"
						"{'destination':'/z','type':'proc'}"));

	assert_int_equal(spec->mounts->len, 3);
	assert_string_equal(spec_mount_at(spec, 0)->destination, "/z");
	assert_string_equal(spec_mount_at(spec, 1)->destination, "/a");
	assert_string_equal(spec_mount_at(spec, 2)->type, "proc");
}

static void config_mounts_relative_destination_is_below_the_root(void **state)
{
	static const char *const table[][2] = { { "etc/x", "/etc/x" },
						{ "/etc/x", "/etc/x" },
						{ "../../x", "/x" },
						{ "//etc//x/", "/etc/x" },
						{ "/a/./b/../c", "/a/c" } };

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf(
			WITH_MOUNT("{'destination':'%s','type':'tmpfs'}"), table[i][0]);
		autospec spec = spec_accepts(text);

		assert_string_equal(spec_mount_at(spec, 0)->destination, table[i][1]);
	}
}

static void config_mounts_relative_source_of_a_bind_is_below_the_bundle(void **state)
{
	autospec spec = spec_accepts(WITH_MOUNT(
		"{'destination':'/a','source':'data','options':['bind']},"
		"{'destination':'/b','source':'/data','options':['rbind'],'type':'none'},"
		"{'destination':'/c','source':'tmpfs','type':'tmpfs'},"
		"{'destination':'/d','source':'x','type':'bind'}"));

	assert_string_equal(spec_mount_at(spec, 0)->source, "/bundle/data");
	assert_true(spec_mount_at(spec, 0)->bind);
	assert_false(spec_mount_at(spec, 0)->recursive);
	assert_string_equal(spec_mount_at(spec, 1)->source, "/data");
	assert_string_equal(spec_mount_at(spec, 1)->type, "bind");
	assert_true(spec_mount_at(spec, 1)->recursive);
	assert_string_equal(spec_mount_at(spec, 2)->source, "tmpfs");
	assert_false(spec_mount_at(spec, 2)->bind);
	assert_true(spec_mount_at(spec, 3)->bind);
}

/* Parses one mount with @options, "'a','b'"; @type: "tmpfs" or "bind". */
static struct spec *with_options(const char *type, const char *options)
{
	g_autofree char *text = g_strdup_printf(
		WITH("'linux':{'namespaces':[{'type':'user'}]},'mounts':[{'destination':'/x',"
		     "'source':'/s','type':'%s','options':[%s]}]"),
		type, options);

	return spec_accepts(text);
}

static void config_mounts_all_options_of_mount_8_are_known(void **state)
{
	static const char *const must[] = {
		"async",	"atime",      "bind",	     "defaults",      "dev",
		"diratime",	"dirsync",    "exec",	     "iversion",      "lazytime",
		"loud",		"noatime",    "nodev",	     "nodiratime",    "noexec",
		"noiversion",	"nolazytime", "norelatime",  "nostrictatime", "nosuid",
		"private",	"rbind",      "relatime",    "remount",	      "ro",
		"rprivate",	"rshared",    "rslave",	     "runbindable",   "rw",
		"shared",	"silent",     "slave",	     "strictatime",   "suid",
		"sync",		"unbindable", "nosymfollow", "symfollow",     "rro",
		"rrw",		"rnosuid",    "rsuid",	     "rnodev",	      "rdev",
		"rnoexec",	"rexec",      "rnoatime",    "ratime",	      "rnodiratime",
		"rdiratime",	"rrelatime",  "rnorelatime", "rstrictatime",  "rnostrictatime",
		"rnosymfollow", "rsymfollow", "idmap",	     "ridmap",	      "mand",
		"nomand",	"tmpcopyup",
	};
	g_auto(GStrv) known = spec_mount_option_names();

	for (size_t i = 0; i < G_N_ELEMENTS(must); i++)
		if (!g_strv_contains((const char *const *)known, must[i]))
			fail_msg("\"%s\" is not known", must[i]);
	assert_int_equal(g_strv_length(known), G_N_ELEMENTS(must));
}

static void features_each_mount_option_is_taken_and_is_no_data(void **state)
{
	/* For these the kernel wants the name itself, with a new file system. */
	static const char *const superblock[] = { "async", "dirsync",	 "lazytime",
						  "sync",  "nolazytime", NULL };
	g_auto(GStrv) known = spec_mount_option_names();

	for (size_t i = 0; known[i]; i++) {
		bool bind = strcmp(known[i], "tmpcopyup") != 0;
		g_autofree char *quoted = g_strdup_printf("'%s'", known[i]);
		autospec spec = with_options(bind ? "bind" : "tmpfs", quoted);

		assert_null(spec_mount_at(spec, 0)->data);
		if (strcmp(known[i], "remount") == 0 || g_str_has_suffix(known[i], "bind") ||
		    strcmp(known[i], "idmap") == 0 || strcmp(known[i], "ridmap") == 0)
			continue;
		spec_free(g_steal_pointer(&spec));
		spec = with_options("tmpfs", quoted);
		if (g_strv_contains(superblock, known[i]))
			assert_string_equal(spec_mount_at(spec, 0)->data, known[i]);
		else
			assert_null(spec_mount_at(spec, 0)->data);
	}
}

static void config_mounts_options_of_shiftfs(void **state)
{
	autospec spec = with_options("bind",
				     "'as=alice:users','hide=a,b','hide=c/d','cache=strict'");
	const struct spec_serve *s = &spec_mount_at(spec, 0)->serve;

	assert_true(s->always);
	assert_string_equal(s->as, "alice:users");
	assert_int_equal(s->hide->len, 2);
	assert_string_equal(s->hide->pdata[0], "a,b");
	assert_string_equal(s->cache, "strict");
	assert_null(spec_mount_at(spec, 0)->data);
	spec_free(g_steal_pointer(&spec));
	spec = with_options("bind", "'cache=always'");
	assert_false(spec_mount_at(spec, 0)->serve.always);
	spec_free(g_steal_pointer(&spec));
	spec = with_options("9p", "'cache=loose'");
	assert_string_equal(spec_mount_at(spec, 0)->data, "cache=loose");
}

static void config_mounts_unknown_options_go_to_the_file_system(void **state)
{
	autospec spec = with_options("tmpfs", "'size=64k','noswap','mode=1777','sync','x,y=1'");

	assert_string_equal(spec_mount_at(spec, 0)->data, "size=64k,noswap,mode=1777,sync,x,y=1");
}

static void config_mounts_flags_are_those_of_mount_setattr(void **state)
{
	static const struct {
		const char *options;
		uint64_t set, clear;
	} table[] = {
		{ "'ro'", MOUNT_ATTR_RDONLY, 0 },
		{ "'rw'", 0, MOUNT_ATTR_RDONLY },
		{ "'ro','rw'", 0, MOUNT_ATTR_RDONLY },
		{ "'rw','ro'", MOUNT_ATTR_RDONLY, 0 },
		{ "'nosuid','nodev','noexec','nosymfollow'",
		  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
		  0 },
		{ "'suid','dev','exec','symfollow','diratime'", 0,
		  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			  MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME },
		/* The access time is one field: who speaks of it clears all of it. */
		{ "'noatime'", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
		{ "'strictatime'", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
		{ "'noatime','strictatime'", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
		{ "'strictatime','noatime'", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
		{ "'noatime','relatime'", 0, MOUNT_ATTR__ATIME },
		{ "'strictatime','atime'", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
		{ "'noatime','atime'", 0, MOUNT_ATTR__ATIME },
		{ "'noatime','nodiratime'", MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME,
		  MOUNT_ATTR__ATIME },
		{ "'defaults','silent','loud','mand','nomand','iversion','noiversion'", 0, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		autospec spec = with_options("tmpfs", table[i].options);

		assert_int_equal(spec_mount_at(spec, 0)->set, table[i].set);
		assert_int_equal(spec_mount_at(spec, 0)->clear, table[i].clear);
		assert_int_equal(spec_mount_at(spec, 0)->rec_set, 0);
	}
}

static void config_mounts_recursive_flags_are_apart(void **state)
{
	autospec spec = with_options("bind", "'rbind','rro','rnosuid','rnoatime','rdev','rw'");
	const struct spec_mount *m = spec_mount_at(spec, 0);

	assert_int_equal(m->rec_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
	assert_int_equal(m->rec_clear, MOUNT_ATTR_NODEV | MOUNT_ATTR__ATIME);
	assert_int_equal(m->set, 0);
	assert_int_equal(m->clear, MOUNT_ATTR_RDONLY);
}

static void config_mounts_propagation(void **state)
{
	static const struct {
		const char *name;
		unsigned long flags;
	} table[] = { { "private", MS_PRIVATE },       { "rprivate", MS_PRIVATE | MS_REC },
		      { "slave", MS_SLAVE },	       { "rslave", MS_SLAVE | MS_REC },
		      { "shared", MS_SHARED },	       { "rshared", MS_SHARED | MS_REC },
		      { "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC } };

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf(
			WITH("'linux':{'rootfsPropagation':'%s'},'mounts':[{'destination':'/x',"
			     "'source':'/s','options':['bind','%s']}]"),
			table[i].name, table[i].name);
		autospec spec = spec_accepts(text);

		assert_int_equal(spec_mount_at(spec, 0)->propagation, table[i].flags);
		assert_int_equal(spec->root_propagation, table[i].flags);
	}
}

#define A_MAP "[{'containerID':0,'hostID':5000,'size':10},{'containerID':10,'hostID':1,'size':1}]"

static void config_mounts_uidMappings_come_with_gidMappings(void **state)
{
	autospec spec = spec_accepts(WITH_MOUNT(
		"{'destination':'/x','source':'/s','options':['bind'],'uidMappings':" A_MAP
		",'gidMappings':[{'containerID':1,'hostID':2,'size':3}]}"));
	const struct spec_mount *m = spec_mount_at(spec, 0);

	assert_true(m->idmap);
	assert_false(m->idmap_recursive);
	assert_int_equal(m->uid_map->len, 2);
	assert_int_equal(g_array_index(m->uid_map, struct spec_map, 0).outside, 5000);
	assert_int_equal(g_array_index(m->gid_map, struct spec_map, 0).inside, 1);
	assert_int_equal(g_array_index(m->gid_map, struct spec_map, 0).count, 3);
	spec_refuses(WITH_MOUNT("{'destination':'/x','source':'/s','options':['bind'],"
				"'uidMappings':" A_MAP "}"),
		     "mounts[0].gidMappings");
	spec_refuses(WITH_MOUNT("{'destination':'/x','source':'/s','options':['bind'],"
				"'gidMappings':" A_MAP ",'uidMappings':[]}"),
		     "mounts[0].uidMappings");
}

/* "[If] the container isn't using user namespaces, an error MUST be returned": each of ours is. */
static void config_mounts_idmap_without_mappings_is_the_containers(void **state)
{
	autospec spec = with_options("bind", "'rbind','ridmap'");
	autospec none = spec_accepts(
		WITH_MOUNT("{'destination':'/x','source':'/s','options':['bind','idmap']}"));

	assert_true(spec_mount_at(spec, 0)->idmap);
	assert_true(spec_mount_at(spec, 0)->idmap_recursive);
	assert_true(spec_mount_at(none, 0)->idmap);
}

static void config_process_is_optional_until_start(void **state)
{
	autospec spec = spec_accepts("{" SPEC_TOP "}");

	assert_false(spec->has_process);
	assert_non_null(spec->process.args);
	assert_null(spec->process.args[0]);
	assert_null(spec->process.env[0]);
	assert_string_equal(spec->process.cwd, "/");
	assert_int_equal(spec->process.groups->len, 0);
	assert_int_equal(spec->process.rlimits->len, 0);
}

static void config_process_args_needs_one_entry(void **state)
{
	spec_refuses("{" SPEC_TOP ",'process':{'cwd':'/','args':[]}}", "process.args");
	spec_refuses("{" SPEC_TOP ",'process':{'cwd':'/'}}", "process.args");
}

static void config_process_cwd_is_absolute(void **state)
{
	spec_refuses("{" SPEC_TOP ",'process':{'args':['a']}}", "process.cwd");
	spec_refuses("{" SPEC_TOP ",'process':{'args':['a'],'cwd':''}}", "process.cwd");
	spec_refuses("{" SPEC_TOP ",'process':{'args':['a'],'cwd':'tmp'}}", "process.cwd");
}

static void config_process_consoleSize_is_ignored_without_terminal(void **state)
{
	autospec with = spec_accepts(
		WITH_PROCESS("'terminal':true,'consoleSize':{'height':25,'width':80}"));
	autospec without = spec_accepts(WITH_PROCESS("'consoleSize':{'height':'x','width':80}"));

	assert_true(with->process.terminal);
	assert_int_equal(with->process.console_height, 25);
	assert_int_equal(with->process.console_width, 80);
	assert_int_equal(without->process.console_width, 0);
	spec_refuses(WITH_PROCESS("'terminal':true,'consoleSize':{'height':25}"),
		     "process.consoleSize.width");
}

static void config_process_user(void **state)
{
	autospec spec = spec_accepts(WITH_PROCESS(
		"'user':{'uid':1000,'gid':4294967294,'umask':63,'additionalGids':[5,0,5]}"));

	assert_int_equal(spec->process.uid, 1000);
	assert_int_equal(spec->process.gid, 4294967294U);
	assert_int_equal(spec->process.umask, 077);
	assert_int_equal(spec->process.groups->len, 2);
	assert_int_equal(g_array_index(spec->process.groups, gid_t, 0), 0);
	assert_int_equal(g_array_index(spec->process.groups, gid_t, 1), 5);
}

static void config_process_rlimits_are_exact(void **state)
{
	autospec spec = spec_accepts(WITH_PROCESS(
		"'rlimits':[{'type':'RLIMIT_NOFILE','soft':1024,'hard':9223372036854775808},"
		"{'type':'RLIMIT_CORE','soft':0,'hard':18446744073709551615}]"));
	const struct spec_rlimit *l = &g_array_index(spec->process.rlimits, struct spec_rlimit, 0);

	assert_int_equal(l[0].resource, RLIMIT_NOFILE);
	assert_int_equal(l[0].soft, 1024);
	assert_true(l[0].hard == 1ULL << 63);
	assert_int_equal(l[1].resource, RLIMIT_CORE);
	assert_true(l[1].hard == RLIM_INFINITY);
}

static void config_process_rlimits_unknown_or_duplicate_is_an_error(void **state)
{
	spec_refuses(WITH_PROCESS("'rlimits':[{'type':'RLIMIT_X','soft':1,'hard':1}]"),
		     "process.rlimits[0].type");
	spec_refuses(WITH_PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},"
				  "{'type':'RLIMIT_CPU','soft':1,'hard':1}]"),
		     "process.rlimits[1].type: \"RLIMIT_CPU\" is given twice");
	spec_refuses(WITH_PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':1}]"),
		     "process.rlimits[0].hard: is missing");
}

static void config_process_capabilities_not_grantable_are_a_warning(void **state)
{
	autospec spec = spec_accepts(WITH_PROCESS(
		"'capabilities':{'bounding':['CAP_KILL','CAP_FLY'],'effective':['CAP_KILL'],"
		"'permitted':['CAP_CHOWN'],'inheritable':['CAP_SETUID'],'ambient':['CAP_SETGID']"
		"}"));
	const struct spec_caps *caps = &spec->process.caps;

	assert_int_equal(caps->bounding, 1 << 5);
	assert_int_equal(caps->effective, 1 << 5);
	assert_int_equal(caps->permitted, 1 << 0);
	assert_int_equal(caps->inheritable, 1 << 7);
	assert_int_equal(caps->ambient, 1 << 6);
	assert_int_equal(spec->warnings->len, 1);
	assert_non_null(strstr(g_ptr_array_index(spec->warnings, 0),
			       "process.capabilities.bounding[1]: unknown capability \"CAP_FLY\""));
}

static void config_process_oomScoreAdj_unset_is_untouched(void **state)
{
	autospec unset = spec_accepts("{" SPEC_START "}}");
	autospec zero = spec_accepts(WITH_PROCESS("'oomScoreAdj':0"));
	autospec set = spec_accepts(WITH_PROCESS("'oomScoreAdj':-999,'noNewPrivileges':true"));

	assert_false(unset->process.has_oom_score_adj);
	assert_false(unset->process.no_new_privs);
	assert_true(zero->process.has_oom_score_adj);
	assert_int_equal(set->process.oom_score_adj, -999);
	assert_true(set->process.no_new_privs);
	spec_refuses(WITH_PROCESS("'oomScoreAdj':1001"), "process.oomScoreAdj");
}

static void config_process_labels_are_passed_through(void **state)
{
	autospec spec = spec_accepts(WITH("'linux':{'mountLabel':'system_u:object_r:x:s0:c1,c2'}"));
	autospec process = spec_accepts(
		WITH_PROCESS("'apparmorProfile':'docker-default','selinuxLabel':'a:b:c:s0'"));

	assert_string_equal(spec->mount_label, "system_u:object_r:x:s0:c1,c2");
	assert_null(spec->process.apparmor_profile);
	assert_string_equal(process->process.apparmor_profile, "docker-default");
	assert_string_equal(process->process.selinux_label, "a:b:c:s0");
}

static void config_process_ioPriority_and_scheduler(void **state)
{
	autospec io = spec_accepts(
		WITH_PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':7}"));
	autospec dl = spec_accepts(
		WITH_PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':10000000,'deadline':"
			     "20000000,'period':30000000,'flags':['SCHED_FLAG_RECLAIM']}"));
	autospec nice = spec_accepts(
		WITH_PROCESS("'scheduler':{'policy':'SCHED_BATCH','nice':-20}"));
	autospec rt = spec_accepts(WITH_PROCESS("'scheduler':{'policy':'SCHED_RR','priority':99}"));

	assert_int_equal(io->process.ioprio, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
	assert_false(io->process.scheduler.present);
	assert_true(dl->process.scheduler.present);
	assert_int_equal(dl->process.scheduler.policy, SCHED_DEADLINE);
	assert_int_equal(dl->process.scheduler.flags, SCHED_FLAG_RECLAIM);
	assert_int_equal(dl->process.scheduler.period, 30000000);
	assert_int_equal(nice->process.scheduler.nice, -20);
	assert_int_equal(rt->process.scheduler.priority, 99);
}

static void config_process_execCPUAffinity(void **state)
{
	autospec spec = spec_accepts(
		WITH_PROCESS("'execCPUAffinity':{'initial':'0-1, 3','final':'2'}"));

	assert_string_equal(spec->process.cpu_affinity_initial, "0-1, 3");
	assert_string_equal(spec->process.cpu_affinity_final, "2");
}

static void config_hostname_and_domainname_need_a_uts_namespace(void **state)
{
	autospec spec = spec_accepts(
		WITH("'hostname':'h','domainname':'d','linux':{'namespaces':[{'type':'uts'}]}"));

	assert_string_equal(spec->hostname, "h");
	assert_string_equal(spec->domainname, "d");
	spec_refuses(WITH("'hostname':'h'"), "hostname");
	spec_refuses(WITH("'domainname':'d'"), "domainname");
}

static void config_hooks_in_order_path_absolute_timeout_positive(void **state)
{
	autospec spec = spec_accepts(WITH(
		"'hooks':{'prestart':[{'path':'/a'},{'path':'/b','args':['b','-x'],'env':['K=V'],"
		"'timeout':5}],'createRuntime':[{'path':'/c'}],'createContainer':[{'path':'/d'}],"
		"'startContainer':[{'path':'/e'}],'poststart':[{'path':'/f'}],"
		"'poststop':[{'path':'/g'}],'unknown':7}"));
	const struct spec_hook *a = g_ptr_array_index(spec->hooks[SPEC_HOOK_PRESTART], 0);
	const struct spec_hook *b = g_ptr_array_index(spec->hooks[SPEC_HOOK_PRESTART], 1);

	assert_string_equal(a->args[0], "/a");
	assert_null(a->args[1]);
	assert_null(a->env[0]);
	assert_int_equal(a->timeout, 0);
	assert_string_equal(b->path, "/b");
	assert_string_equal(b->args[1], "-x");
	assert_string_equal(b->env[0], "K=V");
	assert_int_equal(b->timeout, 5);
	for (int kind = SPEC_HOOK_CREATE_RUNTIME; kind < SPEC_HOOK_COUNT; kind++) {
		char path[] = { '/', 'c' + kind - SPEC_HOOK_CREATE_RUNTIME, '\0' };
		const struct spec_hook *hook = g_ptr_array_index(spec->hooks[kind], 0);

		assert_string_equal(hook->path, path);
	}
	spec_refuses(WITH("'hooks':{'poststop':[{'path':'rel'}]}"), "hooks.poststop[0].path");
	spec_refuses(WITH("'hooks':{'poststop':[{'path':'/x','timeout':0}]}"),
		     "hooks.poststop[0].timeout");
}

static void linux_namespaces_types_paths_duplicates(void **state)
{
	autospec spec = spec_accepts(WITH_LINUX(OWN_NAMESPACES
						",{'type':'user'},{'type':'cgroup','path':''},"
						"{'type':'time','path':'/proc/1/ns/time'}]"));

	for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
		assert_true(spec->ns[ns].present);
		if (ns != SPEC_NS_TIME)
			assert_null(spec->ns[ns].path);
	}
	assert_string_equal(spec->ns[SPEC_NS_TIME].path, "/proc/1/ns/time");
	spec_refuses(WITH_LINUX("'namespaces':[{'type':'pid','path':'proc/1/ns/pid'}]"),
		     "linux.namespaces[0].path");
	spec_refuses(WITH_LINUX("'namespaces':[{'type':'pid'},{'type':'uts'},{'type':'pid'}]"),
		     "linux.namespaces[2].type: \"pid\" is given twice");
	spec_refuses(WITH_LINUX("'namespaces':[{'type':'moon'}]"), "moon");
	spec_refuses(WITH_LINUX("'namespaces':[{}]"), "linux.namespaces[0].type: is missing");
}

static void linux_devices(void **state)
{
	autospec spec = spec_accepts(WITH_LINUX(
		"'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229,'fileMode':438,"
		"'uid':1,'gid':2},{'path':'/dev//u','type':'u','major':1,'minor':3},"
		"{'path':'/dev/pipe','type':'p','fileMode':69206416}]"));
	const struct spec_device *fuse = g_ptr_array_index(spec->devices, 0);
	const struct spec_device *u = g_ptr_array_index(spec->devices, 1);
	const struct spec_device *pipe = g_ptr_array_index(spec->devices, 2);

	assert_string_equal(fuse->path, "/dev/fuse");
	assert_int_equal(fuse->type, 'c');
	assert_int_equal(fuse->major, 10);
	assert_int_equal(fuse->minor, 229);
	assert_int_equal(fuse->mode, 0666);
	assert_int_equal(fuse->uid, 1);
	assert_int_equal(fuse->gid, 2);
	assert_int_equal(u->type, 'c');
	assert_string_equal(u->path, "/dev/u");
	assert_int_equal(u->mode, 0666);
	assert_int_equal(pipe->type, 'p');
	assert_int_equal(pipe->mode, 69206416 & 0777);
	spec_refuses(WITH_LINUX("'devices':[{'path':'/dev/x','type':'c','major':1}]"),
		     "linux.devices[0].minor: is missing");
}

static void linux_timeOffsets_need_a_time_namespace(void **state)
{
	autospec spec = spec_accepts(
		WITH_LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{'monotonic':{'secs':-5,"
			   "'nanosecs':1},'boottime':{'secs':7}}"));

	assert_int_equal(json_object_size(spec->time_offsets), 2);
	spec_refuses(WITH_LINUX("'timeOffsets':{'monotonic':{'secs':1}}"), "linux.timeOffsets");
	spec_refuses(WITH_LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{'realtime':{}}"),
		     "realtime");
	spec_refuses(
		WITH_LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{'boottime':{'nanosecs'"
			   ":1000000000}}"),
		"linux.timeOffsets.boottime.nanosecs");
}

static void linux_netDevices_name_clash_is_an_error(void **state)
{
	autospec spec = spec_accepts(
		WITH_LINUX("'namespaces':[{'type':'network'}],'netDevices':{'eth1':{},'eth2':"
			   "{'name':'eth0'}}"));

	assert_int_equal(json_object_size(spec->net_devices), 2);
	spec_refuses(
		WITH_LINUX("'namespaces':[{'type':'network'}],'netDevices':{'eth1':{'name':'a'},"
			   "'eth2':{'name':'a'}}"),
		"linux.netDevices");
	spec_refuses(WITH_LINUX("'namespaces':[{'type':'network'}],'netDevices':{'eth1':{'name':"
				"'0123456789abcdef'}}"),
		     "linux.netDevices");
	spec_refuses(WITH_LINUX("'netDevices':{'eth1':{}}"), "linux.netDevices");
}

static void linux_personality_domain(void **state)
{
	autospec unset = spec_accepts(WITH_LINUX(""));
	autospec linux32 = spec_accepts(WITH_LINUX("'personality':{'domain':'LINUX32'}"));

	assert_int_equal(unset->personality, PER_LINUX);
	assert_int_equal(linux32->personality, PER_LINUX32);
	spec_refuses(WITH_LINUX("'personality':{'domain':'BSD'}"), "linux.personality.domain");
}

static void linux_cgroupsPath_invalid_is_an_error(void **state)
{
	autospec spec = spec_accepts(WITH_LINUX("'cgroupsPath':'/docker/a..b/0123'"));
	autospec systemd = spec_accepts(WITH_LINUX("'cgroupsPath':'system.slice:docker:0123'"));

	assert_string_equal(spec->cgroups_path, "/docker/a..b/0123");
	assert_string_equal(systemd->cgroups_path, "system.slice:docker:0123");
	spec_refuses(WITH_LINUX("'cgroupsPath':'/a/../../b'"), "linux.cgroupsPath");
}

static void annotations_unknown_are_kept_and_values_are_strings(void **state)
{
	autospec spec = spec_accepts(WITH("'annotations':{'com.example.key':'','run.oci.x':'1'}"));

	assert_int_equal(json_object_size(spec->annotations), 2);
	spec_refuses(WITH("'annotations':{'a':1}"), "annotations[\"a\"]");
	spec_refuses(WITH("'annotations':{'':'1'}"), "annotations");
}

static void unknown_properties_are_ignored(void **state)
{
	autospec spec = spec_accepts(
		WITH("'windows':{'x':1},'vm':[],'future':{'a':[1,2]},'linux':{'future':1},"
		     "'mounts':[{'destination':'/x','type':'tmpfs','future':true}]"));

	assert_int_equal(spec->warnings->len, 0);
	assert_int_equal(spec->mounts->len, 1);
}

static void null_is_absent(void **state)
{
	autospec spec = spec_accepts("{" SPEC_TOP ",'process':null,'hooks':null,'mounts':null,"
				     "'linux':{'resources':null,'devices':null,'seccomp':null},"
				     "'annotations':null,'hostname':null}");

	assert_false(spec->has_process);
	assert_null(spec->seccomp);
	assert_null(spec->hostname);
}

/* The document is saved, and `exec`, `start` and `delete` read it again. */
static void the_document_survives_saving(void **state)
{
	autospec spec = spec_accepts(
		WITH_PROCESS("'rlimits':[{'type':'RLIMIT_CORE','soft':18446744073709551614,'hard':"
			     "18446744073709551615}]"));
	char *text = json_dumps(spec->json, JSON_COMPACT);
	autospec again = spec_from_json(json_loads(text, 0, NULL), "/bundle", NULL);
	const struct spec_rlimit *l;

	free(text);
	assert_non_null(again);
	l = &g_array_index(again->process.rlimits, struct spec_rlimit, 0);
	assert_true(l->soft == UINT64_MAX - 1);
	assert_true(l->hard == UINT64_MAX);
}

static void numbers_in_strings_stay_text(void **state)
{
	autospec spec = spec_accepts(
		WITH_PROCESS("'env':['A=18446744073709551615','B=\\'18446744073709551615']"));

	assert_string_equal(spec->process.env[0], "A=18446744073709551615");
	assert_string_equal(spec->process.env[1], "B=\"18446744073709551615");
}

static void the_file_of_a_bundle_is_read(void **state)
{
	g_autofree char *dir = g_dir_make_tmp("cloister-spec-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "config.json", NULL);
	g_autoptr(GError) error = NULL, gone = NULL;
	autospec spec = NULL;

	assert_true(g_file_set_contents(
		path, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"}}", -1, NULL));
	spec = spec_load(dir, "config.json", &error);
	g_remove(path);
	assert_null(spec_load(dir, "config.json", &gone));
	assert_null(spec_load(dir, ".", NULL));
	assert_error_line(gone, path);
	g_rmdir(dir);
	assert_non_null(spec);
	assert_string_equal(spec->bundle, dir);
	assert_true(g_str_has_prefix(spec->root_path, dir));
}

/* What dockerd, podman and containerd wrote on Debian 12, and what Kubernetes' shape is. */
static void what_engines_write_is_taken(void **state)
{
	const char *top = g_getenv("top_srcdir") ?: ".";
	g_autofree char *dir = g_build_filename(top, "tests/fuzz/corpus/spec", NULL);
	static const char *const prefixes[] = { "docker", "podman", "ctr", "kubernetes" };
	g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
	unsigned int found = 0;
	const char *name;

	assert_non_null(handle);
	while ((name = g_dir_read_name(handle))) {
		g_autoptr(GError) error = NULL;
		struct spec *spec = NULL;

		for (size_t i = 0; !spec && i < G_N_ELEMENTS(prefixes); i++) {
			if (!g_str_has_prefix(name, prefixes[i]))
				continue;
			spec = spec_load(dir, name, &error);
			if (!spec)
				fail_msg("%s: %s", name, error->message);
			assert_int_equal(spec->warnings->len, 0);
			assert_true(spec_check_mappings(spec, NULL));
			assert_int_equal(spec_check_namespaces(spec, NULL),
					 !strstr(name, "hostpid"));
			found++;
		}
		if (spec)
			spec_free(spec);
	}
	assert_true(found >= 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_ociVersion_is_required_and_semver),
		cmocka_unit_test(config_root_path_is_absolute_or_below_the_bundle),
		cmocka_unit_test(config_mounts_keep_the_listed_order),
		cmocka_unit_test(config_mounts_relative_destination_is_below_the_root),
		cmocka_unit_test(config_mounts_relative_source_of_a_bind_is_below_the_bundle),
		cmocka_unit_test(config_mounts_all_options_of_mount_8_are_known),
		cmocka_unit_test(features_each_mount_option_is_taken_and_is_no_data),
		cmocka_unit_test(config_mounts_options_of_shiftfs),
		cmocka_unit_test(config_mounts_unknown_options_go_to_the_file_system),
		cmocka_unit_test(config_mounts_flags_are_those_of_mount_setattr),
		cmocka_unit_test(config_mounts_recursive_flags_are_apart),
		cmocka_unit_test(config_mounts_propagation),
		cmocka_unit_test(config_mounts_uidMappings_come_with_gidMappings),
		cmocka_unit_test(config_mounts_idmap_without_mappings_is_the_containers),
		cmocka_unit_test(config_process_is_optional_until_start),
		cmocka_unit_test(config_process_args_needs_one_entry),
		cmocka_unit_test(config_process_cwd_is_absolute),
		cmocka_unit_test(config_process_consoleSize_is_ignored_without_terminal),
		cmocka_unit_test(config_process_user),
		cmocka_unit_test(config_process_rlimits_are_exact),
		cmocka_unit_test(config_process_rlimits_unknown_or_duplicate_is_an_error),
		cmocka_unit_test(config_process_capabilities_not_grantable_are_a_warning),
		cmocka_unit_test(config_process_oomScoreAdj_unset_is_untouched),
		cmocka_unit_test(config_process_labels_are_passed_through),
		cmocka_unit_test(config_process_ioPriority_and_scheduler),
		cmocka_unit_test(config_process_execCPUAffinity),
		cmocka_unit_test(config_hostname_and_domainname_need_a_uts_namespace),
		cmocka_unit_test(config_hooks_in_order_path_absolute_timeout_positive),
		cmocka_unit_test(linux_namespaces_types_paths_duplicates),
		cmocka_unit_test(linux_devices),
		cmocka_unit_test(linux_timeOffsets_need_a_time_namespace),
		cmocka_unit_test(linux_netDevices_name_clash_is_an_error),
		cmocka_unit_test(linux_personality_domain),
		cmocka_unit_test(linux_cgroupsPath_invalid_is_an_error),
		cmocka_unit_test(annotations_unknown_are_kept_and_values_are_strings),
		cmocka_unit_test(unknown_properties_are_ignored),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(the_document_survives_saving),
		cmocka_unit_test(numbers_in_strings_stay_text),
		cmocka_unit_test(the_file_of_a_bundle_is_read),
		cmocka_unit_test(what_engines_write_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
