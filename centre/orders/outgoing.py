"""The ledger of orders beside the running subscriber: read again when it has grown, published by `Desk`.

While a line is wrong, the lines above it stay in force, and the trouble is told once.
"""

from pathlib import Path
from typing import Final

from attrs import define, field

from centre.answers import Answer
from centre.orders.desk import Desk
from centre.orders.ledger import Ledger, LedgerError

LOOK_MS: Final = 60_000
"""Between two looks for orders that ended."""


@define
class OrdersOut:
    """See the module; `secret` is the centre's key."""

    path: Path
    secret: bytes = field(repr=False)
    desk: Desk = field(init=False)
    _size: int = field(init=False, default=-1)
    _looked_ms: int = field(init=False, default=0)
    _trouble: str = field(init=False, default="")
    _news: list[str] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.desk = Desk(Ledger(self.path), self.secret)

    def due(self, utc_ms: int) -> list[Answer]:
        """What is to be published now."""
        if not self._has_grown() and abs(utc_ms - self._looked_ms) < LOOK_MS:
            return []
        self._looked_ms = utc_ms
        return self.desk.due(utc_ms)

    def forget(self) -> None:
        """Say everything again."""
        self.desk.forget()
        self._looked_ms = 0

    def take_news(self) -> list[str]:
        """What is wrong with the ledger since the last call."""
        news, self._news = self._news, []
        return news

    def _has_grown(self) -> bool:
        try:
            size = self.path.stat().st_size
            if size == self._size:
                return False
            self._size = size
            self.desk.ledger.read_more()
            self._trouble = ""
        except (OSError, LedgerError) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._news.append(str(error))
        return True
