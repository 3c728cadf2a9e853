"""The site file: what is in the factory, how it is wired, where the readings go.

TOML, written by `dianjian` or by hand. All of it is checked before anything starts: unknown keys, wrong
types, values out of range and references to things that are not there are all reported at once,
one line each with its path (`meter[2].unit_id: must be a whole number from 0 to 255, not 300`).

The text of the file, byte for byte, goes into the manifest record, so that the agent's settings
are part of the evidence. Secrets are therefore never in it, only the paths of the files that hold them.

A site without meters and broker is legal (a backtest needs lines and linkages only);
`missing_for_agent` lists what the daemon would lack. Relative paths start at the file's own folder.
`credential:NAME` is the file NAME beside the site file, a key that only root can read, as systemd passes it
to the service (LoadCredential=). Any other process, such as root's at a terminal, gets the file itself.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

from agent.site.field_types import (
    BusUrl,
    Hex32,
    Identifier,
    Latitude,
    Longitude,
    Megabytes,
    MeterAddress,
    ModelName,
    PageUrl,
    PauseS,
    Ratio,
    RegistersMax,
    Seconds,
    Tcti,
    TimeoutS,
    UnitId,
    UtcOffset,
    VerifiedUntil,
    Watts,
    WebhookUrl,
    WiringFinding,
    structure_site,
)
from agent.site.older import todays_names
from agent.site.remote import NAME as REMOTE_NAME
from agent.site.remote import Remote, read_remote
from disk.tables import TableError, parse_toml, read_text
from drivers.dlt645.codec import is_address
from drivers.link.bus_url import IGNORED_IDS, parse_url
from drivers.link.verdict import SERIAL_UNIT_ID_MAX, SERIAL_UNIT_ID_MIN, UNIT_ID_MAX, Framing
from evidence.orders.change import SITE_BYTES_MAX
from evidence.words import Words

SITE_FILE_BYTES_MAX: Final = SITE_BYTES_MAX
"""A hundred meters at as many addresses take 30 to 70 kB, what was learned of fifty linkages 70 to 120. The
manifest has it deflated, a tenth of that (`agent.site.manifest`)."""

BUSES_MAX: Final = 128
"""Each bus has a thread (`agent.acquire.THREADS_MAX`): a hundred TCP meters at addresses of their own, and
some serial ports. More need a second gateway, or a TCP gateway with several meters behind one address."""
STATE_PATH_BYTES_MAX: Final = 107 - len("/status.sock")
"""Linux takes 107 bytes for the path of a socket, unix(7); this is the longest name of one in the folder."""
CREDENTIAL: Final = "credential:"
_TOO_MANY_BUSES: Final = Words(
    "总线 {count} 条，最多 {most} 条：同一 TCP 网关下的电表共用一条总线，或增加一台网关",
    "{count} buses, at most {most}: give the meters behind one TCP gateway one bus, or use a second gateway",
)
_CREDENTIAL_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
"""One name in a folder, as systemd takes it for a credential."""

_ASKING: Final = ("timeout_s", "pause_s", "registers_max")

Table = dict[str, Any]


class ConfigError(Exception):
    """The site file is wrong, by its author's fault; `problems` has one line per mistake."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))


@frozen
class Place:
    """`[site]`: who this gateway is. `gateway` names its topics and its certificate.

    Longitude and latitude are degrees of WGS 84, for the map of clues at the centre.
    """

    gateway: Identifier = Identifier("gateway")
    name: str = ""
    utc_offset: UtcOffset = UtcOffset("+08:00")
    longitude: Longitude | None = None
    latitude: Latitude | None = None


@frozen
class StoreSettings:
    """`[store]`: the folder of the database and the keys, and how large the database may grow."""

    path: str = "state"
    quota_mb: Megabytes = Megabytes(512)


@frozen
class SealSettings:
    """`[seal]`: how often records are sealed, and the interval of the heartbeat."""

    interval_s: Seconds = Seconds(10.0)
    heartbeat_s: Seconds = Seconds(60.0)


@frozen
class BrokerSettings:
    """`[broker]`: where seals go. Without TLS (`mqtt://`) only on loopback unless `plain = true`."""

    url: str
    ca: str = ""
    certificate: str = ""
    key: str = ""
    plain: bool = False
    centre_key: Hex32 | None = None


@frozen
class TpmSettings:
    """`[tpm]`: the TPM that attests the chain hourly; needs the extra `tpm` of the distribution."""

    tcti: Tcti = Tcti("device:/dev/tpmrm0")


@frozen
class BusSettings:
    """`[[bus]]`: one serial bus or one TCP gateway.

    Attributes:
        id: Named by its meters.
        url: Where it is, and its protocol.
        timeout_s: How long its meters are waited for; without it this is learned.
        pause_s: Silence that they need between an answer and the next request; without it this is learned.
        registers_max: Most registers to ask for in one read, where the models say more.
        transaction_id: "ignored" where a converter of Modbus TCP does not copy it; `url` then says so too.
    """

    id: Identifier
    url: BusUrl
    timeout_s: TimeoutS | None = None
    pause_s: PauseS | None = None
    registers_max: RegistersMax | None = None
    transaction_id: Literal["copied", "ignored"] = "copied"

    @property
    def is_dlt645(self) -> bool:
        """Whether its meters use DL/T 645, else Modbus."""
        return parse_url(self.url).is_dlt645

    @property
    def is_hj212(self) -> bool:
        """Whether data loggers call here and send by HJ 212."""
        return parse_url(self.url).is_hj212

    def has_unit_id(self, unit_id: int) -> bool:
        """Whether a Modbus meter can have this unit id here: on a serial bus 0 speaks to all of them."""
        if parse_url(self.url).is_connection:
            return 0 <= unit_id <= UNIT_ID_MAX
        return SERIAL_UNIT_ID_MIN <= unit_id <= SERIAL_UNIT_ID_MAX


@frozen
class MeterSettings:
    """`[[meter]]`: one device on a bus, its model by name or file, and the line that it feeds.

    A Modbus meter has a `unit_id`, a DL/T 645 meter an `address` of 12 digits, a data logger of HJ 212 its MN
    as `address` and, where it encrypts, the file of its key as `credentials`. A meter without active power,
    like an analyser of emissions, has no line. `timeout_s`, `pause_s` and `registers_max` are as those of its
    bus, which they override. `wiring` is an open finding of the wiring check, which `dianjian setup` writes
    and takes out again: nothing is judged by such a meter. `verification` is the number of the meter's
    verification (检定), valid until the end of the day `verified_until` of the plant's clock, and `ct_…`
    those of its current transformers: readings after that are marked.
    """

    id: Identifier
    bus: Identifier
    model: ModelName
    line: Identifier | None = None
    unit_id: UnitId | None = None
    address: MeterAddress | None = None
    ct_ratio: Ratio = Ratio(1.0)
    pt_ratio: Ratio = Ratio(1.0)
    fast_s: Seconds = Seconds(5.0)
    slow_s: Seconds = Seconds(60.0)
    timeout_s: TimeoutS | None = None
    pause_s: PauseS | None = None
    registers_max: RegistersMax | None = None
    wiring: WiringFinding | None = None
    verification: str = ""
    verified_until: VerifiedUntil | None = None
    ct_verification: str = ""
    ct_verified_until: VerifiedUntil | None = None
    credentials: str = ""

    @property
    def verified_to(self) -> date | None:
        """The last day on which both meter and transformers are verified; None where no end is known."""
        ends = [end for end in (self.verified_until, self.ct_verified_until) if end is not None]
        return min(ends, default=None)

    @property
    def place(self) -> int | str | None:
        """Its address on its bus."""
        return self.address if self.unit_id is None else self.unit_id


@frozen
class LineSettings:
    """`[[line]]`: production, treatment, or the incomer; the incomer gets `parameters` by commissioning."""

    id: Identifier
    kind: Literal["production", "treatment", "incomer"]
    rated_w: Watts
    name: str = ""
    parameters: Table | None = None


@frozen
class LinkageSettings:
    """`[[linkage]]`: which treatment must run while which production does; `parameters` by commissioning."""

    id: Identifier
    production: tuple[Identifier, ...]
    treatment: tuple[Identifier, ...]
    parameters: Table | None = None


@frozen
class WarningSettings:
    """`[warning]`: where early warnings go when treatment is lacking, before an episode is raised.

    Attributes:
        log: A line in the agent's log.
        url: A local HTTP address that gets each warning as JSON.
        after_s: How much treatment must be lacking first.
    """

    log: bool = True
    url: WebhookUrl | None = None
    after_s: Seconds = Seconds(30.0)


@frozen
class PageSettings:
    """`[page]`: where persons of the plant declare; `dianjian web --make-certificate` prints it.

    Attributes:
        url: Its address in the plant's network, which the acceptance sheet has as a QR code.
        certificate_sha256: The fingerprint of the certificate that it must show.
    """

    url: PageUrl
    certificate_sha256: Hex32 | None = None


@frozen
class ArchiveSettings:
    """`[archive]`: where the plant keeps a copy of its own of everything, such as a folder on a stick.

    The folder must be there: the agent makes only its own one in it.
    """

    path: str


@frozen
class Site:
    """A whole site file.

    Attributes:
        hj212: Platforms that get its readings, see `agent.site.platforms`.
        text: The file as read, for the manifest.
        file: Where it was read.
        own_text: The file there, where the centre has laid `text` over it; else "".
    """

    site: Place = field(factory=Place)
    store: StoreSettings = field(factory=StoreSettings)
    seal: SealSettings = field(factory=SealSettings)
    warning: WarningSettings = field(factory=WarningSettings)
    broker: BrokerSettings | None = None
    tpm: TpmSettings | None = None
    page: PageSettings | None = None
    archive: ArchiveSettings | None = None
    bus: tuple[BusSettings, ...] = ()
    meter: tuple[MeterSettings, ...] = ()
    line: tuple[LineSettings, ...] = ()
    linkage: tuple[LinkageSettings, ...] = ()
    hj212: tuple[Table, ...] = ()
    text: str = field(default="", kw_only=True)
    file: Path = field(default=Path("site.toml"), kw_only=True)
    own_text: str = field(default="", kw_only=True)

    def path(self, relative: str) -> Path:
        """A path relative to the file's folder; for a credential, where the service manager put it."""
        if not relative.startswith(CREDENTIAL):
            return self.file.parent / relative
        handed = Path(os.environ.get("CREDENTIALS_DIRECTORY", ""), relative.removeprefix(CREDENTIAL))
        return handed if handed.is_absolute() else self.file.parent / handed

    def missing_for_agent(self) -> tuple[str, ...]:
        """What the daemon needs and this file lacks or has too much of, one line each."""
        excess = len(os.fsencode(self.path(self.store.path))) - STATE_PATH_BYTES_MAX
        wanted = (
            (excess <= 0, f"store.path: too long by {excess} bytes for the sockets in it; shorten it"),
            (self.broker, "broker: missing; add [broker] with url and centre_key"),
            (self.bus, "bus: missing; add at least one [[bus]] with id and url"),
            (self.meter, "meter: missing; add at least one [[meter]]"),
            (
                self.broker is None or self.broker.centre_key,
                "broker.centre_key: missing; receipts cannot be checked",
            ),
        )
        return tuple(problem for value, problem in wanted if not value)


def load_site(path: Path) -> Site:
    """The site file that is in force at `path`: the one there, or what the centre has sent over it.

    Raises:
        ConfigError: It cannot be read or has mistakes; all of them are named.
    """
    own = load_own_site(path)
    return lay_over(own, read_remote(own.path(own.store.path)))


def lay_over(own: Site, remote: Remote | None) -> Site:
    """`own`, or what the centre has sent over it; raises ConfigError like `load_site`."""
    text = None if remote is None else remote.text_over(own.text)
    try:
        return own if text is None else evolve(parse_site(text, own.file), own_text=own.text)
    except TableError as error:
        raise ConfigError(own.path(own.store.path) / REMOTE_NAME, error.problems) from error


def load_own_site(path: Path) -> Site:
    """The site file at `path` as a person has written it; raises ConfigError like `load_site`."""
    try:
        return parse_site(read_text(path, SITE_FILE_BYTES_MAX), path)
    except TableError as error:
        raise ConfigError(path, error.problems) from error


def parse_site(text: str, file: Path) -> Site:
    """The site that `text` describes.

    Raises:
        TableError: With every mistake.
    """
    table, problems = todays_names(parse_toml(text))
    try:
        site = structure_site(table, Site)
        site = evolve(site, text=text, file=file, bus=tuple(map(_with_ids, site.bus)))
    except TableError as error:
        raise TableError([*problems, *error.problems]) from error
    problems += _misfits(site)
    if problems:
        raise TableError(problems)
    return site


def _with_ids(bus: BusSettings) -> BusSettings:
    """The bus with a URL that says what `transaction_id` does, because the drivers know nothing else."""
    target = parse_url(bus.url)
    if bus.transaction_id == "copied" or target.ignores_ids or target.framing is not Framing.TCP:
        return bus
    return evolve(bus, url=BusUrl(f"{bus.url}?{IGNORED_IDS}"))


def _misfits(site: Site) -> Iterator[str]:
    if len(site.bus) > BUSES_MAX:
        both = _TOO_MANY_BUSES.fill(count=len(site.bus), most=BUSES_MAX)
        yield f"bus: {both.en} ({both.zh})"
    for name in ("bus", "meter", "line", "linkage"):
        ids = Counter(part.id for part in getattr(site, name))
        yield from (f"{name}: id {id_!r} is used {times} times" for id_, times in ids.items() if times > 1)
    yield from _meter_misfits(site)
    yield from _key_misfits(site)
    yield from _incomer_misfits(site)
    yield from _credential_misfits(site)
    if site.hj212:
        from agent.site.platforms import read_platforms  # noqa: PLC0415 - HJ 212, which few sites need

        meters = [meter.id for meter in site.meter]
        yield from read_platforms(site.hj212, site.site.gateway, meters, site.path)[1]
    kinds = {line.id: line.kind for line in site.line}
    for index, linkage in enumerate(site.linkage):
        for role in ("production", "treatment"):
            at = f"linkage[{index}].{role}"
            members: tuple[Identifier, ...] = getattr(linkage, role)
            if not members:
                yield f"{at}: needs at least one line"
            for member in members:
                if member not in kinds:
                    yield f"{at}: no line {member!r}; known: {_list_known(kinds)}"
                elif kinds[member] != role:
                    yield f"{at}: line {member!r} is of kind {kinds[member]}"


def _incomer_misfits(site: Site) -> Iterator[str]:
    incomers = [line.id for line in site.line if line.kind == "incomer"]
    if len(incomers) > 1:
        yield f"line: {', '.join(incomers)} are all incomers; a site has one"
    for index, line in enumerate(site.line):
        if line.parameters is not None and line.kind != "incomer":
            yield f"line[{index}].parameters: only an incomer has parameters of its own"


def _credential_misfits(site: Site) -> Iterator[str]:
    key = "" if site.broker is None else site.broker.key
    if key.startswith(CREDENTIAL) and not _CREDENTIAL_NAME.fullmatch(key.removeprefix(CREDENTIAL)):
        yield f'broker.key: must be "{CREDENTIAL}NAME" with the name of a file beside this one, not {key!r}'


def _meter_misfits(site: Site) -> Iterator[str]:
    buses = {bus.id: bus for bus in site.bus}
    lines = {line.id for line in site.line}
    places = Counter((meter.bus, meter.place, meter.model) for meter in site.meter)
    for index, meter in enumerate(site.meter):
        if meter.bus not in buses:
            yield f"meter[{index}].bus: no bus {meter.bus!r}; known: {_list_known(buses)}"
        else:
            yield from _address_misfits(index, meter, buses[meter.bus])
        if meter.line is not None and meter.line not in lines:
            yield f"meter[{index}].line: no line {meter.line!r}; known: {_list_known(lines)}"
        if meter.place is not None and places[meter.bus, meter.place, meter.model] > 1:
            key = "address" if meter.unit_id is None else "unit_id"
            yield f"meter[{index}].{key}: {meter.place} is used more than once on bus {meter.bus!r}"


def _key_misfits(site: Site) -> Iterator[str]:
    """Keys that mean nothing where they stand."""
    dlt645 = {bus.id for bus in site.bus if bus.is_dlt645}
    why = "DL/T 645 has no registers; leave it out"
    for index, bus in enumerate(site.bus):
        has_ids = parse_url(bus.url).framing is Framing.TCP and not bus.is_hj212
        if bus.transaction_id != "copied" and not has_ids:
            yield f"bus[{index}].transaction_id: only tcp:// has transaction ids; leave it out"
        if bus.id in dlt645 and bus.registers_max is not None:
            yield f"bus[{index}].registers_max: {why}"
        if bus.is_hj212:
            for key in _list_asking(bus):
                yield f"bus[{index}].{key}: a data logger of HJ 212 is not asked; leave it out"
    called = {bus.id for bus in site.bus if bus.is_hj212}
    for index, meter in enumerate(site.meter):
        if meter.bus in dlt645 and meter.registers_max is not None:
            yield f"meter[{index}].registers_max: {why}"
        if meter.bus in called:
            for key in _list_asking(meter):
                yield f"meter[{index}].{key}: a data logger of HJ 212 is not asked; leave it out"


def _list_asking(one: BusSettings | MeterSettings) -> list[str]:
    return [key for key in _ASKING if getattr(one, key) is not None]


def _address_misfits(index: int, meter: MeterSettings, bus: BusSettings) -> Iterator[str]:
    """A unit id where meters have an address, an address on a Modbus bus, or neither."""
    if meter.credentials and not bus.is_hj212:
        yield f"meter[{index}].credentials: only a data logger of HJ 212 has a key; leave it out"
    if bus.is_hj212:
        if meter.address is None:
            yield f"meter[{index}].address: missing; bus {bus.id!r} is HJ 212, whose loggers have an MN"
        if meter.unit_id is not None:
            yield f"meter[{index}].unit_id: bus {bus.id!r} is HJ 212, whose loggers have an address instead"
    elif bus.is_dlt645:
        yield from _dlt645_misfits(index, meter, bus)
    else:
        if meter.unit_id is None:
            yield f"meter[{index}].unit_id: missing"
        elif not bus.has_unit_id(meter.unit_id):
            yield (
                f"meter[{index}].unit_id: {meter.unit_id} is for TCP only; on serial bus {bus.id!r}"
                f" a meter has {SERIAL_UNIT_ID_MIN} to {SERIAL_UNIT_ID_MAX}"
            )
        if meter.address is not None:
            yield f"meter[{index}].address: bus {bus.id!r} is Modbus, whose meters have a unit_id instead"


def _dlt645_misfits(index: int, meter: MeterSettings, bus: BusSettings) -> Iterator[str]:
    if meter.address is None:
        yield f"meter[{index}].address: missing; bus {bus.id!r} is DL/T 645, whose meters have 12 digits"
    elif not is_address(meter.address):
        yield f"meter[{index}].address: must be 12 digits in quotes, not {meter.address!r}"
    if meter.unit_id is not None:
        yield f"meter[{index}].unit_id: bus {bus.id!r} is DL/T 645, whose meters have an address instead"


def _list_known(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
