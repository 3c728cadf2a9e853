"""A gateway looks at itself for the desk: each look once, through a real broker and over a real bus."""

from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import SmallPlant
from tests.e2e.test_config import BUREAU, call, plant

__all__ = ("plant",)

WAIT_S: Final = "120"
LOOKS: Final = (("doctor", ()), ("log", ()), ("bundle", ()), ("bus", ("--bus", "b1", "--seconds", "5")))


@pytest.mark.e2e
@pytest.mark.minutes
def test_every_look_comes_to_the_desk_as_a_file_without_a_secret(plant: SmallPlant, tmp_path: Path) -> None:
    orders = ("--orders", str(tmp_path / "orders"))
    key = ("--key", str(tmp_path / "bureau.key"), "--issuer", BUREAU)
    secret = (plant.folder / "state/keys").read_bytes()
    for what, more in LOOKS:
        call("centre", "diagnose", "send", *orders, *key, "--id", what, "--what", what, *more, "e2e-1")
        told = ("--store", str(tmp_path / "centre.db"), "--id", what, "--wait-s", WAIT_S, "e2e-1")
        shown = call("centre", "diagnose", "show", *orders, *told)
        assert "\x1b" not in shown
        call("centre", "diagnose", "show", *orders, *told, "--save", str(tmp_path / what))
        raw = (tmp_path / what).read_bytes()
        assert raw
        assert secret[:32] not in raw
        assert b"PRIVATE KEY" not in raw
        plant.agent.must_live()
