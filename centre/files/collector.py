"""Which files the centre asks gateways for, and what becomes of the pieces.

Every file that a sealed answer or mark names and that is not on the shelf is asked for, WANTED_MAX at a time,
each from its first missing byte; the request is signed, retained and made anew when a file is whole, when
another is sealed, or when STALL_MS bring nothing. What was not asked for is dropped.

    file_absent    the gateway says that it has the file no more
    file_edited    what came is not what was sealed
    files_full     the gateway's room on the shelf is used up

Each is a finding about the seal that names the file, once; it is asked for again after AGAIN_MS.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from attrs import define, field

from centre.answers import Answer
from centre.files.sealed import SealedFile, list_named, read_sealed
from centre.files.shelf import Kept, Put, Shelf
from centre.store.contract import CentreStore
from evidence.chain import Code, Finding
from evidence.delegated import Signer, to_signer
from wire.files import FILE_BYTES_MAX, WANTED_MAX, Piece, Wanted, decode_piece, sign_wanted, wanted_topic

STALL_MS: Final = 300_000
"""Twice what 2 MB take at the gateway's pace: then a piece was lost, or the gateway is away."""
AGAIN_MS: Final = 86_400_000
"""A person puts a file back, or frees room, in days."""
TROUBLE_MS: Final = 600_000
"""After an error of the disk."""
AWAITED_MAX: Final = 1_000
"""Files of one gateway that are remembered as awaited; the rest is found at the next start."""
TEXTS: Final = {
    Code.FILE_ABSENT: "a file that it names is not at the gateway any more",
    Code.FILE_EDITED: "a file that it names is not what was sealed",
    Code.FILES_FULL: "a file that it names has no room at the centre; `dianjian centre order files --erase`",
}


@define
class _Awaited:
    seal: int
    size: int
    again_ms: int = 0


@define
class _Asked:
    hashes: tuple[str, ...]
    at_ms: int


@define
class Collector:
    """See the module; `signer` is the root or a certified receipt key."""

    shelf: Shelf
    signer: Signer = field(converter=to_signer)
    _awaited: dict[str, dict[str, _Awaited]] = field(init=False, factory=dict)
    _asked: dict[str, _Asked] = field(init=False, factory=dict)
    _trouble: str = field(init=False, default="")
    _news: list[str] = field(init=False, factory=list)

    def resume(self, store: CentreStore, gateways: Iterable[str]) -> None:
        """Take in what these had sealed before this start."""
        for gateway in gateways:
            self._note(gateway, read_sealed(store.journal(), gateway))

    def note_line(self, line: Mapping[str, Any]) -> None:
        """Take a line of the centre: records of answers and marks name files."""
        if line.get("type") == "record":
            self._note(line["gateway"], list_named(line["seal"], line["kind"], line["body"]))

    def leave(self, gateway: str) -> None:
        """Another process asks it from now on."""
        self._awaited.pop(gateway, None)
        self._asked.pop(gateway, None)

    def forget(self) -> None:
        """Ask for everything again."""
        for asked in self._asked.values():
            asked.at_ms = -STALL_MS

    def take(self, gateway: str, payload: bytes, utc_ms: int) -> list[Finding]:
        """Take a piece; the findings that follow. Raises WireError."""
        piece = decode_piece(payload)
        awaited = self._awaited.get(gateway, {})
        one = awaited.get(piece.sha256.hex())
        if one is None or one.again_ms > utc_ms:
            return []
        code = self._judge(gateway, piece, one, utc_ms)
        if code is None:
            return []
        one.again_ms = utc_ms + AGAIN_MS
        return [Finding(code, TEXTS[code], one.seal)]

    def due(self, utc_ms: int) -> list[Answer]:
        """The requests that are to be published now."""
        answers: list[Answer] = []
        for gateway, awaited in self._awaited.items():
            wanted = islice((sha for sha, one in awaited.items() if one.again_ms <= utc_ms), WANTED_MAX)
            hashes, asked = tuple(wanted), self._asked.get(gateway)
            is_late = asked is not None and abs(utc_ms - asked.at_ms) >= STALL_MS
            if asked is not None and asked.hashes == hashes and not (is_late and (hashes or asked.at_ms < 0)):
                continue
            missing = self._find_missing(gateway, hashes, utc_ms)
            self._asked[gateway] = _Asked(tuple(missing), utc_ms)
            answers.append(self._ask(gateway, missing))
        return answers

    def take_news(self) -> list[str]:
        """What is wrong with the disk since the last call."""
        news, self._news = self._news, []
        return news

    def _note(self, gateway: str, files: Iterable[SealedFile]) -> None:
        awaited = self._awaited.get(gateway, {})
        for one in files:
            self._awaited[gateway] = awaited  # also with nothing to ask for: an old request is taken back
            is_new = one.sha256 not in awaited and len(awaited) < AWAITED_MAX and one.size <= FILE_BYTES_MAX
            if not is_new or self.shelf.look(gateway, one.sha256) in {Kept.HELD, Kept.ERASED}:
                continue
            if one.size:
                awaited[one.sha256] = _Awaited(one.seal, one.size)
            else:
                self._keep_empty(gateway, one.sha256)

    def _keep_empty(self, gateway: str, sha256: str) -> None:
        try:
            self.shelf.put_empty(gateway, sha256)
        except OSError as error:
            self._tell(error)

    def _judge(self, gateway: str, piece: Piece, one: _Awaited, utc_ms: int) -> Code | None:
        """Keep a piece; what is wrong with the file."""
        if piece.is_absent:
            return Code.FILE_ABSENT
        if piece.length != one.size:
            return Code.FILE_EDITED
        sha256 = piece.sha256.hex()
        try:
            put = self.shelf.put(gateway, sha256, one.size, piece.offset, piece.piece)
        except OSError as error:
            self._tell(error)
            one.again_ms = utc_ms + TROUBLE_MS
            return None
        if put is Put.WHOLE:
            del self._awaited[gateway][sha256]
        if put is Put.ADDED and gateway in self._asked:
            self._asked[gateway].at_ms = utc_ms
        if put is Put.AGAIN and gateway in self._asked:
            self._asked[gateway].at_ms = -STALL_MS
        return {Put.OTHER: Code.FILE_EDITED, Put.FULL: Code.FILES_FULL}.get(put)

    def _find_missing(self, gateway: str, hashes: Iterable[str], utc_ms: int) -> dict[str, int]:
        """The first missing byte of each; what an officer has erased meanwhile is not asked for."""
        missing: dict[str, int] = {}
        for sha256 in hashes:
            one = self._awaited[gateway][sha256]
            try:
                first = self.shelf.find_missing(gateway, sha256, one.size)
            except OSError as error:
                self._tell(error)
                one.again_ms = utc_ms + TROUBLE_MS
                continue
            if first is None:
                del self._awaited[gateway][sha256]
            else:
                missing[sha256] = first
        return missing

    def _ask(self, gateway: str, missing: Mapping[str, int]) -> Answer:
        files = tuple((bytes.fromhex(one), first) for one, first in missing.items())
        payload = sign_wanted(Wanted(gateway, files), self.signer) if files else b""
        return Answer(wanted_topic(gateway), payload)

    def _tell(self, error: OSError) -> None:
        if str(error) != self._trouble:
            self._trouble = str(error)
            self._news.append(str(error))
