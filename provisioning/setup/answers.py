"""The answers file of `dianjian setup --answers FILE`: TOML, everything optional, strict.

    language = "zh"                      technician = "王伟"
    [site]      gateway, name, enterprise, uscc, address; replace = true: a site file of others may go
    [find]      buses = ["tcp://192.168.1.20", "/dev/ttyS1", …]; full = true: more than the quick pass
    [[meter]]   at = "b1:3" (bus and address) or id = "m3"; model, serial, ct_ratio, pt_ratio (20 or "100/5"),
                rated_a, clamp_a = { l1 = 41.5 }, seal_numbers = ["…"]
    [logger]    listen = "192.168.1.10:9001", mn = ["…"] (default: the first that sends), key_file, wait_s,
                only = true: calls of its address alone
    [[platform]] name, address, edition, mn, st, secret_file (pw, sm4_key: see docs/hj212.md), check = true,
                [[platform.meter]] id, facility, condition, equipment, running_kw
    [[line]]    id, kind, name, rated_kw, equipment, meters = ["m1", "b1:2"], on_kw, off_kw,
                untried = "reason": its machine is not switched
    [[linkage]] id, production = [], treatment = []
    [wiring]    reads, pause_s
    [trial]     skip = "reason" for all lines, wait_s
    [[photo]]   path, what, meter
    [enrol]     token_file ("-": a line of stdin), recovery = where its key goes; transport = https://…,
                mqtts://… or file:DIR; centre_key, authority, broker with a typed token; wait_s
    [commission] hours, learn (from the period), answers = ["k1.standby=yes"], write (replace parameters),
                again (begin another period)

Every mistake is one line with its key. It never holds a secret, only the path of the file with it.
"""

from pathlib import Path
from typing import Final, Literal

from attrs import field, frozen

from agent.site.older import todays_names
from disk.classes import Numbers, converter, structure, to_hook
from disk.kinds import Kind
from disk.tables import TableError, parse_toml, read_text
from provisioning.terminal.exits import EXIT_USAGE, fail

ANSWERS_BYTES_MAX: Final = 1024 * 1024
"""A hundred meters with every answer take 50 kB."""
Typed = float | str
"""A number, or what stands on a plate: 20 or "100/5"."""
_TYPED: Final = Kind[Typed](
    "a number, or a text as on the plate",
    lambda value: isinstance(value, int | float | str) and not isinstance(value, bool),
    lambda value: value if isinstance(value, str) else float(value),
)
_CONVERTER: Final = converter()
_CONVERTER.register_structure_hook(Typed | None, to_hook(_TYPED))


@frozen
class SiteAnswers:
    """`[site]`."""

    gateway: str | None = None
    name: str | None = None
    enterprise: str | None = None
    uscc: str | None = None
    address: str | None = None
    replace: bool | None = None


@frozen
class FindAnswers:
    """`[find]`."""

    buses: tuple[str, ...] = ()
    full: bool | None = None


@frozen
class LoggerAnswers:
    """`[logger]`: see `provisioning.setup.loggers`."""

    listen: str | None = None
    mn: tuple[str, ...] = ()
    key_file: str | None = None
    wait_s: float | None = None
    only: bool | None = None


@frozen
class PlatformMeterAnswers:
    """`[[platform.meter]]`."""

    id: str
    facility: int | None = None
    condition: str | None = None
    equipment: int | None = None
    running_kw: float | None = None


@frozen
class PlatformAnswers:
    """`[[platform]]`: see `provisioning.setup.platforms`."""

    name: str
    address: str
    mn: str
    secret_file: str
    edition: int = 2025
    st: Literal["31", "32"] = "31"
    check: bool = True
    meter: tuple[PlatformMeterAnswers, ...] = ()


@frozen
class MeterAnswers:
    """`[[meter]]`: facts about one meter, named by `id` or by `at`."""

    id: str | None = None
    at: str | None = None
    model: str | None = None
    serial: str | None = None
    ct_ratio: Typed | None = None
    pt_ratio: Typed | None = None
    rated_a: float | None = None
    clamp_a: Numbers = field(factory=dict)
    seal_numbers: tuple[str, ...] | None = None


@frozen
class LineAnswers:
    """`[[line]]`."""

    id: str | None = None
    kind: Literal["production", "treatment", "incomer"] | None = None
    name: str | None = None
    rated_kw: float | None = None
    equipment: str | None = None
    meters: tuple[str, ...] = ()
    on_kw: float | None = None
    off_kw: float | None = None
    untried: str | None = None


@frozen
class LinkageAnswers:
    """`[[linkage]]`."""

    id: str | None = None
    production: tuple[str, ...] = ()
    treatment: tuple[str, ...] = ()


@frozen
class WiringAnswers:
    """`[wiring]`."""

    reads: int | None = None
    pause_s: float | None = None


@frozen
class TrialAnswers:
    """`[trial]`."""

    skip: str | None = None
    wait_s: float | None = None


@frozen
class PhotoAnswers:
    """`[[photo]]`."""

    path: str
    what: str = ""
    meter: str | None = None


@frozen
class EnrolAnswers:
    """`[enrol]`: see `provisioning.setup.enrol`."""

    transport: str | None = None
    token_file: str | None = None
    recovery: str | None = None
    centre_key: str | None = None
    authority: str | None = None
    broker: str | None = None
    wait_s: float | None = None


@frozen
class CommissionAnswers:
    """`[commission]`."""

    hours: float | None = None
    learn: bool | None = None
    answers: tuple[str, ...] = ()
    write: bool | None = None
    again: bool | None = None


@frozen
class Answers:
    """The whole file."""

    language: Literal["zh", "en"] | None = None
    technician: str | None = None
    site: SiteAnswers = field(factory=SiteAnswers)
    find: FindAnswers = field(factory=FindAnswers)
    logger: LoggerAnswers = field(factory=LoggerAnswers)
    meter: tuple[MeterAnswers, ...] = ()
    line: tuple[LineAnswers, ...] = ()
    linkage: tuple[LinkageAnswers, ...] = ()
    wiring: WiringAnswers = field(factory=WiringAnswers)
    trial: TrialAnswers = field(factory=TrialAnswers)
    photo: tuple[PhotoAnswers, ...] = ()
    platform: tuple[PlatformAnswers, ...] = ()
    enrol: EnrolAnswers = field(factory=EnrolAnswers)
    commission: CommissionAnswers = field(factory=CommissionAnswers)

    def meter_at(self, meter_id: str, place: str) -> tuple[str, MeterAnswers]:
        """The facts about a meter, and the key of its table."""
        for index, one in enumerate(self.meter):
            if meter_id == one.id or place == one.at:
                return f"meter[{index}]", one
        return f"meter[{meter_id}]", MeterAnswers()


def read_answers(path: Path | None) -> Answers:
    """The answers in the file at `path`; none without a file. Ends the command if it has mistakes."""
    if path is None:
        return Answers()
    try:
        table = parse_toml(read_text(path, ANSWERS_BYTES_MAX))
        return structure(_CONVERTER, todays_names(table)[0], Answers)
    except TableError as error:
        raise fail(EXIT_USAGE, *(f"{path}: {problem}" for problem in error.problems)) from error
