"""What the journal of a setup holds, entry by entry; `provisioning.journal.file` keeps it on the disk.

Times are ISO 8601 texts in UTC. Powers are watts, currents amperes. Repeated measurements are appended:
the last wiring verdict of a meter and the last trial of a line count, the older ones are history.
"""

from collections.abc import Mapping
from typing import Final, Literal

from attrs import evolve, field, frozen

from agent.site.field_types import UnitId
from disk.classes import Numbers
from evidence.words import Words

VERSION: Final = 1
STEPS: Final[Mapping[str, Words]] = {
    "find": Words("查找电表", "find the meters"),
    "loggers": Words("数采仪（HJ 212）", "data loggers (HJ 212)"),
    "lines": Words("线路与关联", "lines and linkages"),
    "wiring": Words("接线检查", "wiring check"),
    "trial": Words("启停试验", "on/off test"),
    "thresholds": Words("启停阈值", "thresholds"),
    "photos": Words("照片与封印号", "photos and seal numbers"),
    "platforms": Words("上位机平台（HJ 212）", "platforms (HJ 212)"),
    "enrol": Words("登记", "enrolment"),
    "receipt": Words("首次回执", "first receipt"),
    "commission": Words("调试期", "commissioning period"),
    "sheet": Words("验收单", "acceptance sheet"),
}
"""The steps of a setup with their names, in order."""
_NO_SENTENCE: Final = Words.same("")


@frozen
class SiteFacts:
    """The gateway's id, the plant's name, the enterprise, its credit code, the address."""

    gateway: str = ""
    name: str = ""
    enterprise: str = ""
    uscc: str = ""
    address: str = ""


@frozen
class BusFound:
    """A bus, by the URL with the settings at which meters answer."""

    id: str
    url: str


@frozen
class MeterFound:
    """A meter that answers, and what is known about it. `unit_id` for Modbus, `address` for DL/T 645.

    `meter` is which one of a SunSpec device it is, from 1; 0 where the device is no such. A data logger of
    HJ 212 has its MN as `address`, how often it sends as `fast_s`, and the file of its key if it encrypts.
    """

    id: str
    bus: str
    unit_id: UnitId | None = None
    address: str | None = None
    model: str = ""
    serial: str = ""
    confidence: float = 0.0
    reasons: tuple[str, ...] = ()
    line: str | None = None
    ct_ratio: float = 1.0
    pt_ratio: float = 1.0
    seal_numbers: tuple[str, ...] = ()
    rated_a: float | None = None
    meter: int = 0
    fast_s: float | None = None
    credentials: str = ""


@frozen
class LineNamed:
    """A line of the plant, with the power on its nameplate."""

    id: str
    kind: Literal["production", "treatment", "incomer"]
    name: str = ""
    rated_w: int = 0
    equipment: str = ""

    @property
    def label(self) -> str:
        """Its id, and its name if it has one."""
        return f"{self.id} {self.name}".strip()


@frozen
class LinkageNamed:
    """A treatment that must run while a production does."""

    id: str
    production: tuple[str, ...]
    treatment: tuple[str, ...]


@frozen
class WiringVerdict:
    """The verdict of `provisioning.wiring` on a meter's wiring; `sentence` and `remedy` in both languages."""

    meter: str
    at: str
    verdict: Literal["good", "mistake", "undecided"]
    mistake: str | None = None
    phases: tuple[str, ...] = ()
    ratio: float | None = None
    sentence: Words = _NO_SENTENCE
    remedy: Words = _NO_SENTENCE
    numbers: Numbers = field(factory=dict)


@frozen
class Trial:
    """The on/off test of a line.

    Attributes:
        samples: Seconds since `begin_at`, and the watts of `meter` or None.
        switched: When the technician was asked to switch the machine, and to what.
        skipped: Why it was not tried; "" if it was.
    """

    line: str
    meter: str
    begin_at: str
    end_at: str
    follows: bool
    off_w: float | None = None
    on_w: float | None = None
    samples: tuple[tuple[float, float | None], ...] = ()
    switched: tuple[tuple[float, Literal["on", "off"]], ...] = ()
    sentence: Words = _NO_SENTENCE
    skipped: str = ""


@frozen
class LineThreshold:
    """The power from which a line counts as running, and the one below which it has stopped."""

    line: str
    lo_w: int
    hi_w: int
    source: Literal["nameplate", "trial", "typed"] = "nameplate"


@frozen
class Photo:
    """A photo's path and the hash of its bytes; `meter` if it shows one."""

    path: str
    sha256: str
    what: str = ""
    meter: str | None = None


@frozen
class PlatformMeter:
    """A meter whose readings go to a platform; an analyser has its id alone.

    `running_w` is the power from which on it runs, `condition` its code of 2025 (ST=45), `equipment` its
    number of 2017 (SBn).
    """

    id: str
    role: Literal["production", "treatment"] | None = None
    facility: int = 0
    running_w: float | None = None
    condition: str = ""
    equipment: int = 0


@frozen
class PlatformNamed:
    """A platform of HJ 212 that gets readings under one MN; `credentials` is a path of the site file."""

    name: str
    address: str
    edition: int
    mn: str
    st: Literal["31", "32"]
    credentials: str
    meters: tuple[PlatformMeter, ...] = ()


@frozen
class Enrolled:
    """What the centre knows this gateway by, and how to reach it. Files are paths of the site file."""

    transport: str
    first_key: str
    recovery_key: str = ""
    certificate_sha256: str = ""
    centre_key: str = ""
    at: str = ""
    broker_url: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""


@frozen
class Receipted:
    """The first seal that the centre signed for, and the seal's hash."""

    seal: int
    hash: str
    at: str


@frozen
class Period:
    """The commissioning period."""

    begin_at: str
    until_at: str


@frozen
class Sheet:
    """The acceptance sheet as last written."""

    path: str
    sha256: str
    at: str


@frozen
class Journal:
    """The whole journal. `steps` has the time at which each step was done."""

    version: int = VERSION
    language: Literal["zh", "en"] = "en"
    technician: str = ""
    site: SiteFacts = field(factory=SiteFacts)
    steps: dict[str, str] = field(factory=dict)
    buses: tuple[BusFound, ...] = ()
    meters: tuple[MeterFound, ...] = ()
    lines: tuple[LineNamed, ...] = ()
    linkages: tuple[LinkageNamed, ...] = ()
    wiring: tuple[WiringVerdict, ...] = ()
    trials: tuple[Trial, ...] = ()
    thresholds: tuple[LineThreshold, ...] = ()
    photos: tuple[Photo, ...] = ()
    platforms: tuple[PlatformNamed, ...] = ()
    platforms_removed: tuple[str, ...] = ()
    """Names that setup takes out of the site file; one that a person wrote there stays."""
    enrolment: Enrolled | None = None
    receipt: Receipted | None = None
    commissioning: Period | None = None
    sheet: Sheet | None = None
    site_sha256: str = ""
    """Hash of the site file as setup last wrote it: another hash means that somebody has edited it."""

    def done(self, step: str, at: str) -> "Journal":
        """The journal with `step` done."""
        return evolve(self, steps={**self.steps, step: at})


def find_last_wiring(journal: Journal, meter: str) -> WiringVerdict | None:
    """The current verdict for `meter`."""
    return next((one for one in reversed(journal.wiring) if one.meter == meter), None)


def find_last_trial(journal: Journal, line: str) -> Trial | None:
    """The current on/off test for `line`."""
    return next((one for one in reversed(journal.trials) if one.line == line), None)
