"""Site files of earlier versions load, and say what they said."""

import json
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from agent.build import setups_of
from agent.site.file import load_site, parse_site
from agent.site.linkages import incomer_of, linkages_of
from agent.site.older import RENAMED, Renamed, todays_names
from disk.tables import TableError

OLD: Final = Path(__file__).parent / "old-sites"
FILE: Final = Path("site.toml")
FILES: Final = sorted(OLD.glob("*.toml"))


def read_site(path: Path) -> dict[str, Any]:
    """What a site file says today, as JSON has it."""
    site = attrs.asdict(load_site(path), filter=lambda at, _: at.name not in {"text", "file"})
    loaded: dict[str, Any] = json.loads(json.dumps(site, default=lambda value: value.hex()))
    return loaded


def missing(then: Any, now: Any, at: str = "site") -> list[str]:
    """What `then` says and `now` does not; a key that is new is no loss."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [line for key in then for line in missing(then[key], now.get(key), f"{at}.{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [line for i, (a, b) in pairs for line in missing(a, b, f"{at}[{i}]")]
    return [] if then == now else [f"{at}: {then!r} became {now!r}"]


def test_there_is_a_file_of_every_form_that_was_committed() -> None:
    assert len(FILES) >= 6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_older_site_file_says_today_what_it_said_then(path: Path) -> None:
    then, _ = todays_names(json.loads(path.with_suffix(".json").read_text("utf-8")))
    assert missing(then, read_site(path)) == []
    setups_of(load_site(path))  # models that have gone would raise


def test_a_changed_meaning_would_be_seen() -> None:
    then = json.loads((OLD / "2-plant.json").read_text("utf-8"))
    then["meter"][1]["ct_ratio"] = 21.0
    then["seal"]["interval_s"] = 11.0
    assert len(missing(then, read_site(OLD / "2-plant.toml"))) == 2


def test_a_learned_incomer_keeps_its_hash_under_the_new_name() -> None:
    text = (OLD / "6-incomer.toml").read_text("utf-8")
    new = text.replace('"feed"', '"incomer"').replace("feed =", "incomer =")
    assert parse_site(new, FILE).line == parse_site(text, FILE).line
    site = parse_site(new, FILE)
    learned = incomer_of(site, linkages_of(site))
    assert learned is not None
    assert learned.hash.hex() == "5a8a006fd87ac32574a876b88bf486f683dbf01ae5602388894bce773f7a3790"
    both = text.replace("feed =", "incomer = 1\nfeed =")
    with pytest.raises(TableError, match=r"line\[0\]\.parameters\.feed: is called incomer since"):
        parse_site(both, FILE)


EXAMPLE: Final = (
    Renamed("broker", "url", "address", "0.3.0"),
    Renamed("meter", "unit_id", "unit", "0.3.0"),
    Renamed("meter", "slow", "sparse", "0.3.0", key="pace"),
    Renamed("meter.limits", "top", "high", "0.3.0"),
)


@pytest.mark.parametrize(
    ("then", "now", "problems"),
    [
        ({}, {}, []),
        ({"broker": {"url": 1, "ca": 2}}, {"broker": {"address": 1, "ca": 2}}, []),
        ({"broker": {"address": 1}}, {"broker": {"address": 1}}, []),
        ({"meter": [{"unit_id": 1}, {"unit": 2}]}, {"meter": [{"unit": 1}, {"unit": 2}]}, []),
        ({"broker": 7, "meter": [7]}, {"broker": 7, "meter": [7]}, []),
        ({"meter": [{"pace": "slow"}, {"pace": 7}]}, {"meter": [{"pace": "sparse"}, {"pace": 7}]}, []),
        (
            {"meter": [{"limits": {"top": 1}}, {"limits": {"top": 1, "high": 2}}, {"limits": 7}, {}]},
            {"meter": [{"limits": {"high": 1}}, {"limits": {"top": 1, "high": 2}}, {"limits": 7}, {}]},
            ["meter[1].limits.top: is called high since version 0.3.0, and the file has both"],
        ),
        (
            {"broker": {"url": 1, "address": 2}, "meter": [{}, {"unit": 1, "unit_id": 2}]},
            {"broker": {"url": 1, "address": 2}, "meter": [{}, {"unit": 1, "unit_id": 2}]},
            [
                "broker.url: is called address since version 0.3.0, and the file has both",
                "meter[1].unit_id: is called unit since version 0.3.0, and the file has both",
            ],
        ),
    ],
)
def test_a_renamed_key_loads_by_its_old_name_and_never_by_both(
    then: dict[str, Any], now: dict[str, Any], problems: list[str]
) -> None:
    assert todays_names(then, EXAMPLE) == (now, problems)


def test_every_renamed_name_is_in_a_file_of_then_which_loads() -> None:
    then = "".join(path.read_text("utf-8") for path in FILES)
    for one in RENAMED:
        assert (f'{one.key} = "{one.old}"' if one.key else f"{one.old} = ") in then
