import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.layout import Parity, Wire
from firmware_sim.pacing import duration_s, split_frame

WIRES = st.builds(
    Wire,
    baudrate=st.sampled_from([1200, 9600, 19200, 115200]),
    parity=st.sampled_from(Parity),
    stopbits=st.sampled_from([1, 2]),
)


@pytest.mark.parametrize(
    ("parity", "stopbits", "bits"),
    [
        (Parity.NONE, 1, 10),
        (Parity.EVEN, 1, 11),
        (Parity.ODD, 1, 11),
        (Parity.NONE, 2, 11),
        (Parity.EVEN, 2, 12),
    ],
)
def test_a_character_has_start_data_parity_and_stop_bits(parity: Parity, stopbits: int, bits: int) -> None:
    assert Wire(9600, parity, stopbits).character_s == bits / 9600


def test_the_answer_to_80_registers_takes_its_time_at_9600() -> None:
    assert duration_s(165, Wire(9600)) == pytest.approx(0.1719, abs=1e-4)
    assert duration_s(165, Wire(9600, Parity.EVEN)) == pytest.approx(0.1891, abs=1e-4)
    assert duration_s(165, None) == 0


@settings(deadline=None)
@given(frame=st.binary(min_size=1, max_size=256), wire=WIRES, step_s=st.floats(1e-6, 2.0))
def test_no_character_comes_before_it_is_complete_and_none_is_lost(
    frame: bytes, wire: Wire, step_s: float
) -> None:
    pieces = split_frame(frame, wire, 100.0, step_s)
    assert b"".join(piece.data for piece in pieces) == frame
    sent = 0
    for piece in pieces:
        sent += len(piece.data)
        assert piece.at_s == pytest.approx(100.0 + sent * wire.character_s)
    gaps = [b.at_s - a.at_s for a, b in itertools.pairwise(pieces[:-1])]
    assert all(gap >= min(step_s, wire.character_s * len(frame)) - 1e-9 for gap in gaps)


def test_without_a_serial_line_a_frame_comes_at_once() -> None:
    assert [(part.at_s, part.data) for part in split_frame(b"abc", None, 5.0, 0.01)] == [(5.0, b"abc")]


def test_nothing_takes_no_time() -> None:
    assert split_frame(b"", None, 5.0, 0.01) == split_frame(b"", Wire(), 5.0, 0.01) == ()
