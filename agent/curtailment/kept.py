"""What the bench of alerts keeps over a restart: checkpoints, and the chain behind them.

    checkpoint "curtail.at"      number of the last seal that is in the others, 8 bytes, big endian
    checkpoint "curtail"         CBOR [version, dating, bench, {line: what changed since the next}]
    checkpoint "curtail.<line>"  CBOR of a line's ledger whole: 400 days, 31 days of hours

The first two are written every CHECKPOINT_S, all with the same commit; a line's own every SETTLE_HOURS, and
when something older than that has changed: it is as long as the rest together, and little of it moves. An
unusable one begins anew and says so: what it knew of earlier days is lost, and lines cannot be judged for a
while.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from agent.store.gateway import GatewayStore
from evidence import cbor
from evidence.curtailment.ledger import Ledger, LineLedger
from evidence.response.bench import Bench, Made
from evidence.response.dating import Dating

LOG: Final = logging.getLogger("dianjian.curtailment")

PLACE: Final = "curtail.at"
STATE: Final = "curtail"
SETTLE_HOURS: Final = 6
"""A line's own has 6 kB deflated, the other 0.4 kB and 6 bytes a line and hour: with twenty lines both
together write 0.7 MB a day."""
STATE_BYTES_MAX: Final = 1 << 20
"""Of a checkpoint, as the store has it."""
NUMBER_BYTES: Final = 8
_VERSION: Final = 1


@define(eq=False, repr=False)
class Kept:
    """See the module.

    Attributes:
        saved_up_to: The last seal that is in the checkpoints; None before the first.
    """

    store: GatewayStore
    bench: Bench
    dating: Dating
    saved_up_to: int | None = field(default=None, init=False)
    _settled: dict[str, int] = field(factory=dict, init=False)
    """By line the hour from which on its own checkpoint may lack something."""

    def save(self, tip: int, at_s: float) -> list[Made]:
        """Keep everything up to seal `tip` with the next commit; makes no record."""
        changed = {line: self._save_line(line, book, at_s) for line, book in self.bench.books.items()}
        state = [_VERSION, self.dating.state(), self.bench.state(), changed]
        self.store.put_checkpoint(STATE, cbor.encode(state))
        self.store.put_checkpoint(PLACE, tip.to_bytes(NUMBER_BYTES, "big"))
        self.saved_up_to = tip
        return []

    def _save_line(self, line: str, book: LineLedger, at_s: float) -> dict[str, Any]:
        ledger, hour = book.ledger, book.ledger.hour_of(at_s)
        since = self._settled.get(line)
        is_older = since is not None and ledger.touched is not None and ledger.touched < since
        if since is None or is_older or hour - since > SETTLE_HOURS:
            self.store.put_checkpoint(f"{STATE}.{line}", cbor.encode(ledger.state()))
            self._settled[line] = since = hour - 1
            ledger.touched = None
        return book.state(since)

    def restore(self) -> int:
        """Bring the bench to what was kept; the seal up to which it is right, 0 for none."""
        raw, place = self.store.checkpoint(STATE), self.store.checkpoint(PLACE)
        if raw is None or place is None:
            return 0
        try:
            dating, bench, changed = open_state(raw)
            self._restore_books(changed)
            self.dating.restore(dating)
            self.bench.restore(bench)
        except (cbor.FormatError, LookupError, TypeError, ValueError, AttributeError) as error:
            LOG.warning("what was known of days and alerts is lost: %s", error)
            return 0
        self.saved_up_to = int.from_bytes(place, "big")
        return self.saved_up_to

    def _restore_books(self, changed: Mapping[str, Mapping[str, Any]]) -> None:
        for line, book in self.bench.books.items():
            raw = self.store.checkpoint(f"{STATE}.{line}")
            if raw is None or line not in changed:
                continue  # a line that is new
            restore_ledger(book.ledger, raw)
            book.restore(changed[line])


def open_state(raw: bytes) -> tuple[list[Any], list[Any], Mapping[str, Mapping[str, Any]]]:
    """Dating, bench and what changed of each line in the checkpoint `curtail`; raises FormatError."""
    version, dating, bench, changed = cbor.array(cbor.decode(raw, STATE_BYTES_MAX), "state", 4)
    cbor.natural(version, "version", _VERSION, _VERSION)
    return dating, bench, changed


def restore_ledger(ledger: Ledger, raw: bytes) -> None:
    """Continue from a line's own checkpoint; raises FormatError, LookupError, TypeError or ValueError."""
    ledger.restore(cbor.decode(raw, STATE_BYTES_MAX))
