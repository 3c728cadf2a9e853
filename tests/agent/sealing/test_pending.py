"""Pending records are bounded, ordered, and cut into seals."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.sealing.pending import PENDING_BYTES_MAX, Pending
from evidence.body import BODY_BYTES_MAX, encode_body


@settings(deadline=None)
@given(st.lists(st.integers(1, 60_000), max_size=30))
def test_records_leave_in_order_in_bodies_that_fit_a_seal(sizes: list[int]) -> None:
    pending = Pending()
    records = [number.to_bytes(2, "big") * ((size + 1) // 2) for number, size in enumerate(sizes)]
    for record in records:
        pending.put(record)
    taken: list[bytes] = []
    while pending:
        batch = pending.take()
        assert batch
        assert len(encode_body(batch)) <= BODY_BYTES_MAX
        taken += batch
    assert taken == records
    assert pending.size == 0


def test_what_finds_no_room_is_counted_and_the_rest_stays() -> None:
    pending = Pending()
    record = bytes(PENDING_BYTES_MAX // 4)
    for _ in range(6):
        pending.put(record)
    assert pending.lost >= 2
    assert pending.size <= PENDING_BYTES_MAX + 6 * 3
