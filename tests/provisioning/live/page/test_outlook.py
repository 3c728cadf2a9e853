"""What stands first on the page: the plant is fine, warned, must act, or nothing is known, and why."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from provisioning.live.page.chain import Chain
from provisioning.live.page.outlook import Outlook, State, judge_outlook
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from tests.provisioning.live.page.plant import SITE_NAMED

SENTENCE = {"zh": "句", "en": "sentence"}


def linkage(**more: Any) -> dict[str, Any]:
    one = {"id": "k1", "production": ["p1"], "treatment": ["t1"], "deficit_s": 0.0, "limit_s": 180.0}
    return {**one, "violation": None, "learned": True, **more}


def status(**more: Any) -> dict[str, Any]:
    quiet = {
        "linkages": [linkage()],
        "meters": [{"meter": "m1", "quality": "good"}],
        "seals": {"backlog": 1},
        "broker": {"connected": True},
        "clock": "synchronised",
    }
    return {**quiet, **more}


def episode(severity: str, end_at_s: float | None = None) -> dict[str, Any]:
    return {"severity": severity, "end_at_s": end_at_s, "sentence": SENTENCE}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A gateway of which only the site file is there."""
    site = tmp_path_factory.mktemp("plain") / "site.toml"
    site.write_text(SITE_NAMED, "utf-8")
    plan = SiteFile(site).plan()
    return Snapshot(plan, status(), "", Chain(plan.state / "chain.db").read(plan, 0.0), 0.0)


def judge(seen: Snapshot, told: dict[str, Any] | None, *episodes: dict[str, Any], asks: int = 0) -> Outlook:
    return judge_outlook(evolve(seen, status=told), episodes, asks)


@pytest.mark.parametrize(
    ("told", "episodes", "state", "says"),
    [
        (status(), [], State.WELL, "nothing is being counted"),
        (status(), [episode("violation", 5.0)], State.WELL, "nothing"),
        (status(), [episode("violation")], State.ACT, "sentence"),
        (status(), [episode("integrity")], State.ACT, "sentence"),
        (status(), [episode("notice"), episode("data")], State.WELL, "nothing"),
        (
            status(linkages=[linkage(deficit_s=90.0)]),
            [],
            State.WARN,
            "and 1 min 30 s more make it a violation",
        ),
        (status(linkages=[linkage(deficit_s=90.0, learned=False)]), [], State.WARN, "make it a notice"),
        (status(meters=[{"meter": "m6", "quality": "bad"}]), [], State.WARN, "Meter m6 does not answer"),
        (status(broker={"connected": False}), [], State.WARN, "sealing goes on here"),
        (status(seals={"backlog": 50}), [], State.WARN, "is up, but 50 seals wait"),
        (status(clock="unsynchronised"), [], State.WARN, "not in step"),
        (status(linkages=[]), [], State.UNKNOWN, "nothing is judged"),
        (None, [], State.UNKNOWN, "does not answer"),
        (None, [episode("violation")], State.ACT, "does not answer"),
    ],
)
def test_the_first_words_of_the_page(
    plain: Snapshot, told: dict[str, Any] | None, episodes: list[dict[str, Any]], state: State, says: str
) -> None:
    outlook = judge(plain, told, *episodes)
    assert outlook.state is state
    assert says in " ".join(point.en for point in outlook.points)
    assert all(point.zh for point in outlook.points)


def test_what_is_left_of_the_time_stands_first_where_least_is_left(plain: Snapshot) -> None:
    near = linkage(id="k2", production=["p2"], deficit_s=170.0)
    outlook = judge(plain, status(linkages=[linkage(deficit_s=90.0), near]))
    assert ["10 s more" in point.en for point in outlook.points] == [True, False]
    assert outlook.due is not None
    assert outlook.due.en == "10 s left, until 08:00:10"


def test_there_is_a_deadline_only_while_something_counts_down(plain: Snapshot) -> None:
    counting = status(linkages=[linkage(deficit_s=90.0)])
    assert judge(plain, counting).due is not None
    assert judge(plain, counting, episode("violation")).due is None, "what was raised has no time left"
    assert judge(plain, status(clock="unsynchronised")).due is None


def test_questions_are_asked_without_an_alarm(plain: Snapshot) -> None:
    outlook = judge(plain, status(), asks=2)
    assert (outlook.state, outlook.points[-1].en) == (
        State.WELL,
        "Commissioning asks 2 questions, see below.",
    )


@given(
    severities=st.lists(st.sampled_from(["violation", "integrity", "data", "notice"]), max_size=4),
    deficit_s=st.floats(0, 179),
    silent=st.integers(0, 9),
    connected=st.booleans(),
)
def test_all_is_well_only_where_nothing_is_raised_counted_or_missing(
    plain: Snapshot, severities: list[str], deficit_s: float, silent: int, *, connected: bool
) -> None:
    meters = [{"meter": f"m{number}", "quality": "bad"} for number in range(silent)]
    told = status(linkages=[linkage(deficit_s=deficit_s)], meters=meters, broker={"connected": connected})
    outlook = judge(plain, told, *map(episode, severities))
    accused = {"violation", "integrity"} & set(severities)
    fine = not accused and not deficit_s and not silent and connected
    assert (outlook.state is State.WELL) is fine
    assert (outlook.state is State.ACT) is bool(accused)
    assert outlook.points
