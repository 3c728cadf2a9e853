"""Whose process a connection over loopback comes from, and whether that user may read the status socket.

Every user of a machine reaches its loopback addresses; the status socket is open to its owner and group
alone. Linux tells the user of each socket (proc_pid_net(5)), so a page without a password is
shown to those who may ask the socket too: root, the user whose process serves the page, and the socket's
owner and group. A connection that comes through ssh is that of the user who logged in. Inside a service with
PrivateUsers= only root and the service's user have a number of their own; others need the token.
"""

import grp
import os
import pwd
import stat
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

TABLES: Final = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
"""Not /proc/net: with ProcSubset=pid, which the page's unit has, only folders of processes are in /proc."""
WORD: Final = 4
ROOT: Final = 0


def find_user(peer: tuple[str, int], here: tuple[str, int]) -> int | None:
    """The user whose socket is connected from `peer` to `here` on this machine, None if that is not known."""
    wanted = [_to_hex(*peer), _to_hex(*here)]
    for table in TABLES:
        with suppress(OSError), table.open("r", encoding="ascii", errors="replace") as rows:
            for row in rows:
                cells = row.split()
                if cells[1:3] == wanted and len(cells) > 7 and cells[7].isdecimal():
                    return int(cells[7])
    return None


def may_read_status(user: int, status: Path) -> bool:
    """Whether a user may connect to the socket at `status`; with no socket there, only those who run this."""
    if user in {ROOT, os.geteuid()}:
        return True
    try:
        known = status.stat()
    except OSError:
        return False
    if user == known.st_uid:
        return True
    return bool(known.st_mode & stat.S_IWGRP) and _is_in_group(user, known.st_gid)


def _is_in_group(user: int, group: int) -> bool:
    try:
        who = pwd.getpwuid(user)
        return who.pw_gid == group or who.pw_name in grp.getgrgid(group).gr_mem
    except KeyError:
        return False


def _to_hex(address: str, port: int) -> str:
    """An address as the table has it: words of four bytes, each in the byte order of the machine."""
    packed = ip_address(address.partition("%")[0]).packed
    words = (packed[at : at + WORD] for at in range(0, len(packed), WORD))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"
