"""A gateway signs whatever its owner makes it say: the pack holds, the page says so, and nothing breaks."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points.model import Model, Point
from drivers.points.registers import RegisterType
from drivers.reading import Block, PollGroup, Quality, Quantity, Reading
from evidence.pack import container
from evidence.pack.content import PAGE_NAME, encode_content
from evidence.record import Kind, encode_reading, encode_record
from provisioning.evidence.check import NAMES, check, make_pack
from tests.agent.detect.timeline import linkage, run
from tests.agent.rig import SITE
from tests.evidence.attestations import GOLDEN
from tests.evidence.chains import Chain, heartbeat, stamp
from tests.evidence.pack import packs
from tests.provisioning.pages.test_pages import Strict

EVIL = "</svg><img src=x onerror=alert(1)>"
FOUND, _ = run(linkage(), [(20, {"p1": 15_000, "t1": 15_000}), (10, {"p1": 15_000, "t1": 0})])
EPISODE = FOUND[0].to_body()
DEEP = "x = " + "[" * 20_000
ZONE = "[site]\nname = 'x'\nutc_offset = '+99:99'"


def page_of(*records: bytes) -> str:
    """The page of a pack in whose middle the records stand; the pack is checked."""
    made = Chain()
    seals = [made.seal([heartbeat(1)]), made.seal(records or None), made.seal([heartbeat(3)])]
    one = packs.content(packs.run(seals), last=3, statements=(packs.enrolment(),))
    pack, _ = make_pack(encode_content(one), packs.CENTRE_KEY, None, None)
    assert check(pack, packs.CENTRE_KEY).problems == ()
    return container.read(pack, NAMES).entries[PAGE_NAME].decode()


def episode(**changes: Any) -> bytes:
    return encode_record(Kind.EPISODE, stamp(), {**EPISODE, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": EVIL, "linkage": EVIL, "rule": EVIL, "severity": EVIL, "lines": [EVIL]},
        {"sentence": {"zh": EVIL, "en": EVIL}},
        {"sentence": "no"},
        {"begin_at_s": 1 << 60},
        {"begin_at_s": -5},
        {"raised_at_s": 4.5},
        {"end_at_s": "never"},
        {"trace": {"begin_at_s": 0, "production_w": [], "treatment_w": []}},
        {"trace": {"begin_at_s": EPISODE["raised_at_s"], "production_w": ["x"], "treatment_w": [1e308]}},
        {"trace": {**EPISODE["trace"], "production_w": [10**18] * 120, "treatment_w": [-1] * 120}},
        {"trace": {**EPISODE["trace"], "production_w": [1] * 601}},
        {"trace": None},
        {"numbers": {"production_on_at_s": 1 << 62, "production_w": "much", "treatment_w": None}},
        {
            "numbers": {
                "treatment_expected_w": 1e300,
                "treatment_normal_w": -1e300,
                EVIL: [EVIL, {EVIL: EVIL}],
            }
        },
        {"numbers": []},
        {"id": 7},
    ],
)
def test_an_episode_that_is_absurd_is_drawn_harmless_or_told_as_that(changes: dict[str, Any]) -> None:
    page = page_of(episode(**changes))
    assert "<img" not in page
    parser = Strict()
    parser.feed(page)
    assert parser.open == []


def test_an_episode_that_can_be_read_is_drawn() -> None:
    assert "nothing readable" not in page_of(episode())
    far = {**EPISODE["trace"], "begin_at_s": EPISODE["raised_at_s"] - 9 * 3600}
    assert "nothing readable" in page_of(episode(trace=far))
    assert "is malformed and counts for nothing" in page_of(episode(trace=None))


@pytest.mark.parametrize(
    "site", ["x = [", DEEP[:55_000], EVIL, 7, "[site]\nname = 'x'\nutc_offset = '+99:99'"]
)
def test_a_manifest_that_nobody_can_read_leaves_a_page_without_drawings(site: object) -> None:
    page = page_of(
        encode_record(Kind.MANIFEST, stamp(), {"site": site, "meters": {"m": 1}, "models": {"00": b"{}"}}),
        encode_record(Kind.EVENT, stamp(), {"what": EVIL}),
    )
    assert "<img" not in page
    assert "onerror" in page, "as text"


def test_a_reading_beyond_the_calendar_and_one_of_an_unknown_model_do_no_harm() -> None:
    block = Block(4, 0, b"\x00\x01")
    reading = Reading("m" * 60, PollGroup.FAST, stamp(1e15), bytes(32), (block,), Quality.GOOD)
    page_of(encode_reading(reading), b"\x81\x18\xff", b"\x00")


HUGE = Model(
    "huge",
    points=tuple(
        Point(name=name, quantity=quantity, phase=phase, function=3, address=address, type=RegisterType.F64)
        for address, name, quantity, phase in (
            (0, "active_power", Quantity.ACTIVE_POWER, ""),
            (4, "current_l1", Quantity.CURRENT, "l1"),
        )
    ),
)


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 1e13, 1e12, 5e-324, float("nan"), float("inf")])
def test_one_value_never_makes_a_page_impossible(value: float) -> None:
    words = struct.pack(">d", value)
    meters = {name: {"model": HUGE.hash[:8], "line": line} for name, line in (("mp", "p1"), ("mt", "t1"))}
    records = [
        encode_record(Kind.MANIFEST, stamp(), {"site": SITE, "meters": meters}),
        encode_record(Kind.MANIFEST, stamp(), {"models": {HUGE.hash[:8].hex(): HUGE.table()}}),
    ]
    for second in range(10):
        for meter in meters:
            block = Block(3, 0, words * 2)
            records.append(encode_reading(Reading(meter, PollGroup.FAST, stamp(second), HUGE.hash, (block,))))
    assert "Loads of linkage" in page_of(*records) or abs(value) != 1e12


def test_what_a_tpm_said_of_the_chain_is_judged_where_its_seal_is_in_the_pack() -> None:
    said = [encode_record(Kind.ATTESTATION, stamp(), GOLDEN[at].to_body()) for at in (1, 0)]
    made = Chain()
    seals = [*packs.chain(9, made), made.seal(said[:1]), made.seal(said[1:]), *packs.chain(1, made)]
    runs = packs.run(seals[8:]), packs.run(seals)
    whole = {"statements": (packs.enrolment(),), "receipts": (packs.receipt(seals[9]),)}
    pages = []
    for seals_of in runs:
        one = packs.content(seals_of, first=10, last=12, **whole)
        pack, _ = make_pack(encode_content(one), packs.CENTRE_KEY, None, None)
        pages.append(container.read(pack, NAMES).entries[PAGE_NAME].decode())
    assert "holds</span>" in pages[0], "its seal is not in the pack: nothing speaks against it"
    assert "counter 1 does not grow" in pages[0]
    assert "is not in this chain" in pages[1]
    assert "Attestations of the TPM" not in page_of()


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.binary(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


NAMES_IN_BODIES = [*EPISODE, "site", "meters", "models", "first", "last", "what"]


@given(
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.READING]),
    keys=st.lists(st.sampled_from(NAMES_IN_BODIES), max_size=4),
    values=st.lists(PLAIN, min_size=4, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_signed_has_a_page_that_is_whole(kind: Kind, keys: list[str], values: list[Any]) -> None:
    base = EPISODE if kind is Kind.EPISODE else {}
    body = {**base, **dict(zip(keys, values, strict=False))}
    parser = Strict()
    parser.feed(page_of(encode_record(kind, stamp(), body)))
    assert parser.open == []
