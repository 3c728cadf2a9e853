"""A gap between seals of one boot beyond what the site file promises is told once its site file is known."""

from centre.gateway.pauses import SEALS_MAX, Pause, Pauses
from tests.evidence.chains import Chain, stamp


def coses(*seconds: float, boots: tuple[int, ...] = ()) -> dict[int, bytes]:
    chain = Chain()
    pairs = zip(seconds, boots or (1,) * len(seconds), strict=True)
    return {number: chain.seal(at=stamp(at, boot=boot)).cose for number, (at, boot) in enumerate(pairs, 1)}


def usual(name: str, seal: int) -> object:
    del seal
    return {"seal.heartbeat_s": 60.0, "seal.interval_s": 10.0}[name]


def test_an_agent_that_stood_still_for_150_s_is_told_and_one_that_waits_for_its_heartbeat_is_not() -> None:
    seals = coses(10, 20, 90, 240, 250)
    assert Pauses(0).judge(5, seals.get, usual) == [Pause(4, 150_000)]
    assert Pauses(0).judge(5, seals.get, lambda *_: None) == [Pause(4, 150_000)], "the usual promise"
    assert Pauses(0).judge(5, seals.get, lambda *_: 600.0) == [], "as its site file says"


def test_a_machine_that_was_off_is_no_pause_and_neither_is_a_seal_that_is_not_here() -> None:
    assert Pauses(0).judge(2, coses(10, 4_000, boots=(1, 2)).get, usual) == []
    seals = coses(10, 20, 4_000)
    del seals[2]
    assert Pauses(0).judge(3, seals.get, usual) == []


def test_it_goes_on_where_it_was_in_pieces() -> None:
    count = 2 * SEALS_MAX + 5
    seals = coses(*(10.0 * at + (500 if at > SEALS_MAX else 0) for at in range(1, count + 1)))
    pauses = Pauses(0)
    found = [pauses.judge(count, seals.get, usual) for _ in range(4)]
    assert found == [[], [Pause(SEALS_MAX + 1, 510_000)], [], []]
    assert pauses.at == count
