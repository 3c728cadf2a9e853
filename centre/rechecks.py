"""Verdicts that gateways seal, computed again while they come: one gateway at a time, by another process.

A final verdict about an alert is put down here. When no body of its gateway is awaited, `start` begins a
process that computes from the store what the readings give (`dianjian centre verdicts`), and where the
gateway has sealed something else, that is one finding, told once. The process is nobody's who waits: the
subscriber looks whether it has ended. One that takes too long is cut off, so that the next gateway comes to
its turn; that is a finding too, because who makes it long must not gain by it. Verdicts that came before this
start are for the verb.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from attrs import define, field

from centre.json_lines import JsonLine, make_finding
from centre.store.contract import CentreStore

VERDICT_DIFFERS: Final = "verdict_differs"
VERDICT_UNCHECKED: Final = "verdict_unchecked"
"""The codes of the findings."""
UNCHECKED: Final = (
    "not computed again: that takes longer here than a check may; "
    "`dianjian centre verdicts` on another machine does it"
)
NAMED_MAX: Final = 8
"""Differences in its text; the verb has all."""


class Check(Protocol):
    """A process that computes; `differences` is None while it runs, and empty where it cannot compare."""

    @property
    def is_cut_off(self) -> bool:
        """Whether it took longer than it may, and has ended without an answer."""
        ...

    def differences(self) -> Sequence[str] | None:
        """One text for each figure or verdict that the readings do not give."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


@define
class Rechecks:
    """See the module."""

    start: Callable[[str], Check]
    _waiting: dict[str, int] = field(init=False, factory=dict)
    _running: tuple[str, int, Check] | None = field(init=False, default=None)

    def note_line(self, line: Mapping[str, Any]) -> None:
        """Take a line of the centre: final verdicts are records of two kinds."""
        is_verdict = line.get("type") == "record" and line.get("kind") in {"verdict", "exercise"}
        if is_verdict and line["body"].get("what") == "final":
            self._waiting[line["gateway"]] = line["seal"]

    def look(self, store: CentreStore) -> list[JsonLine]:
        """The finding that is to be told now, if any; begins the next check."""
        found: list[JsonLine] = []
        if self._running is not None:
            gateway, seal, check = self._running
            differences = check.differences()
            if differences is None:
                return []
            self._running = None
            if gateway in store.gateways():  # else another verifier has it now
                found = _tell_cut(store, gateway, seal) if check.is_cut_off else []
                found += _tell(store, gateway, seal, differences)
        for gateway, seal in list(self._waiting.items()):
            if gateway not in store.gateways():  # another verifier has it now
                del self._waiting[gateway]
            elif store.held(gateway).up_to >= store.state(gateway).number:
                with suppress(OSError):  # no descriptor, no room: it goes on waiting
                    self._running = gateway, seal, self.start(gateway)
                    del self._waiting[gateway]
                break
        return found

    def stop(self) -> None:
        """End what runs."""
        if self._running is not None:
            self._running[2].stop()
            self._running = None


def _tell_cut(store: CentreStore, gateway: str, seal: int) -> list[JsonLine]:
    if store.finding_at(gateway, seal, VERDICT_UNCHECKED) is not None:
        return []
    return [make_finding(gateway, seal, VERDICT_UNCHECKED, UNCHECKED)]


def _tell(store: CentreStore, gateway: str, seal: int, differences: Sequence[str]) -> list[JsonLine]:
    if not differences:
        return []
    named = "; ".join(differences[:NAMED_MAX])
    more = f"; and {len(differences) - NAMED_MAX} more" if len(differences) > NAMED_MAX else ""
    if store.finding_at(gateway, seal, VERDICT_DIFFERS) is not None:
        return []
    text = f"sealed otherwise than its readings give: {named}{more}"
    return [make_finding(gateway, seal, VERDICT_DIFFERS, text)]
