# SPDX-License-Identifier: Apache-2.0
"""The families of shift-posix.py: what is asked of each call."""
import itertools, os, stat, time

TYPES = ('regular', 'dir', 'fifo', 'block', 'char', 'socket', 'symlink')
NO_DIR = tuple(t for t in TYPES if t != 'dir')
NO_LINK = tuple(t for t in TYPES if t != 'symlink')
U, V = 65534, 65533  # two users, each of the group of the same number
NAME_MAX, PATH_MAX = 255, 4095
RD, WR, RDWR, CREAT, EXCL, TRUNC = os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_EXCL, os.O_TRUNC
NONBLOCK, NOFOLLOW, DIRECTORY, APPEND = os.O_NONBLOCK, os.O_NOFOLLOW, os.O_DIRECTORY, os.O_APPEND
NULL, WILD = 0, 0xdeadc0de
NOW, OMIT = (0, (1 << 30) - 1), (0, (1 << 30) - 2)


def untold(mode, user, gid):
    """S_ISGID without S_IXGRP, once the mark of mandatory locks, stays when a member of the group writes, or root in
    a container; FUSE tells neither supplementary groups nor capabilities, and on ID-mapped mounts no group."""
    if mode & (stat.S_ISGID | stat.S_IXGRP) != stat.S_ISGID:
        return False
    return user in (0, gid) if isinstance(user, int) else gid in user[1:]


def bad(address):
    import __main__
    return __main__.Bad(address)


# Each call that takes a path, as a function of that path.
ONE_PATH = {
    'stat': lambda p: ('stat', p), 'lstat': lambda p: ('lstat', p), 'open': lambda p: ('open', p, RD | NONBLOCK),
    'open for writing': lambda p: ('open', p, WR | NONBLOCK), 'open and make': lambda p: ('open', p, WR | CREAT | NONBLOCK, 0o644),
    'open exclusively': lambda p: ('open', p, WR | CREAT | EXCL, 0o644),
    'open a directory': lambda p: ('open', p, RD | DIRECTORY), 'open no link': lambda p: ('open', p, RD | NOFOLLOW | NONBLOCK),
    'open and truncate': lambda p: ('open', p, RDWR | TRUNC | NONBLOCK),
    'mkdir': lambda p: ('mkdir', p), 'rmdir': lambda p: ('rmdir', p), 'unlink': lambda p: ('unlink', p),
    'mkfifo': lambda p: ('mkfifo', p), 'mknod': lambda p: ('mknod', p, stat.S_IFREG | 0o644),
    'mknod char': lambda p: ('mknod', p, stat.S_IFCHR | 0o644, os.makedev(1, 3)),
    'mknod block': lambda p: ('mknod', p, stat.S_IFBLK | 0o644, os.makedev(1, 2)),
    'symlink': lambda p: ('symlink', 'target', p), 'readlink': lambda p: ('readlink', p),
    'link from': lambda p: ('link', p, 'linked'), 'link to': lambda p: ('link', 'some', p),
    'rename from': lambda p: ('rename', p, 'renamed'), 'rename to': lambda p: ('rename', 'some', p),
    'rename to, of a directory': lambda p: ('rename', 'somedir', p),
    'chmod': lambda p: ('chmod', p, 0o640), 'chown': lambda p: ('chown', p, U, U), 'lchown': lambda p: ('lchown', p, U, U),
    'truncate': lambda p: ('truncate', p, 10), 'utimens': lambda p: ('utimens', p, (5, 6), (7, 8)),
    'utimens of the link': lambda p: ('utimens', p, (5, 6), (7, 8), 0x100), 'utime now': lambda p: ('utime_null', p),
    'access': lambda p: ('access', p, os.R_OK), 'access for search': lambda p: ('access', p, os.X_OK),
}
NEEDS_TEXT = {  # Python itself reads the path
    'bind': lambda p: ('bind', p), 'connect': lambda p: ('connect', p), 'list': lambda p: ('list', p),
    'chdir': lambda p: ('chdir', p), 'setxattr': lambda p: ('setxattr', p, 'user.x', b'v'),
    'getxattr': lambda p: ('getxattr', p, 'user.x'), 'pathconf': lambda p: ('pathconf', p, 'PC_NAME_MAX'),
}
ALL_PATHS = {**ONE_PATH, **NEEDS_TEXT}


def some(t):
    t.root('touch', 'some')
    t.root('mkdir', 'somedir')
    t.root('chmod', '.', 0o777)


def prefixes(t):
    """ENOTDIR, ENOENT, ENAMETOOLONG, ELOOP, EFAULT, EACCES of each call, by its path."""
    for name, call in ALL_PATHS.items():
        t.fresh()
        some(t)
        for kind in NO_DIR:
            t.make(kind, kind)
        t.root('symlink', 'regular', 'to-file')
        t.root('symlink', 'loop-b', 'loop-a')
        t.root('symlink', 'loop-a', 'loop-b')
        t.root('mkdir', 'dir')
        t.root('touch', 'dir/inside')
        paths = [k + '/x' for k in NO_DIR] + ['to-file/x', 'missing/x', 'loop-a', 'loop-a/x', 'loop-b/x', '', 'some/', 'dir/',
                                              'dir/.', 'dir/..', 'missing/', 'symlink/', 'symlink', 'dir/inside/..', '/']
        for p in paths:
            if p == '/' and name not in ('rmdir', 'unlink', 'mkdir', 'mkfifo', 'truncate'):
                continue
            t.root(*call(p))
        for user in (U, (V, V, U)):
            t.do(user, *call('dir/inside'))
        t.root('list')


def long_names(t):
    half = 'n' * 127
    deep = '/'.join([half] * 31)  # of 3967 bytes
    for name, call in ALL_PATHS.items():
        t.fresh()
        some(t)
        t.root(*call('x' * NAME_MAX))
        t.root('list')
        t.root('unlink', 'x' * NAME_MAX)
        t.root('rmdir', 'x' * NAME_MAX)
        for n in (NAME_MAX + 1, 1000, 1024, 1025, 4000):
            t.root(*call('x' * n))
            t.root(*call('x' * n + '/y'))
    t.fresh()
    some(t)
    for n in range(1, 32):
        t.root('mkdir', '/'.join([half] * n))
    for name, call in ALL_PATHS.items():
        for last in (PATH_MAX - len(deep) - 1, PATH_MAX - len(deep)):
            p = deep + '/' + 'z' * last
            t.root(*call(p))
            t.root('unlink', p)
            t.root('rmdir', p)
            t.root('unlink', 'renamed')
            t.root('unlink', 'linked')
            t.root('touch', 'some')
            t.root('mkdir', 'somedir')
    for n in (PATH_MAX, PATH_MAX + 1):
        t.root('symlink', 't' * n, 'long')
        t.root('readlink', 'long')
        t.root('lstat', 'long')
        t.root('unlink', 'long')
    t.root('pathconf', '.', 'PC_NAME_MAX')
    t.root('pathconf', '.', 'PC_PATH_MAX')
    for name in ('\u00e4' * 127, 'a\nb', ' ', '\udcff\udcfe', '\\', '...'):
        t.root('touch', name)
        t.look(name)
        t.root('unlink', name)


def addresses(t):
    for name, call in ONE_PATH.items():
        if call('x')[0] in ('stat', 'lstat'):
            continue
        t.fresh()
        some(t)
        t.root(*call(bad(NULL)))
        t.root(*call(bad(WILD)))
    t.root('symlink', bad(WILD), 'x')
    t.root('list')


def search_and_write(t):
    """What the modes of the directory allow, to owner, group and others."""
    for name, call in ALL_PATHS.items():
        for mode in (0o755, 0o644, 0o311, 0o070, 0o006):
            t.fresh(0o777)
            t.root('mkdir', 'd')
            t.root('touch', 'd/x', 0o666)
            t.root('mkdir', 'd/sub', 0o777)
            t.root('touch', 'some')
            t.root('mkdir', 'somedir', 0o777)
            t.root('chown', 'd', U, U)
            t.root('chmod', 'd', mode)
            for user in (U, (V, V, U), (V, V)):
                for p in ('d/x', 'd/new', 'd/sub', 'd'):
                    t.do(user, *call(p))
            t.root('chmod', 'd', 0o700)
            t.root('list', 'd')


MAKERS = {'regular': lambda p, m: ('touch', p, m), 'dir': lambda p, m: ('mkdir', p, m), 'fifo': lambda p, m: ('mkfifo', p, m),
          'block': lambda p, m: ('mknod', p, stat.S_IFBLK | m, os.makedev(1, 2)),
          'char': lambda p, m: ('mknod', p, stat.S_IFCHR | m, os.makedev(300, 70000)),
          'plain node': lambda p, m: ('mknod', p, stat.S_IFREG | m), 'socket node': lambda p, m: ('mknod', p, stat.S_IFSOCK | m),
          'socket': lambda p, m: ('bind', p), 'symlink': lambda p, m: ('symlink', 'target', p)}


def making(t):
    """Mode, umask, owner and group of what is made; EEXIST; times of it and of its directory."""
    modes = itertools.cycle((0o755, 0o2755, 0o6755))
    for kind, call in MAKERS.items():
        t.fresh(0o777)
        remove = 'rmdir' if kind == 'dir' else 'unlink'
        for mode in (0o755, 0o151, 0o345, 0o000, 0o4755, 0o2755, 0o6777, 0o1777, 0o2644, 0o7777):
            for umask in (0, 0o022, 0o077, 0o070, 0o501, 0o777):
                for user in (0, U):
                    t.mask = umask
                    t.do(user, *call('x', mode))
                    t.mask = 0
                    t.look('x')
                    t.root(remove, 'x')
        for dmode, duid, dgid in itertools.product((0o777, 0o2777, 0o1777, 0o3777, 0o755), (0, U), (0, U, V)):
            t.root('chown', '.', duid, dgid)
            t.root('chmod', '.', dmode)
            for user in (0, U, (U, V), (V, 65532, U)):
                t.do(user, *call('x', next(modes)))
                t.look('.')
                t.root('lstat', 'x')
                t.root(remove, 'x')
        t.fresh(0o755)
        t.timed(['.', 'x'], lambda: t.root(*call('x', 0o755)))
        t.timed(['.', 'x'], lambda: t.root(*call('x', 0o777)))  # EEXIST
        t.timed(['.'], lambda: t.do(U, *call('y', 0o777)))  # EACCES
        t.equal(*new_times(t), 'whether the three times of something new are equal')
    for kind in TYPES:
        t.fresh()
        t.make(kind, 'x')
        before = t.idents('x')
        for call in MAKERS.values():
            t.root(*call('x', 0o600))
        t.same(before, 'x')
        t.look('x')


def new_times(t):
    t.checks -= 1  # of times themselves, which differ
    return [len(set(x)) == 1 and isinstance(x, tuple) for x in t.both(0, 'times', 'x')]


def chmod(t):
    modes = (0o0, 0o111, 0o222, 0o644, 0o755, 0o1621, 0o1755, 0o2755, 0o2644, 0o4755, 0o6555, 0o7777)
    for kind in TYPES:
        t.fresh(0o777)
        for uid, gid in ((0, 0), (U, U), (U, V)):
            t.make(kind, 'x', 0o640, uid, gid)
            t.root('symlink', 'x', 'l')
            for mode in modes:
                for user in (0, U, (U, 65532, V), V):
                    for p in ('x', 'l'):
                        t.do(user, 'chmod', p, mode)
                        t.look('x', 'l')
            if kind in ('regular', 'dir'):
                t.root('open', 'x', RD)
                for mode in modes:
                    t.root('fchmod', mode)
                    t.root('fstat')
            t.remove(kind, 'x')
            t.root('unlink', 'l')
        t.make(kind, 'x', 0o644)
        t.root('symlink', 'x', 'l')
        t.timed(['x', '.'], lambda: t.root('chmod', 'x', 0o111))
        t.timed(['x', 'l'], lambda: t.root('chmod', 'l', 0o112))
        t.timed(['x', '.'], lambda: t.root('chmod', 'x', 0o112))
        t.timed(['x', '.'], lambda: t.do(U, 'chmod', 'x', 0o112))
    for p in ('nowhere', 'loop'):
        t.root('symlink', p, p + '-link')
        t.root('chmod', p + '-link', 0o600)


def chown(t):
    ids = ((123, 456), (0, 0), (-1, 65532), (U, 65531), (U, -1), (-1, -1), (V, V), (65535, 65535), (-1, 0))
    calls = itertools.cycle((('chown', 'x'), ('lchown', 'x'), ('chown', 'l'), ('lchown', 'l')))
    for kind in TYPES:
        for mode in (0o644, 0o6555, 0o2755, 0o4755):
            t.fresh(0o777)
            for owner in ((0, 0), (U, V), (U, 65532)):
                t.make(kind, 'x', mode, *owner)
                t.root('symlink', 'x', 'l')
                for user in (0, U, (U, 65532, 65531), (V, V)):
                    for uid, gid in ids:
                        call, p = next(calls)
                        # FUSE does not tell a change to nobody from the question before somebody else's write
                        stranger = (user if isinstance(user, int) else user[0]) not in (0, owner[0])
                        if (uid, gid) == (-1, -1) and mode & 0o6000 and kind == 'regular' and stranger:
                            continue
                        t.do(user, call, p, uid, gid)
                        t.look('x', 'l')
                        t.root('lchown', p, *owner)
                        t.root('lchown', 'x', *owner)
                        t.root('chmod', 'x', mode)
                t.remove(kind, 'x')
                t.root('unlink', 'l')
        t.fresh()
        t.make(kind, 'x')
        for user, uid, gid in ((0, U, V), (0, U, 65532), ((U, 65531), U, 65531), (0, -1, -1), (U, -1, -1), (V, V, -1)):
            t.timed(['x', '.'], lambda: t.do(user, 'lchown', 'x', uid, gid))
            t.look('x')
    t.fresh()
    t.root('open', 'f', CREAT | RDWR, 0o6777)
    for uid, gid in ids:
        if (uid, gid) == (-1, -1):
            continue
        t.root('fchown', uid, gid)
        t.root('fstat')
        t.root('fchmod', 0o6777)


def acls(t):
    """Whether S_ISGID stays when an ACL is removed: some file systems ask who does it."""
    for kind, mode in itertools.product(('regular', 'dir'), (0o2755, 0o2644)):
        for user, owner in ((0, (U, V)), (U, (U, U)), ((U, V), (U, V)), (U, (U, V)), (V, (U, V))):
            if untold(mode, user, owner[1]) and user:
                continue
            t.fresh(0o777)
            t.make(kind, 'x', mode, *owner)
            t.do(U, 'open', 'y', CREAT | WR, 0o600)
            t.do(user, 'removexattr', 'x', 'system.posix_acl_access')
            t.look('x')


def open_modes(t):
    """Who may open what how."""
    flags = (RD, WR, RDWR, RD | TRUNC, WR | TRUNC, RDWR | APPEND, RD | DIRECTORY, RD | NOFOLLOW, os.O_PATH, WR | CREAT,
             RD | CREAT | EXCL, RD | os.O_NOATIME)
    bits = (0o0, 0o1, 0o2, 0o3, 0o4, 0o5, 0o6, 0o7)
    for kind in ('regular', 'fifo', 'dir'):
        t.fresh(0o755, U, U)
        t.make(kind, 'x', 0o644, U, U)
        for b in bits:
            for shift, user in ((6, U), (3, (V, U)), (3, (V, V, U)), (0, V), (6, 0)):
                rest = 0o777 & ~(7 << shift)
                for mode in (rest | b << shift, b << shift):
                    t.do(U, 'chmod', 'x', mode)
                    for f in flags:
                        t.do(user, 'open', 'x', f | NONBLOCK)
                    for a in (os.R_OK, os.W_OK, os.X_OK, os.F_OK):
                        t.do(user, 'access', 'x', a)
        t.look('x')
    for kind in TYPES:
        t.fresh(0o777)
        t.make(kind, 'x', 0o666)
        t.root('symlink', 'x', 'l')
        for user in (0, U):
            for f in flags + (RDWR | CREAT | EXCL | NOFOLLOW, WR | NOFOLLOW, RDWR | DIRECTORY, CREAT | DIRECTORY | RD):
                for p in ('x', 'l'):
                    t.do(user, 'open', p, f | NONBLOCK, 0o600)
        t.look('x', 'l')


def opening(t):
    """What opening makes and truncates, and which times that changes."""
    t.fresh()
    t.timed(['.', 'f'], lambda: t.root('open', 'f', WR | CREAT, 0o644))
    t.timed(['.', 'f'], lambda: t.root('open', 'f', RD | CREAT, 0o644))
    t.timed(['.', 'f'], lambda: t.root('open', 'f', WR | CREAT | EXCL, 0o644))
    t.timed(['.', 'f'], lambda: t.root('open', 'f', WR | TRUNC))  # empty already
    t.root('put', 'f', b'text')
    t.timed(['.', 'f'], lambda: t.root('open', 'f', WR))
    t.timed(['.', 'f'], lambda: t.do(U, 'open', 'f', WR | TRUNC))
    t.look('f')
    t.timed(['.', 'f'], lambda: t.root('open', 'f', RD | TRUNC))
    t.look('f')
    for flags in (WR, RDWR, RD, WR | APPEND):
        for user in (0, U):
            t.root('chmod', '.', 0o777)
            t.do(user, 'open', 'new', CREAT | flags, 0)
            t.do(user, 'write', b'abc')
            t.do(user, 'ftruncate', 1)
            t.do(user, 'fstat')
            t.do(user, 'pread', 10, 0)
            t.do(user, 'open', 'new', RDWR)
            t.root('unlink', 'new')
    t.root('symlink', 'made-by-link', 'l')
    t.root('open', 'l', WR | CREAT | EXCL, 0o644)
    t.root('open', 'l', WR | CREAT | NOFOLLOW, 0o644)
    t.root('open', 'l', WR | CREAT, 0o644)
    t.look('made-by-link')
    for user in (0, U):  # fs.protected_regular, fs.protected_fifos, fs.protected_symlinks
        t.fresh(0o1777)
        for kind in ('regular', 'fifo', 'symlink'):
            for owner in (0, U, V):
                t.make(kind, kind, 0o666, owner)
                t.do(user, 'open', kind, WR | CREAT | NONBLOCK, 0o666)
                t.do(user, 'open', kind, RDWR | NONBLOCK)
                t.root('unlink', kind)


def rename_types(t):
    for a, b in itertools.product(TYPES, ('none',) + TYPES + ('full',)):
        for dirs in (('.', '.'), ('p', 'q')):
            for flags in (0, 1, 2, 4):
                t.fresh()
                t.root('mkdir', 'p'), t.root('mkdir', 'q')
                x, y = (os.path.join(d, n) for d, n in zip(dirs, 'xy'))
                t.make(a, x, 0o640, U, V)
                t.make('dir' if b == 'full' else b, y)
                if b == 'full':
                    t.root('touch', y + '/in')
                before = t.idents(x)
                t.root('rename', x, y, flags)
                t.look(x, y, 'p', 'q', '.')
                if flags != 2:
                    t.same(before, y)


def rename(t):
    for kind in TYPES:
        t.fresh()
        t.root('mkdir', 'p'), t.root('mkdir', 'q')
        t.make(kind, 'p/x')
        t.timed(['p/x', 'p', 'q'], lambda: t.do(U, 'rename', 'p/x', 'p/y'))
        t.timed(['p', 'q'], lambda: t.root('rename', 'p/x', 'p/x'))
        before = t.idents('p/x')
        t.timed(['p', 'q'], lambda: t.root('rename', 'p/x', 'q/y'))
        t.same(before, 'q/y')
        t.look('p', 'q', 'q/y', 'p/x')
        if kind != 'dir':
            t.root('link', 'q/y', 'q/z')
            t.timed(['q/y', 'q/z'], lambda: t.root('rename', 'q/y', 'q/z'))  # the same inode
            t.look('q/y', 'q/z')
            t.make(kind, 'p/new')
            t.timed(['q/z'], lambda: t.root('rename', 'p/new', 'q/y'))  # has one link less
            t.look('q/y', 'q/z')
        else:
            before = t.idents('q')
            t.same(before, 'q/y/..')
            for bad_move in (('q', 'q/y'), ('q', 'q/y/z'), ('q', 'q'), ('q/.', 'r'), ('q/..', 'r'), ('q', '.'), ('q', '..'),
                             ('q/y', 'q'), ('.', 'r'), ('p', 'q'), ('p', 'q/'), ('p/', 's')):
                t.root('rename', *bad_move)
                t.look('p', 'q', 'q/y', 's')
    t.fresh(0o777)
    t.root('mkdir', 'a', 0o777), t.root('mkdir', 'b', 0o777)
    t.root('mkdir', 'a/d', 0o700)
    t.do(U, 'rename', 'a/d', 'a/e')
    t.do(U, 'rename', 'a/e', 'b/e')  # needs to write to its ".."
    t.root('chown', 'a/e', U, U)
    t.do(U, 'rename', 'a/e', 'b/e')
    for flags in (1 | 2, 2 | 4, 8, 1 | 4, 64):
        t.root('rename', 'a', 'b', flags)


def sticky(t):
    """Removing and renaming in sticky directories: owners of directory, file and target; each type."""
    for kind in TYPES:
        for directory, file in itertools.product((0, U, V), repeat=2):
            t.fresh(0o777)
            t.root('mkdir', 's', 0o777), t.root('mkdir', 'o', 0o777)
            t.root('chmod', 's', 0o1777)
            t.root('chown', 's', directory, directory)
            t.make(kind, 's/x', 0o666, file)
            t.do(U, 'rename', 's/x', 's/y')
            t.do(U, 'rename', 's/y', 's/x')
            t.do(U, 'rename', 's/x', 'o/x')
            t.look('s', 'o')
            for target in ('none',) + (TYPES if file == V else (kind,)):
                for owner in (U, V):
                    t.root('rename', 'o/x', 's/x')
                    t.make(target, 'o/y', 0o666, owner)
                    t.do(U, 'rename', 's/x', 'o/y')
                    t.root('lstat', 'o/y')
                    t.do(U, 'rename', 'o/y', 's/x')
                    t.do(U, 'rename', 's/x', 'o/y', 2)
                    t.root('unlink', 'o/y'), t.root('rmdir', 'o/y')
                    t.root('unlink', 's/x'), t.root('rmdir', 's/x')
                    t.make(kind, 's/x', 0o666, file)
            t.make(kind, 's/victim', 0o666, file)
            t.timed(['s', 's/victim'], lambda: t.do(U, 'unlink', 's/victim'))
            t.do(U, 'rmdir', 's/victim')
            t.do((V, U), 'link', 's/x', 'o/l')
            t.root('list', 's'), t.root('list', 'o')


def link(t):
    for kind in TYPES:
        t.fresh()
        t.make(kind, 'a')
        t.timed(['a', '.'], lambda: t.root('link', 'a', 'b'))
        t.look('a', 'b')
        t.same(t.idents('a'), 'b')
        t.root('link', 'b', 'c')
        t.root('chmod', 'b', 0o201)
        t.root('lchown', 'b', U, V)
        t.look('a', 'b', 'c')
        for existing in TYPES:
            t.make(existing, 'there')
            t.root('link', 'a', 'there')
            t.remove(existing, 'there')
        t.timed(['b', 'c', '.'], lambda: t.remove(kind, 'a'))
        t.look('b', 'c')
        t.root('unlink', 'c'), t.look('b', 'c')
        t.root('unlink', 'b'), t.look('b')
        t.root('chmod', '.', 0o755)
        t.make(kind, 'd', 0o644, U)
        t.timed(['d', '.'], lambda: t.do(U, 'link', 'd', 'e'))
        t.root('chmod', '.', 0o777)
        for mode, owner, user in itertools.product((0o644, 0o666, 0o4755, 0o2755, 0o600), (U, V, 0), (U, (U, V), 0)):
            t.root('lchown', 'd', owner, owner)
            t.root('chmod', 'd', mode)
            t.do(user, 'link', 'd', 'e')  # fs.protected_hardlinks
            t.root('unlink', 'e')
    t.fresh()
    t.root('symlink', 'x', 'l'), t.root('link', 'l', 'm')
    t.look('l', 'm'), t.root('link', 'missing', 'y'), t.root('link', '.', 'y')


def removing(t):
    for kind in TYPES:
        t.fresh()
        t.make(kind, 'x')
        t.timed(['x', '.'], lambda: t.do(U, 'unlink', 'x'))
        t.root('rmdir' if kind != 'dir' else 'unlink', 'x')
        t.root('mkdir', 'd')
        t.make(kind, 'd/in')
        t.look('d', '.')
        t.root('rmdir', 'd')
        t.timed(['d'], lambda: t.remove(kind, 'd/in'))
        t.look('d')
        t.timed(['d', '.'], lambda: t.root('rmdir', 'd'))
        t.remove(kind, 'x')
        t.root('list')
    for p in ('.', '..', 'd/.', 'd/..', 'd/', 'd/e/..'):
        t.root('mkdir', 'd'), t.root('mkdir', 'd/e')
        t.root('rmdir', p), t.root('unlink', p)
        t.root('list')
    for flags in (RD, RDWR, WR):  # open, without a name
        t.fresh()
        t.root('open', 'f', CREAT | RDWR, 0o4777)
        t.root('write', b'before')
        t.root('open', 'f', flags)
        t.root('link', 'f', 'g')
        t.root('unlink', 'f'), t.root('fstat')
        t.root('unlink', 'g'), t.root('fstat')
        t.root('write', b'after'), t.root('pread', 100, 0)
        t.root('ftruncate', 3), t.root('fchmod', 0o640), t.root('fchown', U, V), t.root('fsync')
        t.root('futimens', (5, 6), (7, 8)), t.root('fstat')
        t.root('fallocate', 0, 0, 10000), t.root('fstat'), t.root('open', 'f', RD)
    t.fresh()
    t.root('mkdir', 'd'), t.root('open', 'd', RD | DIRECTORY)
    t.root('rmdir', 'd'), t.root('fstat'), t.root('fchmod', 0o700), t.root('fstat')


def truncating(t):
    sizes = (1234567, 567, 0, 1, 4096, 4097, 1 << 33, -1, -1 << 62, 1 << 62, 0, 3)  # of nothing to nothing may be O_TRUNC
    for call in ('truncate', 'ftruncate'):
        t.fresh()
        t.root('put', 'f', b'x' * 12345)
        for n in sizes:
            t.root('open', 'f', RDWR)
            args = ('truncate', 'f', n) if call == 'truncate' else ('ftruncate', n)
            t.timed(['f', '.'], lambda: t.root(*args))
            t.look('f')
            t.root('pread', 20000, 0)
        t.timed(['f'], lambda: t.root(*args))  # to the size that it has
    for kind in TYPES:
        t.make(kind, kind)
        for n in (0, 10, -1):
            if kind != 'fifo':
                t.root('truncate', kind, n)
        t.do(U, 'truncate', kind, 0)
        t.look(kind)
    t.root('open', 'f', RD), t.root('ftruncate', 5)
    t.root('open', 'f', os.O_PATH), t.root('ftruncate', 5)
    for mode, user in itertools.product((0o4777, 0o2777, 0o6777, 0o2767, 0o644, 0o222), (0, U, (U, U, 0), V)):
        if untold(mode, user, 0):
            continue
        t.root('chmod', 'f', mode)
        t.timed(['f'], lambda: t.do(user, 'truncate', 'f', 77))
        t.look('f')


WRITES = {
    'write': [('open', 'f', WR), ('write', b'text')], 'append': [('open', 'f', WR | APPEND), ('write', b'text')],
    'write nothing': [('open', 'f', WR), ('write', b'')], 'pwrite': [('open', 'f', RDWR), ('pwrite', b'text', 5000)],
    'truncate': [('truncate', 'f', 3)], 'ftruncate': [('open', 'f', WR), ('ftruncate', 100)],
    'open and truncate': [('open', 'f', WR | TRUNC)], 'open for reading and truncate': [('open', 'f', RD | TRUNC)],
    'fallocate': [('open', 'f', WR), ('fallocate', 0, 0, 20000)], 'punch': [('open', 'f', WR), ('fallocate', 3, 0, 4096)],
    'posix_fallocate': [('open', 'f', WR), ('posix_fallocate', 100, 30000)],
    'posix_fallocate of nothing': [('open', 'f', WR), ('posix_fallocate', 0, 0), ('posix_fallocate', -1, 5)],
    'write without permission': [('open', 'f', RD), ('write', b'x'), ('posix_fallocate', 0, 5)],
}


def writing(t):
    """Size and times, and what becomes of suid bits."""
    for name, steps in WRITES.items():
        t.fresh()
        for mode, owner, user in itertools.product((0o4777, 0o2777, 0o6777, 0o6767, 0o6766, 0o666), ((0, 0), (U, V)),
                                                   (0, U, (V, V), (65532, 65532, V))):
            if untold(mode, user, owner[1]):
                continue
            t.root('put', 'f', b'o' * 5000)
            t.root('chown', 'f', *owner)
            t.root('chmod', 'f', mode)
            for step in steps:
                t.do(user, *step)
            t.do(user, 'fstat') if steps[0][0] == 'open' else None
            t.look('f')
            t.root('unlink', 'f')
        t.root('put', 'f', b'o' * 5000)
        t.timed(['f', '.'], lambda: [t.root(*step) for step in steps])
        t.root('pread', 10000, 0)


def times(t):
    values = ((1900000000, 0), (1950000000, 123456789), (0, 999999999), (2147483648, 1), (4294967296, 2), (-1, 5), NOW, OMIT,
              (5, 1000000000), (5, -1))
    for kind in TYPES:
        t.fresh(0o777)
        t.make(kind, 'x', 0o644, U)
        t.root('symlink', 'x', 'l')
        for (a, m), flags in itertools.product(itertools.product(values[:4] + (NOW, OMIT), repeat=2), (0, 0x100)):
            for p in ('x', 'l'):
                t.root('utimens', p, a, m, flags)
                for q in ('x', 'l'):  # the kernel remembers where a link leads without reading it again
                    skip = (q == 'l' or kind == 'symlink') and (p != q or not flags or a == OMIT)
                    t.equal(*(shown(x)[skip:] for x in t.both(0, 'times', q)), 'times of ' + q)
    t.fresh()
    t.make('regular', 'x')
    for a, m in itertools.product(values, repeat=2):
        t.root('utimens', 'x', a, m)
        t.equal(*(shown(x) for x in t.both(0, 'times', 'x')), 'times of x')
    for mode, user in itertools.product((0o444, 0o644, 0o666, 0o642, 0o664), (U, V, (V, U), (V, V, U), 0)):
        t.root('chown', 'x', U, U)
        t.root('chmod', 'x', mode)
        for a, m in (((1, 2), (3, 4)), (NOW, NOW), (OMIT, OMIT), (NOW, OMIT), (OMIT, NOW), ((1, 2), OMIT), ((1, 2), NOW)):
            t.timed(['x'], lambda: t.do(user, 'utimens', 'x', a, m))
        t.timed(['x'], lambda: t.do(user, 'utime_null', 'x'))
        t.do(user, 'open', 'x', WR)
        t.timed(['x'], lambda: t.do(user, 'futimens', (9, 8), (7, 6)))


def shown(found):
    """Times as they are, but those of just now only as such."""
    if isinstance(found, str):
        return found
    return tuple('now' if abs(x / 10**9 - time.time()) < 86400 else x for x in found[:2])


def programs(t):
    """Execution, and files that are being executed."""
    t.fresh(0o777)
    with open('/bin/true', 'rb') as f:
        true = f.read()
    with open('/bin/cat', 'rb') as f:
        cat = f.read()
    t.root('put', 'true', true), t.root('put', 'cat', cat)
    t.root('put', 'script', b'#!/bin/sh\nexit 0\n'), t.root('put', 'empty', b'')
    for p, mode, user in itertools.product(('true', 'script', 'empty'), (0o755, 0o644, 0o711, 0o100, 0o010, 0o001), (0, U, V)):
        t.root('chown', p, U, U)
        t.root('chmod', p, mode)
        t.do(user, 'exec', p)
        t.do(user, 'access', p, os.X_OK)
    t.root('chmod', 'cat', 0o755)
    for flags in (WR, RDWR, RD | TRUNC, RD):
        t.root('busy', 'cat', flags)
    t.root('open', 'true', WR), t.root('chmod', 'true', 0o755), t.root('exec', 'true')  # ETXTBSY the other way
    t.root('exec', '.'), t.root('mkfifo', 'fifo', 0o755), t.root('exec', 'fifo')


def links_of_directories(t):
    t.fresh()
    for p in ('a', 'b', 'a/c', 'a/d', 'a/c/e'):
        t.root('mkdir', p)
        t.look('.', 'a', 'b')
    t.same(t.idents('a'), 'a/c/..')
    t.root('rename', 'a/c', 'b/c')
    t.look('a', 'b', 'b/c')
    t.same(t.idents('b'), 'b/c/..')
    t.root('rename', 'a/d', 'b/c/e')
    t.look('a', 'b/c', 'b/c/e')
    t.root('rename', 'b/c', 'a', 2)
    t.look('a', 'b', 'b/c', '.')
    for p in ('a/e', 'a', 'b/c', 'b'):
        t.root('rmdir', p)
        t.look('.', 'a', 'b', 'b/c')


def sockets(t):
    for mode, user in itertools.product((0o777, 0o644, 0o000), (0, U)):
        t.fresh(0o777)
        t.root('bind', 's')
        t.root('chmod', 's', mode)
        t.do(user, 'connect', 's')
        t.do(user, 'open', 's', RD), t.do(user, 'open', 's', WR)
        t.do(user, 'bind', 's')
        t.root('unlink', 's'), t.do(user, 'connect', 's')


FAMILIES = {'prefixes': prefixes, 'long-names': long_names, 'addresses': addresses, 'directories': search_and_write,
            'making': making, 'chmod': chmod, 'chown': chown, 'acls': acls, 'open-modes': open_modes, 'opening': opening,
            'rename-types': rename_types, 'rename': rename, 'sticky': sticky, 'link': link, 'removing': removing,
            'truncating': truncating, 'writing': writing, 'times': times, 'programs': programs,
            'links-of-directories': links_of_directories, 'sockets': sockets}
