"""Where the simulated disks lie: in memory, if this machine has room there."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plant.run import make_templates

MEMORY = Path("/dev/shm")  # noqa: S108 - only to be fast


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder for disks, with the empty databases in `templates`."""
    root = Path(tempfile.mkdtemp(prefix="plant-", dir=MEMORY if MEMORY.is_dir() else None))
    make_templates(root / "templates")
    yield root
    shutil.rmtree(root)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Faults make thousands of log lines; what is wrong is told by the checks."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
