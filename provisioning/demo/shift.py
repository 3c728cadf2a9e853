"""The shift: what happens to the plant, the network and the agent, and when.

Times are minutes of the plant's clock after its start. Events of treatment and meters are in the
plant's own file; outages of the broker and kills of the agent are here.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from agent.status.socket import read_status
from evidence.moments import local_text, zone_s
from evidence.words import Words
from provisioning.demo.acts import BROKER_AWAY_MIN, BROKER_BACK_MIN, KILL_MIN, KILLED_MIN, SHIFT_MIN, find_act
from provisioning.demo.broker import Broker
from provisioning.demo.judge import Verified, read_sealed
from provisioning.demo.parts import PartError
from provisioning.demo.stage import Stage
from provisioning.demo.words import WORDS
from provisioning.words.labels import LABELS

MINUTE_S: Final = 60
RECOVERY_S_MAX: Final = 60.0
"""Real seconds within which the demo must recover from an outage, as the product promises."""
DRAIN_S_MAX: Final = 60.0
"""Real seconds for the last receipts."""
REFRESH_S: Final = 0.25
"""Real seconds between rounds: four a second, each 15 s of the plant's time."""
COLUMN_MIN: Final = 1.5
"""Plant minutes of one column of the drawn loads: 40 columns are an hour."""
HISTORY_COLUMNS: Final = 60

Json = Mapping[str, Any]


@define
class Outage:
    """An outage, and the real seconds from its end until all seals had arrived."""

    what: str
    returned_s: float
    waits_for: int
    recovered_s: float | None = None


@frozen
class Event:
    """Something that happened, at a time of the plant's clock.

    Attributes:
        at: "07:55".
        text: What happened.
        severity: Of a finding, else empty.
    """

    at: str
    text: Words
    severity: str = ""


@define
class Shift:
    """Runs the parts through the shift.

    Attributes:
        report: Takes each event: when, what, and its severity if it is a finding.
        on_act: Called with the number of each act as it begins, while the clock is held.
        verified: What the subscriber has printed.
        status: The last status of the agent.
        history: Recent loads of each line, for drawing.
        seen: Every seal that was ever in the agent's database: number and hash.
        down: Which part is dead at this moment, in words.
        act: The number of the act, -1 before the first.
    """

    stage: Stage
    report: Callable[[Event], None]
    on_act: Callable[[int], None] = lambda _number: None
    verified: Verified = field(init=False)
    status: Json | None = field(default=None, init=False)
    history: dict[str, deque[float | None]] = field(factory=dict, init=False)
    seen: dict[int, bytes] = field(factory=dict, init=False)
    down: Words | None = field(default=None, init=False)
    act: int = field(default=-1, init=False)
    outages: list[Outage] = field(factory=list, init=False)
    _broker: Broker | None = field(default=None, init=False)
    _reported: set[tuple[str, ...]] = field(factory=set, init=False)
    _drawn_min: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.verified = Verified(self.stage.subscriber.output)

    @property
    def minute(self) -> float:
        """Minutes of plant time since the start."""
        return self.stage.clock.monotonic_s() / MINUTE_S

    @property
    def plant_time(self) -> str:
        """The plant's local time."""
        stage = self.stage
        return local_text(stage.plant.start_s + stage.clock.monotonic_s(), zone_s(stage.site.site.utc_offset))

    @contextlib.contextmanager
    def parts(self) -> Iterator[None]:
        """Start all parts, and stop at the end whatever still runs."""
        stage = self.stage
        try:
            self._broker = stage.start_broker()
            stage.subscriber.start()
            stage.subscriber.first_line()
            stage.agent.start()
            stage.clock.release()
            yield
        finally:
            stage.agent.stop()
            stage.subscriber.stop()
            if self._broker is not None:
                self._broker.kill()
            stage.simulator.stop()

    def play(self, draw: Callable[[], None]) -> None:
        """Run the whole shift.

        Raises:
            PartError: A part died, or the recovery from an outage takes too long.
        """
        for minute, act in (
            (BROKER_AWAY_MIN, self._take_broker),
            (BROKER_BACK_MIN, self._return_broker),
            (KILL_MIN, self._kill),
            (KILL_MIN + KILLED_MIN, self._restart),
            (SHIFT_MIN, lambda: None),
        ):
            while self.minute < minute:
                self._begin_act()
                self.look(draw)
            self._begin_act()
            act()

    def _begin_act(self) -> None:
        if (number := find_act(self.minute)) > self.act:
            self.act = number
            self.stage.clock.hold()
            self.on_act(number)
            self.stage.clock.release()

    def finish(self, draw: Callable[[], None]) -> None:
        """Stop the agent in order and wait until the last seals are verified."""
        self._tell("over")
        self.stage.agent.stop()
        self.seen |= read_sealed(self.stage)
        self._wait_until_drained(draw)

    def look(self, draw: Callable[[], None]) -> None:
        """One round: read what is new, report it, draw it.

        Raises:
            PartError: A part died, or the recovery from an outage takes too long.
        """
        time.sleep(REFRESH_S)
        for part in (self.stage.simulator, self.stage.subscriber, self.stage.agent):
            part.must_live()
        self.verified.read()
        with contextlib.suppress(OSError, ValueError):  # the agent is starting, or was just killed
            self._take_status(read_status(self.stage.site.path(self.stage.site.store.path)))
        self._report_episodes()
        self._check_outages()
        draw()

    def _take_status(self, status: dict[str, Any]) -> None:
        status["seals"]["verified"] = self.verified.seal
        self.status = status
        if self.minute < self._drawn_min + COLUMN_MIN:
            return
        self._drawn_min = self.minute
        for line in status["lines"]:
            self.history.setdefault(line["id"], deque(maxlen=HISTORY_COLUMNS)).append(line["power_w"])

    def _report_episodes(self) -> None:
        for episode in self.verified.episodes:
            key = (episode["id"], episode["rule"], episode["state"])
            if key not in self._reported:
                self._reported.add(key)
                severity, state = (LABELS[episode[name]] for name in ("severity", "state"))
                finding = f"{episode['linkage']}/{episode['rule']}"
                self._tell("verified", episode["severity"], severity=severity, finding=finding, state=state)
                sentence = episode["sentence"]
                self.report(Event("", Words(sentence["zh"], sentence["en"]), episode["severity"]))

    def _take_broker(self) -> None:
        self._tell("broker killed")
        self.down = WORDS["down broker"]
        assert self._broker is not None
        self._broker.kill()

    def _return_broker(self) -> None:
        self._broker = self.stage.start_broker()
        tip = max(read_sealed(self.stage), default=0)
        self.down = None
        self._tell("broker back", count=tip - self.verified.seal)
        self.outages.append(Outage("broker away", time.monotonic(), tip))

    def _kill(self) -> None:
        self.stage.agent.kill()
        self.seen |= read_sealed(self.stage)
        self.down = WORDS["down agent"]
        self._tell("agent killed", tip=max(self.seen))

    def _restart(self) -> None:
        self.down = None
        self._tell("agent back")
        self.stage.agent.start()
        self.outages.append(Outage("agent killed", time.monotonic(), max(self.seen) + 1))

    def _check_outages(self) -> None:
        for outage in self.outages:
            if outage.recovered_s is not None:
                continue
            passed_s = time.monotonic() - outage.returned_s
            if self.verified.seal >= outage.waits_for:
                outage.recovered_s = round(passed_s, 2)
                self._tell("recovered", seconds=passed_s)
            elif passed_s > RECOVERY_S_MAX:
                raise PartError(f"{outage.what}: not recovered within {RECOVERY_S_MAX:g} s")

    def _wait_until_drained(self, draw: Callable[[], None]) -> None:
        tip, deadline = max(self.seen), time.monotonic() + DRAIN_S_MAX
        while self.verified.seal < tip and time.monotonic() < deadline:
            time.sleep(REFRESH_S)
            self.verified.read()
            draw()

    def _tell(self, key: str, style: str = "", /, **values: object) -> None:
        self.report(Event(self.plant_time[11:16], WORDS[key].fill(**values), style))


def outages_to_json(outages: Sequence[Outage]) -> list[dict[str, object]]:
    """The outages of the shift for `--json`."""
    return [{"what": outage.what, "recovered_s": outage.recovered_s} for outage in outages]
