/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The commands of cloister(1) and what they share.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/rundir.h"

/* The state root: --root, else /run/cloister. */
extern const char *launcher_root;
/* --settings: a file with settings in the place of the usual one, or NULL. */
extern const char *launcher_settings;
/* --systemd-cgroup: linux.cgroupsPath is SLICE:PREFIX:NAME. */
extern bool launcher_systemd_cgroup;

#define LAUNCHER_SPEC_VERSION "1.3.0"

int cmd_launch(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_state(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_features(int argc, char **argv);
int cmd_spec(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_update(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_docker_setup(int argc, char **argv);
int cmd_containerd_setup(int argc, char **argv);
int cmd_podman_setup(int argc, char **argv);

int status_sysctl(const char *id, bool as_json);
json_t *helpers_json(const struct rundir_helpers *known, const char *cgroup);
bool reload_is_installed(const char *program, pid_t pid);

const char *suggest_command(const char *word, const char *(*name)(size_t i));
const char *suggest_option(const char *command, const char *word);
int launcher_fail(const GError *error);
int launcher_usage_error(const char *command, const char *format, ...) G_GNUC_PRINTF(2, 3);
int launcher_bad_option(const char *command, char **argv);
int launcher_open_root(GError **error);
char *launcher_age(int64_t seconds);
