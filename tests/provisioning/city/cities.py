"""Cities to draw: a thousand gateways of which three are sick, and one whose names are markup."""

import math
from typing import Final

from attrs import evolve

from centre.fleet.known import Beat, Found, Known, Open
from centre.fleet.papers import Paper
from drivers.clock import ClockState
from evidence.clues.course import follow
from evidence.clues.step import Stage, parse_step
from evidence.words import Words
from provisioning.city.positions import Position
from provisioning.city.view import View, make_rows
from tests.evidence.clues.ledgers import OPENING, Writer

NOW_MS: Final = 1_767_268_800_000
DAY_MS: Final = 86_400_000
SICK: Final = ("plant-0137", "plant-0512", "plant-0871")
HOSTILE: Final = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e\"'&"
LONG: Final = "江苏省苏州市工业园区某某汽车零部件涂装有限责任公司东厂区"


def well(name: str, at: int = 0) -> Known:
    """A gateway of which seals come every ten seconds."""
    beat = Beat(8_000 + at, NOW_MS - 30_000, used=(at % 60) / 100, backlog=1, judging=True)
    return Known(
        name, 8_000 + at, NOW_MS - at % 10 * 1_000, clock=ClockState.SYNCHRONISED, version="0.3.1", beat=beat
    )


def episode(severity: str, rule: str = "off", text: str = "") -> Open:
    sentence = {
        "zh": text or "1号喷涂线生产8.4 kW时，1号焚烧炉主风机停止，已持续31分。",
        "en": text or "While line p1 drew 8.4 kW the fan of incinerator t1 stood still, for 31 min so far.",
    }
    at_s = NOW_MS // 1_000 - 1_860
    return Open(f"k1-{rule}-{at_s}", "k1", rule, severity, at_s, at_s + 190, sentence, {}, 7)


def thousand(count: int = 1_000, *, placed: bool = False) -> View:
    """Three sick, twenty to look at, two revoked, five that were never heard of."""
    fleet = {name: well(name, at) for at, name in enumerate(f"plant-{n:04d}" for n in range(count))}
    a, b, c = SICK
    if count > 900:
        fleet[a] = evolve(fleet[a], silent_since_ms=NOW_MS - 47 * 60_000, heard_utc_ms=NOW_MS - 47 * 60_000)
        fleet[b] = evolve(fleet[b], opened={"e": evolve(episode("violation"), id="e")})
        fleet[c] = evolve(
            fleet[c],
            findings=[Found("fork", "two seals", 5, NOW_MS - 600_000)] * 2,
            beat=Beat(1, NOW_MS, silent=("m1", "m2"), used=0.93, backlog=400),
            opened={"d": evolve(episode("data", "data_loss"), id="d")},
        )
    for name in [*fleet][10:30]:
        fleet[name] = evolve(fleet[name], clock=ClockState.UNSYNCHRONISED)
    for name in [*fleet][40:42]:
        fleet[name] = evolve(fleet[name], revoked=True)
    sites = {name: f"{LONG}{at}" if at % 9 == 0 else f"第{at}号厂" for at, name in enumerate(fleet)}
    sites |= {f"new-{n}": "新厂" for n in range(5)}
    ends = dict.fromkeys(fleet, Paper(NOW_MS - 100 * DAY_MS, NOW_MS + 200 * DAY_MS))
    places = {
        name: Position(
            120.3 + 0.35 * math.sin(at * 2.4) * (at / count), 36.1 + 0.3 * math.cos(at * 2.4) * (at / count)
        )
        for at, name in enumerate(fleet)
        if placed and at % 10
    }
    return View(make_rows([*fleet.values()], NOW_MS, sites, ends, places), NOW_MS)


def hostile() -> View:
    """Whatever an owner, a register or a finding may hold is markup."""
    one = well("plant-x")
    one = evolve(
        one,
        version=HOSTILE,
        aside=HOSTILE,
        findings=[Found(HOSTILE, HOSTILE, 1, NOW_MS)],
        opened={"e": evolve(episode("violation", HOSTILE, HOSTILE), id="e", linkage=HOSTILE)},
        beat=Beat(1, NOW_MS, silent=(HOSTILE,)),
    )
    rows = make_rows([one], NOW_MS, {"plant-x": HOSTILE}, {}, {"plant-x": Position(120.0, 36.0)})
    clue = follow(None, parse_step(Writer().step("c1", Stage.SCREENING, OPENING)).step)
    odd = evolve(clue, opening=evolve(clue.opening, gateway=HOSTILE, rule=HOSTILE))
    return View(rows, NOW_MS, (Words(HOSTILE, HOSTILE),), (odd, clue))


def views() -> dict[str, View]:
    """Every state of the page."""
    small = thousand(40)
    return {
        "thousand": thousand(),
        "map": thousand(placed=True),
        "well": evolve(small, rows=tuple(row for row in small.rows if row.verdict.gravity.name == "WELL")),
        "none": View((), NOW_MS, (Words("中心听不到任何网关", "the centre hears nobody"),)),
        "hostile": hostile(),
    }
