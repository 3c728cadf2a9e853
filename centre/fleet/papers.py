"""Certificates of gateways and keys of the centre: who ends when, and whose renewal has failed. Pure.

Of a gateway the office knows its certificates and its requests. A renewal is due at two thirds of the life;
the timer at the gateway tries every day, so LATE_MS later nothing has come of seven tries. Whether a try
failed there or on the way the office cannot see.

A key of the centre (receipt, bureau, officer) is in force until the last of its certificates ends. Of keys
with one name and role only the one that lasts longest is shown: the others have a successor.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from centre.enrolment.ledger import KeptCertificate, KeptRequest, Ledger
from centre.fleet.judging import MS_PER_DAY, Gravity, Reason
from evidence.orders.certificate import Role
from evidence.orders.trust import Trust
from wire.enrolment.certificates import parse_certificate

LATE_MS: Final = 7 * MS_PER_DAY
WAITS_MS: Final = MS_PER_DAY
"""A renewal that an officer has to approve waits for a working day."""
KEY_SOON_MS: Final = 30 * MS_PER_DAY
"""The root lies in a safe, and its holder has to come."""
DENIED: Final = "denied"


@frozen
class Paper:
    """The last certificate of a gateway, and the request for the next one.

    Attributes:
        asked_ms: When a renewal of it was asked for that has not been issued; None without one.
        is_denied: Whether an officer has denied that.
    """

    begins_ms: int
    ends_ms: int
    asked_ms: int | None = None
    is_denied: bool = False

    @property
    def due_ms(self) -> int:
        """When its renewal is due."""
        return self.begins_ms + (self.ends_ms - self.begins_ms) * 2 // 3


@frozen
class KeyEnd:
    """When a key of the centre ends."""

    role: str
    name: str
    ends_ms: int

    def is_soon(self, now_ms: int) -> bool:
        """Whether somebody has to see to it."""
        return self.ends_ms - now_ms < KEY_SOON_MS


def judge_paper(paper: Paper, now_ms: int) -> Iterator[Reason]:
    """What is wrong with a renewal; the end itself is judged with the gateway."""
    if paper.is_denied:
        yield Reason(Gravity.LOOK, "renewal denied", since_ms=paper.asked_ms)
    elif paper.asked_ms is not None and now_ms - paper.asked_ms >= WAITS_MS:
        yield Reason(Gravity.LOOK, "renewal waits", since_ms=paper.asked_ms)
    elif paper.asked_ms is None and now_ms - paper.due_ms >= LATE_MS and paper.ends_ms > now_ms:
        yield Reason(Gravity.LOOK, "renewal late", since_ms=paper.due_ms)


def list_papers(ledger: Ledger) -> dict[str, Paper]:
    """The paper of each gateway that has a certificate which was not revoked; the longest counts."""
    papers: dict[str, Paper] = {}
    holding = [one for one in ledger.certificates.values() if one.revoked_utc_ms is None]
    for gateway, kept in _find_last(holding).items():
        renewal = _find_renewal(ledger.requests.values(), kept)
        asked_ms = None if renewal is None else renewal.at_utc_ms
        one = parse_certificate(kept.der)
        is_denied = renewal is not None and renewal.decision == DENIED
        papers[gateway] = Paper(one.begins_utc_ms, one.ends_utc_ms, asked_ms, is_denied)
    return papers


def list_key_ends(trust: Trust) -> tuple[KeyEnd, ...]:
    """The keys that were not withdrawn, those that end first before the others."""
    ends: dict[tuple[Role, str], int] = {}
    for role in Role:
        for one in trust.certificates(role):
            if one.key not in trust.withdrawn:
                ends[role, one.name] = max(ends.get((role, one.name), 0), one.until_utc_ms)
    found = (KeyEnd(role.name.lower(), name, end_ms) for (role, name), end_ms in ends.items())
    return tuple(sorted(found, key=lambda one: (one.ends_ms, one.role, one.name)))


def _find_last(certificates: Iterable[KeptCertificate]) -> dict[str, KeptCertificate]:
    last: dict[str, KeptCertificate] = {}
    for one in certificates:
        before = last.get(one.gateway)
        if before is None or _end_of(one) >= _end_of(before):
            last[one.gateway] = one
    return last


def _end_of(one: KeptCertificate) -> int:
    return parse_certificate(one.der).ends_utc_ms


def _find_renewal(requests: Iterable[KeptRequest], kept: KeptCertificate) -> KeptRequest | None:
    """The last request to renew this certificate that nothing was issued for."""
    found = [one for one in requests if one.renews == kept.sha256 and not one.certificate]
    return max(found, key=lambda one: one.at_utc_ms, default=None)
