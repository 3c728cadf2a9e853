"""Rows 31, 32, 37 and 38: what a broker or a callback may do to the thread of the connection."""

import threading
import time
from pathlib import Path

import pytest

from agent.host.health import read_health
from agent.loop import WATCHDOG_S, Loop, PublisherDiedError
from agent.status.socket import StatusSocket
from agent.store.gateway import read_seals
from drivers.clock import SystemClock
from provisioning.demo.parts import Part
from tests.faults.gateway_end import site_text
from tests.faults.invariants import Held, Witness, check
from tests.faults.line import Line
from tests.faults.scripted_broker import Manners, ScriptedBroker, variable
from tests.wire.test_publisher import MALFORMED
from wire.mqtt_client import INCOMING_BYTES_MAX
from wire.mqtt_events import Connected

PACKETS = 400
GIANT_BYTES = 100_000_000
GROWTH_BYTES_MAX = 16_000_000
STOP_S_MAX = 20.0


class FatalError(BaseException):
    """What no `except Exception` holds up."""


def test_31_the_thread_outlives_400_malformed_packets(tmp_path: Path) -> None:
    hasty = {"reconnect_first_s": 0.0, "reconnect_longest_s": 0.0, "drain_s": 0.1}
    with Line(tmp_path, network=hasty) as line:
        line.seal(3)
        line.deliver()
        manners = line.broker.manners
        manners.greeting = lambda count: MALFORMED[count % len(MALFORMED)]
        manners.hang_up = True
        line.broker.cut()
        line.until(lambda: line.broker.connects > PACKETS, within_s=60)
        assert line.gateway.publisher.is_alive()
        line.gateway.seal(3)
        manners.greeting, manners.hang_up = (lambda _: b""), False
        line.heal(line.broker.cut)
        assert len(line.gateway.ends) >= PACKETS / 2, "nearly each of them ends its connection"
        line.check()


def test_32_a_publish_of_100_mb_ends_the_connection_before_it_is_in_memory(tmp_path: Path) -> None:
    with Line(tmp_path) as line:
        line.seal(3)
        line.deliver()
        chunk = bytes(1_000_000)
        before = read_health().resident_bytes
        line.broker.say(b"\x30" + variable(GIANT_BYTES))
        for _ in range(20):
            line.broker.say(chunk)
        line.until(lambda: any(f"{GIANT_BYTES} bytes" in end.reason for end in line.gateway.ends))
        grown = read_health().resident_bytes - before
        assert grown < GROWTH_BYTES_MAX
        assert INCOMING_BYTES_MAX < GROWTH_BYTES_MAX
        line.heal()
        line.check()


def test_37_an_exception_in_a_callback_costs_a_connection_and_no_thread(tmp_path: Path) -> None:
    with Line(tmp_path) as line:
        line.seal(2)
        line.deliver()
        passed_on, raised = line.gateway.inbox.put, list[object]()

        def sink(event: object) -> None:
            if isinstance(event, Connected) and len(raised) < 3:
                raised.append(event)
                raise RuntimeError("a mistake in a callback")
            passed_on(event)  # type: ignore[arg-type]

        line.gateway.publisher._sink = sink
        line.broker.cut()
        line.gateway.seal(3)
        line.until(lambda: len(raised) == 3)
        line.heal()
        assert sum("a mistake in a callback" in end.reason for end in line.gateway.ends) == 3
        line.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_37_a_thread_that_dies_all_the_same_ends_the_process_and_the_next_life_goes_on(
    tmp_path: Path,
) -> None:
    """Never a silent dead thread: the loop sees it, the process ends with 5, its start repairs."""
    with Line(tmp_path) as line:
        line.seal(2)
        line.deliver()

        def fatal(_: object) -> None:
            raise FatalError

        line.gateway.publisher._sink = fatal
        line.broker.cut()
        line.until(lambda: not line.gateway.publisher.is_alive())
        loop = Loop(SystemClock())
        status = StatusSocket(tmp_path)
        loop._watched_s = -WATCHDOG_S
        with pytest.raises(PublisherDiedError):
            loop.run(line.gateway.gateway, line.gateway.publisher, (), status, lambda _: {})
        status.close()
        line.next_life()
        line.heal()
        line.check()


def test_38_a_broker_that_acknowledges_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """The real process: SIGTERM while everything waits for a PUBACK."""
    with ScriptedBroker(Manners(puback=lambda _: None)) as broker:
        text = site_text().replace("mqtt://127.0.0.1", f"mqtt://127.0.0.1:{broker.port}")
        (tmp_path / "site.toml").write_text(text + "\n", "utf-8")
        agent = Part("agent", ["agent.main", "run", "--config", str(tmp_path / "site.toml")], tmp_path)
        agent.start()
        database = tmp_path / "state/chain.db"
        deadline_s = time.monotonic() + 30
        while not (broker.connects and database.exists() and list(read_seals(database))):
            agent.must_live()
            assert time.monotonic() < deadline_s
            threading.Event().wait(0.05)
        begin_s = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - begin_s < STOP_S_MAX
    rows = Held.of_rows(read_seals(database))
    witness = Witness()
    for number, digest in rows.seals:
        witness.acknowledged(number, digest)
    check(witness, rows)
