"""The agent's status, as the one JSON object that `status.sock` sends.

gateway, name, at, boot_id, clock, version
clock_ahead_ms   by how much the clock was ahead of the centre's at its last beacon | null
lines      [{id, name, kind, rated_w, power_w | null, on | null,
             wiring {meter: mistake} of its meters that are wired wrongly: nothing is judged by them,
             recent_w [60 of W | null: the mean of each minute, oldest first, the present one last]}]
linkages   [{id, production, treatment, production_w, treatment_w, expected_w, deficit_s, limit_s,
             violation (the rule of an open finding) | null, severity (of it) | null, learned (commissioned),
             correlation (r at lag_s over correlated_minutes) | null, undefined_reason, correlated_minutes,
             correlated_minutes_min (fewer have no r), correlation_minutes (the whole window), lag_s,
             correlation_varied (false: production varies too little for r to say anything),
             correlation_limit (the least r of commissioning) | null (r is not judged)}]
meters     [{meter, line | null, quality, reason, at, values, units | null (where there is no line),
             learned {slowest_s, pause_s, registers_max, left_out {point: why}}}], each key if it is known
buses      [{bus, url, load_percent, requests, timeouts, …, latency_ms {p50, p95, max},
             meters [{meter, requests, …, latency_ms}]}], see `agent.status.bus_figures`,
             learned {pause_s, gateway_s}
seals      {last, receipted (without their readings), delivered (with the readings of all up to this one),
             backlog (seals whose readings the centre has not receipted), records_waiting (in those),
             sent, in_flight, receipt {number, at (the centre's time)} | null}
broker     {connected, ended (why the last connection ended), refused [subscriptions], beacon_at (the
             centre's time in its last beacon) | null, rejected (messages not signed by this centre, or
             replayed), alarms, packets | null, url, certificate {file, ends_at | null} | null}
             packets {bytes_max, refused (0: the broker named the limit itself), smallest (that of one seal)}
episodes   the latest, as in their records but without traces
orders     [{order, rev, seq, kind, issuer, number, test, effective, expires, due | null, left_s | null, text,
             shown (to the plant), result (what the bureau said of the answer), state (pending, overdue, what
             a person has answered last, or closed, returned)}] of those that stand, effective or not yet
alerts     [how each line stands in each alert: `evidence.curtailment.progress`]
verdicts   [the latest final verdicts about alerts, as they are sealed]
platforms  [{host, mn, connected, why (it is not), waiting, dropped (packets of the host, given up for room),
             told {event, detail} (the last trouble) | null} for each station of each platform of HJ 212]
archive    {folder, copied (the last seal in it), own (the agent's last one), missing [first, last] that were
             pruned before | null, trouble ("" or a code), text} | null without [archive]
remote     {state (trial, kept, back, void), order, rev, why} of the last site file from the centre | null
emissions  [the questions about analysers that stand, as in their events without curves: `agent.emissions`]
process    {resident_bytes, threads, descriptors}
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import evolve, field, frozen

from agent.curtailment.curtailing import Curtailing
from agent.detect.params import LinkageParams
from agent.host.certificate_end import certificate_end
from agent.host.health import read_health
from agent.judging.detector_feed import NS_PER_MS, DetectorFeed
from agent.judging.judging import Judging
from agent.learned import describe_meter
from agent.orders.orders import Orders
from agent.readings import Readings
from agent.site.file import Site
from agent.status.bus_figures import BusFigures
from agent.uplink.courier import Courier
from agent.uplink.delivery import OutboxStatus
from drivers.clock import NS_PER_S, Stamp
from drivers.poll.learned import LearnedBus
from drivers.poll.meter import MeterSetup
from drivers.reading import POWER_POINT, UNITS, PollGroup, Quality, Reading
from evidence.moments import iso_utc

UTC_MS_MAX: Final = 253_402_300_799_000
"""The end of the year 9999: later times cannot be written in ISO 8601."""


@frozen
class StatusParts:
    """Where the status finds what it shows."""

    site: Site
    version: str
    courier: Courier
    readings: Readings
    judging: Judging
    buses: Callable[[], Sequence[BusFigures]]
    learned: Callable[[], Mapping[str, LearnedBus]] = dict
    platforms: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    emissions: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    orders: Orders = field(kw_only=True)
    alerts: Curtailing = field(kw_only=True)
    archive: Callable[[], dict[str, Any] | None] = field(kw_only=True, default=lambda: None)
    remote: Callable[[], dict[str, Any] | None] = field(kw_only=True, default=lambda: None)


def overview(parts: StatusParts, stamp: Stamp) -> dict[str, Any]:
    """The status object."""
    delivery, learned = parts.courier.status(), parts.learned()
    return {
        "gateway": parts.site.site.gateway,
        "name": parts.site.site.name,
        "at": iso(stamp),
        "boot_id": stamp.boot_id.hex(),
        "clock": stamp.clock_state.value,
        "clock_ahead_ms": parts.courier.clock_ahead_ms,
        "version": parts.version,
        "lines": _lines(parts, stamp),
        "linkages": _linkages(parts.judging.feed),
        "meters": _meters(parts),
        "buses": [{**bus.to_json(), "learned": _bus_learned(learned.get(bus.id))} for bus in parts.buses()],
        "seals": {
            "last": delivery.tip,
            "receipted": delivery.received,
            "delivered": delivery.bodies_up_to,
            "backlog": delivery.backlog,
            "records_waiting": parts.courier.count_waiting(),
            "sent": delivery.sent,
            "in_flight": delivery.in_flight,
            "receipt": _receipt(parts.courier.receipt),
        },
        "broker": {
            "connected": delivery.connected,
            "ended": parts.courier.ended,
            "refused": list(parts.courier.refused),
            "beacon_at": _iso_ms(parts.courier.beacon_utc_ms or parts.courier.kept_utc_ms),
            "rejected": parts.courier.rejections,
            "alarms": sorted(delivery.alarms),
            "packets": _packets(delivery),
            **_broker(parts.site),
        },
        "episodes": [
            {key: value for key, value in episode.to_body().items() if key != "trace"}
            for episode in parts.judging.episodes
        ],
        "orders": parts.orders.list_open(stamp),
        "alerts": parts.alerts.list_open(stamp),
        "verdicts": parts.alerts.list_ended(),
        "platforms": list(parts.platforms()),
        "emissions": list(parts.emissions()),
        "archive": parts.archive(),
        "remote": parts.remote(),
        "process": read_health().figures(),
    }


def iso(stamp: Stamp) -> str:
    """The wall time of `stamp`, ISO 8601 in UTC with milliseconds."""
    return _iso(datetime.fromtimestamp(stamp.utc_ns / NS_PER_S, UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reading_json(reading: Reading, setup: MeterSetup, line: str | None) -> dict[str, Any]:
    """A reading with its decoded values, as one line for people and scripts."""
    values = setup.model.decode(reading.blocks, setup.ct_ratio, setup.pt_ratio) if reading.blocks else {}
    return {
        "meter": reading.meter,
        "line": line,
        "group": reading.group.value,
        "at": iso(reading.stamp),
        "clock": reading.stamp.clock_state.value,
        "quality": reading.quality.value,
        "reason": reading.reason,
        "latency_ms": round(reading.latency_ns / 1_000_000, 3),
        "values": values,
    }


def _iso_ms(utc_ms: int | None) -> str | None:
    return None if utc_ms is None or utc_ms > UTC_MS_MAX else iso_utc(utc_ms)


def _receipt(receipt: tuple[int, int] | None) -> dict[str, Any] | None:
    at = None if receipt is None else _iso_ms(receipt[1])
    return None if receipt is None or at is None else {"number": receipt[0], "at": at}


def _packets(delivery: OutboxStatus) -> dict[str, int] | None:
    if delivery.packet_bytes_max is None:
        return None
    return {
        "bytes_max": delivery.packet_bytes_max,
        "refused": delivery.packet_refused,
        "smallest": delivery.packet_smallest,
    }


def _broker(site: Site) -> dict[str, Any]:
    broker = site.broker
    if broker is None or not broker.certificate:
        return {"url": broker.url if broker else "", "certificate": None}
    file = site.path(broker.certificate)
    end = certificate_end(file)
    known = {"file": str(file), "ends_at": None if end is None else _iso(end)}
    return {"url": broker.url, "certificate": known}


def _lines(parts: StatusParts, stamp: Stamp) -> list[dict[str, Any]]:
    thresholds = {
        line.id: line.threshold for linkage in parts.judging.feed.linkages for line in linkage.lines
    }
    powers: dict[str, list[float | None]] = {}
    for meter, line_id in parts.judging.feed.lines.items():
        powers.setdefault(line_id, []).append(_power(parts, meter))
    wiring: dict[str, dict[str, str]] = {}
    for one in parts.site.meter:
        if one.wiring and one.line:
            wiring.setdefault(one.line, {})[one.id] = one.wiring
    rows = []
    for line in parts.site.line:
        fed = powers.get(line.id, [])
        watts = sum(part for part in fed if part is not None) if fed and None not in fed else None
        threshold = thresholds.get(line.id)
        running = None if watts is None or threshold is None else watts >= threshold.lo_w
        rows.append(
            {
                "id": line.id,
                "name": line.name,
                "kind": line.kind,
                "rated_w": line.rated_w,
                "power_w": watts,
                "on": running,
                "wiring": wiring.get(line.id, {}),
                "recent_w": parts.judging.feed.load_history.watts(line.id, stamp.boottime_ns // NS_PER_MS),
            }
        )
    return rows


def _power(parts: StatusParts, meter: str) -> float | None:
    reading = parts.readings.latest.get(meter, {}).get(PollGroup.FAST)
    if reading is None or reading.quality is not Quality.GOOD:
        return None
    setup = parts.judging.feed.setups[meter]
    watts = setup.model.decode(reading.blocks, setup.ct_ratio, setup.pt_ratio).get(POWER_POINT)
    return None if watts is None or isinstance(watts, str) else watts


def _linkages(feed: DetectorFeed) -> list[dict[str, Any]]:
    if feed.detector is None:
        return []
    params: dict[str, LinkageParams] = {linkage.linkage: linkage for linkage in feed.linkages}
    return [
        {
            "id": status.linkage,
            "production": [line.id for line in params[status.linkage].production],
            "treatment": [line.id for line in params[status.linkage].treatment],
            "production_w": status.production_w,
            "treatment_w": status.treatment_w,
            "expected_w": status.expected_w,
            "deficit_s": status.deficit_s,
            "limit_s": status.limit_s,
            "correlation": status.correlation,
            "undefined_reason": status.undefined_reason,
            "correlated_minutes": status.correlated_minutes,
            "correlated_minutes_min": status.correlated_minutes_min,
            "correlation_minutes": status.correlation_minutes,
            "correlation_varied": status.correlation_varied,
            "correlation_limit": status.correlation_limit,
            "lag_s": status.lag_s,
            "learned": status.learned,
            "violation": status.violation.value if status.violation else None,
            "severity": status.severity.value if status.severity else None,
        }
        for status in feed.detector.status()
    ]


def _bus_learned(bus: LearnedBus | None) -> dict[str, Any]:
    return {} if bus is None else evolve(bus, meters={}).to_plain()


def _meters(parts: StatusParts) -> list[dict[str, Any]]:
    """Each meter with its latest readings, and what was learned of it."""
    told: dict[str, dict[str, Any]] = {}
    for bus in parts.learned().values():
        for meter in bus.meters:
            if meter in parts.judging.feed.setups:
                told[meter] = describe_meter(bus, meter, parts.judging.feed.setups[meter])
    return [{**_meter(parts, one), "learned": told.get(one, {})} for one in parts.judging.feed.setups]


def _meter(parts: StatusParts, meter: str) -> dict[str, Any]:
    setup, line = parts.judging.feed.setups[meter], parts.judging.feed.lines.get(meter)
    readings = parts.readings.latest.get(meter, {})
    row: dict[str, Any] = {
        "meter": meter,
        "line": line,
        "quality": "bad",
        "reason": "not read yet",
        "values": {},
    }
    for group in (PollGroup.IDENTITY, PollGroup.SLOW, PollGroup.FAST):  # the fast group overrides the others
        if group in readings:
            latest = reading_json(readings[group], setup, line)
            row = {**row, **latest, "values": {**row["values"], **latest["values"]}}
    row.pop("group", None)
    return row if line is not None else {**row, "units": _units(setup, row["values"])}


def _units(setup: MeterSetup, values: Iterable[str]) -> dict[str, str]:
    """The units of the values of a meter without a line."""
    return {name: UNITS.get(setup.model.point(name).quantity, "") for name in values}
