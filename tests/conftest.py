"""One profile for all property tests: the same examples in every run, unless somebody goes looking.

`DIANJIAN_EXPLORE=1 make test` draws new examples; what it finds becomes a table row or a fixed case.
Stores migrate in the test's process, because sqlite-utils is imported: a child for each is slow.
Rooms whose tests wait for whole processes begin first: at the end they would leave the other workers idle.
What the collection made stays for the whole run: the garbage collector does not look at it again and again.
What an agent keeps over a kill lies in a folder of the run's own, which goes when the run is over.
A test that fails while the machine stands still is run again (tests/pace.py).
What several workers import is compiled by one of them (tests/compiled.py).
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlite_utils
from hypothesis import HealthCheck, settings

from tests.compiled import pytest_sessionstart
from tests.counterparts.postgresql import postgresql
from tests.pace import pytest_configure, pytest_terminal_summary

assert sqlite_utils
assert postgresql
assert pytest_configure
assert pytest_sessionstart
assert pytest_terminal_summary

WAITING = ("e2e", "provisioning/setup", "provisioning/doctor", "provisioning/meters", "faults", "field")
"""Rooms of tests/ whose files take from half a minute to two, most of it waiting, the longest first."""
MEMORY = "/dev/shm"  # noqa: S108 - memory is the point

gc.disable()  # nothing of the collection goes before the run is over; pytest_collection_finish enables it

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("any pace"), derandomize=True)
settings.register_profile("explore", settings.get_profile("any pace"), print_blob=True)
settings.load_profile("explore" if os.environ.get("DIANJIAN_EXPLORE") else "repeatable")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files of WAITING in front, in its order; within a file nothing moves."""
    rooms = [f"{config.rootpath / 'tests' / name}{os.sep}" for name in WAITING]

    def find_turn(item: pytest.Item) -> int:
        path = str(item.path)
        return next((turn for turn, room in enumerate(rooms) if path.startswith(room)), len(rooms))

    items.sort(key=find_turn)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _runtime_folder() -> Iterator[None]:
    """As systemd gives it to the unit, for this process and those that it starts."""
    folder = Path(tempfile.mkdtemp(prefix="dianjian-tests-", dir=MEMORY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME_DIRECTORY", str(folder))
        yield
    shutil.rmtree(folder)
