"""What an order says, out of what an officer has: a JSON file, a checked reduction list, words of an alert.

Gateways keep any body of a right key, so a list or an alert that nobody could judge later is refused here.
A file of `dianjian curtail list check --json` has a line for each gateway; each gets its own.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from centre.orders.ledger import Ledger
from evidence.cbor import FormatError
from evidence.curtailment.measures import Alert, ReductionList, decode_alert, decode_list
from evidence.orders.order import ALERT, LIST
from evidence.words import Words
from provisioning.curtail.catalogue import load_catalogue, squeeze
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.moment import MS_PER_S
from provisioning.words.language import translate

BODY_BYTES_MAX: Final = 64 * 1024
"""Of the JSON of a body; what is signed has 16,384 bytes at most."""
LISTS_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of the lists of a whole city in one file: some hundred gateways."""
WORDS: Final = {
    "no body": Words(
        "{file}：不是JSON对象；请检查文件内容", "{file}: holds no JSON object; look at what is in it"
    ),
    "no list of": Words(
        "{file}：没有网关 {gateway} 的清单；有：{known}",
        "{file}: has no list of gateway {gateway}; it has: {known}",
    ),
    "not sent": Words(
        "{gateway}：还没有下发过减排清单 {id}；请先用 --kind list 下发",
        "{gateway}: no reduction list {id} was sent to it; send it with --kind list first",
    ),
    "not at": Words(
        "{gateway}：清单 {id} 对 {level} 级没有要求；有：{known}",
        "{gateway}: the list {id} asks nothing at the level {level}; it has: {known}",
    ),
    "times": Words("--until 须晚于 --from", "--until has to be later than --from"),
}

Drawer = Callable[[str], dict[str, Any]]
"""The body for a gateway."""


def read_bodies(stream: TextIO | None, kind: str) -> Drawer:
    """The bodies in a file for orders of `kind`; ends the command where it holds none."""
    if stream is None:
        _check({}, kind, Path("--body"))
        return lambda _: {}
    lines = _read_lines(stream)
    if kind == LIST and all({"gateway", "list"} <= set(one) for one in lines):
        return _pick(stream.name, {str(one["gateway"]): one["list"] for one in lines})
    if len(lines) != 1:
        raise fail(EXIT_USAGE, translate(WORDS["no body"], file=stream.name))
    _check(lines[0], kind, Path(stream.name))
    return lambda _: lines[0]


def _pick(name: str, lists: dict[str, Any]) -> Drawer:
    for one in lists.values():
        _check(one, LIST, Path(name))

    def draw(gateway: str) -> dict[str, Any]:
        if gateway not in lists:
            known = ", ".join(lists)
            raise fail(EXIT_USAGE, translate(WORDS["no list of"], file=name, gateway=gateway, known=known))
        found: dict[str, Any] = lists[gateway]
        return found

    return draw


def _read_lines(stream: TextIO) -> Sequence[dict[str, Any]]:
    """The JSON object of a file, or the one of each line."""
    try:
        text = stream.read(LISTS_BYTES_MAX + 1)
        found = _parse(text) if len(text) <= LISTS_BYTES_MAX else []
    except (ValueError, RecursionError):
        found = []
    if not found or not all(isinstance(one, dict) for one in found):
        raise fail(EXIT_USAGE, translate(WORDS["no body"], file=stream.name))
    return found


def _parse(text: str) -> list[Any]:
    """One value that may have several lines, or one in each line."""
    if len(text) <= BODY_BYTES_MAX:
        try:
            return [json.loads(text)]
        except ValueError:
            pass
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _check(body: object, kind: str, file: Path) -> None:
    """End the command if nobody could judge by this body."""
    decode = {LIST: decode_list, ALERT: decode_alert}.get(kind)
    if decode is None:
        return
    try:
        decode(body)
    except FormatError as error:
        raise fail(EXIT_USAGE, f"{file}: {error}") from error


def draw_alert(
    ledger: Ledger, gateway: str, list_id: str, level: str, times_ms: tuple[int, int]
) -> dict[str, Any]:
    """The body of an alert that fires the newest list `list_id` of a gateway, or the end of the command."""
    begin_s, end_s = (one // MS_PER_S for one in times_ms)
    if end_s <= begin_s:
        raise fail(EXIT_USAGE, translate(WORDS["times"]))
    sent = ledger.latest(gateway).get(list_id)
    listed = None if sent is None or sent.order.kind != LIST else _read_list(sent.order.body)
    if sent is None or listed is None:
        raise fail(EXIT_USAGE, translate(WORDS["not sent"], gateway=gateway, id=list_id))
    wanted = load_catalogue().levels.get(squeeze(level), level)
    if wanted not in listed.levels:
        known = ", ".join(listed.levels)
        raise fail(
            EXIT_USAGE, translate(WORDS["not at"], gateway=gateway, id=list_id, level=level, known=known)
        )
    return Alert(list=list_id, rev=sent.order.rev, level=wanted, start_s=begin_s, end_s=end_s).to_body()


def _read_list(body: object) -> ReductionList | None:
    """The list; None of one that was sent before bodies were checked, and cannot be judged by."""
    try:
        return decode_list(body)
    except FormatError:
        return None
