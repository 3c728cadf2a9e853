"""More power than the nameplate allows is asked about, and never green on the sheet."""

import pytest

from provisioning.wiring import Expected, diagnose
from provisioning.wiring.diagnosis import MOST_W, NAMEPLATE_MOST

RATED_W = 30_000.0


def reads(share: float) -> list[dict[str, float]]:
    """Five reads of a meter that is wired right and shows this share of RATED_W at PF 0.9."""
    watts = RATED_W * share / 3
    read = {"active_power": 3 * watts, "reactive_power": 3 * watts * 0.484}
    for phase in ("l1", "l2", "l3"):
        read |= {f"voltage_{phase}": 230.0, f"current_{phase}": watts / 0.9 / 230}
        read |= {f"active_power_{phase}": watts, f"reactive_power_{phase}": watts * 0.484}
    return [read] * 5


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        (0.3, "good"),
        (1.0, "good"),
        (1.19, "good"),
        (1.21, "undecided"),
        (1.82, "undecided"),
        (2.4, "undecided"),
    ],
)
def test_a_meter_is_good_up_to_the_nameplate_and_a_fifth(share: float, verdict: str) -> None:
    found = diagnose(reads(share), Expected(rated_w=RATED_W, most_w=NAMEPLATE_MOST * RATED_W))
    assert found.verdict == verdict
    assert (MOST_W in found.numbers) == (
        verdict == "undecided" and share < 2.25
    )  # beyond: the ratio is doubted


def test_a_clamp_meter_that_agrees_does_not_make_a_wrong_nameplate_right() -> None:
    clamp = {phase: reads(1.5)[0][f"current_{phase}"] for phase in ("l1", "l2", "l3")}
    known = Expected(clamp_a=clamp, rated_w=RATED_W, most_w=NAMEPLATE_MOST * RATED_W)
    assert MOST_W in diagnose(reads(1.5), known).numbers
    assert diagnose(reads(1.5), Expected(rated_w=None)).verdict == "good"  # nothing is known of a nameplate
