"""Verdicts computed again beside the subscriber: nothing of it ends the subscriber."""

import errno
import json
import os
import resource
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from centre.batch.chains import findings_of
from centre.json_lines import JsonLine
from centre.rechecks import VERDICT_DIFFERS, VERDICT_UNCHECKED, Check, Rechecks
from centre.store.sqlite import SqliteStore
from evidence import keys
from provisioning.centre import rechecking
from provisioning.centre.rechecking import CPU_S_MAX, STUCK_S_MAX, Recheck

FINAL = {"type": "record", "gateway": "g1", "seal": 7, "kind": "verdict", "body": {"what": "final"}}


@define
class Done:
    """A check that has found something."""

    is_cut_off: bool = False

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


@define
class CutOff(Done):
    """A check that took too long."""

    is_cut_off: bool = True

    def differences(self) -> Sequence[str]:
        return []


def test_a_check_that_takes_too_long_is_told_once_and_the_next_gateway_has_its_turn(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "a.db")) as store:
        for name in ("g1", "g2"):
            store.enrol(name, keys.public(bytes(range(32))))
        rechecks, told = Rechecks(lambda name: CutOff() if name == "g1" else Done()), list[JsonLine]()
        for line in (FINAL, {**FINAL, "gateway": "g2"}, FINAL):
            rechecks.note_line(line)
            for _ in range(3):
                found = rechecks.look(store)
                store.commit(findings_of(found, 1))
                told += found
    assert [(one["gateway"], one["code"]) for one in told] == [
        ("g1", VERDICT_UNCHECKED),
        ("g2", VERDICT_DIFFERS),
    ]


@pytest.mark.parametrize("limit", ["processor", "clock"])
def test_a_check_is_ended_by_the_processor_time_and_by_the_clock(limit: str, tmp_path: Path) -> None:
    """The real process: it needs more than a second of the processor to load what it computes with, or a
    clock that runs ahead finds it running."""
    now_s = [0.0]
    check = Recheck(tmp_path / "none.db", "g1", 1 if limit == "processor" else CPU_S_MAX, lambda: now_s[0])
    if limit == "clock":
        os.kill(check._process.pid, signal.SIGSTOP)  # whatever it waits for
        assert check.differences() is None
        now_s[0] = STUCK_S_MAX
        os.kill(check._process.pid, signal.SIGCONT)
        assert (check.differences(), check.is_cut_off) == ([], True)
        assert check._process.returncode is not None
    else:
        soft, hard = resource.prlimit(check._process.pid, resource.RLIMIT_CPU)
        assert (soft, hard) == (1, 1)
        os.kill(check._process.pid, signal.SIGXCPU)  # as the kernel does then
        check._process.wait(60)
        assert (check.differences(), check.is_cut_off) == ([], True)


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
