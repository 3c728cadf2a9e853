"""The site file of a setup, made from its journal: valid at every step, as far as the journal goes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import tomlkit
from attrs import evolve
from tomlkit import TOMLDocument
from tomlkit.items import Table

from agent.detect.line_params import LineParams, Threshold
from agent.detect.params import LinkageParams, nameplate
from evidence.words import Words
from provisioning.journal.entries import (
    Journal,
    LineThreshold,
    LinkageNamed,
    MeterFound,
    PlatformNamed,
    find_last_wiring,
)
from provisioning.learning.learned import write_parameters

HEADING: Final = Words(
    "由 dianjian setup 根据 setup.json 写成；手工添加的内容会保留，替换前会先询问",
    "Written by `dianjian setup` from setup.json. What is added by hand stays; setup asks before it writes.",
)


def format_site(journal: Journal, state: str, present: str = "") -> str:
    """The text of the site file.

    Args:
        journal: The results of the setup so far.
        state: Where the agent keeps its database.
        present: A site file that loads: its comments, and the keys that setup does not know, are kept.
    """
    document = tomlkit.parse(present.removeprefix("\ufeff"))
    if not document:
        document.add(tomlkit.comment(HEADING.en))
        document.add(tomlkit.comment(HEADING.zh))
    site = journal.site
    _set_section(document, "site", {"gateway": site.gateway or "gateway", "name": site.name})
    _set_section(document, "store", {"path": state})
    enrolled = journal.enrolment
    if enrolled is not None and enrolled.broker_url:
        keys = ("ca", "certificate", "key", "centre_key")
        values = {"url": enrolled.broker_url} | {key: getattr(enrolled, key) for key in keys}
        _set_section(document, "broker", values)
    _set_entries(document, "bus", [{"id": bus.id, "url": bus.url} for bus in journal.buses])
    _set_entries(document, "meter", list(_list_meters(journal)))
    _set_platforms(document, journal)
    lines = [{key: getattr(one, key) for key in ("id", "kind", "name", "rated_w")} for one in journal.lines]
    _set_entries(document, "line", lines)
    _set_entries(document, "linkage", list(_list_linkages(journal)))
    text = tomlkit.dumps(document)
    if journal.linkages and any(one.source != "nameplate" for one in journal.thresholds):
        text = write_parameters(text, [to_linkage_params(journal, linkage) for linkage in journal.linkages])
    return text


def to_linkage_params(journal: Journal, linkage: LinkageNamed) -> LinkageParams:
    """The detector's parameters of a linkage: nameplates, and thresholds if machines were tried.

    A sum of lines counts as on as soon as its smallest line does: from the least of their thresholds.
    """
    rated = {line.id: float(line.rated_w) for line in journal.lines}
    known = {one.line: one for one in journal.thresholds}
    production: dict[str, float] = {line: rated[line] for line in linkage.production}
    treatment: dict[str, float] = {line: rated[line] for line in linkage.treatment}
    params = nameplate(linkage.id, production, treatment)
    return evolve(
        params,
        production=tuple(_to_line_params(one, known) for one in params.production),
        treatment=tuple(_to_line_params(one, known) for one in params.treatment),
        on_production=_find_lowest(params.on_production, linkage.production, known),
        on_treatment=_find_lowest(params.on_treatment, linkage.treatment, known),
        envelope=(
            evolve(params.envelope[0], lo_w=_find_lowest(params.on_treatment, linkage.treatment, known).lo_w),
        ),
    )


def _to_line_params(params: LineParams, known: dict[str, LineThreshold]) -> LineParams:
    one = known.get(params.id)
    return params if one is None else evolve(params, threshold=_to_threshold(one), fall_from_w=one.hi_w)


def _find_lowest(nameplate_: Threshold, lines: tuple[str, ...], known: dict[str, LineThreshold]) -> Threshold:
    if not all(line in known for line in lines):
        return nameplate_
    return _to_threshold(min((known[line] for line in lines), key=lambda one: one.hi_w))


def _to_threshold(one: LineThreshold) -> Threshold:
    return Threshold(hi_w=one.hi_w, lo_w=one.lo_w, provisional=True)


def _set(table: Any, values: Mapping[str, Any]) -> None:
    """Set these values in `table` and remove keys without a value; an equal value stays as written."""
    for key, value in values.items():
        if value is None or value == "":
            table.pop(key, None)
        elif table.get(key) != value:
            table[key] = value


def _set_section(document: TOMLDocument, name: str, values: Mapping[str, Any]) -> None:
    if name not in document:
        document.add(tomlkit.nl())
        document.add(name, tomlkit.table())
    _set(document[name], values)


def _set_entries(document: TOMLDocument | Table, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """The array of tables `name`: entries with a known id are updated, others are removed, new ones added."""
    old: dict[str, Any] = {table["id"]: table for table in document.get(name, ())}
    if list(old) == [entry["id"] for entry in entries]:
        for entry in entries:
            _set(old[entry["id"]], entry)
        return
    tables = tomlkit.aot()
    for entry in entries:
        table = old.get(entry["id"])
        if not isinstance(table, Table):  # new, or an inline table
            table = tomlkit.table()
            table.update(tomlkit.item(old.get(entry["id"], {})).unwrap())
        _set(table, entry)
        tables.append(table)
    document.pop(name, None)
    if entries:
        document.add(name, tables)


def _list_meters(journal: Journal) -> Iterator[dict[str, Any]]:
    lines = {line.id for line in journal.lines}
    for meter in journal.meters:
        yield {
            "id": meter.id,
            "bus": meter.bus,
            "unit_id": meter.unit_id,
            "address": meter.address,
            "model": meter.model,
            "line": meter.line if meter.line in lines else None,
            "ct_ratio": None if meter.ct_ratio == 1.0 else meter.ct_ratio,
            "pt_ratio": None if meter.pt_ratio == 1.0 else meter.pt_ratio,
            "wiring": _find_open_wiring(journal, meter.id),
        } | _list_of_logger(meter)


def _list_of_logger(meter: MeterFound) -> dict[str, Any]:
    """What stands at a data logger alone; at other meters these keys are a person's."""
    if meter.fast_s is None:
        return {}
    return {"fast_s": meter.fast_s} | ({"credentials": meter.credentials} if meter.credentials else {})


def _set_platforms(document: TOMLDocument, journal: Journal) -> None:
    """The platforms of the journal, each with one station; what a person wrote beside them stays."""
    old: dict[str, Any] = {str(table.get("name")): table for table in document.get("hj212", ())}
    known = {meter.id for meter in journal.meters}
    named = {one.name: one for one in journal.platforms if known & {meter.id for meter in one.meters}}
    kept = [name for name in old if name not in journal.platforms_removed or name in named]
    if not old and not named:
        return
    wanted = list(dict.fromkeys([*kept, *named]))
    if wanted == list(old) and all(isinstance(table, Table) for table in old.values()):
        for name, one in named.items():
            _set_platform(old[name], one, known)
        return
    tables = tomlkit.aot()
    for name in wanted:
        table = old.get(name)
        if not isinstance(table, Table):  # new, or an inline table
            table = tomlkit.table()
            table.update(tomlkit.item(old.get(name, {})).unwrap())
        if name in named:
            _set_platform(table, named[name], known)
        tables.append(table)
    document.pop("hj212", None)
    if len(tables):
        document.add("hj212", tables)


def _set_platform(table: Table, one: PlatformNamed, known: set[str]) -> None:
    _set(
        table,
        {"name": one.name, "address": one.address, "credentials": one.credentials, "edition": one.edition},
    )
    station = table["station"][0] if table.get("station") else tomlkit.table()
    _set(station, {"mn": one.mn, "st": one.st})
    meters = [
        {
            "id": meter.id,
            "role": meter.role,
            "facility": meter.facility if meter.role else None,
            "running_w": meter.running_w if meter.condition or meter.equipment else None,
            "condition": meter.condition,
            "equipment": meter.equipment or None,
        }
        for meter in one.meters
        if meter.id in known
    ]
    _set_entries(station, "meter", meters)
    if not table.get("station"):
        stations = tomlkit.aot()
        stations.append(station)
        table.add("station", stations)


def _find_open_wiring(journal: Journal, meter: str) -> str | None:
    """The mistake that was found last and not put right; what is undecided is none."""
    verdict = find_last_wiring(journal, meter)
    return verdict.mistake if verdict is not None and verdict.verdict == "mistake" else None


def _list_linkages(journal: Journal) -> Iterator[dict[str, Any]]:
    for one in journal.linkages:
        yield {"id": one.id, "production": list(one.production), "treatment": list(one.treatment)}
