"""A meter as the site file has it."""

from typing import Final

from attrs import field, frozen, validators

from drivers.dlt645.codec import is_address
from drivers.link.verdict import UNIT_ID_MAX
from drivers.points.model import Model
from drivers.reading import REGISTERS_MAX, PollGroup

TIMEOUT_S_MAX: Final = 10.0
"""No meter is waited for longer: later answers are not expected (`drivers.link.ledger.LATE_MAX_S`)."""


@frozen
class MeterSetup:
    """A meter, and how it is read; intervals in seconds between polls of a group.

    A Modbus meter has a unit id (0 and 255 are possible over TCP), a DL/T 645 meter an address of 12 digits
    and no unit id, a data logger of HJ 212 its MN as address.

    Attributes:
        timeout_s: How long to wait for it; None where that is learned.
        pause_s: Silence that it needs before a request; None where that is learned.
        registers_max: Most registers in one read; the model may say fewer.
    """

    id: str
    model: Model
    unit_id: int | None = field(
        default=None, validator=validators.optional((validators.ge(0), validators.le(UNIT_ID_MAX)))
    )
    ct_ratio: float = 1.0
    pt_ratio: float = 1.0
    fast_s: float = 5.0
    slow_s: float = 60.0
    identity_s: float = 300.0
    address: str = field(default="", kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)
    pause_s: float | None = field(default=None, kw_only=True)
    registers_max: int = field(default=REGISTERS_MAX, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.address and not self.model.is_hj212 and not is_address(self.address):
            raise ValueError(f"{self.address!r} is not an address of 12 digits")
        if (self.unit_id is None) == (not self.address):
            raise ValueError("a meter has either a unit_id or an address")

    @property
    def station(self) -> int:
        """Its number on its bus: the unit id, or the address read as hexadecimal, an MN in base 36."""
        if self.unit_id is None:
            return int(self.address, 36 if self.model.is_hj212 else 16)
        return self.unit_id

    @property
    def request_registers_max(self) -> int:
        """Most registers in one read, by the model and the site file."""
        return min(self.registers_max, self.model.request_registers_max)

    @property
    def intervals_s(self) -> dict[PollGroup, float]:
        """The interval of every group that the model has points in."""
        intervals_s = zip(PollGroup, (self.fast_s, self.slow_s, self.identity_s), strict=True)
        return {group: every_s for group, every_s in intervals_s if self.model.group(group)}
