"""Questions in their order, and the way back: `<` at a question goes to the one before it.

A walk may stand within a walk: at its first question `<` leaves it, and the walk around it goes back by one.
A question that has nothing to ask, because its answer is known, is passed over in both directions.
"""

from collections.abc import Callable
from typing import Protocol


class BackError(Exception):
    """The technician wants the question before this one."""


class Asking(Protocol):
    """A dialogue that counts its questions."""

    @property
    def asked(self) -> int:
        """How many questions were asked so far."""


def walk(talk: Asking, *questions: Callable[[], object]) -> None:
    """Ask all of them.

    Raises:
        BackError: It was the first question at which `<` was typed.
    """
    at, step = 0, 1
    while at < len(questions):
        before = talk.asked
        try:
            questions[at]()
        except BackError:
            step = -1
        else:
            step = step if talk.asked == before else 1
        at += step
        if at < 0:
            raise BackError
