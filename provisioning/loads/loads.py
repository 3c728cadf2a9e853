"""What was recorded, what was assumed while reading it, and why something is not read."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from agent.detect.learning.backtest import Recording
from evidence.words import Words

Floats = NDArray[np.float64]

CHANNELS = {"pf": "pf", "i": "current_a", "u": "voltage_v", "phase": "lost_phase"}
"""The other columns of a line, and what the detector calls them."""


def to_one_line(words: Words) -> Words:
    """The same where whatever a file has in its names and cells cannot break a line or move a cursor."""
    return Words(_print(words.zh), _print(words.en))


def _print(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else " " if one.isspace() else "\ufffd" for one in text)


class LoadsError(Exception):
    """The file is not read; `problems` has one line per mistake, `words` the same in both languages."""

    def __init__(self, problems: Iterable[str | Words]) -> None:
        words = (Words.same(one) if isinstance(one, str) else one for one in problems)
        self.words = tuple(map(to_one_line, words))
        self.problems = tuple(one.en for one in self.words)
        super().__init__("\n".join(self.problems))


class QuestionError(LoadsError):
    """The file has two readings, and a person has to say which holds.

    Attributes:
        option: The option of the command line that says it.
        choices: What can be said, each with its text for people.
    """

    def __init__(self, question: Words, option: str, choices: Sequence[tuple[str, Words]]) -> None:
        self.question, self.option = to_one_line(question), option
        self.choices = tuple((value, to_one_line(words)) for value, words in choices)
        adds = [f"{option} {value}" for value, _ in self.choices]
        zh, en = "；或 ".join(adds), "; or ".join(adds)
        super().__init__([Words(f"{question.zh}；请加 {zh}", f"{question.en}; add {en}")])


class NoteKind(StrEnum):
    """What a note about a file tells."""

    READ = "read"
    """How it is written: there was nothing to choose."""
    ASSUMED = "assumed"
    """Something that the file does not say: a person has to agree."""
    LEFT_OUT = "left_out"
    UNSEEN = "unseen"
    """What such data cannot show."""


@frozen
class Note:
    """One line about how a file was read."""

    kind: NoteKind
    words: Words = field(converter=to_one_line)


@frozen
class Loads:
    """What was recorded.

    Attributes:
        times_s: Epoch seconds, shape (n,).
        watts: By line id, shape (n,) each; NaN where nothing was recorded.
        channels: The same for the other columns: by line id, and then by `pf`, `i`, `u` or `phase` (the one
            without current, 0 for none; no file has it).
        epoch: The file's own times are epoch seconds, not dates.
        notes: How the file was read.
        interval_s: Each value is the mean of such an interval, which begins with its time; 0 for samples.
        absent: Lines that are judged, but were not recorded.
    """

    times_s: Floats
    watts: dict[str, Floats]
    channels: dict[str, dict[str, Floats]] = field(factory=dict)
    epoch: bool = True
    notes: tuple[Note, ...] = ()
    interval_s: float = 0.0
    absent: tuple[str, ...] = ()

    def to_recording(self) -> Recording:
        """The same with the detector's names of the channels."""
        evidence = {
            line: {CHANNELS[name]: column for name, column in channels.items()}
            for line, channels in self.channels.items()
        }
        return Recording(self.times_s, self.watts, evidence)
