"""Machines are switched by hand, over a socket that belongs to one user."""

import asyncio
import json
import math
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import NS_PER_S, Clock, ScaledClock
from firmware_sim.control import ControlError, ControlPort, ask
from firmware_sim.main import main
from firmware_sim.plant import SWITCHES_MAX, Plant
from firmware_sim.server import ServeError, Server
from firmware_sim.switches import SwitchState, parse_state

NINE_S = 1_772_407_800.0 + 5400
"""Production runs since eight o'clock."""
INCOMER = """
[[line]]
id = "incomer"
kind = "incomer"
rated_w = 100000
losses = 0.05

[[meter]]
id = "m4"
model = "eastron-sdm630"
bus = "b1"
unit_id = 4
line = "incomer"
"""


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("off", (SwitchState.OFF, 0.0)),
        (" ON\n", (SwitchState.ON, 0.0)),
        ("auto", (SwitchState.AUTO, 0.0)),
        ("40%", (SwitchState.SHARE, 0.4)),
        ("12.5 %", (SwitchState.SHARE, 0.125)),
        ("0%", (SwitchState.SHARE, 0.0)),
        ("200%", (SwitchState.SHARE, 2.0)),
    ],
)
def test_a_machine_is_switched_in_plain_words(word: str, meant: tuple[SwitchState, float]) -> None:
    assert parse_state(word) == meant


@pytest.mark.parametrize("word", ["", "share", "40", "201%", "-1%", "1e2%", "４０%", "nan%", "off on"])
def test_any_other_word_is_refused_in_one_line(word: str) -> None:
    with pytest.raises(ValueError, match=r"^cannot switch to .*: off, on, auto or a share .*\Z"):
        parse_state(word)


def test_a_machine_runs_down_and_up_within_its_ramp(plant: Callable[..., Plant]) -> None:
    works = plant()
    before_w = works.power_w("p1", NINE_S)
    assert before_w > 30_000
    off = works.switch("p1", SwitchState.OFF, NINE_S + 0.4)
    assert off.begin_s == NINE_S + 1, "registers change at full seconds"
    falling = [works.power_w("p1", NINE_S + 1 + s) for s in range(21)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == pytest.approx(before_w, rel=0.05)
    assert falling[-1] == works.power_w("p1", NINE_S + 600) == 300, "standby, half a percent"
    works.switch("p1", SwitchState.SHARE, NINE_S + 600, 0.4)
    assert works.power_w("p1", NINE_S + 630) == pytest.approx(24_000, rel=0.2)
    works.switch("p1", SwitchState.AUTO, NINE_S + 700)
    assert works.power_w("p1", NINE_S + 730) == plant().power_w("p1", NINE_S + 730)


@pytest.mark.parametrize(("line", "level"), [("p1", 0.75), ("t1", 0.35)])
def test_on_is_the_load_of_a_run_whatever_the_clock_says(
    plant: Callable[..., Plant], line: str, level: float
) -> None:
    works, night_s = plant(), NINE_S - 6 * 3600
    rated_w = works.line(line).rated_w
    assert works.power_w(line, night_s) < 0.01 * rated_w
    works.switch(line, SwitchState.ON, night_s)
    assert works.power_w(line, night_s + 60) == pytest.approx(level * rated_w, rel=0.25)


def test_treatment_goes_on_as_its_own_profile_says(plant: Callable[..., Plant]) -> None:
    works = plant()
    works.switch("p1", SwitchState.OFF, NINE_S)
    assert works.power_w("t1", NINE_S + 300) == plant().power_w("t1", NINE_S + 300)


def test_what_was_before_a_switch_stays_as_it_was(plant: Callable[..., Plant]) -> None:
    works, other = plant(INCOMER), plant(INCOMER)
    moments = [NINE_S - 86_400, NINE_S - 5, NINE_S, NINE_S + 0.9]
    works.switch("p1", SwitchState.OFF, NINE_S + 0.9)
    for line in ("p1", "t1", "incomer"):
        assert [works.power_w(line, t_s) for t_s in moments] == [other.power_w(line, t_s) for t_s in moments]


ways = st.one_of(
    st.sampled_from([(SwitchState.OFF, 0.0), (SwitchState.ON, 0.0), (SwitchState.AUTO, 0.0)]),
    st.floats(0, 2).map(lambda share: (SwitchState.SHARE, share)),
)


@settings(deadline=None, max_examples=10)
@given(moves=st.lists(st.tuples(st.sampled_from(["p1", "t1"]), ways, st.floats(0, 25)), max_size=4))
def test_counters_never_run_back_and_count_what_is_taken_however_machines_are_switched(
    plants: Callable[[str], Plant], moves: list[tuple[str, tuple[SwitchState, float], float]]
) -> None:
    works = Plant(plants(INCOMER).layout)
    t_s, last_wh = NINE_S, dict.fromkeys(("m1", "m2", "m4"), 0.0)
    first = {meter: works.electrical(meter, t_s).energy_import_wh for meter in last_wh}
    taken = dict.fromkeys(last_wh, 0.0)
    for line, (way, share), pause_s in [*moves, ("p1", (SwitchState.AUTO, 0.0), 5.0)]:
        works.switch(line, way, t_s, share)
        for _ in range(math.floor(pause_s)):
            t_s += 1
            for meter, wh in last_wh.items():
                seen = works.electrical(meter, t_s)
                assert seen.energy_import_wh >= wh
                last_wh[meter] = seen.energy_import_wh
                taken[meter] += sum(phase.active for phase in seen.phases) / 3600
    for meter, wh in taken.items():
        slack_wh = 120_000 / 3600 * 10 * (len(moves) + 2)  # a step of the sum for each switch
        assert last_wh[meter] - first[meter] == pytest.approx(wh, abs=slack_wh) or last_wh[meter] == 0


def test_an_incomer_takes_what_all_lines_take_and_its_losses(plant: Callable[..., Plant]) -> None:
    works = plant(INCOMER)
    lines_w = works.power_w("p1", NINE_S) + works.power_w("t1", NINE_S)
    assert works.power_w("incomer", NINE_S) == pytest.approx(1.05 * lines_w)
    seen = works.electrical("m4", NINE_S)
    assert sum(phase.active for phase in seen.phases) == pytest.approx(1.05 * lines_w)
    factor = sum(phase.active for phase in seen.phases) / sum(phase.apparent for phase in seen.phases)
    assert 0.8 < factor < 0.95
    works.switch("p1", SwitchState.OFF, NINE_S)
    lines_w = works.power_w("p1", NINE_S + 60) + works.power_w("t1", NINE_S + 60)
    assert works.power_w("incomer", NINE_S + 60) == pytest.approx(1.05 * lines_w)


def test_a_plant_file_of_version_0_1_names_the_incomer_feed(plants: Callable[[str], Plant]) -> None:
    assert plants(INCOMER.replace('kind = "incomer"', 'kind = "feed"')).layout == plants(INCOMER).layout


def test_an_incomer_sees_what_is_fed_past_the_meters_and_lines_without_one(
    plant: Callable[..., Plant],
) -> None:
    past = '[[event]]\nwhat = "unmetered"\nline = "p1"\nat = 0\npower_share = 0.5\n'
    bare = '[[line]]\nid = "p2"\nkind = "production"\nrated_w = 9000\nprofile = { shape = "continuous" }\n'
    works, other = plant(INCOMER + past), plant(INCOMER + bare)
    assert works.power_w("incomer", NINE_S) == plant(INCOMER).power_w("incomer", NINE_S)
    more_w = other.power_w("incomer", NINE_S) - works.power_w("incomer", NINE_S)
    assert more_w == pytest.approx(1.05 * other.power_w("p2", NINE_S))


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            INCOMER.replace("losses = 0.05", "profile = {}"),
            "line[2].profile: unknown key; known: id, kind, losses, rated_w",
        ),
        (
            INCOMER.replace("losses = 0.05", "losses = 2"),
            "line[2].losses: must be a number from 0 to 1, not 2",
        ),
        (
            INCOMER + '[[event]]\nwhat = "power_cut"\nline = "incomer"\nat = 1\nduration_s = 9\n',
            "event[0].line: power_cut happens to no incomer; a power_cut without a line happens to all",
        ),
    ],
)
def test_mistakes_around_an_incomer_are_told(text: str, tmp_path: Path, more: str, problem: str) -> None:
    (tmp_path / "plant.toml").write_text(text + more)
    result = CliRunner().invoke(main, ["serve", str(tmp_path / "plant.toml")])
    assert (result.exit_code, result.stderr) == (2, f"{problem}\n")


@pytest.fixture
def control(plant: Callable[..., Plant], still: Callable[[float], Clock], tmp_path: Path) -> ControlPort:
    return ControlPort(plant(INCOMER), still(NINE_S), tmp_path / "c")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("p1 off\n", {"line": "p1", "to": "off", "at": "2026-03-02T01:00:01Z"}),
        ("t1 40%\n", {"line": "t1", "to": "40%", "at": "2026-03-02T01:00:01Z"}),
        ("p1\n", {"error": "say what 'p1' is switched to"}),
        ("incomer off\n", {"error": "no machine is called 'incomer'; there are p1, t1"}),
        (
            "p1 half\n",
            {"error": "cannot switch to 'half': off, on, auto or a share of the rated power like 40%"},
        ),
    ],
)
def test_one_line_is_answered_by_one_object(control: ControlPort, line: str, answer: object) -> None:
    assert control.answer(line) == answer


def test_an_empty_line_is_answered_by_all_lines(control: ControlPort) -> None:
    control.answer("p1 off")
    rows = control.answer("\n")["lines"]
    assert [(row["line"], row["to"]) for row in rows] == [("p1", "off"), ("t1", "auto"), ("incomer", None)]
    assert all(row["power_w"] > 0 for row in rows)


def test_machines_are_not_switched_for_ever(control: ControlPort) -> None:
    control.plant._switches.extend([control.plant.switch("p1", SwitchState.ON, NINE_S)] * (SWITCHES_MAX - 1))
    assert control.answer("p1 off") == {"error": "machines were switched 10000 times; serve the plant anew"}


@given(line=st.text(max_size=40))
@settings(deadline=None, max_examples=50)
def test_no_line_is_answered_by_anything_but_an_object(plants: Callable[[str], Plant], line: str) -> None:
    port = ControlPort(Plant(plants("").layout), ScaledClock(1.0, int(NINE_S * NS_PER_S)), Path("x"))
    answer = port.answer(line)
    assert set(answer) <= {"line", "to", "at", "error", "lines"}
    assert "\n" not in str(answer.get("error", ""))


def test_a_socket_is_its_users_alone_and_goes_with_the_server(control: ControlPort) -> None:
    with Server(control.plant, control.clock, control.path):
        mode = control.path.stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
        assert ask(control.path, "p1 off")["to"] == "off"
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(10)
            peer.connect(str(control.path))
            peer.sendall(b"p1 on\nt1 off\n")
            answers = peer.makefile("rb")
            assert [json.loads(answers.readline())["to"] for _ in range(2)] == ["on", "off"]
            peer.sendall(b"x" * 300)
            assert json.loads(answers.readline()) == {"error": "a line has at most 256 bytes"}
            answers.close()
    assert not control.path.exists()
    with pytest.raises(ControlError, match=r"/c: no plant is served here \(No such file or directory\)$"):
        ask(control.path, "")


def test_the_socket_of_a_killed_server_is_taken_over_and_any_other_is_left_alone(
    control: ControlPort,
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(control.path))
    with Server(control.plant, control.clock, control.path):
        second = Server(control.plant, control.clock, control.path)
        with pytest.raises(ServeError, match="another plant is served here"), second:
            pass
        assert "lines" in ask(control.path, "")
    control.path.write_text("mine")
    with (
        pytest.raises(ServeError, match="is there and is no socket"),
        Server(control.plant, control.clock, control.path),
    ):
        pass
    assert control.path.read_text() == "mine"


def test_what_answers_something_else_is_no_simulator(tmp_path: Path) -> None:
    async def serve() -> None:
        async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"220 mail\r\n")
            writer.close()

        server = await asyncio.start_unix_server(nonsense, str(tmp_path / "c"))
        async with server:
            with pytest.raises(ControlError, match="what answers here is no simulator"):
                await asyncio.to_thread(ask, tmp_path / "c", "")

    asyncio.run(serve())


@pytest.fixture
def ten(tmp_path: Path) -> Iterator[Path]:
    """The socket of the shipped plant of ten meters, served by a process."""
    command = [sys.executable, "-m", "firmware_sim.main", "serve", "ten-meters"]
    options = ["--control", str(tmp_path / "c"), "--links", str(tmp_path)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    buses = json.loads(process.stdout.readline())["buses"]
    assert buses["b2"] == f"rtu:{tmp_path}/b2?baudrate=9600&parity=N&stopbits=1"
    yield tmp_path / "c"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.mark.e2e
def test_a_person_switches_the_machines_of_a_plant_of_the_package(ten: Path) -> None:
    def run_set(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["set", str(ten), *words])
        return result.exit_code, result.output.strip()

    code, lines = run_set()
    assert (code, [line.split()[:2] for line in lines.splitlines()][:2]) == (
        0,
        [["incomer", "-"], ["p1", "auto"]],
    )
    code, line = run_set("p1", "off")
    assert (code, line[:12]) == (0, "p1 off from ")
    assert run_set("p1") == run_set("p1", "40% p2") == (2, run_set("p1")[1])
    assert run_set("p1", "half")[0] == run_set("nobody", "off")[0] == 2
    assert json.loads(run_set("p2", "40%", "--json")[1])["to"] == "40%"
    assert CliRunner().invoke(main, ["set", str(ten.parent / "none"), "p1", "off"]).exit_code == 1


def test_a_plant_that_is_not_in_the_package_is_a_file_that_is_missing() -> None:
    result = CliRunner().invoke(main, ["serve", "eleven-meters"])
    assert (result.exit_code, result.stderr) == (
        2,
        "eleven-meters: cannot be read: No such file or directory\n",
    )
