"""Which orders were shown to the plant: a letter into the agent's inbox for each, once.

The agent seals `shown` for the revision that it holds, and says so in its status; a letter that came twice
says nothing new. So this process keeps nothing, and a letter that could not be written is written after the
next page.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.inbox import INBOX_NAME, SHOWN, EntryError, drop

LOG: Final = logging.getLogger("dianjian.page")


@define
class Shown:
    """`note` what a page has on it, `tell` when the page was sent."""

    _waiting: set[tuple[str, int]] = field(factory=set, init=False)
    _told: set[tuple[str, int]] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _fails: bool = field(default=False, init=False)

    def note(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take the orders of the page that was drawn last."""
        unseen = {(str(row["order"]), int(row["rev"])) for row in rows if not row.get("shown", True)}
        with self._lock:
            self._told &= unseen
            self._waiting = unseen - self._told

    def tell(self, state: Path, utc_ns: int) -> None:
        """Drop the letters of what was not told yet, for the agent whose state is in `state`."""
        with self._lock:
            for order, rev in sorted(self._waiting):
                try:
                    drop(state, {"what": SHOWN, "order": order, "rev": rev}, utc_ns)
                except (OSError, EntryError) as error:
                    if not self._fails:
                        LOG.warning("%s: cannot say that an order was shown: %s", state / INBOX_NAME, error)
                    self._fails = True
                    return
                self._told.add((order, rev))
                self._fails = False
            self._waiting -= self._told
