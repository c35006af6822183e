/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json to struct spec, and its seccomp profile to a filter.
 */
#include "config.h"
#include "runtime/caps.h"
#include "runtime/error.h"
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "spec-text.h"

static void a_minimal_document_is_enough(void **state)
{
	autospec spec = spec_accepts("{" SPEC_START "}}");

	assert_string_equal(spec->root_path, "/bundle/rootfs");
	assert_string_equal(spec->bundle, "/bundle");
	assert_false(spec->root_readonly);
	assert_true(spec->has_process);
	assert_int_equal(spec->process.umask, 0022);
	assert_int_equal(spec->process.ioprio, -1);
	assert_int_equal(spec->mounts->len, 0);
	assert_int_equal(spec->warnings->len, 0);
	assert_null(spec->seccomp);
}

static void mount_options_become_flags_and_data(void **state)
{
	autospec spec = spec_accepts(
		WITH_MOUNT("{'destination':'/x','type':'tmpfs','options':"
			   "['nosuid','ro','rw','size=1m','mode=700','rprivate']},"
			   "{'destination':'/y','source':'/s','options':['rbind','ro']}"));
	const struct spec_mount *m = spec_mount_at(spec, 0);

	assert_int_equal(m->set, MOUNT_ATTR_NOSUID);
	assert_int_equal(m->clear, MOUNT_ATTR_RDONLY);
	assert_string_equal(m->data, "size=1m,mode=700");
	assert_false(m->bind);
	m = spec_mount_at(spec, 1);
	assert_true(m->bind);
	assert_true(m->recursive);
	assert_int_equal(m->set, MOUNT_ATTR_RDONLY);
}

static void capabilities_are_those_of_the_kernel(void **state)
{
	autospec spec = spec_accepts(
		WITH_PROCESS("'capabilities':{'bounding':['CAP_CHOWN','CAP_KILL']}"));

	assert_int_equal(spec->process.caps.bounding, 1 | 1 << 5);
	assert_int_equal(spec->process.caps.effective, 0);
	assert_int_equal(caps_from_name("cap_sys_admin"), 21);
	assert_true(caps_from_name("CAP_") < 0);
	assert_int_equal(caps_all() & 1, 1);
}

/* What @filter answers to the system call @nr, by running the BPF (the few operations there are).
 */
static uint32_t run_filter(const struct sock_fprog *filter, uint32_t arch, uint32_t nr)
{
	struct seccomp_data data = { .nr = nr, .arch = arch };
	uint32_t a = 0;

	for (unsigned int pc = 0; pc < filter->len; pc++) {
		const struct sock_filter *f = &filter->filter[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (char *)&data + f->k, 4);
			break;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("operation %#x", f->code);
		}
	}
	return 0;
}

static void a_profile_becomes_a_filter(void **state)
{
	json_t *profile = json_pack("{s:s, s:[{s:[s,s], s:s, s:i}]}", "defaultAction",
				    "SCMP_ACT_ALLOW", "syscalls", "names", "keyctl", "no_such_call",
				    "action", "SCMP_ACT_ERRNO", "errnoRet", ENOSYS);
	struct sock_fprog filter = { 0 };
	uint32_t arch;

	assert_true(seccomp_compile(profile, &filter, NULL));
	memcpy(&arch, &filter.filter[1].k, 4);
	assert_int_equal(run_filter(&filter, arch, SYS_getpid), SECCOMP_RET_ALLOW);
	assert_int_equal(run_filter(&filter, arch, SYS_keyctl), SECCOMP_RET_ERRNO | ENOSYS);
	g_free(filter.filter);
	json_decref(profile);
}

static void a_wrong_profile_is_refused(void **state)
{
	json_t *profile = json_pack("{s:s}", "defaultAction", "SCMP_ACT_DANCE");
	struct sock_fprog filter = { 0 };
	g_autoptr(GError) error = NULL;

	assert_false(seccomp_compile(profile, &filter, &error));
	assert_non_null(strstr(error->message, "SCMP_ACT_DANCE"));
	json_decref(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minimal_document_is_enough),
		cmocka_unit_test(mount_options_become_flags_and_data),
		cmocka_unit_test(capabilities_are_those_of_the_kernel),
		cmocka_unit_test(a_profile_becomes_a_filter),
		cmocka_unit_test(a_wrong_profile_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
