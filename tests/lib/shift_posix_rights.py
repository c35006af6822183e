# SPDX-License-Identifier: Apache-2.0
"""Families of shift-posix.py about rights: ACLs, capabilities, suid bits and the groups of directories."""
import itertools, os, stat

from shift_posix_calls import Caller, acl, filecap
from shift_posix_cases import APPEND, CREAT, MAKERS, NOW, RD, RDWR, TRUNC, TYPES, U, V, WR

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT, CAPS = 'system.posix_acl_access', 'system.posix_acl_default', 'security.capability'
CHOWN, DAC, DAC_READ, FOWNER, FSETID, SETGID, SYS_ADMIN, MKNOD, SETFCAP = 0, 1, 2, 3, 4, 6, 21, 27, 31
KEEP_SIZE, PUNCH = 1, 3
ALL = (1 << 41) - 1


def able(*caps):
    """A user who owns nothing, with these capabilities."""
    return Caller(V, (V,), sum(1 << c for c in caps))


def root_without(*caps):
    return Caller(0, (0,), ALL & ~sum(1 << c for c in caps))


ACLS = {
    'named user': acl((USER_OBJ, 7), (USER, 6, U), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 4)),
    'named group': acl((USER_OBJ, 6), (GROUP_OBJ, 0), (GROUP, 7, V), (MASK, 5), (OTHER, 0)),
    'no more than a mode': acl((USER_OBJ, 6), (GROUP_OBJ, 4), (OTHER, 1)),
    'a mask alone': acl((USER_OBJ, 7), (GROUP_OBJ, 7), (MASK, 2), (OTHER, 7)),
    'a named user without a mask': acl((USER_OBJ, 7), (USER, 6, U), (GROUP_OBJ, 5), (OTHER, 4)),
    'two named alike': acl((USER_OBJ, 7), (USER, 6, U), (USER, 5, U), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 4)),
    'out of order': acl((GROUP_OBJ, 5), (USER_OBJ, 7), (OTHER, 4)),
    'permissions that there are not': acl((USER_OBJ, 15), (GROUP_OBJ, 5), (OTHER, 4)),
    'an id that is not mapped': acl((USER_OBJ, 7), (USER, 6, 4000000000), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 4)),
    'no entries': acl(), 'a version that there is not': b'\3\0\0\0', 'too short': b'\2\0', 'nothing': b'',
}


def default_acls(t):
    """What a default ACL, the umask and a directory's group make of what is made."""
    for default, umask, dmode in itertools.product(('named user', 'named group', 'no more than a mode', 'a mask alone'),
                                                   (0, 0o027, 0o777), (0o777, 0o2777)):
        t.fresh(0o777)
        t.root('chown', '.', U, V)
        t.root('chmod', '.', dmode)
        t.root('set', '.', DEFAULT, ACLS[default])
        for (kind, call), mode, user in itertools.product(MAKERS.items(), (0o777, 0o2755, 0o640), (0, U, (U, 65532, V))):
            if kind in ('block', 'char'):
                continue
            t.mask = umask
            t.do(user, *call('x', mode))
            t.mask = 0
            t.look('x')
            for name in (ACCESS, DEFAULT):
                t.root('get', 'x', name)
            t.root('rmdir' if kind == 'dir' else 'unlink', 'x')
        t.mask = umask
        t.do(U, 'tmpfile', '.', RDWR, 0o2755), t.do(U, 'fstat'), t.do(U, 'link_open', 'x')
        t.mask = 0
        t.root('attributes', 'x')


def set_acls(t):
    """Who may set which ACL on what, what becomes of the mode, and who may do what by it."""
    for kind in TYPES:
        for name, (what, value) in itertools.product((ACCESS, DEFAULT), ACLS.items()):
            t.fresh(0o777)
            t.make(kind, 'x', 0o2755, U, V)
            t.make(kind, 'y', 0o2755, U, U)
            for user, p in ((V, 'x'), ((U, U), 'x'), ((U, U), 'y'), (0, 'x'), (able(FOWNER), 'x'), (root_without(FOWNER), 'x')):
                if kind not in ('regular', 'dir') and what != 'named user':
                    continue
                t.timed([p], lambda: t.do(user, 'set', p, name, value))
                t.look(p)
                t.root('names', p)
                t.root('get', p, name)
                t.root('chmod', p, 0o2711)
                t.root('get', p, name)
                t.do(user, 'removexattr', p, name) if user != (U, U) or p != 'x' else None
                t.look(p)
                t.root('removexattr', p, name)
                t.root('lchown', p, U, U if p == 'y' else V)
                t.root('chmod', p, 0o2755)
    for what, kind in itertools.product(('named user', 'named group'), ('regular', 'dir')):
        t.fresh(0o777)
        t.make(kind, 'x', 0o600, 1, 1)
        t.root('set', 'x', ACCESS, ACLS[what])
        for user, flags in itertools.product((U, V, (1234, U), (1234, V), (1234, 5678, V), 1, (5, 1), 5), (RD, WR, RDWR)):
            t.do(user, 'open', 'x', flags)
            t.do(user, 'access', 'x', os.X_OK), t.do(user, 'access', 'x', os.W_OK)
            t.do(user, 'open', 'x/new', WR | CREAT, 0o600), t.do(user, 'list', 'x')
            t.do(user, 'utime_null', 'x'), t.do(user, 'set', 'x', 'user.a', b'v'), t.do(user, 'get', 'x', 'user.a')
            t.root('unlink', 'x/new')


CHANGES = {
    'write': [('open', 'f', WR), ('write', b'text')], 'write nothing': [('open', 'f', WR), ('write', b'')],
    'append': [('open', 'f', WR | APPEND), ('write', b'x')],
    'pwrite': [('open', 'f', RDWR), ('pwrite', b'text', 9000)], 'truncate': [('truncate', 'f', 3)],
    'truncate to what it has': [('truncate', 'f', 5000)], 'lengthen': [('truncate', 'f', 9999)],
    'ftruncate': [('open', 'f', WR), ('ftruncate', 100)], 'ftruncate to what it has': [('open', 'f', WR), ('ftruncate', 5000)],
    'open and truncate': [('open', 'f', WR | TRUNC)], 'only open': [('open', 'f', RDWR)],
    'fallocate': [('open', 'f', WR), ('fallocate', 0, 0, 20000)],
    'fallocate what there is': [('open', 'f', WR), ('fallocate', 0, 0, 100)],
    'keep the size': [('open', 'f', WR), ('fallocate', KEEP_SIZE, 0, 20000)],
    'punch': [('open', 'f', WR), ('fallocate', PUNCH, 0, 4096)], 'fallocate nothing': [('open', 'f', WR), ('fallocate', 0, 0, 0)],
    'fallocate for reading': [('open', 'f', RD), ('fallocate', 0, 0, 4096)],
    'copy': [('open', 'g', RD), ('open', 'f', WR, 0, 1), ('copy', 100, 0, 0)],
    'copy nothing': [('open', 'g', RD), ('open', 'f', WR, 0, 1), ('copy', 0, 0, 0)],
    'copy from its end': [('open', 'g', RD), ('open', 'f', WR, 0, 1), ('copy', 100, 1 << 20, 0)],
    'chown to itself': [('lchown', 'f', U, U)], 'chown user': [('lchown', 'f', U, -1)], 'chown group': [('lchown', 'f', -1, V)],
    'chown group of his': [('lchown', 'f', -1, 65532)], 'fchown': [('open', 'f', RD), ('fchown', 0, 0)],
    'chmod': [('chmod', 'f', 0o2711)], 'chmod as it is': [('chmod', 'f', 0o6755)],
    'fchmod': [('open', 'f', RD), ('fchmod', 0o2755)],
    'utimens': [('utimens', 'f', (5, 0), (6, 0))], 'link': [('link', 'f', 'h')], 'rename': [('rename', 'f', 'h')],
    'attribute': [('set', 'f', 'user.x', b'v')], 'no more capabilities': [('removexattr', 'f', CAPS)],
}
CALLERS = (0, U, (U, U, 65532), (V, V), (V, V, 65532), able(FSETID), able(CHOWN, FSETID), able(FOWNER), able(DAC),
           root_without(FSETID),
           root_without(FOWNER), root_without(SETFCAP))


def told(step, mode, user):
    """Not what FUSE does not tell: doc/shiftfs.md, "What it cannot do"."""
    if step[0] in ('fallocate', 'copy') and isinstance(user, Caller) and (user.uid == 0) != (user.caps >> FSETID & 1):
        return False
    if step[0] == 'names':
        return not (isinstance(user, Caller) and user.uid and user.caps >> SYS_ADMIN & 1)
    if step[0] in ('set', 'removexattr') and step[2] == ACCESS or 'chown' in step[0]:
        return not (isinstance(user, Caller) and mode & 0o6000) and mode & (stat.S_ISGID | stat.S_IXGRP) != stat.S_ISGID
    return mode & (stat.S_ISGID | stat.S_IXGRP) != stat.S_ISGID or step[0] not in ('write', 'truncate')


def suid_bits(t):
    """What becomes of suid bits and capabilities of a file, by each change, of each owner, by each caller."""
    for (name, steps), caps in itertools.product(CHANGES.items(), (False, True)):
        t.fresh(0o777)
        t.root('put', 'g', b'n' * 4000)
        t.root('chmod', 'g', 0o644)
        modes = (0o6777, 0o777) if caps else (0o6777, 0o4755, 0o2777)
        for mode, owner, user in itertools.product(modes, ((U, 65532), (0, 0)), CALLERS):
            if not told(steps[-1], mode, user):
                continue
            t.root('put', 'f', b'o' * 5000)
            t.root('chown', 'f', *owner)
            t.root('chmod', 'f', mode)
            t.root('set', 'f', CAPS, filecap()) if caps else None
            for step in steps:
                t.do(user, *step)
            t.do(user, 'close'), t.do(user, 'close', 1)
            t.look('f', 'h')
            t.root('get', 'f', CAPS) if caps else None
            t.root('unlink', 'f'), t.root('unlink', 'h')
        t.root('put', 'f', b'o' * 5000)
        t.root('set', 'f', CAPS, filecap()) if caps else None
        t.timed(['f'], lambda: [t.root(*step) for step in steps])
        t.root('close'), t.root('close', 1)


def capabilities(t):
    """What capabilities allow, each alone, and what root cannot do without each."""
    callers = (able(CHOWN), able(DAC), able(DAC_READ), able(FOWNER), able(FSETID), able(MKNOD), able(SETFCAP), able(SYS_ADMIN),
               able(),
               able(FOWNER, FSETID), *(root_without(c) for c in (CHOWN, DAC, DAC_READ, FOWNER, FSETID, MKNOD, SETFCAP,
                                                                 SYS_ADMIN)),
               root_without(DAC, DAC_READ), root_without(CHOWN, FOWNER))
    for user, (kind, mode) in itertools.product(callers, itertools.product(('regular', 'dir'), (0o000, 0o2644, 0o755))):
        t.fresh(0o755)
        t.root('mkdir', 's', 0o777), t.root('chmod', 's', 0o1777)
        t.root('mkdir', 'g', 0o777), t.root('chown', 'g', 5, U), t.root('chmod', 'g', 0o2777)
        for p in ('x', 's/x'):
            t.make(kind, p, mode, U, U)
        for step in (('open', 'x', RD), ('open', 'x', WR), ('open', 'x', RD | os.O_NOATIME), ('list', 'x'),
                     ('access', 'x', os.X_OK),
                     ('access', 'x', os.R_OK), ('chmod', 'x', mode | 0o2010), ('lchown', 'x', 1, -1), ('lchown', 'x', -1, 1),
                     ('lchown', 'x', U, V), ('utimens', 'x', (5, 5), (5, 5), 0x100), ('utimens', 'x', NOW, NOW, 0x100),
                     ('set', 'x', 'user.a', b'v'), ('set', 'x', 'trusted.a', b'v'), ('set', 'x', 'security.a', b'v'),
                     ('set', 'x', CAPS, filecap()), ('removexattr', 'x', CAPS), ('names', 'x'),
                     ('set', 'x', ACCESS, ACLS['named user']),
                     ('link', 's/x', 's/y'), ('unlink', 's/y'), ('rename', 's/x', 's/z'), ('rename', 's/z', 's/x'),
                     ('touch', 'new'),
                     ('touch', 'x/new'), ('mkdir', 'g/d', 0o2755), ('touch', 'g/f', 0o6755), ('rmdir', 's/x'), ('unlink', 's/x'),
                     ('mknod', 's/c', stat.S_IFCHR | 0o644, os.makedev(1, 3)), ('mknod', 's/w', stat.S_IFCHR | 0o644, 0),
                     ('truncate', 'x', 5), ('rename', 'x', 's/moved')):
            if not told(step, mode, user):
                continue
            t.do(user, *step)
            t.look(*(p for p in step[1:] if isinstance(p, str) and p.strip('sg/') in tuple('dfxyzcw')))
        t.root('attributes', 'x')


def capability_sets(t):
    """security.capability itself: each version, by whom, and what others see of it."""
    values = {'version 2': filecap(), 'version 3': filecap(3, 0), 'of another root': filecap(3, 1000),
              'of nobody': filecap(3, 4000000000),
              'version 1': b'\1\0\0\1' + b'\0\x20\0\0' * 2, 'too short': filecap()[:12], 'too long': filecap() + b'x' * 30,
              'nothing': b''}
    for kind, (what, value), user in itertools.product(('regular', 'dir'), values.items(),
                                                       (0, U, able(SETFCAP), root_without(SETFCAP))):
        t.fresh(0o777)
        t.make(kind, 'x', 0o755, U, U)
        t.do(user, 'set', 'x', CAPS, value)
        for size in (0, 20, 24, 5, 100):
            t.do(user, 'get', 'x', CAPS, size)
        t.do(V, 'get', 'x', CAPS)
        t.root('names', 'x'), t.root('names', 'x', 0)
        t.do(user, 'removexattr', 'x', CAPS)
        t.root('get', 'x', CAPS)


def group_of_directories(t):
    """S_ISGID of directories: of what is made in them, and by whom it can be set."""
    callers = (0, U, (U, V), (U, 65532, V), able(FSETID), able(FOWNER), able(FOWNER, FSETID), root_without(FSETID),
               root_without(SETGID))
    for dmode, user, group in itertools.product((0o777, 0o2777), callers, (V, U)):
        t.fresh(0o777)
        t.root('mkdir', 'd'), t.root('chown', 'd', 1, group), t.root('chmod', 'd', dmode)
        for mode, umask in itertools.product((0o755, 0o2755, 0o6745), (0, 0o010)):
            t.mask = umask
            t.do(user, 'mkdir', 'd/s', mode), t.do(user, 'touch', 'd/f', mode), t.do(user, 'mkfifo', 'd/p', mode),
            t.do(user, 'bind', 'd/b')
            t.mask = 0
            t.look('d/s', 'd/f', 'd/p', 'd/b')
            for p, new in itertools.product(('d/s', 'd/f', 'd/p'), (0o2755, 0o2701)):
                t.do(user, 'chmod', p, new), t.root('lstat', p)
            for p in ('d/f', 'd/p', 'd/b'):
                t.root('unlink', p)
            t.do(user, 'mkdir', 'd/s/deeper', mode), t.look('d/s', 'd/s/deeper'), t.root('rmdir', 'd/s/deeper'),
            t.root('rmdir', 'd/s')


FAMILIES = {'default-acls': default_acls, 'set-acls': set_acls, 'suid-bits': suid_bits, 'capabilities': capabilities,
            'capability-sets': capability_sets, 'group-of-directories': group_of_directories}
