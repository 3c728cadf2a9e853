"""Parts of bodies: any order, any cut, doubled and false ones; bounded whatever comes."""

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from centre.gateway.parts import BODIES_MAX, Parts
from evidence.body import BODY_BYTES_MAX
from wire.messages import PartMessage


@given(body=st.binary(min_size=1, max_size=2_000), data=st.data())
@settings(deadline=None)
def test_a_body_is_handed_over_with_its_last_missing_byte_and_not_before(
    body: bytes, data: st.DataObject
) -> None:
    parts, there = Parts(), bytearray(len(body))
    whole = None
    while whole is None:
        begin = data.draw(st.integers(0, len(body) - 1)) if len(there) - sum(there) > 100 else there.index(0)
        end = data.draw(st.integers(begin + 1, len(body)))
        there[begin:end] = b"\1" * (end - begin)
        whole = parts.put(PartMessage(7, len(body), begin, body[begin:end]))
        assert (whole is not None) == all(there)
    assert whole == body


def test_of_two_bodies_under_way_neither_disturbs_the_other() -> None:
    parts = Parts()
    assert parts.put(PartMessage(1, 2, 0, b"a")) is None
    assert parts.put(PartMessage(2, 2, 1, b"d")) is None
    assert parts.put(PartMessage(1, 2, 1, b"b")) == b"ab"
    assert parts.put(PartMessage(2, 2, 0, b"c")) == b"cd"


def test_another_length_begins_anew() -> None:
    parts = Parts()
    parts.put(PartMessage(1, 3, 0, b"ab"))
    assert parts.put(PartMessage(1, 2, 1, b"y")) is None
    assert parts.put(PartMessage(1, 2, 0, b"x")) == b"xy"


def test_the_body_without_a_part_for_the_longest_goes_first() -> None:
    parts = Parts()
    for number in range(1, BODIES_MAX + 1):
        parts.put(PartMessage(number, 3, 0, b"a"))
    parts.put(PartMessage(1, 3, 1, b"b"))
    parts.put(PartMessage(9, 3, 0, b"a"))
    assert parts.put(PartMessage(1, 3, 2, b"c")) == b"abc"
    assert parts.put(PartMessage(2, 3, 1, b"bc")) is None, "it was forgotten"


class Flood(RuleBasedStateMachine):
    """Whatever a gateway sends, no more than BODIES_MAX bodies are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = Parts()

    @rule(number=st.integers(1, 9), length=st.integers(1, BODY_BYTES_MAX), data=st.data())
    def put(self, number: int, length: int, data: st.DataObject) -> None:
        offset = data.draw(st.integers(0, length - 1))
        piece = bytes(data.draw(st.integers(1, length - offset)))
        whole = self.parts.put(PartMessage(number, length, offset, piece))
        assert whole is None or len(whole) == length

    @invariant()
    def bounded(self) -> None:
        kept = list(self.parts._bodies.values())
        assert sum(len(body.bytes) for body in kept) <= BODIES_MAX * BODY_BYTES_MAX
        assert all(body.there.up_to < len(body.bytes) for body in kept)


TestFlood = Flood.TestCase
TestFlood.settings = settings(deadline=None, max_examples=25, stateful_step_count=25, derandomize=True)
