"""Makes this folder's files with a checkout of an earlier version, whose test rig is used:

    cd EARLIER && .venv/bin/python FOLDER/make.py FOLDER

25 minutes of a gateway that is killed: an episode, a receipt, a tamper finding, checkpoints with seals behind
them, and an entry in the inbox that nobody has taken.

    chain.sql   dump of the database    keys   the key file    postbox/   the inbox    first_key   hexadecimal
"""

import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from agent.postbox import drop

from drivers.reading import Block, PollGroup, Quality, Reading
from tests.agent import rig as rigs


def main(out: Path) -> None:
    """Live, be killed, and keep what the disk holds."""
    rigs.SITE = "[seal]\ninterval_s = 60\n" + rigs.SITE
    with tempfile.TemporaryDirectory() as folder:
        rig = rigs.Rig(Path(folder) / "g1")
        rig.connect()
        energy(rig, 9e6)
        rig.run(900, 30_000, 12_000, step_s=10)
        rig.receipt(rig.seals()[9])
        energy(rig, 8e6)
        rig.run(600, 30_000, 0, step_s=10)
        state = rig.folder / "state"
        drop(state, {"what": "period", "number": 1}, 1_000)
        keep(state, out)
        (out / "first_key").write_text(rig.first_key.hex() + "\n")
        rig.close()


def energy(rig: rigs.Rig, wh: float) -> None:
    """The meter of production gives its counter."""
    model = rig.gateway.watch.setups["mp"].model
    registers = sorted(model.encode({"active_energy_import": wh}, 1.0, 1.0).items())
    (function, address), words = registers[0][0], b"".join(word for _, word in registers)
    block = Block(function, address, words)
    rig.gateway.reading(Reading("mp", PollGroup.SLOW, rig.stamp(), model.hash, (block,), Quality.GOOD, ""))


def keep(state: Path, out: Path) -> None:
    """Copy the state of an agent that still runs, as a kill leaves it."""
    shutil.copy(state / "keys", out / "keys")
    shutil.copytree(state / "postbox", out / "postbox", dirs_exist_ok=True)
    connection = sqlite3.connect(f"file:{state / 'chain.db'}?mode=ro", uri=True)
    numbers = [
        f"PRAGMA {name}={connection.execute(f'PRAGMA {name}').fetchone()[0]};"
        for name in ("user_version", "application_id")
    ]
    (out / "chain.sql").write_text("\n".join([*connection.iterdump(), *numbers, ""]))
    connection.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
