"""Reduction lists as people write them: text and workbooks, and every odd row with its place."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence.curtailment.measures import Measure, decode_list
from provisioning.cli import cli
from provisioning.curtail.catalogue import load_catalogue, parse_catalogue
from provisioning.curtail.list_check import read_list_file
from tests.provisioning.loads.books import book_file

HEAD = (
    "企业名称,网关,绩效等级,生产线,预警级别,减排措施,限产比例（%）,缓降时间（分钟）,治理设施,"
    "豁免基荷（kW）,依据"
)
GOOD = (
    "某铸造厂,gw-1,B级,p1,橙色预警,限产,30,60,t1 t2,12.5,大气污染防治法 第九十六条",
    "某铸造厂,gw-1,B级,p1,红色,停产,,120,t1,,",
    "某涂装厂,gw-2,C,p1;p2,Ⅱ级,停产,,,,,",
)


def write(path: Path, rows: Sequence[str], head: str = HEAD, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join((head, *rows)) + "\n", encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_of_a_bureau_becomes_one_order_a_gateway(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path / "2026-Q4.csv", GOOD, encoding=encoding)
    found = read_list_file(file, "", "", "")
    assert not found.problems
    one = found.lists["gw-1"]
    assert (one.edition, one.grade, one.law) == ("2026-Q4", "B", ("大气污染防治法 第九十六条",))
    (row,) = one.at("orange")
    assert (row.measure, row.value, row.ramp_s, row.treatment) == (
        Measure.LIMIT_PERCENT,
        300,
        3600,
        ("t1", "t2"),
    )
    assert row.exempt_w == 12_500
    assert found.lists["gw-2"].at("orange")[0].lines == ("p1", "p2")
    assert all(decode_list(listed.to_body()) == listed for listed in found.lists.values())


def test_a_workbook_gives_the_same_as_its_text(tmp_path: Path) -> None:
    text = read_list_file(write(tmp_path / "a.csv", GOOD), "", "e", "")
    rows = [["2026 年应急减排清单"], HEAD.split(","), *(row.split(",") for row in GOOD)]
    book = book_file(tmp_path / "a.xlsx", {"清单": rows})
    assert read_list_file(book, "", "e", "").lists == text.lists


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("厂,gw-1,B,,红色,停产,,,,,", "line 2, line: is empty"),
        ("厂,,B,p1,红色,停产,,,,,", "line 2, gateway: is empty"),
        ("厂,gw-1,B,p1,紫色,停产,,,,,", "line 2, level: no level '紫色'"),
        ("厂,gw-1,E,p1,红色,停产,,,,,", "line 2, grade: no grade 'E'"),
        ("厂,gw-1,B,p1,红色,放假,,,,,", "line 2, measure: no measure '放假'"),
        ("厂,gw-1,B,p1,红色,限产,,,,,", "line 2, reduction (%): the measure limit_percent needs"),
        (
            "厂,gw-1,B,p1,红色,限产,130,,,,",
            "line 2, reduction (%): a reduction of '130' is not from 1 to 100",
        ),
        ("厂,gw-1,B,p1,红色,限产,0.3,,,,", "30 % is 30, not 0.3"),
        ("厂,gw-1,B,p1,红色,限产,三成,,,,", "line 2, reduction (%): '三成' is not a number"),
        ("厂,gw-1,B,p1,红色,限产,nan,,,,", "line 2, reduction (%): 'nan' is not a number"),
        ("厂,gw-1,B,p1,红色,停产,50,,,,", "line 2, reduction (%): the measure stop has no use for"),
        ("厂,gw-1,B,p1,红色,停产,,-5,,,", "line 2, ramp-down (min): '-5' is not a number"),
        ("厂,gw-1,B,p1,红色,停产,,99999,,,", "line 2, ramp-down (min): '99999' is not from 0 to 1440"),
        (f"厂,gw-1,B,{'x' * 70},红色,停产,,,,,", "line 2, line: the name"),
    ],
)
def test_every_odd_row_is_told_with_its_place(tmp_path: Path, row: str, said: str) -> None:
    file = write(tmp_path / "list.csv", [row])
    result = CliRunner().invoke(cli, ["curtail", "list", "check", str(file)])
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_all_mistakes_are_told_at_once_and_doubles_name_the_other_line(tmp_path: Path) -> None:
    rows = (*GOOD, GOOD[0], "厂,gw-1,A,p9,红色,停产,,,,,", "厂,gw-1,B,p8,红色,放假,,,,,")
    file = write(tmp_path / "list.csv", rows)
    found = CliRunner().invoke(cli, ["curtail", "list", "check", str(file)]).output
    assert "line 5, line: line p1 has a row for the level orange already, in line 2" in found
    assert "line 6, grade: one gateway has two grades: B and A" in found
    assert "line 7, measure: no measure" in found


@pytest.mark.parametrize(
    ("cell", "hours"),
    [
        ("22:00-06:00", ((1320, 360),)),
        ("22：00～24:00；0:00-6:30", ((1320, 1440), (0, 390))),
        ("25:00-06:00", None),
        ("6-7", None),
        ("06:00-06:00", None),
    ],
)
def test_hours_are_read_as_people_write_them(
    tmp_path: Path, cell: str, hours: tuple[tuple[int, int], ...] | None
) -> None:
    head = "gateway,line,level,measure,permitted hours"
    found = read_list_file(write(tmp_path / "l.csv", [f"gw-1,p1,red,hours,{cell}"], head), "", "", "")
    assert bool(found.problems) is (hours is None)
    if hours is not None:
        assert found.lists["gw-1"].rows[0].hours == hours


def test_caps_and_baselines_keep_their_units(tmp_path: Path) -> None:
    amounts = "reduction\tcap_kwh_day\tcap_kw\tfeed_t_day\tkwh_per_t\tbaseline_kwh_day"
    head = f"gateway\tline\tlevel\tmeasure\t{amounts}"
    rows = (
        "gw-1\tp1\tred\tcap_kwh_day\t\t1200.5\t\t\t\t",
        "gw-1\tp2\tred\tcap_kw\t\t\t75\t\t\t",
        "gw-1\tp3\tred\tcap_feed\t\t\t\t90\t450\t",
        "gw-1\tp4\tred\tlimit\t33.3%\t\t\t\t\t5400",
    )
    found = read_list_file(write(tmp_path / "l.csv", rows, head), "", "", "")
    assert not found.problems
    p1, p2, p3, p4 = found.lists["gw-1"].rows
    assert (p1.value, p2.value, p3.cap_wh_day) == (1_200_500, 75_000, 40_500_000)
    assert (p4.value, p4.baseline_wh) == (333, 5_400_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no row of headings"),
        ("a,b,c\n1,2,3\n", "no row of headings"),
        (HEAD + "\n", "no rows below"),
        ("line,level,measure\np1,red,stop\n", "add --gateway"),
    ],
)
def test_what_is_no_list_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text, "utf-8")
    result = CliRunner().invoke(cli, ["curtail", "list", "check", str(file)])
    assert result.exit_code in {1, 2}
    assert said in result.output


def test_the_body_that_is_printed_is_the_one_of_the_order(tmp_path: Path) -> None:
    file = write(tmp_path / "list.csv", GOOD)
    result = CliRunner().invoke(cli, ["curtail", "list", "check", "--edition", "e1", "--json", str(file)])
    assert result.exit_code == 0
    bodies = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["gateway"] for one in bodies] == ["gw-1", "gw-2"]
    assert all(one["good"] and one["bytes"] < one["bytes_max"] for one in bodies)
    assert decode_list(bodies[0]["list"]).edition == "e1"


def test_columns_that_nobody_knows_are_told_and_not_used(tmp_path: Path) -> None:
    file = write(tmp_path / "list.csv", [row + ",x" for row in GOOD], HEAD + ",联系人")
    result = CliRunner().invoke(cli, ["curtail", "list", "check", str(file)])
    assert result.exit_code == 0
    assert "'联系人' is not known" in result.output


def test_the_shipped_names_are_whole_and_a_word_with_two_meanings_is_a_mistake() -> None:
    known = load_catalogue()
    assert set(known.measures.values()) == set(Measure)
    assert {"yellow", "orange", "red"} <= set(known.levels.values())
    more = b'[[grade]]\nid="a"\nwords=["a"]\n[[measure]]\nid="stop"\nwords=["a"]\n'
    more += b'[[column]]\nid="l"\nwords=["l"]\n'
    raw = (
        b'edition = "e"\n'
        + more
        + b'[[level]]\nid = "a"\nwords = ["x"]\n[[level]]\nid = "b"\nwords = ["X"]\n'
    )
    with pytest.raises(ValueError, match="X stands for"):
        parse_catalogue(raw)
