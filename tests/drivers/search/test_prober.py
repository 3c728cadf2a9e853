"""The search on real ptys and sockets, against meters of firmware_sim that hear one line setting only."""

import json
import termios
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drivers.clock import SystemClock
from drivers.link.verdict import Framing, Request
from drivers.modbus.frame import encode_request
from drivers.points.model import load
from drivers.search.prober import Prober
from drivers.search.signs import Sign
from drivers.search.walk import QUICK_UNITS, Ask, BusSetting, Probe, Walk
from provisioning.cli import cli
from provisioning.meters import scan
from tests.drivers.scripted_meter import Asked, Script, ScriptedMeter, answer, on_pty, on_tcp
from tests.drivers.search.simulated import START_S, device

SPEEDS = {9600: termios.B9600, 19200: termios.B19200}
SHORT = ("--timeout", "0.03")


def hears(baudrate: int, script: Script) -> Script:
    """A line of that speed: the pty's own settings say at what speed the master talks."""

    def at_speed(asked: Asked, scripted: ScriptedMeter) -> None:
        if termios.tcgetattr(scripted._fd)[4] == SPEEDS[baudrate]:
            script(asked, scripted)

    return at_speed


def simulated(*models: str) -> Script:
    """Meters of these models at units 1, 2, 3, …"""
    devices = {unit: device(load(name)) for unit, name in enumerate(models, 1)}

    def script(asked: Asked, scripted: ScriptedMeter) -> None:
        if asked.unit_id not in devices:
            return
        result = devices[asked.unit_id].answer(asked.function, asked.address, asked.count, START_S)
        scripted.send(
            scripted.refusal(asked, result) if isinstance(result, int) else scripted.reply(asked, result)
        )

    return script


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="dianjian")


def test_meters_on_a_pty_are_found_at_the_speed_that_they_hear_and_named() -> None:
    with on_pty(hears(19200, simulated("siemens-pac3200", "hiking-dds238"))) as scripted:
        ended = call("scan", scripted.url, "--last", "3", "--json", *SHORT)
        assert ended.exit_code == 0, ended.output
        rows = [json.loads(line) for line in ended.stdout.splitlines()]
        assert sorted((row["unit_id"], row["model"]) for row in rows) == [
            (1, "siemens-pac3200"),
            (2, "hiking-dds238"),
        ]
        assert {row["setting"] for row in rows} == {
            "19200 8E1"
        }  # a pty has no parity: the first of this speed
        assert all("baudrate=19200" in row["url"] for row in rows)
        assert {asked.function for asked in scripted.asked} <= {3, 4}


def test_a_speed_that_the_url_names_is_not_left() -> None:
    with on_pty(hears(19200, simulated("siemens-pac3200")), "?baudrate=9600&parity=N") as scripted:
        ended = call("scan", scripted.url, "--last", "2", "--quick", *SHORT)
        assert ended.exit_code == 1
        assert "not a single byte came" in ended.stderr
        assert "no meter answers at 1..2" in ended.stderr
        everywhere = call("scan", scripted.url, "--last", "1", "--quick", "--all", "--json", *SHORT)
        assert json.loads(everywhere.stdout.splitlines()[0])["setting"] == "19200 8E1"


def twice(asked: Asked, scripted: ScriptedMeter) -> None:
    scripted.send(scripted.reply(asked))
    scripted.send(scripted.reply(asked, b"\x01\x02"), after_s=0.01)


def zeros(_asked: Asked, scripted: ScriptedMeter) -> None:
    scripted.send(bytes(9))


def unframed(_asked: Asked, scripted: ScriptedMeter) -> None:
    scripted.send(b"\x86\xe6\x1e\x98\xf8\x06\x9e\x60\xfe")


@pytest.mark.parametrize(
    ("script", "finding", "says"),
    [
        (twice, "shared_address", "two meters may have this address"),
        (zeros, "rests_wrong", "A and B may be swapped"),
        (unframed, "wrong_setting", "wrong baud rate or parity"),
        (lambda _asked, _meter: None, "dead", "not a single byte"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_by_its_bytes(script: Script, finding: str, says: str) -> None:
    with on_pty(script, "?baudrate=9600&parity=N") as scripted:
        ended = call("scan", scripted.url, "--last", "1", "--quick", "--json", *SHORT)
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["finding"] == finding
    assert says in told["text"]


def test_a_tcp_device_that_ignores_the_unit_id_is_one_meter() -> None:
    with on_tcp(answer) as scripted:
        ended = call("scan", scripted.url, "--last", "30", "--json", *SHORT)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row.get("unit_id") for row in rows] == [1, None]
    assert rows[1]["finding"] == "every_address"


def test_a_gateway_that_answers_for_silent_meters_has_no_meter() -> None:
    with on_tcp(lambda asked, scripted: scripted.send(scripted.refusal(asked, 11))) as scripted:
        ended = call("scan", scripted.url, "--last", "3", *SHORT)
    assert ended.exit_code == 1
    assert "the gateway is there, but finds no meter" in ended.stderr


def test_an_answer_that_is_late_finds_the_unit_that_gave_it() -> None:
    def late(asked: Asked, scripted: ScriptedMeter) -> None:
        if asked.unit_id == 1:
            scripted.send(scripted.reply(asked), after_s=0.08)

    with on_pty(late) as scripted:
        prober = Prober(scripted.url, SystemClock())
        line = BusSetting(9600, "N")
        assert prober.ask(Ask(Probe(line, 1), 0.05))[0][-1][1].sign is Sign.SILENT
        assert prober.ask(Ask(Probe(line, 2), 0.05))[0][-1][1].others == (1,)
        prober.close()


def test_identify_names_a_meter_on_a_pty_and_its_record_names_it_again(tmp_path: Path) -> None:
    record, model_file = tmp_path / "session.jsonl", tmp_path / "model.toml"
    with on_pty(simulated("sunspec-203")) as scripted:
        result = call(
            "identify", scripted.url, "--json", "--record", str(record), "--model-file", str(model_file)
        )
    assert result.exit_code == 0, result.output
    best = json.loads(result.stdout)["matches"][0]
    assert (best["model"], best["certain"], best["confidence"]) == ("sunspec-203", True, 0.99)
    again = call("identify", "--replay", str(record), "--json")
    assert json.loads(again.stdout) == json.loads(result.stdout)
    checked = call("models", "check", str(model_file))
    assert checked.exit_code == 0, checked.output


def test_read_records_a_session_and_plays_it_back(tmp_path: Path) -> None:
    record = str(tmp_path / "session.jsonl")
    with on_pty(simulated("siemens-pac3200")) as scripted:
        read = call("read", scripted.url, "--model", "siemens-pac3200", "--record", record)
    again = call("read", "--replay", record, "--model", "siemens-pac3200")
    assert (read.exit_code, again.exit_code) == (0, 0)
    assert again.stdout == read.stdout
    assert "voltage_l1" in read.stdout


def test_reasons_and_findings_are_told_in_chinese_too() -> None:
    with on_pty(simulated("siemens-pac3200")) as scripted:
        result = call("--lang", "zh", "identify", scripted.url)
    call("--lang", "en", "models")
    assert "接近 50 Hz" in result.stdout
    assert "推测" in result.stdout


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("identify", 2, "either the URL of a bus or --replay FILE"),
        ("identify tcp://h --replay x", 2, "either the URL of a bus or --replay FILE"),
        ("identify --replay nosuch", 2, "No such file"),
        ("read --replay pyproject.toml --model eastron-sdm630", 2, "line 1: is not JSON"),
        ("read --replay x --record y --model eastron-sdm630", 2, "a record is not recorded again"),
        ("read tcp://127.0.0.1:1 --record /nosuch/x --model eastron-sdm630", 2, "there is no folder"),
        ("read tcp://127.0.0.1:1 --model sunspec", 3, "Connection refused"),
        ("identify tcp://127.0.0.1:1", 3, "Connection refused"),
        ("identify ftp://x", 2, "expected one of tcp://host"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(line: str, code: int, says: str) -> None:
    ended = call(*line.split())
    assert ended.exit_code == code, ended.output
    assert says in ended.stderr.splitlines()[-1]


def test_a_search_is_recorded_with_its_questions_and_names_the_meter_again_from_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bus.jsonl"
    with on_pty(hears(19200, simulated("siemens-pac3200", "hiking-dds238"))) as scripted:
        ended = call("scan", scripted.url, "--last", "2", "--quick", "--record", str(file), "--json", *SHORT)
        assert ended.exit_code == 0, ended.output
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["dianjian_record"] for line in lines if "dianjian_record" in line] == [1]
    questions = [line for line in lines if "setting" in line]
    assert {line["setting"] for line in questions} >= {"9600 8N1", "19200 8E1"}
    assert {line.get("error") for line in questions if line["setting"] == "9600 8N1"} == {"timeout"}
    assert any(line["heard"] and ("words" in line or "code" in line) for line in questions)
    again = call("identify", "--replay", str(file), "--unit", "2", "--json")
    assert json.loads(again.stdout)["matches"][0]["model"] == "hiking-dds238", again.output


def test_a_recorded_search_of_dl_t_645_is_refused_in_one_line(tmp_path: Path) -> None:
    ended = call("scan", "dlt645:/dev/ttyX?baudrate=2400", "--record", str(tmp_path / "r"))
    assert ended.exit_code == 2
    assert "--record is for Modbus" in ended.stderr


def nobody(asked: Asked, scripted: ScriptedMeter) -> None:
    del asked, scripted


DEAD = ("--timeout", "0.002")


def test_where_no_byte_came_the_rest_is_left_out_and_how_long_it_takes_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan, "SILENT_REST_S", 0.0)
    with on_pty(nobody, "?baudrate=115200&parity=N") as scripted:
        ended = call("scan", scripted.url, "--last", "40", *DEAD)
        assert ended.exit_code == 1
        assert max(asked.unit_id for asked in scripted.asked) <= QUICK_UNITS
    assert "the rest takes about 1 minutes: check the wires first, or add --all" in ended.stderr
    assert "not a single byte came" in ended.stderr
    assert ended.stderr.strip().splitlines()[-1].endswith("no meter answers at 1..40")


def test_a_short_rest_is_not_worth_a_question_and_one_byte_is_reason_enough_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with on_pty(nobody, "?baudrate=115200&parity=N") as scripted:
        call("scan", scripted.url, "--last", "34", *DEAD)
        assert {asked.unit_id for asked in scripted.asked} == set(range(1, 35))
    monkeypatch.setattr(scan, "SILENT_REST_S", 0.0)

    def murmurs(asked: Asked, scripted: ScriptedMeter) -> None:
        if asked.unit_id == 7:
            scripted.send(b"\xa5")

    with on_pty(murmurs, "?baudrate=115200&parity=N") as scripted:
        call("scan", scripted.url, "--last", "34", *DEAD)
        assert 34 in {asked.unit_id for asked in scripted.asked}


def test_with_all_the_rest_is_searched_without_a_byte() -> None:
    walk = Walk((BusSetting(9600, "N"),), (1, 2), 0.3)
    assert scan._always(walk)


def test_over_tcp_an_echo_is_passed_over_and_told_where_nothing_follows() -> None:
    def script(asked: Asked, scripted: ScriptedMeter) -> None:
        request = Request(asked.unit_id, asked.function, asked.address, asked.count)
        scripted.send(encode_request(Framing.TCP, request, asked.transaction_id))
        if asked.unit_id == 1:
            scripted.send(scripted.reply(asked))

    with on_tcp(script) as scripted:
        prober = Prober(scripted.url, SystemClock())
        asks = [Ask(Probe(None, 1), 10.0), Ask(Probe(None, 2), 1.0)]
        signs = [heard[0][1].sign for heard, _ in map(prober.ask, asks)]
        prober.close()
    assert signs == [Sign.ANSWERS, Sign.ECHO]
