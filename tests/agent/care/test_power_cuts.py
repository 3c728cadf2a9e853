"""Power cuts at any moment of a change, and a whole fleet: the old file or the new one, told exactly once."""

import itertools
import random
from pathlib import Path

import pytest

from evidence import keys
from evidence.orders.change import find_pause_s
from tests.agent.care.lives import FREE, METER, METER_NAME, Life
from tests.agent.rig import CENTRE, SITE
from tests.evidence.orders import made

KEEP_S = 60
LIVES = 6
"""In `make test`; the long form has as many as a hundred cuts need."""
LIVES_LONG = 60
FLEET = 200
BACK_S_MAX = KEEP_S + 120
OUTCOMES = {"good": "done c1", "no receipt": "objected c1", "a meter is silent": "objected c1"}


def live(life: Life, outcome: str, seconds: float) -> None:
    """A while of the world; the service starts the agent again whenever it ends."""
    end_s = life.rig.passed_s + seconds
    while life.rig.passed_s < end_s:
        is_new = life.rig.parts.site.text != SITE
        silent = is_new and outcome in {"a meter is silent", "no meter answers"}
        life.live(
            3,
            production=None if is_new and outcome == "no meter answers" else 40_000,
            treatment=None if silent else 9_000,
        )
        if not is_new or outcome != "no receipt":
            life.receipt()
        if life.rig.restarts:
            life.restart()


def cut_at_random(root: Path, seed: int) -> int:
    """One change with power cuts; how many there were."""
    dice = random.Random(seed)
    outcome = dice.choice([*OUTCOMES])
    life = Life(root / str(seed))
    live(life, "good", 6)
    life.give(FREE, keep_s=KEEP_S)
    cuts = 0
    while cuts < 2 and dice.random() < 0.9:  # a third one within a trial gives the file back, whatever it is
        live(life, outcome, dice.choice([0, 0, 3, 6, 30]))
        life.restart()
        assert life.interval_s in {5, 10}
        cuts += 1
    live(life, outcome, 2 * KEEP_S + 10)
    told = life.told()
    assert told[0] == "accepted c1"
    assert told[-1] == OUTCOMES[outcome], (seed, outcome, told)
    assert sum(one.split()[0] in {"accepted", "done", "objected"} for one in told) == 2
    assert sum(one.split()[0] in {"kept", "back"} for one in told) == 1
    assert life.interval_s == (5 if outcome == "good" else 10)
    life.restart()
    live(life, "good", 12)
    assert life.told() == told
    life.rig.close()
    return cuts


@pytest.mark.parametrize("seed", range(LIVES))
def test_a_power_cut_at_any_moment_leaves_one_file_and_one_answer(tmp_path: Path, seed: int) -> None:
    cut_at_random(tmp_path, seed)


@pytest.mark.minutes
def test_a_hundred_power_cuts_leave_one_file_and_one_answer_each(tmp_path: Path) -> None:
    assert sum(cut_at_random(tmp_path, 1_000 + seed) for seed in range(LIVES_LONG)) >= 100


WRONG_BROKER = SITE.replace("mqtt://127.0.0.1", "mqtt://127.0.0.2")
WRONG_BUS = SITE.replace('url = "tcp://127.0.0.1"', 'url = "tcp://127.0.0.2"')
WRONG_KEY = SITE.replace(keys.public(CENTRE).hex(), keys.public(bytes(32)).hex())
BAD_CHANGES = [
    (WRONG_BROKER, "no receipt", ["accepted c1", "trial c1", "back c1", "objected c1"]),
    (WRONG_BUS, "no meter answers", ["accepted c1", "trial c1", "back c1", "objected c1"]),
    (WRONG_KEY, "good", ["objected c1"]),
]
"""What is wrong, what follows where it is tried, and what is told; a key is refused before it is tried."""


def send_bad(folder: Path, text: str, outcome: str, told: list[str]) -> None:
    life = Life(folder)
    live(life, "good", 6)
    life.give(text, key=(METER, METER_NAME), keep_s=KEEP_S, effective_utc_ms=made.NOW_MS)
    live(life, outcome, 3)
    live(life, outcome, BACK_S_MAX)
    assert life.told() == told
    assert life.rig.parts.site.text == SITE, "the file of before is in force"
    life.rig.close()


@pytest.mark.parametrize(("text", "outcome", "told"), BAD_CHANGES, ids=["broker", "bus", "key"])
def test_a_wrong_broker_bus_or_key_comes_back_or_is_refused(
    tmp_path: Path, text: str, outcome: str, told: list[str]
) -> None:
    send_bad(tmp_path, text, outcome, told)


@pytest.mark.minutes
@pytest.mark.parametrize(("text", "outcome", "told"), BAD_CHANGES, ids=["broker", "bus", "key"])
def test_a_wrong_broker_bus_or_key_leaves_every_gateway_of_a_fleet_as_it_was(
    tmp_path: Path, text: str, outcome: str, told: list[str]
) -> None:
    for number in range(FLEET):
        send_bad(tmp_path / str(number), text, outcome, told)


@pytest.mark.minutes
@pytest.mark.parametrize("outcome", ["good", "no receipt", "a meter is silent"])
def test_a_change_reaches_every_gateway_of_a_fleet_or_comes_back_on_every_one(
    tmp_path: Path, outcome: str
) -> None:
    for number in range(FLEET):
        life = Life(tmp_path / str(number))
        live(life, "good", 6)
        life.give(FREE, keep_s=KEEP_S, effective_utc_ms=made.NOW_MS)
        live(life, outcome, 3)
        live(life, outcome, BACK_S_MAX)
        assert life.told()[-1] == OUTCOMES[outcome]
        assert life.interval_s == (5 if outcome == "good" else 10)
        life.rig.close()


def test_a_thousand_gateways_begin_spread_over_the_jitter_and_alike_for_all_who_ask() -> None:
    pauses = sorted(find_pause_s(f"gw-{number}", "c-1", 3_600) for number in range(1_000))
    assert 0 <= pauses[0] < 30
    assert 3_570 < pauses[-1] < 3_600
    assert max(later - pause for pause, later in itertools.pairwise(pauses)) < 60
    assert find_pause_s("gw-7", "c-1", 3_600) == find_pause_s("gw-7", "c-1", 3_600)
