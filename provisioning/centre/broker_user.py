"""The user that mosquitto becomes when root starts it: never root, since strangers reach it.

The folder of the configuration becomes that user's. A folder above, which it may not enter, gets an entry for
it alone in its access list: enter, and neither read nor list (`acl(5)`; nobody else gains anything, and
`setfacl -x` takes it back). The verb tells which ones. Where the file system has no access lists, it says
what to do.
"""

import os
import pwd
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

USERS: Final = ("mosquitto", "nobody")
"""The user of Debian's package; else the one that mosquitto itself falls back to."""
_ATTRIBUTE: Final = "system.posix_acl_access"
_ENTRY: Final = struct.Struct("<HHI")
_VERSION: Final = struct.pack("<I", 2)
_ENTER: Final = 1
_ANY: Final = 0xFFFFFFFF
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32


class UserError(Exception):
    """There is no such user, or it cannot reach the folder; one line."""


def find_user(name: str) -> str:
    """The user to become, "" for none: only root can become another. Raises UserError."""
    if name == "root":
        raise UserError("--user root: strangers reach this broker, so it does not run as root")
    known = {one.pw_name for one in pwd.getpwall()}
    if name and name not in known:
        raise UserError(f"--user {name}: there is no such user")
    if os.geteuid() != 0:
        return ""
    found = name or next((one for one in USERS if one in known), "")
    if not found:
        raise UserError("there is no user mosquitto: install mosquitto, or say --user NAME")
    return found


def give_folder(folder: Path, user: str) -> list[Path]:
    """Make the folder that user's, and let it enter those above; the folders whose access list was changed.

    Raises:
        UserError: A folder above has no access list.
        OSError: The folder cannot be changed.
    """
    entry = pwd.getpwnam(user)
    for one in (folder, *folder.iterdir()):
        os.chown(one, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    opened = [one for one in reversed(folder.parents) if not _may_enter(one, entry.pw_uid, entry.pw_gid)]
    for one in opened:
        try:
            _let_enter(one, entry.pw_uid)
        except OSError as error:
            text = f"{user} may not enter {one}: say --out FOLDER elsewhere, or chmod o+x {one}"
            raise UserError(text) from error
    return opened


def _may_enter(folder: Path, uid: int, gid: int) -> bool:
    state = folder.stat()
    if state.st_uid == uid:
        return bool(state.st_mode & stat.S_IXUSR)
    entries = list(_read(folder))
    named = [perm for tag, perm, who in entries if (tag, who) == (_USER, uid)]
    if named:  # what it may is bounded by the mask, which a chmod of the group's rights sets
        return all(perm & _ENTER for perm in named + [perm for tag, perm, _ in entries if tag == _MASK])
    return bool(state.st_mode & (stat.S_IXGRP if state.st_gid == gid else stat.S_IXOTH))


def _let_enter(folder: Path, uid: int) -> None:
    mode = folder.stat().st_mode
    entries = list(_read(folder)) or [
        (_OWNER, mode >> 6 & 7, _ANY),
        (_GROUP, mode >> 3 & 7, _ANY),
        (_OTHER, mode & 7, _ANY),
    ]
    entries = [one for one in entries if one[0] != _MASK and (one[0], one[2]) != (_USER, uid)]
    entries.append((_USER, _ENTER, uid))
    mask = 0
    for tag, perm, _ in entries:
        mask |= perm if tag in {_USER, _GROUP, _NAMED_GROUP} else 0
    entries.append((_MASK, mask, _ANY))
    raw = b"".join(_ENTRY.pack(*one) for one in sorted(entries, key=lambda one: (one[0], one[2])))
    os.setxattr(folder, _ATTRIBUTE, _VERSION + raw)


def _read(folder: Path) -> Iterator[tuple[int, int, int]]:
    """Tag, permissions and id of each entry; none where there is no list."""
    try:
        raw = os.getxattr(folder, _ATTRIBUTE)
    except OSError:
        return
    if raw[:4] == _VERSION:
        yield from _ENTRY.iter_unpack(raw[4:])
