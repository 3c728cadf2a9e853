"""What the daemon carries with twenty meters."""

from pathlib import Path
from typing import Final

import psutil
import pytest

from agent.status.socket import read_status
from tests.e2e.plant import small_plant

RESIDENT_BYTES_MAX: Final = 64 * 1024 * 1024


@pytest.mark.e2e
def test_an_agent_with_twenty_meters_stays_within_64_mib(tmp_path: Path) -> None:
    with small_plant(tmp_path, meters=20, fast_s=0.5) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(20)
        process = psutil.Process(plant.agent.pid)
        loaded = {Path(mapped.path).name for mapped in process.memory_maps()}
        status = read_status(plant.folder / "state")
        assert len(status["meters"]) == 20
        assert all(meter["quality"] == "good" for meter in status["meters"])
        assert process.memory_info().rss <= RESIDENT_BYTES_MAX
        assert status["process"]["resident_bytes"] <= RESIDENT_BYTES_MAX
        assert not [name for name in loaded if name.startswith(("_multiarray_umath", "libopenblas"))]
