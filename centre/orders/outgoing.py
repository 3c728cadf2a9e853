"""The ledger of orders beside the running subscriber: read again when it has grown, published by `Desk`.

While a line is wrong, the lines above it stay in force, and the trouble is told once. So is that the receipt
key of this verifier comes to its end: gateways take nothing that it signs afterwards.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from attrs import define, field

from centre.answers import Answer
from centre.json_lines import JsonLine
from centre.orders.board import read_boards
from centre.orders.desk import Desk
from centre.orders.ledger import Ledger, LedgerError
from centre.orders.unsealed import ORDER_MISSING, Unsealed
from centre.store.contract import CentreStore
from evidence.delegated import Signer, to_signer
from evidence.moments import iso_utc
from evidence.orders.certificate import Certificate, open_root_statement

ENDS_SOON_MS: Final = 30 * 86_400_000
"""A month, in which somebody brings the root to the verifier."""
LOOK_MS: Final = 60_000
"""Between two looks for orders that ended."""


@define
class OrdersOut:
    """See the module; `signer` as in `Desk`."""

    path: Path
    signer: Signer = field(converter=to_signer)
    desk: Desk = field(init=False)
    unsealed: Unsealed = field(init=False, factory=Unsealed)
    _size: int = field(init=False, default=-1)
    _looked_ms: int = field(init=False, default=0)
    _trouble: str = field(init=False, default="")
    _key_trouble: str = field(init=False, default="")
    _news: list[str] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.desk = Desk(Ledger(self.path), self.signer)

    def due(self, utc_ms: int) -> list[Answer]:
        """What is to be published now."""
        if not self._has_grown() and abs(utc_ms - self._looked_ms) < LOOK_MS:
            return []
        self._looked_ms = utc_ms
        self._look_at_key(utc_ms)
        return self.desk.due(utc_ms)

    def forget(self) -> None:
        """Say everything again."""
        self.desk.forget()
        self._looked_ms = 0

    def resume(self, store: CentreStore, gateways: Iterable[str]) -> None:
        """Take in what these had sealed before this start."""
        for board in read_boards(store.journal(), gateways).values():
            for digest in board.come:
                self.unsealed.note_sealed(digest)

    def judge(self, store: CentreStore, utc_ms: int) -> list[JsonLine]:
        """Findings about orders that gateways have not sealed."""
        found: list[JsonLine] = []
        for gateway in self.desk.ledger.orders.keys() & set(store.gateways()):
            last, number = store.last_finding(gateway, ORDER_MISSING), store.state(gateway).number
            line = self.unsealed.judge(
                gateway,
                self.desk.ledger.live(gateway, utc_ms),
                utc_ms,
                "" if last is None else str(json.loads(last.line)["text"]),
                number,
                is_whole=store.held(gateway).up_to >= number,
            )
            found += [] if line is None else [line]
        return found

    def take_news(self) -> list[str]:
        """What is wrong with the ledger since the last call."""
        news, self._news = self._news, []
        return news

    def _look_at_key(self, utc_ms: int) -> None:
        """Tell once that the receipt key is withdrawn, has ended or ends soon; the root's never does."""
        if not self.signer.certificate:
            return
        one = open_root_statement(self.signer.certificate, self.signer.root)
        assert isinstance(one, Certificate)
        end = iso_utc(one.until_utc_ms)
        trouble = ""
        if self.desk.ledger.trust.withdrawal_of(one.key) is not None:
            trouble = "the receipt key is withdrawn: gateways take no receipt of it"
        elif one.until_utc_ms < utc_ms:
            trouble = f"the certificate of the receipt key ended at {end}: gateways take no receipt of it"
        elif one.until_utc_ms < utc_ms + ENDS_SOON_MS:
            trouble = f"the certificate of the receipt key ends at {end}: certify it again, and start anew"
        if trouble not in {"", self._key_trouble}:
            self._news.append(trouble)
        self._key_trouble = trouble

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
