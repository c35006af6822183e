# SPDX-License-Identifier: Apache-2.0
"""Families of shift-posix.py that combine: each call, type, directory and caller, with all times; and what is open for others."""
import itertools, os, stat

from shift_posix_cases import ALL_PATHS, APPEND, DIRECTORY, NOW, RD, RDWR, TYPES, U, V, WR

W, X = 65532, 70000  # one more user; who has no id in a container
CALLERS = (0, U, (W, U), (W, W, U), W)  # root, the owner, of the group, of it by a supplementary group, another
DIRECTORIES = ((0o777, 0, 0), (0o1777, 0, 0), (0o1777, U, U), (0o1770, V, U), (0o755, U, U), (0o710, V, U), (0o1773, V, V))
MODES = itertools.cycle((0o640, 0o6771, 0o604, 0o060, 0o755))
TURNS = itertools.cycle(range(6))
KINDS = ('none', 'full') + TYPES
PLACES = ('.', 'd', 'd/x', 'd/x/in', 'some', 'somedir', 'linked', 'renamed')


def contents(kind, where, directory, owner=(U, U)):
    """How to make a directory with what the calls of ALL_PATHS name; the path that they are about is d/x."""
    at = lambda p: os.path.join(where, p)
    dmode, *downer = directory
    make = {'regular': ('touch', at('d/x')), 'dir': ('mkdir', at('d/x')), 'full': ('mkdir', at('d/x')), 'fifo': ('mkfifo', at('d/x')),
            'socket': ('mknod', at('d/x'), stat.S_IFSOCK | 0o600), 'symlink': ('symlink', '../some', at('d/x')),
            'block': ('mknod', at('d/x'), stat.S_IFBLK | 0o600, os.makedev(1, 2)),
            'char': ('mknod', at('d/x'), stat.S_IFCHR | 0o600, os.makedev(1, 3))}
    steps = [('mkdir', where, 0o777), ('touch', at('some'), 0o666), ('mkdir', at('somedir'), 0o777), ('mkdir', at('d'))]
    if kind != 'none':
        steps += [make[kind], ('lchown', at('d/x'), *owner)]
    if kind not in ('none', 'symlink'):
        steps.append(('chmod', at('d/x'), next(MODES)))
    if kind == 'full':
        steps.append(('touch', at('d/x/in')))
    return steps + [('chmod', where, 0o777), ('chown', at('d'), *downer), ('chmod', at('d'), dmode)]


def try_each(t, kind, name, call, situations):
    """The call in each of the directories 0, 1..., by the caller that the situation begins with."""
    base, places = t.where, [os.path.join(str(n), p) for n in range(len(situations)) for p in PLACES]
    before = t.both(0, 'states', places)
    t.nap()
    for n, (user, *_) in enumerate(situations):
        t.where = os.path.join(base, str(n))
        t.do(user, *call('d/x'))
        t.do(user, 'close') if call('')[0] == 'open' else None
    t.where = base
    after = t.both(0, 'states', places)
    for n, situation in enumerate(situations):
        t.equal(*(moves(x, y, '%d/' % n) for x, y in zip(before, after)), 'what %s of %s left, %s' % (name, kind, situation))


def matrix(t):
    """Each call on each type, in open, closed and sticky directories: what it says, leaves, and which times it changes."""
    for kind, (name, call) in itertools.product(KINDS, ALL_PATHS.items()):
        situations = list(itertools.product(CALLERS, DIRECTORIES))
        if not t.thorough:
            situations = situations[next(TURNS)::6]
        t.fresh(0o755)
        t.root('many', [s for n, (_, d) in enumerate(situations) for s in contents(kind, str(n), d)])
        try_each(t, kind, name, call, situations)


STRANGE = list(itertools.product((0, U, (W, U)), ((0o777, X, X), (0o1777, X, 0), (0o1777, 0, X), (0o777, 0, 0), (0o2775, 0, X)),
                                 ((X, X), (X, 0), (0, X), (U, X), (X, U), (0, 0))))


def strange_cases():
    """A few of the situations for each call and type; of what changes the owner of a file all."""
    turns = itertools.cycle(range(15))
    for n, (kind, (name, call)) in enumerate(itertools.product(KINDS, ALL_PATHS.items())):
        some = STRANGE if (name, kind) == ('lchown', 'regular') else STRANGE[next(turns)::15]
        yield 'strange/%d' % n, kind, name, call, some


def make_strange(t):
    """What strange() finds; made where all ids are known."""
    t.root('mkdir', 'strange', 0o755)
    for where, kind, _, _, some in strange_cases():
        t.where = '.'
        t.root('mkdir', where, 0o755)
        t.where = where
        t.root('many', [s for n, (_, d, owner) in enumerate(some) for s in contents(kind, str(n), d, owner)])


def strange(t):
    """Each call on what belongs to those who have no id here, and in their directories; on what make_strange() has made."""
    for where, kind, name, call, some in strange_cases():
        t.where, t.history = where, []
        try_each(t, kind, name, call, some)


def moves(before, after, under):
    """What is where, where that was before, and which times have changed since."""
    was = {state[1]: (p, state[2]) for p, state in before.items() if p.startswith(under) and state}
    found = []
    for p, state in after.items():
        if p.startswith(under) and state:
            old, times = was.get(state[1], (None, None))
            found.append((p, state[0], old, times and [(a > b) - (a < b) for a, b in zip(state[2], times)]))
    return found


def nodes(t):
    """mknod(2) with each type that a mode can say, and what there is none of."""
    for bits, perm, user, dev in itertools.product(range(16), (0o644, 0o7777, 1 << 16), (0, U), (0, os.makedev(1, 3), os.makedev(4095, 1048575))):
        t.fresh(0o777)
        t.timed(['.'], lambda: t.do(user, 'mknod', 'x', bits << 12 | perm, dev)) if dev == 0 else t.do(user, 'mknod', 'x', bits << 12 | perm, dev)
        t.look('x')


PASSED = [('write', b'x'), ('pwrite', b'x', 9), ('pread', 3, 0), ('ftruncate', 7), ('fallocate', 0, 0, 30), ('fallocate', 3, 0, 5), ('fsync',),
          ('fchmod', 0o600), ('fchown', -1, W), ('fchown', U, -1), ('futimens', (5, 0), (6, 0)), ('futimens', NOW, NOW), ('fset', 'user.x', b'v'),
          ('read_dir',), ('seek', 3, 0), ('flock', 6), ('map', b'm', 0), ('map_read', 0), ('copy', 3, 0, 5, 0, 0), ('fcntl', 4, APPEND),
          ('link_open', 'l'), ('link_empty', 'l'), ('chown_empty', W, W), ('chmod_empty', 0o640), ('reopen', RD), ('reopen', WR), ('reopen', RD | DIRECTORY),
          ('fstat',)]


def passed(t):
    """What one user has opened and another uses, or the same one without the rights of before; the opener is root or the owner."""
    for kind, how, mode, owner in itertools.product(('regular', 'dir'), (RD, RDWR, WR | APPEND, os.O_PATH), (0o666, 0o6777, 0o000), (U, W)):
        if kind == 'dir' and how in (RDWR, WR | APPEND):
            continue
        for step, user in itertools.product(PASSED, (U, W)):
            if mode == 0o6777 and (step[0] in ('fallocate', 'copy', 'map') or 'chown' in step[0] and step[-1] == -1):
                continue  # what FUSE does not tell of suid bits: doc/shiftfs.md
            t.fresh(0o777)
            t.root('many', [('put', 'x', b'text that is there') if kind == 'regular' else ('mkdir', 'x'), ('chown', 'x', owner, owner),
                            ('open', 'x', how), ('chmod', 'x', mode)])
            t.root('with_rights_of', user, *step)
            t.root('fstat'), t.look('x', 'l')
    for step, user in itertools.product((('write', b'x'), ('ftruncate', 3), ('pread', 9, 0), ('fsync',), ('fallocate', 0, 0, 40)), (U, V)):
        t.fresh(0o777)  # what was opened goes on when the rights are gone, and the name
        t.make('regular', 'x', 0o666, 0, 0)
        t.do(user, 'open', 'x', RDWR)
        t.root('chmod', 'x', 0o000), t.do(user, *step), t.do(user, 'open', 'x', RD, 0, 1), t.look('x')
        t.root('chmod', '.', 0o000), t.do(user, *step), t.do(user, 'fstat')
        t.root('chmod', '.', 0o700), t.root('unlink', 'x'), t.do(user, *step), t.do(user, 'fstat'), t.do(user, 'reopen', RD)


FAMILIES = {'matrix': matrix, 'nodes': nodes, 'passed': passed}
BY_NAME = {'make-strange': make_strange, 'strange': strange}
