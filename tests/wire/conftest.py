from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioning.demo.broker import Broker, find_free_port, start_embedded, start_mosquitto
from tests.wire.certificates import Authority

STARTS: dict[str, Callable[[int, Path], Broker]] = {
    "embedded": start_embedded,
    "mosquitto": start_mosquitto,
}


class BrokerBench:
    """A broker that a test may kill and start again on the same port and directory."""

    def __init__(self, name: str, directory: Path) -> None:
        start = STARTS[name]
        self.name = name
        self._start = start
        self._directory = directory
        self.port = find_free_port()
        self.running: Broker | None = start(self.port, directory)

    def kill(self) -> None:
        assert self.running is not None
        self.running.kill()
        self.running = None

    def stop(self) -> None:
        if self.running is not None:
            self.running.stop()
            self.running = None

    def start(self) -> None:
        self.running = self._start(self.port, self._directory)


@pytest.fixture(params=list(STARTS))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokerBench]:
    bench = BrokerBench(request.param, tmp_path / "broker")
    yield bench
    bench.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture
def secure_broker(authority: Authority, tmp_path: Path) -> Iterator[Broker]:
    running = start_mosquitto(find_free_port(), tmp_path / "broker", authority.server())
    yield running
    running.stop()
