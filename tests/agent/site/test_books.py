"""What alerts are judged by, out of the site file."""

from pathlib import Path

import pytest
from attrs import evolve

from agent.detect.line_params import Threshold
from agent.detect.params import nameplate
from agent.site.books import asked_lines_of
from agent.site.file import parse_site
from tests.agent.site.test_linkages import TEXT


@pytest.mark.parametrize(
    ("learned_to_s", "provisional", "off_w"),
    [(1_767_000_000, False, 4_000.0), (1_767_000_000, True, None), (0, False, None)],
)
def test_only_who_was_seen_both_on_and_off_has_a_learned_off_level(
    learned_to_s: int, provisional: bool, off_w: float | None
) -> None:
    site = parse_site(TEXT.format(fast_s=5), Path("site.toml"))
    plain = nameplate("k1", {"p1": 60_000.0}, {"t1": 22_000.0})
    threshold = Threshold(hi_w=9_000, lo_w=4_000, provisional=provisional)
    params = evolve(
        plain, production=(evolve(plain.production[0], threshold=threshold),), learned_to_s=learned_to_s
    )
    learned = evolve(site, linkage=[evolve(site.linkage[0], parameters=params.to_dict())])
    lines = asked_lines_of(learned)
    assert {id_: one.off_w for id_, one in lines.items()} == {"p1": off_w, "t1": None, "other": None}
    assert [one.off_w for one in asked_lines_of(site).values()] == [None] * 3
