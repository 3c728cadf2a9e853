"""How far a change of site files has come, gateway by gateway, and whether the next ones may follow. Pure.

sent       signed, and nothing has come back yet
sealed     the gateway has it and has not judged it
accepted   it could run with the file, and takes it over at its time
kept       the file has proved itself
refused    the gateway did not take it: by the envelope, or because it could not run with it
back       it was taken over, and the file of before came back by itself
cancelled  the bureau took the order back before anything came of it
expired    its time passed before the gateway heard of it, or took it over

A `diagnose` order goes the same way: accepted is being made, kept is done, with its files.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from centre.orders.board import Come, GatewayBoard
from centre.orders.ledger import Ledger, SentOrder
from evidence.orders.entries import REFUSED, Answered
from evidence.orders.order import CONFIG, hash_order


class Stage(StrEnum):
    """See the module."""

    SENT = "sent"
    SEALED = "sealed"
    ACCEPTED = "accepted"
    KEPT = "kept"
    REFUSED = "refused"
    BACK = "back"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


FAILED: Final = (Stage.REFUSED, Stage.BACK)
PENDING: Final = (Stage.SENT, Stage.SEALED, Stage.ACCEPTED)


@frozen
class Progress:
    """How far one order has come at one gateway; `why` is what the gateway says."""

    gateway: str
    order: str
    rev: int
    stage: Stage
    why: str = ""
    seal: int | None = None
    files: tuple[Mapping[str, Any], ...] = ()

    def to_row(self) -> dict[str, Any]:
        """For a script."""
        head = {"gateway": self.gateway, "order": self.order, "rev": self.rev, "stage": self.stage.value}
        return {**head, "why": self.why, "seal": self.seal}


def list_progress(
    ledger: Ledger,
    boards: Mapping[str, GatewayBoard],
    utc_ms: int,
    order: str = "",
    kind: str = CONFIG,
) -> list[Progress]:
    """Of the last revision of `order`, or of all of `kind`, in the order of the ledger; `utc_ms` is now."""
    found = []
    for gateway in ledger.orders:
        for sent in ledger.latest(gateway).values():
            if sent.order.kind == kind and order in {"", sent.order.id}:
                come = boards.get(gateway, GatewayBoard()).come.get(hash_order(sent.raw))
                ended = Stage.CANCELLED if ledger.cancels(sent.order) else None
                if ended is None and utc_ms > sent.order.expires_utc_ms:
                    ended = Stage.EXPIRED
                found.append(_find_progress(sent, come, ended))
    return found


def count_stages(rows: Iterable[Progress]) -> dict[str, int]:
    """How many are at each stage."""
    counts = Counter(row.stage for row in rows)
    return {stage.value: counts[stage] for stage in Stage if counts[stage]}


def pick_wave(gateways: Sequence[str], rows: Sequence[Progress], size: int) -> list[str]:
    """The next of `gateways` that have not been sent it; none while others are still pending."""
    if any(row.stage in PENDING for row in rows):
        return []
    sent = {row.gateway for row in rows}
    return [one for one in gateways if one not in sent][:size]


def _find_progress(sent: SentOrder, come: Come | None, ended: Stage | None) -> Progress:
    """`ended` is why nothing more can come of it, None while something may."""
    order = sent.order
    head = (order.gateway, order.id, order.rev)
    if come is None or come.seal is None:
        return Progress(*head, ended or Stage.SENT)
    if come.state == REFUSED:
        return Progress(*head, Stage.REFUSED, come.reason, come.seal)
    said = [(one["state"], str(one.get("text") or "")) for one in come.answers]
    states = [state for state, _ in said]
    if Answered.DONE in states:
        files = next(one.get("files") or () for one in come.answers if one["state"] == Answered.DONE)
        return Progress(*head, Stage.KEPT, "", come.seal, tuple(files))
    if Answered.OBJECTED in states:
        why = next(text for state, text in said if state == Answered.OBJECTED)
        stage = Stage.BACK if Answered.ACCEPTED in states else Stage.REFUSED
        return Progress(*head, stage, why, come.seal)
    so_far = Stage.ACCEPTED if Answered.ACCEPTED in states else Stage.SEALED
    return Progress(*head, ended or so_far, "", come.seal)
