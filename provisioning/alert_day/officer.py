"""The bureau's side: the verbs that an officer types, on the plant's clock, which is held meanwhile."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from disk.files import replace_file
from evidence.keys import create_key_file, public
from provisioning.alert_day import acts
from provisioning.alert_day.words import WORDS
from provisioning.demo.calling import last_line, run_verb
from provisioning.demo.parts import PartError
from provisioning.demo.stage import CENTRE_NAME, ORDERS_NAME, Stage
from provisioning.words.language import translate

KINDS: Final = ("list", "alert", "supervise", "check", "cancel")
KEY: Final = "bureau.key"
LIST_FILE: Final = "list.csv"


@frozen
class Officer:
    """Types verbs; `say` shows each as typed, and what it printed."""

    stage: Stage
    say: Callable[[str], object]

    def begin(self) -> None:
        """The ledger of orders, the bureau's key and its certificate; raises PartError."""
        folder, root = self.stage.folder, ["--key", "centre.key"]
        key = public(create_key_file(folder / KEY)).hex()
        self._keys("root", *root)
        kinds = [word for kind in KINDS for word in ("--kind", kind)]
        since = (acts.BEGIN - timedelta(days=60)).isoformat()
        may = ["--role", "bureau", "--name", acts.BUREAU, "--area", acts.AREA[:4], "--from", since, *kinds]
        self._keys("certify", *root, *may, key)
        self._keys("place", *root, acts.GATEWAY, acts.AREA)

    def send_list(self) -> None:
        """Check the reduction list and send it; raises PartError."""
        folder = self.stage.folder
        replace_file(folder / LIST_FILE, acts.ROWS.encode())
        checked = self._call(["curtail", "list", "check", LIST_FILE, "--json"], rows=0)
        replace_file(folder / "lists.json", checked.encode())
        self._order("send", "--kind", "list", "--id", acts.LIST, "--body", "lists.json")

    def send_alert(self) -> None:
        """The alert of the night; raises PartError."""
        begin = acts.BEGIN + timedelta(minutes=acts.ALERT_MIN)
        end = begin + timedelta(hours=acts.ALERT_HOURS)
        times = ["--from", begin.isoformat(), "--until", end.isoformat()]
        self._order("alert", "--id", acts.ALERT, "--list", acts.LIST, "--level", acts.LEVEL, *times)

    def ask(self) -> None:
        """Ask why a line works; raises PartError."""
        self._send("supervise", acts.ASK, {"text": translate(WORDS["ask"], line=acts.MARKED)})

    def close(self) -> None:
        """Say what became of the answer; raises PartError."""
        body = {"order": acts.ASK, "closed": False, "text": translate(WORDS["untrue"])}
        self._send("check", acts.CHECK, body)

    def show_board(self) -> list[dict[str, Any]]:
        """Show the board, and give its rows; raises PartError."""
        words = [
            "order",
            "--sim-clock",
            self._clock,
            "board",
            "--orders",
            ORDERS_NAME,
            "--store",
            CENTRE_NAME,
        ]
        self._call(["centre", *words])
        rows: list[dict[str, Any]] = json.loads(self._call(["centre", *words, "--json"], quiet=True))[
            "orders"
        ]
        return rows

    @property
    def _clock(self) -> str:
        return self.stage.clock.spec()

    def _send(self, kind: str, id_: str, body: Mapping[str, Any]) -> None:
        name = f"{id_}.json"
        replace_file(self.stage.folder / name, json.dumps(body, ensure_ascii=False).encode())
        self._order("send", "--kind", kind, "--id", id_, "--body", name)

    def _order(self, verb: str, *words: str) -> None:
        who = ["--orders", ORDERS_NAME, "--key", KEY, "--issuer", acts.BUREAU]
        self._call(["centre", "order", "--sim-clock", self._clock, verb, *who, *words, acts.GATEWAY])

    def _keys(self, verb: str, *words: str) -> None:
        self._call(["centre", "keys", verb, "--orders", ORDERS_NAME, *words], quiet=True)

    def _call(self, command: list[str], rows: int | None = None, *, quiet: bool = False) -> str:
        return call(self.stage.folder, command, (lambda _: None) if quiet else self.say, self._clock, rows)


def call(
    folder: Path,
    command: list[str],
    say: Callable[[str], object],
    clock: str,
    rows: int | None = None,
    codes: tuple[int, ...] = (0,),
    typed: str = "",
) -> str:
    """What a verb prints; raises PartError where it ends otherwise than with one of `codes`."""
    ended = run_verb(folder, command, say, rows, typed=typed, unshown=("--sim-clock", clock))
    if ended.returncode not in codes:
        why = WORDS["verb failed"].fill(verb=" ".join(command[:3]), why=last_line(ended.stderr))
        raise PartError(translate(why))
    return ended.stdout
