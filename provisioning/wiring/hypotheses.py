"""Which mistakes explain what the channels of a meter see.

Channel k sees the current of some phase j, maybe the wrong way round. With φ the angle by which that
current lags its own voltage, the angle that the channel sees is

    θ_k = φ_j + 120° (j - k), and half a turn more if the transformer is reversed,

because voltage j lags voltage k by 120° (j - k). So a hypothesis turns the angles that are seen into the
angles of a load, and the load must be one that exists: lagging, power factor PF_MIN to 1 on each phase,
and the phases alike. U, I and P give the magnitude of θ; its sign comes from the reactive power of the phase,
or from the total: of the eight combinations of signs, those that add up to it are kept. A meter without
reactive power leaves all eight open.

Known signs put a balanced load into one of six sectors of 60°, one for each of: right, rotated, reversed,
rotated back, and the two in which it is both turned and reversed. Where two sectors meet (reversed at
PF 1 and rotated at PF 0.5 are the same 180°) they cannot be told apart; both are returned.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

from provisioning.wiring.answers import PHASES, Mistake
from provisioning.wiring.measured import Channel

PF_MIN: Final = 0.5
"""A loaded motor has 0.7 to 0.9, one at a tenth of its load still about this."""
LAG_MAX: Final = math.degrees(math.acos(PF_MIN))
SLACK_DEG: Final = 6.0
"""An error of half a percent of P or S turns an angle near 0 by this much."""
SPREAD_REVERSED_DEG: Final = 40.0
SPREAD_MOVED_DEG: Final = 28.0
SPREAD_SAME_DEG: Final = 9.0
SPREAD_PAIR_DEG: Final = 14.0
"""How different the phases of a load may be under a hypothesis. A reversed transformer alone turns a
passive load into a source, so much is allowed; two mistakes at once explain too much, so little is."""
IMBALANCE_MIN: Final = 0.35
"""Smallest part of the greatest current that a phase may have in a hypothesis of moved transformers."""
EQUAL_SHARE: Final = 0.015
"""Three transformers on one conductor show one current: class 0.5 of transformers and meter together."""
COS_ERROR: Final = 0.01
"""Of P / S: meter of class 0.5, transformers of class 0.5."""
CLOSE_MISFIT: Final = 0.4
"""Explanations whose misfits differ by less are not told apart: 2.4° beyond what a load has."""
LOW_PF_COST: Final = 0.3
"""Of a load at PF_MIN: where two explanations fit alike, the one with the likelier load comes first."""
EQUAL_GAIN: Final = 0.4
"""Of three currents that are the same: phases of a load seldom are within half a percent."""
MOVED_COST: Final = 0.4
"""Of moved transformers where a meter without reactive power cannot tell them from reversed ones, which
are what happens most."""
_WHOLE: Final = tuple(range(len(PHASES)))
_TURN: Final = 120.0
_HALF: Final = 180.0


@frozen
class Hypothesis:
    """What each channel sees.

    Attributes:
        source: Phase whose current channel k sees.
        reversed: Whether it sees it the wrong way round.
        spread_deg: How different the phases may be.
    """

    names: tuple[Mistake, ...]
    phases: tuple[int, ...]
    source: tuple[int, ...]
    reversed: tuple[bool, ...]
    spread_deg: float

    @property
    def parts(self) -> tuple[tuple[Mistake, tuple[int, ...]], ...]:
        """Each mistake with its phases."""
        return tuple((name, self._where(name)) for name in self.names)

    def _where(self, name: Mistake) -> tuple[int, ...]:
        if name is Mistake.CT_REVERSED:
            return tuple(place for place, turned in enumerate(self.reversed) if turned)
        if name is Mistake.SAME_PHASE:
            return self.source[:1]
        return tuple(place for place, source in enumerate(self.source) if source != place)


@frozen
class Explanation:
    """A hypothesis that fits.

    Attributes:
        lags: The angles of the load under it.
        misfit: How badly it fits; 0 is perfectly.
        unlikely: What else makes it unlikely, where others fit as well.
    """

    hypothesis: Hypothesis
    lags: tuple[float, ...]
    misfit: float
    unlikely: float

    @property
    def cost(self) -> float:
        """The cost of the explanation; smaller is better."""
        return self.misfit + self.unlikely


def find_signed_angles(channels: Sequence[Channel], var: float | None) -> tuple[tuple[float, ...], ...]:
    """Every way to give signs to the angles of the channels that the reactive power allows."""
    sizes = [math.degrees(math.acos(one.cosine)) for one in channels]
    choices = [_find_signs(one, size) for one, size in zip(channels, sizes, strict=True)]
    ways = [
        tuple(sign * size for sign, size in zip(signs, sizes, strict=True))
        for signs in itertools.product(*choices)
    ]
    if var is None:
        return tuple(ways)
    slack = sum(one.apparent * _sine_error(one.cosine) for one in channels)
    slack += 0.02 * sum(one.apparent for one in channels)
    kept = tuple(way for way in ways if abs(sum_reactive(channels, way) - var) <= slack)
    if max(sizes) - min(sizes) <= 2 * SLACK_DEG:
        return _use_total(channels, var, kept)
    if kept:
        return kept
    signs = itertools.product((1.0, -1.0), repeat=len(sizes))
    return tuple(tuple(s * size for s, size in zip(way, sizes, strict=True)) for way in signs)


def _use_total(
    channels: Sequence[Channel], var: float, kept: tuple[tuple[float, ...], ...]
) -> tuple[tuple[float, ...], ...]:
    """Phases that are alike have the angle of the total, which is far better known near 0° and 180°.

    It also is that of a drive, whose current is no sine, so that its S is more than P and Q explain.
    """
    watts = sum(one.apparent * one.cosine for one in channels)
    if not (watts or var):
        return kept
    total = math.degrees(math.atan2(var, watts))
    others = (
        way for way in kept if any(abs(math.remainder(one - total, 360.0)) > 2 * SLACK_DEG for one in way)
    )
    return ((total,) * len(channels), *(way for way in others if min(way) < 0 < max(way)))


def sum_reactive(channels: Sequence[Channel], angles: Sequence[float]) -> float:
    """The total reactive power at these angles."""
    pairs = zip(channels, angles, strict=True)
    return sum(one.apparent * math.sin(math.radians(angle)) for one, angle in pairs)


def find_explanations(
    channels: Sequence[Channel], ways: Iterable[Sequence[float]], *, is_signed: bool
) -> list[Explanation]:
    """The mistakes that explain the angles and cannot be told apart, the likeliest first.

    Single ones, and pairs only where no single one fits. `is_signed`: the meter measures reactive
    power.
    """
    found = list(ways)
    for hypotheses in (SINGLE, PAIRS):
        best: dict[Hypothesis, Explanation] = {}
        for hypothesis, way in itertools.product(hypotheses, found):
            one = _explain(hypothesis, channels, way, is_signed=is_signed)
            if one is not None and (hypothesis not in best or one.cost < best[hypothesis].cost):
                best[hypothesis] = one
        if best:
            limit = min(one.misfit for one in best.values()) + CLOSE_MISFIT
            return sorted((one for one in best.values() if one.misfit < limit), key=lambda one: one.cost)
    return []


def _explain(
    hypothesis: Hypothesis, channels: Sequence[Channel], angles: Sequence[float], *, is_signed: bool
) -> Explanation | None:
    lags = tuple(
        _wrap(angle - _TURN * (source - place) + (_HALF if is_reversed else 0.0))
        for place, (angle, source, is_reversed) in enumerate(
            zip(angles, hypothesis.source, hypothesis.reversed, strict=True)
        )
    )
    beyond = max(max(-lag, lag - LAG_MAX, 0.0) for lag in lags)
    spread = max(lags) - min(lags)
    amps = [one.amps for one in channels]
    imbalance = 1 - min(amps) / max(amps)
    if beyond > SLACK_DEG or spread > hypothesis.spread_deg or imbalance > 1 - IMBALANCE_MIN:
        return None
    misfit = beyond / SLACK_DEG + spread / SPREAD_REVERSED_DEG + imbalance / 2
    unlikely = LOW_PF_COST * sum(lags) / len(lags) / LAG_MAX
    if Mistake.SAME_PHASE in hypothesis.names:
        if imbalance > EQUAL_SHARE:
            return None
        unlikely -= EQUAL_GAIN * (1 - imbalance / EQUAL_SHARE)
    elif hypothesis.source != tuple(range(len(lags))) and not is_signed:
        unlikely += MOVED_COST
    return Explanation(hypothesis, lags, misfit, unlikely)


def _find_signs(channel: Channel, size: float) -> tuple[float, ...]:
    if channel.var is None:
        return (1.0, -1.0) if 0.5 < size < _HALF - 0.5 else (1.0,)
    clear = abs(channel.var) > channel.apparent * 0.03
    return (math.copysign(1.0, channel.var),) if clear else (1.0, -1.0)


def _sine_error(cosine: float) -> float:
    """How far the sine of an angle may be off if its cosine is off by COS_ERROR."""
    ends = (math.sqrt(1 - max(-1.0, min(1.0, cosine + step)) ** 2) for step in (COS_ERROR, -COS_ERROR))
    sine = math.sqrt(1 - cosine**2)
    return max(abs(sine - end) for end in ends)


def _wrap(angle: float) -> float:
    """The same angle, above -120° and up to 240°, so that 180° and a little more are adjacent."""
    return (angle + _TURN) % 360.0 - _TURN


def _moves() -> Iterator[Hypothesis]:
    """Transformers in each other's places."""
    right = (False,) * len(PHASES)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        source = list(_WHOLE)
        source[i], source[j] = j, i
        yield Hypothesis((Mistake.CTS_SWAPPED,), (i, j), tuple(source), right, SPREAD_MOVED_DEG)
    yield Hypothesis((Mistake.CTS_ROTATED,), _WHOLE, (1, 2, 0), right, SPREAD_MOVED_DEG)
    yield Hypothesis((Mistake.CTS_ROTATED_BACK,), _WHOLE, (2, 0, 1), right, SPREAD_MOVED_DEG)
    for p in _WHOLE:
        yield Hypothesis((Mistake.SAME_PHASE,), (p,), (p,) * 3, right, SPREAD_SAME_DEG)


def _reversals() -> Iterator[Hypothesis]:
    """One, two or three transformers the wrong way round."""
    for which in (which for count in (1, 2, 3) for which in itertools.combinations(_WHOLE, count)):
        turned = tuple(k in which for k in _WHOLE)
        yield Hypothesis((Mistake.CT_REVERSED,), which, _WHOLE, turned, SPREAD_REVERSED_DEG)


def _pair(move: Hypothesis, turn: Hypothesis) -> Hypothesis:
    phases = tuple(sorted({*move.phases, *turn.phases}))
    spread = min(SPREAD_PAIR_DEG, move.spread_deg)
    return Hypothesis(move.names + turn.names, phases, move.source, turn.reversed, spread)


SINGLE: Final = (*_reversals(), *_moves())
PAIRS: Final = tuple(_pair(*both) for both in itertools.product(_moves(), _reversals()))
