"""The orders of one seed: what a bureau asks of the gateway meanwhile, and what must stand in its chain.

An order that the centre has sent is sealed once and answered once, whatever was killed or cut, and at the end
none is missing. Only a disk that lost commits, or a database that was salvaged, may have it sealed again.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from evidence.orders.entries import HELD, What
from evidence.orders.newest import Newest, sign_newest
from evidence.orders.order import hash_order
from evidence.record import Kind, Record
from evidence.seal import NO_HASH
from tests.evidence.orders import made
from wire import orders as wire

CERTIFICATE: Final = made.certificate(made.CITY_NAME, made.CITY, from_utc_ms=0, until_utc_ms=1 << 45)
EXPIRES_MS: Final = 1 << 44
"""Beyond all stories."""


@frozen
class Planned:
    """A message of the centre, on the story's clock."""

    at_s: float
    topic: str
    payload: bytes
    digest: bytes = b""


def draw_orders(rng: random.Random, gateway: str, length_s: float) -> list[Planned]:
    """A supervision, its revision, an alert, a cancel; after each the number of the newest."""
    head = {
        "gateway": gateway, "issued_utc_ms": 0, "effective_utc_ms": 0, "expires_utc_ms": EXPIRES_MS,
    }  # fmt: skip
    kinds = [("s1", 1, "supervise"), ("a1", 1, "alert"), ("s1", 2, "supervise"), ("c1", 1, "cancel")]
    times = sorted(rng.uniform(30.0, length_s) for _ in kinds)
    planned: list[Planned] = []
    live: dict[str, int] = {}
    for seq, (at_s, (id_, rev, kind)) in enumerate(zip(times, kinds, strict=True), start=1):
        body = {"order": "a1"} if kind == "cancel" else {"list": "L1", "n": seq}
        raw = made.signed(**head, id=id_, rev=rev, seq=seq, kind=kind, body=body)
        topic = wire.order_topic(gateway, id_)
        payload = wire.encode_attested(wire.Attested(raw, (CERTIFICATE,)))
        planned.append(Planned(at_s, topic, payload, hash_order(raw)))
        live[id_] = seq
        newest = Newest(gateway, seq, hash_order(raw), tuple(sorted(live.values())), NO_HASH, seq)
        signed = wire.encode_attested(wire.Attested(sign_newest(newest, made.ROOT), ()))
        planned.append(Planned(at_s, wire.newest_topic(gateway), signed))
    return planned


def judge(
    planned: Iterable[Planned], records: Iterable[Record], *, remembers: bool, is_whole: bool
) -> Iterator[str]:
    """What does not hold, a line each."""
    held: Counter[bytes] = Counter()
    answered: Counter[tuple[str, int]] = Counter()
    missing: list[int] = []
    for one in records:
        if one.kind is Kind.ANSWER:
            answered[one.body["order"], one.body["rev"]] += 1
        elif one.kind is Kind.ORDER and one.body["what"] == What.MISSING.value:
            missing = one.body["missing"]
        elif one.kind is Kind.ORDER and one.body.get("state") == HELD:
            held[one.body["hash"]] += 1
    if remembers:
        yield from (f"order {digest.hex()[:8]} is sealed {n} times" for digest, n in held.items() if n > 1)
        yield from (f"order {name} is answered {n} times" for name, n in answered.items() if n > 1)
    if not is_whole:
        return
    # A later revision at the broker takes the place of one that had not come.
    last = {one.topic: one.digest for one in planned if one.digest}
    yield from (f"the order on {topic} is in no seal" for topic, one in last.items() if not held[one])
    if sum(answered.values()) < len(held):
        yield f"{len(held)} orders are sealed, {sum(answered.values())} are answered"
    if missing:
        yield f"orders {missing} are told as missing and came"
