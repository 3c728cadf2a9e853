"""Readings that wait come out once, when table and manifest are there, whatever came first."""

from random import Random

import hypothesis.strategies as st
from hypothesis import given, settings

from centre.gateway.waiting import Waiting
from centre.json_lines import JsonLines
from drivers.clock import ClockState
from evidence.seal import NO_HASH, SealHeader
from tests.centre.gateway.hostile import reading, record, table

TABLES = [table(2, "a"), table(3, "b")]
METERS = ("m1", "m2")


def header(number: int, count: int) -> SealHeader:
    keys = (NO_HASH, NO_HASH, NO_HASH)
    return SealHeader("g", number, number, count, *keys, 0, 0, bytes(16), ClockState.SYNCHRONISED)


BODY = st.one_of(
    st.tuples(st.just("reading"), st.sampled_from(METERS), st.sampled_from([0, 1])),
    st.tuples(st.just("table"), st.just(""), st.sampled_from([0, 1])),
    st.tuples(st.just("manifest"), st.sampled_from([*METERS, "both"]), st.just(0)),
)


def make(body: tuple[str, str, int]) -> bytes:
    what, meter, which = body
    raw, model = TABLES[which]
    match what:
        case "reading":
            return reading(meter, model)
        case "table":
            return record(2, {"models": {model.hex(): raw}})
        case _:
            return record(2, {"meters": {one: {} for one in (METERS if meter == "both" else (meter,))}})


@given(st.lists(BODY, max_size=14), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=120)
def test_the_lines_of_readings_do_not_depend_on_the_order_of_bodies(
    bodies: list[tuple[str, str, int]], random: Random
) -> None:
    numbered = list(enumerate(map(make, bodies), 1))
    shuffled = numbered.copy()
    random.shuffle(shuffled)
    made = []
    for order in (numbered, shuffled):
        lines = JsonLines("g")
        told = [line for number, raw in order for line in lines.of_body(header(number, 1), (raw,))]
        while lines.is_behind:
            told += lines.go_on()
        made.append(sorted(line["record"] for line in told if line["type"] == "reading"))
    tables = {which for what, _, which in bodies if what == "table"}
    wanted = []
    for number, (what, meter, which) in enumerate(bodies, 1):
        before = [one for at, one in enumerate(bodies, 1) if at <= number and one[0] == "manifest"]
        has_meter = bool(before) and before[-1][1] in {meter, "both"}
        if what == "reading" and has_meter and which in tables:
            wanted.append(number)
    assert made[0] == wanted
    assert set(wanted) <= set(made[1]), "nothing is lost"
    assert len(set(made[1])) == len(made[1]), "each once"


def test_what_does_not_fit_is_counted() -> None:
    waiting = Waiting()
    waiting.put("m", b"", (1, 1, bytes(1 << 24)))
    assert (waiting.dropped, waiting.size, list(waiting.take())) == (1, 0, [])
