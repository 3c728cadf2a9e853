"""The whole way through a real mosquitto: TLS 1.3, client certificates, ACL by certificate name."""

from pathlib import Path

import pytest

from tests.e2e.plant import small_plant
from tests.wire.certificates import Authority


@pytest.mark.e2e
def test_meters_to_verified_readings_through_mosquitto_with_certificates(tmp_path: Path) -> None:
    with small_plant(tmp_path, authority=Authority(tmp_path / "certificates")) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(5)
        assert plant.broker is not None
        plant.broker.kill()
        before = max(plant.acknowledged())
        plant.until(lambda: max(plant.acknowledged()) > before + 5, "seals while the broker is away")
        plant.start_broker()
        plant.until_verified(max(plant.acknowledged()))
        plant.agent.stop()
        seen = plant.acknowledged()
        plant.until_verified(max(seen))
        plant.subscriber.stop()
        hashes, forks, report = plant.centre()
    assert hashes == seen
    assert (forks, report.ok, report.absent) == ([], True, 0)
    assert plant.verified.readings > 20
    assert max(plant.verified.records.values()) == 1
