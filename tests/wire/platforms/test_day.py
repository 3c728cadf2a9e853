"""A platform that is away, kills and habits, on virtual time: every packet arrives, live first, each once."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from errno import EROFS
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, evolve, field

from drivers.hj212.encoding import encode
from drivers.hj212.packet import Flag, Packet
from drivers.hj212.times import RequestNumbers, read_time, write_time
from firmware_sim.platform_core import Habits, Platform, PlatformAck, PlatformLink
from tests.centre.hj212.plant import NOON_MS, PW, hosts_of
from wire.hj212.acts import Tell
from wire.platforms import connection as connections
from wire.platforms.connection import Account, Connection
from wire.platforms.credentials import Credentials, read_credentials, write_credentials
from wire.platforms.hosts import Host
from wire.platforms.intervals import Made
from wire.platforms.queue import Queue

STEP_S: Final = 2.0
EVERY_S: Final = 600
DAY_S: Final = 86_400


@define
class World:
    """Hosts with their connections over socket pairs, platforms that come and go, and a clock of our own."""

    folder: Path
    hosts: tuple[Host, ...]
    platforms: list[Platform]
    queue: Queue = field(init=False)
    now_s: float = 0.0
    away: set[int] = field(factory=set)
    told: list[str] = field(factory=list)
    made: int = 0
    links: dict[int, tuple[socket.socket, PlatformLink]] = field(factory=dict)
    connections: list[Connection] = field(factory=list)
    seen: list[tuple[int, float, Packet]] = field(factory=list)

    def start(self) -> None:
        """A process begins."""
        self.queue = Queue.open(self.folder / "queue.db", 1, 0)
        self.connections = []
        for at, host in enumerate(self.hosts):
            numbers = RequestNumbers(last_ms=self.queue.last_qn_ms(host.name))
            account = Account(host, read_credentials(host.credentials), numbers, lambda _: None)
            self.connections.append(Connection(account, host.stations[0], self.queue, self.hear))
            if at in self.links:
                self.links.pop(at)[0].close()

    def kill(self) -> None:
        for one in self.connections:
            one.close()
        self.queue.close()

    def hear(self, _: Connection, what: Tell | tuple[bool, str]) -> None:
        if isinstance(what, Tell):
            self.told.append(what.event.value)

    @property
    def utc_ms(self) -> int:
        return NOON_MS + int(self.now_s * 1000)

    def make(self) -> None:
        """What is due is put into the queue, as the source does."""
        while self.made * EVERY_S + EVERY_S <= self.now_s:
            begin_ms = NOON_MS + self.made * EVERY_S * 1000
            at = write_time(begin_ms)
            one = Made(
                self.hosts[0].stations[0].name, "44", "2011", at, f"DataTime={at};d30102-Rtd=229.80", begin_ms
            )
            one = evolve(one, due_ms=begin_ms + EVERY_S * 1000)
            self.queue.put({host.name: [one] for host in self.hosts}, "", {})
            self.made += 1

    def open(self, at: int) -> Any:
        """What `_Opening` is for a platform: there at once, or not."""
        opening = type("Opening", (), {"is_done": True, "wire": None, "why": "away"})()
        if at not in self.away:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)
            opening.wire = ours
            if at in self.links:
                self.links[at][0].close()
            self.links[at] = (theirs, PlatformLink(self.platforms[at]))
        return opening

    def go(self, seconds: float, step_s: float = STEP_S) -> None:
        """Let the time pass."""
        end = self.now_s + seconds
        while self.now_s < end:
            self.now_s += step_s
            self.make()
            busy = True
            while busy:
                busy = False
                for at, one in enumerate(self.connections):
                    one.step(self.now_s, self.utc_ms)
                    busy |= self.serve(at)
                    one.read(self.now_s, self.utc_ms)

    def serve(self, at: int) -> bool:
        if at not in self.links:
            return False
        wire, link = self.links[at]
        if at in self.away:
            wire.close()
            del self.links[at]
            return False
        try:
            data = wire.recv(65_536)
        except (BlockingIOError, OSError):
            return False
        for one in link.receive(data, self.now_s, self.utc_ms):
            if isinstance(one, bytes):
                wire.send(one)
            elif one.packet is not None and one.what in {"data", "repeated"}:
                self.seen.append((at, self.now_s, one.packet))
        return bool(data)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    hosts = hosts_of(tmp_path, 2)
    made = World(tmp_path, hosts, [Platform(Habits(), PW), Platform(Habits(), PW)])
    monkeypatch.setattr(connections, "_Opening", lambda address: made.open(address[1] - 1))
    made.hosts = tuple(evolve(host, address=("127.0.0.1", at + 1)) for at, host in enumerate(hosts))
    made.start()
    yield made
    made.kill()
    for wire, _ in made.links.values():
        wire.close()


def times_at(platform: Platform) -> list[str]:
    return sorted(packet.find("DataTime") for packet in platform.taken.values() if packet.cn == "2011")


def due_at(made: int) -> list[str]:
    return [write_time(NOON_MS + at * EVERY_S * 1000) for at in range(made)]


def test_both_get_everything_live_while_nothing_is_wrong(world: World) -> None:
    world.go(7_200)
    for platform in world.platforms:
        assert times_at(platform) == due_at(12)
        assert not any(packet.is_backfill for packet in platform.taken.values())
        assert platform.repeated == 0


def test_after_a_day_away_everything_arrives_as_backfill_and_live_comes_first(world: World) -> None:
    world.go(3_600)
    world.away = {0, 1}
    world.go(DAY_S, 60.0)
    world.away = set()
    back_s = world.now_s
    world.go(3_600)
    for at, platform in enumerate(world.platforms):
        assert times_at(platform) == due_at(world.made)
        assert len(platform.taken) == len({(one.qn, one.find("DataTime")) for one in platform.taken.values()})
        missed = [(seen_s, packet) for host, seen_s, packet in world.seen if host == at and seen_s > back_s]
        late = [packet for _, packet in missed if packet.is_backfill]
        assert len(late) >= DAY_S // EVERY_S
        assert [packet.find("DataTime") for packet in late] == sorted(
            packet.find("DataTime") for packet in late
        )
        for seen_s, packet in missed:
            age_s = (NOON_MS + seen_s * 1000 - (read_time(packet.find("DataTime")) or 0)) / 1000 - EVERY_S
            assert packet.is_backfill or age_s <= 180
            assert not packet.is_backfill or seen_s - age_s < back_s + 60


@pytest.mark.minutes
def test_a_live_packet_overtakes_the_backlog(world: World) -> None:
    world.away = {0}
    world.go(DAY_S, 60.0)
    world.away = set()
    world.platforms[0].habits = evolve(world.platforms[0].habits, answers_every=3)  # so it takes its time
    world.go(3_600)
    order = [packet.is_backfill for host, _, packet in world.seen if host == 0]
    assert order.index(False) + 30 < len(order) - 1 - order[::-1].index(True)


def test_one_host_that_is_away_holds_up_no_other(world: World) -> None:
    world.away = {1}
    world.go(7_200)
    assert times_at(world.platforms[0]) == due_at(12)
    assert times_at(world.platforms[1]) == []


@pytest.mark.parametrize(
    "pause_s",
    [pytest.param(2, marks=pytest.mark.minutes), pytest.param(6, marks=pytest.mark.minutes), 22, 602],
)
def test_a_kill_at_any_time_loses_and_doubles_nothing(pause_s: int, world: World) -> None:
    world.platforms[0].habits = evolve(world.platforms[0].habits, answers_every=3)
    for _ in range(7_200 // pause_s // 3):
        world.go(pause_s)
        world.kill()
        world.start()
    world.platforms[0].habits = Habits()
    world.go(600)
    for platform in world.platforms:
        assert times_at(platform) == due_at(world.made)
        assert len({packet.find("DataTime") for packet in platform.taken.values()}) == len(platform.taken)


def test_what_is_not_answered_is_sent_three_times_with_the_same_number(world: World) -> None:
    world.platforms[0].habits = evolve(world.platforms[0].habits, ack=PlatformAck.NONE)
    world.go(660)
    numbers = [packet.qn for host, _, packet in world.seen if host == 0 and packet.cn == "2011"]
    assert len(numbers) >= 3
    assert len(set(numbers)) == 1
    assert "no_answer" in world.told


@pytest.mark.parametrize("ack", [PlatformAck.DATA, PlatformAck.REQUEST, PlatformAck.REQUEST_WITHIN])
def test_each_kind_of_answer_counts(ack: PlatformAck, world: World) -> None:
    world.platforms[0].habits = evolve(world.platforms[0].habits, ack=ack)
    world.go(1_300)
    assert world.platforms[0].repeated == 0
    assert world.queue.count("h0") == (0, 0)


def test_the_clock_is_never_set_and_the_platform_is_told(world: World) -> None:
    world.platforms[0].habits = evolve(world.platforms[0].habits, sets_clock=True)
    world.go(1_300)
    assert world.told.count("clock") == 2
    assert times_at(world.platforms[0]) == due_at(2)


def test_a_refused_packet_is_not_sent_for_ever(world: World) -> None:
    world.platforms[0].habits = evolve(world.platforms[0].habits, refuse="8")
    world.go(1_300)
    assert world.told.count("refused") == 2
    assert world.queue.count("h0")[0] == 0


def test_a_key_that_cannot_be_kept_is_not_confirmed_and_holds_up_no_other_host(world: World) -> None:
    def fail(_: Credentials) -> None:
        raise OSError(EROFS, "Read-only file system", "h0.secret")

    world.connections[0].account.renew = fail
    ask = (("1014", "91", "i99999-Info=0123456789abcdef"),)
    world.platforms[0].habits = evolve(world.platforms[0].habits, commands=ask)
    world.go(1_300)
    assert world.connections[0].account.credentials.keys == ()
    assert times_at(world.platforms[1]) == due_at(2)


def test_a_wrong_password_loses_nothing(world: World) -> None:
    world.platforms[0].pw = "000000"
    world.go(1_300)
    assert "refused" in world.told
    assert world.queue.count("h0") == (2, 0)
    world.platforms[0].pw = PW
    world.go(1_300)
    assert times_at(world.platforms[0]) == due_at(world.made)


def test_beyond_its_limit_the_queue_gives_up_the_oldest_and_counts_them(tmp_path: Path) -> None:
    with closing(Queue.open(tmp_path / "queue.db", 1, 0)) as queue:
        made = [
            Made("s", "44", "2011", write_time(at * 1000), f"DataTime={at}", at * 1000)
            for at in range(1, 1_001)
        ]
        queue.put({"h": made}, "", {"h": 300})
        assert queue.count("h") == (300, 700)
        first = queue.take("h", "s", 10**12, RequestNumbers(), 10**12, late=True)
        assert first is not None
        assert first.region == "DataTime=701"
        queue.put({"h": made}, "", {"h": 300})
        assert queue.count("h")[0] == 300


def test_history_is_given_out_of_the_queue_and_ends_with_its_result(world: World) -> None:
    world.go(3_700)
    begin, end = write_time(NOON_MS + 600_000), write_time(NOON_MS + 1_800_000)
    asks = (
        ("2011", "44", f"BeginTime={begin};EndTime={end}"),
        ("2061", "44", f"BeginTime={begin};EndTime={end}"),
    )
    world.platforms[0].habits = evolve(world.platforms[0].habits, commands=asks[:1])
    world.platforms[1].habits = evolve(world.platforms[1].habits, commands=asks[1:])
    world.kill()
    world.start()
    before = len(world.seen)
    world.go(700)
    replies = [packet for host, _, packet in world.seen[before:] if host == 0 and not packet.wants_answer]
    assert [packet.find("DataTime") for packet in replies] == due_at(4)[1:]
    assert not [packet for host, _, packet in world.seen[before:] if host == 1 and not packet.wants_answer]


def test_an_assigned_mn_holds_over_a_restart(world: World) -> None:
    mn = "1" * 24
    world.platforms[0].habits = evolve(
        world.platforms[0].habits, commands=(("1002", "91", f"i23005-Info={mn}"),)
    )
    world.go(700)
    world.kill()
    world.start()
    world.go(1_300)
    used = [packet.mn for host, _, packet in world.seen if host == 0]
    assert used == [mn, mn, mn]  # the first heartbeat had the old one


def test_a_renewed_key_is_in_the_credential_file_before_it_is_confirmed(world: World) -> None:
    secret, key = world.hosts[0].credentials, "0123456789abcdef"
    accounts = [one.account for one in world.connections]
    accounts[0].renew = lambda credentials: write_credentials(secret, credentials)
    ask = (("1014", "91", f"i99999-Info={key}"),)
    world.platforms[0].habits = evolve(world.platforms[0].habits, commands=ask)
    world.go(610)
    assert read_credentials(secret).key == key.encode()
    assert "key_renewed" in world.told
    world.platforms[0].keys = (key.encode(),)
    world.go(610)
    assert times_at(world.platforms[0]) == due_at(2)


def test_a_platform_that_asks_and_never_reads_costs_no_memory(world: World) -> None:
    world.go(2 * STEP_S)
    (theirs, _), one = world.links[0], world.connections[0]
    mn, qn = world.hosts[0].stations[0].mn, write_time(NOON_MS) + "001"
    beats = encode(Packet("9015", "91", mn, PW, qn, Flag(2, wants_answer=True))) * 100
    for _ in range(150):
        with suppress(BlockingIOError):
            theirs.send(beats)
        one.read(world.now_s, world.utc_ms)
        assert len(one._out) < connections.OUT_BYTES_MAX + 2 * connections.READ_BYTES
    assert not one.wants_read
    assert one.wants_write
