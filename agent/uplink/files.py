"""Files beside the chain to the centre: what it asks for, a piece at a time, behind all readings.

The centre signs which files it wants and from which byte on (`wire.files`); a kill costs nothing, because the
broker keeps that message and the gateway nothing. A file is looked for by its hash in `files/` of the state
folder; one that is not there is told as absent. One piece is in flight, and none while readings wait
(`agent.uplink.courier`), at BYTES_PER_S at most. What the broker refuses, or hangs up at, is tried again
after a pause that grows, in smaller pieces: brokers that limit packets do not all say so. What a `diagnose`
order had made (`agent.care.gathering`) lies in a folder of its own, so that it can go when it is old.

Files are read and sent, and never looked into.
"""

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from attrs import define, field

from disk.files import read_piece
from evidence.cbor import FormatError
from wire.files import (
    FILE_BYTES_MAX,
    PIECE_BYTES_MAX,
    PIECE_FRAME_BYTES,
    Piece,
    Wanted,
    encode_piece,
    file_topic,
    open_wanted,
)
from wire.messages import packet_bytes
from wire.mqtt_events import FAILURE
from wire.pacing import Backoff, Budget

TOKEN: Final = -3
"""Of the publish: the outbox counts from 1."""
BYTES_PER_S: Final = 16_384.0
"""A photograph of 2 MB in two minutes; an eighth of what old readings may take."""
PIECE_BYTES_MIN: Final = 512
"""Smaller pieces than a seal would be mostly their frame."""
AGAIN_S: Final = 10.0
AGAIN_LONGEST_S: Final = 600.0
"""A broker's access list or limit changes once in years; a full queue empties in minutes."""


@define(eq=False, repr=False)
class FilesOut:
    """See the module; neither `folder` nor `diagnoses` need exist."""

    folder: Path
    gateway: str
    centre_key: bytes
    diagnoses: Path | None = None
    _wanted: Wanted | None = field(init=False, default=None)
    _waiting: list[tuple[bytes, int]] = field(init=False, factory=list)
    _in_flight: tuple[int, int] | None = field(init=False, default=None)  # its end, the file's length
    _piece_max: int = field(init=False, default=PIECE_BYTES_MAX)
    _budget: Budget = field(init=False, factory=lambda: Budget(BYTES_PER_S))
    _pause: Backoff = field(init=False, factory=lambda: Backoff(AGAIN_S, AGAIN_LONGEST_S))
    _again_s: float = field(init=False, default=float("-inf"))

    def take(self, payload: bytes, withdrawn: Collection[bytes] = (), heard_utc_ms: int = 0) -> None:
        """Take what the centre wants, in place of what it wanted before; raises FormatError."""
        if not payload:
            self._waiting, self._in_flight = [], None
            return
        wanted = open_wanted(payload, self.centre_key, withdrawn, heard_utc_ms)
        if wanted.gateway != self.gateway:
            raise FormatError(f"files of gateway {wanted.gateway} are wanted here")
        self._wanted, self._waiting, self._in_flight = wanted, list(wanted.files), None

    def is_due(self, now_s: float, heard_utc_ms: int = 0) -> bool:
        """Whether a piece may go now; costs nothing while nothing is wanted.

        Nor once `heard_utc_ms`, the centre's time, is past the end of the key that asked.
        """
        if self._waiting and self._wanted is not None and self._wanted.has_ended(heard_utc_ms):
            self._waiting, self._in_flight = [], None
        return (
            bool(self._waiting)
            and self._in_flight is None
            and now_s >= self._again_s
            and self._budget.is_open(now_s)
        )

    def next(self, now_s: float, packet_bytes_max: int) -> bytes | None:
        """The next piece, in flight from here on; None where the broker's packets hold none."""
        room = packet_bytes_max - packet_bytes(file_topic(self.gateway), PIECE_FRAME_BYTES)
        if room < 1:
            self._again_s = now_s + self._pause.fail()
            return None
        sha256, offset = self._waiting[0]
        piece = self._read(sha256, offset, min(self._piece_max, room))
        self._in_flight = piece.offset + len(piece.piece), piece.length
        payload = encode_piece(piece)
        self._budget.spend(len(payload))
        return payload

    def on_ack(self, reason_code: int, now_s: float) -> None:
        """The broker has taken the piece, or not."""
        sent, self._in_flight = self._in_flight, None
        if sent is None:
            return  # of what was wanted before
        if reason_code >= FAILURE:
            self._be_patient(now_s)
            return
        self._pause.succeed()
        end, length = sent
        self._waiting[0] = self._waiting[0][0], end
        if end >= length:
            del self._waiting[0]

    def on_disconnected(self, now_s: float) -> None:
        """The connection is gone, and with it the piece in flight."""
        if self._in_flight is not None:
            self._in_flight = None
            self._be_patient(now_s)

    def _be_patient(self, now_s: float) -> None:
        self._piece_max = max(self._piece_max // 2, PIECE_BYTES_MIN)
        self._again_s = now_s + self._pause.fail()

    def _read(self, sha256: bytes, offset: int, bytes_max: int) -> Piece:
        """A piece; of a file that has become too short its beginning, whose length tells the centre."""
        for folder in (self.folder, *([self.diagnoses] if self.diagnoses else [])):
            with contextlib.suppress(OSError):
                for start in (offset, 0):
                    length, piece = read_piece(folder / sha256.hex(), start, bytes_max)
                    if piece and length <= FILE_BYTES_MAX:
                        return Piece(sha256, length, start, piece)
        return Piece(sha256, 0, 0, b"")
