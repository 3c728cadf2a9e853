"""The disk of the centre is full: one line, exit 3, no receipt for what is not held; with room it goes on."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from attrs import define
from click.testing import CliRunner

from centre import subscriber
from centre.register import enrolment_line
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.seal import StoredSeal
from provisioning.cli import cli
from tests.centre.test_core import manifest, reading, whole
from tests.centre.test_subscriber import SECRET, Broker
from tests.evidence.chains import GATEWAY, Chain, secret
from tests.faults.mounts import free_bytes, mounted
from wire.mqtt_events import Message

DISK_MIB: Final = 3


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted("tmpfs", tmp_path / "disk", f"size={DISK_MIB}m") as folder:
        yield folder


def fill(disk: Path) -> Path:
    """What others write until no more goes."""
    hog = disk / "hog"
    with hog.open("ab", buffering=0) as file:
        try:
            while free_bytes(disk):
                file.write(bytes(min(1 << 16, free_bytes(disk))))
        except OSError:
            pass
    return hog


def message(seal: StoredSeal) -> Message:
    made = whole(seal)
    return Message(made.topic, made.payload, retained=False)


def call(folder: Path, disk: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """A life of `dianjian subscribe`, until it has published a receipt or fails."""

    monkeypatch.setattr(subscriber, "Publisher", broker)
    monkeypatch.setattr("provisioning.centre.subscribe.load_key_file", lambda _: SECRET)
    made = subscriber.Subscriber.run

    def run(self: subscriber.Subscriber) -> None:
        broker.subscriber = self
        made(self)

    monkeypatch.setattr("centre.subscriber.Subscriber.run", run)
    words = ["--broker", "mqtt://127.0.0.1:1", "--register", folder / "register", "--key", folder / "key"]
    done = CliRunner().invoke(
        cli, ["--lang", "en", "subscribe", *map(str, words), "--store", str(disk / "centre.db")]
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stderr


@define
class Filling(Broker):
    """A broker that the disk becomes full with, when the store is open."""

    disk: Path = Path()

    def start(self) -> None:
        fill(self.disk)
        super().start()


def test_on_a_full_disk_it_ends_in_a_line_and_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "register").write_text(enrolment_line(GATEWAY, keys.public(secret(1))))
    chain = Chain()
    seals = [chain.seal([*manifest(), reading()]), *(chain.seal([reading(float(n))] * 40) for n in range(60))]
    first = Broker([message(seals[0])])
    code, said = call(tmp_path, disk, first, monkeypatch)
    assert (code, [one.number for one in first.journal]) == (0, [1]), said
    rest = [message(seal) for seal in seals[1:]]
    for broker in (Filling(rest, disk=disk), Broker(rest)):  # while it runs, and again at a start
        code, said = call(tmp_path, disk, broker, monkeypatch)
        assert (code, said.count("\n")) == (3, 1), said
        assert f"{disk / 'centre.db'}: " in said
        assert "is full: make room" in said
        assert [one.number for one in broker.journal if one.number > 1] == []
    (disk / "hog").unlink()
    broker = Broker(rest)
    code, said = call(tmp_path, disk, broker, monkeypatch)
    assert code == 0, said
    with closing(SqliteStore(disk / "centre.db")) as store:
        assert store.state(GATEWAY).number >= max(one.number for one in broker.journal) > 1


def test_a_new_store_on_a_full_disk_is_a_line_too(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "register").write_text(enrolment_line(GATEWAY, keys.public(secret(1))))
    fill(disk)
    code, said = call(tmp_path, disk, Broker([]), monkeypatch)
    assert (code, said.count("\n")) == (3, 1), said
    assert "is full: make room" in said
