import pytest

from drivers.bus import open_bus
from drivers.clock import SystemClock
from drivers.model import Model, load, names
from drivers.probe import Found, identify, probe, scan
from drivers.registers import encode
from tests.drivers.slave import Asked, Script, Slave, on_pty, on_tcp

CLOCK = SystemClock()
SUPPLY = {
    "voltage_l1": 230.1,
    "voltage_l2": 229.8,
    "voltage_l3": 231.0,
    "current_l1": 10.0,
    "current_l2": 11.0,
    "current_l3": 12.0,
    "active_power": 7000.0,
    "power_factor": 0.92,
    "frequency": 50.0,
}


def acting(model: Model) -> Script:
    """A meter of `model` that has the registers of its points, the rest of its blocks, and no others."""
    image = model.encode(SUPPLY)
    for mark in model.fingerprints:
        data = encode(mark.one_of[0], mark.type, mark.word_order, mark.text_words)
        image |= {(mark.function, mark.address + i): data[2 * i : 2 * i + 2] for i in range(mark.count)}
    known = {
        (function, register) for function, address in image for register in range(address - 40, address + 41)
    }

    def script(asked: Asked, slave: Slave) -> None:
        wanted = [(asked.function, asked.address + i) for i in range(asked.count)]
        if any(register not in known for register in wanted):
            slave.send(slave.refusal(asked, 2))
        else:
            slave.send(slave.reply(asked, b"".join(image.get(register, b"\0\0") for register in wanted)))

    return script


def test_a_scan_finds_what_answers_refuses_or_garbles() -> None:
    def script(asked: Asked, slave: Slave) -> None:
        match asked.unit_id:
            case 3:
                slave.send(slave.reply(asked))
            case 5:
                slave.send(slave.refusal(asked, 1))
            case 7:  # two meters with one address talk at the same time
                slave.send(
                    bytes(a ^ b for a, b in zip(slave.reply(asked), b"\0\0\0\x5a\x11\x22\x33", strict=True))
                )
                slave.send(slave.reply(asked, b"\1"))
            case 9:
                if asked.function == 4:
                    slave.send(slave.reply(asked))

    with on_pty(script) as slave:
        bus = open_bus(slave.url, CLOCK)
        assert list(scan(bus, range(1, 11), timeout_s=0.05)) == [
            Found(3, "answers"),
            Found(5, "refuses"),
            Found(7, "garbled"),
            Found(9, "answers"),
        ]
        bus.close()


def test_a_silent_address_shows_no_life() -> None:
    with on_tcp(lambda _asked, _slave: None) as slave:
        bus = open_bus(slave.url, CLOCK)
        assert probe(bus, 1, timeout_s=0.02) == ""
        bus.close()


@pytest.mark.parametrize(
    "name",
    ["eastron-sdm630", "gavazzi-em340", "abb-b23", "schneider-pm5xxx", "sunspec-203", "siemens-pac3200"],
)
def test_a_model_is_among_those_that_fit_its_meter(name: str) -> None:
    with on_tcp(acting(load(name))) as slave:
        bus = open_bus(slave.url, CLOCK)
        matches = identify(bus, 1, [load(other) for other in names()], CLOCK)
        bus.close()
    best = [match.model.name for match in matches if match.certain == matches[0].certain]
    assert name in best
    assert matches[0].certain == bool(load(name).fingerprints)


def test_nothing_fits_a_device_that_is_no_meter() -> None:
    def script(asked: Asked, slave: Slave) -> None:
        slave.send(slave.reply(asked, b"\xff\xff" * asked.count))

    with on_tcp(script) as slave:
        bus = open_bus(slave.url, CLOCK)
        assert identify(bus, 1, [load(name) for name in names()], CLOCK) == ()
        bus.close()
