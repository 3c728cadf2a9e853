"""The site file of a setup, made from its journal: valid at every step, as far as the journal goes."""

from collections.abc import Iterator

from attrs import evolve

from agent.detect.line_params import LineParams, Threshold
from agent.detect.params import LinkageParams, nameplate
from provisioning.journal.file import Journal, LineThreshold, LinkageNamed
from provisioning.learning.learned import with_parameters

HEADING = (
    "# Written by `dianjian setup` from setup.json. Who edits it by hand is asked before it is replaced."
)


def site_text(journal: Journal, state: str) -> str:
    """The text of the site file; `state` is where the agent keeps its database."""
    text = "\n".join([*_head(journal, state), *_buses(journal), *_plant(journal)]) + "\n"
    tried = any(one.source != "nameplate" for one in journal.thresholds)
    if tried:
        text = with_parameters(text, [linkage_params(journal, linkage) for linkage in journal.linkages])
    return text


def linkage_params(journal: Journal, linkage: LinkageNamed) -> LinkageParams:
    """What the detector knows of a linkage: nameplates, and thresholds where machines were tried.

    A sum of lines counts as on as soon as its smallest line does: from the least of their thresholds.
    """
    rated = {line.id: float(line.rated_w) for line in journal.lines}
    known = {one.line: one for one in journal.thresholds}
    production: dict[str, float] = {line: rated[line] for line in linkage.production}
    treatment: dict[str, float] = {line: rated[line] for line in linkage.treatment}
    params = nameplate(linkage.id, production, treatment)
    return evolve(
        params,
        production=tuple(_line(one, known) for one in params.production),
        treatment=tuple(_line(one, known) for one in params.treatment),
        on_production=_of_all(params.on_production, linkage.production, known),
        on_treatment=_of_all(params.on_treatment, linkage.treatment, known),
        envelope=(
            evolve(params.envelope[0], lo_w=_of_all(params.on_treatment, linkage.treatment, known).lo_w),
        ),
    )


def _line(params: LineParams, known: dict[str, LineThreshold]) -> LineParams:
    one = known.get(params.id)
    return params if one is None else evolve(params, threshold=_threshold(one), fall_from_w=one.hi_w)


def _of_all(nameplate_: Threshold, lines: tuple[str, ...], known: dict[str, LineThreshold]) -> Threshold:
    if not all(line in known for line in lines):
        return nameplate_
    return _threshold(min((known[line] for line in lines), key=lambda one: one.hi_w))


def _threshold(one: LineThreshold) -> Threshold:
    return Threshold(hi_w=one.hi_w, lo_w=one.lo_w, provisional=True)


def _head(journal: Journal, state: str) -> Iterator[str]:
    yield HEADING
    yield from ("", "[site]", f"gateway = {_text(journal.site.gateway or 'gateway')}")
    if journal.site.name:
        yield f"name = {_text(journal.site.name)}"
    yield from ("", "[store]", f"path = {_text(state)}")
    enrolled = journal.enrolment
    if enrolled is not None and enrolled.broker_url:
        yield from ("", "[broker]", f"url = {_text(enrolled.broker_url)}")
        for key in ("ca", "certificate", "key", "centre_key"):
            if value := getattr(enrolled, key):
                yield f"{key} = {_text(value)}"


def _buses(journal: Journal) -> Iterator[str]:
    for bus in journal.buses:
        yield from ("", "[[bus]]", f"id = {_text(bus.id)}", f"url = {_text(bus.url)}")
    lines = {line.id for line in journal.lines}
    for meter in journal.meters:
        yield from ("", "[[meter]]", f"id = {_text(meter.id)}", f"bus = {_text(meter.bus)}")
        if meter.unit_id is not None:
            yield f"unit_id = {meter.unit_id}"
        if meter.address is not None:
            yield f"address = {_text(meter.address)}"
        yield f"model = {_text(meter.model)}"
        if meter.line in lines:
            yield f"line = {_text(str(meter.line))}"
        for key, ratio in (("ct_ratio", meter.ct_ratio), ("pt_ratio", meter.pt_ratio)):
            if ratio != 1.0:
                yield f"{key} = {ratio!r}"


def _plant(journal: Journal) -> Iterator[str]:
    for line in journal.lines:
        yield from ("", "[[line]]", f"id = {_text(line.id)}", f"kind = {_text(line.kind)}")
        if line.name:
            yield f"name = {_text(line.name)}"
        yield f"rated_w = {line.rated_w}"
    for linkage in journal.linkages:
        yield from ("", "[[linkage]]", f"id = {_text(linkage.id)}")
        for role in ("production", "treatment"):
            yield f"{role} = [{', '.join(map(_text, getattr(linkage, role)))}]"


def _text(value: str) -> str:
    """A TOML basic string."""
    return '"' + "".join(_character(one) for one in value) + '"'


def _character(one: str) -> str:
    if one in '"\\':
        return "\\" + one
    return one if one >= " " and one != "\x7f" else f"\\u{ord(one):04x}"
