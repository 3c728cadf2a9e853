"""A primary that dies under load and its synchronous standby: what has a receipt is there."""

import os
import socket
import threading
import time
from contextlib import closing

import psycopg

from centre.store.journal import SHIFT
from centre.store.place import Server as ServerPlace
from centre.store.shape import Shape, read_shape
from centre.store.sliced import SlicedStore
from centre.store.slices import MOST, SLICES
from disk.database import CommitError
from evidence import keys
from evidence.seal import StoredSeal
from tests.centre.store.contract import accepted
from tests.counterparts.postgresql import serving, standing_by
from tests.evidence.chains import GATEWAY, Chain, secret

BEFORE = 40
"""Receipts that are awaited before the primary dies."""


def test_no_receipted_seal_is_missing_when_the_primary_dies_under_load_and_the_standby_is_promoted() -> None:
    with serving() as primary, standing_by(primary) as standby:
        url = primary.make_database()
        own = url.replace(f"host={primary.folder}", f"host={standby.folder}")
        both = url.replace(f"host={primary.folder}", f"host={primary.folder},{standby.folder}")
        store = SlicedStore(f"{both}&target_session_attrs=read-write", 0, MOST)
        with closing(store):
            store.turn_over()
            store.enrol(GATEWAY, keys.public(secret(1)))
            await_synchronous(url)
            assert read_shape(ServerPlace(url)) == Shape(
                is_file=False,
                awaited="standby",
                followers=("sync",),
                verifiers=((f"{socket.gethostname()}:{os.getpid()}", SLICES),),
            )
            chain, receipted, made = Chain(), [], list[StoredSeal]()

            def work() -> None:
                while True:
                    seal = chain.seal()
                    made.append(seal)
                    try:
                        store.commit(accepted(store.state(GATEWAY), [seal]), {GATEWAY: lambda *_: b"receipt"})
                    except CommitError:
                        return
                    receipted.append(seal.number)

            thread = threading.Thread(target=work)
            thread.start()
            while len(receipted) < BEFORE:
                assert thread.is_alive()
                time.sleep(0.005)
            primary.stop("immediate")
            thread.join()
            standby.promote()
            held = seals_in(own)
            assert [number for number, _ in held][: len(receipted)] == receipted
            assert held == [(seal.number, seal.cose) for seal in made[: len(held)]]
            store.reopen()
            store.turn_over()
            batch = accepted(store.state(GATEWAY), made[-1:])
            store.commit(batch, {GATEWAY: lambda *_: b"receipt"})
            store.commit(accepted(store.state(GATEWAY), [chain.seal()]), {GATEWAY: lambda *_: b"receipt"})
            assert [row[0] for row in store.chain(GATEWAY)] == list(range(1, len(made) + 2))


def await_synchronous(url: str) -> None:
    """Until the primary waits for its standby: until then a receipt rests on one disk."""
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall() != [("sync",)]:
            time.sleep(0.01)


def seals_in(url: str) -> list[tuple[int, bytes]]:
    """Number and bytes of all seals of the one gateway."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT at, cose FROM seals ORDER BY at").fetchall()
    return [(at % SHIFT, cose) for at, cose in rows]
