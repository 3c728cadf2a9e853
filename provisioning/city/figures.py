"""The city's figures for Prometheus: its text format, version 0.0.4. Pure.

Names, units and types follow its conventions: seconds, ratios, Unix times; a figure that is not known has no
sample. Of what owners can write nothing becomes a label but the gateway's id, whose characters are checked
where it is enrolled.
"""

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from centre.fleet.judging import Gravity
from provisioning.city.drawing import css_of
from provisioning.city.view import Row, View

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SEVERITIES: Final = ("violation", "integrity", "data", "notice")
MS: Final = 1_000

Sample = tuple[str, float]


@frozen
class _Figure:
    name: str
    kind: str
    help: str


def write_figures(view: View, newest_utc_ms: int, *, is_deaf: bool) -> bytes:
    """All of them; `newest_utc_ms` is when anything last came into the store, 0 for never."""
    lines: list[str] = []
    for figure, samples in _list_figures(view, newest_utc_ms, is_deaf=is_deaf):
        found = [f"dianjian_{figure.name}{labels} {_write(value)}" for labels, value in samples]
        if found:
            lines += [f"# HELP dianjian_{figure.name} {figure.help}"]
            lines += [f"# TYPE dianjian_{figure.name} {figure.kind}", *found]
    return "".join(f"{line}\n" for line in lines).encode()


def _list_figures(
    view: View, newest_utc_ms: int, *, is_deaf: bool
) -> Iterator[tuple[_Figure, Iterator[Sample]]]:
    yield (
        _Figure("gateways", "gauge", "Gateways by state: act, look, new, well, over."),
        ((f'{{state="{css_of(one)}"}}', view.count(one)) for one in Gravity),
    )
    opened = [one.severity for row in view.rows for one in row.known.opened.values()]
    yield (
        _Figure("open_episodes", "gauge", "Episodes that have not ended."),
        ((f'{{severity="{one}"}}', opened.count(one)) for one in SEVERITIES),
    )
    yield (
        _Figure("store_last_arrival_timestamp_seconds", "gauge", "When anything last came into the store."),
        iter([("", newest_utc_ms / MS)] if newest_utc_ms else []),
    )
    yield (
        _Figure("centre_deaf", "gauge", "1 while the centre does not hear its own beacon."),
        iter([("", float(is_deaf))]),
    )
    yield from _list_by_gateway(view)


def _list_by_gateway(view: View) -> Iterator[tuple[_Figure, Iterator[Sample]]]:
    for figure in (
        _Figure("gateway_seals_total", "counter", "Seals that the centre accepted."),
        _Figure("gateway_last_heard_timestamp_seconds", "gauge", "When something new last came of it."),
        _Figure("gateway_needs_somebody", "gauge", "1 in state act."),
        _Figure("gateway_silent", "gauge", "1 while the centre awaits it and hears nothing."),
        _Figure("gateway_store_used_ratio", "gauge", "Of its own store, at its last heartbeat."),
        _Figure("gateway_backlog_seals", "gauge", "Seals without a receipt, at its last heartbeat."),
        _Figure("gateway_silent_meters", "gauge", "Meters that do not answer it, at its last heartbeat."),
        _Figure("gateway_certificate_end_timestamp_seconds", "gauge", "When its last certificate ends."),
    ):
        samples = ((row.known.gateway, _read(figure.name, row)) for row in view.rows)
        yield figure, ((f'{{gateway="{name}"}}', one) for name, one in samples if one is not None)


def _read(name: str, row: Row) -> float | None:
    known, beat = row.known, row.known.beat
    values: dict[str, float | None] = {
        "gateway_seals_total": known.number,
        "gateway_last_heard_timestamp_seconds": known.heard_utc_ms / MS or None,
        "gateway_needs_somebody": float(row.verdict.gravity is Gravity.ACT),
        "gateway_silent": float(known.silent_since_ms is not None),
        "gateway_store_used_ratio": beat.used if beat else None,
        "gateway_backlog_seals": beat.backlog if beat else None,
        "gateway_silent_meters": len(beat.silent) if beat else None,
        "gateway_certificate_end_timestamp_seconds": None if row.ends_ms is None else row.ends_ms / MS,
    }
    return values[name]


def _write(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
