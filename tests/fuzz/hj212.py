"""What loggers and platforms of HJ 212 send, and what else is on the line."""

from contextlib import suppress
from typing import Final

from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.oddity import EncodeError, PacketError
from drivers.hj212.parts import Joiner
from drivers.hj212.sm4 import CipherForm
from drivers.hj212.stream import FRAME_BYTES_MAX, Frame, Stream
from tests.drivers.hj212.packets import GOLDEN, KEY, TREATMENT
from tests.fuzz.target import Target


def _stream(raw: bytes) -> None:
    """Pieces cover the bytes in their order, and what is taken can be written and read again."""
    stream, joiner, seen = Stream(), Joiner(), 0
    half = len(raw) // 2
    for piece in [*stream.feed(raw[:half]), *stream.feed(raw[half:]), *stream.flush()]:
        assert piece.place >= seen
        assert raw[piece.place : piece.place + len(piece.raw)] == piece.raw
        seen = piece.place + len(piece.raw)
        if isinstance(piece, Frame):
            assert len(piece.raw) <= FRAME_BYTES_MAX
            _frame(piece.raw, joiner)
    assert not stream.is_waiting


def _frame(raw: bytes, joiner: Joiner | None = None) -> None:
    """A packet is refused for one reason, or read so that its strict form says the same."""
    try:
        taken = decode(raw, [KEY])
        whole = (joiner or Joiner()).add(taken.packet, 0.0)
    except PacketError:
        return
    assert whole is None or whole.cn == taken.packet.cn
    with suppress(EncodeError):
        again = decode(encode(taken.packet))
        assert again.packet == taken.packet


def _seeds() -> list[bytes]:
    packet = decode(TREATMENT).packet
    ciphers = [encode(packet, key=KEY, form=form) for form in CipherForm]
    return [*GOLDEN, *ciphers, GOLDEN[1] + GOLDEN[2], GOLDEN[1][:100] + GOLDEN[2]]


TARGETS: Final = (
    Target("hj212", _stream, _seeds, 1_200),
    Target("hj212 packet", _frame, _seeds, 1_200),
)
