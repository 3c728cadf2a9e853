"""What follows from the root's statements: which key may sign which order for which gateway. Pure.

`Trust` is a set of statements that the root has signed; it only grows. `judge` gives the certificate under
which an order counts, or the reason why it counts under none. The order of the checks is part of the format
(docs/format.md, section 15), so that two verifiers give the same reason.

Not handled here: what else is in force (`agent.orders.book`), and the gateway's clock, which may be unset.
"""

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from attrs import define, field

from evidence import cbor
from evidence.orders.certificate import Certificate, Placement, Role, Withdrawal, open_root_statement
from evidence.orders.newest import SignedNewest
from evidence.orders.order import CANCEL, KINDS, Order, SignedOrder


class Reason(StrEnum):
    """Why a gateway refuses an order: from WITHDRAWN on one that a bureau's key has signed for it."""

    TOO_LARGE = "too large"
    FORM = "form"
    KEY = "key"
    GATEWAY = "gateway"
    WITHDRAWN = "withdrawn"
    VALIDITY = "validity"
    KIND = "kind"
    AREA = "area"
    EXPIRED = "expired"
    STALE = "stale"
    NUMBER = "number"
    AUTHORITY = "authority"
    FULL = "full"


@define(eq=False, repr=False)
class Trust:
    """See the module.

    Attributes:
        root: The public key of the root.
        raws: The statements that count, as they were signed, in the order in which they came.
    """

    root: bytes
    raws: list[bytes] = field(factory=list)
    _certificates: list[Certificate] = field(factory=list, init=False)
    _withdrawn: dict[bytes, Withdrawal] = field(factory=dict, init=False)
    _places: dict[str, Placement] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        raws, self.raws = self.raws, []
        self.add(raws)

    def add(self, raws: Iterable[bytes]) -> list[bytes]:
        """Take statements, and give those that are new; what the root has not signed is passed over."""
        new: list[bytes] = []
        for raw in raws:
            if raw in self.raws:
                continue
            try:
                one = open_root_statement(raw, self.root)
            except cbor.FormatError:
                continue
            match one:
                case Certificate():
                    self._certificates.append(one)
                case Withdrawal():
                    self._withdrawn.setdefault(one.key, one)
                case Placement():
                    known = self._places.get(one.gateway)
                    if known is None or known.utc_ms < one.utc_ms:
                        self._places[one.gateway] = one
            self.raws.append(raw)
            new.append(raw)
        return new

    def extended(self, raws: Iterable[bytes]) -> tuple["Trust", list[bytes]]:
        """This and more statements, and those of them that are new; this one stays as it is."""
        other = Trust(self.root)
        other.raws, other._certificates = [*self.raws], [*self._certificates]
        other._withdrawn, other._places = {**self._withdrawn}, {**self._places}
        return other, other.add(raws)

    @property
    def withdrawn(self) -> Collection[bytes]:
        """The keys that were withdrawn."""
        return self._withdrawn.keys()

    def withdrawal_of(self, key: bytes) -> Withdrawal | None:
        """How a key was withdrawn, None while it was not."""
        return self._withdrawn.get(key)

    def area_of(self, gateway: str) -> str:
        """Where a gateway is; "" where nobody has said so."""
        place = self._places.get(gateway)
        return "" if place is None else place.area

    def certificates(self, role: Role, name: str = "") -> Iterator[Certificate]:
        """Those of a role, of one name or of all, withdrawn ones too."""
        return (one for one in self._certificates if one.role is role and name in {"", one.name})

    def judge(self, signed: SignedOrder, gateway: str) -> Certificate | Reason:
        """The certificate under which an order counts for `gateway`, or why it counts under none."""
        order = signed.order
        named = list(self.certificates(Role.BUREAU, order.issuer))
        keys = dict.fromkeys(one.key for one in named)
        key = next((one for one in keys if signed.holds(one)), None)
        if key is None:
            return Reason.KEY
        if order.gateway != gateway:
            return Reason.GATEWAY
        if key in self._withdrawn:
            return Reason.WITHDRAWN
        in_time = [one for one in named if one.key == key and one.covers(order.issued_utc_ms)]
        if not in_time:
            return Reason.VALIDITY
        for_kind = [one for one in in_time if order.kind in one.kinds and order.kind in KINDS]
        if not for_kind:
            return Reason.KIND
        there = (one for one in for_kind if self.area_of(gateway).startswith(one.area))
        return next(there, Reason.AREA)

    def kinds_of(self, signed: SignedOrder, gateway: str) -> set[str]:
        """All that the key of an order may do at `gateway`, by its certificates of that time."""
        order = signed.order
        bureaus = self.certificates(Role.BUREAU, order.issuer)
        named = [one for one in bureaus if one.covers(order.issued_utc_ms)]
        there = [one for one in named if self.area_of(gateway).startswith(one.area) and signed.holds(one.key)]
        return {kind for one in there for kind in one.kinds}

    def is_receipt_key(self, signed: SignedNewest) -> bool:
        """Whether the root or a key that it certified for that time has signed the newest number."""
        if signed.holds(self.root):
            return True
        at_ms = signed.newest.centre_utc_ms
        valid = (one.key for one in self.certificates(Role.RECEIPT) if one.covers(at_ms))
        return any(key not in self._withdrawn and signed.holds(key) for key in valid)

    def may_cancel(self, certificate: Certificate, issuer: str) -> bool:
        """Whether who has this certificate may cancel an order of `issuer`: itself, or one below it."""
        if CANCEL not in certificate.kinds:
            return False
        if certificate.name == issuer:
            return True
        return any(
            one.area != certificate.area and one.area.startswith(certificate.area)
            for one in self.certificates(Role.BUREAU, issuer)
        )

    def may_end(self, cancel: Order, target: Order) -> bool:
        """Whether the issuer of a cancel may cancel what another issuer has ordered."""
        bureaus = self.certificates(Role.BUREAU, cancel.issuer)
        return any(self.may_cancel(one, target.issuer) for one in bureaus)
