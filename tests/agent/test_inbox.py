"""What setup drops is sealed once, whatever happens between the seal and the removal."""

import json
import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from agent.inbox import (
    ENTRY_BYTES_MAX,
    INBOX_NAME,
    LOOK_S,
    REFUSED,
    TAKEN_MAX,
    EntryError,
    Inbox,
    drop,
)
from drivers.clock import NS_PER_S, ClockState, Stamp
from evidence.record import Kind, Record
from evidence.seal import StoredSeal
from tests.agent.rig import Rig, end_rigs
from tests.faults.disk import Tell, calls_of, lived_under

KILLS: Final = 12
"""Of some 300 calls; all of them are in the long run."""


def dropped(folder: Path, count: int = 1, **more: Any) -> None:
    for number in range(count):
        drop(folder / "state", {"what": "wiring", "number": number, **more}, 1_000 + number)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "state" / INBOX_NAME).glob("*"))


def told(rig: Rig, kind: Kind = Kind.COMMISSIONING) -> list[dict[str, Any]]:
    return [one.body for one in rig.records() if isinstance(one, Record) and one.kind is kind]


def live(rig: Rig, seconds: float = 12.0) -> None:
    end_s = rig.passed_s + seconds
    while rig.passed_s < end_s:
        rig.passed_s += 1.0
        rig.tick()


def test_a_entry_is_sealed_at_the_next_turn_and_then_removed(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    dropped(tmp_path, sentence={"zh": "相序接反", "en": "two phases are swapped"}, numbers={"a": 0.1})
    live(rig, 3)
    (body,) = told(rig)
    assert body["sentence"]["zh"] == "相序接反"
    assert body["numbers"] == {"a": 0.1}
    assert len(body["id"]) == 64
    assert entries(tmp_path) == []
    rig.close()


def test_entries_that_lie_at_the_start_are_in_the_first_seals(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    dropped(tmp_path, TAKEN_MAX + 3)
    rig = Rig(tmp_path)
    assert len(told(rig)) == TAKEN_MAX
    live(rig, 2 * LOOK_S)
    assert [body["number"] for body in told(rig)] == list(range(TAKEN_MAX + 3))
    assert entries(tmp_path) == []
    rig.close()


def test_a_entry_whose_removal_was_cut_off_is_removed_and_not_sealed_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "first")
    dropped(tmp_path / "first")
    (name,) = entries(tmp_path / "first")
    raw = (tmp_path / "first/state" / INBOX_NAME / name).read_bytes()
    live(rig, 3)
    (tmp_path / "first/state" / INBOX_NAME / name).write_bytes(raw)  # as if the kill came before unlink
    second = rig.killed(tmp_path / "second")
    live(second)
    assert len(told(second)) == 1
    assert entries(tmp_path / "second") == []
    second.close()


def test_a_entry_that_cannot_be_removed_is_sealed_once_in_many_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "life0")
    dropped(tmp_path / "life0")

    def refuse(path: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", refuse)
        live(rig, 300)  # the seals after it push it out of what a start looks at
    for life in range(1, 3):
        rig = rig.killed(tmp_path / f"life{life}")
        live(rig, 30)
    assert len(told(rig)) == 1
    assert entries(tmp_path / "life2") == []
    rig.close()


GATEWAYS_OWN: Final = {
    "subject": ["meter", "mp"],
    "family": "communication",
    "code": "lost-contact",
    "from_s": 1,
    "to_s": 2_000_000_000,
    "source": "auto",
    "by": "dianjian",
    "reason": "",
    "files": [],
    "supersedes": None,
    "edition": "1",
}
"""Over it the chain's own loss of contact would not be shown."""
NONSENSE = [
    (b"", "is not JSON"),
    (b"[1]", "is no JSON object"),
    (b'{"number": 1}', 'text "what"'),
    (b'{"what": 1}', 'text "what"'),
    (b'{"what": "x", "id": "y"}', "of its own"),
    (b'{"what": NaN}', 'text "what"'),
    (b'{"what": "x", "n": Infinity}', "fits no record"),
    (b'{"what": "x", "n": 1' + b"0" * 400 + b"}", "fits no record"),
    (b"[" * 40_000, "is not JSON"),
    (b'{"what": "\xff"}', "is not JSON"),
    (b'{"what": "' + b"x" * ENTRY_BYTES_MAX + b'"}', "has more than"),
    (json.dumps({"what": "x", "n": [0.1] * 8_000}).encode(), "fits no record"),
    (json.dumps({"what": "declare", "mark": GATEWAYS_OWN}).encode(), "a declaration is a person's"),
]


@pytest.mark.parametrize(("raw", "why"), NONSENSE)
def test_nonsense_is_set_aside_with_an_event(tmp_path: Path, raw: bytes, why: str) -> None:
    box = tmp_path / "state" / INBOX_NAME
    box.mkdir(parents=True)
    (box / "1.json").write_bytes(raw)
    rig = Rig(tmp_path)
    dropped(tmp_path)
    live(rig)
    events = [body for body in told(rig, Kind.EVENT) if body["what"] == "postbox"]
    assert [why in body["text"] for body in events] == [True], events
    assert entries(tmp_path) == [f"1.json{REFUSED}"]
    assert len(told(rig)) == 1
    rig.close()


def test_what_fits_no_record_is_refused_before_it_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(EntryError, match="has more than"):
        drop(tmp_path, {"what": "trial", "text": "x" * ENTRY_BYTES_MAX}, 0)
    assert list(tmp_path.iterdir()) == []


def test_root_follows_no_link_of_the_agent_s_user(tmp_path: Path) -> None:
    """Whoever owns the folder could else have root write into, or give away, what is root's."""
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / INBOX_NAME).symlink_to(other)
    with pytest.raises(NotADirectoryError):
        dropped(tmp_path)
    assert list(other.iterdir()) == []


def test_what_is_no_file_and_half_written_drafts_are_passed_by(tmp_path: Path) -> None:
    box = tmp_path / "state" / INBOX_NAME
    (box / "folder.json").mkdir(parents=True)
    (box / "half.new").write_bytes(b"{")
    rig = Rig(tmp_path)
    live(rig)
    assert entries(tmp_path) == [f"folder.json{REFUSED}", "half.new"]
    assert told(rig) == []
    rig.close()


def test_a_pipe_a_device_and_a_folder_are_set_aside_and_nothing_is_waited_for(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    dropped(tmp_path)
    box = tmp_path / "state" / INBOX_NAME
    os.mkfifo(box / "0-pipe.json")
    (box / "0-device.json").symlink_to("/dev/zero")
    (box / "0-folder.json").mkdir()
    live(rig)
    assert [body["number"] for body in told(rig)] == [0]
    said = sorted(body["text"] for body in told(rig, Kind.EVENT) if body["what"] == "postbox")
    assert [text.partition(": cannot be read: ")[0] for text in said] == [
        "0-device.json",
        "0-folder.json",
        "0-pipe.json",
    ]
    rig.close()


def test_a_folder_that_somebody_has_filled_holds_up_nobody_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.inbox.LISTED_MAX", 20)
    rig = Rig(tmp_path)
    dropped(tmp_path)
    box = tmp_path / "state" / INBOX_NAME
    for number in range(100):
        (box / f"{number}.draft").touch()
    live(rig, 30)
    assert sum("holds 20 files and more" in one for one in caplog.messages) == 1
    for junk in box.glob("*.draft"):
        junk.unlink()
    live(rig)
    assert [body["number"] for body in told(rig)] == [0], "it was only late"
    rig.close()


@define
class NewStore:
    """Holds no seal yet, and this checkpoint."""

    raw: bytes

    def checkpoint(self, _name: str) -> bytes:
        return self.raw

    def put_checkpoint(self, _name: str, raw: bytes) -> None:
        self.raw = raw

    def last(self) -> None:
        return None

    def rows(self, _first: int, _limit: int) -> list[StoredSeal]:
        return []


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_checkpoint_and_no_entry_stops_the_box(tmp_path_factory: Any, raws: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("box")
    for number, raw in enumerate(raws):
        (folder / f"{number}.json").write_bytes(raw)
    stamp = Stamp(0, NS_PER_S, bytes(16), ClockState.SYNCHRONISED)
    box = Inbox(folder, NewStore(b"".join(raws)))  # type: ignore[arg-type]
    box.start(stamp)
    taken = box.due(stamp)
    assert {record.kind for record in taken} <= {Kind.COMMISSIONING, Kind.EVENT}
    box.on_sealed(stamp, 0)
    assert not list(folder.glob("*.json"))


def life(folder: Path, tell: Tell) -> None:
    """A start with entries in the box, one more while it lives, an orderly end."""
    del tell
    rig = Rig(folder)
    live(rig, 4)
    drop(folder / "state", {"what": "period", "number": 9}, 9_000)
    live(rig, 4)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()


def killed_at(calls: list[tuple[str, int]], base: Path, work: Path) -> int:
    killed = 0
    for name, count in calls:
        shutil.copytree(base, work)
        lived = lived_under(
            work, ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={count}"], life
        )
        killed += lived.code == -signal.SIGKILL
        before = len(entries(work))
        rig = Rig(work, passed_s=100.0)
        live(rig)
        numbers = [body["number"] for body in told(rig)]
        assert sorted(numbers) in ([0, 1], [0, 1, 9]), f"{name} {count}: {numbers}, {before} entries before"
        assert [one for one in entries(work) if not one.endswith(".new")] == [], f"{name} {count}"
        rig.close()
        end_rigs()
        shutil.rmtree(work)
    return killed


def calls_and_base(tmp_path: Path) -> tuple[list[tuple[str, int]], Path]:
    base = tmp_path / "base"
    (base / "state").mkdir(parents=True)
    dropped(base, 2)
    shutil.copytree(base, tmp_path / "first")
    life(tmp_path / "first", lambda _number, _digest: None)  # what it imports, no later life opens again
    shutil.copytree(base, tmp_path / "traced")
    calls = calls_of(tmp_path / "traced", tmp_path / "calls.log", life)[1:]  # not the wait for `go`
    assert {"unlink", "rename", "fdatasync", "pwrite64"} <= {name for name, _ in calls}
    return calls, base


def test_a_kill_at_sampled_calls_seals_every_entry_once(tmp_path: Path) -> None:
    calls, base = calls_and_base(tmp_path)
    near = [at for at, (name, _) in enumerate(calls) if name in {"unlink", "rename"}]
    chosen = {one for at in near for one in calls[at - 2 : at + 2]}
    chosen = set(random.Random(1).sample(sorted(chosen), KILLS // 2))
    chosen |= set(random.Random(1).sample(calls, KILLS // 2))
    assert killed_at(sorted(chosen), base, tmp_path / "work") >= len(chosen) - 3


@pytest.mark.minutes
def test_a_kill_at_every_call_seals_every_entry_once(tmp_path: Path) -> None:
    calls, base = calls_and_base(tmp_path)
    assert killed_at(calls, base, tmp_path / "work") >= len(calls) * 0.98
