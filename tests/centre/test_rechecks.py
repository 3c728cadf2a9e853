"""Verdicts computed again beside the subscriber: nothing of it ends the subscriber."""

import errno
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define

from centre.rechecks import Check, Rechecks
from centre.store.sqlite import SqliteStore
from evidence import keys
from provisioning.centre import rechecking
from provisioning.centre.rechecking import Recheck

FINAL = {"type": "record", "gateway": "g1", "seal": 7, "kind": "verdict", "body": {"what": "final"}}


@define
class Done:
    """A check that has found something."""

    def differences(self) -> Sequence[str]:
        return ["o1 p1 final (verdict)"]

    def stop(self) -> None:
        """It has ended."""


def test_what_is_found_of_a_gateway_that_another_verifier_has_by_then_is_left_to_it(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "a.db")) as store, closing(SqliteStore(tmp_path / "b.db")) as left:
        store.enrol("g1", keys.public(bytes(range(32))))
        rechecks = Rechecks(lambda _: Done())
        rechecks.note_line(FINAL)
        assert rechecks.look(store) == []
        assert rechecks.look(left) == []
        rechecks.note_line(FINAL)
        rechecks.look(store)
        assert [one["seal"] for one in rechecks.look(store)] == [7]


def test_a_check_that_cannot_begin_waits_for_room(tmp_path: Path) -> None:
    errors: list[OSError] = [OSError(errno.EMFILE, "too many files"), OSError(errno.ENOSPC, "no space")]

    def start(_: str) -> Check:
        if errors:
            raise errors.pop()
        return Done()

    with closing(SqliteStore(tmp_path / "a.db")) as store:
        store.enrol("g1", keys.public(bytes(range(32))))
        rechecks = Rechecks(start)
        rechecks.note_line(FINAL)
        told = [one["seal"] for _ in range(4) for one in rechecks.look(store)]
    assert told == [7]


def test_more_differences_than_can_be_read_are_not_none(tmp_path: Path, monkeypatch: Any) -> None:
    class Ended:
        returncode = 1

        def poll(self) -> int:
            return self.returncode

    said = json.dumps({"differences": [{"order": "o1", "line": "p1", "what": "final", "keys": ["wh"]}] * 99})
    check = Recheck.__new__(Recheck)
    for room, found in ((len(said), 99), (len(said) - 1, 1)):
        monkeypatch.setattr(rechecking, "ANSWER_BYTES_MAX", room)
        check._process, check._answer = Ended(), (tmp_path / "answer").open("w+b")  # type: ignore[assignment]
        check._answer.write(said.encode())
        assert len(check.differences() or ()) == found
