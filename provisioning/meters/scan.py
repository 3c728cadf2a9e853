"""`dianjian scan`: find the meters of a bus and say what they are. Reads only, never writes.

`drivers.search.search` defines the order of the search, `drivers.search.signs` the meaning of the answers.
With `--json` every meter is one object with a `unit_id`, as soon as it is named; problems of the bus follow
at the end as objects with a `finding` and its `text`, which people get on stderr. The meters of one SunSpec
device have one `unit_id`, and a number from 1 in `meter`.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from attrs import define, evolve, field

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.errors import BusDownError, BusUrlError
from drivers.link.verdict import UNIT_ID_MAX
from drivers.points.model import Model, load, names
from drivers.poll.bus import open_bus
from drivers.poll.recording import RecordedRead, Recorder, RecordingBus
from drivers.search.diagnosis import Finding, FindingKind, diagnose
from drivers.search.gateway_walk import OWN_UNIT_IDS, GatewayWalk
from drivers.search.identify import Identification, identify, list_first_reads
from drivers.search.patient import Control, Losses
from drivers.search.prober import Asker, url_at
from drivers.search.search import SCAN_TIMEOUT_S, AnyWalk, search
from drivers.search.signs import ProbeResult, Sign
from drivers.search.walk import QUICK_UNITS, Ask, Probe
from provisioning.meters.access import HANGS_UP, Access, AgentAccess, Holder, access_to, settle
from provisioning.meters.bus_option import RECORD, open_record
from provisioning.meters.scan_dlt645 import scan_bus
from provisioning.meters.words import WORDS
from provisioning.terminal.exits import EXIT_INTERRUPTED, EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, FiniteRange, fail
from provisioning.terminal.paths import FORCE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import Bar, console, progress, table
from provisioning.words.findings import describe_finding, describe_losses
from provisioning.words.language import translate

Row = dict[str, Any]
SILENT_REST_S: Final = 120.0
"""If less of the search is left, it is done without asking."""
LONG_S: Final = 300.0
"""From here on a person is told how long the search takes, and what would be shorter."""
SILENT_ASKS: Final = 4
"""Over TCP so many silent questions, of some seconds each, are worth a word about cable and address."""
_UNIT: Final = click.IntRange(0, UNIT_ID_MAX)


@click.command("scan", short_help="find the meters of a bus")
@click.argument("url")
@click.option("--first", type=_UNIT, help="The first address.  [default: 1]")
@click.option("--last", type=_UNIT, help="The last one.  [default: 247; over TCP 0 and 255 as well]")
@click.option(
    "--timeout",
    "timeout_s",
    type=FiniteRange(min=0.001, max=60),
    default=SCAN_TIMEOUT_S,
    show_default=True,
    help="Seconds for an address that is silent. What a TCP gateway owes is waited for all the same.",
)
@click.option("--quick", is_flag=True, help="Only units up to 32 and the usual serial settings.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every baud rate, parity and function, whatever the URL names or the search finds.",
)
@RECORD
@FORCE
@click.option("--json", "as_json", is_flag=True, help="One JSON object per meter, as soon as it is found.")
def command(
    url: str,
    first: int | None,
    last: int | None,
    timeout_s: float,
    quick: bool,
    everything: bool,
    record: Path | None,
    as_json: bool,
) -> None:
    """Probe every address of the bus at URL, and name what answers; DL/T 645 buses by wildcards.

    Baud rates and parities that URL does not name are tried one after the other, the usual first. Where
    they give no byte at all, the rest is tried only if it is quick, or with --all. A TCP gateway is never
    asked faster than it answers.
    """
    if first is not None and last is not None and first > last:
        raise fail(EXIT_USAGE, f"--first {first} is above --last {last}")
    try:
        access = access_to(url)
        bus = open_bus(url, SystemClock())
        if isinstance(bus, Dlt645Bus):
            _scan_dlt645(bus, access, record, as_json=as_json)
            return
        walk = access.walk(first, last, timeout_s, quick=quick, everything=everything)
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if not walk.unit_ids:
        raise fail(EXIT_USAGE, translate(WORDS["no such units"], url=url))
    goes_on = _always if everything else _confirm
    if record is None:
        _run(Search(url, walk, access, goes_on), as_json=as_json)
        return
    with open_record(record) as write:
        recorder = Recorder(url, bus.gap_registers_max, SystemClock(), write)
        _run(Search(url, walk, access, goes_on, recorder), as_json=as_json)


def _scan_dlt645(bus: Dlt645Bus, access: Access, record: Path | None, *, as_json: bool) -> None:
    if record is not None:
        raise fail(EXIT_USAGE, "--record is for Modbus: record a DL/T 645 meter with dianjian read")
    if isinstance(access, AgentAccess):  # several meters at once answer a wildcard
        raise fail(EXIT_OUTSIDE, Holder(access.bus_id, bus.url, access.site, "other").describe())
    scan_bus(bus, as_json=as_json)


def _always(walk: AnyWalk) -> bool:
    del walk
    return True


def _confirm(walk: AnyWalk) -> bool:
    """Whether to go on although no byte was received: asks a person; a script decides by --all."""
    minutes = math.ceil(walk.left_s / 60)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say(f"dianjian: {translate(WORDS['no byte in the quick pass'], minutes=minutes)}", err=True)
        return False
    return click.confirm(translate(WORDS["go on without a byte"], minutes=minutes), default=False, err=True)


def _run(search_: "Search", *, as_json: bool) -> None:
    url, walk = search_.url, search_.walk
    rows: list[Row] = []
    stopped = False
    try:
        for row in search_.rows():
            rows.append(row)
            if as_json:
                say_json(row)
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, search_.access.explain(error)) from error
    except KeyboardInterrupt:
        stopped = True
    if rows and not as_json:
        heads = (translate(WORDS[key]) for key in ("unit", "setting", "life", "model", "confidence"))
        console().print(table(heads, ([*_cells(row)] for row in rows)))
    findings = search_.findings()
    if not rows and any(finding.kind is FindingKind.HANGS_UP for finding in findings):
        raise fail(EXIT_OUTSIDE, search_.access.explain(BusDownError(HANGS_UP)))
    _print_findings(url, findings, as_json=as_json, found=bool(rows))
    if stopped:
        text = translate(WORDS["stopped"], done=walk.done, total=walk.total)
        raise fail(EXIT_INTERRUPTED, f"{url}: {text}")
    if not rows:
        meters = [unit for unit in walk.unit_ids if unit not in OWN_UNIT_IDS] or list(walk.unit_ids)
        own = "".join(f", {unit}" for unit in OWN_UNIT_IDS if unit in walk.unit_ids and unit not in meters)
        text = translate(WORDS["no meter"], first=meters[0], last=f"{meters[-1]}{own}")
        raise fail(EXIT_NO, f"{url}: {text}")


@define
class Search:
    """The walk over the bus at `url`."""

    url: str
    walk: AnyWalk
    access: Access
    goes_on: Callable[[AnyWalk], bool] = _always
    recorder: Recorder | None = None
    _models: list[Model] = field(factory=lambda: [load(name) for name in names()])
    _own: dict[tuple[str, str], int] = field(factory=dict)
    _poor: dict[int, Losses] = field(factory=dict)
    _pause_s: float = 0.0
    _was_quick: bool = True
    _has_warned: bool = False
    _has_told: bool = False

    def rows(self) -> Iterator[Row]:
        """Each meter, as soon as it is named.

        Raises:
            BusDownError: The bus cannot be used.
        """
        asker = self.access.asker(self.url)
        self.walk.first_reads = list_first_reads(self._models)
        try:
            with progress(says_time_left=True) as bar:
                task = bar.add_task("", total=self.walk.total)

                def before(ask: Ask, is_quick: bool) -> bool:
                    return self._tell(bar, task, ask, is_quick=is_quick)

                for probe in search(self.walk, asker, before, lambda ask, s: self._record(asker, ask, s)):
                    yield from self._rows_of(probe, self.walk.found[probe])
        finally:
            asker.close()

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the bus, as far as its bytes show."""
        ignores = isinstance(self.walk, GatewayWalk) and self.walk.ignores_unit_id
        every = (Finding(FindingKind.EVERY_ADDRESS),) if ignores and self.walk.found else ()
        poor = (
            Finding(FindingKind.POOR, f"{translate(WORDS['unit'])} {unit}: {describe_losses(losses)}")
            for unit, losses in self._poor.items()
        )
        return (*every, *diagnose(self.walk), *poor)

    def _tell(self, bar: Bar, task: Any, ask: Ask, *, is_quick: bool) -> bool:
        """Show the progress before a question; whether the search goes on."""
        walk = self.walk
        if self._was_quick and not is_quick and not walk.found and walk.done:
            if walk.is_silent and walk.left_s > SILENT_REST_S:
                bar.stop()
                if not self.goes_on(walk):
                    return False
                bar.start()
            bar.console.print(translate(WORDS["nothing in the quick pass"]), style="dim")
        enough = SILENT_ASKS if isinstance(walk, GatewayWalk) else QUICK_UNITS
        if not self._has_warned and walk.done >= enough and is_quick and walk.is_silent:
            self._has_warned = True
            bar.console.print(translate(WORDS["no byte so far"]), style="dim")
        if isinstance(walk, GatewayWalk) and not self._has_told and walk.waits_s is not None:
            self._has_told = True
            self._tell_length(bar, walk)
        self._was_quick = is_quick
        bar.update(
            task,
            total=walk.total,
            completed=walk.done,
            description=_describe(walk, ask.probe, is_quick=is_quick),
        )
        return True

    def _tell_length(self, bar: Bar, walk: GatewayWalk) -> None:
        if walk.left_s < LONG_S:
            return
        text = translate(
            WORDS["takes long"],
            waits=f"{walk.cost_s():.1f}",
            minutes=math.ceil(walk.left_s / 60),
            last=QUICK_UNITS,
            short=math.ceil(QUICK_UNITS * walk.cost_s() / 60),
        )
        if bar.console.is_terminal:
            bar.console.print(text, style="yellow", soft_wrap=True)
        else:
            say(f"dianjian: {text}", err=True)

    def _record(self, asker: Asker, ask: Ask, seconds: float) -> None:
        if self.recorder is None or ask.listens:
            return
        probe = ask.probe
        read = RecordedRead(probe.unit_id, probe.function, probe.address, probe.count)
        outcome, heard = evolve(asker.outcome(probe), latency_s=seconds), asker.received.hex()
        at_s = self.recorder.at_s() - seconds
        self.recorder.write(at_s, read, outcome, setting=_setting_name(probe), heard=heard)

    def _rows_of(self, probe: Probe, result: ProbeResult) -> Iterator[Row]:
        url = url_at(self.url, probe.setting)
        found = None
        if result.sign not in {Sign.GARBLED, Sign.FOREIGN_ID}:
            bus = self.access.open(url, hasty=True)
            recorded = bus if self.recorder is None else RecordingBus(bus, self.recorder)
            try:
                time.sleep(self._pause_s)  # the search has just had its answer
                settle(bus, probe.unit_id, probe.function)
                control = Control(probe.function, probe.address, probe.count)
                found = identify(
                    recorded,
                    probe.unit_id,
                    self._models,
                    SystemClock(),
                    control=control,
                    pause_s=self._pause_s,
                )
                self._pause_s = found.pause_s
            finally:
                bus.close()
        yield from self._describe_meters(probe, result, url, found)

    def _describe_meters(
        self, probe: Probe, result: ProbeResult, url: str, found: Identification | None
    ) -> Iterator[Row]:
        head: Row = {
            "unit_id": probe.unit_id,
            "url": url,
            "setting": _setting_name(probe),
            "how": result.sign.value,
        }
        if found is not None and found.is_too_poor:
            self._poor[probe.unit_id] = found.losses
            head["poor"] = {"asked": found.losses.asked, "lost": found.losses.lost, "busy": found.losses.busy}
        best = found.meters if found is not None else ()
        for match in best:
            others = [one.model.name for one in found.matches if one.meter == match.meter] if found else []
            row = {
                **head,
                "model": match.model.name,
                "certain": match.certain,
                "confidence": round(match.confidence, 3),
                "alike": list(match.alike),
                "others": [name for name in others if name != match.model.name],
                "serial": match.serial,
                "meter": match.meter,
            }
            same = self._own.setdefault((match.model.name, match.serial), probe.unit_id)
            if match.serial and same != probe.unit_id and {same, probe.unit_id} & set(OWN_UNIT_IDS):
                row["same_as"] = same
            yield row
        if not best:
            nothing = {"model": "", "certain": False, "confidence": 0.0, "alike": [], "others": []}
            yield {**head, **nothing, "serial": "", "meter": 0}


def _describe(walk: AnyWalk, probe: Probe, *, is_quick: bool) -> str:
    name = translate(WORDS["quick pass" if is_quick else "full pass"])
    left_s = round(walk.quick_left_s if is_quick else walk.left_s)
    setting = f" {probe.setting}" if probe.setting is not None else ""
    left = f"{left_s // 60}:{left_s % 60:02d}"
    return f"{name}{setting} {translate(WORDS['unit'])} {probe.unit_id:3d}  {len(walk.found)} ●  {left}"


def _setting_name(probe: Probe) -> str:
    return "" if probe.setting is None else str(probe.setting)


def _cells(row: Row) -> Iterator[str]:
    yield str(row["unit_id"])
    yield row["setting"]
    sign = "answers" if row["model"] else row["how"]  # a meter that refuses one register may give others
    yield translate(WORDS[sign])
    models = f" {translate(WORDS['or'])} ".join(filter(None, (row["model"], *row["alike"])))
    models = models or translate(WORDS["poor" if "poor" in row else "unknown"])
    if row["meter"]:
        models += f" (sunspec:{row['meter']} {row['serial']})"
    if "same_as" in row:
        models += f" {translate(WORDS['same as'], unit=row['same_as'])}"
    yield models
    yield f"{row['confidence']:.0%}" if row["model"] else ""


def _print_findings(url: str, findings: tuple[Finding, ...], *, as_json: bool, found: bool) -> None:
    for finding in findings:
        text = describe_finding(finding)
        if as_json:
            line = {"finding": finding.kind.value, "about": finding.about, "text": text}
            say_json(line)
        elif found:
            console(stderr=True).print(text, style="yellow", soft_wrap=True)
        else:
            say(f"dianjian: {url}: {text}", err=True)
