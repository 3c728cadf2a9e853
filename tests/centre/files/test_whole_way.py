"""A file on its way: a gateway's folder, its sender, a carrier that loses and kills, the centre's shelf."""

import hashlib
import random
from pathlib import Path

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.uplink.files import AGAIN_S, PIECE_BYTES_MIN, FilesOut
from centre.files import collector as module
from centre.files.collector import AGAIN_MS, STALL_MS, Collector
from centre.files.shelf import ERASED, PART, Kept, Put, Shelf
from evidence import keys
from evidence.chain import Code
from wire.files import PIECE_BYTES_MAX, WANTED_MAX, decode_piece
from wire.mqtt_events import FAILURE, PACKET_BYTES_MAX

CENTRE = bytes(range(32))
GATEWAY = "g1"


@define
class Way:
    """Both ends; `kept` is what the broker retains."""

    folder: Path
    sender: FilesOut = field(init=False)
    collector: Collector = field(init=False)
    named: dict[str, bytes] = field(factory=dict)
    kept: bytes = b""
    now_s: float = 1e9
    codes: list[Code] = field(factory=list)
    sent: int = 0

    def __attrs_post_init__(self) -> None:
        (self.folder / "files").mkdir()
        self.start_gateway()
        self.start_centre()

    def start_gateway(self) -> None:
        self.sender = FilesOut(self.folder / "files", GATEWAY, keys.public(CENTRE))
        self.sender.take(self.kept)

    def start_centre(self) -> None:
        self.collector = Collector(Shelf(self.folder / "shelf"), CENTRE)
        for sha256, raw in self.named.items():
            self.seal(sha256, len(raw))

    def seal(self, sha256: str, size: int) -> None:
        body = {"files": [{"name": "a", "size": size, "sha256": sha256}], "order": "o"}
        self.collector.note_line(
            {"type": "record", "gateway": GATEWAY, "seal": 7, "kind": "answer", "body": body}
        )

    def put(self, raw: bytes) -> str:
        sha256 = hashlib.sha256(raw).hexdigest()
        (self.folder / "files" / sha256).write_bytes(raw)
        self.named[sha256] = raw
        self.seal(sha256, len(raw))
        return sha256

    def ask(self) -> None:
        for answer in self.collector.due(round(self.now_s * 1000)):
            self.kept = answer.payload
            self.sender.take(self.kept)

    def step(self, *, lost: bool = False, code: int = 0) -> bool:
        """One piece, from end to end; whether there was one."""
        self.ask()
        self.now_s += 2
        if not self.sender.is_due(self.now_s):
            return False
        payload = self.sender.next(self.now_s, PACKET_BYTES_MAX)
        assert payload is not None
        self.sent += len(payload)
        if not lost and not code:
            found = self.collector.take(GATEWAY, payload, round(self.now_s * 1000))
            self.codes += [one.code for one in found]
        self.sender.on_ack(code, self.now_s)
        return True

    def finish(self) -> None:
        for _ in range(400):
            if not self.step():
                self.now_s += STALL_MS / 1000 + 1
            if all(self.look(sha256) is Kept.HELD for sha256 in self.named):
                return

    def look(self, sha256: str) -> Kept:
        return self.collector.shelf.look(GATEWAY, sha256)

    def shelf(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "shelf" / GATEWAY).iterdir()}


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path)


def photo(number: int, size: int = 2 * PIECE_BYTES_MAX + 9) -> bytes:
    return random.Random(number).randbytes(size)


def test_files_come_whole_and_the_request_goes_away(way: Way) -> None:
    files = {way.put(photo(number)): photo(number) for number in range(WANTED_MAX + 2)}
    way.finish()
    assert way.shelf() == files
    way.ask()
    assert (way.kept, way.codes) == (b"", [])
    assert way.sent < sum(map(len, files.values())) + 100 * 3 * len(files), "nothing is sent twice"


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["", "lost", "refused", "gateway", "centre", "hangs up"]), max_size=12))
def test_no_loss_and_no_kill_makes_another_file_or_an_accusation(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    way = Way(tmp_path_factory.mktemp("way"))
    files = {way.put(photo(number)): photo(number) for number in range(2)}
    for what in steps:
        way.step(lost=what == "lost", code=FAILURE if what == "refused" else 0)
        if what == "gateway":
            way.start_gateway()
        elif what == "centre":
            way.start_centre()
        elif what == "hangs up":
            way.sender.on_disconnected(way.now_s)
            way.sender.take(way.kept)
    way.finish()
    assert (way.shelf(), way.codes) == (files, [])


def test_a_centre_that_is_killed_before_it_names_the_file_ends_it_at_its_start(way: Way) -> None:
    raw = photo(1)
    sha256 = way.put(raw)
    part = way.folder / "shelf" / GATEWAY / (sha256 + PART)
    part.parent.mkdir(parents=True)
    part.write_bytes(raw)
    way.start_centre()
    way.ask()
    assert (way.shelf(), way.sent, way.codes) == ({sha256: raw}, 0, [])


@pytest.mark.parametrize("left", [b"\0" * 100, b"\0" * 40_000, b"\0" * (2 * PIECE_BYTES_MAX + 9)])
def test_what_a_power_cut_left_of_a_part_accuses_nobody(way: Way, left: bytes) -> None:
    raw = photo(1)
    sha256 = way.put(raw)
    part = way.folder / "shelf" / GATEWAY / (sha256 + PART)
    part.parent.mkdir(parents=True)
    part.write_bytes(left)
    way.start_centre()
    way.finish()
    assert (way.shelf(), way.codes) == ({sha256: raw}, [])


@pytest.mark.parametrize(
    ("now_there", "code"),
    [
        (b"other" * 7_000, Code.FILE_EDITED),
        (photo(2), Code.FILE_EDITED),
        (b"short", Code.FILE_EDITED),
        (None, Code.FILE_ABSENT),
    ],
)
def test_a_file_that_is_not_what_was_sealed_is_told_and_asked_for_again_a_day_later(
    way: Way, now_there: bytes | None, code: Code
) -> None:
    raw = photo(1)
    sha256 = way.put(raw)
    there = way.folder / "files" / sha256
    if now_there is None:
        there.unlink()
    else:
        there.write_bytes(now_there)
    while way.step():
        pass
    assert way.codes == [code]
    assert way.look(sha256) is Kept.ABSENT
    there.write_bytes(raw)
    way.now_s += AGAIN_MS / 1000
    way.finish()
    assert way.shelf() == {sha256: raw}


def test_a_file_of_no_bytes_is_kept_without_being_asked_for(way: Way) -> None:
    sha256 = way.put(b"")
    way.ask()
    assert (way.shelf(), way.kept) == ({sha256: b""}, b"")


def test_an_erased_file_is_not_asked_for_again(way: Way) -> None:
    sha256 = way.put(photo(1))
    way.step()
    way.collector.shelf.erase(GATEWAY, sha256)
    way.finish()
    assert way.shelf() == {sha256 + ERASED: b""}
    way.start_centre()
    way.ask()
    assert way.kept == b""


def test_a_piece_that_was_on_its_way_does_not_bring_an_erased_file_back(way: Way) -> None:
    digest = hashlib.sha256(b"a name").hexdigest()
    shelf = way.collector.shelf
    shelf.erase("g1", digest)
    assert shelf.put("g1", digest, 6, 0, b"a name") is Put.IGNORED
    assert [one.name for one in (shelf.folder / "g1").iterdir()] == [digest + ERASED]


def test_what_was_not_asked_for_is_not_kept(way: Way) -> None:
    stranger = FilesOut(way.folder / "files", GATEWAY, keys.public(CENTRE))
    sha256 = way.put(photo(1))
    way.ask()
    stranger.take(way.kept)
    payload = stranger.next(1e9, PACKET_BYTES_MAX)
    assert payload is not None
    other = Collector(Shelf(way.folder / "other"), CENTRE)
    assert other.take(GATEWAY, payload, 0) == []
    assert not (way.folder / "other").exists()
    assert way.look(sha256) is Kept.ABSENT


@pytest.mark.parametrize(("limit", "most"), [("BYTES", 50_000), ("FILES", 1)])
def test_a_gateway_fills_its_own_room_alone(
    way: Way, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(f"centre.files.shelf.GATEWAY_{limit}_MAX", most)
    first, second = way.put(photo(1)), way.put(photo(2))
    while way.step():
        pass
    assert (way.look(first), way.look(second), way.codes) == (Kept.HELD, Kept.ABSENT, [Code.FILES_FULL])


def test_a_hostile_gateway_that_names_files_without_end_takes_bounded_memory(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AWAITED_MAX", 3)
    for number in range(9):
        way.seal(f"{number:064x}", 10)
    assert len(way.collector._awaited[GATEWAY]) == 3


def test_a_disk_that_fails_is_told_once_and_tried_again(way: Way) -> None:
    raw = photo(1)
    sha256 = way.put(raw)
    (way.folder / "shelf").write_bytes(b"no folder")
    for _ in range(3):
        way.step()
        way.now_s += 700
    (told,) = way.collector.take_news()
    assert "shelf" in told
    (way.folder / "shelf").unlink()
    way.now_s += 700
    way.finish()
    assert (way.shelf(), way.codes) == ({sha256: raw}, [])


def test_a_broker_that_refuses_gets_smaller_pieces_after_growing_pauses(way: Way) -> None:
    way.put(photo(1))
    sizes, pauses = [], []
    for _ in range(8):
        way.ask()
        while not way.sender.is_due(way.now_s):
            way.now_s += 1
        payload = way.sender.next(way.now_s, PACKET_BYTES_MAX)
        assert payload is not None
        sizes.append(len(decode_piece(payload).piece))
        before_s = way.now_s
        way.sender.on_ack(FAILURE, way.now_s)
        while not way.sender.is_due(way.now_s):
            way.now_s += 1
        pauses.append(way.now_s - before_s)
    assert sizes[:3] == [PIECE_BYTES_MAX, PIECE_BYTES_MAX // 2, PIECE_BYTES_MAX // 4]
    assert (sizes[-1], pauses[:3]) == (PIECE_BYTES_MIN, [AGAIN_S, 2 * AGAIN_S, 4 * AGAIN_S])


def test_a_request_of_nobody_or_for_another_gateway_is_refused(way: Way) -> None:
    way.put(photo(1))
    way.ask()
    other = FilesOut(way.folder / "files", "g2", keys.public(CENTRE))
    with pytest.raises(ValueError, match="files of gateway g1"):
        other.take(way.kept)
    with pytest.raises(ValueError, match="not signed"):
        FilesOut(way.folder / "files", GATEWAY, keys.public(bytes(32))).take(way.kept)


def test_links_and_folders_are_not_read(way: Way) -> None:
    secret = way.folder / "secret"
    secret.write_bytes(photo(3))
    sha256 = hashlib.sha256(photo(3)).hexdigest()
    (way.folder / "files" / sha256).symlink_to(secret)
    way.seal(sha256, len(photo(3)))
    while way.step():
        pass
    assert way.codes == [Code.FILE_ABSENT]
