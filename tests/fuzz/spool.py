"""The file of records that waited for a seal, which lies in a folder that others may get at."""

from contextlib import suppress
from typing import Final

from agent.spool.frames import (
    FRAME_BYTES,
    SpoolError,
    decode_frames,
    encode_frame,
    encode_full,
    encode_head,
    number_of,
    spool_key,
)
from evidence.record import RECORD_BYTES_MAX
from tests.evidence.chains import heartbeat
from tests.fuzz.target import Target

BOOT: Final = bytes(range(16))
NUMBER: Final = 7
KEY: Final = spool_key(bytes(32), NUMBER, BOOT)


def run_spool(raw: bytes) -> None:
    """Whatever is taken is what the holder of the key wrote, in its order; the rest is bounded."""
    with suppress(SpoolError):
        number = number_of(raw, BOOT)
        assert encode_head(BOOT, number) == raw[: len(encode_head(BOOT, number))]
        found = decode_frames(raw, KEY)
        assert sum(len(record) + FRAME_BYTES for record in found.records) <= len(raw)
        assert all(0 < len(record) <= RECORD_BYTES_MAX for record in found.records)
        again = encode_head(BOOT, number)
        again += b"".join(encode_frame(KEY, place, one) for place, one in enumerate(found.records))
        assert raw.startswith(again)
        if found.unkept:
            assert raw == again + encode_full(KEY, len(found.records), found.unkept)
        elif not found.torn:
            assert raw == again


def spool_seeds() -> list[bytes]:
    head = encode_head(BOOT, NUMBER)
    frames = [encode_frame(KEY, place, heartbeat(place)) for place in range(4)]
    return [head, head + b"".join(frames), head + b"".join(frames[:2]) + encode_full(KEY, 2, 9)]


TARGETS: Final = (Target("spool", run_spool, spool_seeds),)
