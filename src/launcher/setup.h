/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Installing Cloister into engines: what docker-setup, containerd-setup and podman-setup share.
 *
 * Each engine's file turns the text of its configuration into a new text; setup-file.c alone
 * touches the disk, and can refuse to.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct setup_options {
	const char *config;	 /* the engine's configuration file */
	const char *systemd_dir; /* where drop-ins go; NULL: no systemd here */
	const char *enforce_dir; /* holds a runc that is Cloister */
	bool set_default;
	bool enforce;
	bool dry_run;
	bool undo;
	bool json;
};

/* What a command did, or would do: collected, and printed once at the end. */
struct setup {
	struct setup_options opt;
	char *program;	  /* absolute path of the installed cloister */
	char *unit;	  /* "docker", "containerd" or NULL */
	int changed;	  /* files that are, or would be, different */
	bool restart;	  /* a reload is not enough */
	GString *diff;	  /* previews of all files */
	GPtrArray *notes; /* of char *: what the reader has to know */
	GPtrArray *next;  /* of char *: commands to type */
};

void setup_note(struct setup *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
void setup_next(struct setup *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool setup_run_tool(const char *const argv[], char **out, char **complaint);

/* setup-file.c */
struct setup_file {
	char *path; /* with symlinks of the file itself resolved */
	char *text; /* NULL: there is no file */
	gsize len;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int dir_fd; /* of the directory, locked; -1: it does not exist */
};

typedef struct setup_file setup_file_t;
struct setup_file *setup_file_open(const char *path, GError **error);
void setup_file_free(struct setup_file *f);
bool setup_file_replace(struct setup *s, struct setup_file *f, const char *text, GError **error);
char *setup_file_backup(const struct setup_file *f);
bool setup_file_set_backup(struct setup *s, struct setup_file *f, const char *text, GError **error);
bool setup_file_try(const struct setup_file *f, const char *text, char **path, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(setup_file_t, setup_file_free)

/* setup-diff.c */
void setup_diff(GString *out, const char *path, const char *before, const char *after);

/* setup-json.c: edits of a JSON text that leave every other byte as it is */
json_t *setup_json_parse(const char *path, const char *text, GError **error);
char *setup_json_set(const char *text, const char *const *keys, json_t *value);
char *setup_json_remove(const char *text, const char *const *keys);

/* setup-toml.c: finds tables and keys of a TOML text */
struct toml_line {
	const char *start;
	const char *end; /* behind the line's newline */
	char *table;	 /* the table that the line is in, or opens: "a.b.c", "" at the top */
	char *key;	 /* the key that a value is given to, or NULL */
	bool header;	 /* opens the table */
};

GPtrArray *setup_toml_lines(const char *text);
const struct toml_line *setup_toml_find(GPtrArray *lines, const char *table, const char *key);
char *setup_toml_string(const struct toml_line *line);
GPtrArray *setup_toml_array(const struct toml_line *line);
bool setup_toml_below(const char *table, const char *parent);

/* setup-enforce.c */
bool setup_enforce_check(struct setup *s, GError **error);
bool setup_enforce(struct setup *s, GError **error);
bool setup_unenforce(struct setup *s, GError **error);
void setup_report_shims(struct setup *s);

/* One per engine: read, change, replace. */
bool setup_docker(struct setup *s, GError **error);
bool setup_containerd(struct setup *s, GError **error);
bool setup_podman(struct setup *s, GError **error);
