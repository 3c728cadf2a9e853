"""Every kind of TAMPER record has a sentence in both languages, with its numbers; nonsense has none."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent.tamper
import agent.tamper.settings
from provisioning.words.tamper import TEXT_MAX, WHATS, describe_tamper

IMPORT = "active_energy_import"
SAID = [
    (
        {"what": "meter swapped", "point": "serial_number", "was": 77, "now": "A-78"},
        "电表m1：序列号由 77 变为 “A-78”，电表已被更换",
        "meter m1: the serial number was 77 and is “A-78”: it is another meter",
    ),
    (
        {"what": "meter changed", "point": "ct_ratio", "was": 200, "now": 100},
        "电表m1：电流互感器变比由 200 变为 100",
        "meter m1: the CT ratio was 200 and is 100",
    ),
    (
        {"what": "counter backwards", "point": IMPORT, "was": 2_000_000, "now": 1_500_500},
        "电表m1：正向有功电能由 2000 kWh 倒退到 1500.5 kWh，已计的电量消失",
        (
            "meter m1: the counter of imported energy went back from 2000 kWh to 1500.5 kWh: "
            "energy that was counted is gone"
        ),
    ),
    (
        {"what": "counter returned", "point": IMPORT, "was": 0, "now": 2_000_000},
        "电表m1：正向有功电能由 0 kWh 恢复到 2000 kWh，已计的电量仍在，此前的“倒退”记录撤回",
        (
            "meter m1: the counter of imported energy is back, from 0 kWh to 2000 kWh: no energy is gone, "
            "that record is withdrawn"
        ),
    ),
    (
        {"what": "value returned", "point": "ct_ratio", "was": 1, "now": 200},
        "电表m1：电流互感器变比恢复为 200（其间为 1），与此前一致",
        "meter m1: the CT ratio is 200 again, as it was before it read 1",
    ),
    (
        {"what": "counter wrapped", "point": IMPORT, "was": 9_999_990, "now": 10},
        "电表m1：正向有功电能计满归零（9999.99 kWh → 0.01 kWh），属正常",
        (
            "meter m1: the counter of imported energy began anew at its end (9999.99 kWh → 0.01 kWh), "
            "as counters do"
        ),
    ),
    (
        {"what": "unreadable", "point": "voltage_l1"},
        "电表m1：L1电压此前有值，现在读不出有效数值",
        "meter m1: the voltage L1 had a value and now reads as none",
    ),
    (
        {"what": "readable", "point": "frequency", "now": 50.01},
        "电表m1：频率恢复有值：50.01 Hz",
        "meter m1: the frequency has a value again: 50.01 Hz",
    ),
    (
        {
            "what": "energy departs from power", "point": IMPORT, "power_wh": 30_000.5,
            "counted_wh": 15_000.0, "tolerance_wh": 900.0, "window_s": 3600,
        },
        "电表m1：60 min内电能表计 15 kWh，由功率累计为 30 kWh，相差超过 0.9 kWh",
        "meter m1: in 60 min it counted 15 kWh, its power adds up to 30 kWh: more than 0.9 kWh apart",
    ),
    (
        {
            "what": "voltage departs from the others'", "point": "voltage", "now": 180.1, "others": 230.0,
            "limit": 4.6, "slots": 5, "meters": 6,
        },
        "电表m1：电压 180.10 V，同一供电的6块电表居中为 230.00 V，相差超过 4.60 V",
        "meter m1: its voltage is 180.10 V, 230.00 V amid 6 meters: more than 4.60 V apart",
    ),
    (
        {"what": "meter frozen", "point": "fast", "reads": 120, "lasts_s": 600, "usual": 3},
        "电表m1：带负荷时连续120次读数完全相同，已持续10 min（此前最多3次）",
        "meter m1: 120 equal readings under load, for 10 min (never more than 3 before)",
    ),
    (
        {"what": "answers take another time", "point": "latency", "was_ms": 20.4, "now_ms": 61.0},
        "电表m1：应答时间由 20.4 ms 变为 61.0 ms，线路上可能多了或换了设备",
        "meter m1: it answers after 61.0 ms instead of 20.4 ms: something else may be on the line",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "zh", "en"), SAID, ids=[said[0]["what"] for said in SAID])
def test_a_record_is_a_sentence_in_both_languages(body: dict[str, Any], zh: str, en: str) -> None:
    said = describe_tamper(body | {"meter": "m1"})
    assert said is not None
    assert (said.zh, said.en) == (zh, en)


AGAIN = {
    "energy agrees with power": {"power_wh": 1.0, "counted_wh": 1.0, "tolerance_wh": 1.0, "window_s": 60},
    "voltage agrees with the others'": {"now": 230.0, "others": 230.1, "limit": 1.0, "meters": 3},
    "frequency departs from the others'": {"now": 50.2, "others": 50.0, "limit": 0.1, "meters": 3},
    "frequency agrees with the others'": {"now": 50.0, "others": 50.0, "limit": 0.1, "meters": 3},
    "meter moves again": {"reads": 9, "lasts_s": 90, "usual": 2},
}


def test_every_kind_that_the_agent_writes_has_a_sentence() -> None:
    """The kinds are those of the two docstrings that are their specification."""
    assert agent.tamper.__file__ is not None
    specified = (Path(agent.tamper.__file__).parent / "behaviour.py").read_text("utf-8")
    texts = [str(agent.tamper.settings.__doc__), specified.partition('"""\n\n')[0]]
    whats = set(re.findall(r'\{"what": "([^"]+)"', "\n".join(texts)))
    whats |= set(re.findall(r'\("([a-z\' \n]+)", "([a-z\' \n]+)", "([a-z ]+)"\)', texts[1])[0])
    found = {" ".join(what.split()) for what in whats} | {"frequency agrees with the others'"}
    assert found == WHATS
    assert {said[0]["what"] for said in SAID} | AGAIN.keys() == WHATS
    for what, numbers in AGAIN.items():
        assert describe_tamper({"what": what, "meter": "m1", "point": "p"} | numbers) is not None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
KEYS = sorted({key for said in SAID for key in said[0]} | {"meter"} - {"what"})


@given(st.sampled_from(sorted(WHATS)), st.dictionaries(st.sampled_from(KEYS), anything))
def test_whatever_somebody_signed_is_a_short_sentence_or_none(what: str, body: dict[str, Any]) -> None:
    said = describe_tamper(body | {"what": what})
    if said is not None:
        assert len(said.zh) < 12 * TEXT_MAX
        assert said.en.isprintable()


def test_a_kind_of_another_version_has_no_sentence() -> None:
    assert describe_tamper({"what": "meter sings", "meter": "m1"}) is None
    assert describe_tamper({"what": ["meter swapped"], "meter": "m1"}) is None
    assert describe_tamper({}) is None
