"""Plants that several files look at; nobody changes them."""

import shutil
from pathlib import Path

import pytest
from attrs import evolve

from tests.provisioning.live.page.plant import Plant, plant


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Five hours of a morning, with a violation in them. Read it only; to change it take `copied`."""
    return plant(tmp_path_factory.mktemp("lived") / "plant", 5.0)


@pytest.fixture
def copied(lived: Plant, tmp_path: Path) -> Plant:
    """A copy of its files."""
    shutil.copytree(lived.site.parent, tmp_path / "plant")
    return evolve(lived, site=tmp_path / "plant/site.toml", state=tmp_path / "plant/state")
