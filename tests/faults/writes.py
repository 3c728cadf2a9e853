"""What a life wrote, call by call, read from strace's log; and the disk after any part of it.

An operation is one call on one file of the folder. A file's operations are certain once that file was
synced (the key file is opened with O_DSYNC: each of its writes is); before that, a power cut may keep
any of them, whole or in sectors. The shared-memory file of SQLite means nothing after a power cut.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.faults.disk import ACK_BYTES, KEYS, SEALS, lived_under

SECTOR: Final = 512
_TRACE: Final = "pwrite64,write,fsync,fdatasync,openat,ftruncate,unlink,unlinkat,rename,mmap"
_CALL: Final = re.compile(r"^\d+ +([a-z0-9]+)\((.*)\) += (-?\d+|0x[0-9a-f]+)")
_FD: Final = re.compile(r"^\d+<([^>]*)>")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@frozen
class Op:
    """One call.

    Attributes:
        what: write, truncate, create, delete, sync, or acknowledge.
        file: Name in the folder.
        at: Offset of a write, length of a truncation, number of an acknowledgement.
        data: What is written; the hash of an acknowledgement.
    """

    what: str
    file: str
    at: int = 0
    data: bytes = b""


Disk = dict[str, bytes]


def read_disk(folder: Path) -> Disk:
    """The files of `folder` as they are now."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith("-shm")}


def put_disk(folder: Path, disk: Disk) -> None:
    """Make `folder` hold exactly `disk`."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for name, content in disk.items():
        (folder / name).write_bytes(content)


def recorded(folder: Path, log: Path) -> list[Op]:
    """The operations of one life in `folder`."""
    options = ["-y", "-xx", "-s", "1000000", "-e", f"trace={_TRACE}"]
    lived = lived_under(folder, options, log=log)
    assert lived.code == 0
    ops = [op for line in log.read_text().splitlines() if (op := _parsed(line, str(folder))) is not None]
    acknowledged = [(op.at, op.data) for op in ops if op.what == "acknowledge"]
    assert acknowledged == list(lived.acknowledged), "the log does not say what the process did"
    assert len(acknowledged) == SEALS
    return ops


def _parsed(line: str, folder: str) -> Op | None:
    match = _CALL.match(line)
    if match is None or match[3].startswith("-"):
        return None
    name, arguments, result = match.groups()
    if name == "mmap":
        assert "MAP_SHARED" not in arguments or "-shm" in _text(arguments), "a mapped file cannot be followed"
        return None
    strings = [_bytes(string) for string in _STRING.findall(arguments)]
    if name in {"openat", "unlink", "unlinkat"}:
        file = _inside(strings[-1].decode(), folder)
        created = name == "openat" and "O_CREAT" in arguments
        if file is None or (name == "openat" and not created):
            return None
        return Op("create" if created else "delete", file)
    assert name != "rename", "a life that has keys renames nothing"
    path_match = _FD.match(arguments)
    path = _text(path_match[1]) if path_match else ""
    if name == "write" and path.startswith("pipe:") and int(result) == ACK_BYTES:
        return Op("acknowledge", "", int.from_bytes(strings[0][:8], "big"), strings[0][8:])
    file = _inside(path, folder)
    if file is None:
        return None
    if name in {"fsync", "fdatasync"}:
        return Op("sync", file)
    last = int(arguments.rsplit(", ", 1)[1])
    if name == "ftruncate":
        return Op("truncate", file, last)
    assert name == "pwrite64", f"{name} on {file} has no offset"
    return Op("write", file, last, strings[0][: int(result)])


def _inside(path: str, folder: str) -> str | None:
    name = path.removeprefix(folder + "/")
    return None if name == path or name.endswith("-shm") else name


def _text(printed: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), printed)


def _bytes(printed: str) -> bytes:
    return bytes.fromhex(printed.replace("\\x", ""))


def after(disk: Disk, ops: Iterable[Op]) -> Disk:
    """`disk` after `ops`."""
    disk = dict(disk)
    for op in ops:
        old = disk.get(op.file, b"")
        if op.what == "write":
            old = old.ljust(op.at, b"\0")
            disk[op.file] = old[: op.at] + op.data + old[op.at + len(op.data) :]
        elif op.what == "truncate":
            disk[op.file] = old[: op.at].ljust(op.at, b"\0")
        elif op.what == "create":
            disk[op.file] = old
        elif op.what == "delete":
            disk.pop(op.file, None)
    return disk


def prefixes(ops: Sequence[Op]) -> Iterator[list[Op]]:
    """Every prefix, and each with its last write torn at every sector."""
    for end in range(len(ops) + 1):
        whole = list(ops[:end])
        if whole and whole[-1].what in {"sync", "acknowledge"}:
            continue  # the same disk as before it
        if whole and whole[-1].what == "write":
            last = whole[-1]
            first_cut = SECTOR - last.at % SECTOR
            for cut in range(first_cut, len(last.data), SECTOR):
                yield [*whole[:-1], Op("write", last.file, last.at, last.data[:cut])]
        yield whole


def certain(ops: Sequence[Op]) -> tuple[list[Op], list[Op]]:
    """Operations that a power cut leaves, and those of which it leaves what it likes."""
    sure: list[Op] = []
    open_: list[Op] = []
    for op in ops:
        if op.what == "sync":
            sure += [other for other in open_ if other.file == op.file]
            open_ = [other for other in open_ if other.file != op.file]
        elif op.file == KEYS:
            sure.append(op)
        else:
            open_.append(op)
    return sure, open_


def scrambled(open_: Sequence[Op], pick: random.Random) -> list[Op]:
    """Some of what was not synced: calls left out, writes in sectors of which some are left out."""
    kept: list[Op] = []
    for op in open_:
        if op.what != "write":
            kept += [op] if pick.random() < 0.5 else []
            continue
        share = pick.choice((0.0, 0.5, 1.0))
        for at in range(0, len(op.data), SECTOR):
            if pick.random() < share:
                kept.append(Op("write", op.file, op.at + at, op.data[at : at + SECTOR]))
    return kept
