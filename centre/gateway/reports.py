"""Findings that were told in this life, so that each is told once: for each gateway, code and number. Pure.

Each gateway has its own memory, so a sender of many findings makes only its own old ones come again. It
spares the look into the store, which has them for ever (`centre.batch.findings`).
"""

from typing import Final

from attrs import define, field

REPORTED_MAX: Final = 1_000
"""Findings of one gateway remembered; the oldest are forgotten, and told again if they recur."""
STRANGERS: Final = ""
"""All gateways that are not enrolled share one memory."""


@define
class Reports:
    """See the module."""

    _told: dict[str, dict[tuple[str, ...], None]] = field(factory=dict)

    def is_new(self, gateway: str, *key: object) -> bool:
        """Whether this was not told yet; from now on it was."""
        told = self._told.setdefault(gateway, {})
        name = tuple(map(str, key))
        if name in told:
            return False
        told[name] = None
        if len(told) > REPORTED_MAX:
            del told[next(iter(told))]
        return True
