"""Every page that people look at, in the states that they see it in, as files.

The gateway is that of `tests.provisioning.live.page.plant`, a real chain with a real word of the agent; other
states and more lines are that word with what differs put in. Names are as long as plants have them.
`python -m tests.pictures.gallery FOLDER` photographs all of them, to be looked at.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from agent.site.file import parse_site
from agent.store.names import DATABASE_NAME
from evidence.curtailment.measures import Measure, Row
from evidence.moments import iso_utc
from provisioning.acceptance.sheet import write_sheet
from provisioning.learning.backtest_page import draw_backtest_page
from provisioning.learning.backtest_run import backtest
from provisioning.live.page.chain import Chain, ChainView
from provisioning.live.page.page import draw_status_page
from provisioning.live.page.site import SiteFile, plan_of
from provisioning.live.page.snapshot import Snapshot
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import wanted_lines
from provisioning.pages.episode import draw_episode_page
from tests.agent import rig
from tests.pictures.browser import OPEN_ALL, browsing
from tests.provisioning.acceptance.journals import png, site, whole
from tests.provisioning.evidence.test_page import drawn
from tests.provisioning.live.page.plant import Plant, at_once, plant
from tests.provisioning.plant import SITE, loads_file

SCROLLS: Final = "#technical .scroll"
"""Figures of the buses, for technicians: the one table that may be wider than a phone."""
WIDTHS: Final = (390, 768, 1440)
ZONE_S: Final = 8 * 3600
HOUR_S: Final = 3600
LINES_MANY: Final = 20
COMMISSIONING_S: Final = 3 * 86_400
LONG: Final = "江苏省苏州市工业园区某某汽车零部件涂装有限责任公司东厂区"
NAMES: Final = {
    "p1": "1号前处理及阴极电泳涂装生产线",
    "p2": "2号水性色漆喷涂与流平烘干生产线 Base coat",
    "p3": "3号罩光清漆喷涂生产线",
    "p4": "4号小件返修喷房",
    "t1": "1号沸石转轮浓缩加蓄热式焚烧炉主风机",
    "t2": "2号活性炭吸附脱附催化燃烧装置风机 RCO",
}
LINKAGES: Final = {
    "electrocoat-and-basecoat-lines-1": (("p1", "p2"), ("t1",)),
    "k2": (("p3", "p4"), ("t1", "t2")),
}
SILENT: Final = "no answer within 1.2 s, asked 14 times; the meter or its cable"


def write_status_pages(folder: Path, lived: Plant) -> dict[str, Path]:
    """The status page: well, attention and act now, with no line, one, four, twenty; and without an agent."""
    chain = SiteFile(lived.site)
    view = Chain(lived.state / DATABASE_NAME, at_once).read(chain.plan(), lived.now_s)
    one = Snapshot(chain.plan(), lived.status, "", view, lived.now_s + 7)
    bare = _without_lines(one)
    four = _with_four_lines(one)
    seen = {
        "unknown-0": bare,
        "attention-0": _change(bare, clock="unsynchronised"),
        "well-1": one,
        "attention-1": _count(one, 95.0),
        "act-1": _raise(one),
        "well-4": four,
        "attention-4": _silence(_count(four, 95.0)),
        "act-4": _silence(_raise(four)),
        "gone-4": evolve(four, status=None, silence="Connection refused"),
        "asked-1": _ask(one, "accepted"),
        "clock-1": _change(one, clock="unsynchronised"),
        "act-20": _with_many_lines(_ask(four, "returned")),
    }
    for name, snapshot in seen.items():
        for chinese in (True, False):
            page = folder / f"status-{name}-{'zh' if chinese else 'en'}.html"
            page.write_bytes(draw_status_page(snapshot, chinese=chinese))
    return {page.stem: page for page in sorted(folder.glob("status-*.html"))}


def _change(seen: Snapshot, **parts: Any) -> Snapshot:
    assert seen.status is not None
    return evolve(seen, status={**seen.status, **parts})


def _count(seen: Snapshot, held_s: float) -> Snapshot:
    assert seen.status is not None
    first, *rest = seen.status["linkages"]
    deficit = {**first, "deficit_s": held_s, "learned": True, "treatment_w": 310.0, "expected_w": 7_400.0}
    return _change(seen, linkages=[deficit, *rest])


def _silence(seen: Snapshot) -> Snapshot:
    assert seen.status is not None
    first, *rest = seen.status["meters"]
    dumb = {**first, "quality": "bad", "reason": SILENT, "values": {}}
    broker = {**seen.status["broker"], "connected": False}
    seals = {**seen.status["seals"], "backlog": 1284}
    return _change(seen, meters=[dumb, *rest], broker=broker, seals=seals, clock_ahead_ms=1_234)


def _raise(seen: Snapshot) -> Snapshot:
    """The episode of the morning as a violation that has not ended."""
    assert seen.status is not None
    assert seen.chain.day is not None
    first, *rest = seen.status["linkages"]
    raised = {**first, "deficit_s": 180.0, "violation": "off", "severity": "violation", "learned": True}
    grave = {"severity": "violation", "end_at_s": None, "linkage": first["id"]}
    told = [{**episode, **grave} for episode in seen.status["episodes"]]
    kept = {id_: {**episode, **grave} for id_, episode in seen.chain.day.episodes.items()}
    view = evolve(seen.chain, day=evolve(seen.chain.day, episodes=kept))
    return evolve(_change(seen, linkages=[raised, *rest], episodes=told), chain=view)


def _ask(seen: Snapshot, state: str) -> Snapshot:
    """An alert in force, a supervision that is due tomorrow, a drill, and a list that was answered."""
    issuer, now_ms = "青岛市生态环境局市南分局", round(seen.now_s * 1000)
    begin_s = int(seen.now_s) - HOUR_S
    rows = [
        Row(lines=("p1",), level="orange", measure=Measure.LIMIT_PERCENT, value=300, ramp_s=HOUR_S),
        Row(lines=("t1",), level="orange", measure=Measure.HOURS, hours=((22 * 60, 6 * 60),)),
    ]
    alert = {
        "list": "l-2026",
        "rev": 1,
        "level": "orange",
        "start_s": begin_s,
        "end_s": begin_s + 72 * HOUR_S,
    }
    plain = {
        "rev": 1, "issuer": issuer, "number": "青环督〔2026〕3号", "test": False, "state": "pending",
        "left_s": None, "due": None, "effective": iso_utc(now_ms), "expires": iso_utc(now_ms + 10**9),
        "shown": True, "text": "", "result": "", "alert": None,
    }  # fmt: skip
    due = {"left_s": 26 * HOUR_S, "due": iso_utc(now_ms + 26 * HOUR_S * 1000)}
    fired = {"alert": {**alert, "rows": [row.to_body() for row in rows]}, "state": "accepted"}
    text = "12月1日夜间治污停运，请说明原因并附现场照片。Please explain, with photographs."
    orders = [
        {**plain, "order": "d-3", "seq": 3, "kind": "supervise", **due, "text": text},
        {**plain, "order": "a-7", "seq": 4, "kind": "alert", **fired},
        {**plain, "order": "a-8-drill", "seq": 5, "kind": "alert", "test": True, **due, "number": ""},
        {**plain, "order": "l-2026", "seq": 1, "kind": "list", "state": state, "result": "请补充t2"},
    ]
    return _change(seen, orders=orders)


def _with_many_lines(seen: Snapshot) -> Snapshot:
    """Twenty lines: those that are there, and again under other names, which no linkage has."""
    assert seen.status is not None
    status, plan = seen.status, seen.plan
    lines, known = [], []
    for number in range(LINES_MANY):
        line, row = plan.line[number % len(plan.line)], status["lines"][number % len(plan.line)]
        id_ = line.id if number < len(plan.line) else f"{line.id}-{number}"
        lines.append(evolve(line, id=id_))
        known.append({**row, "id": id_})
    return evolve(_change(seen, lines=known), plan=evolve(plan, line=tuple(lines)))


def _without_lines(seen: Snapshot) -> Snapshot:
    assert seen.status is not None
    plan = plan_of(parse_site('[site]\ngateway = "gw-7"\n', Path("site.toml")))
    none: dict[str, list[object]] = {
        name: [] for name in ("lines", "linkages", "meters", "buses", "episodes")
    }
    return evolve(_change(seen, **none), plan=plan, chain=ChainView(None, problem="no seal"))


def _with_four_lines(seen: Snapshot) -> Snapshot:
    """Four lines of production and two of treatment, each with the loads of the one that was lived."""
    assert seen.status is not None
    assert seen.chain.day is not None
    plan = plan_of(parse_site(_site_of_four(), Path("site.toml")))
    by_kind = {line["kind"]: line for line in seen.status["lines"]}
    meters = {one["line"]: one for one in seen.status["meters"]}
    first, second = (meters[by_kind[kind]["id"]] for kind in ("production", "treatment"))
    (linkage,) = seen.status["linkages"]
    (bus,) = seen.status["buses"]
    lines = [
        {**by_kind[one.kind], "id": one.id, "name": one.name, "rated_w": one.rated_w} for one in plan.line
    ]
    told = [
        {**(first if one.kind == "production" else second), "meter": f"m-{one.id}", "line": one.id}
        for one in plan.line
    ]
    linkages = [
        {**linkage, "id": id_, "production": list(sides[0]), "treatment": list(sides[1])}
        for id_, sides in LINKAGES.items()
    ]
    busy = {**bus, "meters": [{**bus["meters"][0], "meter": one["meter"]} for one in told]}
    loads = {one.id: seen.chain.day.loads["p1" if one.kind == "production" else "t1"] for one in plan.line}
    episodes = {id_: {**one, "linkage": next(iter(LINKAGES))} for id_, one in seen.chain.day.episodes.items()}
    kept = [{**one, "linkage": next(iter(LINKAGES))} for one in seen.status["episodes"]]
    view = evolve(seen.chain, day=evolve(seen.chain.day, loads=loads, episodes=episodes))
    more = _change(
        seen, name=LONG, lines=lines, meters=told, linkages=linkages, buses=[busy, busy], episodes=kept
    )
    return evolve(more, plan=plan, chain=view)


def _site_of_four() -> str:
    head = rig.SITE.partition("[[meter]]")[0].replace('"g1"', f'"gw-7"\nname = "{LONG}"', 1)
    meters = "".join(
        f'[[meter]]\nid = "m-{id_}"\nbus = "b1"\nunit_id = {unit}\nmodel = "eastron-sdm630"\nline = "{id_}"\n'
        for unit, id_ in enumerate(NAMES, 1)
    )
    lines = "".join(
        f'[[line]]\nid = "{id_}"\nname = "{name}"\n'
        f'kind = "{"production" if id_[0] == "p" else "treatment"}"\n'
        f"rated_w = {50_000 if id_[0] == 'p' else 22_000}\n"
        for id_, name in NAMES.items()
    )
    linkages = "".join(
        f'[[linkage]]\nid = "{id_}"\nproduction = {list(sides[0])}\ntreatment = {list(sides[1])}\n'
        for id_, sides in LINKAGES.items()
    ).replace("'", '"')
    return head + meters + lines + linkages


def write_sheet_page(folder: Path) -> dict[str, Path]:
    """The acceptance sheet of ten meters."""
    (folder / "photos").mkdir()
    (folder / "photos/cabinet.png").write_bytes(png())
    journal = whole()
    journal = evolve(journal, site=evolve(journal.site, enterprise=LONG, address=LONG * 3))
    return {"sheet": Path(write_sheet(journal, site(), folder, at="", version="0.1.0").path)}


def write_evidence_page(folder: Path) -> dict[str, Path]:
    """The page of an evidence pack."""
    page = folder / "evidence.html"
    named = rig.SITE.replace('"g1"', f'"g1"\nname = "{LONG}"', 1)
    page.write_bytes(drawn(named))
    return {"evidence": page}


def write_learning_pages(folder: Path) -> dict[str, Path]:
    """A backtest, and its first episode."""
    plain = parse_site(f'[site]\ngateway = "gw-7"\nname = "{LONG}"\n{SITE}', folder / "site.toml")
    loads = read_loads(loads_file(folder, ("off", "stuck_t", "gap")), wanted_lines(plain))
    tested = backtest(plain, loads, COMMISSIONING_S)
    made = {
        "backtest": draw_backtest_page(tested, "both"),
        "episode": draw_episode_page(tested.episodes[0].to_body(), ZONE_S, "both"),
        "episode-zh": draw_episode_page(tested.episodes[-1].to_body(), ZONE_S, "zh"),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: folder / f"{name}.html" for name in made}


OTHERS: Final[Sequence[Callable[[Path], Mapping[str, Path]]]] = (
    write_sheet_page,
    write_evidence_page,
    write_learning_pages,
)


def write_all(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of every page."""
    yield from write_status_pages(folder, plant(folder / "lived" / "plant", 5.0)).items()
    for write in OTHERS:
        yield from write(folder).items()


def main() -> None:
    """Photograph and print all pages into the folder of the call; say what the audit says."""
    pictures = Path(sys.argv[1])
    wanted = sys.argv[2:]
    pictures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, browsing(Path(name)) as browser:
        for called, page in write_all(Path(name)):
            if wanted and not any(one in called for one in wanted):
                continue
            for width in WIDTHS:
                for dark in (False, True):
                    browser.open(page, width, dark=dark)
                    where = f"{called}-{width}{'-dark' if dark else ''}"
                    browser.photograph(pictures / f"{where}.png")
                    browser.run(OPEN_ALL)
                    for line in browser.audit(scrolls=SCROLLS):
                        sys.stdout.write(f"{where}: {line}\n")
            browser.print(pictures / f"{called}.pdf")


if __name__ == "__main__":
    main()
