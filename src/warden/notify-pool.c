/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notifier's threads.
 *
 * Theory of operation. One thread leads: it waits for notifications, takes one and works on it
 * itself, so that a short call is answered by the thread that was woken for it, on the CPU where
 * the caller waits. A thread that is about to wait for something else steps aside, and another one
 * leads. Touching the caller's memory or paths can take as long as the container likes (a page of a
 * file that its own FUSE server does not deliver), so that nobody can know beforehand: a watch
 * looks once in a while at a leader that works, and after two looks at the same call has another
 * one lead.
 *
 * There are at most NOTIFY_THREADS; a container that keeps them all busy has its other calls wait.
 * Each thread has its line of the journal. A successor begins with the lines that are not free.
 */
#include "config.h"
#include "warden/helper.h"

#include "lib/fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define STACK_SIZE (256 << 10)
#define WATCH_NS   2000000
/* A call that kills the notifier (by using up its memory, say) would kill every successor too. */
#define HEIRS_MAX 8

static struct pool {
	struct notify *notify;
	int host_proc;
	int timer;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t free;
	bool led;
	unsigned int idle, threads;

	/*
	 * The leader's number, and that of the call which it works on, or 0. Whoever sets that to 0
	 * decides who leads next: the leader, at the end of the call, leads on; the watch, if it
	 * comes first, has another thread lead. Never both: of two threads that receive at once one
	 * would wait in the kernel, and not see the other listeners.
	 */
	_Atomic uint64_t reign, call;
	_Atomic bool watched;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .free = PTHREAD_COND_INITIALIZER };

static __thread uint64_t my_reign, my_call;

static void start_thread(unsigned int index);

/* Wait until nobody leads, and lead. */
static void lead(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.idle++;
	while (pool.led)
		pthread_cond_wait(&pool.free, &pool.lock);
	pool.idle--;
	pool.led = true;
	my_reign = ++pool.reign;
	pthread_mutex_unlock(&pool.lock);
}

static void depose(uint64_t reign)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.led && pool.reign == reign) {
		pool.led = false;
		pool.reign++;
		if (pool.idle)
			pthread_cond_signal(&pool.free);
		else if (pool.threads < NOTIFY_THREADS)
			start_thread(pool.threads);
	}
	pthread_mutex_unlock(&pool.lock);
}

/* Return: whether the call was the leader's until now. */
static bool take_call(uint64_t call)
{
	return call && atomic_compare_exchange_strong(&pool.call, &call, 0);
}

/**
 * pool_step_aside() - the calling thread is about to wait: another one takes calls from now on
 */
void pool_step_aside(void)
{
	take_call(my_call);
	depose(my_reign);
}

static bool leads(void)
{
	return pool.reign == my_reign;
}

/* The watch need not be quick, and sleeps while nothing happens. */
static void watch_call(void)
{
	static uint64_t calls; /* the leader's */
	struct itimerspec t = { .it_value.tv_nsec = WATCH_NS };

	my_call = ++calls;
	pool.call = my_call;
	if (!atomic_exchange(&pool.watched, true))
		timerfd_settime(pool.timer, 0, &t, NULL);
}

static void *watch(void *arg)
{
	struct itimerspec t = { .it_value.tv_nsec = WATCH_NS };
	uint64_t ticks, seen = 0;

	(void)arg;
	for (;;) {
		uint64_t reign = pool.reign, call;

		if (read(pool.timer, &ticks, sizeof(ticks)) < 0 && errno != EINTR)
			_exit(1);
		pool.watched = false;
		call = pool.call;
		if (call == seen && take_call(call))
			depose(reign);
		seen = call;
		if (call && !atomic_exchange(&pool.watched, true))
			timerfd_settime(pool.timer, 0, &t, NULL);
	}
	return NULL;
}

static void work(struct request *r)
{
	enum mediate_call call = mediate_identify(&r->notif->data, &r->abi);

	switch (call) {
	case MEDIATE_SYSINFO:
		sysinfo_handle(r);
		break;
	case MEDIATE_GETAFFINITY:
		affinity_handle(r);
		break;
	case MEDIATE_MOUNT:
		mount_handle(r);
		break;
	case MEDIATE_UMOUNT:
		umount_handle(r, true);
		break;
	case MEDIATE_OLDUMOUNT:
		umount_handle(r, false);
		break;
	case MEDIATE_FSOPEN:
		fsopen_handle(r);
		break;
	case MEDIATE_FSMOUNT:
		fsmount_handle(r);
		break;
	case MEDIATE_FSPICK:
		fspick_handle(r);
		break;
	case MEDIATE_SETATTR:
		setattr_handle(r);
		break;
	case MEDIATE_MKNOD:
		mknod_handle(r, false);
		break;
	case MEDIATE_MKNODAT:
		mknod_handle(r, true);
		break;
	case MEDIATE_SETXATTR:
	case MEDIATE_LSETXATTR:
	case MEDIATE_FSETXATTR:
		setxattr_handle(r, call);
		break;
	case MEDIATE_SETXATTRAT:
		setxattrat_handle(r);
		break;
	case MEDIATE_SWAPON:
		swap_handle(r, true);
		break;
	case MEDIATE_SWAPOFF:
		swap_handle(r, false);
		break;
	default:
		request_continue(r);
	}
}

static struct notify_mail *mail_of(const struct notify_slot *slot)
{
	return &pool.notify->mail[slot - pool.notify->shared->slots];
}

/* From what the journal says to an answer that was sent. */
static void carry_out(struct notify_slot *slot)
{
	const struct seccomp_notif notif = slot->notif;
	struct request r = { .notify = pool.notify,
			     .host_proc = pool.host_proc,
			     .listener = pool.notify->listeners[slot->listener],
			     .notif = &notif,
			     .resp = &slot->resp,
			     .mail = mail_of(slot) };

	if (slot->state == NOTIFY_RECEIVED) {
		slot->resp.id = notif.id;
		if (!helper_recover(&r))
			work(&r);
		slot->state = NOTIFY_DONE;
	}
	/* ENOENT: the caller was killed, or a predecessor had sent it already. */
	if (!r.answered)
		ioctl(r.listener, SECCOMP_IOCTL_NOTIF_SEND, &slot->resp);
	slot->state = NOTIFY_FREE;
}

static void recover(struct notify_slot *slot)
{
#ifdef MUTANT_JOURNAL_UNREAD
	slot->state = NOTIFY_FREE;
#endif
	if (slot->state == NOTIFY_RECEIVING)
		slot->state = slot->notif.id ? NOTIFY_RECEIVED : NOTIFY_FREE;
	if (slot->state == NOTIFY_FREE)
		return;
#ifdef MUTANT_HEIRS_UNCOUNTED
	slot->heirs = 0;
#endif
	if (slot->state == NOTIFY_RECEIVED && ++slot->heirs > HEIRS_MAX) {
		slot->resp = (struct seccomp_notif_resp){ .id = slot->notif.id, .error = -EIO };
		slot->state = NOTIFY_DONE;
	}
	if (pool.notify->listeners[slot->listener] >= 0)
		carry_out(slot);
	slot->state = NOTIFY_FREE;
}

static void serve(struct notify_slot *slot, int listener)
{
	memset(slot->room, 0, sizeof(slot->room));
	/* That of an earlier call says nothing about this one. */
	helper_forget(mail_of(slot));
	slot->listener = listener;
	slot->heirs = 0;
	slot->state = NOTIFY_RECEIVING;
	if (ioctl(pool.notify->listeners[listener], SECCOMP_IOCTL_NOTIF_RECV, &slot->notif) < 0) {
		slot->state = NOTIFY_FREE;
		return;
	}
	slot->state = NOTIFY_RECEIVED;
	watch_call();
	carry_out(slot);
	if (!take_call(my_call))
		my_reign = 0; /* another one leads, or is about to */
}

/*
 * Listeners that are over, for whoever leads. A thread that still works on a call of one's (whose
 * caller was killed) has its number, which must not become that of another.
 */
static bool over[NOTIFY_LISTENERS];

static void drop_listener(int index)
{
	struct notify_word word = { index };

	close(pool.notify->listeners[index]);
	pool.notify->listeners[index] = -1;
	over[index] = false;
	fd_send(pool.notify->link[1], &word, sizeof(word), NULL, 0);
}

static bool is_worked_on(int listener)
{
	for (int i = 0; i < NOTIFY_THREADS; i++) {
		const struct notify_slot *slot = &pool.notify->shared->slots[i];

		if (slot->state != NOTIFY_FREE && slot->listener == listener)
			return true;
	}
	return false;
}

/* Return: is it still to be listened to? */
static bool tend_listener(int index)
{
	if (over[index] && !is_worked_on(index))
		drop_listener(index);
	return pool.notify->listeners[index] >= 0 && !over[index];
}

static void equip(int listener)
{
	/* The caller and we take turns: on one CPU, where the kernel (6.6) can. */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

/* A new listener, or the end of warden and twin: nobody would start a successor. */
static void hear(void)
{
	struct notify_word word;
	int fd = -1;
	size_t n = 0;
	ssize_t got = fd_recv(pool.notify->link[1], &word, sizeof(word), &fd, 1, &n);

	if (got == 0)
		_exit(0);
	if (got != sizeof(word) || n != 1 || word.index < 0 || word.index >= NOTIFY_LISTENERS)
		return;
	/* What a predecessor did not hear we may have from birth. */
	if (pool.notify->listeners[word.index] >= 0) {
		close(fd);
		return;
	}
	pool.notify->listeners[word.index] = fd;
	equip(fd);
}

/* Who leads looks at everything; which of @p is which listener is in @index. */
static int gather(struct pollfd *p, int *index)
{
	int n = 1;

	p[0] = (struct pollfd){ .fd = pool.notify->link[1], .events = POLLIN };
	for (int i = 0; i < NOTIFY_LISTENERS; i++) {
		if (!tend_listener(i))
			continue;
		index[n] = i;
		p[n++] = (struct pollfd){ .fd = pool.notify->listeners[i], .events = POLLIN };
	}
	return n;
}

static void reign(struct notify_slot *slot)
{
	struct pollfd p[NOTIFY_LISTENERS + 1];
	int index[NOTIFY_LISTENERS + 1];
	int n = gather(p, index);

	while (leads()) {
		bool changed = false;

		if (poll(p, n, -1) < 0)
			continue;
		for (int i = 1; i < n && leads(); i++) {
			if (p[i].revents & POLLIN) {
				serve(slot, index[i]);
			} else if (p[i].revents & POLLHUP) {
				over[index[i]] = true;
				changed = true;
			}
		}
		if (leads() && p[0].revents) {
			hear();
			changed = true;
		}
		if (changed && leads())
			n = gather(p, index);
	}
}

static void *live(void *arg)
{
	struct notify_slot *slot = arg;

	recover(slot);
	for (;;) {
		lead();
		reign(slot);
		rest_take();
	}
	return NULL;
}

static int spawn(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return -r;
}

/* Without another thread the one that steps aside leads again when it is through. */
static void start_thread(unsigned int index)
{
	if (spawn(live, &pool.notify->shared->slots[index]) == 0)
		pool.threads = index + 1;
}

/**
 * pool_run() - be the notifier
 */
void pool_run(struct notify *n, int host_proc)
{
	unsigned int begun = 1;

	pool.notify = n;
	pool.host_proc = host_proc;
	pool.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (pool.timer < 0 || spawn(watch, NULL) < 0)
		_exit(1);
	for (int i = 0; i < NOTIFY_LISTENERS; i++)
		if (n->listeners[i] >= 0)
			equip(n->listeners[i]);
	for (unsigned int i = 0; i < NOTIFY_THREADS; i++)
		if (n->shared->slots[i].state != NOTIFY_FREE)
			begun = i + 2; /* one that is free to lead */
	if (begun > NOTIFY_THREADS)
		begun = NOTIFY_THREADS;
	pool.threads = begun;
	for (unsigned int i = 1; i < begun; i++)
		spawn(live, &n->shared->slots[i]);
	live(&n->shared->slots[0]);
	__builtin_unreachable();
}
