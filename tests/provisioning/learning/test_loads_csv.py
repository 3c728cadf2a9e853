"""Recorded loads: what is read quickly is what is read slowly, and a mistake is told with its row."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.learning.loads_csv import LoadsError, read_loads
from provisioning.learning.loads_rows import MISTAKES_MAX, Exact, Layout, read_bulk
from tests.provisioning.plant import csv_file

HEAD = "time,p1,t1"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["when,p1,t1", "1,2,3"], "row 1: no column 'time'; found: 'p1', 't1', 'when'"),
        (
            ["time,a,b", "1,2,3"],
            "row 1: no column is a line of the site; columns: 'a', 'b'; lines: 'p1', 't1'",
        ),
        (["time,p1", "1,2"], "row 1: no column for line 't1'"),
        (["time,p1,t1,x", "1,2,3,4"], "row 1: column 'x' is no line of the site; known: 'p1', 't1'"),
        (["time,p1,t1,t1.w", "1,2,3,4"], "row 1: column 't1.w' is no line of the site; known: 'p1', 't1'"),
        (["time,p1,t1,t1.", "1,2,3,4"], "row 1: column 't1.' is no line of the site; known: 'p1', 't1'"),
        (["time,p1,t1,p1", "1,2,3,4"], "row 1: a column is named twice"),
        ([HEAD], "row 2: no rows"),
        ([HEAD, "1,2,3", "2,2", "3,2,3"], "row 3: 2 cells, but 3 columns"),
        ([HEAD, "1,2,3", "5,2,3", "4,2,3"], "row 4: time 4 is not after the row before"),
        ([HEAD, "1,2,3", "1,2,3"], "row 3: time 1 is not after the row before"),
        ([HEAD, "1,2,3", "2,off,3"], "row 3: p1: 'off' is no number of watts"),
        ([HEAD, "1,2,3", "", "2,2,nan"], "row 4: t1: 'nan' is no number of watts"),
        ([HEAD, "1,2,1_000"], "row 2: t1: '1_000' is no number of watts"),
        ([HEAD, "1,2,1e999"], "row 2: t1: '1e999' is no number of watts"),
        ([HEAD + ",t1.pf", "1,2,3,x"], "row 2: t1.pf: 'x' is no power factor"),
        ([HEAD + ",t1.i", "1,2,3,x"], "row 2: t1.i: 'x' is no number of amperes"),
        ([HEAD + ",t1.u", "1,2,3,x"], "row 2: t1.u: 'x' is no number of volts"),
        ([HEAD, "soon,2,3"], "row 2: time 'soon' is neither ISO 8601 nor epoch seconds"),
        (
            [HEAD, "2026-03-02T08:00:00,2,3"],
            "row 2: time '2026-03-02T08:00:00' has no zone; write +08:00 behind it",
        ),
        ([HEAD, "inf,2,3"], "row 2: time 'inf' is neither ISO 8601 nor epoch seconds"),
    ],
)
def test_a_wrong_file_is_told_with_its_row(rows: list[str], told: str, tmp_path: Path) -> None:
    path = csv_file(tmp_path, *rows)
    with pytest.raises(LoadsError) as caught:
        read_loads(path, ["p1", "t1"])
    assert caught.value.problems == (f"{path}: {told}",)


def test_bytes_that_are_no_text_are_told_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "loads.csv"
    path.write_bytes(b"time,p1,t1\n1,2,3\n2,\xb5,3\n")
    with pytest.raises(LoadsError, match=r"row 3: p1: '\\udcb5' is no number of watts"):
        read_loads(path, ["p1", "t1"])


def test_a_cell_without_an_end_is_told(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD, '1,2,"' + "x" * 200_000)
    with pytest.raises(LoadsError, match="row 2: field larger than field limit"):
        read_loads(path, ["p1", "t1"])


def test_no_more_mistakes_are_told_than_a_person_reads(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD, *(f"{at},x,y" for at in range(50_000)))
    with pytest.raises(LoadsError) as caught:
        read_loads(path, ["p1", "t1"])
    assert len(caught.value.problems) == MISTAKES_MAX


def test_mistakes_far_apart_are_all_told(tmp_path: Path) -> None:
    rows = [f"{at},1,2" for at in range(50_000)]
    rows[5], rows[45_000] = "5,x,2", "45000,1,y"
    path = csv_file(tmp_path, HEAD, *rows)
    with pytest.raises(LoadsError) as caught:
        read_loads(path, ["p1", "t1"])
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["row 7", "row 45002"]


def test_iso_and_epoch_times_are_the_same(tmp_path: Path) -> None:
    epoch = read_loads(csv_file(tmp_path, HEAD, "1772409600,1,", "1772409610.5,,2"), ["p1", "t1"])
    rows = ("2026-03-02T08:00:00+08:00,1,", "2026-03-02T00:00:10.5Z,,2")
    iso = read_loads(csv_file(tmp_path, HEAD, *rows), ["p1", "t1"])
    assert epoch.times_s.tolist() == iso.times_s.tolist() == [1772409600.0, 1772409610.5]
    assert (epoch.epoch, iso.epoch) == (True, False)
    assert math.isnan(iso.watts["t1"][0])
    assert iso.watts["t1"][1] == 2


def test_other_columns_and_other_lines_are_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "\ufefftime, p1 ,t1,t1.pf,t1.u,x", "1,2,3,0.8,,9")
    loads = read_loads(path, ["p1", "t1"], ["x"])
    assert loads.watts["x"].tolist() == [9]
    assert loads.channels["t1"]["pf"].tolist() == [0.8]
    assert np.isnan(loads.channels["t1"]["u"]).all()


CELLS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "12.5", "-3", "1e3", " 7 ", "nan", "inf", "x", "1_0", "１２", "+4", "0x1", "1,5"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=5),
)
TIMES = st.one_of(
    st.integers(0, 50).map(str),
    st.sampled_from(
        ["2026-03-02T08:00:00+08:00", "2026-03-02T08:00:00", "20260302T080000Z", "", "1_0", " 3"]
    ),
)


@settings(deadline=None, max_examples=400)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=3).flatmap(lambda row: TIMES.map(lambda at: [at, *row])))
)
def test_the_quick_reader_gives_what_the_slow_one_gives_or_nothing(rows: list[list[str]]) -> None:
    if not rows:
        return
    layout = Layout(("time", "p1", "t1"), 0)
    quick = read_bulk(rows, layout, -math.inf)
    exact = Exact(layout)
    slow = exact.read(iter(enumerate(rows, 2)), -math.inf)
    if quick is None:
        return
    assert exact.problems == []
    assert quick.times_s.tolist() == slow.times_s.tolist()
    for column, reference in zip(quick.columns, slow.columns, strict=True):
        assert np.array_equal(column, reference, equal_nan=True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1e9, 1e9) | st.none(), st.integers(-(10**9), 10**9)), min_size=1))
def test_ordinary_rows_are_read_quickly(values: list[tuple[float | None, int]]) -> None:
    rows = [[str(10 * at), "" if u is None else repr(u), str(t)] for at, (u, t) in enumerate(values)]
    part = read_bulk(rows, Layout(("time", "p1", "t1"), 0), -math.inf)
    assert part is not None
    assert [None if math.isnan(value) else value for value in part.columns[0].tolist()] == [
        u for u, _ in values
    ]
    assert part.columns[1].tolist() == [t for _, t in values]
