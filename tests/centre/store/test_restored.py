"""A centre that was restored from an older back-up, a gateway that had its receipts, and a real broker."""

from contextlib import closing
from pathlib import Path

from centre.store.copying import copy_store
from centre.store.sql import SqlStore
from centre.store.sqlite import SqliteStore
from provisioning.demo.broker import find_free_port, start_mosquitto
from tests.wire.ends import CentreEnd, Gateway, enrol

NAME = "plant-7"


def copy(source: Path, where: Path) -> None:
    with closing(SqliteStore(where)) as target:
        assert isinstance(target, SqlStore)
        copy_store(source, target, where, lambda _done, _all: None)


def test_it_is_sent_again_what_came_after_the_back_up_with_the_bodies(tmp_path: Path) -> None:
    old, back, new = tmp_path / "centre.db", tmp_path / "back.db", tmp_path / "new.db"
    port = find_free_port()
    broker = start_mosquitto(port, tmp_path / "broker")
    try:
        with Gateway(tmp_path, NAME, port) as gateway:
            enrol(tmp_path, gateway)
            with CentreEnd(tmp_path, port, store=SqliteStore(old)):
                gateway.seal(5)
                gateway.deliver()
                copy(old, back)
                gateway.seal(40)
                gateway.deliver()
                assert gateway.outbox.received == 45
            copy(back, new)
            with CentreEnd(tmp_path, port, store=SqliteStore(new)) as centre:
                assert centre.store.state(NAME).number == 5
                gateway.seal(1)
                gateway.turn_until(lambda: centre.store.held(NAME).up_to == 46)
                gateway.turn_until(lambda: gateway.outbox.received == 46)
                assert [line["code"] for line in centre.of("finding")] == ["gap"], (
                    "no word of a fork or of bodies"
                )
    finally:
        broker.stop()
    with closing(SqliteStore(old)) as before, closing(SqliteStore(new)) as after:
        mine = [row[:3] for row in after.chain(NAME)]
        assert mine[:45] == [row[:3] for row in before.chain(NAME)], "the very same seals and bodies"
        assert len(mine) == 46
