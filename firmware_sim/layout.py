"""The contents of a plant: buses, lines, meters, and the faults of the bus script. Data only."""

import math
from enum import StrEnum

from attrs import field, frozen

from drivers.points.model import Model
from firmware_sim.quirks import Quirks
from firmware_sim.signals import Profile
from firmware_sim.timetable import Event
from firmware_sim.wiring import Wiring


class LineKind(StrEnum):
    """What a line does."""

    PRODUCTION = "production"
    TREATMENT = "treatment"
    INCOMER = "incomer"


class BusKind(StrEnum):
    """How a bus is reached: a Modbus TCP gateway, RTU frames over TCP, or a pseudo-terminal."""

    TCP = "tcp"
    RTU_TCP = "rtu+tcp"
    PTY = "pty"


class BusProtocol(StrEnum):
    """The protocol of a bus."""

    MODBUS = "modbus"
    DLT645 = "dlt645"


class Parity(StrEnum):
    """Parity bit of a serial bus."""

    NONE = "N"
    EVEN = "E"
    ODD = "O"


class FaultKind(StrEnum):
    """What can happen to an answer (see firmware_sim.faults and firmware_sim.bus_faults)."""

    LATE = "late"
    CRC_NOISE = "crc_noise"
    WRONG_COUNT = "wrong_count"
    ODD_BYTES = "odd_bytes"
    WRONG_UNIT = "wrong_unit"
    WRONG_FUNCTION = "wrong_function"
    EXCEPTION = "exception"
    SILENCE = "silence"
    BABBLE = "babble"
    SECOND_MASTER = "second_master"
    CHATTER = "chatter"
    BYTE_GAP = "byte_gap"
    SLOW_LORIS = "slow_loris"
    DUPLICATE = "duplicate"
    FLOOD = "flood"


@frozen
class Wire:
    """A serial wire: how long its characters take."""

    baudrate: int = 9600
    parity: Parity = Parity.NONE
    stopbits: int = 1

    @property
    def character_s(self) -> float:
        """One character: start bit, 8 data bits, parity bit if any, stop bits (8N1 10, 8E1 11)."""
        return (9 + (self.parity is not Parity.NONE) + self.stopbits) / self.baudrate

    @classmethod
    def usual(cls, protocol: BusProtocol) -> "Wire":
        """What meters of a protocol are set to: Modbus 9600 8N1, DL/T 645 2400 8E1."""
        return cls(2400, Parity.EVEN) if protocol is BusProtocol.DLT645 else cls()


@frozen
class BusPlan:
    """One bus.

    Attributes:
        wire: The serial wire that paces it; None for a gateway that answers at network speed.
        host, port: Where a TCP bus listens; port 0 takes a free one.
        link: A symbolic link to the pseudo-terminal, or "".
        turnaround_s: Time from a request until its meters start to answer.
        protocol: That of its meters; DL/T 645 over TCP is the bytes of the wire, `kind` RTU_TCP.
    """

    id: str
    kind: BusKind
    wire: Wire | None = None
    host: str = "127.0.0.1"
    port: int = 0
    link: str = ""
    turnaround_s: float = 0.02
    protocol: BusProtocol = BusProtocol.MODBUS


@frozen
class LinePlan:
    """One line, and the ids of the meters that measure it.

    Attributes:
        kind: An incomer takes what all other lines take, metered or not, and its losses.
        profile: Its load; that of an incomer is not used.
        losses: For an incomer: of transformer and cables, as a share of what the lines take.
    """

    id: str
    kind: LineKind
    rated_w: float
    profile: Profile
    meters: tuple[str, ...] = ()
    losses: float = 0.0


@frozen
class MeterPlan:
    """One meter.

    Attributes:
        unit_id: Its address on a Modbus bus; 0 also on a DL/T 645 bus.
        address: Its address on a DL/T 645 bus, 12 digits, else "".
        line: The line it measures; for an analyser, the production whose emission it sees.
        treatment: For an analyser, the line that treats the emission, or "".
        share: Which part of the line's power goes through it.
        ct_ratio, pt_ratio: Of its current and voltage transformers.
        voltage: Nominal phase voltage, V, primary.
        power_factor: Of its load at full power.
        strict_holes: Whether it refuses reads over missing registers, or answers zeros there.
        wiring: What is wrong with its connection from the beginning, None if nothing.
    """

    id: str
    model: Model
    bus: str
    unit_id: int
    line: str
    share: float = 1.0
    ct_ratio: float = 1.0
    pt_ratio: float = 1.0
    voltage: float = 230.0
    power_factor: float = 0.86
    strict_holes: bool = False
    address: str = ""
    treatment: str = ""
    wiring: Wiring | None = None


@frozen
class FaultPlan:
    """One entry of the fault script: a share of the answers of a bus or a meter, for a time.

    Attributes:
        bus, meter: All meters of a bus, or one meter alone; the other is "".
        share: Part of the answers, 0 to 1.
        begin_s, end_s: Seconds since 1970 UTC.
        delay_s, delay_max_s: `late`: shortest and longest delay beyond the turnaround.
        code: `exception`: the code.
        gap_s: `byte_gap`, `slow_loris`: the pause; `duplicate`: until it comes again; `chatter`: between
            two exchanges.
        bytes: `flood`: how many.
    """

    what: FaultKind
    bus: str
    meter: str
    share: float
    begin_s: float = -math.inf
    end_s: float = math.inf
    delay_s: float = 1.0
    delay_max_s: float = 1.0
    code: int = 4
    gap_s: float = 0.0
    bytes: int = 0


@frozen
class Layout:
    """The contents of a plant file, in its order: at least one bus, one line and one meter.

    Attributes:
        start_s: Where the plant's own time begins, seconds since 1970 UTC.
        seed: Draws everything that is random.
        faults: The first that applies to an answer is taken.
    """

    start_s: float
    seed: int
    buses: tuple[BusPlan, ...]
    lines: tuple[LinePlan, ...]
    meters: tuple[MeterPlan, ...]
    events: tuple[Event, ...] = ()
    faults: tuple[FaultPlan, ...] = ()
    quirks: Quirks = field(factory=Quirks)
