"""The tiles of the status page: seals, receipts, broker, clock, meters and memory at a glance."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, markup
from provisioning.words.numbers import duration

LATE_S: Final = 600
"""A receipt older than this while seals wait needs attention."""
BACKLOG_NORMAL: Final = 3
"""Seals that may be in transit at any moment."""
_CLOCKS: Final = {"synchronised": "", "unsynchronised": "bad", "simulated": "open"}


def draw_tiles(seen: Snapshot, reader: Reader) -> Iterator[Html]:
    """All tiles; without an agent, only those from the chain."""
    status = seen.status
    last = status["seals"]["last"] if status else seen.chain.last
    day = seen.chain.day
    sealed = "" if day is None or day.last_s is None else _format_age(seen.now_s - day.last_s, reader)
    yield _tile(reader.text("last seal"), f"#{last}", sealed)
    yield _draw_receipt(seen, reader)
    if status is None:
        return
    backlog, broker = status["seals"]["backlog"], status["broker"]
    waits = "open" if backlog > BACKLOG_NORMAL else ""
    yield _tile(reader.text("backlog"), backlog, reader.text("seals"), waits)
    state = "connected" if broker["connected"] else "disconnected"
    css = "" if broker["connected"] else "bad"
    yield _tile(reader.text("broker"), reader.text(state), str(broker.get("url") or ""), css)
    yield _draw_clock(status, reader)
    good, count = sum(meter["quality"] == "good" for meter in status["meters"]), len(status["meters"])
    css = "" if good == count else "bad"
    yield _tile(reader.text("meters"), f"{good} / {count}", reader.text("meters answer"), css)
    size = status["process"]["resident_bytes"] / 2**20
    yield _tile(reader.text("memory"), f"{size:.0f} MiB", reader.text("the agent"))


def _tile(name: str, value: object, more: str, css: str = "") -> Html:
    return markup(
        '<div class="tile {}"><span class="dim">{}</span><b>{}</b><span class="dim">{}</span></div>',
        css,
        name,
        value,
        more,
    )


def _format_age(age_s: float, reader: Reader) -> str:
    return reader.text("ago", age=duration(max(0.0, age_s)))


def _draw_receipt(seen: Snapshot, reader: Reader) -> Html:
    number, at_s = _find_receipt(seen)
    name = reader.text("last receipt")
    if number is None:
        return _tile(name, "—", reader.text("none yet"), "open")
    if at_s is None:
        return _tile(name, f"#{number}", "")
    age_s = seen.now_s - at_s
    waits = seen.status is not None and seen.status["seals"]["backlog"] > BACKLOG_NORMAL
    return _tile(name, f"#{number}", _format_age(age_s, reader), "open" if waits and age_s > LATE_S else "")


def _find_receipt(seen: Snapshot) -> tuple[int | None, float | None]:
    """Number and time of the last receipt, from the agent, else from its store."""
    told = seen.status["seals"].get("receipt") if seen.status else None
    if told:
        try:
            return told["number"], datetime.fromisoformat(told["at"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return told.get("number"), None
    kept = seen.chain.receipt
    return (kept.number, kept.centre_utc_ms / 1000) if kept else (None, None)


def _draw_clock(status: Mapping[str, Any], reader: Reader) -> Html:
    state, ahead = str(status["clock"]), status.get("clock_ahead_ms")
    more = reader.text("to the centre", ahead_s=ahead / 1000) if isinstance(ahead, int | float) else ""
    return _tile(reader.text("clock"), reader.name(state), more, _CLOCKS.get(state, "open"))
