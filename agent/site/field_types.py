"""Types of the site file that cannot hold a wrong value.

Every scalar of the site file has a type here whose hook checks it while the site is built (`disk.classes`).
A mistake is therefore found where it stands, beside all others, and its place is known.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final, NewType, TypeVar

from cattrs import Converter

from agent.site.webhook_url import WebhookUrlError, parse_webhook
from disk.classes import Hook, converter, structure, to_hook
from disk.kinds import TEXT, Kind, number, whole
from drivers.errors import BusUrlError
from drivers.link.bus_url import parse_url
from drivers.reading import REGISTERS_MAX
from evidence.cbor import TEXT_BYTES_MAX
from evidence.moments import ZONE

T = TypeVar("T")

Identifier = NewType("Identifier", str)
ModelName = NewType("ModelName", str)
UtcOffset = NewType("UtcOffset", str)
BusUrl = NewType("BusUrl", str)
WebhookUrl = NewType("WebhookUrl", str)
PageUrl = NewType("PageUrl", str)
Tcti = NewType("Tcti", str)
Hex32 = NewType("Hex32", bytes)
UnitId = NewType("UnitId", int)
TimeoutS = NewType("TimeoutS", float)
PauseS = NewType("PauseS", float)
RegistersMax = NewType("RegistersMax", int)
MeterAddress = NewType("MeterAddress", str)
Megabytes = NewType("Megabytes", int)
Watts = NewType("Watts", int)
Seconds = NewType("Seconds", float)
Ratio = NewType("Ratio", float)
WiringFinding = NewType("WiringFinding", str)
VerifiedUntil = NewType("VerifiedUntil", date)
Longitude = NewType("Longitude", float)
Latitude = NewType("Latitude", float)

ID_CHARACTERS_MAX: Final = 32
"""Ids are topic levels, certificate names and parts of every record."""
UNIT_ID_MAX: Final = 255
"""Highest unit id of Modbus TCP, where 0 and 255 are the device itself; a serial bus has 1 to 247."""
TIMEOUT_S_MIN: Final = 0.05
TIMEOUT_S_MAX: Final = 10.0
"""The ledger expects late answers for that long: `drivers.link.ledger.LATE_MAX_S`."""
PAUSE_S_MAX: Final = 5.0
"""Meters ask for up to 0.3 s; a radio may need more."""
RATED_W_MAX: Final = 1_000_000_000
"""A gigawatt: above any single line, below where sums of squares would leave int64."""
MODEL_FILE_SUFFIX: Final = ".toml"
"""Suffix of a model name that is a file of the site."""
INTERVAL_S_MIN: Final = 0.5
INTERVAL_S_MAX: Final = 3600.0
"""An hour: with longer intervals silence could not be noticed within the three minutes promised."""
RATIO_MAX: Final = 100_000.0
QUOTA_MB_MIN: Final = 8
QUOTA_MB_MAX: Final = 1_000_000

_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{ID_CHARACTERS_MAX - 1}}}")
_ID_WORDS: Final = f"letters, digits, - and _, at most {ID_CHARACTERS_MAX}"
_TCTI: Final = re.compile(r"(device|tabrmd|swtpm|mssim)(:[!-~]{1,200})?")
"""TPM interfaces that name a device or a socket; others would load a library or run a command."""
_PAGE: Final = re.compile(r"https://[0-9A-Za-z.:\[\]-]{1,200}/?")
ADDRESS: Final = re.compile(r"[0-9A-Za-z_-]{6,24}")
"""The address of a DL/T 645 meter has 12 digits, the MN of a data logger up to 24 characters, which some
makers part by - or _."""
_WIRING: Final = re.compile(r"[a-z_]{1,32}(\+[a-z_]{1,32})?")
_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_HEX32_WORDS: Final = "64 hexadecimal digits in lower case"
_DATE: Final = Kind(
    "a date like 2027-05-31, without quotes", lambda value: type(value) is date, lambda value: value
)
UNIT_ID: Final = whole(0, UNIT_ID_MAX)


def _matching(pattern: re.Pattern[str], wanted: str) -> Kind[str]:
    return Kind(wanted, lambda value: isinstance(value, str) and bool(pattern.fullmatch(value)), str)


def _parse_by(parse: Callable[[str], object]) -> Hook:
    """A text that `parse` accepts; raises the error of `parse`."""

    def check(value: Any, _: Any) -> str | None:
        if value is None:
            return None
        text = TEXT.check(value)
        try:
            parse(text)
        except (BusUrlError, WebhookUrlError) as error:
            raise ValueError(str(error)) from error
        return text

    return check


def _model_name(value: Any, _: Any) -> str:
    text = TEXT.check(value)
    parts = text.split("/")
    below = text.isprintable() and "\\" not in text and not {"", ".."} & set(parts)
    if text.endswith(MODEL_FILE_SUFFIX) and not below:
        raise ValueError(f"must be a file below the site file's folder, like models/cems.toml, not {text!r}")
    if len(text.encode()) > TEXT_BYTES_MAX:  # found here, not at the centre when the gateway is enrolled
        raise ValueError(f"has {len(text.encode())} bytes; the enrolment takes at most {TEXT_BYTES_MAX}")
    return text


def _optional_hex(value: Any, _: Any) -> bytes | None:
    return None if value is None else bytes.fromhex(_matching(_HEX32, _HEX32_WORDS).check(value))


def _site_converter() -> Converter:
    identifier = to_hook(_matching(_ID, _ID_WORDS))
    made = converter()
    hooks: tuple[tuple[Any, Hook], ...] = (
        (Identifier, identifier),
        (Identifier | None, identifier),
        (ModelName, _model_name),
        (UtcOffset, to_hook(_matching(ZONE, "an offset like +08:00"))),
        (BusUrl, _parse_by(parse_url)),
        (WebhookUrl | None, _parse_by(parse_webhook)),
        (PageUrl, to_hook(_matching(_PAGE, "an address like https://192.168.8.1:8460/"))),
        (Hex32 | None, _optional_hex),
        (Tcti, to_hook(_matching(_TCTI, "like device:/dev/tpmrm0"))),
        (UnitId | None, to_hook(UNIT_ID)),
        (TimeoutS | None, to_hook(number(TIMEOUT_S_MIN, TIMEOUT_S_MAX))),
        (PauseS | None, to_hook(number(0, PAUSE_S_MAX))),
        (RegistersMax | None, to_hook(whole(1, REGISTERS_MAX))),
        (WiringFinding | None, to_hook(_matching(_WIRING, "a mistake as setup names it, like cts_swapped"))),
        (VerifiedUntil | None, to_hook(_DATE)),
        (MeterAddress | None, to_hook(_matching(ADDRESS, "12 digits, or an MN, in quotes"))),
        (Longitude | None, to_hook(number(-180, 180))),
        (Latitude | None, to_hook(number(-90, 90))),
        (Megabytes, to_hook(whole(QUOTA_MB_MIN, QUOTA_MB_MAX))),
        (Watts, to_hook(whole(1, RATED_W_MAX))),
        (Seconds, to_hook(number(INTERVAL_S_MIN, INTERVAL_S_MAX))),
        (Ratio, to_hook(number(1 / RATIO_MAX, RATIO_MAX))),
    )
    for kind, hook in hooks:
        made.register_structure_hook(kind, hook)
    return made


_CONVERTER: Final = _site_converter()


def structure_site(table: dict[str, Any], kind: type[T]) -> T:
    """`table` as an instance of `kind`, which has fields of the types above; raises TableError."""
    return structure(_CONVERTER, table, kind)
