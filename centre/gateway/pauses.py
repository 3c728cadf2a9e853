"""Where a gateway sealed nothing for longer than its site file promises, within one boot. Pure.

An agent seals at least each heartbeat; one that was stopped, or paused from outside (SIGSTOP), does not. The
gap is judged when every body before it is held, because only then the site file of that time is known: a
backlog is judged when it is complete, and no honest gateway for a promise that has not come yet.
"""

from collections.abc import Callable
from typing import Final

from attrs import define, frozen

from evidence.seal import peek_header

SLACK_MS: Final = 30_000
"""A seal may come so much later than promised: a slow disk, a stop and a start."""
HEARTBEAT_S: Final = 60.0
INTERVAL_S: Final = 10.0
"""As in a site file that does not say."""
SEALS_MAX: Final = 200
"""Seals judged after one batch: as many as it brings."""

Config = Callable[[str, int], object]
"""A value of the site file at a seal."""


@frozen
class Pause:
    """No seal for `gap_ms` before `seal`."""

    seal: int
    gap_ms: int

    @property
    def text(self) -> str:
        """One line."""
        seconds = f"{self.gap_ms / 1000:.0f} s"
        return (
            f"no seal for {seconds} before seal {self.seal}, within one boot: the agent was stopped or paused"
        )


@define
class Pauses:
    """Goes along one chain; `at` is the last seal that was judged, and its time begins anew behind it."""

    at: int
    _boot: tuple[bytes, int] | None = None  # of seal `at`: boot id, time since boot

    def judge(self, up_to: int, cose_of: Callable[[int], bytes | None], config: Config) -> list[Pause]:
        """The pauses before seals up to `up_to`, at most SEALS_MAX seals a call."""
        found: list[Pause] = []
        for number in range(self.at + 1, min(up_to, self.at + SEALS_MAX) + 1):
            cose = cose_of(number)
            self.at = number
            if cose is None:
                self._boot = None
                continue
            header = peek_header(cose)  # verified when it was accepted
            if self._boot is not None and self._boot[0] == header.boot_id:
                gap_ms = header.boottime_ms - self._boot[1]
                if gap_ms > promised_ms(config, number):
                    found.append(Pause(number, gap_ms))
            self._boot = header.boot_id, header.boottime_ms
        return found


def promised_ms(config: Config, seal: int) -> float:
    """The longest time between two seals that the site file at `seal` promises."""
    named = (("seal.heartbeat_s", HEARTBEAT_S), ("seal.interval_s", INTERVAL_S))
    found = [(config(name, seal), usual) for name, usual in named]
    seconds = [value if isinstance(value, float) and value > 0 else usual for value, usual in found]
    return sum(seconds) * 1000 + SLACK_MS
