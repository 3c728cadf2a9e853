"""What the verbs about clues share: options, opening both ledgers, signing the next step."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from centre.clues.ledger import CluesError, read_clues
from centre.orders.ledger import Ledger as Orders
from centre.orders.ledger import open_ledger
from evidence.clues.check import Ledger
from evidence.clues.course import Clue
from evidence.keys import load_key_file, public
from evidence.moments import utc_ms
from evidence.orders.certificate import Role
from provisioning.centre.clues.words import WORDS
from provisioning.centre.options import FILE, failing_in_one_line
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate

CLUES: Final = click.option("--clues", "path", required=True, type=FILE, help="The ledger of clues.")
KEY: Final = click.option("--key", required=True, type=FILE, help="Key file of the officer.")
OFFICER: Final = click.option("--officer", required=True, help="The officer, as the certificate names it.")
STORE: Final = store_option("The subscriber's database: where clues come from.")


@frozen
class Books:
    """Both ledgers as they are now; `raws` are the steps as they were signed."""

    orders: Orders
    clues: Ledger
    raws: list[bytes]

    def find(self, id_: str, path: Path) -> Clue:
        """A clue, or the end of the command."""
        found = self.clues.clues.get(id_)
        if found is None:
            known = ", ".join(self.clues.clues) or "-"
            raise fail(EXIT_NO, translate(WORDS["no clue"], file=path, id=id_, known=known[:200]))
        return found


@frozen
class Signer:
    """An officer who signs: name, both halves of the key."""

    name: str
    secret: bytes
    key: bytes


def open_books(ledger: Path, path: Path) -> Books:
    """Both ledgers; ends the command if one of them is wrong."""
    with failing_in_one_line(ledger):
        orders = open_ledger(ledger)
    with ending_by_clues(path):
        return Books(orders, *read_clues(path, orders))


@contextmanager
def ending_by_clues(path: Path) -> Iterator[None]:
    """Ends the command if the ledger of clues, or what is to be put into it, is wrong."""
    try:
        with failing_in_one_line(path):
            yield
    except CluesError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def load_signer(books: Books, key: Path, name: str) -> Signer:
    """The officer; ends the command if the key is none of its."""
    with failing_in_one_line(key):
        secret = load_key_file(key)
    mine = public(secret)
    if not any(one.key == mine for one in books.orders.trust.certificates(Role.OFFICER, name)):
        raise fail(EXIT_USAGE, translate(WORDS["wrong key"], file=key, name=name))
    return Signer(name, secret, mine)


def now_after(books: Books) -> int:
    """The time of a new step: no clock that was set back makes it older than the one before it."""
    steps = books.clues.steps
    return max(utc_ms(), steps[-1].step.utc_ms if steps else 0)


def to_plain(clue: Clue) -> Mapping[str, Any]:
    """A clue for JSON."""
    return {
        "clue": clue.id,
        "stage": clue.stage.name.lower(),
        "closed": clue.closed,
        "dismissed": clue.is_dismissed,
        "outcome": None if clue.outcome is None else clue.outcome.value,
        "recheck": None if clue.recheck is None else clue.recheck.to_body(),
        **clue.opening.to_body(),
        "origin": clue.steps[0].links[0].to_plain(),
        "steps": len(clue.steps),
    }


Verb = Callable[..., Any]
