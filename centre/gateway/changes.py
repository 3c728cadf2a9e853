"""What a gateway's owner has changed in the site file, from one manifest to the next. Pure.

A manifest is flattened to names and plain values, such as `meter.m1.ct_ratio` = 40.0 and `line.p1.rated_kw`,
from the text of the site file and from the rows that decoding uses, which the owner could make differ. Each
manifest is compared with the one before it in the chain, also one that comes late, so a change that was taken
back is told too, also within one seal. What cannot be read is one value, its hash: a change of it is still a
change.

The caller tells each change with old and new value. A removed or added meter, line or linkage is one change.
"""

import json
import tomllib
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from attrs import define, field, frozen

from centre.gateway.budget import Work
from evidence import cbor
from evidence.seal import NUMBER_MAX

NAMES_MAX: Final = 4_096
"""Values of one site file: four hundred meters of ten."""
CONFIGS_MAX: Final = 8
"""Different site files kept: for late bodies; the newest count."""
CHANGES_MAX: Final = 32
"""Changes told of one manifest; the rest is counted."""
VALUE_CHARS_MAX: Final = 200
"""Longest value that is told."""
TEXT_BYTES_MAX: Final = 48 * 1024
"""Longest site file that is read, 0.1 s; a longer one is its hash, beside the rows of its meters."""
DEPTH_MAX: Final = 6
_WORK_PER_BYTE: Final = 2
_RAW: Final = -zlib.MAX_WBITS
_ROW_KEYS: Final = ("model", "unit_id", "address", "bus", "line", "ct_ratio", "pt_ratio")
CONFIG_KEYS: Final = frozenset(("site", "site_deflated", "meters", "linkages", "feed"))
"""Of a record that states the configuration; one of tables, or of what was learned, has none."""
_NAMED: Final = ("id", "name")

Value = str | int | float | bool | None
Config = dict[str, Value]


@frozen
class Change:
    """`old` or `new` is None where there is none."""

    what: str
    old: Value
    new: Value

    @property
    def text(self) -> str:
        """One line."""
        if self.old is None:
            return f"the site file has a new {self.what}: {self.new}"
        if self.new is None:
            return f"the site file has no {self.what} any more; it was {self.old}"
        return f"the site file changes {self.what} from {self.old} to {self.new}"


@define
class Configs:
    """The site files of one gateway that are known, by the seal from which they hold."""

    _numbers: list[int] = field(factory=list)
    _configs: list[Config] = field(factory=list)

    def add(self, seal: int, body: Mapping[str, Any], work: Work) -> list[Change]:
        """Take the manifest of `seal`; what it changes, and what the next one that is known changes."""
        config = flatten(body, work)
        at = bisect_left(self._numbers, seal)
        before = self._configs[at - 1] if at else None
        if at < len(self._numbers) and self._numbers[at] == seal:
            return self._replace(at, config)
        if config == before:
            return []
        if before is None and len(self._numbers) >= CONFIGS_MAX:
            return []
        changes = [] if before is None else compare(before, config)
        if at < len(self._numbers):
            after = self._configs[at]
            if before is None or after != before:
                changes += compare(config, after)
        self._numbers.insert(at, seal)
        self._configs.insert(at, config)
        if len(self._numbers) > CONFIGS_MAX:
            del self._numbers[0], self._configs[0]
        return changes

    def _replace(self, at: int, config: Config) -> list[Change]:
        """Take another manifest of the same seal; the last one holds."""
        changes = compare(self._configs[at], config)
        if changes and at + 1 < len(self._numbers):
            changes += compare(config, self._configs[at + 1])
        self._configs[at] = config
        return changes

    def find(self, name: str, seal: int) -> Value:
        """The value of `name` at a seal, as far as known."""
        at = bisect_left(self._numbers, seal + 1) - 1
        return self._configs[at].get(name) if at >= 0 else None

    def to_plain(self) -> list[Any]:
        """As arrays of [seal, values]."""
        return [[number, config] for number, config in zip(self._numbers, self._configs, strict=True)]

    @classmethod
    def from_plain(cls, items: Any) -> "Configs":
        """The inverse of `to_plain`; raises FormatError."""
        made = cls()
        if type(items) is not list or len(items) > CONFIGS_MAX:
            raise cbor.FormatError("the site files are no array")
        for item in items:
            number, config = cbor.array(item, "site file", 2)
            if type(config) is not dict or not all(type(name) is str for name in config):
                raise cbor.FormatError("a site file is no map")
            made._numbers.append(cbor.natural(number, "seal", NUMBER_MAX))
            made._configs.append(config)
        return made


def flatten(body: Mapping[str, Any], work: Work) -> Config:
    """The names and values of a manifest."""
    config: Config = {}
    _flatten_text(body, config, work)
    meters, linkages = body.get("meters"), body.get("linkages")
    for meter, row in meters.items() if isinstance(meters, dict) else ():
        for key in _ROW_KEYS if isinstance(row, dict) else ():
            if key in row:
                _put(config, f"meter.{meter}.{key}", row[key])
    for linkage, digest in linkages.items() if isinstance(linkages, dict) else ():
        _put(config, f"linkage.{linkage}.parameters", digest)
    if body.get("feed") is not None:
        _put(config, "feed.parameters", body["feed"])
    return config


def compare(before: Config, after: Config) -> list[Change]:
    """Each change; a whole meter, line or linkage that came or went is one."""
    found: dict[str, Change] = {}
    wholes = _group(before), _group(after)
    kept = wholes[0].keys() & wholes[1].keys()
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        owner = _owner(name)
        if owner in kept:
            found[name] = Change(name, old, new)
        elif owner not in found:
            whole = wholes[0 if old is not None else 1].get(owner, [])
            value = ", ".join(f"{key}={one}" for key, one in whole)[:VALUE_CHARS_MAX]
            found[owner] = Change(owner, value, None) if old is not None else Change(owner, None, value)
    return list(found.values())


def _group(config: Config) -> dict[str, list[tuple[str, Value]]]:
    """The names and values of each meter, line or linkage, by one pass: what is new may be all of them."""
    groups: dict[str, list[tuple[str, Value]]] = {}
    for name, value in config.items():
        groups.setdefault(_owner(name), []).append((name, value))
    return groups


def _owner(name: str) -> str:
    """`meter.m1` of `meter.m1.ct_ratio`."""
    parts = name.split(".", 2)
    return ".".join(parts[:2]) if len(parts) == 3 else name


def _flatten_text(body: Mapping[str, Any], config: Config, work: Work) -> None:
    text, deflated = body.get("site"), body.get("site_deflated")
    try:
        if isinstance(deflated, bytes):
            inflate = zlib.decompressobj(_RAW)
            raw = inflate.decompress(deflated, TEXT_BYTES_MAX + 1)
            if not inflate.eof:
                raise ValueError("longer than is read")  # noqa: TRY301 - as every text that cannot be read
            text = raw.decode()
        if not isinstance(text, str):
            return
        work.spend(_WORK_PER_BYTE * len(text))
        for key, value in tomllib.loads(text).items():
            _walk(config, key, value, DEPTH_MAX)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, zlib.error, RecursionError, ValueError):
        raw = deflated if isinstance(deflated, bytes) else str(text).encode(errors="replace")
        _put(config, "site", sha256(raw))


def _walk(config: Config, name: str, value: Any, depth: int) -> None:
    if isinstance(value, dict) and depth:
        for key, item in value.items():
            _walk(config, f"{name}.{key}", item, depth - 1)
    elif isinstance(value, list) and depth and value and all(isinstance(item, dict) for item in value):
        for at, item in enumerate(value, 1):
            label = next((str(item[key]) for key in _NAMED if key in item), str(at))
            _walk(config, f"{name}.{label}", item, depth - 1)
    else:
        _put(config, name, value)


def _put(config: Config, name: str, value: Any) -> None:
    if len(config) >= NAMES_MAX:
        return
    if isinstance(value, bytes):
        value = value.hex()[:32]
    elif hasattr(value, "hexdigest"):
        value = value.hexdigest()[:32]
    elif isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        value = float(value) if abs(value) < 1 << 53 else str(value)
    elif not isinstance(value, str | bool | type(None)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str):
        value = value[:VALUE_CHARS_MAX]
    config[name[:VALUE_CHARS_MAX]] = value
