"""The result of one read of one meter.

A `Reading` keeps the words exactly as the meter sent them, with the moment and the model that decodes
them. Values are decoded from it, here and at the centre, by the same
`drivers.points.model.Model.decode`; they are never stored in place of the words.

`quality` is good only when every block was answered by a reply that passed every check of
`drivers.modbus.bus`. A bad reading has its reason and no blocks: an old value never gets a new time.
"""

from enum import StrEnum
from typing import Final

from attrs import field, frozen

from drivers.clock import Stamp

REGISTERS_MAX: Final = 125
"""Most registers one answer can carry (Modbus Application Protocol V1.1b3, section 6.3)."""


class Quality(StrEnum):
    """How far a reading can be trusted."""

    GOOD = "good"
    STALE = "stale"
    BAD = "bad"


class PollGroup(StrEnum):
    """How often a point is read: power and current, everything that moves slowly, or the meter's identity."""

    FAST = "fast"
    SLOW = "slow"
    IDENTITY = "identity"


class Quantity(StrEnum):
    """What a point measures. The unit belongs to the quantity: see UNITS."""

    VOLTAGE = "voltage"
    CURRENT = "current"
    ACTIVE_POWER = "active_power"
    REACTIVE_POWER = "reactive_power"
    APPARENT_POWER = "apparent_power"
    POWER_FACTOR = "power_factor"
    FREQUENCY = "frequency"
    ACTIVE_ENERGY_IMPORT = "active_energy_import"
    ACTIVE_ENERGY_EXPORT = "active_energy_export"
    SERIAL_NUMBER = "serial_number"
    FIRMWARE = "firmware"
    IDENTITY = "identity"
    CT_RATIO = "ct_ratio"
    PT_RATIO = "pt_ratio"
    SCALE = "scale"
    SO2 = "so2"
    NOX = "nox"
    PM = "pm"
    O2 = "o2"
    FLUE_GAS_FLOW = "flue_gas_flow"
    TEMPERATURE = "temperature"
    COD = "cod"
    NH3_N = "nh3_n"
    PH = "ph"
    FLOW = "flow"
    MARK = "mark"
    """What an analyser's value is worth, in its own letter (HJ 212: N, F, M, S, D, C, T, B)."""
    DATA_TIME = "data_time"
    """When its logger says that it was measured, in the logger's local time."""


_EMISSION_UNITS: Final = {
    **dict.fromkeys((Quantity.SO2, Quantity.NOX, Quantity.PM), "mg/m3"),
    Quantity.O2: "%",
    **dict.fromkeys((Quantity.FLUE_GAS_FLOW, Quantity.FLOW), "m3/h"),
    Quantity.TEMPERATURE: "degC",
    **dict.fromkeys((Quantity.COD, Quantity.NH3_N), "mg/L"),
}
"""The units of the emission standards (HJ 75, HJ 212); a pH has none."""
UNITS: Final = {
    Quantity.VOLTAGE: "V",
    Quantity.CURRENT: "A",
    Quantity.ACTIVE_POWER: "W",
    Quantity.REACTIVE_POWER: "var",
    Quantity.APPARENT_POWER: "VA",
    Quantity.FREQUENCY: "Hz",
    **dict.fromkeys((Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT), "Wh"),
    **_EMISSION_UNITS,
}
EMISSIONS: Final = frozenset({*_EMISSION_UNITS, Quantity.PH})
"""What an analyser measures, and no electricity meter."""


@frozen
class Block:
    """The answer to one read.

    Attributes:
        function: 3 (holding registers), 4 (input registers), 17 (read data, DL/T 645), or 212 (HJ 212).
        address: Zero-based PDU address of the first register, or the data id, or the packet's CN.
        words: The registers as on the wire, 2 bytes each, high byte first; or the bytes behind the
            data id, as on the wire but for the 33H that was added to each; or a whole packet of HJ 212.
    """

    function: int
    address: int
    words: bytes


@frozen
class Reading:
    """One read of one meter.

    Attributes:
        meter: The meter's id in the site file.
        group: Which points were read.
        stamp: The moment of the last transaction of this read.
        model_hash: SHA-256 of the model's point table, 32 bytes.
        blocks: The answers; empty unless `quality` is good.
        quality: Good, or bad with a `reason`.
        reason: Short English words for a reading that is not good, else "".
        latency_ns: Longest time from request to complete answer.
    """

    meter: str
    group: PollGroup
    stamp: Stamp
    model_hash: bytes
    blocks: tuple[Block, ...] = ()
    quality: Quality = Quality.GOOD
    reason: str = ""
    latency_ns: int = field(default=0, kw_only=True)


POWER_POINT: Final = "active_power"
"""The point of every model by which production and treatment are judged."""
