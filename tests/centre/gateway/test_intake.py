"""Each gateway waits for itself alone: queues of their own, dealt out in turn, debtors last."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from centre.gateway import intake
from centre.gateway.budget import CPU_BURST_S, CPU_SHARE
from centre.gateway.intake import MESSAGE_BYTES, QUEUE_MAX, SLICE_S, Intake
from centre.inbox import Inbox
from wire.messages import BEACON
from wire.mqtt_events import Disconnected, Message

NAMES = ("a", "b", "c")


def message(name: str, payload: bytes = b"x") -> Message:
    return Message(f"dj/1/{name}/seal", payload, retained=False)


def known(name: str) -> bool:
    return name in NAMES


def test_a_flood_of_one_fills_its_own_queue_and_the_next_of_another_goes_second() -> None:
    queue = Intake()
    for number in range(3 * QUEUE_MAX):
        queue.put(message("a", b"%d" % number), known)
    queue.put(message("b"), known)
    first, second = queue.take(0.0), queue.take(0.0)
    assert first is not None
    assert second is not None
    assert (first[0], first[1].payload, second[0]) == ("a", b"0", "b"), "in its order, and in turn"
    assert queue.take_dropped() == {"a": 2 * QUEUE_MAX}
    assert queue.take_dropped() == {}


def test_topics_of_nobody_share_one_queue() -> None:
    queue = Intake()
    for number in range(QUEUE_MAX + 5):
        queue.put(Message(f"dj/1/stranger{number}/seal", b"", retained=False), known)
        queue.put(Message("dj/1/odd", b"", retained=False), known)
    assert queue.take_dropped() == {"": QUEUE_MAX + 10}


def test_a_debtor_waits_for_its_share_and_for_nothing_else() -> None:
    queue = Intake()
    assert queue.pause_s(0.0) is None
    assert all(queue.put(message(name), known) for name in "aab")
    assert queue.pause_s(0.0) == 0.0
    assert queue.take(0.0) == ("a", message("a"))
    queue.charge("a", CPU_BURST_S + 1.0)
    assert not queue.put(message("a"), known), "nobody is woken for it"
    assert queue.take(0.0) == ("b", message("b"))
    assert queue.take(0.0) is None, "paced, not refused"
    assert queue.pause_s(0.0) == 1.0 / CPU_SHARE
    assert queue.put(message("b"), known)
    assert queue.take(0.0) == ("b", message("b"))
    assert queue.take(1.1 / CPU_SHARE) == ("a", message("a")), "its share has come in"


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([*NAMES, "stranger"]), st.integers(0, 900)),
            st.tuples(st.just(""), st.integers(0, 20)),
        ),
        max_size=60,
    )
)
@settings(deadline=None, max_examples=60)
def test_memory_is_bounded_and_nobody_is_passed_over_twice(steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "QUEUE_BYTES_MAX", 6_000)
        patch.setattr(intake, "TOTAL_BYTES_MAX", 9_000)
        queue, there = Intake(), 0
        for name, number in steps:
            if name:
                queue.put(message(name, bytes(number)), known)
            for _ in range(0 if name else number):
                waiting = [one for one in NAMES if queue.holds(one)]
                turn: list[str] = []
                for _ in range(len(waiting)):
                    found = queue.take(0.0)
                    assert found is not None
                    turn.append(found[0])
                assert len(set(turn)) == len(turn), "each once before one comes again"
            there = len(queue)
            assert queue.size <= 9_000
            assert queue.size >= there * MESSAGE_BYTES
        while queue.take(0.0) is not None:
            pass
        assert (queue.size, queue.is_empty(), len(queue)) == (0, True, 0)


def test_a_batch_ends_with_its_slice_and_slow_messages_are_named() -> None:
    spent = [0.0]
    inbox = Inbox(known, lambda: 0.0, lambda: spent[0])
    for name in "abcabc":
        inbox.put(message(name))
    inbox.put(Message(BEACON, b"", retained=False))
    inbox.put(Disconnected("", 0))
    assert len(inbox.events()) == 2, "events and the own beacon do not wait behind messages"
    served = []
    for one in inbox.batch(10):
        served.append(one.topic)
        spent[0] += SLICE_S * 0.6
    assert served == ["dj/1/a/seal", "dj/1/b/seal"]
    for _ in inbox.batch(1):
        spent[0] += 60.0
    assert inbox.slow == {"c": 60.0}
    assert [inbox.is_held_up(name) for name in NAMES] == [True, True, True]
    assert not inbox.is_empty()
