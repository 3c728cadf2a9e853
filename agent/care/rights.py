"""Which keys of a site file an order may change, and which only the bureau that answers for metering. Pure.

Three kinds of keys:

- **fixed**: who the gateway is, where its chain lies, whom it believes, every file with a secret. No order
  changes them; who must is at the gateway.
- **free**: the broker's address, intervals, time-outs, warnings, names, room on the disk.
- **sealed**: all others, which a technician has put there with the meters before him: buses, which meter
  stands where, ratios, lines, linkages, learned parameters. The order needs a key certified for METROLOGY.

An interval that grows beyond INTERVAL_S_MAX is refused too: nobody silences a gateway from afar.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import asdict

from agent.site.file import Site

INTERVAL_S_MAX: Final = 300.0
"""As far as detection follows the polling."""
SLOW_S_MAX: Final = 3_600.0
"""Of the registers that are read seldom: an hour, as in the site file itself."""
_FIXED: Final = frozenset({
    *("site.gateway", "store.path", "broker", "broker.certificate", "broker.key", "broker.centre_key"),
    *("tpm", "tpm.tcti", "page", "page.url", "page.certificate_sha256", "archive", "archive.path"),
    *("meter.credentials", "hj212.credentials"),
})  # fmt: skip
_FREE: Final = frozenset({
    *("site.name", "store.quota_mb", "seal.interval_s", "seal.heartbeat_s", "broker.url", "broker.ca"),
    *("broker.plain", "warning.log", "warning.url", "warning.after_s", "bus.timeout_s", "bus.pause_s"),
    *("bus.registers_max", "meter.fast_s", "meter.slow_s", "meter.timeout_s", "meter.pause_s"),
    "meter.registers_max",
})  # fmt: skip
_INTERVALS: Final = {
    "seal.interval_s": INTERVAL_S_MAX,
    "seal.heartbeat_s": INTERVAL_S_MAX,
    "meter.fast_s": INTERVAL_S_MAX,
    "meter.slow_s": SLOW_S_MAX,
}
_Leaf = tuple[str, str, Any, Any]
"""A key that differs: its kind, its name for people, what it was, what it is to be."""


def list_refused(old: Site, new: Site) -> list[str]:
    """What no order may change and this one would, one line each."""
    return list(_refuse(old, new))


def list_sealed(old: Site, new: Site) -> list[str]:
    """The keys under a technician's seal that differ, by their names."""
    return [name for key, name, _, _ in list_changes(old, new) if key not in _FIXED and key not in _FREE]


def list_changes(old: Site, new: Site) -> list[_Leaf]:
    """Every key that differs."""
    before, after = (asdict(one, recurse=False) for one in (old, new))
    found: list[_Leaf] = []
    for section in before:
        if section not in {"text", "file", "own_text"}:
            found += _compare(section, before[section], after[section])
    return found


def _refuse(old: Site, new: Site) -> Iterator[str]:
    for key, name, was, is_ in list_changes(old, new):
        if key in _FIXED and (was or is_):  # a new meter names no file of a key
            yield f"{name}: no order may change it"
        if key == "broker.plain" and is_:
            yield f"{name}: no order may turn encryption off"
        most = _INTERVALS.get(key)
        if most is not None and is_ is not None and is_ > max(was or 0.0, most):
            yield f"{name}: at most {most:g} s from afar"


def _compare(section: str, was: Any, is_: Any) -> list[_Leaf]:
    if isinstance(was, tuple):
        return _compare_rows(section, was, is_)
    if was is None or is_ is None:
        return [] if was is is_ else [(section, section, was, is_)]
    return _compare_keys(section, section, *(asdict(one, recurse=False) for one in (was, is_)))


def _compare_rows(section: str, was: tuple[Any, ...], is_: tuple[Any, ...]) -> list[_Leaf]:
    before, after = (dict(map(_to_row, rows)) for rows in (was, is_))
    found: list[_Leaf] = []
    for id_ in dict.fromkeys((*before, *after)):
        name = f"{section} {id_}"
        if id_ in before and id_ in after:
            found += _compare_keys(section, name, before[id_], after[id_])
        else:
            found.append((section, name, before.get(id_), after.get(id_)))
            found += _compare_keys(section, name, {}, after.get(id_, {}))
    return found


def _to_row(one: Any) -> tuple[str, Mapping[str, Any]]:
    """What a row is called, and its keys; a platform of HJ 212 is still the table of the file."""
    return (one["name"], one) if isinstance(one, dict) else (one.id, asdict(one, recurse=False))


def _compare_keys(section: str, name: str, was: Mapping[str, Any], is_: Mapping[str, Any]) -> list[_Leaf]:
    return [
        (f"{section}.{key}", f"{name}.{key}", was.get(key), is_.get(key))
        for key in dict.fromkeys((*was, *is_))
        if was.get(key) != is_.get(key)
    ]
