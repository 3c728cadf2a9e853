"""Times without a seal on the page of a pack: by the time since boot, and by what the site file promises."""

import pytest

from drivers.clock import Stamp
from evidence.pack import container
from evidence.pack.content import PAGE_NAME, Question, encode_content
from evidence.pack.proved import ProvedSeal
from evidence.record import Kind, encode_record
from evidence.seal import peek_header
from provisioning.evidence.check import NAMES, make_pack
from provisioning.evidence.story import find_gaps
from tests.agent.rig import SITE
from tests.evidence.chains import Chain, stamp
from tests.evidence.pack import packs

TEN_YEARS_S = 315_576_000.0
TOLD = "no seal was made: the gateway was off, or its agent stood still"


def window(*moments: Stamp) -> list[ProvedSeal]:
    chain = Chain()
    coses = [chain.seal(at=at).cose for at in moments]
    return [ProvedSeal(peek_header(cose), bytes(32), ()) for cose in coses]


@pytest.mark.parametrize(
    ("moments", "gaps_ms"),
    [
        ((stamp(0), stamp(100)), []),
        ((stamp(0), stamp(150)), [150_000]),
        ((stamp(0), stamp(10, offset_s=TEN_YEARS_S)), []),
        ((stamp(0), stamp(10, offset_s=-TEN_YEARS_S)), []),
        ((stamp(0), stamp(150, offset_s=-TEN_YEARS_S), stamp(160)), [150_000]),
        ((stamp(0), stamp(900, boot=2)), [900_000]),
        ((stamp(0), stamp(20, boot=2)), []),
    ],
    ids=["paced", "paused", "clock forward", "clock back", "paused behind a clock", "off", "restart"],
)
def test_a_clock_that_was_set_neither_makes_a_gap_nor_hides_one(
    moments: tuple[Stamp, ...], gaps_ms: list[int]
) -> None:
    seen = list(find_gaps(window(*moments), 100_000.0))
    assert [end - begin for begin, end, _ in seen] == gaps_ms


def page_of(step_s: float, manifest: bytes | None) -> str:
    """The page of a chain of which the agent stood still for 150 s, or as long as its heartbeat lets it."""
    made = Chain()
    moments = [10.0, 20.0, 20.0 + step_s, 30.0 + step_s]
    first = [manifest] if manifest is not None else None
    seals = [made.seal(first, at=stamp(moments[0])), *(made.seal(at=stamp(at)) for at in moments[1:])]
    asked = Question(packs.at_ms(1), packs.at_ms(1) + 1_000_000, 1, len(seals))
    one = packs.content(packs.run(seals), question=asked, statements=(packs.enrolment(),))
    pack, _ = make_pack(encode_content(one), packs.CENTRE_KEY, None, None)
    return container.read(pack, NAMES).entries[PAGE_NAME].decode()


def test_a_pause_of_150_s_is_named_among_what_is_absent_and_a_heartbeat_of_a_minute_is_none() -> None:
    assert TOLD in page_of(150, None)
    assert TOLD not in page_of(70, None)


def test_the_site_file_says_how_long_a_gateway_may_be_silent() -> None:
    slow = SITE.replace("[site]", "[seal]\nheartbeat_s = 300\n\n[site]")
    said = encode_record(Kind.MANIFEST, stamp(), {"site": slow, "meters": {}})
    assert TOLD not in page_of(150, said)
    assert TOLD in page_of(400, said)
