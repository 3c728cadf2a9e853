"""`dianjian bus`: the figures of a running agent, as a table and as JSON; who gives a wrong word is told."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

from agent.status.bus_figures import Tally
from agent.status.socket import StatusSocket
from disk import language as languages
from drivers.link.transaction import BusStats
from provisioning.cli import cli
from provisioning.terminal.bus_views import draw_buses
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE
from provisioning.words.labels import label

COLUMNS = 80


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(languages._chosen)
    yield
    languages._chosen[:] = before


def figures() -> dict[str, Any]:
    tally, stats = Tally("b1", "rtu:/dev/ttyS1?baudrate=9600", ["m1", "m2"], 0.0), BusStats()
    for meter, latency_s, timeouts in (("m1", 0.0472, 0), ("m2", None, 1)):
        before = stats.counts
        stats.requests += 9000
        stats.timeouts += timeouts
        stats.busy_s += 20
        tally.count_poll(meter, before, stats, latency_s, probe=False)
    stats.collisions, before = 3, stats.counts
    tally.count_poll("m1", before, stats, 0.0472, probe=False)
    tally.publish(100.0)
    return tally.figures.to_json()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """A state folder in which something answers as the agent does."""
    status, done = StatusSocket(tmp_path), threading.Event()

    def serve() -> None:
        while not done.wait(0.01):
            for reader in status.waiting():
                status.answer(reader, {"buses": [figures()]})

    thread = threading.Thread(target=serve)
    thread.start()
    yield tmp_path
    done.set()
    thread.join()
    status.close()


def test_the_figures_are_told_as_json(agent: Path) -> None:
    done = CliRunner().invoke(cli, ["bus", "--state", str(agent), "--json"])
    assert done.exit_code == 0
    (bus,) = json.loads(done.stdout)
    assert (bus["bus"], bus["load_percent"], bus["timeouts"]) == ("b1", 40.0, 1)
    assert [one["meter"] for one in bus["meters"]] == ["m1", "m2"]
    assert bus["meters"][1]["latency_ms"] == {"p50": None, "p95": None, "max": None}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_names_every_meter(agent: Path, lang: str) -> None:
    done = CliRunner().invoke(cli, ["--lang", lang, "bus", "--state", str(agent)], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    rows = done.stdout.splitlines()
    assert "40.0 %" in rows[0]
    (first,) = (row.split() for row in rows if row.startswith("m1"))
    assert first == ["m1", "47.2", "47.2", "47.2", "9000", "0", "0", "0", "0", "0", "0"]
    (second,) = (row.split() for row in rows if row.startswith("m2"))
    assert second[:6] == ["m2", "–", "–", "–", "9000", "1"]


@pytest.mark.parametrize("lang", languages.LANGUAGES)
def test_the_table_fits_eighty_columns_in_both_languages(lang: str) -> None:
    languages.choose_language(lang)
    bus = figures()
    for one in (bus, *bus["meters"]):
        one |= {"requests": 1_234_567, "latency_ms": {"p50": 47.2, "p95": 1500.0, "max": 2999.0}}
    screen = Console(width=COLUMNS + 40, record=True, highlight=False)
    with screen.capture() as drawn:
        screen.print(draw_buses([bus]))
    assert max(cell_len(row.rstrip()) for row in drawn.get().splitlines()) <= COLUMNS
    assert label("collisions") in drawn.get()
    assert label("reopened") not in drawn.get()


def lone(number: int, timeouts: int) -> dict[str, Any]:
    """A TCP meter at an address of its own."""
    tally, stats = Tally(f"bus-{number}", f"tcp://10.0.0.{number}", [f"meter-{number}"], 0.0), BusStats()
    before = stats.counts
    stats.requests, stats.timeouts, stats.reopened = 1_234_567, timeouts, timeouts // 100_000
    tally.count_poll(f"meter-{number}", before, stats, 1.5, probe=False)
    tally.publish(100.0)
    return tally.figures.to_json()


def shown(buses: list[dict[str, Any]], rows: int | None = None) -> list[str]:
    screen = Console(width=COLUMNS + 40, highlight=False)
    with screen.capture() as drawn:
        screen.print(draw_buses(buses, rows))
    return [row.rstrip() for row in drawn.get().splitlines()]


@pytest.mark.parametrize("lang", languages.LANGUAGES)
def test_many_buses_with_one_meter_each_are_rows_of_one_table(lang: str) -> None:
    languages.choose_language(lang)
    buses = [lone(number, 600_000 if number in {7, 90} else 0) for number in range(100)]
    text = shown([figures(), *buses])
    assert max(cell_len(row) for row in text if not row.startswith(label("reopened"))) <= COLUMNS
    assert text[0].startswith(f"{label('bus')} b1")
    rows = [row for row in text if row.startswith("bus-")]
    assert len(rows) == 100
    assert rows[7].split()[1:][-7:] == ["1234567", "600000", "0", "0", "0", "0", "0"]
    assert text[-1] == f"{label('reopened')}: bus-7 6, bus-90 6"


def test_on_a_terminal_the_worst_of_many_buses_come_first_and_the_others_are_counted() -> None:
    buses = [lone(number, 600_000 + number if number in {7, 90} else 0) for number in range(100)]
    text = shown(buses, 23)
    assert len(text) <= 23
    assert [row.split()[0] for row in text[1:4]] == ["bus-90", "bus-7", "bus-0"]
    assert text[-1] == f"… {label('more')} 79"
    assert len(shown(buses[:8], 23)) == 8 + 2


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ([], EXIT_USAGE, "either --config SITE or --state FOLDER"),
        (["--config", "a", "--state", "b"], EXIT_USAGE, "either --config SITE or --state FOLDER"),
        (["--config", "no-such.toml"], EXIT_USAGE, "no-such.toml"),
        (["--state", "no-such-folder"], EXIT_OUTSIDE, "no agent answers in no-such-folder"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(call: list[str], code: int, said: str) -> None:
    done = CliRunner().invoke(cli, ["bus", *call])
    assert done.exit_code == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_older_agent_is_named_as_such(tmp_path: Path) -> None:
    status = StatusSocket(tmp_path)

    def serve() -> None:
        while not (readers := status.waiting()):
            pass
        status.answer(readers[0], {"gateway": "g1"})

    thread = threading.Thread(target=serve)
    thread.start()
    done = CliRunner().invoke(cli, ["bus", "--state", str(tmp_path)])
    thread.join()
    status.close()
    assert done.exit_code == EXIT_OUTSIDE
    assert "older" in done.stderr
