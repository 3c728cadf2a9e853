"""What a record may hold: one check, the same in the schema and in the decoder."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evidence
from evidence import cbor
from evidence.record import Kind, decode_record, encode_record
from tests.evidence.cddl import Schema
from tests.evidence.chains import stamp
from tests.evidence.records import BAREST, BODIES, LONG, MISSHAPEN, OTHER_WRONG, WRONG, is_taken, raw_of
from tests.evidence.test_cbor import PLAIN

SCHEMA: Final = Schema((Path(evidence.__file__).parent / "records.cddl").read_text("utf-8"))


@pytest.mark.parametrize("kind", BODIES)
def test_what_agents_write_is_taken_whole_and_bare_and_with_more(kind: Kind) -> None:
    for body in (BODIES[kind], BAREST[kind], {**BODIES[kind], "of a later version": [1, {"a": b""}]}):
        fits = kind is not Kind.ATTESTATION or "of a later version" not in body
        raw = encode_record(kind, stamp(), body)
        assert is_taken(raw) == SCHEMA.matches("record", raw) == fits


@pytest.mark.parametrize(("kind", "key", "value"), WRONG)
def test_a_body_with_one_wrong_value_is_refused_by_decoder_and_schema(
    kind: Kind, key: str, value: object
) -> None:
    raw = raw_of(kind, {**BODIES[kind], key: value} if key else value)
    assert not is_taken(raw)
    is_of_order = key == "first" and value == 3  # what CDDL cannot say, and its comment does
    assert SCHEMA.matches("record", raw) == is_of_order


@pytest.mark.parametrize("kind", [kind for kind, body in BAREST.items() if body])
def test_a_body_that_lacks_a_key_is_refused(kind: Kind) -> None:
    for key in BAREST[kind]:
        raw = raw_of(kind, {name: one for name, one in BAREST[kind].items() if name != key})
        assert not is_taken(raw)
        assert not SCHEMA.matches("record", raw)


@pytest.mark.parametrize("kind", [0, 18, 23, 24, 99, -1, 1 << 40])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    raw = raw_of(kind, {})
    assert not is_taken(raw)
    assert not SCHEMA.matches("record", raw)


@pytest.mark.parametrize("raw", [*MISSHAPEN.values(), *OTHER_WRONG.values()], ids=[*MISSHAPEN, *OTHER_WRONG])
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    assert not is_taken(raw)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something may be put in the place of what is there."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _put(body: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    changed = deepcopy(body)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


EXTREME: Final = st.sampled_from(
    [
        0,
        -1,
        1 << 63,
        (1 << 64) - 1,
        1.7e308,
        -1.7e308,
        5e-324,
        -0.0,
        True,
        None,
        b"",
        "",
        "\x1b[2J\n",
        LONG,
        [],
        {},
    ]
)


@given(st.sampled_from(list(BODIES)), st.data())
@settings(deadline=None, max_examples=400)
def test_decoder_and_schema_agree_on_any_change_of_a_body(kind: Kind, data: st.DataObject) -> None:
    body: Any = BODIES[kind]
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(_places(body))))
        body = _put(body, path, data.draw(EXTREME | PLAIN))
        if not isinstance(body, dict):
            break
    raw = raw_of(kind, body)
    try:
        taken, why = bool(decode_record(raw)), ""
    except cbor.FormatError as error:
        taken, why = False, str(error)
    beyond_cddl = (
        "last is below first" in why or "seal hash without" in why or "nested" in why or "depth" in why
    )
    assert SCHEMA.matches("record", raw) == (taken or beyond_cddl), why
