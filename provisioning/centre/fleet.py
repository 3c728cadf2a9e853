"""`dianjian centre fleet`: every gateway in a line, those that need somebody first and why.

The same judgement as the city's page (`dianjian centre web`), for a terminal and for scripts, over the store
as it stands; needs no key and no running subscriber. With --orders it also says where a gateway does not run
with the site file that it was last sent and had kept (somebody has changed it on the site), and which keys of
the centre end within a month; with --authority, whose certificate ends and whose renewal has failed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from centre.enrolment.ledger import LEDGER_NAME
from centre.fleet.judging import Gravity
from centre.fleet.papers import KeyEnd
from centre.fleet.watcher import Watcher
from centre.store.place import Place
from evidence.moments import iso_utc, zone_s
from evidence.words import Words
from provisioning.care.drift import read_sent
from provisioning.centre.options import AS_JSON, FILE, FOLDER, REGISTER, failing_in_one_line, read_utc_ms
from provisioning.city.page import explain
from provisioning.city.source import read_keys, read_papers, read_sites
from provisioning.city.view import Row, View, make_rows
from provisioning.city.words import WORDS as CITY
from provisioning.city.words import Reader
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from provisioning.words.language import language, translate

REASONS_MAX: Final = 3
"""In a line of a terminal; --json has all."""
WORDS: Final = {
    "row": Words(
        "{state}  {gateway}  {site}  {version}  {why}", "{state}  {gateway}  {site}  {version}  {why}"
    ),
    "well": Words("无需处理", "nothing to do"),
    "key": Words("{role}密钥“{name}”于{end}到期", "the {role} key “{name}” ends on {end}"),
    "more": Words("等{count}项", "and {count} more"),
    "sum": Words(
        "{total}台网关：需处理{act}，需留意{look}，正常{well}，尚无数据{new}，已吊销{over}",
        "{total} gateways: {act} act, {look} look, {well} well, {new} nothing yet, {over} revoked",
    ),
    "none": Words("没有符合条件的网关", "no gateway is like that"),
}
_SORTS: Final = ("state", "gateway", "heard", "version", "certificate", "disk")
_STATES: Final = {gravity.name.lower(): gravity for gravity in Gravity}


@frozen
class Line:
    """One gateway."""

    row: Row

    @property
    def drift(self) -> str:
        """The change that it was sent last and does not run with, "" if it does."""
        return next((one.about for one in self.row.verdict.reasons if one.code == "drift"), "")

    def to_dict(self, view: View, reader: Reader) -> dict[str, Any]:
        """For a script."""
        known, beat = self.row.known, self.row.known.beat
        return {
            "gateway": known.gateway,
            "site": self.row.site,
            "state": self.row.verdict.gravity.name.lower(),
            "reasons": [
                {"code": one.code, "about": one.about, "text": explain(one, self.row, view, reader)}
                for one in self.row.verdict.reasons
            ],
            "seal": known.number,
            "heard": iso_utc(known.heard_utc_ms) if known.heard_utc_ms else None,
            "version": known.version,
            "site_sha256": known.site_hash or None,
            "drift": self.drift or None,
            "clock": None if known.clock is None else known.clock.value,
            "rekeying_since": iso_utc(known.rekeyed_ms) if known.rekeyed_ms else None,
            "certificate_until": None if self.row.ends_ms is None else iso_utc(self.row.ends_ms),
            "open_episodes": len(known.opened),
            "silent_meters": list(beat.silent) if beat else None,
            "backlog": beat.backlog if beat else None,
            "store_used": beat.used if beat else None,
            "flash_wear_percent": beat.wear_percent if beat else None,
            "temperature_c": beat.temperature_c if beat else None,
            "memory_available_bytes": beat.memory_bytes if beat else None,
        }


@click.command("fleet", short_help="every gateway in a line, those that need somebody first")
@store_option("The subscriber's database; it may be running.", required=True)
@REGISTER
@click.option("--authority", type=FOLDER, help="The office's folder, to show when certificates end.")
@click.option(
    "--orders", "ledger", type=FILE, help="The ledger of orders, to see who runs with another file."
)
@click.option(
    "--state", "states", multiple=True, type=click.Choice(list(_STATES)), help="Those alone; repeatable."
)
@click.option("--find", default="", help="Those with this in name, plant, version or reason.")
@click.option(
    "--sort", type=click.Choice(_SORTS), default="state", show_default=True, help="What comes first."
)
@AS_JSON
def fleet(
    store: Place,
    register: Path,
    authority: Path | None,
    ledger: Path | None,
    states: tuple[str, ...],
    find: str,
    sort: str,
    as_json: bool,
) -> None:
    """Show every gateway: what it needs, what it runs with, when it was last heard."""
    now_ms, reader = read_utc_ms(), Reader(language())
    with failing_in_one_line(store):
        watcher = Watcher(store)
        while watcher.read():
            pass
        sites = read_sites(register) if register.exists() else {}
        papers = {} if authority is None else read_papers(authority / LEDGER_NAME)
        sent = {} if ledger is None else read_sent(ledger, store)
        keys = () if ledger is None else tuple(read_keys(ledger).values())
    rows = make_rows(tuple(watcher.gateways.values()), now_ms, sites, papers, {}, sent)
    view = View(rows, now_ms, offset_s=zone_s("+08:00"), keys=keys)
    shown = list_lines(view, reader, states, find, sort)
    counts = {gravity.name.lower(): view.count(gravity) for gravity in Gravity}
    if as_json:
        told = [{"role": one.role, "name": one.name, "until": iso_utc(one.ends_ms)} for one in keys]
        say_json({"gateways": [fields for _, fields in shown], "states": counts, "keys": told})
        return
    say(
        *([_tell(line, fields, reader) for line, fields in shown] or [translate(WORDS["none"])]),
        *(_tell_key(one) for one in keys if one.is_soon(now_ms)),
        translate(WORDS["sum"], total=len(rows), **counts),
    )


def list_lines(
    view: View,
    reader: Reader,
    states: Sequence[str] = (),
    find: str = "",
    sort: str = "state",
) -> list[tuple[Line, dict[str, Any]]]:
    """Those that are asked for, in order, each with its fields."""
    lines = [Line(row) for row in view.rows]
    told = [(line, line.to_dict(view, reader)) for line in _sort(lines, sort)]
    return [(line, fields) for line, fields in told if _is_wanted(fields, states, find)]


def _sort(lines: Sequence[Line], sort: str) -> list[Line]:
    if sort == "state":
        return list(lines)  # they come so

    def key(line: Line) -> tuple[Any, ...]:
        known, beat = line.row.known, line.row.known.beat
        firsts: dict[str, Any] = {
            "gateway": "",
            "heard": known.heard_utc_ms,
            "version": known.version,
            "certificate": line.row.ends_ms or 0,
            "disk": -(beat.used or 0.0) if beat else 0.0,
        }
        return firsts[sort], known.gateway

    return sorted(lines, key=key)


def _is_wanted(fields: Mapping[str, Any], states: Sequence[str], find: str) -> bool:
    words = (
        fields["gateway"],
        fields["site"],
        fields["version"],
        *(one["text"] for one in fields["reasons"]),
    )
    return (not states or fields["state"] in states) and find.lower() in " ".join(words).lower()


def _tell_key(one: KeyEnd) -> str:
    return translate(WORDS["key"], role=CITY[one.role], name=one.name, end=iso_utc(one.ends_ms))


def _tell(line: Line, fields: Mapping[str, Any], reader: Reader) -> str:
    reasons = [one["text"] for one in fields["reasons"]]
    more = len(reasons) - REASONS_MAX
    said = reasons[:REASONS_MAX] + ([translate(WORDS["more"], count=more)] if more > 0 else [])
    return translate(
        WORDS["row"],
        state=reader.state(line.row.verdict.gravity),
        gateway=fields["gateway"],
        site=fields["site"] or "-",
        version=fields["version"] or "-",
        why="; ".join(said) or translate(WORDS["well"]),
    )
