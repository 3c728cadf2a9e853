"""`dianjian-sim`: serves simulated meters until a signal, switches machines, writes loads, trains people.

When every bus is open `serve` prints one line of JSON, {"buses": {"b1": "tcp://127.0.0.1:41234", …}}, and
nothing else on stdout. SIGTERM and SIGINT end it with exit code 0. Mistakes of a plant file are listed on
stderr with exit code 2, a bus that cannot be opened with 1.

A plant of the package is served by its name alone: `dianjian-sim serve ten-meters`. With --control its
machines are switched by `dianjian-sim set SOCKET LINE off|on|auto|40%` (firmware_sim.control), which
exits with 2 on a wrong word and with 1 if the plant does not answer.

Without --clock a plant file begins at its own start, at normal speed, and one meter alone has the
machine's time.
"""

import json
import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import click
from attrs import asdict, evolve

from disk.help_page import LANGUAGE, HelpGroup, set_up
from disk.language import choose_language, language, put_language_first
from disk.streams import ReaderGoneError, drop_output, fill_standard_streams, tell_reader_gone
from disk.translation import add_catalogues, translate_message
from disk.version import read_version
from disk.wide_text import count_columns
from drivers.clock import NS_PER_S, Clock, ClockSpecError, ScaledClock, SystemClock
from drivers.errors import ModelError
from drivers.points import model as meter_models
from firmware_sim.catalogue import CATALOGUE, COMMON
from firmware_sim.control import ControlError, ask
from firmware_sim.electrical import PHASES
from firmware_sim.energy import DAYS_MAX
from firmware_sim.layout import BusKind, BusPlan, BusProtocol, Layout, LineKind, LinePlan, MeterPlan, Wire
from firmware_sim.loads import LoadsError, list_loads
from firmware_sim.logger import logger
from firmware_sim.plant import Plant, load_plant
from firmware_sim.plant_file import PlantError
from firmware_sim.platform import platform
from firmware_sim.server import ServeError, Server
from firmware_sim.signals import DAY_S, Profile, Shape
from firmware_sim.switches import SYNTAX
from firmware_sim.train import train

EXIT_FAILED: Final = 1
EXIT_WRONG_INPUT: Final = 2
W_PER_KW: Final = 1000.0
HOUR_S: Final = 3600.0
WHERE_COLUMNS: Final = 16


add_catalogues("help", "firmware_sim.help_words")
add_catalogues("errors", *(f"{floor}.error_words" for floor in ("disk", "drivers", "firmware_sim")))
set_up()


@contextmanager
def _in_the_callers_language() -> Iterator[None]:
    """Have what a verb says of a wrong call said in the language of the call."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = translate_message(error.message)  # click's type says that it stays
        raise


class _Simulator(HelpGroup):
    """What a verb raises and what its output meets are one line, and never a traceback."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **more: Any
    ) -> click.Context:
        """The call, in the language that it names anywhere."""
        choose_language(None)
        with _in_the_callers_language(), tell_reader_gone():
            return super().make_context(info_name, put_language_first(args), parent, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """The verb."""
        with _in_the_callers_language(), tell_reader_gone():
            return super().invoke(ctx)

    def main(self, *args: Any, **extra: Any) -> Any:
        """The console script."""
        fill_standard_streams()
        try:
            try:
                return super().main(*args, **extra)
            finally:
                sys.stdout.flush()
        except (ReaderGoneError, BrokenPipeError):
            drop_output()
            sys.exit(0)
        except OSError as error:
            told = translate_message(f"{error.filename or 'the output'}: {error.strerror}")
            click.echo(f"dianjian-sim: {told}", err=True)
            drop_output()
            sys.exit(EXIT_FAILED)


@click.group(cls=_Simulator, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(read_version(), prog_name="dianjian-sim", message="%(prog)s %(version)s")
@LANGUAGE
def main() -> None:
    """Simulated meters, so that everything else can be tried without a plant."""


@main.command()
@click.argument("plant_file", required=False, type=click.Path(path_type=Path), metavar="[PLANT]")
@click.option("--clock", "clock_spec", help="Time of another process: SPEED@UTC_NS@BOOTTIME_NS.")
@click.option("--model", "model_name", help="Serve one meter of this model or model file.")
@click.option(
    "--unit",
    "unit_id",
    default=1,
    show_default=True,
    type=click.IntRange(1, 247),
    help="Of a Modbus meter, its address.",
)
@click.option("--address", default="000000000001", show_default=True, help="Of a DL/T 645 meter, 12 digits.")
@click.option("--tcp", help="HOST:PORT of Modbus TCP; port 0 takes a free one.")
@click.option("--rtu-tcp", help="HOST:PORT of RTU frames over TCP.")
@click.option("--pty", help="Symbolic link to make to a pseudo-terminal, 9600 8N1 (DL/T 645: 2400 8E1).")
@click.option(
    "--control", type=click.Path(path_type=Path), help="Make a Unix socket through which `set` switches."
)
@click.option(
    "--links",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Make a symbolic link DIR/BUS to each pseudo-terminal that has none.",
)
@click.option("--watts", default=10_000.0, show_default=True, help="Power of the one meter's line.")
def serve(
    plant_file: Path | None,
    clock_spec: str | None,
    model_name: str | None,
    unit_id: int,
    address: str,
    tcp: str | None,
    rtu_tcp: str | None,
    pty: str | None,
    control: Path | None,
    links: Path | None,
    watts: float,
) -> None:
    """Serve PLANT, a file or the name of a plant of the package, or one meter with --model."""
    if (plant_file is None) == (model_name is None):
        raise click.UsageError("give either PLANT or --model")
    try:
        clock: Clock | None = None if clock_spec is None else ScaledClock.from_spec(clock_spec)
    except ClockSpecError as error:
        raise click.BadParameter(str(error)) from error
    if plant_file is not None:
        plant = _link_terminals(_load(plant_file), links)
        clock = clock or ScaledClock(1.0, int(plant.start_s * NS_PER_S))
    else:
        clock = clock or SystemClock()
        places = {BusKind.TCP: tcp, BusKind.RTU_TCP: rtu_tcp, BusKind.PTY: pty}
        if not any(places.values()):
            raise click.UsageError("--model needs --tcp, --rtu-tcp or --pty")
        if not (len(address) == 12 and address.isascii() and address.isdecimal()):
            raise click.BadParameter(f"{address!r} is not 12 digits")
        now_s = clock.stamp().utc_ns / NS_PER_S
        plant = make_single_meter_plant(str(model_name), unit_id, address, places, watts, now_s)
    if abs(clock.stamp().utc_ns / NS_PER_S - plant.start_s) > DAYS_MAX * DAY_S:
        raise click.UsageError(f"the clock is more than {DAYS_MAX} days from the plant's start")
    serve_until_signal(plant, clock, control)


@main.command("set")
@click.argument("socket", type=click.Path(path_type=Path))
@click.argument("words", nargs=-1, metavar="[LINE off|on|auto|PERCENT%]")
@click.option("--json", "as_json", is_flag=True, help="The plant's answer as it comes.")
def set_(socket: Path, words: tuple[str, ...], *, as_json: bool) -> None:
    """Switch a LINE of the plant that is served with --control SOCKET; without one, show all lines.

    At a meter: `wiring m3 right` puts its wiring right (or wrong: `wiring m3 ct_reversed l2`),
    `supply m3 off` takes its supply away, `clamp m3` shows what a clamp meter reads on its cables.
    """
    if any(len(word.split()) != 1 for word in words) or len(words) == 1:
        raise click.UsageError(f"say what LINE is switched to: {SYNTAX}")
    try:
        answer = ask(socket, " ".join(words))
    except ControlError as error:
        click.echo(translate_message(str(error)), err=True)
        sys.exit(EXIT_FAILED)
    if "error" in answer:
        click.echo(translate_message(str(answer["error"])), err=True)
        sys.exit(EXIT_WRONG_INPUT)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif "amps" in answer:
        shown = zip(PHASES, answer["amps"], strict=True)
        click.echo("  ".join(f"{phase.upper()} {amps:g} A" for phase, amps in shown))
    elif words:
        when = f" from {answer['at']}" if "at" in answer else ""
        click.echo(f"{answer.get('line') or answer['meter']} {answer['to']}{when}")
    else:
        for one in answer["lines"]:
            click.echo(f"{one['line']:<12} {one['to'] or '-':<6} {one['power_w'] / W_PER_KW:10.2f} kW")


@main.command("loads")
@click.argument("plant_file", type=click.Path(path_type=Path), metavar="PLANT")
@click.option("--before", "before_h", default=96.0, show_default=True, help="Hours before the plant's start.")
@click.option("--after", "after_h", default=2.0, show_default=True, help="Hours after it.")
@click.option("--step", "step_s", default=10.0, show_default=True, help="Seconds from row to row.")
def loads(plant_file: Path, before_h: float, after_h: float, step_s: float) -> None:
    """Write the loads of PLANT as CSV to stdout, for `dianjian backtest`: a column a line, in W."""
    plant = _load(plant_file)
    begin_s, end_s = plant.start_s - before_h * HOUR_S, plant.start_s + after_h * HOUR_S
    try:
        for row in list_loads(plant, begin_s, end_s, step_s):
            click.echo(row)
    except LoadsError as error:
        raise click.UsageError(str(error)) from error


@main.command()
@click.option(
    "--json", "as_json", is_flag=True, help="A list of {section, what, where, keys, meaning, meaning_zh}."
)
def events(*, as_json: bool) -> None:
    """List what a plant file can script: events, wiring mistakes, faults and quirks of buses and meters."""
    if as_json:
        rows = [
            asdict(entry) | {"meaning": entry.meaning.en, "meaning_zh": entry.meaning.zh}
            for entry in CATALOGUE
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for section, common in COMMON.items():
        click.echo(f"{section}: {translate_message(common)}")
        for entry in CATALOGUE:
            if entry.section == section:
                where = translate_message(entry.where)
                left = " " * (WHERE_COLUMNS - count_columns(where))
                click.echo(f"  {entry.what:<17}{where}{left}{entry.meaning.text(language())}")
                if entry.keys:
                    click.echo(f"  {'':<33}{translate_message(entry.keys)}")


main.add_command(train)
main.add_command(platform)
main.add_command(logger)


def serve_until_signal(plant: Plant, clock: Clock, control: Path | None = None) -> None:
    """Open every bus, print where, and wait for a signal."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with Server(plant, clock, control) as server:
            click.echo(json.dumps({"buses": dict(server.urls)}))
            stop.wait()
    except ServeError as error:
        click.echo(translate_message(str(error)), err=True)
        sys.exit(EXIT_FAILED)


def make_single_meter_plant(
    model_name: str, unit_id: int, address: str, places: dict[BusKind, str | None], watts: float, now_s: float
) -> Plant:
    """A plant of one line with a constant load, with the same meter on each wanted bus."""
    try:
        own = model_name.endswith(".toml")
        model = meter_models.load_file(model_name) if own else meter_models.load(model_name)
    except ModelError as error:
        raise click.BadParameter(str(error)) from error
    dlt645 = model.is_dlt645
    buses = tuple(_bus(kind, place, dlt645=dlt645) for kind, place in places.items() if place)
    profile = Profile(Shape.CONTINUOUS, level=1.0)
    called = {"unit_id": 0, "address": address} if dlt645 else {"unit_id": unit_id}
    meters = tuple(MeterPlan(f"m-{bus.id}", model, bus.id, line="line", **called) for bus in buses)
    line = LinePlan("line", LineKind.PRODUCTION, watts, profile, tuple(meter.id for meter in meters))
    return Plant(Layout(math.floor(now_s), 1, buses, (line,), meters))


def _bus(kind: BusKind, place: str, *, dlt645: bool) -> BusPlan:
    protocol = BusProtocol.DLT645 if dlt645 else BusProtocol.MODBUS
    if kind is BusKind.PTY:
        return BusPlan(kind.value, kind, wire=Wire.usual(protocol), link=place, protocol=protocol)
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"{place!r} is not HOST:PORT")
    sent = BusKind.RTU_TCP if dlt645 else kind
    return BusPlan(kind.value, sent, host=host, port=int(port), protocol=protocol)


def _link_terminals(plant: Plant, folder: Path | None) -> Plant:
    """The plant with a link in the folder to each terminal that has none."""
    if folder is None:
        return plant
    buses = tuple(
        evolve(bus, link=str(folder / bus.id)) if bus.kind is BusKind.PTY and not bus.link else bus
        for bus in plant.layout.buses
    )
    return Plant(evolve(plant.layout, buses=buses))


def _load(path: Path) -> Plant:
    shipped = files("firmware_sim.plants").joinpath(f"{path}.toml")
    try:
        if path.name == str(path) and not path.exists() and shipped.is_file():
            with as_file(shipped) as file:
                return load_plant(file)
        return load_plant(path)
    except PlantError as error:
        for problem in error.problems:
            click.echo(translate_message(problem), err=True)
        sys.exit(EXIT_WRONG_INPUT)


if __name__ == "__main__":
    main()
