# SPDX-License-Identifier: Apache-2.0
"""Families of shift-posix.py about what Linux has beyond POSIX: files without names, attributes, flags, events."""
import itertools, os

import shift_posix_cases
from shift_posix_calls import Caller
from shift_posix_cases import APPEND, CREAT, DIRECTORY, EXCL, NONBLOCK, NOFOLLOW, RD, RDWR, TRUNC, TYPES, U, V, WR
from shift_posix_rights import DAC, DAC_READ, able, root_without, told


def attributes(t):
    """Extended attributes: names, values, flags, sizes, by type and user."""
    names = ('user.a', 'user.' + 'n' * 250, 'user.' + 'n' * 251, 'user.', 'user', 'trusted.a', 'security.a', 'system.a',
             'other.a', '',
             'user.\udcff\u00e4', 'os2.x', 'security.', 'trusted.')
    for kind, mode in itertools.product(TYPES, (0o644, 0o1777)):
        t.fresh(0o777)
        t.make(kind, 'x', mode, U, V)
        for name, user in itertools.product(names, (0, U, V)):
            t.do(user, 'set', 'x', name, b'value')
            t.do(user, 'set', 'x', name, b'value', 1), t.do(user, 'set', 'x', name, b'', 2), t.do(user, 'set', 'x', name, b'v', 3)
            t.do(user, 'set', 'x', name, b'v', 8)
            t.do(user, 'get', 'x', name), t.do(user, 'names', 'x')
            t.do(user, 'removexattr', 'x', name)
            t.do(user, 'removexattr', 'x', name)
        for step in (('set', 'x', 'user.a', b'v'), ('removexattr', 'x', 'user.a'), ('removexattr', 'x', 'user.a')):
            t.timed(['x', '.'], lambda: t.do(U, *step))
    t.fresh(0o777)
    t.make('regular', 'x', 0o644, U, U)
    for n in (0, 1, 1000, 3000, 65537):
        t.do(U, 'set', 'x', 'user.a', b'v' * n)
        for size in (0, 1, 999, 3000, 65536):
            t.do(U, 'get', 'x', 'user.a', size)
    t.do(U, 'set', 'x', 'user.b', b'v')
    for size in (0, 1, 8, 14, 100):
        t.do(U, 'names', 'x', size)
    for mode, user in itertools.product((0o400, 0o200, 0o040, 0o004, 0o002), (U, V, (V, U), 0)):
        t.root('chmod', 'x', mode)
        t.do(user, 'set', 'x', 'user.a', b'v'), t.do(user, 'get', 'x', 'user.a'), t.do(user, 'names', 'x')
    t.do(U, 'open', 'x', RD)
    t.do(U, 'fset', 'user.c', b'v')
    t.do(U, 'open', 'x', os.O_PATH), t.do(U, 'fset', 'user.c', b'v')
    t.root('unlink', 'x')


def without_names(t):
    """O_TMPFILE and what is removed: made, linked, used."""
    for dmode, mode, umask, user in itertools.product((0o777, 0o2777, 0o1777, 0o755), (0o644, 0o6755, 0o2644, 0o000), (0, 0o077),
                                                      (0, U, (U, V), able(DAC))):
        t.fresh(0o755)
        t.root('chown', '.', 1, V)
        t.root('chmod', '.', dmode)
        t.mask = umask
        t.timed(['.'], lambda: t.do(user, 'tmpfile', '.', RDWR, mode))
        t.mask = 0
        t.do(user, 'fstat')
        if told(('write',), mode & ~umask, user):
            t.do(user, 'write', b'text'), t.do(user, 'fstat')
        t.do(user, 'link_empty', 'x')
        t.timed(['.'], lambda: t.do(user, 'link_open', 'x'))
        t.do(user, 'fstat'), t.look('x', '.')
        t.do(user, 'link_open', 'x'), t.do(user, 'link_open', 'y'), t.look('x', 'y')
        t.root('unlink', 'x'), t.root('unlink', 'y'), t.do(user, 'fstat')
        t.do(user, 'link_open', 'z')
        t.root('lstat', 'z'), t.root('list')
    for flags, p in itertools.product((RDWR, WR, RD, RDWR | EXCL, RDWR | CREAT, RDWR | TRUNC, WR | APPEND, RDWR | NOFOLLOW),
                                      ('.', 'f', 'l', 'missing', 'd', 'd/')):
        t.fresh(0o777)
        t.root('touch', 'f'), t.root('mkdir', 'd'), t.root('symlink', 'd', 'l')
        t.do(U, 'tmpfile', p, flags, 0o600)
        t.do(0, 'tmpfile', p, flags, 0o600), t.root('fstat'), t.root('link_open', 'new'), t.root('lstat', 'new')
    for kind in TYPES:
        t.fresh(0o777)
        t.make(kind, 'x', 0o644, U, U)
        t.do(U, 'open', 'x', os.O_PATH | NOFOLLOW)
        t.do(U, 'fstat'), t.do(U, 'link_empty', 'e'), t.do(U, 'link_open', 'y'), t.look('x', 'y')
        t.root('open', 'x', os.O_PATH | NOFOLLOW), t.root('link_empty', 'z'), t.look('x', 'z')
        for user, uid, gid in ((U, U, U), (U, -1, V), (V, -1, -1), (0, 1, 2)):
            t.do(V, 'open', 'x', os.O_PATH | NOFOLLOW)
            t.do(user, 'chown_empty', uid, gid), t.do(user, 'chmod_empty', 0o640), t.look('x')
        t.remove(kind, 'x'), t.root('unlink', 'y'), t.root('unlink', 'z')
        t.do(U, 'fstat'), t.root('fstat'), t.root('chown_empty', 7, 8), t.root('chmod_empty', 0o711), t.root('fstat')
        t.root('link_empty', 'back'), t.root('list')
    for call in (('touch', 'a'), ('mkdir', 'a'), ('symlink', 'b', 'a'), ('list', '.'), ('lstat', '.'), ('lstat', '..'),
                 ('rename', '../o', 'a'),
                 ('link', '../o', 'a'), ('chmod', '.', 0o700), ('set', '.', 'user.a', b'v'), ('utime_null', '.'),
                 ('rmdir', '../d'),
                 ('open', '.', RD | DIRECTORY), ('access', '.', os.W_OK), ('mkfifo', 'a'), ('bind', 'a'),
                 ('tmpfile', '.', RDWR, 0o600)):
        t.fresh()
        t.root('touch', 'o'), t.root('mkdir', 'd')
        t.where += '/d'
        t.root('remove_here', call)


def access_checks(t):
    """faccessat2(2) and access(2), with ids that differ; fchmodat2(2) and unlinkat(2) with flags."""
    callers = (0, U, V, Caller(0, (V,), None, U), Caller(U, (U,), None, 0), Caller(V, (V, U), None, U), able(DAC), able(DAC_READ),
               root_without(DAC), root_without(DAC, DAC_READ))
    for kind, mode in itertools.product(TYPES, (0o000, 0o700, 0o070, 0o007, 0o644, 0o711)):
        t.fresh(0o755)
        t.make(kind, 'x', mode, U, U)
        t.root('symlink', 'x', 'l')
        for user, what, flags, p in itertools.product(callers, (os.F_OK, os.R_OK, os.W_OK, os.X_OK, 8), (0, 0x200, 0x100), 'xl'):
            t.do(user, 'faccessat2', p, what, flags)
        for flags, p in itertools.product((0, 0x100, 0x1000, 0x200), 'xl'):
            t.root('fchmodat2', p, 0o4751, flags), t.look('x', 'l')
        for flags, p in itertools.product((0x100, 0x200, 0), 'lx'):
            t.root('unlinkat', p, flags), t.root('list')


def open_flags(t):
    """Combinations of open(2)'s flags, for each type."""
    extra = (DIRECTORY | CREAT, DIRECTORY | CREAT | EXCL, CREAT | EXCL | NOFOLLOW, os.O_PATH | CREAT, os.O_PATH | TRUNC,
             os.O_PATH | DIRECTORY,
             os.O_PATH | NOFOLLOW, TRUNC | APPEND, APPEND | DIRECTORY, TRUNC | DIRECTORY, os.O_NOATIME, os.O_DIRECT, os.O_SYNC,
             EXCL,
             CREAT | TRUNC, CREAT | TRUNC | EXCL, 3)
    for kind, user in itertools.chain(itertools.product(('none',) + TYPES, (U,)), (('none', 0), ('regular', 0), ('fifo', 0))):
        t.fresh(0o777)
        t.root('mkdir', 'dir')
        t.root('symlink', 'x', 'l'), t.root('symlink', 'dir', 'to-dir'), t.root('symlink', 'missing', 'nowhere'),
        t.root('symlink', 'x/', 'slash')
        for how, flags, p in itertools.product((RD, WR, RDWR), extra, ('x', 'l', 'x/', 'l/', 'nowhere', 'nowhere/', 'slash',
                                                                       'to-dir', 'to-dir/')):
            t.make(kind, 'x', 0o666, V, V) if flags & (CREAT | TRUNC) else None
            t.do(user, 'open', p, how | flags | NONBLOCK, 0o640)
            if flags & (CREAT | TRUNC):
                t.look('x', 'missing'), t.root('unlink', 'missing'), t.remove(kind if kind != 'none' else 'regular', 'x')
            elif kind != 'none':
                t.make(kind, 'x', 0o666, V, V) if how == flags == p else None


def slashes(t):
    """A slash after links to directories, files and nothing."""
    for name, call in shift_posix_cases.ALL_PATHS.items():
        for p in ('to-dir/', 'to-dir/.', 'to-dir', 'to-file/', 'dangling/', 'to-full/', 'dir//', './/dir', 'to-dir/../dir/',
                  'new/', 'new/.',
                  'to-dir/new', 'to-dir/new/', 'dangling', 'fifo/', 'socket/'):
            t.fresh(0o777)
            shift_posix_cases.some(t)
            t.root('mkdir', 'dir'), t.root('mkdir', 'full'), t.root('touch', 'full/in')
            t.make('fifo', 'fifo'), t.make('socket', 'socket')
            for to, l in (('dir', 'to-dir'), ('some', 'to-file'), ('missing', 'dangling'), ('full', 'to-full')):
                t.root('symlink', to, l)
            t.root(*call(p))
            t.root('list'), t.look('dir', 'to-dir', 'missing', 'new')


def copying(t):
    """copy_file_range(2), SEEK_DATA and SEEK_HOLE, mmap(2)."""
    for a, c in itertools.product((RD, WR, RDWR), (RD, WR, RDWR, WR | APPEND)):
        for n, at, to in ((100, 0, 0), (100, 4990, 7), (0, 0, 0), (1 << 20, 0, 1 << 20), (5, 6000, 0), (-1, 0, 0), (10, -1, 0),
                          (10, 0, -1)):
            t.fresh()
            t.root('put', 'f', b'0123456789' * 500), t.root('put', 'g', b'x' * 50)
            t.root('open', 'f', a), t.root('open', 'g', c, 0, 1)
            if n >= 0:
                t.timed(['f', 'g'], lambda: t.root('copy', n, at, to))
            t.look('g'), t.root('open', 'g', RD), t.root('pread', 3000000, 0)
    t.fresh()
    t.root('put', 'f', b'0123456789' * 500), t.root('open', 'f', RDWR), t.root('open', 'f', RDWR, 0, 1)
    for n, at, to in ((10, 0, 5), (10, 0, 10), (10, 100, 95), (5000, 0, 5000)):
        t.root('copy', n, at, to), t.root('pread', 20000, 0)
    for kind in ('dir', 'fifo', 'socket'):
        t.make(kind, kind)
        t.root('open', kind, RD | NONBLOCK, 0, 1)
        t.root('copy', 10, 0, 0, 0, 1), t.root('copy', 10, 0, 0, 1, 0)
    t.fresh()
    t.root('open', 's', RDWR | CREAT, 0o644), t.root('pwrite', b'data', 1 << 20), t.root('ftruncate', 4 << 20)
    for at, whence in itertools.product((0, 1 << 20, 3 << 20, 4 << 20, 5 << 20, -1), (0, 2, 3, 4, 5)):
        t.root('fsync'), t.root('seek', at, whence)
    for how in (RD, WR, RDWR):
        t.root('open', 's', how)
        t.timed(['s'], lambda: t.root('map', b'mapped', 4096))
        t.root('open', 's', RD), t.root('pread', 10, 4096)


def lists(t):
    t.fresh(0o777)
    t.root('dirents', '.')
    for kind in TYPES:
        t.make(kind, kind)
    t.root('link', 'regular', 'second'), t.root('mkdir', 'dir/sub'), t.root('touch', 'n' * 255)
    for p in ('.', 'dir', 'dir/sub', 'regular', 'missing'):
        t.root('dirents', p)
    for mode, user in itertools.product((0o000, 0o100, 0o400, 0o500), (U, V)):
        t.root('chown', 'dir', U, U), t.root('chmod', 'dir', mode)
        t.do(user, 'list', 'dir'), t.do(user, 'lstat', 'dir/sub'), t.do(user, 'open', 'dir', RD | DIRECTORY)
    t.root('rename', 'regular', 'renamed'), t.root('unlink', 'second'), t.root('rename', 'fifo', 'socket', 2)
    t.root('dirents', '.')
    t.root('open', 'dir', RD | DIRECTORY), t.root('chmod', 'dir', 0o755)
    t.root('rmdir', 'dir/sub'), t.root('read_dir'), t.root('rmdir', 'dir'), t.root('read_dir'), t.root('fstat')


def watched(t):
    """What inotify(7) tells of changes made through the tree itself."""
    steps = (('touch', 'd/a'), ('open', 'd/a', RDWR), ('write', b'x'), ('pread', 1, 0), ('ftruncate', 0), ('close',),
             ('chmod', 'd/a', 0o600),
             ('lchown', 'd/a', 1, 1), ('utime_null', 'd/a'), ('set', 'd/a', 'user.x', b'v'), ('removexattr', 'd/a', 'user.x'),
             ('link', 'd/a', 'd/b'), ('unlink', 'd/a'), ('rename', 'd/b', 'd/c'), ('rename', 'd/c', 'e/c'),
             ('rename', 'e/c', 'd/a'),
             ('mkdir', 'd/s'), ('rmdir', 'd/s'), ('mkfifo', 'd/p'), ('symlink', 'x', 'd/l'), ('rename', 'd/p', 'd/l', 2),
             ('truncate', 'd/a', 9),
             ('open', 'd/a', WR | TRUNC), ('fallocate', 0, 0, 10), ('close',), ('list', 'd'), ('put', 'd/n', b'new'),
             ('rename', 'd/n', 'd/a'),
             ('open', 'd/a', RD), ('unlink', 'd/a'), ('close',), ('unlink', 'd/l'), ('unlink', 'd/p'), ('rmdir', 'd'))
    t.fresh(0o777)
    t.root('mkdir', 'd'), t.root('mkdir', 'e')
    t.root('watch', 'd'), t.root('watch', 'e')
    for step in steps:
        t.root(*step)
        t.root('events')
    t.root('forget_events')
    t.fresh(0o777)
    for name in ('f', 'g'):
        t.root('touch', name), t.root('watch', name)
    for step in (('chmod', 'f', 0o600), ('link', 'f', 'h'), ('unlink', 'h'), ('rename', 'f', 'g'), ('unlink', 'g')):
        t.root(*step)
        t.root('events')
    t.root('forget_events')


USES = [('write', b'x'), ('pwrite', b'x', 0), ('pwrite', b'x', -1), ('pread', 1, 0), ('ftruncate', 5), ('ftruncate', -1),
        ('fallocate', 0, 0, 10), ('fallocate', 0, -1, 10), ('fallocate', 0, 0, 1 << 62), ('posix_fallocate', 0, 10), ('fsync',),
        ('fdatasync',), ('seek', 3, 0), ('seek', -1, 0), ('seek', 0, 7), ('map', b'x', 0), ('fchmod', 0o600), ('fchown', U, U), ('futimens', (5, 0), (6, 0)),
        ('fset', 'user.x', b'v'), ('read_dir',), ('flock', 6), ('flock', 8), ('advise', 0, 10, 4), ('send', 3, 0, 0),
        ('copy', 3, 0, 4, 0, 0), ('fcntl', 3), ('fcntl', 4, APPEND), ('fcntl', 4, 0), ('fcntl', 1025), ('fcntl', 1024, 0), ('fcntl', 1032),
        ('write_with', b'y', 0, 0x10), ('write_with', b'y', 0, 2), ('fstat',)]


def uses(t):
    """Each use of what is open, by its type and how it was opened."""
    for kind, how in itertools.product(('regular', 'dir', 'fifo', 'socket', 'symlink'), (RD, WR, RDWR, os.O_PATH, WR | APPEND)):
        t.fresh(0o777)
        t.make(kind, 'x', 0o666, U, U)
        t.root('put', 'x', b'text that is there') if kind == 'regular' else None
        t.root('open', 'x', how | NONBLOCK | NOFOLLOW)
        for step in USES:
            if how & APPEND and step == ('fcntl', 4, 0):
                continue  # with passthrough what was opened to append goes on appending
            t.root(*step)
            t.look('x')


FAMILIES = {'uses': uses, 'attributes': attributes, 'without-names': without_names, 'access-checks': access_checks,
            'open-flags': open_flags, 'slashes': slashes, 'copying': copying, 'lists': lists, 'watched': watched}
