"""What a gateway runs: samples of lines in, episodes out.

Time is cut into slots, slot = floor(t / dt). A sample may come `reorder_slots` late, but no more than
LATE_MAX_S, and in any order; of several in one slot the latest counts, and of two with one time the greater,
so that the order of arrival makes no difference. `advance` closes the slots that can no longer change, in
order.

The times and powers of samples are not trusted. A value that is not finite is ignored; a sample of the far
future waits in one of PENDING_MAX rows and does no harm; when the clock is set back by more than STEP_BACK_S,
or no line has answered for SILENT_S, counting starts again at the present slot, as after a long loss of data,
because that time cannot be judged.

`checkpoint` holds the whole state, and `restore` continues from it as if nothing had happened: a kill in the
middle of a deficit changes no episode. Linkages whose parameters changed start again, but keep their open
episodes so that these are cleared in the end.
"""

from collections.abc import Sequence
from math import floor
from typing import Any, Final

from agent.detect.arrivals import Arrivals
from agent.detect.channels import Sample
from agent.detect.checkpoint import CheckpointError, pack, unpack
from agent.detect.episode import Episode
from agent.detect.findings import LinkageWatch
from agent.detect.incomer_findings import IncomerWatch
from agent.detect.line import POWER_MAX_W, LineTracker, start_trackers
from agent.detect.line_findings import LineWatch
from agent.detect.linkage import VIOLATION
from agent.detect.param_table import ParamsError
from agent.detect.params import IncomerParams, LinkageParams
from agent.detect.retrospect import EMPTY, HISTORY_SLOTS, NO_HISTORY, VERDICT_EVERY_SLOTS, Retrospect
from agent.detect.sentence import Names
from agent.detect.slots import count_slots
from agent.detect.status import LinkageStatus, status_of

TIME_MAX_S: Final = 1e11
"""The year 5138; later times are ignored."""
TIME_MIN_S: Final = -TIME_MAX_S
POWER_MIN_W: Final = -POWER_MAX_W
LATE_MAX_S: Final = 30
"""A reading waits for a poll and for the queue, not for a slot of minutes."""
STEP_BACK_S: Final = 300
SILENT_S: Final = 86_400
"""After a day without any sample the missing slots are skipped instead of being closed one by one."""
CHECKPOINT_VERSION: Final = 6
CHECKPOINTS_BEFORE: Final = frozenset({4, 5})
"""Of versions before: their open episodes are kept, the counts start again."""


class Detector:
    """All linkages of a site; one instance, called from one thread.

    Attributes:
        names: Of lines, for people.
        closes_after_s: When `advance` closes the slot of a sample, counted from its time at most.
    """

    def __init__(
        self,
        params: Sequence[LinkageParams],
        incomer: IncomerParams | None = None,
        names: Names | None = None,
    ) -> None:
        if not params or len({one.dt_s for one in params}) != 1:
            raise ParamsError(("a site needs at least one linkage, and all need the same dt_s",))
        self._params = tuple(params)
        self._incomer_params = incomer
        self.names = names or {}
        self._dt = params[0].dt_s
        self._step_back, self._silent = count_slots(STEP_BACK_S, self._dt), SILENT_S // self._dt
        self._late_s = min(max(one.reorder_slots for one in params) * self._dt, LATE_MAX_S)
        self.closes_after_s = self._dt + self._late_s
        self._next: int | None = None
        self._open_s: float = TIME_MIN_S
        self._last_row = 0
        self._arrivals = Arrivals()
        self._rows, self._places = self._arrivals.rows, self._arrivals.places
        self._build(0)

    def _build(self, slot: int) -> None:
        trackers = start_trackers(self._params, slot)
        for line in (line for one in self._params for line in one.lines):
            if trackers[line.id].params != line:
                raise ParamsError((f"line {line.id} has different parameters in two linkages",))
        judged = len(trackers)
        if self._incomer_params:
            self._add_incomer(self._incomer_params, trackers, slot)
        self._arrivals.adopt(trackers)
        self._links = tuple(LinkageWatch.start(one, trackers, slot) for one in self._params)
        for link in self._links:
            link.names = self.names
        homes = {line.id: link for link in reversed(self._links) for line in link.params.lines}
        first = self._links[0]
        self._lines = tuple(LineWatch(tracker, homes.get(name, first)) for name, tracker in trackers.items())
        self._trackers = tuple(trackers.values())
        self._judged = self._trackers[:judged]
        self._incomer = None
        if self._incomer_params:
            self._incomer = IncomerWatch.start(self._incomer_params, trackers, self._dt, slot)
            self._incomer.names = self.names
            for link in self._links:
                link.measure_rise_w = self._incomer.measure_rise_w
        self._retrospect = Retrospect(self._params)
        self._rings = [self._retrospect.rings.get(name, list(NO_HISTORY)) for name in trackers]

    def _add_incomer(self, incomer: IncomerParams, trackers: dict[str, LineTracker], slot: int) -> None:
        """Add trackers for the incomer and for the lines behind it that no linkage has."""
        for line in (*incomer.others, incomer.incomer):
            if line.id in trackers:
                raise ParamsError((f"incomer {incomer.incomer.id}: line {line.id} belongs to a linkage",))
            trackers[line.id] = LineTracker(line, self._params[0], slot)
        unknown = [name for name in incomer.lines if name not in trackers]
        if unknown:
            raise ParamsError((f"incomer {incomer.incomer.id}: no parameters for line {', '.join(unknown)}",))

    def sample(
        self,
        line_id: str,
        t_s: float,
        watts: int | None,
        *,
        pf: float | None = None,
        current_a: float | None = None,
        voltage_v: float | None = None,
    ) -> None:
        """Take one sample; None (polled, but no good answer) is the same as no sample.

        Args:
            line_id: The line.
            t_s: Its time, UTC.
            watts: Active power.
            pf: Power factor at this time; its sign is ignored.
            current_a: Mean of the phase currents, summed over the meters of the line.
            voltage_v: Mean of the phase voltages.

        Raises:
            KeyError: Neither a linkage nor the incomer has this line.
        """
        place = self._places[line_id]
        if (
            type(watts) is int and POWER_MIN_W <= watts <= POWER_MAX_W and self._open_s <= t_s <= TIME_MAX_S
        ):  # the usual case, kept short because it runs for every sample
            slot = floor(t_s / self._dt)
            row = self._rows.get(slot) or self._arrivals.open(slot)
            if row[place] is None:
                row[place] = (t_s, watts, pf, current_a, voltage_v)
                return
        if watts is not None and POWER_MIN_W <= watts <= POWER_MAX_W and TIME_MIN_S <= t_s <= TIME_MAX_S:
            self._arrive(line_id, (t_s, int(watts), pf, current_a, voltage_v))

    def mark_phase(self, line_id: str, phase: int) -> None:
        """Note which phase of a line has no current while the others have some: 1 to 3, 0 for none."""
        self._trackers[self._places[line_id]].mark_phase(phase)

    def _arrive(self, line_id: str, sample: Sample) -> None:
        slot = floor(sample[0] / self._dt)
        following = self._next
        if following is not None and slot < following:
            self._retrospect.sample(line_id, slot, following, sample[1])
        else:
            self._arrivals.add(slot, self._places[line_id], sample)

    def advance(self, t_s: float) -> list[Episode]:
        """Close every slot that is final at `t_s`; returns the episodes raised, renamed or cleared."""
        if not TIME_MIN_S <= t_s <= TIME_MAX_S:
            return []
        end = floor((t_s - self._late_s) / self._dt)
        slot = self._next
        if slot is None:
            slot = self._arrivals.earliest(end)
            self._start(slot)
        elif end < slot - self._step_back:
            slot = end
            self._start(slot)
        found: list[Episode] = []
        while slot < end:
            self._close(slot, found)
            slot += 1
            self._next = slot
            if slot - self._last_row > self._silent:
                slot = self._arrivals.earliest(end)
                self._start(slot)
        self._open_s = slot * self._dt
        return found

    def restart(self, t_s: float) -> None:
        """Start counting again at `t_s` after a clock correction; open episodes stay open."""
        self._start(floor((t_s - self._late_s) / self._dt))

    def _start(self, slot: int) -> None:
        """Count from `slot`, keeping nothing but the open episodes."""
        lines = {watch.tracker.params.id: watch for watch in self._lines}
        open_incomer = self._incomer.open if self._incomer else {}
        links = {link.params.linkage: link for link in self._links}
        self._next = self._last_row = slot
        self._open_s = slot * self._dt
        self._build(slot)
        for watch in self._lines:
            before = lines[watch.tracker.params.id]
            watch.adopt(before.open, before.unsaid, before.untold)
        for link in self._links:
            was = links[link.params.linkage]
            link.adopt(was.open, was.unsaid, was.asked)
        if self._incomer:
            self._incomer.adopt(open_incomer)
        self._arrivals.drop_before(slot)

    def _close(self, slot: int, found: list[Episode]) -> None:
        judged = violated = False
        at = slot % HISTORY_SLOTS
        row = self._rows.pop(slot, None)
        if row is None:
            row = self._arrivals.empty
        else:
            self._last_row = slot
        for tracker, ring, sample in zip(self._trackers, self._rings, row):  # noqa: B905  strict costs a line
            ring[at] = EMPTY if sample is None else sample[1]
            if tracker.take(slot, sample):
                judged = True
        for link in self._links:
            if link.step(slot, not judged):
                found += link.collect_changes(slot)
            if link.flags and link.flags & VIOLATION:
                violated = True
        if judged:
            found += self._collect_line_changes(slot)
        if self._incomer:
            found += self._incomer.step(slot)
        if violated or slot % VERDICT_EVERY_SLOTS == 0:
            found += self._retrospect.close(slot, self._judged, self._links)
            found += [one for watch in self._lines if watch.untold for one in watch.tell_untold(slot)]

    def _collect_line_changes(self, slot: int) -> list[Episode]:
        changed = [watch for watch in self._lines if watch.asks or watch.tracker.flags != watch.reported]
        return [one for watch in changed for one in watch.collect_changes(slot)]

    def status(self) -> tuple[LinkageStatus, ...]:
        """The status of every linkage after the last closed slot."""
        return tuple(status_of(link) for link in self._links)

    def checkpoint(self) -> bytes:
        """Everything that `restore` needs."""
        lines = {
            watch.tracker.params.id: [
                watch.tracker.state(),
                _to_bodies(watch.open),
                watch.unsaid,
                watch.tracker.patterns(),
                watch.tracker.signs(),
                watch.untold,
            ]
            for watch in self._lines
        }
        links = {
            link.params.linkage: [
                link.params.hash,
                link.state(),
                _to_bodies(link.open),
                link.unsaid,
                link.asked.copy(),
            ]
            for link in self._links
        }
        incomer = [self._incomer.state(), _to_bodies(self._incomer.open)] if self._incomer else []
        state: list[Any] = [CHECKPOINT_VERSION, self._next, self._last_row, lines, links]
        state += [self._arrivals.state(), self._retrospect.state(), incomer]
        return pack(state)

    def restore(self, checkpoint: bytes) -> None:
        """Continue from a `checkpoint`.

        Raises:
            CheckpointError: The bytes cannot be used; the detector is empty.
        """
        state = unpack(checkpoint)
        try:
            self._restore(state)
        except Exception as error:
            self._rows.clear()
            self._next, self._open_s, self._last_row = None, TIME_MIN_S, 0
            self._build(0)
            raise CheckpointError(f"not a checkpoint of this detector: {error}") from error

    def _restore(self, state: list[Any]) -> None:
        version, following, last_row, lines, links, pending, retrospect, incomer = state
        if version != CHECKPOINT_VERSION and version not in CHECKPOINTS_BEFORE:
            raise ValueError(f"version {version}")
        self._build(following or 0)
        self._next, self._last_row = following, last_row
        self._open_s = TIME_MIN_S if following is None else following * self._dt
        same = set()
        for link in self._links:
            params_hash, tracked, bodies, *more = links.get(link.params.linkage, (b"", [], {}))
            link.adopt(_from_bodies(bodies), *more)
            if params_hash == link.params.hash and version == CHECKPOINT_VERSION:
                link.restore(tracked)
                same.add(link.params.linkage)
        for watch in self._lines:
            tracked, bodies, *more = lines.get(watch.tracker.params.id, ([], {}))
            watch.adopt(_from_bodies(bodies), *more[:1], *more[3:])
            if tracked and watch.home.params.linkage in same:
                watch.tracker.restore(tracked)
                parts = watch.tracker.repetition.restore, watch.tracker.echo.restore
                for restore, kept in zip(parts, more[1:], strict=False):  # versions before have fewer
                    if kept:
                        restore(kept)
        if len(same) == len(self._links) == len(links):
            self._retrospect.restore(retrospect)
        if self._incomer and incomer:
            self._incomer.adopt(_from_bodies(incomer[1]))
            self._incomer.restore(incomer[0])
        self._arrivals.restore(pending)


def _to_bodies(episodes: dict[int, Episode]) -> dict[int, dict[str, Any]]:
    return {flag: episode.to_body() for flag, episode in episodes.items()}


def _from_bodies(bodies: dict[int, dict[str, Any]]) -> dict[int, Episode]:
    return {flag: Episode.from_body(body) for flag, body in bodies.items()}
