"""A module `os` whose calls fail, take a part or never come back, and a log of what they did.

The files are real. A kill is a call that is not made, or made and not returned from; whatever the dying
code still does goes nowhere, but that its descriptors are closed.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

from attrs import define, field

from agent import inbox
from agent.sealing import key_slots, rekey
from centre.enrolment import ledger
from disk import files, lines

STEPS: Final = frozenset(
    "open write pwrite fsync close rename link unlink ftruncate fchmod fchown".split()  # noqa: SIM905
)
MODULES: Final = (files, lines, inbox, key_slots, rekey, ledger)
"""Who calls `os` to write."""
KILLS: Final = ("killed before", "killed after")
ERRORS: Final = ("EIO", "ENOSPC", "short")
FAULTS: Final = (*KILLS, *ERRORS)


class KilledError(BaseException):
    """The process ends here."""


@define(eq=False)
class FaultyOs:
    """See the module.

    Attributes:
        at: The call that the fault meets, counted from 1; 0 for none.
        calls: Name and arguments of the calls that were made.
        met: Whether the fault has come.
    """

    fault: str = ""
    at: int = 0
    calls: list[tuple[str, tuple[Any, ...]]] = field(factory=list)
    count: int = 0
    met: bool = False
    dead: bool = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return (lambda *args, **named: self._step(name, real, args, named)) if name in STEPS else real

    def _step(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self.dead:
            if name == "close":
                real(*args)
            raise KilledError
        self.count += 1
        if self.count != self.at and not (self.met and self.fault == "short" and name in {"write", "pwrite"}):
            result = real(*args, **named)
            self.calls.append((name, args))
            return result
        return self._fail(name, real, args, named)

    def _fail(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        again, self.met = self.met, True
        if self.fault == "short" and not again:
            if name in {"write", "pwrite"}:
                return real(args[0], args[1][: len(args[1]) // 2], *args[2:])
            self.met = False
            return real(*args, **named)
        if self.fault == "killed after" or name == "close":
            real(*args, **named)
        if self.fault in KILLS:
            self.dead = True
            raise KilledError
        number = {"EIO": 5}.get(self.fault, 28)
        raise OSError(number, os.strerror(number))

    @contextmanager
    def mounted(self) -> Iterator["FaultyOs"]:
        """While this lasts, the writers of the product write through it."""
        with ExitStack() as stack:
            for module in MODULES:
                stack.enter_context(mock.patch.object(module, "os", self))
            yield self


def steps_of(act: Callable[[], object]) -> int:
    """How many calls `act` makes."""
    with FaultyOs().mounted() as quiet:
        act()
    return quiet.count


def litter(folder: Path) -> list[str]:
    """Drafts that lie about."""
    return [path.name for path in folder.rglob(f"*{files.DRAFT}")]
