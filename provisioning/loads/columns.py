"""Which column of a table is which line: by what a person said, by its name, or because nothing else is left.

A name is a line's if it is its id or its name in the site file, with or without a unit and words for power.
What is matched in any other way is an assumption, which a person has to agree to. Columns that are no line's
are not used.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from evidence.words import Words
from provisioning.loads.loads import LoadsError, Note, NoteKind, QuestionError
from provisioning.loads.settings import EVERY, ReadSettings, WantedLine
from provisioning.loads.table import Table
from provisioning.loads.units import LOADS, Heading, Quantity, plain, read_heading, squeeze, stems
from provisioning.loads.words import NOTES, PROBLEMS

NAMES_SHOWN: Final = 12
KIND_WORDS: Final = {
    "treatment": (
        *(
            "治理",
            "治污",
            "除尘",
            "喷淋",
            "排风",
            "风机",
            "废气",
            "污水",
            "脱硫",
            "脱硝",
            "活性炭",
            "吸附",
            "环保",
        ),
        *("treat", "scrub", "filter", "exhaust", "dust", "fan", "abatement"),
    ),
    "production": (*("生产", "产线"), *("production", "produktion")),
    "incomer": (*("总进线", "进线", "总表", "变压器"), *("incom", "mains", "feed")),
}
"""Words in a column's name that tell the kind of its line."""
KINDS: Final = {
    "production": Words("生产", "production"),
    "treatment": Words("治理", "treatment"),
    "incomer": Words("总进线", "incomer"),
}
_CHANNEL_WORDS: Final = {
    Quantity.PF: (*("功率因数",), *("powerfactor", "cosφ", "cosphi", "pf")),
    Quantity.CURRENT: (*("平均电流", "电流"), *("current",)),
    Quantity.VOLTAGE: (*("平均电压", "电压"), *("voltage",)),
}
CHANNELS: Final = (Quantity.PF, Quantity.CURRENT, Quantity.VOLTAGE)


@frozen
class Used:
    """A column that is read: its place, its heading, its line, and the channel ("" for power or energy)."""

    at: int
    heading: Heading
    line: WantedLine
    channel: str = ""


@frozen
class Columns:
    """The columns that are read, the lines without one, and what was assumed."""

    used: tuple[Used, ...]
    absent: tuple[WantedLine, ...]
    notes: tuple[Note, ...]


def choose_columns(path: Path, table: Table, lines: Sequence[WantedLine], settings: ReadSettings) -> Columns:
    """Which columns are read.

    Raises:
        LoadsError: A line has no column, or a column that was named is not there.
        QuestionError: Several columns could be a line.
    """
    return _Choice(path, table, lines, settings).run()


@define
class _Choice:
    path: Path
    table: Table
    lines: Sequence[WantedLine]
    settings: ReadSettings
    found: dict[str, int] = field(factory=dict)
    notes: list[Note] = field(factory=list)
    headings: list[Heading] = field(init=False)
    free: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        units = self.table.units or ("",) * len(self.table.names)
        self.headings = [read_heading(name, unit) for name, unit in zip(self.table.names, units, strict=True)]
        self.free = [at for at in range(len(self.headings)) if at not in {self.table.time, self.table.clock}]

    def run(self) -> Columns:
        self._take_named()
        for line in self.lines:
            if line.id not in self.found:
                self._match(line)
        open_ = [line for line in self.lines if line.judged and line.id not in self.found]
        if open_:
            self._fill(open_)
        absent = tuple(line for line in self.lines if line.judged and line.id not in self.found)
        self._check_absent(absent)
        used = [*self._loads(), *self._channels()]
        self._note_ignored(used)
        return Columns(tuple(used), absent, tuple(self.notes))

    def _take_named(self) -> None:
        known = [line.id for line in self.lines]
        named = [("--column", line) for line in self.settings.columns]
        named += [("--unit", line) for line in self.settings.units if line != EVERY]
        for option, line in named:
            if line not in known:
                words = PROBLEMS["unknown line"].fill(option=option, line=line, known=", ".join(known))
                raise LoadsError([words])
        for line, name in self.settings.columns.items():
            places = [at for at in self.free if plain(self.headings[at].text) == plain(name)]
            if not places and name.isdecimal() and int(name[:6]) - 1 in self.free:
                places = [int(name[:6]) - 1]
            if len(places) != 1:
                words = PROBLEMS["unknown column" if not places else "twice"]
                raise LoadsError([words.fill(path=self.path, line=line, name=name, known=self._names())])
            self._give(line, places[0])

    def _give(self, line: str, at: int) -> None:
        self.found[line] = at
        self.free.remove(at)

    def _match(self, line: WantedLine) -> None:
        exact = [at for at in self.free if self.headings[at].text == line.id]
        names = {squeeze(line.id), squeeze(line.name)} - {""}
        places = exact or [
            at for at in self.free if self._may_be_load(at) and stems(self.headings[at]) & names
        ]
        for wanted in (Quantity.POWER, Quantity.UNKNOWN, Quantity.ENERGY):
            if len(places) > 1:
                places = [at for at in places if self.headings[at].quantity is wanted] or places
        if len(places) > 1:
            if len({self.headings[at].text for at in places}) < len(places):
                words = PROBLEMS["twice"].fill(path=self.path, name=self.headings[places[0]].text)
                raise LoadsError([words])
            self._ask(line, places)
        if places:
            self._give(line.id, places[0])

    def _may_be_load(self, at: int) -> bool:
        return self.headings[at].quantity in {*LOADS, Quantity.UNKNOWN} and self._has_numbers(at)

    def _has_numbers(self, at: int) -> bool:
        """Whether any of the first rows has a digit in this column, or none has anything."""
        cells = [row[at] for _, row in self.table.sample if at < len(row) and row[at].strip()]
        return not cells or any(one.isdecimal() for cell in cells for one in cell)

    def _ask(self, line: WantedLine, places: Sequence[int]) -> None:
        choices = [
            (f"{line.id}={self.headings[at].text}", Words.same(self.headings[at].text)) for at in places
        ]
        raise QuestionError(
            PROBLEMS["which column"].fill(path=self.path, line=line.id), "--column", choices[:NAMES_SHOWN]
        )

    def _fill(self, lines: list[WantedLine]) -> None:
        """Lines without a column of their name, by what is left."""
        left = [at for at in self.free if self.headings[at].quantity in LOADS and self._has_numbers(at)]
        left = [at for at in left if self.headings[at].unit] or left
        left = [at for at in left if self.headings[at].quantity is Quantity.POWER] or left
        for line in list(lines):
            same = [one for one in self.lines if one.kind == line.kind]
            named = [at for at in left if _tells(self.headings[at], line.kind)]
            if len(same) == 1 and len(named) == 1:
                self._assume(line, named[0], NOTES["kind column"].fill(kind=KINDS[line.kind]))
                lines.remove(line)
                left.remove(named[0])
        if not lines or not left:
            return
        productions = [line for line in lines if line.kind == "production"]
        if len(left) == 1 and len(lines) == 1:
            self._assume(lines[0], left[0], NOTES["left column"])
        elif len(left) == 1 and not self.found and len(productions) == 1:
            self._assume(productions[0], left[0], NOTES["only column"])
        elif self.settings.needs_all or not self.found or productions:
            self._ask((productions or lines)[0], left)

    def _assume(self, line: WantedLine, at: int, why: Words) -> None:
        words = NOTES["column"].fill(name=self.headings[at].text, line=line.id, why=why)
        self.notes.append(Note(NoteKind.ASSUMED, words))
        self._give(line.id, at)

    def _check_absent(self, absent: Sequence[WantedLine]) -> None:
        some = any(line.judged and line.kind == "production" and line.id in self.found for line in self.lines)
        for line in absent:
            if self.settings.needs_all or line.kind == "production" or not some:
                words = PROBLEMS["no column"].fill(path=self.path, line=line.id, known=self._names())
                raise LoadsError([words])
            self.notes.append(Note(NoteKind.ASSUMED, NOTES["absent"].fill(line=line.id)))

    def _loads(self) -> Iterator[Used]:
        for line in self.lines:
            if line.id in self.found:
                at = self.found[line.id]
                yield Used(at, self.headings[at], line)

    def _channels(self) -> Iterator[Used]:
        for line in self.lines:
            if line.id not in self.found:
                continue
            names = {squeeze(line.id), squeeze(line.name)} - {""}
            for channel in CHANNELS:
                exact = [at for at in self.free if self.headings[at].text == f"{line.id}.{channel.value}"]
                places = exact or [at for at in self.free if self._is_channel(at, channel, names)]
                if len(places) == 1:
                    self.free.remove(places[0])
                    yield Used(places[0], self.headings[places[0]], line, channel.value)

    def _is_channel(self, at: int, channel: Quantity, names: set[str]) -> bool:
        heading = self.headings[at]
        if heading.quantity is not channel:
            return False
        words = _CHANNEL_WORDS[channel]
        stem = squeeze(heading.stem)
        return any(stem == name + word for name in names for word in words)

    def _note_ignored(self, used: Sequence[Used]) -> None:
        read = {one.at for one in used} | {self.table.time, self.table.clock}
        names = [one.text for at, one in enumerate(self.headings) if at not in read and one.text]
        if names:
            shown = names[:NAMES_SHOWN] + (["…"] if len(names) > NAMES_SHOWN else [])
            words = NOTES["ignored"].fill(names=Words("、".join(shown), ", ".join(shown)))
            self.notes.append(Note(NoteKind.LEFT_OUT, words))

    def _names(self) -> Words:
        names = [self.headings[at].text for at in self.free if self.headings[at].text]
        shown = names[:NAMES_SHOWN] + (["…"] if len(names) > NAMES_SHOWN else [])
        return Words("、".join(shown), ", ".join(shown))


def _tells(heading: Heading, kind: str) -> bool:
    text = plain(heading.text)
    told = [one for one, words in KIND_WORDS.items() if any(word in text for word in words)]
    return told == [kind]
