"""The search for DL/T 645 meters ends, whatever is on the line; a bus without a socket.

A third-party server (dlt645 3.2.0 of PyPI) answers the wildcard of all, and refuses every other address in
that address's own name: the search then tried a hundred pairs before each of a hundred, and never ended.
"""

from collections.abc import Callable

import pytest
from attrs import Factory, define

from drivers.dlt645.codec import ADDRESS_DIGITS, Data, ReadId
from drivers.errors import ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.search.dlt645 import FoundMeter, search

ALL = "A" * ADDRESS_DIGITS


@define
class Wire:
    """A bus on which `answer` says what comes back to an address."""

    answer: Callable[[str], Data]
    asked: list[str] = Factory(list)

    def read_data(self, request: ReadId, timeout_s: float) -> tuple[Data, float]:
        del timeout_s
        self.asked.append(request.meter)
        return self.answer(request.meter), 0.01

    def has_more(self, wait_s: float) -> bool:
        del wait_s
        return False


def fits(meter: str, wanted: str) -> bool:
    return all(want in {"A", have} for have, want in zip(meter, wanted, strict=True))


def on_one_wire(*meters: str) -> Callable[[str], Data]:
    """Meters that spoil each other's answers."""

    def answer(wanted: str) -> Data:
        there = [meter for meter in meters if fits(meter, wanted)]
        if not there:
            raise ReplyTimeoutError("no answer")
        if len(there) > 1:
            raise ReplyError("checksum does not fit")
        return Data(b"", there[0], 24)

    return answer


def in_any_name(_: str) -> Data:
    raise ReplyError("meter AAAAAAAAAA00 instead of AAAAAAAAAA00")


def noise(_: str) -> Data:
    raise ReplyError("noise")


def refuses_everybody(wanted: str) -> Data:
    if wanted == ALL:
        raise ReplyError("no whole answer in time")
    raise ExceptionReplyError(2)


@pytest.mark.parametrize("answer", [in_any_name, noise, refuses_everybody])
def test_what_answers_for_addresses_that_nobody_has_is_told_at_once(answer: Callable[[str], Data]) -> None:
    wire = Wire(answer)
    assert list(search(wire)) == [FoundMeter(ALL, "garbled")]  # type: ignore[arg-type]
    assert len(wire.asked) == 3


@pytest.mark.parametrize(
    "meters",
    [
        (),
        ("230100000000",),
        ("230100000000", "230100000001"),
        ("202611300007", "202611300107", "987654321089"),
    ],
)
def test_meters_that_talk_at_once_are_told_apart(meters: tuple[str, ...]) -> None:
    wire = Wire(on_one_wire(*meters))
    found = list(search(wire))  # type: ignore[arg-type]
    assert found == [FoundMeter(meter, "answers") for meter in sorted(meters, key=lambda one: one[::-1])]
