"""What the subscriber publishes of the ledger, retained: orders, the number of the newest, withdrawals. Pure.

`due` compares what should lie at the broker with what was published in this life and gives the difference;
`forget` has everything said again, after a connect. An order that ended is taken away with an empty payload.
The number of the newest is signed by the root or a receipt key; its time is that of the last change, so it
says the same after every restart.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from attrs import define, field

from centre.answers import Answer
from centre.orders.ledger import Ledger
from evidence.delegated import Signer, to_signer
from evidence.orders.newest import Newest, sign_newest
from evidence.orders.order import hash_order
from evidence.seal import NO_HASH
from wire.orders import (
    KEYS,
    WITHDRAWALS_MAX,
    Attested,
    encode_attested,
    encode_keys,
    newest_topic,
    order_topic,
)

TAKEN_AWAY_MS: Final = 30 * 86_400_000
"""So long after its end an order is taken away once more by each life: a broker may have been put back."""


@define
class Desk:
    """See the module; the certificate of `signer`, if it has one, comes with the number of the newest."""

    ledger: Ledger
    signer: Signer = field(converter=to_signer)
    _said: dict[str, bytes] = field(init=False, factory=dict)
    _signed: dict[str, tuple[Newest, bytes]] = field(init=False, factory=dict)

    def due(self, utc_ms: int) -> list[Answer]:
        """What is to be published now."""
        wanted = dict(self._wanted(utc_ms))
        made = [Answer(topic, raw) for topic, raw in wanted.items() if self._said.get(topic) != raw]
        made += [Answer(topic, b"") for topic, raw in self._said.items() if raw and topic not in wanted]
        self._said.update((one.topic, one.payload) for one in made)
        return made

    def forget(self) -> None:
        """Say everything again."""
        self._said.clear()

    def _wanted(self, utc_ms: int) -> Iterator[tuple[str, bytes]]:
        keys = encode_keys(self.ledger.withdrawals()[-WITHDRAWALS_MAX:]) if self.ledger.withdrawals() else b""
        if keys:
            yield KEYS, keys
        for gateway in self.ledger.orders:
            yield from self._of_gateway(gateway, sha256(keys).digest() if keys else NO_HASH, utc_ms)

    def _of_gateway(self, gateway: str, keys_hash: bytes, utc_ms: int) -> Iterator[tuple[str, bytes]]:
        sent, live = self.ledger.orders[gateway], self.ledger.live(gateway, utc_ms)
        for one in live:
            statements = self.ledger.statements_for(one.order.issuer, gateway)
            yield order_topic(gateway, one.order.id), encode_attested(Attested(one.raw, statements))
        for one in self.ledger.latest(gateway).values():
            if one.order.expires_utc_ms < utc_ms < one.order.expires_utc_ms + TAKEN_AWAY_MS:
                yield order_topic(gateway, one.order.id), b""
        changed_ms = [one.order.issued_utc_ms for one in sent]
        changed_ms += [one.order.expires_utc_ms for one in sent if one.order.expires_utc_ms < utc_ms]
        changed_ms += [one.utc_ms for _, one in self.ledger.statements]
        newest = Newest(
            gateway,
            sent[-1].order.seq,
            hash_order(sent[-1].raw),
            tuple(one.order.seq for one in live),
            keys_hash,
            max(changed_ms),
        )
        before, raw = self._signed.get(gateway, (None, b""))
        if before != newest:
            raw = sign_newest(newest, self.signer.secret)
            self._signed[gateway] = newest, raw
        yield newest_topic(gateway), encode_attested(Attested(raw, self.signer.statements))
