"""Every golden packet, the annex's vectors, the variants of makers, and bad input by field."""

import operator

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.hj212.crc import CrcKind, compute_crc, find_kind
from drivers.hj212.decoding import Taken, decode
from drivers.hj212.encoding import encode
from drivers.hj212.oddity import EncodeError, Odd, PacketError, Wrong
from drivers.hj212.packet import REGION_CHARACTERS_MAX, Flag, Mark, Packet
from drivers.hj212.sm4 import CipherForm, decrypt, encrypt
from tests.drivers.hj212.packets import (
    ANNEX_1,
    ANNEX_2,
    ANNEX_HEAD,
    COMMAND,
    GOLDEN,
    KEY,
    MN,
    PHASES,
    TREATMENT,
    TREATMENT_CIPHER,
    swap_region,
)

PACKET = Packet("2011", "44", MN, "246810", "20260302083000001", Flag(2, wants_answer=True))


def frame_of(segment: bytes, crc: CrcKind = CrcKind.STANDARD) -> bytes:
    """A frame around any segment."""
    return b"##%04d%s%04X\r\n" % (len(segment), segment, compute_crc(segment, crc))


def odds(taken: Taken) -> set[Odd]:
    return {one.what for one in taken.oddities}


@pytest.mark.parametrize("frame", GOLDEN)
def test_a_golden_packet_is_taken_without_oddity_and_made_again_byte_for_byte(frame: bytes) -> None:
    taken = decode(frame)
    assert taken.oddities == ()
    assert encode(taken.packet) == frame


def test_a_packet_says_what_stands_in_it() -> None:
    packet = decode(PHASES).packet
    assert (packet.qn, packet.st, packet.cn, packet.pw, packet.mn) == (
        *("20260302083000001", "44", "2011", "246810"),
        MN,
    )
    assert packet.flag == Flag(2, wants_answer=True)
    assert packet.find("d20401-Rtd") == "84.30"
    assert packet.groups[1] == (("d20101-Rtd", "229.80"), ("d20101-Flag", "N"))


@pytest.mark.parametrize(("region", "crc", "length", "begin", "end", "tail"), [
    (ANNEX_1, 0x2200, 295, "E43E159ACFAB242CB53155FB8B9281A1", "D7467C70B94F1D4A7B0350A48DBF8B41", b""),
    (ANNEX_2, 0xB541, 234, "E43E159ACFAB242CB53155FB8B9281A1", "EF70128554B82438E91ADCE98A0D03A4", b"g=N"),
])  # fmt: skip
def test_the_vectors_of_the_standard_hold(
    region: bytes, crc: int, length: int, begin: str, end: str, tail: bytes
) -> None:
    cipher = encrypt(KEY, region)
    assert cipher.endswith(bytes.fromhex(end) + tail)
    assert cipher.startswith(bytes.fromhex(begin))
    segment = ANNEX_HEAD + region + b"&&"
    assert (compute_crc(segment), len(segment)) == (crc, length)
    for form in CipherForm:
        packet = decode(frame_of(segment)).packet
        frame = encode(packet, key=KEY, form=form)
        assert frame.startswith(b"##%04d" % length)
        assert frame.endswith(b"&&%04X\r\n" % crc)
        assert decode(frame, [KEY]) == Taken(packet, form=form)


def test_the_third_packet_is_encrypted_as_the_standard_says() -> None:
    frame = encode(decode(TREATMENT).packet, key=KEY)
    assert frame == swap_region(TREATMENT, TREATMENT_CIPHER + b"lag=N")


@pytest.mark.parametrize(("kind", "crc"), [("modbus", "B27F"), ("modbus-swapped", "7FB2")])
def test_other_sums_are_taken_and_named(kind: str, crc: str) -> None:
    for digits in (crc, crc.lower()):
        taken = decode(PHASES[:-6] + digits.encode() + b"\r\n")
        assert taken.crc == kind
        assert odds(taken) - {Odd.CRC_LOWER} == {Odd.CRC_KIND}
        assert (Odd.CRC_LOWER in odds(taken)) == (digits != crc)
    assert decode(PHASES[:-6] + crc.encode() + b"\r\n", expected=CrcKind(kind)).oddities == ()
    assert encode(decode(PHASES).packet, crc=CrcKind(kind)).endswith(crc.encode() + b"\r\n")


def test_the_sum_of_the_standard_has_256_values() -> None:
    sums = {compute_crc(number.to_bytes(3)) for number in range(0, 1 << 24, 9_973)}
    assert len(sums) <= 256


HEAD = "QN=20260302083000001;ST=44;CN=2011;PW=246810;MN=D7A1EC0000000000000000F1;Flag=9;"
DATA = "CP=&&DataTime=20260302083000;d20401-Rtd=84.30,d20401-Flag=N&&"
TAKEN: list[tuple[str, str, set[Odd]]] = [
    ("no QN", HEAD.replace("QN=20260302083000001;", "") + DATA, {Odd.MISSING}),
    ("no Flag", HEAD.replace("Flag=9;", "") + DATA, {Odd.MISSING}),
    ("no ST", HEAD.replace("ST=44;", "") + DATA, {Odd.MISSING}),
    ("no PW", HEAD.replace("PW=246810;", "") + DATA, {Odd.MISSING}),
    ("no MN", HEAD.replace(f"MN={MN};", "") + DATA, {Odd.MISSING}),
    ("QN of Unix", HEAD.replace("20260302083000001", "1772411400001") + DATA, {Odd.QN_UNIX}),
    ("MN of 12", HEAD.replace(MN, "88888880000001"[:12]) + DATA, {Odd.FORM}),
    ("MN of 14", HEAD.replace(MN, "88888880000001") + DATA, {Odd.FORM}),
    ("MN of 21", HEAD.replace(MN, MN[:21]) + DATA, {Odd.FORM}),
    ("MN of 30", HEAD.replace(MN, MN + "000000") + DATA, {Odd.TOO_LONG}),
    ("PW too long", HEAD.replace("246810", "24681012") + DATA, {Odd.TOO_LONG}),
    ("QN too long", HEAD.replace("083000001", "0830000011") + DATA, {Odd.TOO_LONG}),
    ("ST too long", HEAD.replace("ST=44", "ST=144") + DATA, {Odd.TOO_LONG}),
    ("another order", HEAD.replace("ST=44;CN=2011;", "CN=2011;ST=44;") + DATA, {Odd.ORDER}),
    ("part 0 of 0", HEAD + "PNUM=0;PNO=0;" + DATA, {Odd.FORM}),
    ("a stranger", HEAD + "XX=1;" + DATA, {Odd.UNKNOWN_FIELD}),
    ("milliseconds", HEAD + DATA.replace("20260302083000", "20260302083000000"), {Odd.MILLISECONDS}),
    ("another time", HEAD + DATA.replace("20260302083000", "2026-03-02"), {Odd.FORM}),
    ("an item without a value", HEAD + DATA.replace("-Flag=N", "-Flag"), {Odd.ITEM}),
    ("a semicolon too many", HEAD + DATA.replace("=N&&", "=N;&&"), {Odd.ITEM}),
    ("an item twice", HEAD + DATA.replace("Flag=N", "Rtd=84.30"), {Odd.TWICE}),
    ("a QN that is no time", HEAD.replace("20260302", "20261302") + DATA, {Odd.FORM}),
    ("a DataTime that is no time", HEAD + DATA.replace("083000", "083060"), {Odd.FORM}),
    ("no semicolon before CP", HEAD[:-1] + DATA, {Odd.SEPARATOR}),
    ("two semicolons", HEAD.replace(";ST", ";;ST") + DATA, {Odd.SEPARATOR}),
    ("a mark of nobody", HEAD + DATA.replace("-Flag=N", "-Flag=X"), {Odd.FORM}),
    ("a value with =", HEAD + DATA.replace("84.30", "84=30"), {Odd.ITEM}),
    ("no comma", HEAD + DATA.replace("84.30,", "84.30"), {Odd.ITEM}),
    ("marks within the region", HEAD + DATA.replace("CP=&&", "CP=&&a=1&&"), {Odd.ITEM}),
    ("a space", HEAD + DATA.replace("84.30", "84.30 "), {Odd.ITEM}),
    ("Flag says parts", HEAD.replace("Flag=9", "Flag=11") + DATA, {Odd.FORM}),
    ("Flag says no parts", HEAD + "PNUM=2;PNO=1;" + DATA, {Odd.FORM}),
    ("twelve parts", HEAD.replace("Flag=9", "Flag=11") + "PNUM=12;PNO=1;" + DATA, {Odd.TOO_LONG}),
    ("RF=0", HEAD + "RF=0;" + DATA, {Odd.FORM}),
    ("RF without a value", HEAD + "RF=;" + DATA, {Odd.FORM}),
    ("a long region", HEAD + DATA.replace("84.30", "8" * 950), {Odd.TOO_LONG, Odd.SEGMENT_LONG}),
]


@pytest.mark.parametrize(("segment", "expected"), [one[1:] for one in TAKEN], ids=[one[0] for one in TAKEN])
def test_what_is_odd_is_taken_and_named(segment: str, expected: set[Odd]) -> None:
    taken = decode(frame_of(segment.encode()))
    assert odds(taken) == expected
    assert taken.packet.cn == "2011"


REFUSED: list[tuple[str, bytes, Wrong]] = [
    ("no start", b"#" + PHASES[2:], Wrong.NOISE),
    ("length too small", b"##0236" + PHASES[6:], Wrong.LENGTH),
    ("length too large", b"##0238" + PHASES[6:], Wrong.LENGTH),
    ("length no number", b"##02 7" + PHASES[6:], Wrong.LENGTH),
    ("no sum", PHASES[:-6] + b"\r\n", Wrong.HALF),
    ("another sum", PHASES[:-6] + b"BE02\r\n", Wrong.CRC),
    ("a changed byte", PHASES.replace(b"84.30", b"84.31"), Wrong.CRC),
    ("no region", frame_of(HEAD.encode() + b"&&"), Wrong.FIELD),
    ("no end of the region", frame_of((HEAD + DATA).encode()[:-1]), Wrong.FIELD),
    ("no command", frame_of((HEAD.replace("CN=2011;", "") + DATA).encode()), Wrong.NO_COMMAND),
    ("a command of letters", frame_of((HEAD.replace("2011", "2O11") + DATA).encode()), Wrong.FIELD),
    ("a command twice", frame_of((HEAD + "CN=1012;" + DATA).encode()), Wrong.FIELD_TWICE),
    ("a password twice", frame_of((HEAD + "PW=246810;" + DATA).encode()), Wrong.FIELD_TWICE),
    ("Flag of letters", frame_of((HEAD.replace("Flag=9", "Flag=x") + DATA).encode()), Wrong.FIELD),
    ("Flag of nine bits", frame_of((HEAD.replace("Flag=9", "Flag=300") + DATA).encode()), Wrong.FIELD),
    ("controls in the head", frame_of((HEAD.replace("ST=44", "ST=\x1b4") + DATA).encode()), Wrong.FIELD),
    ("a part without its number", frame_of((HEAD + "PNUM=2;" + DATA).encode()), Wrong.PARTS),
    ("part 3 of 2", frame_of((HEAD + "PNUM=2;PNO=3;" + DATA).encode()), Wrong.PARTS),
    ("part 0 of 2", frame_of((HEAD + "PNUM=2;PNO=0;" + DATA).encode()), Wrong.PARTS),
    ("encrypted", swap_region(TREATMENT, TREATMENT_CIPHER + b"lag=N"), Wrong.ENCRYPTED),
    ("controls in the region", frame_of((HEAD + DATA.replace("=N", "=\x07")).encode()), Wrong.CHARSET),
]


@pytest.mark.parametrize(("frame", "why"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_cannot_be_believed_is_refused_with_one_reason(frame: bytes, why: Wrong) -> None:
    with pytest.raises(PacketError) as refused:
        decode(frame)
    assert refused.value.what is why


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(PacketError) as refused:
        decode(frame_of((HEAD + "CN=1012;" + DATA).encode()))
    assert refused.value.place == 6 + len(HEAD)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_a_chinese_name_is_read_in_either_charset(encoding: str) -> None:
    taken = decode(frame_of(HEAD.encode() + "CP=&&i13008-Info=一号排口&&".encode(encoding)))
    assert taken.packet.find("i13008-Info") == "一号排口"
    assert odds(taken) == {Odd.CHARSET}


@pytest.mark.parametrize("form", CipherForm)
def test_the_wrong_key_reads_nothing_and_the_one_before_still_does(form: CipherForm) -> None:
    frame = encode(decode(TREATMENT).packet, key=KEY, form=form)
    with pytest.raises(PacketError) as refused:
        decode(frame, [b"1" * 16])
    assert refused.value.what is Wrong.ENCRYPTED
    assert decode(frame, [b"1" * 16, KEY]).packet == decode(TREATMENT).packet


def test_a_plain_packet_where_a_key_is_known_is_odd() -> None:
    assert odds(decode(TREATMENT, [KEY])) == {Odd.NOT_ENCRYPTED}


def test_a_printed_cipher_is_never_read_as_plain_though_one_sum_in_256_fits() -> None:
    met = 0
    for number in range(1_000):
        one = evolve(PACKET, region=f"DataTime=20260302083000;d30102-Rtd={number},d30102-Flag=N;SB1-RS=1")
        frame = encode(one, key=KEY, form=CipherForm.PRINTED)
        met += compute_crc(frame[6:-6]) == int(frame[-6:-2], 16)
        assert decode(frame, [KEY]) == Taken(one, form=CipherForm.PRINTED)
        with pytest.raises(PacketError) as refused:
            decode(frame)
        assert refused.value.what is Wrong.ENCRYPTED
    assert met > 0


BAD_FIELDS = [
    {"qn": ""}, {"qn": "20261302083000001"}, {"qn": "1772411400001"}, {"st": "4"}, {"cn": "201"},
    {"pw": "1234567"}, {"mn": MN + "0"}, {"mn": ""}, {"mn": "D7;CN=1012"}, {"flag": None},
    {"flag": Flag(64)}, {"pnum": 2}, {"pnum": 10, "pno": 1, "flag": Flag(2, is_part=True)},
    {"flag": Flag(2, is_part=True)}, {"region": "a=b&&"}, {"region": "a=b;c"}, {"region": "a=b\r\n"},
    {"region": "a=排口"}, {"region": "a=" + "b" * REGION_CHARACTERS_MAX},
]  # fmt: skip


@pytest.mark.parametrize("changed", BAD_FIELDS, ids=str)
def test_nothing_leaves_that_the_standard_does_not_have(changed: dict[str, object]) -> None:
    encode(PACKET)
    with pytest.raises(EncodeError):
        encode(evolve(PACKET, **changed))


NAMES = st.from_regex(r"[a-z][0-9]{5}-(?:Rtd|Avg)", fullmatch=True)
VALUES = st.from_regex(r"[0-9A-Za-z.+-]{0,12}", fullmatch=True)
MARKS = st.dictionaries(st.just("a01011-Flag"), st.sampled_from([*Mark]), max_size=1)
GROUPS = st.builds(operator.or_, st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), MARKS)
REGIONS = st.lists(GROUPS, max_size=8).map(
    lambda groups: ";".join(",".join(f"{k}={v}" for k, v in group.items()) for group in groups)
)
PACKETS = st.builds(
    Packet,
    cn=st.from_regex(r"[0-9]{4}", fullmatch=True),
    st=st.from_regex(r"[0-9]{2}", fullmatch=True),
    mn=st.from_regex(r"[0-9A-F]{24}", fullmatch=True),
    pw=st.from_regex(r"[0-9A-Za-z]{6}", fullmatch=True),
    qn=st.datetimes().map(lambda at: f"{at.year:04d}{at:%m%d%H%M%S}{at.microsecond // 1000:03d}"),
    flag=st.builds(Flag, st.integers(1, 2), wants_answer=st.booleans()),
    is_backfill=st.booleans(),
    region=REGIONS,
)


@settings(deadline=None)
@given(PACKETS, st.sampled_from(CrcKind), st.sampled_from([None, *CipherForm]))
def test_what_is_written_strictly_is_read_as_it_was_meant(
    packet: Packet, crc: CrcKind, form: CipherForm | None
) -> None:
    key = None if form is None else KEY
    frame = encode(packet, crc=crc, key=key, form=form or CipherForm.RAW)
    taken = decode(frame, [] if key is None else [KEY], expected=crc)
    assert taken.packet == packet
    assert odds(taken) <= {Odd.TWICE, Odd.CRC_KIND, Odd.NOT_ENCRYPTED}  # two sums can be alike


@given(st.binary(max_size=120))
def test_a_cipher_is_undone(region: bytes) -> None:
    for form in CipherForm:
        assert decrypt(KEY, encrypt(KEY, region, form), form) == region


@given(st.binary(max_size=60), st.sampled_from(CrcKind))
def test_the_kind_of_a_sum_is_found(segment: bytes, kind: CrcKind) -> None:
    found = find_kind(segment, compute_crc(segment, kind))
    assert found is not None
    assert compute_crc(segment, found) == compute_crc(segment, kind)


def test_a_command_of_2017_has_its_flag() -> None:
    packet = decode(COMMAND).packet
    assert packet.flag == Flag(1, wants_answer=True)
    assert packet.wants_answer
