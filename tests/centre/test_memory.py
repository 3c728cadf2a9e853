"""What a start learns again: from the file and the marks alone, never less than from the whole chain."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from centre.core import Centre
from centre.json_lines import JsonLines
from centre.memory import Memory
from centre.store.journal import Mark
from centre.store.sqlite import SqliteStore
from evidence import cbor, keys
from evidence.record import Kind, encode_record
from evidence.seal import NUMBER_MAX
from tests.centre.test_core import manifest, reading, whole
from tests.evidence.chains import GATEWAY, Chain, secret, stamp

NOW_MS = 1_767_268_800_000
WRONG = encode_record(Kind.ATTESTATION, stamp(), {"seal": 1})
"""Proves nothing, and is judged all the same."""


class Bench:
    """A centre that has taken a chain, and lines that a later life begins with."""

    def __init__(self, folder: Path, store: SqliteStore) -> None:
        self.folder, self.store, self.chain = folder, store, Chain()
        store.enrol(GATEWAY, keys.public(secret(1)))
        self.centre = Centre(store, bytes(range(32)))

    def take(self, *records: bytes) -> None:
        self.centre.handle([whole(self.chain.seal([*records]))], NOW_MS)

    def memory(self, *, takes_over: bool = False) -> Memory:
        return Memory(self.folder / "memory", self.store, time.monotonic, lambda _, __: None, takes_over)

    def write(self) -> None:
        memory = self.memory()
        memory._seen[GATEWAY] = 0
        memory.write(self.centre.lines_of(GATEWAY), after_seals=0)

    def restored(self, *, takes_over: bool = False) -> JsonLines:
        lines = JsonLines(GATEWAY)
        self.memory(takes_over=takes_over).restore(lines)
        return lines


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(SqliteStore(tmp_path / "centre.db")) as store:
        one = Bench(tmp_path, store)
        one.take(*manifest(), reading())
        yield one


def parts(lines: JsonLines) -> list[Any]:
    """What was learnt: all but how far attestations were compared, which is done again."""
    seen, models, meters, (_, attestations), configs, _ = cbor.decode(lines.encode_memory(), 1_000_000)  # type: ignore[misc]
    return [seen, models, meters, attestations, configs]


def no_chain(*_: Any) -> Iterator[Any]:
    raise AssertionError("the whole chain was read")


def test_behind_the_file_only_marked_bodies_are_read_and_nothing_is_missing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write()
    for records in ([reading()], [WRONG], manifest(2.0), [reading()]):
        bench.take(*records)
    marked = bench.store.journal().marked(GATEWAY, Mark.TEACHES | Mark.ATTESTS, NUMBER_MAX, first=2)
    assert [one.number for one in marked] == [3, 4]
    monkeypatch.setattr(bench.store, "chain", no_chain)
    assert parts(bench.restored()) == parts(bench.centre.lines_of(GATEWAY))


def test_without_a_file_the_whole_chain_is_read(bench: Bench) -> None:
    bench.take(*manifest(3.0))
    assert parts(bench.restored()) == parts(bench.centre.lines_of(GATEWAY))


def test_behind_a_file_of_before_the_marks_the_chain_is_read(bench: Bench) -> None:
    bench.write()
    file = bench.folder / "memory" / GATEWAY
    old = cbor.decode(file.read_bytes(), 1_000_000)
    assert isinstance(old, list)
    file.write_bytes(cbor.encode(old[:-1]))
    bench.take(*manifest(4.0))
    with bench.store._write() as connection:
        connection.execute("UPDATE journal SET marks = NULL")
    assert parts(bench.restored()) == parts(bench.centre.lines_of(GATEWAY))


@pytest.mark.parametrize("has_old_file", [False, True])
def test_who_takes_a_gateway_over_learns_its_manifests_without_the_chain(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, has_old_file: bool
) -> None:
    if has_old_file:
        bench.write()
        file = bench.folder / "memory" / GATEWAY
        file.write_bytes(cbor.encode(cbor.decode(file.read_bytes(), 1_000_000)[:-1]))  # type: ignore[index]
    bench.take(*manifest(5.0))
    bench.take(reading())
    monkeypatch.setattr(bench.store, "chain", no_chain)
    assert parts(bench.restored(takes_over=True)) == parts(bench.centre.lines_of(GATEWAY))
