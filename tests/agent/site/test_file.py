"""A site file is right, or every mistake in it is named at once."""

import random
import zlib
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from agent.build import setups_of
from agent.site.file import (
    BUSES_MAX,
    SITE_FILE_BYTES_MAX,
    STATE_PATH_BYTES_MAX,
    ConfigError,
    Site,
    WarningSettings,
    load_site,
    parse_site,
)
from agent.site.manifest import PLAIN_BYTES_MAX, check_manifest, manifest_bodies, read_site_text
from agent.status.bus_desk import SOCKET_NAME as BUS_NAME
from agent.status.socket import SOCKET_NAME as STATUS_NAME
from agent.status.socket import close_listener, open_listener
from agent.uplink.renewing import SOCKET_NAME as RENEW_NAME
from disk.tables import TableError
from drivers.clock import ClockState, Stamp
from tests.drivers.hj212.packets import MN

CLOCK = ClockState.SIMULATED
KEY = "ab" * 32
GOOD = f"""
[site]
gateway = "jn-0001"

[broker]
url = "mqtts://broker.example:8883"
ca = "ca.pem"
certificate = "gw.pem"
key = "gw.key"
centre_key = "{KEY}"

[[bus]]
id = "b1"
url = "rtu:/dev/ttyS1?baudrate=9600&parity=E"

[[meter]]
id = "m1"
bus = "b1"
unit_id = 1
model = "eastron-sdm630"
line = "p1"

[[meter]]
id = "m2"
bus = "b1"
unit_id = 2
model = "eastron-sdm630"
line = "t1"
ct_ratio = 20

[[line]]
id = "p1"
kind = "production"
rated_w = 60000

[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000

[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""
FILE = Path("/etc/dianjian/site.toml")


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(TableError) as caught:
        parse_site(text, FILE)
    return caught.value.problems


def test_a_good_site_file_says_what_stands_where() -> None:
    site = parse_site(GOOD, FILE)
    assert site.site.gateway == "jn-0001"
    assert [(meter.id, meter.unit_id, meter.ct_ratio) for meter in site.meter] == [
        ("m1", 1, 1.0),
        ("m2", 2, 20.0),
    ]
    assert site.broker is not None
    assert site.broker.centre_key == bytes.fromhex(KEY)
    assert site.path("state") == Path("/etc/dianjian/state")
    assert site.text == GOOD
    assert site.missing_for_agent() == ()


def test_lines_and_linkages_alone_are_a_site_but_no_agent() -> None:
    site = parse_site(GOOD[GOOD.index("[[line]]") :], FILE)
    assert [problem.split(":")[0] for problem in site.missing_for_agent()] == ["broker", "bus", "meter"]


def test_a_state_folder_whose_sockets_would_have_too_long_a_path_is_said_before_the_start(
    tmp_path: Path,
) -> None:
    longest = "x" * (STATE_PATH_BYTES_MAX - len(str(tmp_path)) - 1)
    for name, problems in (
        (longest, ()),
        (longest + "xyz", ("store.path: too long by 3 bytes for the sockets in it; shorten it",)),
    ):
        text = GOOD.replace("[broker]", f'[store]\npath = "{name}"\n[broker]')
        site = parse_site(text, tmp_path / "site.toml")
        assert site.missing_for_agent() == problems
    folder = tmp_path / longest
    folder.mkdir()
    for name in (STATUS_NAME, BUS_NAME, RENEW_NAME):
        close_listener(open_listener(folder / name, 1), folder / name)


@pytest.mark.parametrize(
    ("wrong", "right", "problem"),
    [
        ("unit_id = 300", "unit_id = 1", "meter[0].unit_id: must be a whole number from 0 to 255, not 300"),
        ("unit_id = true", "unit_id = 1", "meter[0].unit_id: must be a whole number from 0 to 255, not True"),
        ("ct_ratio = 0", "ct_ratio = 20", "meter[1].ct_ratio: must be a number from 1e-05 to 100000, not 0"),
        (
            "ct_ratio = nan",
            "ct_ratio = 20",
            "meter[1].ct_ratio: must be a number from 1e-05 to 100000, not nan",
        ),
        (
            'kind = "boiler"',
            'kind = "treatment"',
            "line[1].kind: must be one of production, treatment, incomer, not 'boiler'",
        ),
        ('bus = "b9"', 'bus = "b1"', "meter[0].bus: no bus 'b9'; known: b1"),
        ('line = "p9"', 'line = "p1"', "meter[0].line: no line 'p9'; known: p1, t1"),
        ("unit_id = 2", "unit_id = 1", "meter[0].unit_id: 2 is used more than once on bus 'b1'"),
        ('treatment = ["p1"]', 'treatment = ["t1"]', "linkage[0].treatment: line 'p1' is of kind production"),
        (
            'kind = "incomer"',
            'kind = "treatment"',
            "linkage[0].treatment: line 't1' is of kind incomer",
        ),
        (
            "rated_w = 22000\nparameters = {}",
            "rated_w = 22000",
            "line[1].parameters: only an incomer has parameters",
        ),
        (
            '[warning]\nurl = "http://8.8.8.8/x"\n[[linkage]]',
            "[[linkage]]",
            "warning.url: 'http://8.8.8.8/x': 8.8.8.8 is not an address of this machine",
        ),
        (
            "[warning]\nafter_s = 0\n[[linkage]]",
            "[[linkage]]",
            "warning.after_s: must be a number from 0.5 to 3600",
        ),
        ("treatment = []", 'treatment = ["t1"]', "linkage[0].treatment: needs at least one line"),
        ('id = "a b"', 'id = "b1"', "bus[0].id: must be letters, digits, - and _, at most 32, not 'a b'"),
        ('centre_key = "ab"', f'centre_key = "{KEY}"', "broker.centre_key: must be 64 hexadecimal digits"),
    ],
)
def test_a_mistake_is_named_with_its_path(wrong: str, right: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in mistakes(GOOD.replace(right, wrong, 1)))


TCP = GOOD.replace("rtu:/dev/ttyS1?baudrate=9600&parity=E", "tcp://10.0.0.7:502")
ON_DLT645 = GOOD.replace("rtu:/dev/ttyS1?baudrate=9600&parity=E", "dlt645:/dev/ttyS1")


@pytest.mark.parametrize("unit_id", [0, 248, 255])
def test_over_tcp_the_device_itself_can_be_named_and_on_a_serial_bus_it_cannot(unit_id: int) -> None:
    site = parse_site(TCP.replace("unit_id = 1", f"unit_id = {unit_id}"), FILE)
    assert site.meter[0].place == unit_id
    assert setups_of(site)["m1"].station == unit_id
    assert mistakes(GOOD.replace("unit_id = 1", f"unit_id = {unit_id}")) == (
        f"meter[0].unit_id: {unit_id} is for TCP only; on serial bus 'b1' a meter has 1 to 247",
    )
    through = TCP.replace("tcp://", "rtu+tcp://").replace("unit_id = 1", f"unit_id = {unit_id}")
    assert parse_site(through, FILE).meter[0].place == unit_id


def test_unit_0_twice_on_a_bus_is_a_mistake_and_is_not_taken_for_missing() -> None:
    text = TCP.replace("unit_id = 1", "unit_id = 0").replace("unit_id = 2", "unit_id = 0")
    assert mistakes(text) == tuple(
        f"meter[{index}].unit_id: 0 is used more than once on bus 'b1'" for index in range(2)
    )
    assert mistakes(TCP.replace("unit_id = 1\n", "")) == ("meter[0].unit_id: missing",)


def test_the_manifest_names_unit_0() -> None:
    site = parse_site(TCP.replace("unit_id = 1", "unit_id = 0"), FILE)
    stamp = Stamp(1, 2, bytes(16), CLOCK)
    body = next(manifest_bodies(site, setups_of(site), (), None, "1", stamp))
    assert body["meters"]["m1"]["unit_id"] == 0


def test_keys_of_a_meter_override_those_of_its_bus() -> None:
    text = GOOD.replace(
        '[[meter]]\nid = "m1"', 'timeout_s = 3\npause_s = 0.1\nregisters_max = 40\n[[meter]]\nid = "m1"'
    )
    text = text.replace("ct_ratio = 20", "timeout_s = 9.5\npause_s = 0\nregisters_max = 10")
    setups = setups_of(parse_site(text, FILE))
    assert [(one.timeout_s, one.pause_s, one.request_registers_max) for one in setups.values()] == [
        (3.0, 0.1, 40),
        (9.5, 0.0, 10),
    ]
    plain = setups_of(parse_site(GOOD, FILE))["m1"]
    assert (plain.timeout_s, plain.pause_s, plain.request_registers_max) == (None, None, 80)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timeout_s = 0", "meter[1].timeout_s: must be a number from 0.05 to 10, not 0"),
        ("timeout_s = 11", "meter[1].timeout_s: must be a number from 0.05 to 10, not 11"),
        ("pause_s = -1", "meter[1].pause_s: must be a number from 0 to 5, not -1"),
        ("registers_max = 126", "meter[1].registers_max: must be a whole number from 1 to 125, not 126"),
    ],
)
def test_a_key_out_of_range_is_one_line(text: str, problem: str) -> None:
    assert mistakes(GOOD.replace("ct_ratio = 20", text)) == (problem,)


def test_a_block_that_is_too_small_for_a_point_is_a_mistake() -> None:
    with pytest.raises(ConfigError) as caught:
        setups_of(parse_site(GOOD.replace("ct_ratio = 20", "registers_max = 1"), FILE))
    assert caught.value.problems == (
        "meter[1].registers_max: 1 is too few; voltage_l1 of eastron-sdm630 has 2 registers",
    )


def test_a_dlt645_bus_has_no_registers() -> None:
    text = ON_DLT645.replace("unit_id = 1", 'address = "000000000001"').replace(
        "unit_id = 2", 'address = "000000000002"\nregisters_max = 9'
    )
    assert mistakes(text) == ("meter[1].registers_max: DL/T 645 has no registers; leave it out",)


INCOMER = '[[line]]\nid = "{}"\nkind = "incomer"\nrated_w = 100000\n'


def test_a_site_has_one_incomer() -> None:
    site = parse_site(GOOD + INCOMER.format("f1"), FILE)
    assert [line.kind for line in site.line] == ["production", "treatment", "incomer"]
    assert mistakes(GOOD + INCOMER.format("f1") + INCOMER.format("f2")) == (
        "line: f1, f2 are all incomers; a site has one",
    )


def test_warnings_go_to_the_log_unless_told_otherwise() -> None:
    assert parse_site(GOOD, FILE).warning == WarningSettings()
    site = parse_site(GOOD + '[warning]\nlog = false\nurl = "http://127.0.0.1:8080/x"\n', FILE)
    assert (site.warning.log, site.warning.url) == (False, "http://127.0.0.1:8080/x")


def test_every_mistake_is_named_at_once() -> None:
    text = GOOD.replace("unit_id = 1", "unit_id = 256").replace("rated_w = 60000", 'rated_w = "60 kW"')
    text = text.replace('[[line]]\nid = "t1"', '[[line]]\ncolour = "red"\nid = "t1"') + "\n[extra]\n"
    places = sorted(problem.split(":")[0] for problem in mistakes(text))
    assert places == ["extra", "line[0].rated_w", "line[1].colour", "meter[0].unit_id"]


def test_a_missing_key_is_named() -> None:
    assert mistakes(GOOD.replace('model = "eastron-sdm630"\n', "", 1)) == ("meter[0].model: missing",)


def test_a_wrong_bus_url_says_what_is_expected() -> None:
    (problem,) = mistakes(GOOD.replace("rtu:/dev/ttyS1?baudrate=9600&parity=E", "serial:/dev/ttyS1"))
    assert problem.startswith("bus[0].url: ")
    assert "tcp://host:502" in problem


def test_ids_are_used_once() -> None:
    assert "meter: id 'm1' is used 2 times" in mistakes(GOOD.replace('id = "m2"', 'id = "m1"'))


def test_more_buses_than_the_agent_has_threads_for_are_refused_with_what_to_do_in_both_languages() -> None:
    def buses(count: int) -> str:
        return GOOD + "".join(f'[[bus]]\nid = "n{n}"\nurl = "tcp://10.0.0.{n}"\n' for n in range(count - 1))

    assert len(parse_site(buses(BUSES_MAX), FILE).bus) == BUSES_MAX
    (problem,) = mistakes(buses(BUSES_MAX + 1))
    assert problem.startswith(f"bus: {BUSES_MAX + 1} buses, at most {BUSES_MAX}: ")
    assert "a second gateway" in problem
    assert "增加一台网关" in problem


def large_site(meters: int, id_characters: int, comment: str = "") -> Site:
    """Each meter at an address of its own, feeding a line of its own."""

    def named(kind: str, number: int) -> str:
        return f"{kind}-{number:03d}-{'x' * 32}"[:id_characters]

    parts = [comment]
    for number in range(meters):
        bus, meter, line = (named(kind, number) for kind in ("b", "m", "l"))
        parts.append(
            f'[[bus]]\nid = "{bus}"\nurl = "tcp://192.168.100.{number}:502"\n'
            f'[[meter]]\nid = "{meter}"\nbus = "{bus}"\nunit_id = 1\nmodel = "eastron-sdm630"\n'
            f'line = "{line}"\n'
            f'[[line]]\nid = "{line}"\nkind = "production"\nname = "{"炼" * 20}"\nrated_w = 600000\n'
        )
    return parse_site("".join(parts), FILE)


@pytest.mark.parametrize("id_characters", [6, 32])
def test_a_site_with_every_bus_that_it_may_have_fits_the_records_of_the_manifest(id_characters: int) -> None:
    site = large_site(BUSES_MAX, id_characters)
    check_manifest(site, setups_of(site), [], None)
    first = next(manifest_bodies(site, setups_of(site), [], None, "1", Stamp(0, 0, bytes(16), CLOCK)))
    assert read_site_text(first) == site.text
    assert ("site" in first) is (len(site.text.encode()) <= PLAIN_BYTES_MAX)
    assert sha256(site.text.encode()).digest() == first["site_hash"]
    assert len(first["meters"]) == BUSES_MAX


def test_a_site_that_fits_no_manifest_is_told_what_to_do_before_it_starts() -> None:
    rng = random.Random(1)
    noise = "".join(f"# {rng.randbytes(500).hex()}\n" for _ in range(200))
    site = large_site(1, 6, noise)
    with pytest.raises(ConfigError, match=r"at most 60000 .*a second gateway.*增加一台网关"):
        check_manifest(site, setups_of(site), [], None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"site": 1},
        {"site_deflated": b""},
        {"site_deflated": b"\xff\xff"},
        {"site_deflated": "text"},
        {"site_deflated": zlib.compress(bytes(SITE_FILE_BYTES_MAX + 9), wbits=-15)},
        {"models": {}},
    ],
)
def test_a_manifest_without_a_site_that_can_be_read_has_none(body: dict[str, object]) -> None:
    assert read_site_text(body) is None


@pytest.mark.parametrize("name", ["text", "file"])
def test_names_that_the_program_uses_itself_are_no_keys(name: str) -> None:
    assert any(
        line.startswith(f"{name}: unknown key; known: site, ") for line in mistakes(f'{name} = "x"\n' + GOOD)
    )


def test_text_that_is_no_toml_says_where() -> None:
    (problem,) = mistakes("[site\n")
    assert "line 1" in problem


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"\xff\xfe", "UTF-8"), (b"#" * (SITE_FILE_BYTES_MAX + 1), "at most"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, word: str) -> None:
    file = tmp_path / "site.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=word) as caught:
        load_site(file)
    assert str(caught.value).startswith(str(file))


def with_dlt645(name: str, url: str = "dlt645:/dev/ttyS2") -> str:
    """The good site with its second meter on a DL/T 645 line and called by `name`."""
    text = GOOD.replace('bus = "b1"\nunit_id = 2\nmodel = "eastron-sdm630"', f'bus = "b2"\n{name}')
    return text.replace("[[meter]]", f'[[bus]]\nid = "b2"\nurl = "{url}"\n\n[[meter]]', 1)


MODEL_3P = 'model = "dlt645-2007-3p"'
LOGGERS = "hj212+listen://127.0.0.1:9001"
UNLINED = ('line = "t1"\n', "")
NOT_ASKED = "a data logger of HJ 212 is not asked; leave it out"
ADDRESSES = "must be 12 digits, or an MN, in quotes"


def test_a_data_logger_is_called_by_its_mn_and_says_so_in_the_manifest() -> None:
    text = with_dlt645(f'address = "{MN}"\nmodel = "hj212-air"', LOGGERS).replace(*UNLINED)
    site = parse_site(text, FILE)
    setup = setups_of(site)["m2"]
    assert (setup.address, setup.unit_id, setup.model.is_analyser) == (MN, None, True)
    body = next(manifest_bodies(site, setups_of(site), (), None, "1", Stamp(0, 0, bytes(16), CLOCK)))
    assert body["meters"]["m2"]["address"] == MN


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("unit_id = 2", "meter[1].unit_id: bus 'b2' is HJ 212, whose loggers have an address instead"),
        ("", "meter[1].address: missing; bus 'b2' is HJ 212, whose loggers have an MN"),
        ('address = "D7A1"', f"meter[1].address: {ADDRESSES}, not 'D7A1'"),
        (
            f'address = "{MN}"\ntimeout_s = 1.0',
            "meter[1].timeout_s: a data logger of HJ 212 is not asked; leave it out",
        ),
    ],
)
def test_a_data_logger_that_is_not_called_or_asked_as_one_is_named(name: str, problem: str) -> None:
    with pytest.raises(TableError) as raised:
        parse_site(with_dlt645(f'{name}\nmodel = "hj212-air"', LOGGERS), FILE)
    assert problem in raised.value.problems


def test_a_dlt645_meter_is_called_by_its_address_and_says_so_in_the_manifest() -> None:
    site = parse_site(with_dlt645(f'address = "000123456789"\n{MODEL_3P}'), FILE)
    setup = setups_of(site)["m2"]
    assert (setup.address, setup.unit_id, setup.station) == ("000123456789", None, 0x123456789)
    body = next(manifest_bodies(site, setups_of(site), (), None, "1", Stamp(0, 0, bytes(16), CLOCK)))
    assert body["meters"]["m2"]["address"] == "000123456789"
    assert body["meters"]["m1"]["unit_id"] == 1
    assert ["unit_id" in meter for meter in body["meters"].values()] == [True, False]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("unit_id = 2", "meter[1].unit_id: bus 'b2' is DL/T 645, whose meters have an address instead"),
        ("", "meter[1].address: missing; bus 'b2' is DL/T 645, whose meters have 12 digits"),
        ('address = "12345678901"', "meter[1].address: must be 12 digits in quotes, not '12345678901'"),
        ("address = 123456789012", f"meter[1].address: {ADDRESSES}, not 123456789012"),
    ],
)
def test_a_meter_that_is_not_called_as_those_of_its_bus_is_named(name: str, problem: str) -> None:
    with pytest.raises(TableError) as raised:
        parse_site(with_dlt645(f"{name}\n{MODEL_3P}"), FILE)
    assert problem in raised.value.problems


def test_a_modbus_meter_has_no_address_and_needs_its_unit_id() -> None:
    text = GOOD.replace("unit_id = 1\n", 'address = "123456789012"\n')
    with pytest.raises(TableError) as raised:
        parse_site(text, FILE)
    assert raised.value.problems == (
        "meter[0].unit_id: missing",
        "meter[0].address: bus 'b1' is Modbus, whose meters have a unit_id instead",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            with_dlt645('address = "000123456789"\nmodel = "eastron-sdm630"'),
            "meter[1].model: eastron-sdm630 speaks Modbus, bus 'b2' does not",
        ),
        (
            with_dlt645(f'address = "{MN}"\nmodel = "dlt645-2007-3p"', LOGGERS),
            "meter[1].model: dlt645-2007-3p speaks DL/T 645, bus 'b2' does not",
        ),
        (
            GOOD.replace("eastron-sdm630", "dlt645-2007-1p", 1),
            "meter[0].model: dlt645-2007-1p speaks DL/T 645, bus 'b1' does not",
        ),
    ],
)
def test_a_model_of_the_other_protocol_is_refused_before_anything_is_asked(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        setups_of(parse_site(text, FILE))
    assert raised.value.problems == (problem,)


def test_a_converter_that_does_not_copy_transaction_ids_is_a_key_of_its_bus() -> None:
    text = '[[bus]]\nid = "b1"\nurl = "{url}"\ntransaction_id = "{what}"\n'
    url = "tcp://10.0.0.7:502"
    assert parse_site(text.format(url=url, what="copied"), FILE).bus[0].url == url
    ignoring = f"{url}?transaction_id=ignored"
    assert parse_site(text.format(url=url, what="ignored"), FILE).bus[0].url == ignoring
    assert parse_site(text.format(url=ignoring, what="ignored"), FILE).bus[0].url == ignoring
    assert mistakes(text.format(url="rtu:/dev/ttyS1", what="ignored")) == (
        "bus[0].transaction_id: only tcp:// has transaction ids; leave it out",
    )
    assert "transaction_id" in mistakes(text.format(url=url, what="swapped"))[0]


def test_a_meter_has_the_number_and_the_end_of_its_verification() -> None:
    more = (
        'ct_ratio = 20\nverification = "JD-7"\nverified_until = 2027-05-31\nct_verified_until = 2027-01-31\n'
    )
    one, two = parse_site(GOOD.replace("ct_ratio = 20\n", more), FILE).meter
    assert (one.verified_to, two.verification, two.verified_to) == (None, "JD-7", date(2027, 1, 31))


@pytest.mark.parametrize("value", ['"2027-05-31"', "2027", "2027-05-31T00:00:00", "true"])
def test_the_end_of_a_verification_is_a_date(value: str) -> None:
    (problem,) = mistakes(GOOD.replace("ct_ratio = 20\n", f"ct_ratio = 20\nverified_until = {value}\n"))
    assert "must be a date like 2027-05-31" in problem
