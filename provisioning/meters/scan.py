"""`dianjian scan`: find the meters of a bus and say what they are. Reads only, never writes.

`drivers.search.walk` defines the order of the search, `drivers.search.signs` the meaning of the answers. With
`--json` every meter is one object with a `unit_id`, as soon as it is named; problems of the bus follow at the
end as objects with a `finding` and its `text`, which people get on stderr.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from attrs import define, evolve, field

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.errors import BusDownError, BusUrlError
from drivers.points.model import Model, load, names
from drivers.poll.bus import open_bus
from drivers.poll.meter import METER_UNIT_ID_MAX
from drivers.poll.recording import RecordedRead, Recorder, RecordingBus
from drivers.search.diagnosis import Finding, FindingKind, diagnose
from drivers.search.identify import SCAN_TIMEOUT_S, Match, identify
from drivers.search.prober import Prober, settings_to_try, url_at
from drivers.search.signs import ProbeResult, Sign
from drivers.search.walk import QUICK_UNITS, Probe, Walk
from provisioning.meters.scan_dlt645 import scan_bus
from provisioning.meters.words import WORDS
from provisioning.terminal.bus_option import RECORD, hasty_ledger, open_record
from provisioning.terminal.exits import EXIT_INTERRUPTED, EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, FiniteRange, fail
from provisioning.terminal.show import Bar, console, progress, table
from provisioning.words.findings import describe_finding
from provisioning.words.language import translate

Row = dict[str, Any]
SILENT_REST_S: Final = 120.0
"""If less of the search is left, it is done without asking."""
_UNIT: Final = click.IntRange(1, METER_UNIT_ID_MAX)


@click.command("scan", short_help="find the meters of a bus")
@click.argument("url")
@click.option("--first", type=_UNIT, default=1, show_default=True)
@click.option("--last", type=_UNIT, default=METER_UNIT_ID_MAX, show_default=True)
@click.option(
    "--timeout",
    "timeout_s",
    type=FiniteRange(min=0.001, max=60),
    default=SCAN_TIMEOUT_S,
    show_default=True,
    help="Seconds each.",
)
@click.option("--quick", is_flag=True, help="Only units up to 32 and the usual serial settings.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every baud rate and parity, whatever the URL names or the search finds.",
)
@RECORD
@click.option("--json", "as_json", is_flag=True, help="One JSON object per meter, as soon as it is found.")
def command(
    url: str,
    first: int,
    last: int,
    timeout_s: float,
    quick: bool,
    everything: bool,
    record: Path | None,
    as_json: bool,
) -> None:
    """Probe every address of the bus at URL, and name what answers; DL/T 645 buses by wildcards.

    Baud rates and parities that URL does not name are tried one after the other, the usual first. Where
    they give no byte at all, the rest is tried only if it is quick, or with --all.
    """
    if first > last:
        raise fail(EXIT_USAGE, f"--first {first} is above --last {last}")
    try:
        bus = open_bus(url, SystemClock())
        if isinstance(bus, Dlt645Bus):
            if record is not None:
                raise fail(EXIT_USAGE, "--record is for Modbus: record a DL/T 645 meter with dianjian read")
            scan_bus(bus, as_json=as_json)
            return
        settings = settings_to_try(url, everything=everything)
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    walk = Walk(settings, tuple(range(first, last + 1)), timeout_s, keep_settings=everything, quick=quick)
    goes_on = _always if everything else _confirm
    if record is None:
        _run(Search(url, walk, goes_on), as_json=as_json)
        return
    with open_record(record) as write:
        recorder = Recorder(url, bus.gap_registers_max, SystemClock(), write)
        _run(Search(url, walk, goes_on, recorder), as_json=as_json)


def _always(walk: Walk) -> bool:
    del walk
    return True


def _confirm(walk: Walk) -> bool:
    """Whether to go on although no byte was received: asks a person; a script decides by --all."""
    minutes = math.ceil(walk.left_s / 60)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        click.echo(f"dianjian: {translate(WORDS['no byte in the quick pass'], minutes=minutes)}", err=True)
        return False
    return click.confirm(translate(WORDS["go on without a byte"], minutes=minutes), default=False, err=True)


def _run(search: "Search", *, as_json: bool) -> None:
    url, walk = search.url, search.walk
    rows: list[Row] = []
    stopped = False
    try:
        for row in search.rows():
            rows.append(row)
            if as_json:
                click.echo(json.dumps(row))
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, f"{url}: {error}") from error
    except KeyboardInterrupt:
        stopped = True
    if rows and not as_json:
        heads = (translate(WORDS[key]) for key in ("unit", "setting", "life", "model", "confidence"))
        console().print(table(heads, ([*_cells(row)] for row in rows)))
    _print_findings(url, search.findings(), as_json=as_json, found=bool(rows))
    if stopped:
        raise fail(EXIT_INTERRUPTED, f"{url}: stopped after {walk.done} of {walk.total} questions")
    if not rows:
        raise fail(EXIT_NO, f"{url}: no meter answers at {walk.unit_ids[0]}..{walk.unit_ids[-1]}")


@define
class Search:
    """The walk over the bus at `url`."""

    url: str
    walk: Walk
    goes_on: Callable[[Walk], bool] = _always
    recorder: Recorder | None = None
    _models: list[Model] = field(factory=lambda: [load(name) for name in names()])
    _ignores_unit_id: bool = False

    def rows(self) -> Iterator[Row]:
        """Each meter, as soon as it is named.

        Raises:
            BusDownError: The bus cannot be used.
        """
        prober = Prober(self.url, SystemClock(), self.walk.timeout_s)
        try:
            with progress(says_time_left=True) as bar:
                self._ignores_unit_id = prober.ignores_unit_id()
                yield from self._walk(prober, bar)
        finally:
            prober.close()

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the bus, as far as its bytes show."""
        every = (Finding(FindingKind.EVERY_ADDRESS),) if self._ignores_unit_id else ()
        return (*every, *diagnose(self.walk))

    def _walk(self, prober: Prober, bar: Bar) -> Iterator[Row]:
        walk = self.walk
        task = bar.add_task("", total=walk.total)
        was_quick, has_warned = True, False
        while True:
            is_quick = walk.is_quick
            if (probe := walk.next()) is None:
                return
            if was_quick and not is_quick and not walk.found and walk.done:
                if walk.is_silent and walk.left_s > SILENT_REST_S:
                    bar.stop()
                    if not self.goes_on(walk):
                        walk.stop()
                        return
                    bar.start()
                bar.console.print(translate(WORDS["nothing in the quick pass"]), style="dim")
            if not has_warned and walk.done >= QUICK_UNITS and is_quick and walk.is_silent:
                has_warned = True
                bar.console.print(translate(WORDS["no byte so far"]), style="dim")
            was_quick = is_quick
            bar.update(task, total=walk.total, completed=walk.done, description=_describe(walk, probe))
            result, seconds = self._send(prober, probe)
            for new in walk.record(probe, result, seconds):
                prober.close()  # only one may have the port open
                yield self._row(new, walk.found[new])
                if self._ignores_unit_id:
                    walk.stop()

    def _send(self, prober: Prober, probe: Probe) -> tuple[ProbeResult, float]:
        at_s = 0.0 if self.recorder is None else self.recorder.at_s()
        result, seconds = prober.send(probe)
        if self.recorder is not None:
            read = RecordedRead(probe.unit_id, probe.function, 0, 1)
            outcome, heard = evolve(prober.outcome(probe), latency_s=seconds), prober.received.hex()
            self.recorder.write(at_s, read, outcome, setting=_setting_name(probe), heard=heard)
        return result, seconds

    def _row(self, probe: Probe, result: ProbeResult) -> Row:
        matches: tuple[Match, ...] = ()
        url = url_at(self.url, probe.setting)
        if result.sign is not Sign.GARBLED:
            bus = open_bus(url, SystemClock(), hasty_ledger())
            recorded = bus if self.recorder is None else RecordingBus(bus, self.recorder)
            try:
                matches = identify(recorded, probe.unit_id, self._models, SystemClock())
            finally:
                bus.close()
        best = matches[0] if matches else None
        return {
            "unit_id": probe.unit_id,
            "url": url,
            "setting": _setting_name(probe),
            "how": result.sign.value,
            "model": best.model.name if best else "",
            "certain": best.certain if best else False,
            "confidence": round(best.confidence, 3) if best else 0.0,
            "alike": list(best.alike) if best else [],
            "others": [match.model.name for match in matches[1:]],
        }


def _describe(walk: Walk, probe: Probe) -> str:
    name = translate(WORDS["quick pass" if walk.is_quick else "full pass"])
    left_s = round(walk.quick_left_s if walk.is_quick else walk.left_s)
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
    yield models or translate(WORDS["unknown"])
    yield f"{row['confidence']:.0%}" if row["model"] else ""


def _print_findings(url: str, findings: tuple[Finding, ...], *, as_json: bool, found: bool) -> None:
    for finding in findings:
        text = describe_finding(finding)
        if as_json:
            click.echo(json.dumps({"finding": finding.kind.value, "about": finding.about, "text": text}))
        elif found:
            console(stderr=True).print(text, style="yellow", soft_wrap=True)
        else:
            click.echo(f"dianjian: {url}: {text}", err=True)
