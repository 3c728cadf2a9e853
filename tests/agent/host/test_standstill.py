"""A process that was stopped says so itself when it goes on; one that ticks says nothing."""

from agent.host.standstill import PAUSE_MS, Standstill, read_boottime_ms
from evidence.record import Kind, encode_record
from tests.evidence.chains import stamp


def test_a_pause_is_one_record_with_its_length_and_its_times() -> None:
    seen = iter([1_000, 1_250, 1_250 + 150_000, 151_500])
    source = Standstill(lambda: next(seen))
    assert list(source.due(stamp(0))) == []
    assert list(source.due(stamp(0.25))) == []
    (made,) = source.due(stamp(150.25))
    assert made.kind is Kind.GAP
    assert isinstance(made.body, dict)
    assert {key: made.body[key] for key in ("what", "ms", "from_ms", "to_ms")} == {
        "what": "process", "ms": 150_000, "from_ms": 100_250, "to_ms": 250_250,
    }  # fmt: skip
    assert encode_record(made.kind, stamp(150.25), made.body)
    assert list(source.due(stamp(150.5))) == [], "once"


def test_a_slow_disk_is_no_pause() -> None:
    seen = iter([0, PAUSE_MS, 2 * PAUSE_MS])
    source = Standstill(lambda: next(seen))
    assert [list(source.due(stamp(at))) for at in range(3)] == [[], [], []]
    assert read_boottime_ms() > 0
