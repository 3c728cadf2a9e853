"""Step `trial`: each machine is switched by hand, and the reading of its line must follow.

All meters are read in turns the whole time, so that a transformer on another line's cable is found; what was
read just before the test of a line counts as its state at rest. `provisioning.wiring.OnOffTest` decides what
to wait for and when it is sure: off and on again, and once more in case of doubt. No key is pressed
when the machine is switched: setup watches the readings.

A line may be left out, with a reason that stands on the sheet. A line with a meter that is known to be wired
wrongly is left out unless the technician insists: two exchanged transformers add up to zero, which does not
follow the machine, and such readings would become a threshold. If the reading does not follow, verdict and
remedy are shown, and the line may be tried again.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from attrs import define, field

from agent.detect.line_params import NAMEPLATE_LO
from drivers.reading import POWER_POINT, PollGroup
from provisioning.journal.entries import LineNamed, Trial, find_last_trial, find_last_wiring
from provisioning.setup.confirm import has_power
from provisioning.setup.meters import Readers
from provisioning.setup.session import Session
from provisioning.setup.talk import WrongAnswerError, check_text
from provisioning.setup.walk import walk
from provisioning.setup.words import WORDS, text
from provisioning.terminal.show import Screen, count_columns, table
from provisioning.terminal.views import SPARK_COLUMNS, draw_sparkline
from provisioning.wiring import OnOffTest, Outcome
from provisioning.wiring.trial import SETTLE_S, WAIT_S, State, Wait
from provisioning.words.language import translate

TICK_S: Final = 1.0
"""Every meter is read once a second if its bus is fast enough."""
TICK_S_MAX: Final = 6.0
"""Longest wait for a meter on a crowded slow bus."""
BEFORE_S: Final = 2 * SETTLE_S
"""Readings kept from before a line is tried."""
SAMPLES_MAX: Final = 600
"""Samples of the curve on the sheet; a longer test is thinned."""
CHAIN_SAMPLES_MAX: Final = 120
"""Samples of the curve in the chain, which also has every reading once the agent runs."""
WAIT_S_MIN, WAIT_S_MAX = 10.0, 3600.0
SPARK_MIN: Final = 4
"""Columns of the curve on the narrowest terminal."""
W_PER_KW: Final = 1000.0


@define
class Powers:
    """The powers of all meters, tick by tick, and recent readings."""

    readers: Readers
    meters: Sequence[str]
    lately: deque[tuple[float, dict[str, float | None]]] = field(factory=deque)

    def tick(self) -> tuple[float, dict[str, float | None]]:
        """Wait until every meter was read once more, or for TICK_S_MAX; None where a read failed."""
        now: dict[str, float | None] = {}
        until_s = self.readers.seconds() + TICK_S_MAX
        while len(now) < len(self.meters) and (left_s := until_s - self.readers.seconds()) > 0:
            sample = self.readers.next(left_s)
            if sample is not None:
                now[sample.meter] = sample.number(POWER_POINT)
        moment = self.readers.seconds(), now
        self.lately.append(moment)
        while self.lately[0][0] < moment[0] - BEFORE_S:
            self.lately.popleft()
        return moment


def trial(session: Session) -> None:
    """Try each line, one after the other."""
    given = session.answers.trial
    wait_s = WAIT_S if given.wait_s is None else given.wait_s
    if not WAIT_S_MIN <= wait_s <= WAIT_S_MAX:
        session.talk.refuse("trial.wait_s", "not_in_range", low=WAIT_S_MIN, high=WAIT_S_MAX, typed=wait_s)
    lines = [line for line in session.journal.lines if line.kind != "incomer"]
    reasons = {one.id: one.untried for one in session.answers.line if one.untried}
    asked = []
    is_repeated = "trial" in session.journal.steps
    for line in lines:
        if not is_repeated and _has_passed(session, line):
            session.talk.say("trial_passed", style="dim", line=line.label)
            continue
        reason = given.skip or reasons.get(line.id) or _explain_miswired(session, line)
        if reason and session.talk.assume_yes:
            _skip(session, line, reason)
        elif _find_own(session, line):
            asked.append(line)
    if asked:
        meters = [meter for meter in session.journal.meters if has_power(session, meter)]
        with Readers(session, meters, [PollGroup.FAST], every_s=TICK_S) as readers:
            powers = Powers(readers, [meter.id for meter in meters])
            walk(session.talk, *(partial(_try_line, session, powers, line, wait_s) for line in asked))
    session.done("trial")


def _try_line(session: Session, powers: Powers, line: LineNamed, wait_s: float) -> None:
    """One line, until it is tried or left out."""
    talk = session.talk
    named = line.label
    miswired = _explain_miswired(session, line)
    if miswired:
        talk.show(miswired, style="yellow")
    wanted = "skip" if miswired else "try"
    while True:
        if not talk.assume_yes:
            options = [(key, text(f"trial_{key}")) for key in ("try", "skip")]
            wanted = talk.ask_choice(f"{line.id}.trial", "ask_trial", options, default=wanted, line=named)
            while powers.readers.next(0.0) is not None:  # drop what was read during the question
                powers.lately.clear()
        if wanted == "skip":
            _skip(
                session,
                line,
                talk.ask("trial.skip", "ask_reason", _check_reason, default=miswired, free=True),
            )
            return
        result = _run_trial(session, powers, line, wait_s)
        if result.follows or talk.assume_yes:
            return
        wanted = "try"


def _run_trial(session: Session, powers: Powers, line: LineNamed, wait_s: float) -> Outcome:
    """One on/off test, shown while it lasts, kept at its end."""
    begin_at = session.now()
    with Screen() as screen:
        watch = _Watch.of(session, powers, line, wait_s, screen)
        result = watch.run()
    verdict = Trial(
        line.id,
        ", ".join(watch.test.own),
        begin_at,
        session.now(),
        result.follows,
        result.off_w,
        result.on_w,
        tuple(thin(watch.curve, SAMPLES_MAX)),
        tuple(watch.switched),
        result.sentence,
    )
    session.keep(trials=(*session.journal.trials, verdict))
    fields = {
        "line": line.id,
        "meters": list(watch.test.own),
        "follows": result.follows,
        "kind": result.kind,
        "others": list(result.meters),
        "off_w": result.off_w,
        "on_w": result.on_w,
        "sentence": result.sentence.to_body(),
        "remedy": result.remedy.to_body(),
    }
    curve = [list(one) for one in thin(watch.curve, CHAIN_SAMPLES_MAX)]
    session.chain(
        "trial", **fields, begin_at=begin_at, samples=curve, switched=[list(s) for s in watch.switched]
    )
    session.talk.event("trial", **fields)
    session.talk.show(
        f"{'✓' if result.follows else '✗'} {line.id}  {translate(result.sentence)}",
        style="green" if result.follows else "bold red",
    )
    if not result.follows:
        session.talk.show(f"     → {translate(result.remedy)}")
    return result


@define
class _Watch:
    """The test of one line, fed with what is read."""

    session: Session
    powers: Powers
    line: LineNamed
    test: OnOffTest
    screen: Screen
    begin_s: float
    curve: list[tuple[float, float | None]] = field(factory=list)
    switched: list[tuple[float, State]] = field(factory=list)

    @classmethod
    def of(cls, session: Session, powers: Powers, line: LineNamed, wait_s: float, screen: Screen) -> "_Watch":
        """A test that begins with the readings just before it."""
        own = _find_own(session, line)
        if not powers.lately:
            powers.tick()
        now_w = sum(watts or 0.0 for name, watts in powers.lately[-1][1].items() if name in own)
        incomers = [one.id for one in session.journal.lines if one.kind == "incomer"]
        sums = tuple(meter.id for meter in session.journal.meters if meter.line in incomers)
        runs = abs(now_w) >= NAMEPLATE_LO * line.rated_w  # negative behind a reversed transformer
        test = OnOffTest(own, sums, float(line.rated_w), "on" if runs else "off", wait_s)
        return cls(session, powers, line, test, screen, powers.lately[0][0])

    def run(self) -> Outcome:
        """Run until the test has a result."""
        before = list(self.powers.lately)
        wait = Wait("settle")
        for seconds, watts in before:
            wait = self._feed(seconds, watts)
        while self.test.result is None:
            self._ask(wait)
            self._show(wait)
            wait = self._feed(*self.powers.tick())
        return self.test.result

    def _feed(self, seconds: float, watts: Mapping[str, float | None]) -> Wait:
        wait = self.test.sample(seconds, watts)
        known = [watts.get(name) for name in self.test.own]
        shown = None if None in known else sum(one for one in known if one is not None)
        self.curve.append((round(seconds - self.begin_s, 1), None if shown is None else round(shown, 1)))
        return wait

    def _ask(self, wait: Wait) -> None:
        """Ask once for each switching of the machine."""
        if wait.what != "switch" or wait.to is None or (self.switched and self.switched[-1][1] == wait.to):
            return
        self.switched.append((round(self.powers.readers.seconds() - self.begin_s, 1), wait.to))
        self.session.talk.say(f"switch_{wait.to}", style="bold", line=self.line.label)
        self.session.talk.event("switch", line=self.line.id, to=wait.to)

    def _show(self, wait: Wait) -> None:
        values = [watts for _, watts in self.curve]
        top = max((one for one in values if one is not None), default=0.0)
        now = "–" if wait.own_w is None else f"{wait.own_w / W_PER_KW:.2f} kW"
        doing = text("settling") if wait.what != "switch" else text(f"waiting_{wait.to}")
        others = (self.line.id, now, doing, f"{wait.left_s:.0f} s")
        room = self.screen.size[0] - sum(count_columns(one) + 2 for one in others) - 2
        curve = draw_sparkline(values, top, min(max(room, SPARK_MIN), SPARK_COLUMNS))
        self.screen.draw(table(("",) * 5, [(*others[:2], curve, *others[2:])]))


def thin(curve: Sequence[tuple[float, float | None]], most: int) -> Sequence[tuple[float, float | None]]:
    """At most `most` samples of a curve, evenly spaced."""
    step = -(-len(curve) // most) or 1
    return curve[::step]


def _find_own(session: Session, line: LineNamed) -> tuple[str, ...]:
    return tuple(meter.id for meter in session.journal.meters if meter.line == line.id)


def _has_passed(session: Session, line: LineNamed) -> bool:
    """Whether an interrupted call has settled this line, and nothing about it has changed since."""
    last = find_last_trial(session.journal, line.id)
    own = _find_own(session, line)
    if last is None or last.meter != ", ".join(own) or not (last.follows or last.skipped):
        return False
    return all(one.at < last.end_at for one in session.journal.wiring if one.meter in own)


def _explain_miswired(session: Session, line: LineNamed) -> str | None:
    """Why the wiring should be corrected before the test; None if no mistake is known."""
    for name in _find_own(session, line):
        verdict = find_last_wiring(session.journal, name)
        if verdict is not None and verdict.verdict == "mistake":
            return text("miswired", meter=name, what=verdict.sentence)
    return None


def _skip(session: Session, line: LineNamed, reason: str) -> None:
    now = session.now()
    sentence = WORDS["not_tried"].fill(reason=reason)
    own = ", ".join(_find_own(session, line))
    left_out = Trial(line.id, own, now, now, follows=False, sentence=sentence, skipped=reason)
    session.keep(trials=(*session.journal.trials, left_out))
    session.chain("trial", line=line.id, skipped=reason)
    session.talk.event("trial", line=line.id, skipped=reason)
    session.talk.say("line_not_tried", style="yellow", line=line.id, reason=reason)


def _check_reason(typed: str) -> str:
    reason = check_text(typed)
    if not reason:
        raise WrongAnswerError("needs_answer")
    return reason
