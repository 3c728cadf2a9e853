"""What a fuzzer has found, or reading for one: each input once broke its decoder."""

import pytest

from evidence import cbor
from tests.fuzz.targets import TARGETS


def pack_of(runs: object) -> bytes:
    """The content of an evidence pack with other runs."""
    items = cbor.decode(TARGETS["pack"].seeds()[0], 70_000)
    return cbor.encode([*items[:-1], runs])


FOUND = [
    pytest.param("site", b"a = " + b"9" * 5_000, id="a number with more digits than Python reads"),
    pytest.param("site", b"a = " + b"[" * 3_000, id="arrays deeper than the interpreter's stack"),
    pytest.param("site", b'"a\\nb" = 1', id="an unknown key with a line break in its name"),
    pytest.param("site", b'[site]\n"\\u0085" = 1', id="one with a line break that only Unicode knows"),
    pytest.param(
        "model", b"[[fingerprint]]\none_of = [1" + b"0" * 400 + b"]", id="a whole number beyond float"
    ),
    pytest.param("model", b'"a\\nb" = 1', id="an unknown key of a model with a line break in its name"),
    pytest.param(
        "model_table",
        b'{"format":1,"name":"x","points":{"a":{"qu\\nantity":1}}}',
        id="a key of a point with a line break in its name",
    ),
    pytest.param("urls", b"rtu:/dev/ttyS1?\x1e=9600", id="an option with a record separator in its name"),
    pytest.param("wire_state", b'{"state":"online","v":"\\ud800"}', id="half a surrogate pair in a state"),
    pytest.param("registry", b"[" * 5_000, id="a line of the register deeper than the stack"),
    pytest.param("pack", pack_of([7]), id="a run of an evidence pack that is a number"),
    pytest.param(
        "loads",
        b"time,p1,t1\n10767225200,1e3,2\x0c0.9,5\n1767225z10,4,5\n",
        id="a form feed in the first row of loads",
    ),
    pytest.param(
        "loads", "time,p1\u2028x,t1\n60,4,5\n".encode(), id="a line separator in the name of a column"
    ),
    pytest.param("enrolment", b"[" * 5_000, id="an enrolment deeper than the stack"),
]


@pytest.mark.parametrize(("name", "raw"), FOUND)
def test_what_was_found_stays_mended(name: str, raw: bytes) -> None:
    TARGETS[name].run(raw)
