"""The benchmark's own parts: a table that can be missed, lines that do not know how they are judged."""

import ast
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.bench_curtailment.__main__ import find_mark_rows, find_rows, main
from tests.bench_curtailment.deeds import LIMITS, stop
from tests.bench_curtailment.lines import DAY, KINDS, make_lines
from tests.bench_curtailment.mark_trial import run_marks
from tests.bench_curtailment.steel import find_split
from tests.bench_curtailment.trial import Tally, run_line

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["lines", "deeds", "steel", "marked"])
def test_what_makes_the_lines_knows_nothing_of_the_product(name: str) -> None:
    tree = ast.parse((HERE / f"{name}.py").read_text("utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {one for one in imported if one.startswith(("evidence", "agent", "provisioning"))}


@pytest.mark.parametrize("kind", KINDS)
def test_a_made_line_is_the_same_each_time_and_works_and_rests(kind: str) -> None:
    one, other = (KINDS[kind](100, Random(kind)) for _ in range(2))
    assert one == other
    assert one.watts != KINDS[kind](100, Random("another")).watts
    assert 0.1 < sum(one.works) / len(one.works) < 0.99
    resting = [watts for watts, works in zip(one.watts, one.works, strict=True) if not works]
    assert max(resting) < 2 * one.rests_w


def test_deeds_do_what_their_names_say() -> None:
    (line,) = make_lines(80, (1,)) if len(KINDS) == 1 else [next(make_lines(80, (1,)))]
    first, last = 70 * DAY, 73 * DAY
    honest = sum(line.watts[first:last])
    for name, share in (("does nothing", 1.0), ("obeys exactly", 0.7), ("has 10 points in hand", 0.6)):
        assert sum(LIMITS[name][0](line, first, last, Random(1))) == pytest.approx(share * honest)
    assert max(stop(line, first, last, Random(1))) < 2 * line.rests_w


def test_two_heaps_are_parted_between_them() -> None:
    dice = Random(5)
    heaps = [dice.gauss(10, 1) for _ in range(300)] + [dice.gauss(50, 5) for _ in range(700)]
    assert 13 < find_split(heaps) < 37


def test_a_line_is_tried_end_to_end() -> None:
    tally = run_line(next(make_lines(80, (1,))), 1, 40)
    assert sum(tally.verdicts["does nothing, all windows"].values()) == 1
    assert tally.working["not_met"] > 60
    assert tally.stopped["not_met"] == 0


def test_a_missed_row_is_missed_and_nothing_judged_is_missed_too() -> None:
    good = {"not_met": 9, "unclear": 1}
    tally = Tally({name: Counter(good) for name in LIMITS}, working=Counter(not_met=10))
    met = {row.what.partition(":")[0]: row.is_met for row in find_rows("kiln", tally)}
    assert met["does nothing under a 50 % limit"]
    assert met["obeys exactly 30 %"] is False
    assert False in [row.is_met for row in find_rows("kiln", Tally())]
    assert {row.is_met for row in find_rows("jobbing", tally) if "limit" in row.what} == {None}


def test_absent_data_end_it_at_once_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIANJIAN_DATA", "/nowhere")
    monkeypatch.setattr("tests.bench_curtailment.__main__.make_lines", lambda *_: iter(()))
    monkeypatch.setattr("tests.bench_curtailment.__main__.run_marks", lambda *_: {})
    assert main([]) == 1
    assert "MISSED steel" in capsys.readouterr().out


def test_marks_of_a_made_plant_are_checked_end_to_end() -> None:
    said = run_marks("test", 8)
    assert not [what for what in said[True] if what.startswith("contradicted")]
    assert [what for what in said[False] if what.startswith("contradicted")]
    true, false = find_mark_rows(said)
    assert (true.is_met, false.is_met) == (False, False)  # too few for the table
