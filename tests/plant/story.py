"""What happens in the plant of one seed: its meters, what they see, and what the buses make of it.

A story is drawn once and then only asked: `watts(line, at_s)` is the truth, `readings(...)` is what the
driver would hand over: real register words, encoded by the meter's own model. Seconds count from the
begin of the story on a clock that no fault can touch.
"""

import random
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import groupby

from attrs import define, field, frozen

from drivers.clock import Stamp
from drivers.points.model import Model
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import keys

GATEWAY = "gw-7"
CENTRE_SECRET = bytes(range(32))
CENTRE_KEY = keys.public(CENTRE_SECRET)
READ_S = 5.0
WARM_UP_S = 240.0
"""Production runs for so long before anything dishonest happens."""
OFF_S = (540.0, 900.0)
"""Treatment is off for so long: tau (240 s) and the pauses of a restart fit into it."""
MODELS = ("eastron-sdm72d-m", "eastron-sdm120", "chint-ddsu666", "eastron-sdm630")
"""Float, double and integer registers, functions 3 and 4; short maps, because decoding costs the most."""


@frozen
class MeterPlan:
    """One meter of the story, carrying `share` of its line."""

    id: str
    bus: str
    unit_id: int
    model: str
    line: str
    share: float


@frozen
class LinePlan:
    """A line with its nameplate; it draws about `usual` of that while it runs."""

    id: str
    kind: str
    rated_w: int
    usual: float


@frozen
class Span:
    """From `begin_s` to before `end_s`."""

    begin_s: float
    end_s: float

    def __contains__(self, at_s: float) -> bool:
        return self.begin_s <= at_s < self.end_s


@define
class Story:
    """See the module.

    Attributes:
        production: When the production lines run.
        treatment: When the treatment lines run: a little longer at both ends.
        dips: Honest interruptions of treatment, each shorter than what anybody may be accused of.
        off: When the treatment of the first linkage is switched off while production runs; None for an
            honest plant.
        silent: Bus faults: (meter or bus, span, reason).
    """

    length_s: float
    meters: tuple[MeterPlan, ...]
    lines: tuple[LinePlan, ...]
    linkages: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    production: Span
    treatment: Span
    dips: tuple[Span, ...]
    off: Span | None
    rng: random.Random
    quiet: bool = False
    silent: list[tuple[str, Span, str]] = field(factory=list)
    _late: list[Reading] = field(factory=list)

    @property
    def site(self) -> str:
        """The text of the site file."""
        text = f'[site]\ngateway = "{GATEWAY}"\n[broker]\nurl = "mqtt://127.0.0.1"\n'
        text += f'centre_key = "{CENTRE_KEY.hex()}"\n'
        for bus in sorted({meter.bus for meter in self.meters}):
            text += f'[[bus]]\nid = "{bus}"\nurl = "tcp://127.0.0.1"\n'
        for m in self.meters:
            text += f'[[meter]]\nid = "{m.id}"\nbus = "{m.bus}"\nunit_id = {m.unit_id}\n'
            text += f'model = "{m.model}"\nline = "{m.line}"\n'
        for line in self.lines:
            text += f'[[line]]\nid = "{line.id}"\nkind = "{line.kind}"\nrated_w = {line.rated_w}\n'
        for name, production, treatment in self.linkages:
            text += f'[[linkage]]\nid = "{name}"\nproduction = {list(production)}\n'
            text += f"treatment = {list(treatment)}\n"
        return text.replace("'", '"')

    def watts(self, line: LinePlan, at_s: float) -> float:
        """What `line` draws: noisy while it runs, a little standby otherwise."""
        runs = at_s in (self.production if line.kind == "production" else self.treatment)
        if line.kind == "treatment" and any(at_s in dip for dip in self.dips):
            runs = False
        if self.off and line.id == self.linkages[0][2][0] and at_s in self.off:
            runs = False
        return line.rated_w * (line.usual * self.rng.uniform(0.9, 1.1) if runs else 0.004)

    def readings(
        self, before_s: float, at_s: float, stamp: Stamp, setups: Mapping[str, MeterSetup]
    ) -> Iterator[Reading]:
        """What the driver hands over between two moments, late ones of the last call first."""
        late, self._late = self._late, []
        yield from late
        lines = {line.id: line for line in self.lines}
        for number, meter in enumerate(self.meters):
            phase_s = number * 0.7
            if int((before_s + phase_s) // READ_S) == int((at_s + phase_s) // READ_S):
                continue
            watts = self.watts(lines[meter.line], at_s) * meter.share
            reason = self._reason(meter, at_s)
            reading = _reading(setups[meter.id].model, meter.id, stamp, None if reason else watts, reason)
            fate = self.rng.random()
            if fate < 0.01 and not self.quiet:
                continue  # missed its turn
            if fate < 0.03 and not self.quiet:
                self._late.append(reading)
            else:
                yield reading

    def forget_late(self) -> None:
        """The process that waited for them is dead."""
        self._late.clear()

    def _reason(self, meter: MeterPlan, at_s: float) -> str:
        for name, span, reason in self.silent:
            if at_s in span and name in {meter.id, meter.bus}:
                return reason
        return ""


def draw_story(rng: random.Random) -> Story:
    """A plant of two to six meters; half of them are dishonest for a while."""
    length_s = rng.choice([1_300.0, 1_600.0, 2_100.0])
    second = rng.random() < 0.5
    lines = [
        LinePlan("p1", "production", rng.choice([20_000, 50_000, 200_000]), rng.uniform(0.4, 0.8)),
        LinePlan("t1", "treatment", rng.choice([5_000, 20_000, 75_000]), rng.uniform(0.4, 0.8)),
    ]
    linkages = [("k1", ("p1",), ("t1",))]
    if second:
        lines += [
            LinePlan("p2", "production", 30_000, rng.uniform(0.4, 0.8)),
            LinePlan("t2", "treatment", 11_000, rng.uniform(0.4, 0.8)),
        ]
        linkages.append(("k2", ("p2",), ("t2",)))
    meters: list[MeterPlan] = []
    for line in lines:
        parts = rng.choice([1, 1, 2]) if len(meters) < 4 else 1
        for part in range(parts):
            bus = f"b{rng.choice([1, 1, 2])}"
            meter = MeterPlan(
                f"m{line.id}{part}", bus, len(meters) + 1, rng.choice(MODELS), line.id, 1 / parts
            )
            meters.append(meter)
    begin_s, end_s = rng.uniform(60, 200), length_s - rng.uniform(60, 200)
    production = Span(begin_s, end_s)
    dips = tuple(
        Span(at, at + rng.uniform(10, 60))
        for at in (rng.uniform(begin_s, end_s) for _ in range(rng.choice([0, 1, 2])))
    )
    off = None
    if rng.random() < 0.5:
        long_s = rng.uniform(*OFF_S)
        at = rng.uniform(begin_s + WARM_UP_S, max(begin_s + WARM_UP_S + 1, end_s - long_s))
        off = Span(at, min(at + long_s, end_s))
    return Story(
        length_s, tuple(meters), tuple(lines), tuple(linkages), production,
        Span(begin_s - 60, end_s + 60), dips, off, random.Random(rng.random()),
    )  # fmt: skip


def _reading(model: Model, meter: str, stamp: Stamp, watts: float | None, reason: str) -> Reading:
    blocks = () if watts is None else _blocks(model.name, round(watts, -1))
    quality = Quality.BAD if watts is None else Quality.GOOD
    return Reading(meter, PollGroup.FAST, stamp, model.hash, blocks, quality, reason)


@cache
def _model(name: str) -> Model:
    from drivers.points import model  # noqa: PLC0415 - models are loaded once for all seeds

    return model.load(name)


@lru_cache(10_000)
def _blocks(name: str, watts: float) -> tuple[Block, ...]:
    """The words of a meter that measures `watts`, in runs of neighbouring registers."""
    values = {"active_power": watts, "voltage_l1": 231.0, "voltage_l2": 229.5, "voltage_l3": 230.2}
    values |= dict.fromkeys(("current_l1", "current_l2", "current_l3"), round(watts / 600, 2))
    registers = sorted(_model(name).encode(values).items())
    runs = groupby(enumerate(registers), lambda item: (item[1][0][0], item[1][0][1] - item[0]))
    blocks = []
    for (function, _), run in runs:
        items = [register for _, register in run]
        blocks.append(Block(function, items[0][0][1], b"".join(word for _, word in items)))
    return tuple(blocks)
