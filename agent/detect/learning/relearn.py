"""Relearning: the changes that a person must confirm before anything is written.

A plant changes: a motor is replaced, a line is added, a filter is cleaned. But parameters could also be
learned again while treatment is weak, so new ones never replace old ones without a confirmation. A change
shows both values; one that makes a verdict less likely is marked as lenient, because it is what somebody
with something to hide would want.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from agent.detect.params import IncomerParams, LinkageParams
from evidence.words import Words

SMALL: Final = 0.05
"""Two honest periods differ by as much; smaller changes are not listed."""
_NO_CHANGE: Final = frozenset({"learned_from_s", "learned_to_s"})
_LENIENT_DOWN: Final = frozenset(
    {"lo_w", "median_w", "noise_floor", "ct_floor_w", "correlation_limit", "ct_range_w"}
)
_LENIENT_UP: Final = frozenset(
    {
        "limit_s", "tau_s", "grace_s", "duty_window_s", "bridge_s", "overrun_s", "orphans_limit",
        "stuck_on_s", "stuck_off_s", "interruptions_s", "pf_heater", "guard_s", "hi_w", "residual_s",
    }
)  # fmt: skip
_ABSENT_AT_ZERO: Final = frozenset({"untreated_w", "duty_fill_wh"})
_OFF_AT_ZERO: Final = frozenset(
    {
        "noise_floor", "ct_floor_w", "stuck_on_s", "stuck_off_s", "overrun_s", "interruptions_s", "pf_heater",
        "residual_s", "correlation_sd_w", "orphans_limit",
    }
)  # fmt: skip


@frozen
class Change:
    """One parameter that would have another value.

    Attributes:
        name: Its path, as in `treatment.t1.threshold.lo_w`.
        before: The present value, None if there is none.
        after: The learned value, None if there is none.
        lenient: Whether it makes a verdict less likely.
    """

    name: str
    before: Any
    after: Any
    lenient: bool

    @property
    def words(self) -> Words:
        """For people."""
        more = Words("（更宽松）", " (more lenient)") if self.lenient else ""
        return Words("{name}：{before} → {after}{more}", "{name}: {before} -> {after}{more}").fill(
            name=self.name, before=_show(self.before), after=_show(self.after), more=more
        )


def find_changes(
    present: LinkageParams | IncomerParams, learned: LinkageParams | IncomerParams
) -> tuple[Change, ...]:
    """The changes to confirm; empty if both sets mean the same."""
    before, after = dict(_flat(present.to_dict(), "")), dict(_flat(learned.to_dict(), ""))
    names = [*before, *(name for name in after if name not in before)]
    found = []
    for name in names:
        old, new = before.get(name), after.get(name)
        if name.rpartition(".")[2] not in _NO_CHANGE and not _alike(old, new):
            found.append(Change(name, old, new, _lenient(name, old, new)))
    return tuple(found)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            name = inner.get("id", index) if isinstance(inner, Mapping) else index
            yield from _flat(inner, f"{path}.{name}")
    else:
        yield path, value


def _alike(old: Any, new: Any) -> bool:
    if not (_is_number(old) and _is_number(new)):
        return bool(old == new)
    # Being judged and not being judged differ, however close the numbers are.
    return bool(old) == bool(new) and abs(new - old) <= SMALL * max(abs(old), abs(new))


def _lenient(name: str, old: Any, new: Any) -> bool:
    if name in _ABSENT_AT_ZERO:
        return bool((new or 0) > (old or 0))
    if not (_is_number(old) and _is_number(new)):
        return False
    last = "residual" if name in {"lo_w", "hi_w"} else name.rpartition(".")[2]
    if last == "residual":  # the band of an incomer: wider is more lenient
        return bool(new < old if name == "lo_w" else new > old)
    if last in _OFF_AT_ZERO and not (old and new):
        return not new
    return (last in _LENIENT_DOWN and new < old) or (last in _LENIENT_UP and new > old)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _show(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
