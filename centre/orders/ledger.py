"""The ledger of orders: everything that the root and the bureaus have signed for gateways.

One JSON object a line, append-only:

    {"root": public key}          the first line: what gateways have as centre_key
    {"statement": raw}            a certificate, withdrawal or placement (`evidence.orders.certificate`)
    {"order": raw}                an order

Byte strings are hexadecimal. A line counts if its signature holds: a statement under the root, an order under
a certificate that stands above it; the numbers (seq) of a gateway's orders ascend. A last line that a crash
has torn is ignored: its writer had not returned. The running subscriber reads new lines by itself.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from disk.lines import append_line
from evidence import cbor
from evidence.orders.certificate import (
    Certificate,
    Placement,
    Role,
    RootStatement,
    Withdrawal,
    open_root_statement,
)
from evidence.orders.newest import LIVE_MAX
from evidence.orders.order import Order, parse_order
from evidence.orders.trust import Reason, Trust
from evidence.seal import HASH_BYTES
from wire.orders import STATEMENTS_MAX

LINE_BYTES_MAX: Final = 64 * 1024
"""An order of 16 kB in hexadecimal, and room."""
FILE_MODE: Final = 0o644


class LedgerError(ValueError):
    """The ledger is wrong, or does not take what is to be added; the message names the line or the reason."""


@frozen
class SentOrder:
    """An order of the ledger; `raw` as it was signed."""

    order: Order
    raw: bytes


@define
class Ledger:
    """The ledger in a file, as far as it was read.

    Attributes:
        root: The root's public key.
        trust: What the root has signed.
        statements: Each with its bytes, in the order of the lines.
        orders: Of each gateway, in the order of their numbers.
    """

    path: Path
    root: bytes = b""
    trust: Trust = field(init=False, factory=lambda: Trust(b""))
    statements: list[tuple[bytes, RootStatement]] = field(init=False, factory=list)
    orders: dict[str, list[SentOrder]] = field(init=False, factory=dict)
    _read_bytes: int = field(init=False, default=0)
    _lines: int = field(init=False, default=0)

    def read_more(self) -> bool:
        """Read what was added since the last call; whether there was anything.

        Raises:
            LedgerError: A line is wrong; the lines above it were taken.
            OSError: It cannot be read.
        """
        with self.path.open("rb") as stream:
            stream.seek(self._read_bytes)
            raw = stream.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        for line in whole.splitlines(keepends=True):
            self._lines += 1
            try:
                self._take(line)
            except (ValueError, TypeError, LookupError) as error:
                raise LedgerError(f"{self.path}: line {self._lines}: {error}") from None
            finally:
                self._read_bytes += len(line)
        return bool(whole)

    def next_seq(self, gateway: str) -> int:
        """The number of the next order of a gateway."""
        sent = self.orders.get(gateway, [])
        return sent[-1].order.seq + 1 if sent else 1

    def latest(self, gateway: str) -> dict[str, SentOrder]:
        """The last revision of each order of a gateway, by id."""
        return {one.order.id: one for one in self.orders.get(gateway, [])}

    def live(self, gateway: str, utc_ms: int) -> list[SentOrder]:
        """Those that neither ended nor were replaced, in the order of their numbers."""
        latest = self.latest(gateway).values()
        return sorted(
            (one for one in latest if one.order.expires_utc_ms >= utc_ms), key=lambda one: one.order.seq
        )

    def cancels(self, order: Order) -> list[Order]:
        """The later orders of the same gateway that end this one."""
        latest = [one.order for one in self.latest(order.gateway).values()]
        return [one for one in latest if one.cancels == order.id and one.seq > order.seq]

    def withdrawals(self) -> list[bytes]:
        """The withdrawals, in the order of the lines."""
        return [raw for raw, one in self.statements if isinstance(one, Withdrawal)]

    def statements_for(self, issuer: str, gateway: str) -> tuple[bytes, ...]:
        """What a gateway needs to believe an order of `issuer`: its last certificates, and the placement."""
        placed = [
            raw for raw, one in self.statements if isinstance(one, Placement) and one.gateway == gateway
        ]
        named = [raw for raw, one in self.statements if isinstance(one, Certificate) and one.name == issuer]
        last = placed[-1:]
        return (*named[-(STATEMENTS_MAX - len(last)) :], *last)

    def receipt_certificate(self, key: bytes, utc_ms: int) -> bytes | None:
        """The certificate of a receipt key that is in force the longest; None where none is."""
        mine = [
            (one.until_utc_ms, raw)
            for raw, one in self.statements
            if isinstance(one, Certificate) and one.role is Role.RECEIPT and one.key == key
            if one.covers(utc_ms)
        ]
        return max(mine)[1] if mine and self.trust.withdrawal_of(key) is None else None

    def check_order(self, raw: bytes, utc_ms: int | None) -> Order:
        """The order in `raw`, if it may be the next of its gateway.

        Args:
            raw: As signed.
            utc_ms: Now, to refuse one that has ended or that finds no room; None for an old line.

        Raises:
            LedgerError: No gateway would take it.
            FormatError: It is no order.
        """
        signed = parse_order(raw)
        order = signed.order
        found = self.trust.judge(signed, order.gateway)
        if isinstance(found, Certificate) and not self._has_authority(order, found):
            found = Reason.AUTHORITY
        if isinstance(found, Reason) and (utc_ms is not None or found is Reason.KEY):
            raise LedgerError(f"order {order.id}: a gateway would refuse it: {found.value}")
        if order.seq != self.next_seq(order.gateway):
            raise LedgerError(f"order {order.id}: number {order.seq} is not the next of {order.gateway}")
        before = self.latest(order.gateway).get(order.id)
        if before is not None and (before.order.issuer != order.issuer or before.order.rev >= order.rev):
            raise LedgerError(
                f"order {order.id}: revision {before.order.rev} by {before.order.issuer} is there"
            )
        if utc_ms is not None and order.expires_utc_ms <= utc_ms:
            raise LedgerError(f"order {order.id}: it has ended already")
        if utc_ms is not None and before is None and len(self.live(order.gateway, utc_ms)) >= LIVE_MAX:
            raise LedgerError(
                f"{order.gateway} has {LIVE_MAX} orders that have not ended, and room for no more"
            )
        return order

    def _has_authority(self, order: Order, certificate: Certificate) -> bool:
        """Whether who signs may end the order that it cancels, and revise what nobody around it has ended."""
        latest = self.latest(order.gateway)
        target, before = latest.get(order.cancels), latest.get(order.id)
        if target is not None and not self.trust.may_cancel(certificate, target.order.issuer):
            return False
        ends = [] if before is None else self.cancels(before.order)
        return all(one.issuer == order.issuer for one in ends)

    def _take(self, line: bytes) -> None:
        if len(line) > LINE_BYTES_MAX:
            raise ValueError(f"has more than {LINE_BYTES_MAX} bytes")
        entry: Any = json.loads(line)
        if not self.root:
            self.root = cbor.octets(bytes.fromhex(entry["root"]), "root", HASH_BYTES)
            self.trust = Trust(self.root)
        elif "statement" in entry:
            raw = bytes.fromhex(entry["statement"])
            self.statements.append((raw, open_root_statement(raw, self.root)))
            self.trust.add([raw])
        else:
            raw = bytes.fromhex(entry["order"])
            order = self.check_order(raw, None)
            self.orders.setdefault(order.gateway, []).append(SentOrder(order, raw))


def open_ledger(path: Path) -> Ledger:
    """The whole ledger; raises LedgerError, also if there is none yet."""
    ledger = Ledger(path)
    try:
        ledger.read_more()
    except FileNotFoundError:
        raise LedgerError(f"{path}: no ledger is there; `dianjian centre keys root` begins one") from None
    if not ledger.root:
        raise LedgerError(f"{path}: is empty; `dianjian centre keys root` begins a ledger")
    return ledger


def root_line(root: bytes) -> str:
    """The first line."""
    return json.dumps({"root": root.hex()}) + "\n"


def statement_line(raw: bytes) -> str:
    """The line that keeps a statement of the root."""
    return json.dumps({"statement": raw.hex()}) + "\n"


def order_line(raw: bytes) -> str:
    """The line that keeps an order."""
    return json.dumps({"order": raw.hex()}) + "\n"


def add_line(path: Path, line: str) -> None:
    """Add a line; it is on the disk when this returns."""
    append_line(path, line, FILE_MODE)


def certificates_of(ledger: Ledger) -> Iterator[tuple[Certificate, Withdrawal | None]]:
    """Each certificate, and how its key was withdrawn."""
    for _, one in ledger.statements:
        if isinstance(one, Certificate):
            yield one, ledger.trust.withdrawal_of(one.key)
