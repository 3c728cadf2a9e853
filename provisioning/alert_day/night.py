"""The night: what bureau and plant do, and when, in minutes of the plant's clock after its beginning.

While a person of either side types, the clock of the plant stands, so that a slow machine changes nothing.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from agent.status.socket import read_status
from evidence.moments import local_text, zone_s
from evidence.words import Words
from provisioning.alert_day import acts
from provisioning.alert_day.manager import Manager
from provisioning.alert_day.officer import Officer
from provisioning.alert_day.words import WORDS
from provisioning.demo.broker import Broker
from provisioning.demo.judge import Verified, read_sealed
from provisioning.demo.parts import Part, PartError
from provisioning.demo.stage import Stage
from provisioning.words.language import translate

MINUTE_S: Final = 60
LOOK_S: Final = 0.25
WAIT_REAL_S: Final = 180.0
"""For what takes a second on a quiet machine: an order to be sealed, the last receipts."""

Say = Callable[[str], object]


@define
class Night:
    """Runs the parts through the night; `say` takes a line for whoever looks on.

    Attributes:
        verified: What the subscriber has printed.
        finals: The final verdicts as the agent's status shows them, by line.
    """

    stage: Stage
    say: Say
    verified: Verified = field(init=False)
    finals: dict[str, Mapping[str, Any]] = field(factory=dict, init=False)
    officer: Officer = field(init=False)
    manager: Manager = field(init=False)
    _parts: list[Part] = field(factory=list, init=False)
    _status: Mapping[str, Any] = field(factory=dict, init=False)
    _told: set[tuple[str, ...]] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self.verified = Verified(self.stage.subscriber.output)
        self.officer = Officer(self.stage, self.say)
        self.manager = Manager(self.stage, self.say)

    @property
    def minute(self) -> float:
        """Minutes of plant time since the beginning."""
        return self.stage.clock.monotonic_s() / MINUTE_S

    @contextlib.contextmanager
    def parts(self) -> Iterator[None]:
        """Start all parts, and stop at the end whatever still runs; raises PartError."""
        stage, broker, page = self.stage, None, None
        try:
            self.officer.begin()
            broker = stage.start_broker()
            stage.subscriber.start()
            stage.subscriber.first_line()
            stage.agent.start()
            page = self.manager.open_page()
            self._parts = [stage.simulator, stage.subscriber, stage.agent, page]
            stage.clock.release()
            yield
        finally:
            self._stop(broker, page)

    def _stop(self, broker: Broker | None, page: Part | None) -> None:
        if page is not None:
            page.stop()
        self.stage.agent.stop()
        self.stage.subscriber.stop()
        if broker is not None:
            broker.kill()
        self.stage.simulator.stop()

    def play(self) -> None:
        """The whole night.

        Raises:
            PartError: A part died, or something did not come.
        """
        self._until("status", lambda: bool(self._status))
        self._act("ordered", self.officer.send_list, self.officer.send_alert)
        lines = {*acts.STANDS, *acts.CAPS_W}
        self._until("alert", lambda: {row["line"] for row in self._status.get("alerts", ())} >= lines)
        self._pass_until(acts.MARK_MIN)
        self._act("declared", self.manager.declare_stop)
        self._pass_until(acts.SUPERVISE_MIN)
        self._act("asked", self.officer.ask)
        self._until("order", lambda: self._find_order() is not None)
        self._act("answered", self.manager.answer)
        self._until("answer", lambda: self._find_order() == "accepted")
        self._pass_until(acts.CHECK_MIN)
        self._act("closed", self.officer.close)
        self._until("check", lambda: self._find_order() == "returned")
        self._pass_until(acts.NIGHT_MIN)
        self._until("verdicts", lambda: self.finals.keys() >= lines)

    def finish(self) -> None:
        """Stop the agent in order and wait until its last seals are verified; raises PartError."""
        self._tell("over")
        self.stage.agent.stop()
        self._parts = [self.stage.subscriber]
        tip = max(read_sealed(self.stage), default=0)
        self._until("receipts", lambda: self.verified.seal >= tip)

    def _act(self, key: str, *deeds: Callable[[], None]) -> None:
        """What a person does, while the plant's time stands."""
        self._tell(key)
        self.stage.clock.hold()
        try:
            for deed in deeds:
                deed()
        finally:
            self.stage.clock.release()

    def _pass_until(self, minute: float) -> None:
        while self.minute < minute:
            self._look()

    def _until(self, key: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_REAL_S
        while not holds():
            if time.monotonic() > deadline:
                raise PartError(translate(WORDS["did not come"], what=WORDS[key], seconds=f"{WAIT_REAL_S:g}"))
            self._look()

    def _look(self) -> None:
        time.sleep(LOOK_S)
        for part in self._parts:
            part.must_live()
        self.verified.read()
        with contextlib.suppress(OSError, ValueError):  # the agent is starting, or has ended
            self._status = read_status(self.stage.site.path(self.stage.site.store.path))
        for row in self._status.get("alerts", ()):
            if row["not_met"]:
                self._tell_once("hour", row["line"], str(row["not_met"]))
        for body in self._status.get("verdicts", ()):
            if body["order"] == acts.ALERT:
                self.finals[body["line"]] = body
        for episode in self.verified.episodes:
            if episode["severity"] == "violation":
                self._tell_once("found", str(episode["id"]), words=Words(**episode["sentence"]))

    def _find_order(self) -> str | None:
        """The state of the question in the gateway's book, None while it has not come."""
        rows = self._status.get("orders", ())
        return next((str(row["state"]) for row in rows if row["order"] == acts.ASK), None)

    def _tell_once(self, key: str, *names: str, words: Words | None = None) -> None:
        if (key, *names) not in self._told:
            self._told.add((key, *names))
            fields = dict(zip(("line", "count"), names, strict=False))
            self._say(WORDS[key].fill(**fields) if words is None else words)

    def _tell(self, key: str) -> None:
        self._say(WORDS[key].fill(line=acts.MARKED))

    def _say(self, words: Words) -> None:
        now_s = acts.BEGIN_S + self.stage.clock.monotonic_s()
        at = local_text(now_s, zone_s(self.stage.site.site.utc_offset))[11:16]
        self.say(f"{at:<6}{translate(words)}")
