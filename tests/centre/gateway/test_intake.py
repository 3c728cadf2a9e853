"""Each gateway waits for itself alone: queues of their own, dealt out in turn, debtors last."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from centre.gateway import intake
from centre.gateway.budget import CPU_BURST_S, CPU_SHARE
from centre.gateway.intake import LATER_EVERY, MESSAGE_BYTES, QUEUE_MAX, SLICE_S, Intake
from centre.inbox import Inbox
from wire.messages import BEACON
from wire.mqtt_events import Disconnected, Message

NAMES = ("a", "b", "c")
KINDS = ("seal", "body")


def message(name: str, payload: bytes = b"x", kind: str = "seal") -> Message:
    return Message(f"dj/1/{name}/{kind}", payload, retained=False)


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


def test_a_seal_of_now_waits_for_no_backlog_and_a_flood_of_seals_does_not_hold_one_up() -> None:
    queue = Intake()
    for _ in range(100):
        assert queue.put(message("a", kind="body"), known)
        assert queue.put(message("b", kind="file"), known)
    queue.put(message("a"), known)
    queue.put(message("c", kind="chain"), known)
    kinds = [found[1].topic for found in (queue.take(0.0), queue.take(0.0)) if found is not None]
    assert kinds == ["dj/1/a/seal", "dj/1/c/chain"]
    for _ in range(12 * LATER_EVERY):
        queue.put(message("c"), known)
    taken = [found[1].topic for _ in range(12 * LATER_EVERY) if (found := queue.take(0.0)) is not None]
    assert [taken.count(f"dj/1/{name}") for name in ("a/body", "b/file", "c/seal")] == [6, 6, 36]
    queue.forget("a")
    assert (queue.holds("a"), queue.holds("b"), len(queue)) == (False, True, 94 + 12)


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


def waiting(queue: Intake, kind: str) -> list[str]:
    """The gateways of which such messages wait, strangers as one."""
    return [*(queue._later if kind == "body" else queue._now)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([*NAMES, "stranger"]), st.integers(0, 900), st.sampled_from(KINDS)),
            st.tuples(st.just(""), st.integers(0, 20), st.just("")),
        ),
        max_size=60,
    )
)
@settings(deadline=None, max_examples=60)
def test_memory_is_bounded_and_nobody_is_passed_over_twice(steps: list[tuple[str, int, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "QUEUE_BYTES_MAX", 6_000)
        patch.setattr(intake, "TOTAL_BYTES_MAX", 9_000)
        queue, there = Intake(), 0
        for name, number, kind in steps:
            if name:
                queue.put(message(name, bytes(number), kind), known)
            turns: dict[str, list[str]] = {one: [] for one in KINDS}
            for _ in range(0 if name else number):
                ahead = {one: {*waiting(queue, one)} for one in KINDS}
                found = queue.take(0.0)
                assert (found is None) == (not any(ahead.values()))
                if found is not None:
                    turn = turns[found[1].topic.rpartition("/")[2]]
                    turn.append(found[0])
                    passed = turn[:-1][::-1]
                    again = passed.index(found[0]) if found[0] in passed else None
                    others = ahead[found[1].topic.rpartition("/")[2]] - {found[0]}
                    assert again is None or others <= {*passed[:again]}, "each once before one comes again"
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
