"""A storm over a centre: its processes are killed and stopped at random, while a fleet plays.

Drawn from a seed: which part is hit (a verifier by SIGKILL or SIGSTOP, the broker, the database), after
which pause, and how long it is down. Each kind comes about as often as any other. A verifier that ends by
itself meanwhile, because its database is gone, is started again after RESTART_S, as by a service manager.
"""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from attrs import define, field, frozen

from tests.fleet.audit import audit
from tests.fleet.processes import SHARE, Centre, begin_verifiers, centre
from tests.fleet.table import Row, count_seals, list_losses, say

KILL: Final = "verifier killed"
PAUSE: Final = "verifier stopped"
BROKER: Final = "broker killed"
DATABASE: Final = "database killed"
KINDS: Final = (KILL, PAUSE, BROKER, DATABASE)
PAUSE_S: Final = (2.0, 8.0)
"""Between two blows, of which two may be under way at once."""
DOWN_S: Final = {KILL: (0.5, 15.0), PAUSE: (1.0, 20.0), BROKER: (0.5, 6.0), DATABASE: (0.5, 6.0)}
"""How long each is down: a lease has 10 s, so that a verifier loses its gateways or does not."""
RESTART_S: Final = 2.0
LOOK_S: Final = 0.1
SEALS_PER_S: Final = 100
"""Of all gateways, however many: a thousand at one in ten seconds."""
DRAIN_S: Final = 300.0
"""After the storm: a gateway that heard nothing asks again after five minutes at the latest."""


@frozen
class Blow:
    """One of KINDS, at this second of the storm, and back at that one; `victim` says which verifier."""

    kind: str
    at_s: float
    back_s: float
    victim: int


def draw(seed: int, length_s: float) -> Iterator[Blow]:
    """The blows of a storm, in their order; the kinds take turns in an order drawn anew each time."""
    rng, at_s, kinds = random.Random(seed), 0.0, list[str]()
    while True:
        kinds = kinds or rng.sample(KINDS, len(KINDS))
        at_s += rng.uniform(*PAUSE_S)
        if at_s >= length_s:
            return
        kind = kinds.pop()
        yield Blow(kind, at_s, at_s + rng.uniform(*DOWN_S[kind]), rng.randrange(1 << 16))


@define
class Storm:
    """See the module; `restarts` counts verifiers that ended by themselves."""

    town: Centre
    options: tuple[str, ...]
    struck: dict[str, int] = field(factory=lambda: dict.fromkeys(KINDS, 0))
    restarts: int = 0
    _down: dict[str, tuple[str, float]] = field(factory=dict)  # by the part: how it was hit, and until when
    _again_s: dict[str, float] = field(factory=dict)

    def rage(self, blows: Iterator[Blow]) -> None:
        """From the first blow until all parts are back."""
        begin_s, due = time.monotonic(), next(blows, None)
        while due is not None or self._down:
            now_s = time.monotonic() - begin_s
            self._lift(now_s)
            if due is not None and now_s >= due.at_s:
                self._strike(due, now_s)
                due = next(blows, None)
            self.tend()
            time.sleep(LOOK_S)

    def tend(self) -> None:
        """Start verifiers again that have ended by themselves."""
        now_s = time.monotonic()
        for name, part in self.town.verifiers.items():
            if name in self._down or part.ended_with is None:
                continue
            if now_s >= self._again_s.setdefault(name, now_s + RESTART_S):
                del self._again_s[name]
                self.restarts += 1
                self.town.start_verifier(name, *self.options)

    def _strike(self, blow: Blow, now_s: float) -> None:
        names = sorted(self.town.verifiers)
        part = names[blow.victim % len(names)] if blow.kind in {KILL, PAUSE} else blow.kind
        if part in self._down:
            return
        if blow.kind == KILL:
            self.town.kill_verifier(part)
        elif blow.kind == PAUSE:
            with suppress(ProcessLookupError):  # it may have ended by itself just now
                self.town.pause(part)
        elif blow.kind == BROKER:
            self.town.kill_broker()
        else:
            self.town.crash_database()
        self.struck[blow.kind] += 1
        self._down[part] = blow.kind, now_s + blow.back_s - blow.at_s

    def _lift(self, now_s: float) -> None:
        for part, (kind, until_s) in list(self._down.items()):
            if now_s < until_s:
                continue
            if kind == KILL:
                self.town.start_verifier(part, *self.options)
            elif kind == PAUSE:
                with suppress(ProcessLookupError):
                    self.town.go_on(part)
            elif kind == BROKER:
                self.town.start_broker()
            else:
                self.town.start_database()
            del self._down[part]


def play_storm(gateways: int, length_s: float, seed: int) -> list[Row]:
    """A storm of so many seconds over two verifiers and a fleet; the rows of its table."""
    with centre(gateways) as town:
        say(f"{gateways} gateways: chains are made, two verifiers enrol them")
        interval_s = gateways / SEALS_PER_S
        seals = max(round(length_s / interval_s), 1)
        fleet = town.fleet(gateways=gateways, seals=seals, interval_s=interval_s, drain_s=DRAIN_S)
        begin_verifiers(town, fleet, "verifier-1", "verifier-2")
        say(f"{length_s:.0f} s of seed {seed}")
        storm = Storm(town, SHARE)
        fleet.begin()
        storm.rage(draw(seed, length_s))
        while fleet.process.poll() is None:
            storm.tend()
            time.sleep(LOOK_S)
        result = fleet.result()
        checked = audit(town.place, result)
    made, got = count_seals(result)
    struck = [Row(kind, f"{count}", ">= 1", count > 0) for kind, count in storm.struck.items()]
    return [
        *struck,
        Row("verifiers started again by themselves", f"{storm.restarts}"),
        Row("seals receipted", f"{got} of {made}", "all", got == made),
        *list_losses(checked),
    ]
