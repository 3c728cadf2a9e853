"""Turns the alarms of a line into episodes; see `findings` for those of a linkage."""

from typing import Any, Final

from attrs import define, field

from agent.detect import line as line_alarms
from agent.detect.causes import find_line_cause, find_loss_cause, has_voltage_elsewhere, refine_by_incomer
from agent.detect.channels import Cause
from agent.detect.episode import Episode, Rule
from agent.detect.findings import LinkageWatch, clear
from agent.detect.line import LineTracker

LOST_OF_RATED: Final = 0.1
"""A CT that went off under load hides at least this share of the nameplate."""
LINE_RULES: Final = {
    line_alarms.DATA_LOSS: Rule.DATA_LOSS,
    line_alarms.STUCK: Rule.STUCK,
    line_alarms.FLAT: Rule.FLAT,
    line_alarms.DUMMY: Rule.DUMMY,
    line_alarms.CT: Rule.CT_PROD,
    line_alarms.SUPPLY: Rule.DATA_LOSS,
}


@define
class LineWatch:
    """A line with its open episodes; they name the first linkage that it belongs to (`home`)."""

    tracker: LineTracker
    home: LinkageWatch
    reported: int = 0
    open: dict[int, Episode] = field(factory=dict)

    def adopt(self, episodes: dict[int, Episode]) -> None:
        """Keep episodes that were open before a restart that lost all other state."""
        self.open = episodes
        for flag, episode in episodes.items():
            self.tracker.adopt(flag, episode.begin_at_s // self.home.params.dt_s)
        self.reported = self.tracker.flags

    def collect_changes(self, slot: int) -> list[Episode]:
        """Episodes that the last step raised or cleared."""
        flags, dt = self.tracker.flags, self.home.params.dt_s
        found: list[Episode] = []
        for flag in line_alarms.FLAGS:
            if flags & flag and flag not in self.open:
                begin = self.tracker.since[flag] * dt
                numbers = self.home.collect_evidence(slot) | self._describe(flag, begin, slot)
                line = (self.tracker.params.id,)
                self.open[flag] = self.home.build_episode(LINE_RULES[flag], line, begin, slot, numbers)
                found.append(self.open[flag])
            elif flag in self.open and not flags & flag:
                found.append(clear(self.open.pop(flag), slot * dt))
        self.reported = flags
        return found

    def _describe(self, flag: int, begin: int, slot: int) -> dict[str, Any]:
        tracker, params, dt = self.tracker, self.tracker.params, self.home.params.dt_s
        cause = Cause.UNKNOWN
        more: dict[str, Any] = {}
        lines = self.home.production + self.home.treatment
        if flag == line_alarms.DATA_LOSS:
            cause = find_loss_cause(tracker, lines, slot, dt)
        elif flag == line_alarms.SUPPLY:
            cause = Cause.SUPPLY
            more["voltage_elsewhere"] = has_voltage_elsewhere(tracker, lines, slot, dt)
        elif flag == line_alarms.CT:
            lost_w = max(params.ct_floor_w, LOST_OF_RATED * params.rated_w)
            cause = refine_by_incomer(
                find_line_cause(tracker, slot, dt), lost_w, self.home.measure_rise_w(begin)
            )
        on = tracker.raw >= params.threshold.lo_w
        return {
            "value_w": max(tracker.raw, 0),
            "cause": cause.value,
            "age_s": (slot + 1) * dt - begin,
            "rejected": tracker.rejected,
            "stuck_limit_s": params.stuck_on_s if on else params.stuck_off_s,
            "noise": round(tracker.ewma, 7),
            "noise_floor": params.noise_floor,
            "ct_floor_w": params.ct_floor_w,
            "pf": tracker.channels.to_body().get("pf"),
            "pf_on": params.pf_on,
            "pf_heater": params.pf_heater,
            **more,
        }
