"""Own bodies that are gone from the database though no record gave them up: by other hands, or by the disk.

A body that the centre has not receipted and that is not here was either declared lost, by a record that the
centre has or will get, or is gone without a word. The two are told apart once nothing else is under way: if
every other body is receipted, so is each that could hold a declaration. What is bare then, at two looks
between which a seal was made (a DROP record may have waited for it), is declared by a DROP record, "why":
GONE. Pure.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field

from drivers.clock import NS_PER_S
from evidence.held import Held

LOOK_S: Final = 10.0
"""Between two looks; a seal is made, sent and receipted in less."""
GONE: Final = "gone from the database"
Span = tuple[int, int]


@define(eq=False, repr=False)
class GoneBodies:
    """See the module.

    Attributes:
        first_body: Gives the first own seal from a number on whose body is here, None if none is.
    """

    first_body: Callable[[int], int | None]
    _looked_ns: int | None = field(default=None, init=False)
    _seen: tuple[int, Held] | None = field(default=None, init=False)
    _told: Held = field(factory=Held, init=False)

    def is_due(self, now_ns: int) -> bool:
        """Whether to look now, after LOOK_S."""
        if self._looked_ns is not None and now_ns - self._looked_ns < LOOK_S * NS_PER_S:
            return False
        self._looked_ns = now_ns
        return True

    def look(self, missing: Iterable[Span], tip: int) -> list[Span]:
        """The runs that are to be declared; `missing` are the own seals up to `tip` that no receipt names."""
        bare = [span for run in missing for span in self._told.list_missing_within(*run)]
        if not bare or any((self.first_body(first) or last + 1) <= last for first, last in bare):
            return []
        if self._seen is None or tip <= self._seen[0]:
            self._seen = self._seen or (tip, _set_of(bare))
            return []
        before, self._seen = self._seen[1], None
        found = [span for run in bare for span in _common(before, run)]
        for span in found:
            self._told.add(*span)
        return found


def _set_of(spans: Iterable[Span]) -> Held:
    made = Held()
    for span in spans:
        made.add(*span)
    return made


def _common(known: Held, run: Span) -> list[Span]:
    """The parts of `run` that are in `known`."""
    found, number = [], run[0]
    for first, last in [*known.list_missing_within(*run), (run[1] + 1, run[1] + 1)]:
        if first > number:
            found.append((number, first - 1))
        number = last + 1
    return found
