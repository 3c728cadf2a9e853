"""A store that several verifiers share, each of them the only writer of its own gateways.

`turn_over` keeps the lease of this verifier alive and says which gateways it has gained and lost since.
`gateways` of the contract are then its own ones alone: of others it reads and writes nothing. A commit for a
gateway that has gone to another verifier meanwhile raises OvertakenError and changes nothing, whatever this
process still believes; then `give_up`, and the next `turn_over` begins with nothing.
"""

from abc import abstractmethod
from typing import Final

from attrs import frozen

from centre.store.contract import CentreStore
from disk.database import StoreError

LEASE_S: Final = 10.0
"""A verifier that is not heard of for so long has lost its gateways; with RENEW_S and a seal each 10 s
the other one answers them within 30 s."""
RENEW_S: Final = 2.0
"""Between two renewals: four may fail."""


class OvertakenError(StoreError):
    """Another process has, or had meanwhile, what this one was going to write; nothing was changed."""


@frozen
class Turnover:
    """What has changed hands.

    Attributes:
        gained: The slices.
        lost: The gateways.
        leads: Whether this verifier sends the beacon.
    """

    gained: frozenset[int]
    lost: tuple[str, ...]
    leads: bool


class SharedStore(CentreStore):
    """See the module."""

    @abstractmethod
    def turn_over(self) -> Turnover:
        """Renew the lease, take and give up slices.

        Raises:
            OvertakenError: The lease had ended; `give_up`.
            CommitError: The result is unknown; `give_up`.
        """

    @abstractmethod
    def prolong(self) -> None:
        """Renew the lease alone, in the midst of long work; raises OvertakenError if it has ended."""

    @abstractmethod
    def give_up(self) -> tuple[str, ...]:
        """Have nothing any more; the gateways that this verifier had."""

    @abstractmethod
    def owns(self, gateway: str) -> bool:
        """Whether a gateway, enrolled or not, is in one of its slices."""
