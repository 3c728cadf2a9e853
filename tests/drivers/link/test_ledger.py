import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.link.ledger import HASTY_LATE_S, Choice, Ledger
from drivers.link.verdict import Request, Signature

A = Request(1, 3, 0, 10)
B = Request(1, 3, 50, 10)  # other registers, same signature
C = Request(1, 3, 90, 20)


def test_a_fresh_ledger_asks_for_exactly_what_is_wanted() -> None:
    assert Ledger().choose(A, 6, 0.0) == Choice(10)


def test_an_unanswered_request_takes_its_count_until_its_answer_can_no_longer_come() -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_request(A, 0.0)
    assert ledger.choose(B, 6, 1.0) == Choice(11)
    assert ledger.choose(B, 0, 1.0) == Choice(10, wait_s=9.0)
    assert ledger.choose(A, 0, 1.0) == Choice(10, wait_s=9.0)  # its own late answer would be old
    assert ledger.choose(B, 0, 10.0) == Choice(10)


def test_an_answered_request_holds_off_other_registers_only_while_a_duplicate_may_come() -> None:
    ledger = Ledger(duplicate_max_s=0.5)
    ledger.note_request(A, 0.0)
    ledger.note_answer(A, 0.1)
    assert ledger.choose(A, 0, 0.2) == Choice(10)
    assert ledger.choose(B, 0, 0.2).wait_s == pytest.approx(0.4)
    assert ledger.choose(B, 6, 0.2) == Choice(11)
    assert ledger.choose(B, 0, 0.6) == Choice(10)


def test_successive_counts_of_one_meter_differ_where_they_can_while_a_duplicate_may_come() -> None:
    ledger = Ledger(duplicate_max_s=0.5)
    ledger.note_request(A, 0.0)
    ledger.note_answer(A, 0.1)
    assert ledger.choose(A, 6, 0.2) == Choice(11)
    assert ledger.choose(A, 0, 0.2) == Choice(10)
    assert ledger.choose(A, 6, 0.7) == Choice(10)
    other_unit = Request(2, 3, 0, 10)
    assert ledger.choose(other_unit, 6, 0.2) == Choice(10)  # an answer names its unit


def test_no_more_than_125_registers_are_chosen() -> None:
    ledger = Ledger(late_max_s=10.0)
    wide = Request(1, 3, 0, 125)
    ledger.note_request(wide, 0.0)
    assert ledger.choose(wide, 6, 1.0) == Choice(125, wait_s=9.0)


def test_an_overtaken_answer_is_feared_for_a_shorter_time() -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_request(A, 0.0, overtaken_max_s=3.0)
    ledger.note_request(C, 0.5, overtaken_max_s=3.0)
    ledger.note_answer(C, 0.6)
    assert ledger.choose(B, 0, 1.0).wait_s == pytest.approx(2.0)
    assert ledger.choose(B, 0, 3.0) == Choice(10)


@pytest.mark.parametrize(
    ("sooner", "later", "damaged"),
    [
        (Request(1, 3, 50, 12), Request(2, 3, 90, 20), False),  # a radio of its own
        (Request(1, 3, 50, 12), C, True),  # it may have been the late one
    ],
    ids=["the answer of another meter", "a damaged answer"],
)
def test_what_shows_nothing_of_the_meter_overtakes_nothing(
    sooner: Request, later: Request, *, damaged: bool
) -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_request(sooner, 0.0, overtaken_max_s=3.0)
    ledger.note_request(later, 0.5, overtaken_max_s=3.0)
    ledger.note_answer(later, 0.6, damaged=damaged)
    assert ledger.choose(Request(1, 3, 0, 12), 0, 1.0).wait_s == pytest.approx(9.0)


def test_an_answer_to_what_was_sent_before_overtakes_nothing() -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_request(C, 0.0, overtaken_max_s=3.0)
    ledger.note_request(A, 0.5, overtaken_max_s=3.0)
    ledger.note_answer(C, 0.6)
    assert ledger.choose(B, 0, 1.0).wait_s == pytest.approx(9.5)


def test_another_masters_request_is_never_overtaken() -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_foreign_request(A.signature, 0.0)
    ledger.note_request(C, 0.5, overtaken_max_s=3.0)
    ledger.note_answer(C, 0.6)
    assert ledger.choose(B, 0, 1.0).wait_s == pytest.approx(9.0)


def test_a_late_answer_that_came_leaves_only_its_duplicate_to_fear() -> None:
    ledger = Ledger(late_max_s=10.0, duplicate_max_s=0.5)
    ledger.note_request(A, 0.0)
    assert ledger.note_stray_answer(A.signature, 2.0)
    assert ledger.choose(A, 0, 2.0) == Choice(10, wait_s=0.5)
    assert ledger.choose(A, 0, 2.5) == Choice(10)


def test_an_answer_to_nobody_is_not_late() -> None:
    assert not Ledger().note_stray_answer(Signature(9, 3, 4), 0.0)


def test_what_another_master_asked_is_as_good_as_unanswered() -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_foreign_request(A.signature, 0.0)
    assert ledger.choose(A, 0, 1.0).wait_s == 9.0


@pytest.mark.parametrize(
    ("earlier", "doubtful"),
    [
        (Request(1, 3, 50, 10), True),
        (Request(1, 3, 50, 33), True),  # a refusal does not say its count
        (Request(1, 4, 50, 33), False),
        (Request(2, 3, 50, 33), False),
    ],
)
def test_a_refusal_is_doubtful_while_the_same_unit_and_function_is_unanswered(
    earlier: Request, doubtful: bool
) -> None:
    ledger = Ledger(late_max_s=10.0)
    ledger.note_request(earlier, 0.0)
    ledger.note_request(C, 1.0)
    assert ledger.is_doubtful(C, 1.1) is doubtful
    assert not ledger.is_doubtful(C, 10.0)


def test_a_gateway_says_once_that_a_meter_does_not_answer() -> None:
    ledger = Ledger()
    ledger.note_request(A, 1.0)
    assert ledger.is_doubtful(C, 1.1, by_gateway=True)
    ledger.note_excuse(A)
    assert not ledger.is_doubtful(C, 1.2, by_gateway=True)
    assert ledger.is_doubtful(C, 1.2), "the meter may still refuse it"


def test_a_refusal_right_after_another_is_doubtful_too() -> None:
    ledger = Ledger(duplicate_max_s=0.5)
    ledger.note_request(A, 0.0)
    ledger.note_answer(A, 0.1, refused=True)
    ledger.note_request(C, 0.2)
    assert ledger.is_doubtful(C, 0.3)
    assert not ledger.is_doubtful(C, 0.7)


def hasty(ledger: Ledger, request: Request, at_s: float, *, answered: bool) -> None:
    ledger.is_hasty = True
    ledger.note_request(request, at_s)
    if answered:
        ledger.note_answer(request, at_s)
    ledger.is_hasty = False


def test_a_hasty_request_waits_for_no_duplicate_and_not_long_for_what_is_late() -> None:
    ledger = Ledger(late_max_s=10.0, duplicate_max_s=0.5, is_hasty=True)
    ledger.note_request(A, 0.0)
    assert ledger.choose(B, 0, 0.5).wait_s == HASTY_LATE_S - 0.5
    ledger.note_request(C, 0.5)
    assert ledger.is_doubtful(C, 0.5)
    ledger.note_answer(C, 0.6)  # the meter has done with A
    assert ledger.is_free(B, 0.6)
    assert not ledger.is_doubtful(C, 0.6)


def test_a_late_answer_leaves_open_that_of_the_other_request_with_its_signature() -> None:
    ledger = Ledger(late_max_s=10.0, duplicate_max_s=0.5)
    hasty(ledger, A, 0.0, answered=False)
    hasty(ledger, C, 0.1, answered=True)
    hasty(ledger, B, 0.2, answered=False)
    assert ledger.note_stray_answer(A.signature, 1.0), "of A or of B"
    assert ledger.choose(A, 0, 2.0).wait_s == pytest.approx(8.2)


ROUNDING_S = 1e-9  # a wait that is added to a time ends within one bit of the moment that was meant


@define
class Sent:
    """A request of the model, and for how long its answer can come."""

    request: Request
    sent_s: float
    lasts_s: float
    is_answered: bool
    is_overtaken: bool = False

    def is_open(self, now_s: float) -> bool:
        return self.sent_s + self.lasts_s > now_s + ROUNDING_S


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2),
            st.integers(0, 3),
            st.integers(1, 3),
            st.integers(0, 3),
            st.floats(0.0, 3.0),
            st.booleans(),
            st.booleans(),
        ),
        max_size=40,
    )
)
@settings(deadline=None)
def test_no_two_requests_that_could_be_confused_are_ever_open_together(
    steps: list[tuple[int, int, int, int, float, bool, bool]],
) -> None:
    """Against a plain model: all requests that were sent, with the last moment of their answers.

    What is unanswered can come for 10 s, and for 3 s once a later request to its meter was answered: then its
    registers may be asked for again, and which of the two answers came cannot be told, so the other can come
    for 3 s. What hasty requests risk is theirs: whatever they do, the others are as safe as without them.
    """
    ledger = Ledger(late_max_s=10.0, duplicate_max_s=0.5)
    sent: list[Sent] = []
    now_s = 0.0
    for unit_id, place, count, spare, pause_s, answered, is_hasty in steps:
        ledger.is_hasty = is_hasty
        now_s += pause_s
        wanted = Request(unit_id, 3, place * 50, count)
        choice = ledger.choose(wanted, spare, now_s)
        assert not ledger.is_free(wanted, now_s) or choice == Choice(count)
        now_s += choice.wait_s
        request = Request(unit_id, 3, wanted.address, choice.count)
        assert count <= request.count <= count + spare
        opens = [one for one in sent if one.request.signature == request.signature and one.is_open(now_s)]
        for earlier in () if is_hasty else opens:
            assert earlier.request.address == request.address
            assert earlier.is_answered or earlier.is_overtaken
        ledger.note_request(request, now_s, overtaken_max_s=3.0)
        if answered:
            ledger.note_answer(request, now_s)
            for one in sent:
                if one.request.unit_id == unit_id:
                    one.lasts_s, one.is_overtaken = min(one.lasts_s, 3.0), True
        is_again = any(not one.is_answered and one.request.address == request.address for one in opens)
        sent.append(Sent(request, now_s, (3.0 if is_again else 0.5) if answered else 10.0, answered))


def test_registers_whose_answer_was_overtaken_are_asked_for_again_at_once_and_others_still_wait() -> None:
    ledger = Ledger(late_max_s=10.0, duplicate_max_s=0.5)
    ledger.note_request(A, 0.0, overtaken_max_s=3.0)
    ledger.note_request(C, 0.2, overtaken_max_s=3.0)
    ledger.note_answer(C, 0.3)
    assert ledger.choose(A, 0, 0.4) == Choice(10)
    ledger.note_request(A, 0.4, overtaken_max_s=3.0)
    ledger.note_answer(A, 0.5)
    assert ledger.choose(A, 0, 1.0) == Choice(10)
    assert ledger.choose(B, 0, 1.0).wait_s == pytest.approx(2.4), "of one of the two an answer may come"
    assert ledger.is_doubtful(C, 1.0), "and it may be a refusal"
    assert ledger.choose(B, 0, 3.4) == Choice(10)
    assert not ledger.is_doubtful(C, 3.4)


def test_what_is_never_overtaken_is_not_asked_for_again() -> None:
    """Where answers name their request, or nothing is known of the meter, a later one shows nothing."""
    ledger = Ledger(late_max_s=10.0)
    ledger.note_request(A, 0.0)
    ledger.note_request(C, 0.2)
    ledger.note_answer(C, 0.3)
    assert ledger.choose(A, 0, 1.0).wait_s == pytest.approx(9.0)
