"""What the page says of whatever it is given, and that it says nothing else."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.detect.line_params import Answer, Bin
from agent.store.names import DATABASE_NAME
from provisioning.live.page.chain import Chain, ChainView
from provisioning.live.page.episodes import CARDS_MAX, DRAWN_MAX
from provisioning.live.page.page import POLICY, draw_status_page
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.web import NOT_UNDERSTOOD_ERRORS
from tests.provisioning.live.page.plant import Plant, at_once

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
VOID = {"meta", "link", "br", "path", "rect"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Strict(HTMLParser):
    """Collects the texts that are shown; every tag must be closed in its place, and there is one script."""

    def __init__(self, *, chinese: bool = False) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.texts: list[str] = []
        self.langs: list[str] = []
        self.other = "en" if chinese else "zh"
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "data", "action"}]
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)
            lang = dict(attrs).get("lang") if tag != "html" else ""
            self.langs.append(lang or (self.langs[-1] if self.langs else ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.langs.pop()

    def handle_data(self, data: str) -> None:
        is_name = self.open[-2:] == ["svg", "title"]  # of a drawing, for who cannot see it: in both
        if not {"style", "script"} & set(self.open) and self.langs[-1:] != [self.other] and not is_name:
            self.texts.append(data)


def parsed(page: bytes, *, chinese: bool = False) -> Strict:
    parser = Strict(chinese=chinese)
    parser.feed(page.decode())
    parser.close()
    assert parser.open == []
    assert parser.scripts == 1
    assert set(parser.loads) <= {"data:,", "?lang=zh", "?lang=en"}
    return parser


def text_of(seen: Snapshot, *, chinese: bool = False) -> str:
    return " ".join(" ".join(parsed(draw_status_page(seen, chinese=chinese), chinese=chinese).texts).split())


@pytest.fixture(scope="module")
def seen(lived: Plant) -> Snapshot:
    plan = SiteFile(lived.site).plan()
    view = Chain(lived.state / DATABASE_NAME, at_once).read(plan, lived.now_s)
    return Snapshot(plan, lived.status, "", view, lived.now_s + 7)


def test_all_that_the_agent_says_is_there_with_its_units(seen: Snapshot) -> None:
    text = text_of(seen)
    for part in (
        "东厂区喷涂车间", "plant time 2026-03-02 10:20:07", "#1201", "#1199", "7 s ago", "backlog 2 seals",
        "connected", "in step", "2 / 2", "MiB", "1号喷涂线 Spray booth", "50.00 kW", "kW", "p1 → t1",
        "/ 3 min", "Today's loads, 2026-03-02", "10:20 last seal", "on from 5.00 kW", "notice · off",
        "treatment was off", "its two hours", "all numbers", "tcp://192.168.1.20:502", "11.8 %", "1803",
        "36400", "requests of another master on the bus 12", "eastron-sdm630", "good", "P ",
    ):  # fmt: skip
        assert part in text, part


def test_in_chinese_there_is_no_english_sentence_and_the_other_way_round(seen: Snapshot) -> None:
    chinese, english = text_of(seen, chinese=True), text_of(seen)
    for word in (
        "线路",
        "今日负荷",
        "最近回执",
        "待送达",
        "关联与治理缺口",
        "总线",
        "消息服务器",
        "提示",
        "个签封",
    ):
        assert word in chinese
    for word in ("Lines", "Today", "last receipt", "Linkages", "Buses", "backlog"):
        assert word in english
        assert word not in chinese
    bare = english.replace("东厂区喷涂车间", "").replace("1号喷涂线", "").replace("中文", "")
    assert not CHINESE.search(bare)


def test_without_an_agent_one_line_says_so_and_the_day_is_shown(seen: Snapshot) -> None:
    alone = evolve(seen, status=None, silence="Connection refused")
    text = text_of(alone)
    assert text.count("no agent answers") == 1
    assert "Connection refused" in text
    for part in (
        "Today's loads, 2026-03-02",
        "10:20 last seal",
        "notice · off",
        "#1199",
        "last heartbeat",
        "unknown",
    ):
        assert part in text, part
    for part in ("Buses", "Meters", "Linkages"):
        assert part not in text


def test_the_last_day_on_record_is_called_so(seen: Snapshot) -> None:
    late = evolve(seen, status=None, silence="x", now_s=seen.now_s + 2 * 86_400)
    assert "Last day on record, 2026-03-02" in text_of(late)


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ("no chain", "there is no sealed chain yet"),
        ("no seal", "nothing is sealed yet"),
        ("chain.db: disk I/O error", "the chain cannot be read: chain.db: disk I/O error"),
    ],
)
def test_without_a_chain_the_page_says_why(seen: Snapshot, problem: str, says: str) -> None:
    assert says in text_of(evolve(seen, chain=ChainView(None, problem=problem)))


def test_a_day_that_is_still_being_read_says_how_far_and_asks_again_soon(seen: Snapshot) -> None:
    half = evolve(seen, chain=evolve(seen.chain, complete=False))
    assert "being read, 10:20 so far" in text_of(half)
    assert b'<main class="soon">' in draw_status_page(half, chinese=False)
    assert b'<main class="soon">' not in draw_status_page(seen, chinese=False)


def changed(seen: Snapshot, **parts: Any) -> Snapshot:
    assert seen.status is not None
    return evolve(seen, status={**seen.status, **parts})


def test_what_is_wrong_has_the_colour_of_its_severity(seen: Snapshot) -> None:
    assert seen.status is not None
    seals, broker = seen.status["seals"], seen.status["broker"]
    meter = {**seen.status["meters"][0], "quality": "bad", "reason": "no answer"}
    linkage = {**seen.status["linkages"][0], "deficit_s": 170.0, "violation": "off"}
    cases = (
        (
            {"seals": {**seals, "backlog": 900, "receipt": {"number": 3, "at": "2026-03-01T00:00:00Z"}}},
            'class="tile open"',
        ),
        ({"broker": {**broker, "connected": False, "alarms": ["clone"]}}, 'class="tile bad"'),
        ({"broker": {**broker, "alarms": ["clone"]}}, 'class="card violation" role="status"'),
        ({"clock": "unsynchronised"}, 'class="tile bad"'),
        ({"meters": [meter]}, 'class="state bad"'),
        ({"linkages": [linkage]}, '<rect class="bar violation" width='),
        ({"linkages": [{**linkage, "severity": "notice"}]}, '<span class="badge notice">notice</span>'),
    )
    calm = draw_status_page(seen, chinese=False).decode()
    for parts, css in cases:
        assert css not in calm
        assert css in draw_status_page(changed(seen, **parts), chinese=False).decode()


def test_an_agent_of_another_version_is_shown_as_far_as_it_is_understood(seen: Snapshot) -> None:
    assert seen.status is not None
    old = {
        key: value for key, value in seen.status.items() if key not in {"version", "clock_ahead_ms", "name"}
    }
    old["seals"] = {key: value for key, value in old["seals"].items() if key != "receipt"}
    old["lines"] = [{k: v for k, v in line.items() if k != "recent_w"} for line in old["lines"]]
    old["clock"], old["broker"] = "of its own", {"connected": True, "alarms": ["an alarm of tomorrow"]}
    old["episodes"] = [{"id": "x"}, *old["episodes"]]
    text = text_of(evolve(seen, status=old))
    for part in ("#1199", "of its own", "an alarm of tomorrow", "notice · off"):
        assert part in text


def test_hostile_texts_stay_texts(seen: Snapshot) -> None:
    assert seen.status is not None

    def spoilt(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spoilt(item) for key, item in value.items()}
        if isinstance(value, list):
            return [spoilt(item) for item in value]
        return EVIL if isinstance(value, str) else value

    status = {**spoilt(seen.status), "linkages": spoilt(seen.status["linkages"])}
    for before, now in zip(seen.status["episodes"], status["episodes"], strict=True):
        now |= {"severity": before["severity"], "id": EVIL}
    status["meters"][0]["units"] = {EVIL: EVIL}
    status["meters"][0]["values"] = {EVIL: EVIL}
    status["seals"]["receipt"] = {"number": EVIL, "at": EVIL}
    plan = evolve(seen.plan, name=EVIL, gateway=EVIL)
    spoilt_seen = evolve(seen, status=status, plan=plan, problem=EVIL)
    page = draw_status_page(spoilt_seen, chinese=True)
    parsed(page)
    assert b"<img" not in page
    assert page.count(b"<script") == 1


JUNK: list[Any] = [None, [], {}, "x", -1, 1e308, float("nan"), [[]], {"zh": 1}, True]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], junk)
    return copy


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_an_agent_says_is_shown_or_refused_in_a_way_that_the_page_expects(
    seen: Snapshot, data: Any
) -> None:
    path = data.draw(st.sampled_from(list(leaves(seen.status))[1:]))
    status = put(seen.status, path, data.draw(st.sampled_from(JUNK)))
    try:
        parsed(draw_status_page(evolve(seen, status=status), chinese=False))
    except NOT_UNDERSTOOD_ERRORS:
        return


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_was_sealed_as_an_episode_or_a_heartbeat_is_shown_or_left_out(
    seen: Snapshot, data: Any
) -> None:
    day = seen.chain.day
    assert day is not None
    assert day.beat is not None
    (body,) = day.episodes.values()
    plain = json.loads(json.dumps(body, default=str))
    path = data.draw(st.sampled_from(list(leaves(plain))[1:]))
    spoilt = put(plain, path, data.draw(st.sampled_from(JUNK)))
    beat = evolve(day.beat, body={**day.beat.body, "silent": data.draw(st.sampled_from(JUNK))})
    view = evolve(seen.chain, day=evolve(day, episodes={"x": spoilt}, beat=beat))
    parsed(draw_status_page(evolve(seen, status=None, chain=view), chinese=False))


def test_half_a_character_from_outside_does_not_end_the_page(seen: Snapshot) -> None:
    assert "a?" in text_of(evolve(seen, plan=evolve(seen.plan, name="a\ud800")))


def test_of_many_episodes_the_newest_are_shown_and_the_rest_is_counted(seen: Snapshot) -> None:
    assert seen.status is not None
    (one,) = seen.status["episodes"]
    (body,) = seen.chain.day.episodes.values() if seen.chain.day else ()
    many = {
        f"e{n}": {**body, "id": f"e{n}", "raised_at_s": body["raised_at_s"] + n} for n in range(CARDS_MAX + 5)
    }
    assert seen.chain.day is not None
    day = evolve(seen.chain.day, episodes=many)
    page = draw_status_page(
        evolve(changed(seen, episodes=[one]), chain=evolve(seen.chain, day=day)), chinese=False
    )
    assert page.count(b"<article") == CARDS_MAX
    assert page.count(b"its two hours") == DRAWN_MAX
    assert b"6 more episodes" in page
    assert len(page) < 400_000


def test_the_policy_allows_one_style_and_one_script_and_no_stranger() -> None:
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")
    for word in ("unsafe", "http:", "https:", "*"):
        assert word not in POLICY


def test_what_was_learned_is_there_with_a_drawing_what_was_not_and_what_nobody_answered(
    seen: Snapshot,
) -> None:
    assert "not commissioned: judged by nameplates" in text_of(seen)
    learned = evolve(
        seen.plan.params[0],
        learned_from_s=1,
        learned_to_s=86_400,
        range_hi_w=50_000,
        provisional=False,
        envelope=(Bin(from_w=0, lo_w=2_000, median_w=9_000), Bin(from_w=20_000, lo_w=7_000, median_w=12_000)),
        answers=(Answer(question="stop", answer="no"),),
    )
    known = evolve(seen, plan=evolve(seen.plan, params=(learned,)))
    for part in (
        "production counts as running from", "treatment at least", "7.00", "12.0",
        "by how long treatment follows", "can it be stopped: no: it never stops",
        "--answer k1.product=yes or no",
    ):  # fmt: skip
        assert part in text_of(known), part
    assert b'<rect class="bar least" width="58.3"' in draw_status_page(known, chinese=False)
    assert "是否还生产其他产品" in text_of(known, chinese=True)
    assert b"<details open><summary><strong>k1" in draw_status_page(seen, chinese=False)
    assert b"<details><summary><strong>k1" in draw_status_page(known, chinese=False)
