/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cloister policy`: what the administrator's settings say, tried before it matters.
 */
#include "config.h"
#include "launcher/launcher.h"

#include "launcher/flags.h"
#include "launcher/log.h"
#include "launcher/policy-words.h"
#include "lib/fd.h"
#include "policy/settings.h"
#include "runtime/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void print_help(void)
{
	printf("Usage: cloister policy check [--json] [FILE]\n"
	       "       cloister policy explain [--image IMAGE] [--read-only] --mount SOURCE… "
	       "[FILE]\n"
	       "       cloister policy test [--json] [FILE]\n"
	       "       cloister policy init [--strict] [--force] [FILE]\n\n"
	       "What the administrator's settings say (cloister-settings(5)). check: is the file\n"
	       "right, and what does it mean? explain: what would become of a mount, and why? "
	       "test:\n"
	       "try each restriction for real. init: write a file to begin with.\n"
	       "FILE is " SETTINGS_FILE " unless it is given.\n\n"
	       "  --image IMAGE   of a container of this image (default: of one nobody knows)\n"
	       "  --mount SOURCE  of a mount of SOURCE; may be repeated\n"
	       "  --read-only     of a mount that is read-only\n"
	       "  --store DIR     Docker's directory, in which IMAGE is (default /var/lib/docker)\n"
	       "  --strict        nothing is shared, and no image has the engine's socket\n"
	       "  --force         replace FILE\n"
	       "  --json          as JSON\n"
	       "  --help          show this text\n");
}

/**
 * policy_print_json() - print @json for people; NULL: an empty object
 */
void policy_print_json(json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2));

	puts(text ?: "{}");
	free(text);
}

static const char *share_summary(const struct settings *s)
{
	if (!s->has_shares)
		return "every host path that is not restricted may be mounted, with root's rights: "
		       "there is no fileSharing.directories";
	return s->shares->len ? "only the listed directories, and the engine's volumes"
			      : "no host path at all, only the engine's volumes";
}

static const char *socket_summary(const struct settings *s)
{
	return s->images->len ? "containers of the listed images" : "no container";
}

static json_t *priority_json(const struct settings_inside *i)
{
	return i->rtprio == SETTINGS_UNSET ? json_null() : json_integer(i->rtprio);
}

static json_t *summary_json(const struct settings *s)
{
	json_t *warnings = json_array();

	for (guint i = 0; i < s->warnings->len; i++)
		json_array_append_new(warnings, json_string(s->warnings->pdata[i]));
	return json_pack(
		"{s:b, s:s, s:b, s:b, s:{s:s, s:b, s:i, s:i}, s:{s:s, s:i, s:b, s:s, s:s}, "
		"s:{s:s, s:b, s:i, s:s}, s:{s:b, s:b, s:b, s:b, s:o, s:b, s:b}, s:o}",
		"valid", true, "file", s->file ?: "", "locked", s->locked, "enforced", !s->disabled,
		"restrictedMounts", "mode", settings_mode_name(s->mounts_mode), "hide", s->hide,
		"more", (int)s->restricted->len, "except", (int)s->unrestricted->len, "socketMount",
		"mode", settings_mode_name(s->socket_mode), "images", (int)s->images->len,
		"allowDerivedImages", s->allow_derived, "verify",
		s->ask_registry ? "registry" : "local", "who", socket_summary(s), "fileSharing",
		"mode", settings_mode_name(s->shares_mode), "listed", s->has_shares, "directories",
		(int)s->shares->len, "what", share_summary(s), "inside", "mknod", s->inside.mknod,
		"fuse", s->inside.fuse, "tun", s->inside.tun, "kmsg", s->inside.kmsg,
		"sched_setscheduler", priority_json(&s->inside), "setxattr", s->inside.setxattr,
		"swap", s->inside.swap, "warnings", warnings);
}

static void print_inside(const struct settings_inside *i)
{
	printf("  inside: mknod of harmless devices %s, /dev/fuse %s, /dev/net/tun %s, /dev/kmsg "
	       "%s\n",
	       i->mknod ? "on" : "off", i->fuse ? "if asked for" : "never",
	       i->tun ? "if asked for" : "never", i->kmsg ? "that keeps nothing" : "none");
	if (i->rtprio == SETTINGS_UNSET)
		printf("  inside: real-time priorities as the engine says (--ulimit rtprio)\n");
	else
		printf("  inside: real-time priorities up to %d\n", i->rtprio);
	printf("  inside: setxattr of trusted.overlay.opaque %s, swapoff of the container's own "
	       "swap %s\n",
	       i->setxattr ? "on" : "off", i->swap ? "on" : "off");
}

/* "owner" is whoever owns the listed directory, which is root more often than one thinks. */
static void print_share(const struct settings_share *share)
{
	const struct passwd *pw = NULL;
	struct stat st;
	bool there = stat(share->path, &st) == 0;

	if (there && share->as == AS_OWNER)
		pw = getpwuid(st.st_uid);
	printf("    %s, with the rights of %s%s%s%s%s\n", share->path,
	       share->as == AS_OWNER ? "its " : "", settings_as_name(share), pw ? " " : "",
	       pw ? pw->pw_name : "", share->readonly ? ", read-only" : "");
	if (!there)
		printf("      %s: nothing can be mounted by it\n", g_strerror(errno));
}

static void print_summary(const struct settings *s)
{
	printf("%s: right%s%s\n", s->file ?: "no settings; the built-in ones",
	       s->locked ? ", locked" : "", s->disabled ? ", switched off (\"value\": false)" : "");
	printf("  restricted mounts (%s): the built-in list, %u more, %u exceptions; parents are "
	       "%s\n",
	       settings_mode_name(s->mounts_mode), s->restricted->len, s->unrestricted->len,
	       s->hide ? "served without them" : "refused");
	printf("  engine socket (%s): %s may mount it\n", settings_mode_name(s->socket_mode),
	       socket_summary(s));
	printf("  file sharing (%s): %s\n", settings_mode_name(s->shares_mode), share_summary(s));
	for (guint i = 0; i < s->shares->len; i++)
		print_share(s->shares->pdata[i]);
	print_inside(&s->inside);
	for (guint i = 0; i < s->warnings->len; i++)
		printf("  warning: %s\n", (char *)s->warnings->pdata[i]);
}

/*
 * Is @file right, and what does it mean?
 * @file: NULL: the settings that count now
 */
static int check(const char *file, const struct policy_options *o)
{
	g_autoptr(GError) error = NULL;
	autosettings s = file ? settings_read(file, &error)
			      : settings_load(launcher_settings, &error);
	json_t *json;

	if (!s && !o->as_json) {
		log_error("%s", error->message);
		return EXIT_FAILURE;
	}
	json = s ? summary_json(s)
		 : json_pack("{s:b, s:s}", "valid", false, "error", error->message);
	if (o->as_json)
		policy_print_json(json);
	else
		print_summary(s);
	json_decref(json);
	return s ? 0 : EXIT_FAILURE;
}

static const char start_text[] =
	"// Settings of Cloister: cloister-settings(5). `cloister policy check` reads them.\n"
	"{\n"
	"  \"configurationFileVersion\": 2,\n"
	"  \"enhancedContainerIsolation\": {\n"
	"    // true: no other file, option or environment variable has a say.\n"
	"    \"locked\": %s,\n"
	"    \"value\": true,\n"
	"    \"dockerSocketMount\": {\n"
	"      // Images whose containers may have the engine's socket: NAME:TAG, NAME:*, "
	"NAME@DIGEST.\n"
	"      \"imageList\": { \"images\": [], \"allowDerivedImages\": false },\n"
	"      // What they may do there.\n"
	"      \"commandList\": { \"type\": \"%s\", \"commands\": [%s] }\n"
	"    }\n"
	"  },\n"
	"  \"cloister\": {\n"
	"    // Paths that no container may mount, beside the built-in ones; and which of those it "
	"may.\n"
	"    \"restrictedMounts\": { \"mode\": \"enforce\", \"paths\": [], \"except\": [] },\n"
	"    \"socketMount\": { \"mode\": \"enforce\", \"verify\": \"local\" }%s\n"
	"  }\n"
	"}\n";
static const char strict_sharing[] =
	",\n"
	"    // The only host directories that containers may mount, each with whose rights:\n"
	"    // { \"path\": \"/home/me/project\", \"as\": \"owner\" }. Engine volumes need no "
	"entry.\n"
	"    \"fileSharing\": { \"mode\": \"enforce\", \"directories\": [] }";

static bool make_parent(const char *dir, GError **error)
{
	return mkdir(dir, 0755) == 0 || errno == EEXIST ||
	       error_set_errno(error, -errno, "make \"%s\"", dir);
}

static bool write_start(const char *file, bool strict, bool force, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(file), *base = g_path_get_basename(file);
	g_autofree char *text = g_strdup_printf(
		start_text, strict ? "true" : "false", strict ? "allow" : "deny",
		strict ? "" : "\"push\", \"build\"", strict ? strict_sharing : "");
	autofd fd = -1;
	int r;

	if (!make_parent(dir, error))
		return false;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "open \"%s\"", dir);
	if (!force && faccessat(fd, base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(error, "\"%s\" exists; --force replaces it", file);
	r = fd_replace_file_at(fd, base, text, strlen(text), 0644);
	return r == 0 || error_set_errno(error, r, "write \"%s\"", file);
}

/**
 * init() - write settings to begin with
 * @file: NULL: the usual one
 */
static int init(const char *file, const struct policy_options *o)
{
	g_autoptr(GError) error = NULL;

	file = file ?: SETTINGS_FILE;
	if (!write_start(file, o->strict, o->force, &error))
		return launcher_fail(error);
	printf("%s\n", file);
	return 0;
}

enum { OPT_IMAGE = 256, OPT_MOUNT, OPT_READ_ONLY, OPT_STORE, OPT_STRICT, OPT_FORCE, OPT_JSON };

static const struct option long_options[] = { { "image", required_argument, NULL, OPT_IMAGE },
					      { "mount", required_argument, NULL, OPT_MOUNT },
					      { "read-only", no_argument, NULL, OPT_READ_ONLY },
					      { "store", required_argument, NULL, OPT_STORE },
					      { "strict", no_argument, NULL, OPT_STRICT },
					      { "force", no_argument, NULL, OPT_FORCE },
					      { "json", no_argument, NULL, OPT_JSON },
					      { "help", no_argument, NULL, 'h' },
					      { 0 } };

static void take_option(struct policy_options *o, int c)
{
	switch (c) {
	case OPT_IMAGE:
		o->image = optarg;
		break;
	case OPT_MOUNT:
		g_ptr_array_add(o->mounts, optarg);
		break;
	case OPT_READ_ONLY:
		o->readonly = !optarg;
		break;
	case OPT_STORE:
		o->store = optarg;
		break;
	case OPT_STRICT:
		o->strict = !optarg;
		break;
	case OPT_FORCE:
		o->force = !optarg;
		break;
	case OPT_JSON:
		o->as_json = !optarg;
		break;
	}
}

static int run_word(const char *word, const char *file, const struct policy_options *o)
{
	if (strcmp(word, "check") == 0)
		return check(file, o);
	if (strcmp(word, "init") == 0)
		return init(file, o);
	/* As if it counted already. */
	if (file)
		launcher_settings = file;
	if (strcmp(word, "explain") == 0 && o->mounts->len == 0)
		return launcher_usage_error("policy", "explain: give --mount SOURCE");
	if (strcmp(word, "explain") == 0)
		return policy_explain(o);
	if (strcmp(word, "test") == 0)
		return policy_test(o);
	return launcher_usage_error("policy", "\"%s\": give check, explain, test or init", word);
}

/**
 * cmd_policy() - `cloister policy`
 */
int cmd_policy(int argc, char **argv)
{
	struct policy_options o = { .store = "/var/lib/docker", .mounts = g_ptr_array_new() };
	int c, status;

	while ((c = flags_getopt(argc, argv, "h", long_options)) != -1) {
		if (c == 'h')
			print_help();
		if (c == 'h' || c == '?') {
			g_ptr_array_unref(o.mounts);
			return c == 'h' ? 0 : launcher_bad_option("policy", argv);
		}
		take_option(&o, c);
	}
	if (argc == optind)
		status = launcher_usage_error("policy", "give check, explain, test or init");
	else if (argc - optind > 2)
		status = launcher_usage_error("policy", "%s: \"%s\" is one FILE too many",
					      argv[optind], argv[optind + 2]);
	else
		status = run_word(argv[optind], argv[optind + 1], &o);
	g_ptr_array_unref(o.mounts);
	return status;
}
