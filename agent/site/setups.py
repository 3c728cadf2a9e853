"""The meters of a site with their models: shipped ones by name, the site's own ones by file.

A model whose name ends in `.toml` is a file below the folder of the site file. Its point table goes
into the manifest as that of any other model, so a reader of the records needs no copy of the file.

A device with several meters in it (SunSpec) is several meters of the site at one address, each with the
model of its own registers; `dianjian identify --meter 2 --model-file FILE` writes that of the second.

A meter with active power belongs to a line, because the detector judges lines by it. A meter without, such as
an analyser of emissions, is read, sealed and sent, and belongs to no line.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from agent.site.field_types import MODEL_FILE_SUFFIX
from agent.site.file import BusSettings, ConfigError, MeterSettings, Site
from drivers.errors import ModelError
from drivers.points import model as models
from drivers.points.model import Model
from drivers.points.point import Point
from drivers.poll.setup import MeterSetup
from drivers.reading import POWER_POINT, REGISTERS_MAX

T = TypeVar("T")


def setups_of(site: Site) -> dict[str, MeterSetup]:
    """The meters of `site` with their models, by id.

    Raises:
        ConfigError: A model is not known, its file is wrong, or it fits no such meter.
    """
    setups: dict[str, MeterSetup] = {}
    models_read: dict[str, Model] = {}
    problems: list[str] = []
    buses = {bus.id: bus for bus in site.bus}
    for index, meter in enumerate(site.meter):
        bus = buses[meter.bus]
        try:
            model = models_read.get(meter.model) or _model(site, meter)
        except ModelError as error:
            problems += [f"meter[{index}].model: {problem}" for problem in error.problems]
            continue
        models_read[meter.model] = model  # a hundred meters of one model share it, and what it has prepared
        misfits = list(_misfits(meter, bus, model))
        problems += [f"meter[{index}].{misfit}" for misfit in misfits]
        if not misfits:
            setups[meter.id] = MeterSetup(
                id=meter.id,
                model=model,
                unit_id=meter.unit_id,
                address=meter.address or "",
                ct_ratio=meter.ct_ratio,
                pt_ratio=meter.pt_ratio,
                fast_s=meter.fast_s,
                slow_s=meter.slow_s,
                timeout_s=_first(meter.timeout_s, bus.timeout_s),
                pause_s=_first(meter.pause_s, bus.pause_s),
                registers_max=_first(meter.registers_max, bus.registers_max) or REGISTERS_MAX,
            )
    problems += _shared_registers(site, setups)
    if problems:
        raise ConfigError(site.file, problems)
    return setups


def _shared_registers(site: Site, setups: Mapping[str, MeterSetup]) -> Iterator[str]:
    """Meters of one device must not be the same one: two models with the power at one register."""
    seen: dict[tuple[str, int, int, int], str] = {}
    for index, meter in enumerate(site.meter):
        setup = setups.get(meter.id)
        for point in setup.model.points if setup is not None else ():
            if setup is None or point.name != POWER_POINT:
                continue
            place = meter.bus, setup.station, point.function, point.address
            other = seen.setdefault(place, meter.id)
            if other != meter.id:
                yield f"meter[{index}].model: reads the same registers as meter {other!r} at {meter.place}"


def lines_of(site: Site) -> dict[str, str]:
    """The line that each meter feeds, for the meters that feed one."""
    return {meter.id: meter.line for meter in site.meter if meter.line is not None}


def _model(site: Site, meter: MeterSettings) -> Model:
    if meter.model.endswith(MODEL_FILE_SUFFIX):
        return models.load_file(site.path(meter.model))
    return models.load(meter.model)


def _first(own: T | None, of_bus: T | None) -> T | None:
    """The meter's own value of a key, else that of its bus."""
    return of_bus if own is None else own


def _misfits(meter: MeterSettings, bus: BusSettings, model: Model) -> Iterator[str]:
    """Why the model does not fit this meter, with the key that is wrong."""
    if (model.is_dlt645, model.is_hj212) != (bus.is_dlt645, bus.is_hj212):
        spoken = "DL/T 645" if model.is_dlt645 else "HJ 212" if model.is_hj212 else "Modbus"
        yield f"model: {model.name} speaks {spoken}, bus {meter.bus!r} does not"
    has_power = any(point.name == POWER_POINT for point in model.points)
    if has_power and meter.line is None:
        yield f"line: missing; {model.name} measures {POWER_POINT}, so name the line it feeds"
    elif meter.line is not None and not has_power:
        yield f"line: {model.name} has no point {POWER_POINT}, so it can feed no line; leave line out"
    most = _first(meter.registers_max, bus.registers_max)
    largest = max((point for point in model.points if not point.size_bytes), key=_count, default=None)
    if most is not None and largest is not None and largest.count > most:
        needed = f"{largest.name} of {model.name} has {largest.count} registers"
        yield f"registers_max: {most} is too few; {needed}"


def _count(point: Point) -> int:
    return point.count
