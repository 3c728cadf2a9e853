"""TPMs for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tpm.swtpm import Swtpm, needed


@pytest.fixture
def swtpm(tmp_path: Path) -> Iterator[Swtpm]:
    needed()
    tpm = Swtpm(tmp_path / "tpm")
    tpm.start()
    yield tpm
    tpm.close()
