"""What the store says of one gateway, folded from what came of it, in any order. Pure.

Only verified records and findings of the centre come here. What an owner can make grow is bounded: episodes,
findings, the length of texts. A late body brings old news: of heartbeats and versions those of the highest
seal hold, of an episode that of the highest record.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from centre.gateway.budget import OverBudgetError, Work
from centre.gateway.changes import flatten
from centre.json_lines import JsonLine
from drivers.clock import ClockState
from evidence import cbor
from evidence.chain import ChainState
from evidence.record import Kind, Record, decode_record, kind_of
from evidence.seal import FIRST_NUMBER, HASH_BYTES, SealHeader

OPEN_MAX: Final = 64
"""Episodes of one gateway that have not ended; a site of ten linkages has a handful. The latest are kept."""
ENDED_MAX: Final = 256
"""Ends that are remembered, so that a late body does not open its episode again."""
FINDINGS_MAX: Final = 20
"""The last findings of one gateway."""
METERS_MAX: Final = 100
"""Silent meters of a heartbeat that are kept: a bus and more."""
TEXT_CHARS_MAX: Final = 300
VERSION_CHARS_MAX: Final = 40
MACHINE: Final = ("flash_wear_percent", "temperature_c", "memory_available_bytes")
"""Figures of a heartbeat about the machine, in the order of Beat."""
FIGURE_MAX: Final = 1 << 50
SILENCE: Final = "silence"
TOLD: Final = frozenset({int(Kind.MANIFEST), int(Kind.HEARTBEAT), int(Kind.EPISODE)})
"""Kinds of records that are looked at."""


@frozen
class Open:
    """An episode that has not ended; times in UTC seconds."""

    id: str
    linkage: str
    rule: str
    severity: str
    begin_s: int
    raised_s: int
    sentence: Mapping[str, str]
    numbers: Mapping[str, Any]
    record: int


@frozen
class Found:
    """A finding of the centre."""

    code: str
    text: str
    seal: int
    utc_ms: int


@frozen
class Beat:
    """What a gateway last sealed about itself; None for what it did not say."""

    seal: int
    utc_ms: int
    silent: tuple[str, ...] = ()
    backlog: int | None = None
    used: float | None = None
    judging: bool | None = None
    wear_percent: int | None = None
    temperature_c: int | None = None
    memory_bytes: int | None = None


@define
class Known:
    """See the module.

    Attributes:
        number: The last accepted seal, 0 before the first.
        heard_utc_ms: When something new of it last came to the centre, 0 for never; of a body that came
            before the watcher began, the time of its seal.
        revoked: Whether its seals count no more.
        aside: Why it was set aside, "" if it is not.
        clock: As its last seal says; None if none has come.
        position: Longitude and latitude in degrees, as its site file says.
        rekeyed_ms: When a new key was stated that no seal has come under, 0 while there is none.
        site_hash: Names the site file that it runs with, hexadecimal; "" while no manifest has come.
        silent_since_ms: Since when the centre hears nothing of it, None while it does.
    """

    gateway: str
    number: int = 0
    heard_utc_ms: int = 0
    revoked: bool = False
    aside: str = ""
    clock: ClockState | None = None
    version: str = ""
    position: tuple[float, float] | None = None
    site_hash: str = ""
    rekeyed_ms: int = 0
    beat: Beat | None = None
    silent_since_ms: int | None = None
    opened: dict[str, Open] = field(factory=dict)
    findings: list[Found] = field(factory=list)
    _ended: dict[str, int] = field(factory=dict, init=False)
    _version_seal: int = field(default=0, init=False)

    def note_standing(self, state: ChainState, aside: str) -> None:
        """How its chain stands now."""
        self.number, self.revoked, self.aside = state.number, state.revoked is not None, aside
        self.rekeyed_ms = state.rekeyed_utc_ms
        if state.number >= FIRST_NUMBER:
            self.clock = state.clock_state

    def note_arrival(self, utc_ms: int) -> None:
        """A seal or a body came."""
        self.heard_utc_ms = max(self.heard_utc_ms, utc_ms)

    def note_body(self, header: SealHeader, records: Sequence[bytes]) -> None:
        """Take in the records of a body; what is malformed counts for nothing."""
        for number, raw in enumerate(records, header.first_record):
            if kind_of(raw) not in TOLD:
                continue
            try:
                record = decode_record(raw)
            except cbor.FormatError:
                continue
            if isinstance(record, Record):
                self._note_record(header.number, number, record)

    def note_finding(self, line: JsonLine, utc_ms: int) -> None:
        """Take in a finding, in the order of their places."""
        if line["code"] == SILENCE:
            since_ms = utc_ms - round(float(line.get("seconds", 0)) * 1_000)
            self.silent_since_ms = None if line.get("ended") else since_ms
            return
        found = Found(str(line["code"]), _shorten(line["text"]), int(line["seal"]), utc_ms)
        self.findings = [*self.findings, found][-FINDINGS_MAX:]

    def _note_record(self, seal: int, number: int, record: Record) -> None:
        if record.kind is Kind.EPISODE:
            self._note_episode(number, record.body)
        elif record.kind is Kind.HEARTBEAT and (self.beat is None or seal >= self.beat.seal):
            self.beat = _read_beat(seal, record)
        elif record.kind is Kind.MANIFEST and "version" in record.body and seal >= self._version_seal:
            self.position = _read_position(record.body)
            self.version, self._version_seal = _shorten(record.body["version"])[:VERSION_CHARS_MAX], seal
            digest = record.body.get("site_hash")
            self.site_hash = digest.hex() if isinstance(digest, bytes) and len(digest) == HASH_BYTES else ""

    def _note_episode(self, number: int, body: Mapping[str, Any]) -> None:
        id_ = body["id"]
        known = self.opened.get(id_)
        if number < max(self._ended.get(id_, 0), known.record if known else 0):
            return
        if body["end_at_s"] is not None or body["state"] != "raised":
            self.opened.pop(id_, None)
            self._ended.pop(id_, None)
            self._ended[id_] = number
            if len(self._ended) > ENDED_MAX:
                del self._ended[next(iter(self._ended))]
            return
        self.opened[id_] = Open(
            id=id_,
            linkage=body["linkage"],
            rule=body["rule"],
            severity=body["severity"],
            begin_s=body["begin_at_s"],
            raised_s=body["raised_at_s"],
            sentence={name: _shorten(body["sentence"][name]) for name in ("zh", "en")},
            numbers={"pf_judged": body["numbers"].get("pf_judged")},
            record=number,
        )
        if len(self.opened) > OPEN_MAX:
            del self.opened[min(self.opened.values(), key=lambda one: one.record).id]


def _read_beat(seal: int, record: Record) -> Beat:
    """Of its figures only those of the right type."""
    body = record.body
    silent, backlog, used, judging = (body.get(name) for name in ("silent", "backlog", "used", "judging"))
    return Beat(
        seal,
        record.utc_ms,
        tuple(str(one)[:64] for one in silent[:METERS_MAX]) if isinstance(silent, list) else (),
        backlog if type(backlog) is int else None,
        float(used) if isinstance(used, int | float) and 0 <= used <= 1 else None,
        judging if type(judging) is bool else None,
        *(_read_natural(body.get(name)) for name in MACHINE),
    )


def _read_position(body: Mapping[str, Any]) -> tuple[float, float] | None:
    """On earth; the site file is the plant's, so anything may stand there."""
    try:
        config = flatten(body, Work())
    except OverBudgetError:
        return None
    longitude, latitude = (config.get(f"site.{name}") for name in ("longitude", "latitude"))
    if not isinstance(longitude, int | float) or not isinstance(latitude, int | float):
        return None
    return (float(longitude), float(latitude)) if abs(longitude) <= 180 and abs(latitude) <= 85 else None


def _read_natural(value: object) -> int | None:
    return value if type(value) is int and abs(value) <= FIGURE_MAX else None


def _shorten(text: object) -> str:
    return str(text)[:TEXT_CHARS_MAX]
