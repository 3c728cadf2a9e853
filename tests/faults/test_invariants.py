"""The checker itself: what each invariant refuses, and that a sound history passes."""

import pytest

from tests.faults.invariants import Held, Witness, broken, check


def digest(number: int, other: int = 0) -> bytes:
    return bytes([number, other]) * 16


def held(first: int, last: int) -> Held:
    return Held(tuple((number, digest(number)) for number in range(first, last + 1)))


def witness(last: int) -> Witness:
    seen = Witness()
    for number in range(1, last + 1):
        seen.acknowledged(number, digest(number))
    return seen


def test_a_sound_history_passes() -> None:
    seen = witness(5)
    seen.receipted(3, digest(3))
    seen.healed_at_s, seen.recovered_at_s = 10.0, 70.0
    check(seen, held(3, 5), held(1, 4))


def lost() -> list[str]:
    return broken(witness(5), held(1, 4))


def forked() -> list[str]:
    seen = witness(5)
    seen.acknowledged(4, digest(4, 1))
    return broken(seen, held(1, 5))


def hole() -> list[str]:
    return broken(witness(2), Held((held(1, 2).seals[0], held(4, 4).seals[0])))


def centre_has_other() -> list[str]:
    return broken(witness(5), held(1, 5), Held(((1, digest(1)), (2, digest(2, 1)))))


def centre_is_ahead() -> list[str]:
    return broken(witness(5), held(1, 5), held(1, 6))


def centre_lacks_the_beginning() -> list[str]:
    return broken(witness(5), held(1, 5), held(2, 5))


def pruned() -> list[str]:
    seen = witness(5)
    seen.receipted(2, digest(2, 9))  # for a hash that was never ours
    return [line for line in broken(seen, held(3, 5)) if "I1" not in line]


def fat() -> list[str]:
    seen = witness(1)
    seen.resident_bytes = 256_000_000
    return broken(seen, held(1, 1))


def silent_thread() -> list[str]:
    seen = witness(1)
    seen.dead_threads.append("mqtt")
    return broken(seen, held(1, 1))


def untold() -> list[str]:
    seen = witness(1)
    seen.rejections = 1
    return broken(seen, held(1, 1))


def slow() -> list[str]:
    seen = witness(1)
    seen.healed_at_s, seen.recovered_at_s = 0.0, 61.0
    return broken(seen, held(1, 1))


def never() -> list[str]:
    seen = witness(1)
    seen.healed_at_s = 0.0
    return broken(seen, held(1, 1))


@pytest.mark.parametrize(
    ("case", "names"),
    [
        (lost, ["I1"]),
        (forked, ["I2"]),
        (hole, ["I1", "I2"]),
        (centre_has_other, ["I3"]),
        (centre_is_ahead, ["I3"]),
        (centre_lacks_the_beginning, ["I2", "I3"]),
        (pruned, ["I4"]),
        (fat, ["I5"]),
        (silent_thread, ["I5"]),
        (untold, ["I6"]),
        (slow, ["I7"]),
        (never, ["I7"]),
    ],
)
def test_each_breach_is_named(case: object, names: list[str]) -> None:
    found = case()  # type: ignore[operator]
    assert {line[:2] for line in found} <= set(names)
    assert found
