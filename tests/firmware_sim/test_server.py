"""The simulator over real sockets and terminals, read by others."""

import os
import socket
import struct
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import firmware_sim
from drivers.clock import NS_PER_S, Clock, ScaledClock
from drivers.link.verdict import Framing, Request, Words
from drivers.modbus.frame import encode_request, parse
from drivers.reading import Quantity
from firmware_sim.plant import Plant, load_plant
from firmware_sim.plant_file import to_layout
from firmware_sim.server import ServeError, Server
from firmware_sim.server_ports import CONNECTIONS_MAX

pytestmark = pytest.mark.e2e


def place_of(url: str) -> str:
    """What a client opens for the URL of a bus: `host:port` or the path of a terminal."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "rtu" else parts.netloc


@pytest.fixture
def serve(
    plant: Callable[..., Plant], still: Callable[[float], Clock], start_s: float
) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def run(more: str = "", clock: Clock | None = None, works: Plant | None = None) -> Server:
        server = Server(works or plant(more), clock or still(start_s + 5400))
        servers.append(server)
        server.start()
        return server

    yield run
    for server in servers:
        server.stop()


def is_closed(peer: socket.socket) -> bool:
    try:
        return peer.recv(99) == b""
    except ConnectionResetError:
        return True


def expected(plant: Plant, meter: str, t_s: float) -> dict[int, object]:
    state = plant.electrical(meter, t_s)
    values = [
        state.value(q, f"l{i}")
        for q in (Quantity.VOLTAGE, Quantity.CURRENT, Quantity.ACTIVE_POWER)
        for i in (1, 2, 3)
    ]
    return {2 * i: pytest.approx(value, rel=1e-5) for i, value in enumerate(values)}


def test_mbpoll_reads_the_right_floats_over_tcp(
    serve: Callable[..., Server],
    plant: Callable[..., Plant],
    start_s: float,
    mbpoll: Callable[..., dict[int, float]],
) -> None:
    host, port = place_of(serve().urls["b1"]).split(":")
    options = ("-m", "tcp", "-p", port, "-a", "1", "-t", "3:float", "-r", "0", "-c", "9", host)
    assert mbpoll(*options) == expected(plant(), "m1", start_s + 5400)


def test_mbpoll_reads_the_right_floats_over_a_terminal(
    serve: Callable[..., Server],
    plant: Callable[..., Plant],
    start_s: float,
    mbpoll: Callable[..., dict[int, float]],
) -> None:
    path = place_of(serve().urls["b2"])
    options = (
        "-m",
        "rtu",
        "-b",
        "9600",
        "-P",
        "none",
        "-a",
        "2",
        "-t",
        "3:float",
        "-r",
        "0",
        "-c",
        "9",
        path,
    )
    assert mbpoll(*options) == expected(plant(), "m2", start_s + 5400)


def test_rtu_over_tcp_speaks_rtu(
    serve: Callable[..., Server], ask: Callable[..., bytes], plant: Callable[..., Plant], start_s: float
) -> None:
    read = Request(3, 3, 0x2012, 2)
    answer = ask(place_of(serve().urls["b3"]), encode_request(Framing.RTU, read), 9)
    verdict = parse(Framing.RTU, answer, read)
    assert isinstance(verdict, Words)
    watts = plant().electrical("m3", start_s + 5400).value(Quantity.ACTIVE_POWER, "")
    assert struct.unpack(">f", verdict.words)[0] * 0.1 * 20 == pytest.approx(watts, rel=1e-5)


def test_the_urls_are_what_the_driver_opens(serve: Callable[..., Server]) -> None:
    urls = serve().urls
    assert urls["b1"].startswith("tcp://127.0.0.1:")
    assert urls["b2"].startswith("rtu:/dev/pts/")
    assert urls["b2"].endswith("?baudrate=9600&parity=N&stopbits=1")
    assert urls["b3"].startswith("rtu+tcp://127.0.0.1:")


def test_a_terminal_hands_out_no_character_before_its_time(
    serve: Callable[..., Server], ask: Callable[..., bytes]
) -> None:
    read = Request(2, 4, 0, 60)
    server = serve(clock=(clock := ScaledClock(1.0, int(1.7724078e9 * NS_PER_S))))
    asked_s = clock.monotonic_s()
    answer = ask(place_of(server.urls["b2"]), encode_request(Framing.RTU, read), 125)
    passed_s = clock.monotonic_s() - asked_s
    assert isinstance(parse(Framing.RTU, answer, read), Words)
    assert passed_s >= (8 + 125) * 11 / 9600  # a lower bound cannot fail on a slow machine


def test_noise_on_a_terminal_is_forgotten(serve: Callable[..., Server], ask: Callable[..., bytes]) -> None:
    place = place_of(serve().urls["b2"])
    read = Request(2, 4, 0, 2)
    assert ask(place, b"\x02\x04\x00\x00\x00", 1, 0.2) == b""
    assert isinstance(parse(Framing.RTU, ask(place, encode_request(Framing.RTU, read), 9), read), Words)


def test_who_is_not_there_does_not_answer_and_the_others_do(
    serve: Callable[..., Server], ask: Callable[..., bytes]
) -> None:
    place = place_of(serve().urls["b2"])
    assert ask(place, encode_request(Framing.RTU, Request(77, 4, 0, 2)), 1, 0.2) == b""
    assert len(ask(place, encode_request(Framing.RTU, Request(2, 4, 0, 2)), 9)) == 9


def test_late_answers_meet_the_next_request(serve: Callable[..., Server], ask: Callable[..., bytes]) -> None:
    """Why the driver needs its distrust: the late answer to one read comes for the next."""
    more = '[[fault]]\nwhat = "late"\nmeter = "m3"\ndelay_s = 1.0\nfrom = 0\nto = 5401\n'
    place = place_of(serve(more).urls["b3"])
    first, second = Request(3, 3, 0x2006, 2), Request(3, 3, 0x2012, 2)
    assert ask(place, encode_request(Framing.RTU, first), 1, 0.05) == b""
    late = ask(place, encode_request(Framing.RTU, second), 9)
    verdict = parse(Framing.RTU, late, second)
    assert isinstance(verdict, Words)  # in form it is the answer
    assert struct.unpack(">f", verdict.words)[0] == pytest.approx(2300, rel=0.05)  # yet it is a voltage


def test_a_closed_connection_takes_its_late_answer_with_it(serve: Callable[..., Server]) -> None:
    server = serve('[[fault]]\nwhat = "late"\nbus = "b1"\ndelay_s = 0.1\nshare = 1\n')
    host, port = place_of(server.urls["b1"]).split(":")
    with socket.create_connection((host, int(port))) as peer:
        peer.sendall(encode_request(Framing.TCP, Request(1, 4, 0, 2), 1))
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(encode_request(Framing.TCP, Request(1, 4, 0, 2), 2))
        assert peer.recv(99)[:2] == b"\0\2"


def test_a_stream_that_is_no_modbus_ends_the_connection(serve: Callable[..., Server]) -> None:
    host, port = place_of(serve().urls["b1"]).split(":")
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert is_closed(peer)


def test_a_bus_takes_no_more_connections_than_a_gateway(
    serve: Callable[..., Server],
) -> None:
    host, port = place_of(serve().urls["b1"]).split(":")
    peers = [socket.create_connection((host, int(port)), timeout=10) for _ in range(CONNECTIONS_MAX)]
    try:
        for peer in peers:
            peer.sendall(encode_request(Framing.TCP, Request(1, 4, 0, 2), 1))
            assert peer.recv(99)
        with socket.create_connection((host, int(port)), timeout=10) as one_more:
            assert is_closed(one_more)
    finally:
        for peer in peers:
            peer.close()


def test_a_link_leads_to_the_terminal_and_goes_with_it(
    still: Callable[[float], Clock], start_s: float, tmp_path: Path, text: str
) -> None:
    link = tmp_path / "bus"
    link.symlink_to("/dev/pts/99999")  # left behind by one that was killed
    works = Plant(to_layout(tomllib.loads(text.replace('parity = "E"', f'link = "{link}"'))))
    with Server(works, still(start_s)) as server:
        assert place_of(server.urls["b2"]) == str(link)
        assert os.path.realpath(link).startswith("/dev/pts/")
        assert link.exists()
    assert not os.path.lexists(link)


def test_a_file_in_the_place_of_a_link_is_left_alone(
    serve: Callable[..., Server], tmp_path: Path, text: str
) -> None:
    link = tmp_path / "precious"
    link.write_text("data")
    works = Plant(to_layout(tomllib.loads(text.replace('parity = "E"', f'link = "{link}"'))))
    with pytest.raises(ServeError):
        serve(works=works)
    assert link.read_text() == "data"


def test_a_port_that_is_taken_is_told(serve: Callable[..., Server], text: str) -> None:
    port = place_of(serve().urls["b1"]).split(":")[1]
    works = Plant(to_layout(tomllib.loads(text.replace('kind = "tcp"', f'kind = "tcp"\nport = {port}'))))
    with pytest.raises(ServeError, match=r"bus .* cannot be opened: Address already in use"):
        serve(works=works)


def test_at_sixty_times_speed_every_meter_of_the_demo_answers_each_poll(
    serve: Callable[..., Server], ask: Callable[..., bytes]
) -> None:
    works = load_plant(Path(firmware_sim.__file__).parent / "plants" / "demo.toml")
    server = serve(works=works, clock=ScaledClock(60.0, int(works.start_s * NS_PER_S)))
    for _ in range(12):
        for meter in works.layout.meters:
            framing = Framing.TCP if server.urls[meter.bus].startswith("tcp") else Framing.RTU
            point = meter.model.point("active_power")
            read = Request(meter.unit_id, point.function, point.address, point.count)
            size = 2 * point.count + (9 if framing is Framing.TCP else 5)
            answer = ask(place_of(server.urls[meter.bus]), encode_request(framing, read, 3), size)
            assert isinstance(parse(framing, answer, read, 3), Words), meter.id
