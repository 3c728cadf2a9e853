"""What public programs and logs of HJ 212 were seen to send, written anew with made-up numbers: forms by row.

Of 46 packets and segments in public sources 41 were taken; the others said a wrong length, held a sum of
nothing, or had no `&&` after CP.
"""

from typing import Final

import pytest

from agent.site.field_types import ADDRESS
from drivers.hj212.crc import CrcKind, compute_crc
from drivers.hj212.decoding import decode
from drivers.hj212.oddity import PacketError, Wrong
from drivers.hj212.stream import Broken, Frame, Stream
from drivers.points.model import load
from drivers.reading import Block
from tests.drivers.hj212.test_codec import frame_of

HEAD: Final = "QN=20260302083000001;ST=32;CN={cn};PW=246810;MN={mn};Flag=4;CP=&&{region}&&"
MN_14: Final = "88000000000017"
SEEN: Final[list[tuple[str, str, list[str]]]] = [
    ("2005: no QN, no Flag, codes of three characters, milliseconds",
     f"ST=32;CN=2011;PW=246810;MN={MN_14};CP=&&DataTime=20260302083000123;B01-Rtd=3.6;011-Rtd=23.1,011-Flag=N&&",
     ["form", "missing", "missing", "milliseconds"]),
    ("an MN of 14 characters", HEAD.format(cn=2011, mn=MN_14, region="DataTime=20260302083000;w00000-Rtd=1"),
     ["form"]),
    ("an MN with an underscore", HEAD.format(cn=2011, mn="A000000_0001", region="DataTime=20260302083000"),
     ["form"]),
    ("no MN in its field", HEAD.format(cn=2011, mn="", region="DataTime=20260302083000"), ["missing"]),
    ("fields with a comma before their name and in capitals",
     f"ST=32;CN=2011;PW=246810;,MN={MN_14};FLAG=0;CP=&&DataTime=20260302083000&&",
     ["unknown_field", "unknown_field", "missing", "missing", "missing"]),
    ("Flag within the region", f"ST=22;CN=2011;PW=246810;MN={MN_14};CP=&&DataTime=20260302083000;Flag=5&&",
     ["form", "missing", "missing"]),
    ("a password of 24", f"QN=20260302083000001;ST=22;CN=2011;PW={'Q7' * 12};MN={MN_14};Flag=5;CP=&&&&",
     ["too_long", "form"]),
    ("the time of each sample", HEAD.format(
        cn=2011, mn="D7A1EC0000000000000000F1",
        region="DataTime=20260302083000;w01018-SampleTime=20260302080000,w01018-Rtd=19.4,w01018-Flag=N"), []),
    ("a sample time that is empty", HEAD.format(
        cn=2011, mn="D7A1EC0000000000000000F1",
        region="DataTime=20260302083000;a01013-SampleTime=,a01013-Rtd=0"), []),
    ("states of several pollutants", HEAD.format(
        cn=3020, mn="D7A1EC0000000000000000F1",
        region="DataTime=20260302083000;PolId=w01019,i12001-Info=0;PolId=w21001,i12001-Info=0"), []),
    ("times of sampling", HEAD.format(
        cn=3014, mn="D7A1EC0000000000000000F1", region="PolId=w01018,CTime=04,CTime=10,CTime=16"), []),
    ("one name twice", HEAD.format(
        cn=2011, mn="D7A1EC0000000000000000F1", region="DataTime=20260302083000;a21026-Rtd=1;a21026-Rtd=2"),
     ["twice"]),
    ("a region that begins and ends with a semicolon", HEAD.format(
        cn=2011, mn="D7A1EC0000000000000000F1", region=";DataTime=20260302083000;a21026-Rtd=1;"),
     ["item", "item"]),
    ("a blank for nothing", HEAD.format(cn=9013, mn="D7A1EC0000000000000000F1", region=" "), ["item"]),
    ("a system of letters", f"QN=20260302083000001;ST=A1;CN=2051;PW=246810;MN={MN_14};Flag=5;CP=&&&&",
     ["form", "form"]),
]  # fmt: skip


@pytest.mark.parametrize(("segment", "odd"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
def test_what_the_field_sends_is_taken_and_what_is_odd_about_it_is_named(
    segment: str, odd: list[str]
) -> None:
    (piece,) = Stream().feed(frame_of(segment.encode()))
    assert isinstance(piece, Frame)
    taken = decode(piece.raw)
    assert [one.what.value for one in taken.oddities] == odd
    assert taken.packet.region == segment.partition("CP=&&")[2][:-2]


def test_a_region_that_one_ampersand_opens_is_refused_where_it_stands() -> None:
    raw = frame_of(f"QN=20260302083000001;ST=51;CN=2011;PW=246810;MN={MN_14};CP=&DataTime=1&&".encode())
    with pytest.raises(PacketError) as refused:
        decode(raw)
    assert (refused.value.what, refused.value.place) == (Wrong.FIELD, raw.index(b"CP="))


def test_a_length_that_was_not_counted_again_is_refused_with_what_it_is() -> None:
    segment = HEAD.format(cn=2011, mn="88", region="DataTime=20260302083000").encode()
    raw = b"##%04d" % (len(segment) + 12) + segment + b"%04X\r\n" % compute_crc(segment)
    stream = Stream()
    (piece,) = [*stream.feed(raw), *stream.flush()]
    assert isinstance(piece, Broken)
    assert (piece.why, piece.detail) == (Wrong.LENGTH, str(len(segment)))


def test_a_command_with_the_sum_of_modbus_is_taken_as_such() -> None:
    segment = HEAD.format(cn=1061, mn=MN_14, region="").encode()
    taken = decode(b"##%04d" % len(segment) + segment + b"%04X\r\n" % compute_crc(segment, CrcKind.MODBUS))
    assert taken.crc is CrcKind.MODBUS


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-", "", "1e400", "--", "0x10", "１"])
def test_what_is_no_number_is_no_value(text: str) -> None:
    raw = frame_of(
        HEAD.format(cn=2011, mn=MN_14, region=f"DataTime=20260302083000;a21026-Rtd={text}").encode()
    )
    values = load("hj212-air").decode((Block(212, 2011, raw),))
    assert "so2" not in values


@pytest.mark.parametrize("mn", [MN_14, "A000000_0001", "PL-PL0001", "000101"])
def test_a_logger_may_have_any_mn_that_was_seen(mn: str) -> None:
    assert ADDRESS.fullmatch(mn)
