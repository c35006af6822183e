/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder: what was blocked, in the system's log.
 */
#include "config.h"
#include "sockproxy/back.h"

#include <syslog.h>
#include <time.h>

#define LOG_BURST 20U /* lines of blocked commands; then one a second */

/* A container that asks in a loop shall not fill the host's log. */
static bool may_log(void)
{
	static unsigned int left = LOG_BURST, missed;
	static time_t last;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > last) {
		time_t more = now.tv_sec - last;

		left = more > LOG_BURST - left ? LOG_BURST : left + more;
		last = now.tv_sec;
	}
	if (!left) {
		missed++;
		return false;
	}
	if (missed)
		syslog(LOG_WARNING, "container %s, image %s: %u more were blocked",
		       back_proxy->container, back_proxy->image, missed);
	missed = 0;
	left--;
	return true;
}

/**
 * log_denied() - write down what was blocked, but not more than a few in a while
 * @target: of the request: the client's bytes
 */
void log_denied(const char *target, size_t len)
{
	char text[512];
	size_t n = 0;

	if (!may_log())
		return;
	for (size_t i = 0; i < len && n < sizeof(text) - 1; i++)
		text[n++] = target[i] > ' ' && target[i] < 0x7f ? target[i] : '?';
	text[n] = '\0';
	syslog(LOG_WARNING, "container %s, image %s: docker command \"%s\" blocked",
	       back_proxy->container, back_proxy->image, text);
}
