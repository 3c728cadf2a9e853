"""The inbox: files that `dianjian setup` and `answer` drop for the chain, sealed by the agent within seconds.

    <store>/postbox/<time>-<digest>.json     {"what": "wiring" | "trial" | "period" | "sheet" |
                                              "answer" | "shown" | "declare" | "person", …}

A file appears whole (draft, fsync, rename) and is sealed as a record of kind COMMISSIONING, what concerns
an order as ANSWER if `answers` takes it, a declaration ({"what", "mark"}) as MARK; its `id` is the SHA-256
of the file's bytes. It is removed when that seal has committed, and not before: a kill in between leaves
the file, and the next start finds its id in the last seals and only removes it. A file that cannot be
removed is remembered by its id until it is gone, so that it is not sealed again.

A file that is too long, not a JSON object, or fits no record is set aside as `.refused`, with an EVENT.
Anybody with write access to the folder can have anything sealed, as can anybody who edits the site file: the
record proves only that the file was dropped here. The folder belongs to the agent's user.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.sealing.source import NewRecord, RecordSource, Urgency
from agent.store.gateway import GatewayStore
from agent.store.tail import read_last
from disk.files import move, open_folder, read_plain, replace_file
from drivers.clock import NS_PER_S, ClockState, Stamp
from evidence.cbor import FormatError
from evidence.record import Kind, encode_record

LOG: Final = logging.getLogger("dianjian.inbox")

INBOX_NAME: Final = "postbox"
FILES_NAME: Final = "files"
"""Beside it: the files that letters name by their hashes; `agent.uplink.files` sends them."""
ENTRY_BYTES_MAX: Final = 48 * 1024
"""A record holds 60,000 bytes; what does not fit because it is longer in CBOR is refused."""
ENTRIES_MAX: Final = 1024
"""Read from the folder at once: a plant of a hundred meters, all of them measured ten times."""
LISTED_MAX: Final = 20_000
"""Names that one look reads, some 20 ms: a folder that somebody has filled must not hold up the agent."""
TAKEN_MAX: Final = 16
"""At one turn: a seal's worth of small records, so that a full inbox cannot crowd out readings."""
LOOK_S: Final = 2.0
"""Between two looks into the folder; a seal takes longer."""
SEALS_LOOKED_AT: Final = 200
"""From the tip back, for what was sealed and not removed: one turn makes at most 75 (4 MB that wait)."""
SUFFIX: Final = ".json"
REFUSED: Final = ".refused"
CHECKPOINT: Final = "postbox"
ANSWER: Final = "answer"
DECLARE: Final = "declare"
SHOWN: Final = "shown"
"""An order was shown to the plant: {"what", "order", "rev"}."""
_ID: Final = "id"
_SEALED: Final = (Kind.COMMISSIONING, Kind.ANSWER, Kind.MARK)
_NOWHERE: Final = Stamp(0, 0, bytes(16), ClockState.UNSYNCHRONISED)


class EntryError(ValueError):
    """The entry fits no record."""


def _no_answer(_: Mapping[str, Any], __: Stamp) -> NewRecord | None:
    raise FormatError("no order is held")


def drop(store: Path, body: Mapping[str, Any], utc_ns: int) -> Path:
    """Put `body` into the inbox of the agent whose state is in `store`; the path of the file.

    Raises:
        EntryError: No record can hold it.
        OSError: It cannot be written.
    """
    raw = _to_bytes(body)
    digest = hashlib.sha256(raw).hexdigest()
    _parse(raw, digest)
    folder = store / INBOX_NAME
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{utc_ns:020d}-{digest[:16]}{SUFFIX}"
    agent = store.stat()
    owner = None
    with open_folder(folder, os.O_NOFOLLOW) as at:
        if os.geteuid() == 0 and agent.st_uid:  # a technician is root, the agent is not
            owner = agent.st_uid, agent.st_gid
            os.fchown(at, *owner)
        replace_file(path, raw, 0o600, owner=owner, folder=at)
    return path


def read_known(raw: bytes) -> set[str]:
    """The ids in a checkpoint; raises ValueError or TypeError."""
    return {str(one) for one in json.loads(raw)}


def name_letter(body: Mapping[str, Any]) -> str:
    """The `id` that the record of `body` will have."""
    return hashlib.sha256(_to_bytes(body)).hexdigest()


def _to_bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()


@define(eq=False, repr=False)
class Inbox(RecordSource):
    """The agent's side.

    Attributes:
        folder: May be missing.
        store: Holds the checkpoint and the last seals.
        answers: Makes the record of a letter about an order, None if it says nothing new; raises FormatError.
        on_letter: Takes the body of each letter of setup that is sealed.
        is_held_up: Whether seals wait for a failing disk: a record that waits in memory may be lost there.
        in_flight: Entries whose records wait for their seal, by id.
        lying: Entries that are sealed and could not be removed, by id.
    """

    folder: Path
    store: GatewayStore
    is_held_up: Callable[[], bool] = lambda: False
    answers: Callable[[Mapping[str, Any], Stamp], NewRecord | None] = _no_answer
    on_letter: Callable[[Mapping[str, Any], Stamp], None] | None = None
    in_flight: dict[str, Path] = field(factory=dict, init=False)
    lying: dict[str, Path] = field(factory=dict, init=False)
    _known: set[str] = field(factory=set, init=False)
    _looked_ns: int | None = field(default=None, init=False)
    _has_looked: bool = field(default=False, init=False)
    _is_crowded: bool = field(default=False, init=False)

    def start(self, _stamp: Stamp, /) -> tuple[()]:
        """Find out which entries are sealed already, if there are any."""
        if self._entries():
            self._find_sealed()
        return ()

    def _find_sealed(self) -> None:
        """Once, before the first entry is taken: one that comes again after a restart is sealed already."""
        self._has_looked = True
        with contextlib.suppress(ValueError, TypeError):
            self._known |= read_known(self.store.checkpoint(CHECKPOINT) or b"[]")
        for seal in read_last(self.store, SEALS_LOOKED_AT):
            self._known |= {str(one.body.get(_ID)) for one in seal.events(*_SEALED)}

    def due(self, stamp: Stamp, /) -> list[NewRecord]:
        """The records of new entries, and the events of what was set aside."""
        looked = self._looked_ns
        waits = looked is not None and stamp.boottime_ns - looked < LOOK_S * NS_PER_S
        if waits or self.in_flight or self.is_held_up():
            return []
        self._looked_ns = stamp.boottime_ns
        taken: list[NewRecord] = []
        for path in self._entries():
            if len(self.in_flight) >= TAKEN_MAX:
                break
            taken += self._take(path, stamp)
        return taken

    def on_sealed(self, _stamp: Stamp, _tip: int, /) -> None:
        """Remove all entries in flight, now that they are committed; keep the ids of those that stay."""
        for digest, path in self.in_flight.items():
            self._remove(digest, path)
        self.in_flight.clear()
        if self.lying:
            self.store.put_checkpoint(CHECKPOINT, json.dumps(sorted(self.lying)).encode())

    def _take(self, path: Path, stamp: Stamp) -> list[NewRecord]:
        try:
            raw = read_plain(path, ENTRY_BYTES_MAX)  # a pipe here would hold up the agent for ever
        except FileNotFoundError:
            return []
        except OSError as error:
            return self._refuse(path, f"cannot be read: {error.strerror}")
        if not self._has_looked:
            self._find_sealed()
        digest = hashlib.sha256(raw).hexdigest()
        if digest in self._known or digest in self.lying:
            self._remove(digest, path)
            return []
        if digest in self.in_flight:
            return []
        try:
            record = self._record(_parse(raw, digest), stamp)
        except (EntryError, FormatError) as error:
            return self._refuse(path, str(error))
        if record is None:
            self._remove(digest, path)
            return []
        self.in_flight[digest] = path
        return [record]

    def _record(self, body: dict[str, Any], stamp: Stamp) -> NewRecord | None:
        if body["what"] in {ANSWER, SHOWN}:
            return self.answers(body, stamp)
        if body["what"] == DECLARE:
            return _take_declaration(body)
        if self.on_letter:
            self.on_letter(body, stamp)
        return NewRecord(Kind.COMMISSIONING, body, Urgency.AT_ONCE, found_again=True)

    def _refuse(self, path: Path, why: str) -> list[NewRecord]:
        LOG.warning("%s: %s; set aside", path, why)
        try:
            move(path, path.with_name(path.name + REFUSED))
        except OSError as error:
            if path in self.lying.values():
                return []
            self.lying[str(path)] = path
            LOG.warning("%s: cannot be set aside: %s", path, error.strerror)
        body = {"what": "postbox", "text": f"{path.name[:80]}: {why}"[:400]}
        return [NewRecord(Kind.EVENT, body, Urgency.AT_ONCE)]

    def _remove(self, digest: str, path: Path) -> None:
        self._known.add(digest)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            if digest not in self.lying:
                LOG.warning("%s: is sealed and cannot be removed: %s", path, error.strerror)
            self.lying[digest] = path
        else:
            self.lying.pop(digest, None)

    def _entries(self) -> list[Path]:
        """The entries, by name; of a folder that somebody has filled, those among its first LISTED_MAX."""
        try:
            with os.scandir(self.folder) as entries:
                seen = [entry.name for entry in islice(entries, LISTED_MAX)]
        except OSError:
            return []
        if len(seen) == LISTED_MAX and not self._is_crowded:
            LOG.warning("%s: holds %d files and more; empty it, or entries wait", self.folder, LISTED_MAX)
        self._is_crowded = len(seen) == LISTED_MAX
        names = [name for name in seen if name.endswith(SUFFIX)]
        known = {path.name for path in self.lying.values()}
        return [self.folder / name for name in sorted(names)[:ENTRIES_MAX] if name not in known]


def _take_declaration(body: Mapping[str, Any]) -> NewRecord:
    """The MARK of a declaration; raises FormatError.

    One of the gateway's own comes by no letter: whoever could write it would hide what the chain shows.
    """
    from evidence.marks.mark import Source, decode_mark  # noqa: PLC0415 - catalogues that most days do not need

    mark = body.get("mark")
    if not isinstance(mark, dict) or _ID in mark:
        raise FormatError("a declaration has a mark without an id")
    mark = {**mark, _ID: body[_ID]}
    if decode_mark(mark).source is not Source.MANUAL:
        raise FormatError("a declaration is a person's")
    return NewRecord(Kind.MARK, mark, Urgency.AT_ONCE, found_again=True)


def _parse(raw: bytes, digest: str) -> dict[str, Any]:
    """The body of the record for an entry.

    Raises:
        EntryError: There is none.
    """
    if len(raw) > ENTRY_BYTES_MAX:
        raise EntryError(f"has more than {ENTRY_BYTES_MAX} bytes")
    try:
        body = json.loads(raw.decode("utf-8"))
        if not isinstance(body, dict) or not isinstance(body.get("what"), str):
            raise EntryError('is no JSON object with a text "what"')  # noqa: TRY301
        if _ID in body:
            raise EntryError(f'has an "{_ID}" of its own')  # noqa: TRY301
        body = {**body, _ID: digest}
        encode_record(Kind.COMMISSIONING, _NOWHERE, body)
    except EntryError:
        raise
    except FormatError as error:
        raise EntryError(f"fits no record: {error}") from error
    except (ValueError, RecursionError, TypeError) as error:
        raise EntryError(f"is not JSON: {error}"[:200]) from error
    return body
