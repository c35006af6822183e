# SPDX-License-Identifier: Apache-2.0
"""Families of shift-posix.py about limits: sizes, offsets, links; and about times of access, and what is read-only."""
import itertools, os, stat

from shift_posix_cases import ALL_PATHS, APPEND, CREAT, DIRECTORY, EXCL, NONBLOCK, NOW, OMIT, RD, RDWR, TRUNC, TYPES, U, V, WR

LIMIT = 10000


def sizes(t):
    """Offsets and sizes from small to what no file can have."""
    numbers = [1 << n for n in (31, 32, 40, 42, 43, 44, 45, 55, 62)] + [(1 << 63) - 1, (1 << 44) - 4096, (1 << 63) - 4096, -1, -1 << 63]
    for n, how in itertools.product(numbers, (RDWR, WR | APPEND)):
        t.fresh()
        t.root('open', 'f', how | CREAT, 0o644)
        for step in (('truncate', 'f', n), ('ftruncate', n), ('ftruncate', 5), ('pwrite', b'xy', n), ('ftruncate', 5), ('pread', 2, n),
                     ('fallocate', 0, n, 1), ('fallocate', 0, 0, n), ('fallocate', 1, n, 4096), ('posix_fallocate', n, 5),
                     ('truncate', 'f', n), ('truncate', 'f', 0), ('advise', n, 1, 4)):
            if step[0].endswith('fallocate') and 0 < n < 1 << 55:
                continue  # fills the disk
            t.root(*step)
            t.look('f')


def file_size_limit(t):
    """RLIMIT_FSIZE: EFBIG and SIGXFSZ, and how much is written."""
    for how, offset, n in itertools.product((WR, WR | APPEND, RDWR), (0, LIMIT - 10, LIMIT, LIMIT + 1), (1, 10, 20, 20000)):
        t.fresh()
        t.root('put', 'f', b'o' * (offset if how & APPEND else 50))
        t.root('put', 'source', b's' * 20000), t.root('open', 'f', how), t.root('open', 'source', RD, 0, 2)
        for step in (('pwrite', b'n' * n, offset), ('ftruncate', offset + n), ('truncate', 'f', offset + n), ('fallocate', 0, offset, n),
                     ('posix_fallocate', offset, n), ('copy', n, 0, offset, 2, 0),
                     ('write_with', b'n' * n, offset, 0), ('seek', offset, 0), ('write', b'n' * n)):
            t.root('limited', LIMIT, *step)
            t.look('f')
        t.timed(['f'], lambda: t.root('limited', LIMIT, 'pwrite', b'n', LIMIT + 5))


def links(t):
    """A chain of links: how many may be followed."""
    t.fresh(0o777)
    t.root('mkdir', 'dir'), t.root('touch', 'file'), t.root('touch', 'dir/in')
    for to in ('dir', 'file', 'missing'):
        t.root('symlink', to, to + '-1')
        for n in range(2, 43):
            t.root('symlink', '%s-%d' % (to, n - 1), '%s-%d' % (to, n))
    for n in (19, 41):  # the kernel may begin anew halfway, and counts on: 20 to 40 are allowed at times
        for to, after in (('dir', ''), ('dir', '/in'), ('dir', '/'), ('file', ''), ('missing', ''), ('dir', '/new')):
            for call in ALL_PATHS.values():
                step = call('%s-%d%s' % (to, n, after))
                if step[0] not in ('unlink', 'rmdir', 'rename', 'lchown') or after:
                    t.root(*step)
                t.root('unlink', 'linked'), t.root('rename', 'renamed', 'dir/in'), t.root('touch', 'dir/in'), t.root('unlink', 'dir/new')
                t.root('rmdir', 'dir/new'), t.root('unlink', 'missing'), t.root('touch', 'some'), t.root('mkdir', 'somedir')
                t.root('list'), t.root('list', 'dir')


def read_times(t):
    """Which uses change the time of access, of what, and when."""
    old, new = (5, 0), (1900000000, 0)
    uses = {'read': [('open', 'f', RD), ('pread', 10, 0)], 'read nothing': [('open', 'f', RD), ('pread', 0, 0)],
            'read at the end': [('open', 'f', RD), ('pread', 10, 5000)], 'read the empty': [('open', 'empty', RD), ('pread', 10, 0)],
            'only open': [('open', 'f', RD)], 'write': [('open', 'f', RDWR), ('write', b'x')],
            'no access time': [('open', 'f', RD | os.O_NOATIME), ('pread', 10, 0)],
            'list': [('list', 'd')], 'open a directory': [('open', 'd', RD | DIRECTORY)], 'find': [('lstat', 'd/in')],
            'send': [('open', 'f', RD), ('open', 'empty', WR, 0, 1), ('send', 10)],
            'copy': [('open', 'f', RD), ('open', 'empty', WR, 0, 1), ('copy', 10, 0, 0)],
            'look': [('open', 'f', RD), ('map_read', 0)], 'execute': [('exec', 'script')],
            'seek': [('open', 'f', RD), ('seek', 0, 3), ('seek', 0, 4)], 'attributes': [('names', 'f'), ('get', 'f', 'user.a')]}
    for (name, steps), (atime, mtime), user in itertools.product(uses.items(), ((old, old), (old, new), (new, old), (new, new)), (0, U)):
        t.fresh(0o777)
        t.root('put', 'f', b'0123456789' * 500), t.root('put', 'script', b'#!/bin/true\n'), t.root('touch', 'empty'), t.root('mkdir', 'd')
        t.root('touch', 'd/in'), t.root('mkfifo', 'p'), t.root('set', 'f', 'user.a', b'v')
        for p, mode in (('f', 0o666), ('script', 0o755), ('empty', 0o666), ('d', 0o777), ('p', 0o666)):
            t.root('chmod', p, mode), t.root('chown', p, U, U), t.root('utimens', p, atime, mtime)
        t.timed(['f', 'script', 'empty', 'd', 'p'], lambda: [t.do(user, *step) for step in steps], atime=True)
        t.do(user, 'close'), t.do(user, 'close', 1)


def names(t):
    """pathconf(3) and statfs(2)."""
    for kind in TYPES:
        t.fresh()
        t.make(kind, 'x')
        for name in sorted(set(os.pathconf_names) - {'PC_LINK_MAX', 'PC_FILESIZEBITS'}):  # the C library knows types by name
            t.root('pathconf', 'x', name)
        t.root('free', 'x'), t.root('free', '.')


def boundaries(t):
    """What is mounted on a file or a directory, and what is on another file system."""
    for kind in ('dir', 'regular'):
        t.fresh(0o777)
        t.make(kind, 'x', 0o755), t.make(kind, 'y', 0o755), t.root('mkdir', 'z')
        t.root('mount_on', 'x')
        for step in (('rmdir', 'x'), ('unlink', 'x'), ('rename', 'x', 'w'), ('rename', 'y', 'x'), ('rename', 'x', 'y', 2), ('link', 'x', 'w'),
                     ('rename', 'x/in', 'w'), ('rename', 'y', 'x/in'), ('link', 'y', 'x/in'), ('rename', 'z', 'x'), ('lstat', 'x/..')):
            t.root(*step)
            t.look('x', 'y', 'w', 'z')
        t.root('list'), t.root('unmount', 'x'), t.look('x'), t.root('list')
    for kind in TYPES:
        t.make(kind, kind)
        for step in (('rename', kind, '/proc/x'), ('link', kind, '/proc/x'), ('rename', '/proc/version', kind), ('link', '/proc/version', kind),
                     ('rename', '/proc/x', kind), ('link', '/proc/x', kind), ('link', '/proc/version', 'new')):
            t.timed([kind, '.'], lambda: t.root(*step))


def prepare(t):
    """What refusals() finds."""
    t.where = '.'
    t.root('mkdir', 'prepared', 0o755)
    t.where = 'prepared'
    for kind in TYPES:
        t.make(kind, kind, 0o666, U, U)
    t.root('put', 'regular', b'text'), t.root('chmod', 'regular', 0o666), t.root('chown', 'regular', U, U)
    t.root('mkdir', 'mine', 0o777), t.root('chown', 'mine', U, U), t.root('touch', 'mine/in', 0o666), t.root('mkdir', 'full')
    t.root('touch', 'full/in'), t.root('symlink', 'regular', 'l'), t.root('symlink', 'nowhere', 'dangling')
    t.root('touch', 'some'), t.root('mkdir', 'somedir'), t.root('put', 'program', b'#!/bin/true\n'), t.root('chmod', 'program', 0o777)


def refusals(t):
    """The calls on what is read-only, or full: after prepare(), by who may and who may not; and what is as it was."""
    t.where = 'prepared'
    paths = TYPES + ('mine', 'mine/in', 'mine/new', 'full', 'l', 'dangling', 'missing', 'missing/x', 'regular/x', 'x' * 256, 'program')
    for call, p, user in itertools.product(ALL_PATHS.values(), paths, (0, U, V)):
        t.do(user, *call(p))
        t.do(user, 'close')
    for flags, p, user in itertools.product((RD | TRUNC, WR | TRUNC, WR | CREAT | TRUNC, RDWR, WR | APPEND, RD | CREAT, RD | CREAT | EXCL),
                                            paths, (0, U, V)):
        t.do(user, 'open', p, flags | NONBLOCK, 0o644), t.do(user, 'close')
    for what, p, user in itertools.product((os.R_OK, os.W_OK, os.X_OK), paths, (0, U, V)):
        t.do(user, 'access', p, what), t.do(user, 'faccessat2', p, what, 0x300)
    for p, user in itertools.product(paths, (0, U, V)):
        t.do(user, 'exec', p), t.do(user, 'removexattr', p, 'user.x'), t.do(user, 'utimens', p, NOW, NOW)
        t.do(user, 'tmpfile', p, RDWR, 0o600), t.do(user, 'lchown', p, -1, -1), t.do(user, 'utimens', p, OMIT, OMIT)
        for flags in (0, 1, 2, 4):
            t.do(user, 'rename', p, 'regular', flags), t.do(user, 'rename', p, 'mine/new', flags), t.do(user, 'rename', p, p, flags)
        t.do(user, 'link', p, 'regular'), t.do(user, 'link', p, 'mine/new'), t.do(user, 'unlinkat', p, 0x200)
    t.root('open', 'regular', RD)
    for step in (('fchmod', 0o600), ('fchown', U, U), ('futimens', NOW, NOW), ('fset', 'user.x', b'v'), ('ftruncate', 0), ('pread', 9, 0),
                 ('fallocate', 0, 0, 10), ('fsync',), ('fcntl', 3)):
        t.root(*step)
    t.root('list'), t.look(*TYPES)


FAMILIES = {'sizes': sizes, 'file-size-limit': file_size_limit, 'links': links, 'read-times': read_times, 'names': names,
            'boundaries': boundaries}
BY_NAME = {'prepare': prepare, 'refusals': refusals}
