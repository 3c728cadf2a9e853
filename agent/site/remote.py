"""The site file that the centre has sent, beside the one of the gateway: which of them is in force.

`remote-site.json` in the state folder has all of it, so that each step is one write, whole or not at all:

    {"version": 1, "base": SHA-256 of the site file over which it was laid,
     "kept": {"order", "rev", "text"} or null, the file that proved itself;
     "trial": {"order", "rev", "text", "keep_s", "meters": [ids], "starts"} or null, the one that has to;
     "back": {"order", "rev", "why"} or null, the last that did not}

The site file itself belongs to root and to whoever stands before the gateway; the agent cannot write it. What
was sent counts only over the very file that it was made for: when a person changes that, with setup, a
commissioning or an editor, the person's file holds, and what was sent is void.

Nothing here reads a clock or a meter; who decides is `agent.care`.
"""

import json
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import asdict, evolve, frozen

from disk.files import replace_file
from disk.tables import TableError, parse_json, read_text

NAME: Final = "remote-site.json"
VERSION: Final = 1
BYTES_MAX: Final = 2 * 1024 * 1024
"""Two site files as JSON strings, in which a character may take six."""
LOG: Final = logging.getLogger("dianjian.remote")
T = TypeVar("T")


@frozen
class Kept:
    """A file that proved itself, and the order that brought it."""

    order: str
    rev: int
    text: str


@frozen
class Trial:
    """A file that has to prove itself.

    Attributes:
        keep_s: So long it may take.
        meters: Those that answered under the file of before.
        starts: How often it was started.
    """

    order: str
    rev: int
    text: str
    keep_s: int
    meters: tuple[str, ...]
    starts: int = 0


@frozen
class Back:
    """Why a file did not stay."""

    order: str
    rev: int
    why: str


@frozen
class Remote:
    """See the module; each method gives the next state."""

    base: str
    kept: Kept | None = None
    trial: Trial | None = None
    back: Back | None = None

    def text_over(self, text: str) -> str | None:
        """The file that is in force over `text`, the one of the gateway; None if that itself is."""
        if name_text(text) != self.base:
            return None
        laid = self.trial or self.kept
        return None if laid is None else laid.text

    def tell(self, text: str) -> dict[str, Any]:
        """For people, beside `text`, the file of the gateway: {"state", "order", "rev", "why"}.

        `state` is trial, kept, back (with the reason), or void: the gateway's own file was changed since.
        """
        back = None if self.back is None else ("back", self.back.order, self.back.rev, self.back.why)
        laid = self.trial or self.kept
        if laid is not None and name_text(text) != self.base:
            told = "void", laid.order, laid.rev, ""
        elif self.trial is not None:
            told = "trial", self.trial.order, self.trial.rev, ""
        elif back is not None:
            told = back
        else:
            told = ("kept", laid.order, laid.rev, "") if laid is not None else ("void", "", 0, "")
        return dict(zip(("state", "order", "rev", "why"), told, strict=True))

    def start(self) -> "Remote":
        """The file on trial is started once more."""
        assert self.trial is not None
        return evolve(self, trial=evolve(self.trial, starts=self.trial.starts + 1))

    def keep(self) -> "Remote":
        """The file on trial has proved itself."""
        assert self.trial is not None
        one = self.trial
        return Remote(self.base, Kept(one.order, one.rev, one.text))

    def give_back(self, why: str) -> "Remote":
        """The file on trial goes; the one of before is in force again."""
        assert self.trial is not None
        return Remote(self.base, self.kept, None, Back(self.trial.order, self.trial.rev, why))


def name_text(text: str) -> str:
    """The SHA-256 of a site file, as hex."""
    return sha256(text.encode()).hexdigest()


def read_remote(folder: Path) -> Remote | None:
    """What lies in the state folder; None where nothing does, or nothing that this version writes.

    Also None where this process may not look: then it sees the site file as it stands.
    """
    path = folder / NAME
    try:
        if not path.exists():
            return None
        return _structure(parse_json(read_text(path, BYTES_MAX)))
    except PermissionError:
        return None
    except (TableError, TypeError, KeyError, ValueError) as error:
        LOG.warning("%s: %s; the site file itself is in force", path, error)
        return None


def write_remote(folder: Path, remote: Remote) -> None:
    """Keep it; raises OSError if the disk does not take it."""
    raw = json.dumps({"version": VERSION, **asdict(remote)}, ensure_ascii=False, sort_keys=True)
    replace_file(folder / NAME, raw.encode(), 0o600)


def _structure(table: Any) -> Remote:
    if not isinstance(table, dict) or table.pop("version", None) != VERSION:
        raise ValueError("not what this version writes")
    parts: tuple[tuple[str, Callable[..., Any]], ...] = (("kept", Kept), ("trial", Trial), ("back", Back))
    made = {name: None if table[name] is None else kind(**table[name]) for name, kind in parts}
    if isinstance(made["trial"], Trial):
        made["trial"] = evolve(made["trial"], meters=tuple(made["trial"].meters))
    return Remote(**{**table, **made})
