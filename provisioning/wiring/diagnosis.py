"""Judges the wiring of one meter by several reads.

The first of these that applies is the verdict:

1. a voltage lead that is off: no voltage on a phase, with or without current;
2. a load that is too small, LOAD_MIN of what is known of it, or no current at all;
3. a phase without current: an open transformer, if the load is known to take current of all phases or a
   clamp meter shows some; an idle phase, if it is known not to; else both are named and nothing is called
   a mistake, because no meter can tell an idle phase from a transformer that lies beside its cable;
4. angles that no correctly wired load has: the mistakes that explain them (provisioning.wiring.hypotheses).
   Power that flows back from any phase is such an angle, if nothing may feed back;
5. currents that do not agree with a clamp meter (provisioning.wiring.ratio);
6. more power than the nameplate allows, NAMEPLATE_MOST: ratio or nameplate is mistyped, and is asked about;
7. correct.

"Correct" is as wide as real loads are: any currents, phases that are idle or hold a heater, loads between
two phases (30° ahead on one of them, 30° behind on the other), capacitors down to PF 0.67 ahead. So no load
is called wrong only because it is unusual. Reversed phase order of all voltage leads together with their
transformers changes nothing that is measured and is no mistake here; voltage leads exchanged alone look like
exchanged transformers, and are named with them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from provisioning.wiring import ratio, words
from provisioning.wiring.answers import PHASES, Diagnosis, Expected, Mistake
from provisioning.wiring.case import W_PER_KW, Case
from provisioning.wiring.hypotheses import find_explanations, find_signed_angles, sum_reactive
from provisioning.wiring.measured import Channel, measure

LOAD_MIN: Final = 0.1
"""Part of the rated power below which angles are those of idling and of errors."""
LOAD_SLACK: Final = 0.8
"""A load meant to be a tenth is seldom exactly that."""
NONE_A: Final = 0.02
"""A current too small for any transformer to measure."""
NONE_SHARE: Final = 0.015
"""Part of the greatest current below which a phase has none."""
IDLE_SHARE: Final = 0.08
"""Part of the greatest current below which the angle of a phase says nothing."""
LOST_SHARE: Final = 0.75
"""Part of the greatest voltage below which a lead is off: supplies keep within 10 %."""
DEAD_V: Final = 20.0
"""No supply is lower, not even behind voltage transformers (57.7 V)."""
NOMINAL_SHARE: Final = 0.2
"""No supply is further from its nominal voltage; beyond it something else is set or connected."""
NEUTRAL_SHARE: Final = 0.06
"""How near to root three two voltages are to the third where neutral and a phase are exchanged."""
PHASE_AHEAD_DEG: Final = 62.0
PHASE_BEHIND_DEG: Final = 93.0
"""Of one phase that is wired right: a load between two phases stands 30° ahead on one of them and up to 90°
behind on the other, and a capacitor adds to the first."""
TOTAL_AHEAD_DEG: Final = 48.0
"""Of the whole: capacitors bring it to PF 0.67 ahead; shifted transformers begin at 60°."""
TOTAL_BEHIND_DEG: Final = 63.0
"""Of the whole: PF 0.45. Beyond it a machine idles."""
UNSIGNED_DOUBT_DEG: Final = 57.5
"""Without reactive power a load at PF 0.5 and one behind transformers shifted back look the same."""
COS_NONE: Final = 0.02
"""P / S within which a channel has no power."""
COS_BACK: Final = 0.4
"""P / S beyond which a channel clearly has power, where there are too few to compare."""
NAMEPLATE_MOST: Final = 1.2
"""Part of the power on the nameplate beyond which it is asked about. A nameplate has the power at the shaft:
a full load takes 5 to 15 % more, and neighbouring ratios of transformers are 20 % or more apart."""
MOST_W: Final = "most_w"
"""The number of a diagnosis that has more power than its nameplate allows."""
OVERLOAD: Final = 2.5
"""Apparent power in parts of the rated power beyond which the ratio is doubted: PF 0.5 gives 2."""


def diagnose(samples: Sequence[Mapping[str, Any]], expected: Expected) -> Diagnosis:
    """The diagnosis of a meter's wiring from several reads, as the model decodes them."""
    case = Case(measure(samples), expected)
    if not case.channels:
        return _doubt_blind(case)
    steps = (_judge_voltages, _judge_load, _judge_currents, _judge_angles, _judge_clamp, _judge_nameplate)
    verdicts = (verdict for step in steps if (verdict := step(case)) is not None)
    return next(verdicts, None) or case.accept()


def _judge_voltages(case: Case) -> Diagnosis | None:
    volts = [one.volts for one in case.channels]
    top, nominal = max(volts), case.expected.nominal_v
    if _is_neutral_moved(volts) or (top >= DEAD_V and nominal and abs(top / nominal - 1) > NOMINAL_SHARE):
        return case.doubt("supply", shown=", ".join(f"{volt:.0f} V" for volt in volts))
    lost = [place for place, volt in enumerate(volts) if volt < DEAD_V or volt < LOST_SHARE * top]
    if not lost:
        return None
    shown = ", ".join(f"{case.channels[place].phase.upper()} {volts[place]:.0f} V" for place in lost)
    return case.name_mistake(Mistake.VOLTAGE_LOST, lost, shown)


def _is_neutral_moved(volts: Sequence[float]) -> bool:
    """One voltage of a phase and two between phases: neutral and that phase are exchanged."""
    low, *others = sorted(volts)
    if len(others) + 1 < len(PHASES) or low < DEAD_V:
        return False
    return all(abs(volt / low / math.sqrt(3) - 1) < NEUTRAL_SHARE for volt in others)


def _judge_load(case: Case) -> Diagnosis | None:
    rated_w = case.expected.rated_w
    needed = f"{rated_w * LOAD_MIN / W_PER_KW:.1f} kW" if rated_w else f"{LOAD_MIN:.0%}"
    most_a = max(one.amps for one in case.channels)
    clamp_a = max((amps for amps in case.expected.clamp_a.values() if math.isfinite(amps)), default=0.0)
    if most_a < NONE_A and clamp_a < ratio.CLAMP_MIN_A:
        return case.doubt("no_current", needed=needed)
    if not rated_w:
        return None
    volts = max(one.volts for one in case.channels)
    share = len(case.channels) * volts * max(most_a, clamp_a) / rated_w
    case.numbers["load_share"] = round(share, 3)
    if share < LOAD_MIN * LOAD_SLACK:
        return case.doubt("small_load", percent=share * 100, needed=needed)
    return None


def _judge_currents(case: Case) -> Diagnosis | None:
    compared = _compare(case)
    if compared.state == "open":
        return case.name_mistake(Mistake.CT_OPEN, compared.phases, case.show_against_clamp(compared.phases))
    without = tuple(
        place
        for place, one in enumerate(case.channels)
        if one.amps < _none_a(case)
        and case.expected.clamp_a.get(one.phase, math.inf) >= ratio.CLAMP_MIN_A  # else it really idles
    )
    if not without or case.expected.is_three_phase is False or len(without) == len(case.channels):
        return None
    if case.expected.is_three_phase:
        shown = ", ".join(f"{one.phase.upper()} {one.amps:.1f} A" for one in case.channels)
        return case.name_mistake(Mistake.CT_OPEN, without, shown)
    return case.doubt("idle_or_open", Mistake.CT_OPEN, without)


def _none_a(case: Case) -> float:
    return max(NONE_A, NONE_SHARE * max(one.amps for one in case.channels))


def _judge_angles(case: Case) -> Diagnosis | None:
    if any(one.watts is None for one in case.channels):
        return _judge_total(case)
    most_a = max(one.amps for one in case.channels)
    live = tuple(one for one in case.channels if one.amps >= IDLE_SHARE * most_a and one.apparent > 0)
    if not live:
        return None
    own = [one.var for one in live if one.var is not None]
    var = sum(own) if len(own) == len(live) else case.measured.var
    ways = find_signed_angles(live, var)
    for place, one in enumerate(live):
        sizes = {round(way[place], 1) for way in ways}
        case.numbers[f"angle_{one.phase}"] = sizes.pop() if len(sizes) == 1 else abs(sizes.pop())
    if case.expected.is_feeding_back and all(one.cosine < -COS_NONE for one in live):
        return None
    if any(_is_right(live, way) for way in ways):
        return _doubt_unsigned(case, live, var)
    if len(live) < len(PHASES):
        return _judge_few(case, live)
    found = find_explanations(live, ways, is_signed=var is not None)
    if not found or (len(found[0].hypothesis.names) > 1 and not _is_source(live)):
        return _doubt_all(case, live, var)
    return case.explain(*found[:2])


def _is_right(live: Sequence[Channel], way: Sequence[float]) -> bool:
    """Whether a load that is wired right has these angles."""
    if any(not -PHASE_AHEAD_DEG <= angle <= PHASE_BEHIND_DEG for angle in way):
        return False
    total = _total_deg(live, sum_reactive(live, way))
    return -TOTAL_AHEAD_DEG <= total <= TOTAL_BEHIND_DEG


def _is_source(live: Sequence[Channel]) -> bool:
    """Whether power seems to come back from a phase."""
    return any(one.cosine < -COS_NONE for one in live)


def _total_deg(live: Sequence[Channel], var: float) -> float:
    return math.degrees(math.atan2(var, sum(one.watts or 0.0 for one in live)))


def _doubt_unsigned(case: Case, live: Sequence[Channel], var: float | None) -> Diagnosis | None:
    """Undecided for angles that look right but, without reactive power, are ambiguous at PF 0.5."""
    sizes = [math.degrees(math.acos(one.cosine)) for one in live]
    if var is not None or len(live) < len(PHASES) or min(sizes) < UNSIGNED_DOUBT_DEG:
        return None
    return case.doubt("low_or_shifted", Mistake.CTS_ROTATED_BACK, (0, 1, 2), factor=live[0].cosine)


def _judge_few(case: Case, live: Sequence[Channel]) -> Diagnosis:
    """One or two channels whose angles no load has."""
    back = [place for place, one in enumerate(case.channels) if one in live and one.cosine <= -COS_BACK]
    is_clear = bool(back) and all(abs(one.cosine) >= COS_BACK for one in live)
    if len(case.channels) == 1:
        shown = case.show_watts(back)
        return case.name_mistake(Mistake.CT_REVERSED, back, shown) if is_clear else case.doubt("other_phase")
    return case.doubt("several", Mistake.CT_REVERSED if is_clear else None, back if is_clear else ())


def _doubt_all(case: Case, live: Sequence[Channel], var: float | None) -> Diagnosis:
    if _is_source(live) or var is None:
        return case.doubt("nothing_fits")
    total = _total_deg(live, var)
    if total > TOTAL_BEHIND_DEG:
        return case.doubt("idling", factor=math.cos(math.radians(total)))
    return case.doubt("ahead" if total < 0 else "nothing_fits")


def _judge_total(case: Case) -> Diagnosis | None:
    """Channels without power values: only the total can be judged."""
    apparent = sum(one.apparent for one in case.channels)
    if case.measured.watts is None or apparent <= 0:
        return _doubt_blind(case)
    share = case.measured.watts / apparent
    case.numbers["power_factor"] = round(share, 3)
    if share >= ratio.SHARE_RIGHT or (case.expected.is_feeding_back and share <= -ratio.SHARE_RIGHT):
        return None
    return case.doubt("total_low", share=share)


def _compare(case: Case) -> ratio.Compared:
    return ratio.compare(case.channels, case.expected.clamp_a, _none_a(case))


def _judge_clamp(case: Case) -> Diagnosis | None:
    compared = _compare(case)
    if compared.state == "other":
        against = case.show_against_clamp(compared.phases)
        return case.doubt("unlike_clamp", Mistake.OTHER_CABLE, compared.phases, against=against)
    if compared.state == "ratio":
        return _judge_ratio(case, compared)
    rated_w, apparent = case.expected.rated_w, sum(one.apparent for one in case.channels)
    if compared.state == "nothing" and rated_w and apparent > OVERLOAD * rated_w:
        places = range(len(case.channels))
        return case.doubt("overload", Mistake.WRONG_RATIO, places, times=apparent / rated_w)
    return None


def _judge_nameplate(case: Case) -> Diagnosis | None:
    """More power than the nameplate allows, whatever a clamp meter shows: it does not know the nameplate."""
    most_w, own = case.expected.most_w, [one.watts for one in case.channels]
    watts = case.measured.watts
    if watts is None and all(one is not None for one in own):
        watts = sum(one or 0.0 for one in own)
    if most_w is None or watts is None or watts <= most_w:
        return None
    case.numbers[MOST_W] = round(most_w)
    shown, most = f"{watts / W_PER_KW:.1f} kW", f"{max(most_w, 0.0) / W_PER_KW:.1f} kW"
    return case.doubt("over_nameplate", Mistake.WRONG_RATIO, range(len(case.channels)), has=shown, most=most)


def _judge_ratio(case: Case, compared: ratio.Compared) -> Diagnosis:
    now, places = case.expected.ct_ratio, compared.phases
    case.numbers["clamp_factor"] = round(compared.factor, 4)
    known = [one for one in case.channels if one.phase in case.expected.clamp_a]
    if len(places) < len(known):
        remedy = words.fill_phases(words.ONE_UNLIKE, places)
    elif now:
        right = ratio.find_right_ratio(compared.factor, now)
        case.numbers.update(ct_ratio=now, right_ct_ratio=right)
        remedy = words.find_remedy(Mistake.WRONG_RATIO, places, right=f"{right:g}", now=f"{now:g}")
    else:
        remedy = words.fill_phases(words.IN_METER, places, times=round(1 / compared.round_factor, 3))
    near, against = round(compared.round_factor, 3), case.show_against_clamp(places)
    clause = words.describe(Mistake.WRONG_RATIO, places, near=near, against=against)
    return case.judge("mistake", (clause, remedy), Mistake.WRONG_RATIO, places, compared.round_factor)


def _doubt_blind(case: Case) -> Diagnosis:
    watts = case.measured.watts
    if watts is not None and watts < 0 and not case.expected.is_feeding_back:
        return case.doubt("total_negative", Mistake.CT_REVERSED, kw=watts / W_PER_KW)
    return case.doubt("blind")
