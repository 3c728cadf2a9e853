"""The city's figures for Prometheus: its text format, version 0.0.4. Pure.

Names, units and types follow its conventions: seconds, ratios, Unix times; a figure that is not known has no
sample. Of what owners can write nothing becomes a label but the gateway's id, whose characters are checked
where it is enrolled; the names of keys are those that the root has signed.
"""

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from centre.fleet.judging import Gravity
from disk.plain_text import one_line
from drivers.clock import ClockState
from provisioning.city.drawing import css_of
from provisioning.city.view import Row, View

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SEVERITIES: Final = ("violation", "integrity", "data", "notice")
MS: Final = 1_000

FAILED: Final = frozenset({"renewal late", "renewal denied", "expired"})
"""Reasons of a renewal that does not come by itself any more."""
IN_STEP: Final = frozenset({ClockState.SYNCHRONISED, ClockState.SIMULATED})

Sample = tuple[str, float]


@frozen
class _Figure:
    name: str
    kind: str
    help: str


def write_figures(view: View, newest_utc_ms: int, archived_to_ms: int = 0, *, is_deaf: bool) -> bytes:
    """All of them; `newest_utc_ms` is when anything last came into the store, 0 for never.

    Months that ended by `archived_to_ms` are archived; 0 for none.
    """
    lines: list[str] = []
    for figure, samples in _list_figures(view, newest_utc_ms, archived_to_ms, is_deaf=is_deaf):
        found = [f"dianjian_{figure.name}{labels} {_write(value)}" for labels, value in samples]
        if found:
            lines += [f"# HELP dianjian_{figure.name} {figure.help}"]
            lines += [f"# TYPE dianjian_{figure.name} {figure.kind}", *found]
    return "".join(f"{line}\n" for line in lines).encode()


def _list_figures(
    view: View, newest_utc_ms: int, archived_to_ms: int, *, is_deaf: bool
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
        _Figure("store_archived_to_timestamp_seconds", "gauge", "The end of the last archived month."),
        iter([("", archived_to_ms / MS)] if archived_to_ms else []),
    )
    yield (
        _Figure("centre_deaf", "gauge", "1 while the centre does not hear its own beacon."),
        iter([("", float(is_deaf))]),
    )
    yield (
        _Figure("key_end_timestamp_seconds", "gauge", "When a key ends that the root has certified."),
        ((f'{{role="{one.role}",name="{_quote(one.name)}"}}', one.ends_ms / MS) for one in view.keys),
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
        _Figure(
            "gateway_renewal_failed", "gauge", "1 while the renewal of its certificate is late or denied."
        ),
        _Figure("gateway_rekeying", "gauge", "1 while no seal has come under its new key."),
        _Figure("gateway_site_file_drift", "gauge", "1 if it does not run with the site file that it kept."),
        _Figure("gateway_clock_synchronised", "gauge", "1 if its clock was in step at its last seal."),
        _Figure("gateway_flash_wear_ratio", "gauge", "Used life of its flash, as the flash estimates it."),
        _Figure("gateway_temperature_celsius", "gauge", "Of its hottest zone, at its last heartbeat."),
        _Figure("gateway_memory_available_bytes", "gauge", "Of its machine, at its last heartbeat."),
    ):
        yield figure, _sample_gateways(view, figure.name)


def _sample_gateways(view: View, name: str) -> Iterator[Sample]:
    for row in view.rows:
        value = _read(name, row)
        if value is not None:
            yield f'{{gateway="{row.known.gateway}"}}', value


def _read(name: str, row: Row) -> float | None:
    known, beat = row.known, row.known.beat
    codes = {one.code for one in row.verdict.reasons}
    wear = None if beat is None or beat.wear_percent is None else beat.wear_percent / 100
    values: dict[str, float | None] = {
        "gateway_seals_total": known.number,
        "gateway_last_heard_timestamp_seconds": known.heard_utc_ms / MS or None,
        "gateway_needs_somebody": float(row.verdict.gravity is Gravity.ACT),
        "gateway_silent": float(known.silent_since_ms is not None),
        "gateway_store_used_ratio": beat.used if beat else None,
        "gateway_backlog_seals": beat.backlog if beat else None,
        "gateway_silent_meters": len(beat.silent) if beat else None,
        "gateway_certificate_end_timestamp_seconds": None if row.ends_ms is None else row.ends_ms / MS,
        "gateway_renewal_failed": None if row.ends_ms is None else float(bool(codes & FAILED)),
        "gateway_rekeying": float(known.rekeyed_ms > 0),
        "gateway_site_file_drift": float("drift" in codes) if row.is_sent else None,
        "gateway_clock_synchronised": None if known.clock is None else float(known.clock in IN_STEP),
        "gateway_flash_wear_ratio": wear,
        "gateway_temperature_celsius": beat.temperature_c if beat else None,
        "gateway_memory_available_bytes": beat.memory_bytes if beat else None,
    }
    return values[name]


def _quote(text: str) -> str:
    """As a label's value; names of keys are the root's."""
    return one_line(text).replace("\\", r"\\").replace('"', r"\"")


def _write(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
