"""Recorded loads as people export them: read exactly, with a line for what was assumed, or refused."""

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.loads.loads import Loads, LoadsError, NoteKind, QuestionError
from provisioning.loads.reader import read_loads
from provisioning.loads.rows import MISTAKES_MAX
from provisioning.loads.settings import ReadSettings, WantedLine

P1 = WantedLine("p1", "production", 60_000, "电镀线")
T1 = WantedLine("t1", "treatment", 22_000, "酸雾塔")
LINES = (P1, T1)
BEGIN = dt.datetime(2026, 3, 2)  # noqa: DTZ001 - a plant's own clock
CHINA_S: Final = 8 * 3600
HEAD = "time,p1,t1"


def begin_s(zone_s: int = CHINA_S) -> float:
    return BEGIN.replace(tzinfo=dt.UTC).timestamp() - zone_s


def samples(count: int = 600, step_s: int = 60) -> list[tuple[dt.datetime, float, float]]:
    rows = []
    for at in range(count):
        on = at // 50 % 2
        moment = BEGIN + dt.timedelta(seconds=at * step_s)
        rows.append((moment, 45_000.5 + at if on else 400.25, 18_000.0 + at / 10 if on else 150.0))
    return rows


def write(folder: Path, data: str | bytes, name: str = "loads.csv") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def table(
    rows: list[tuple[dt.datetime, float, float]],
    *,
    head: str = HEAD,
    sep: str = ",",
    stamp: Callable[[dt.datetime], str] = lambda at: f"{at.isoformat()}+08:00",
    number: Callable[[float], str] = repr,
    end: str = "\n",
) -> str:
    lines = [head.replace(",", sep)]
    lines += [sep.join((stamp(at), number(u), number(t))) for at, u, t in rows]
    return end.join(lines) + end


def read(path: Path, **given: Any) -> Loads:
    return read_loads(path, LINES, ReadSettings(**given))


def told(loads: Loads, *kinds: NoteKind) -> list[str]:
    return [note.words.en for note in loads.notes if not kinds or note.kind in kinds]


def assumed(loads: Loads) -> list[str]:
    return told(loads, NoteKind.ASSUMED)


def are(loads: Loads, rows: list[tuple[dt.datetime, float, float]]) -> None:
    """What was read is what was written."""
    assert loads.times_s.tolist() == [at.replace(tzinfo=dt.UTC).timestamp() - CHINA_S for at, _, _ in rows]
    assert np.allclose(loads.watts["p1"], [u for _, u, _ in rows], rtol=1e-14)
    assert np.allclose(loads.watts["t1"], [t for _, _, t in rows], rtol=1e-14)


ZONE = "times have no zone: read as the site's +08:00 (or add --zone)"
ROWS = samples()


def comma(value: float) -> str:
    return repr(value).replace(".", ",")


def german(value: float) -> str:
    return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def french(value: float) -> str:
    return f"{value:,.2f}".replace(",", " ").replace(".", ",")


def wide(value: float) -> str:
    return repr(value).translate(str.maketrans("0123456789.", "０１２３４５６７８９．"))


def chinese(at: dt.datetime) -> str:
    return f"{at:%Y年%m月%d日 %H时%M分%S秒}"


def chinese_half(at: dt.datetime) -> str:
    return f"{at:%Y/%m/%d} {'下午' if at.hour > 11 else '上午'} {at:%I:%M:%S}"


def milliseconds(at: dt.datetime) -> str:
    return str(int((at.replace(tzinfo=dt.UTC).timestamp() - CHINA_S) * 1000))


def kilo(value: float) -> str:
    return f"{value / 1000:.8g}"


def slashed(at: dt.datetime) -> str:
    return f"{at.year}/{at.month}/{at.day} {at.hour}:{at.minute:02d}"


def excel(at: dt.datetime) -> str:
    return repr((at - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1))  # noqa: DTZ001


TOTALS: Final = (
    table(ROWS[:300]) + "小计,123,456\n" + table(ROWS[300:]).partition("\n")[2] + "合计,123,456\n平均值,1,2\n"
)
DIALECTS: Final[list[tuple[str, str | bytes, list[str]]]] = [
    ("as documented", table(ROWS), []),
    ("byte order mark", b"\xef\xbb\xbf" + table(ROWS).encode(), []),
    ("CRLF", table(ROWS, end="\r\n"), []),
    ("CR alone", table(ROWS, end="\r"), []),
    ("semicolons", table(ROWS, sep=";"), []),
    ("decimal comma", table(ROWS, sep=";", number=comma), []),
    ("decimal comma, points between thousands", table(ROWS, sep=";", number=german), []),
    ("decimal comma, blanks", table(ROWS, sep=";", number=french), []),
    ("tabs", table(ROWS, sep="\t"), []),
    ("UTF-16 with a mark", table(ROWS, sep="\t").encode("utf-16"), []),
    ("UTF-16 big end first", b"\xfe\xff" + table(ROWS).encode("utf-16-be"), []),
    ("UTF-16 without a mark", table(ROWS).encode("utf-16-le"), []),
    ("UTF-16 big end first without a mark", table(ROWS).encode("utf-16-be"), []),
    ("GBK", table(ROWS, head="时间,电镀线功率(W),酸雾塔功率(W)").encode("gbk"), []),
    ("GB18030", table(ROWS, head="时间,电镀线功率(W)㐀,t1").encode("gb18030"), None),  # type: ignore[list-item]
    ("quoted thousands", table(ROWS, number=lambda x: f'"{x:,.2f}"'), []),
    ("apostrophes", table(ROWS, number=lambda x: f"{x:,.2f}".replace(",", "'")), []),
    ("full-width digits", table(ROWS, number=wide), []),
    ("Excel's date", table(ROWS, stamp=slashed), [ZONE]),
    ("local time", table(ROWS, stamp=lambda at: at.isoformat(" ")), [ZONE]),
    ("Chinese date", table(ROWS, stamp=chinese), [ZONE]),
    ("compact", table(ROWS, stamp=lambda at: f"{at:%Y%m%d%H%M%S}"), [ZONE]),
    ("points in dates", table(ROWS, stamp=lambda at: f"{at:%Y.%m.%d %H:%M:%S}"), [ZONE]),
    ("named month", table(ROWS, stamp=lambda at: f"{at:%d-%b-%Y %H:%M:%S}"), [ZONE]),
    ("half days", table(ROWS, stamp=lambda at: f"{at:%Y-%m-%d %I:%M:%S %p}"), [ZONE]),
    ("Chinese half days", table(ROWS, stamp=chinese_half), [ZONE]),
    ("Excel days", table(ROWS, stamp=excel), [ZONE]),
    ("epoch milliseconds", table(ROWS, stamp=milliseconds), []),
    ("kW in names", table(ROWS, head="时间,p1(kW),t1_kW", number=kilo), []),
    ("units below the names", table(ROWS, head="time,p1,t1\n,kW,千瓦", number=kilo), []),
    ("a title and remarks", "# export of 2026\n电镀厂日报表,,\n\n" + table(ROWS), []),
    ("sep= of Excel", "sep=;\n" + table(ROWS, sep=";"), []),
    ("remarks between", table(ROWS[:100]) + "# restart\n\n" + table(ROWS[100:]), []),
    ("totals", TOTALS, []),
    ("newest first", table(ROWS[::-1]), []),
    ("doubled", table(ROWS[:50] + ROWS[49:]), []),
    ("more cells, all empty", table(ROWS).replace("\n", ",,\n"), []),
]  # fmt: skip


@pytest.mark.parametrize(("data", "wanted"), [one[1:] for one in DIALECTS], ids=[one[0] for one in DIALECTS])
def test_every_dialect_is_read_exactly(data: str | bytes, wanted: list[str] | None, tmp_path: Path) -> None:
    if wanted is None:
        loads = read(write(tmp_path, data), columns={"p1": "2"})
    else:
        loads = read(write(tmp_path, data))
        assert assumed(loads) == wanted
    are(loads, ROWS)


def test_a_file_as_documented_says_nothing(tmp_path: Path) -> None:
    assert told(read(write(tmp_path, table(ROWS)))) == []


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (
            ["when,p1,t1", "soon,2,3"],
            (
                "{path}: no column holds times like 2026-03-02 08:00:00 below a line of names; "
                "it begins: 'when,p1,t1'"
            ),
        ),
        ([HEAD], "{path}: no column holds times"),
        (["time,a,b", "1,2,3"], "{path}: no column for line p1; columns: a, b; add --column p1=NAME"),
        (["time,p1", "1,2"], "{path}: no column for line t1; columns: ; add --column t1=NAME"),
        (["time,p1,t1,p1", "1,2,3,4"], "{path}: two columns are called 'p1'; rename one"),
        (["1772409600,2,3", "1772409610,2,3"], "{path}: no column holds times"),
        (
            ["2026-03-02 08:00:00,2,3"],
            (
                "{path}: line 1 is data already, without names of the columns; put a line "
                "before it: time,p1,t1"
            ),
        ),
        (
            [HEAD, "1,2,3", "2,2,3,4"],
            (
                "{path}: line 3: 4 cells, but 3 columns; if its numbers hold commas, export it "
                "with semicolons or tabs"
            ),
        ),
        ([HEAD, "1,2,3", "2,12x,3"], "{path}: line 3, column 2 (p1): '12x' is no number"),
        ([HEAD, "1,2,1_000"], "{path}: line 2, column 3 (t1): '1_000' is no number"),
        ([HEAD, "1,2,1e999"], "{path}: line 2, column 3 (t1): '1e999' is no number"),
        (
            ["time,p1,t1", "26/3/2 8:00,2,3"],
            (
                "{path}: line 2: '26/3/2 8:00' has a year of two digits; in Excel, format "
                "the column as yyyy-mm-dd hh:mm:ss and export it again"
            ),
        ),
        (
            [HEAD, "13/02/2026 8:00,2,3", "02/13/2026 8:00,2,3"],
            (
                "{path}: line 2 has the day first ('13/02/2026'), line "
                "3 the month ('02/13/2026'); export it with one form of dates"
            ),
        ),
        (
            [HEAD, "1,2.5,3", '2,"3,5",3'],
            (
                "{path}: numbers are written in two ways: '2.5' has a decimal point, '3,5' a "
                "decimal comma; export it with one"
            ),
        ),
        (
            [HEAD, *(f"{at},2,3" for at in (1, 50, 2, 51, 3, 52, 4, 53))],
            (
                "{path}: from line 4 on times go back too "
                "often; sort the table by its time in Excel and export it again"
            ),
        ),
        (
            ["time,p1(kW),t1", "1,45000,3", "2,45000,3"],
            (
                "{path}: line p1: column 'p1(kW)' goes up to 45000 kW, 750 "
                "times its nameplate of 60 kW; add --unit p1=UNIT, or correct rated_w in the site file"
            ),
        ),
        ([HEAD, "1,--,3", "2,--,3"], "{path}: line p1: column 'p1' holds no number"),
    ],
)
def test_a_wrong_file_is_refused_with_what_where_and_what_to_do(
    rows: list[str], wanted: str, tmp_path: Path
) -> None:
    path = write(tmp_path, "\n".join(rows) + "\n")
    with pytest.raises(LoadsError) as caught:
        read(path)
    assert caught.value.problems[0].startswith(wanted.format(path=path)), caught.value.problems
    assert all("\n" not in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (
            b"\xd0\xcf\x11\xe0 old Excel",
            "is neither a CSV file nor an .xlsx workbook; open it in Excel, File > Save As",
        ),
        (b"<html><table><tr><td>1</td></tr></table>", "is neither a CSV file nor an .xlsx workbook"),
        (b"PK\x03\x04 no archive", "is a damaged workbook"),
        (b"", "has no rows"),
        (b"\n\n", "has no rows"),
        (b"time,p1,t1\n1,2,3\n2,\xb5,3\n", "line 3 is neither UTF-8, UTF-16 nor GBK; save it in Excel as"),
    ],
)
def test_what_is_no_table_is_refused_with_the_way_to_one(data: bytes, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(LoadsError, match=wanted.replace(".", r"\.")):
        read(write(tmp_path, data))


@pytest.mark.parametrize(
    ("rows", "option", "choices"),
    [
        (
            ["time,p1,t1", "02/03/2026 8:00,2.5,3", "02/03/2026 8:01,2,3"],
            "--dates",
            ["day-first", "month-first"],
        ),
        (["time;p1;t1", "1772409600;45,123;3", "1772409660;46,200;3"], "--decimal", ["point", "comma"]),
        (["time;p1;t1", "1772409600;45.123;3", "1772409660;46.200;3"], "--decimal", ["point", "comma"]),
        (["time,1#功率(kW),2#功率(kW)", "1772409600,45.5,3"], "--column", ["p1=1#功率(kW)", "p1=2#功率(kW)"]),
        ([HEAD, "60,45,18000", "120,0.5,150"], "--unit", ["p1=W", "p1=kW"]),
        ([HEAD, "900,45,18", "1800,0.5,0.1"], "--unit", ["p1=kW", "p1=kWh"]),
        (["time,p1电量,t1", "900,45,18000", "1800,0.5,100"], "--unit", ["p1=Wh", "p1=kWh"]),
        (["time,p1(Wh),t1", "900,10,18000", "1800,0.5,100"], "--unit", ["p1=Wh", "p1=kWh"]),
    ],
)
def test_what_has_two_readings_is_asked_for(
    rows: list[str], option: str, choices: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path, "\n".join(rows) + "\n")
    with pytest.raises(QuestionError) as caught:
        read(path)
    assert caught.value.option == option
    assert [value for value, _ in caught.value.choices] == choices
    assert f"add {option} {choices[0]}" in caught.value.problems[0]


def test_a_person_says_what_a_date_a_sign_a_column_and_a_unit_mean(tmp_path: Path) -> None:
    days = write(tmp_path, "time,p1,t1\n02/03/2026 8:00,2.5,3\n02/03/2026 8:01,2,3\n")
    assert read(days, dates="day-first").times_s[0] == begin_s() + 8 * 3600
    assert read(days, dates="month-first").times_s[0] == begin_s() + 8 * 3600 - 27 * 86_400
    signs = write(tmp_path, "time;p1;t1\n1772409600;45,123;3\n1772409660;46,200;3\n")
    assert read(signs, decimal="comma", units={"": "kW"}).watts["p1"][0] == 45_123
    assert read(signs, decimal="point", units={"": "W"}).watts["p1"][0] == 45_123
    names = write(tmp_path, "time,1#功率(kW),2#功率(kW)\n1772409600,45.5,3\n")
    assert read(names, columns={"p1": "2#功率(kW)", "t1": "2"}).watts["p1"].tolist() == [3000]


def test_days_that_follow_each_other_say_which_number_is_the_day(tmp_path: Path) -> None:
    rows = samples(3000)
    for form, seen in (("%d/%m/%Y %H:%M:%S", "the day first"), ("%m/%d/%Y %H:%M:%S", "the month first")):
        loads = read(write(tmp_path, table(rows, stamp=lambda at, form=form: at.strftime(form))))  # type: ignore[misc]
        are(loads, rows)
        assert assumed(loads)[0] == f"dates have {seen} (else each day is weeks from the next)"


def test_kilowatts_without_a_unit_are_told_from_the_nameplates(tmp_path: Path) -> None:
    loads = read(write(tmp_path, table(ROWS, number=lambda x: f"{x / 1000:.8g}")))
    are(loads, ROWS)
    assert assumed(loads) == [
        "column 'p1' (line p1) is read in kW: it goes up to 45.5989, the nameplate says 60 kW",
        "column 't1' (line t1) is read in kW: it goes up to 18.0598, the nameplate says 22 kW",
    ]


def test_energy_of_each_quarter_is_its_mean_power(tmp_path: Path) -> None:
    rows = samples(200, 900)
    loads = read(write(tmp_path, table(rows, head="time,p1(kWh),t1(kWh)", number=lambda x: repr(x / 4000))))
    assert np.allclose(loads.watts["p1"], [u for _, u, _ in rows])
    assert loads.interval_s == 900
    assert "data of every 15 min show levels only" in told(loads, NoteKind.UNSEEN)[0]


def test_a_counter_of_energy_gives_the_power_of_each_rise(tmp_path: Path) -> None:
    lines = [f"{1_772_409_600 + 60 * at},{1000 + at * 0.5},{30 + at * 0.1}" for at in range(50)]
    loads = read(write(tmp_path, "time,p1正向有功总电能(kWh),t1 kWh\n" + "\n".join(lines) + "\n"))
    assert math.isnan(loads.watts["p1"][0])
    assert np.allclose(loads.watts["p1"][1:], 30_000)
    assert [one for one in assumed(loads) if "is a counter of energy" in one]


@pytest.mark.parametrize("mark", ["--", "", "NaN", "#N/A", "坏", "N/A", "null", "-", "#DIV/0!", "—", "BAD"])
def test_marks_of_missing_values_are_missing(mark: str, tmp_path: Path) -> None:
    rows = [f"{at},{mark if at % 7 == 3 else 45_000},18000.5" for at in range(100)]
    loads = read(write(tmp_path, "\n".join([HEAD, *rows]) + "\n"))
    assert np.flatnonzero(np.isnan(loads.watts["p1"])).tolist() == []  # 10 s slots have a value each
    slow = read(
        write(
            tmp_path,
            "\n".join([HEAD, *(f"{60 * at},{row.partition(',')[2]}" for at, row in enumerate(rows))]) + "\n",
        )
    )
    assert np.flatnonzero(np.isnan(slow.watts["p1"])).tolist() == [at for at in range(100) if at % 7 == 3]
    assert assumed(slow) == []


def test_other_words_are_counted_and_agreed_to(tmp_path: Path) -> None:
    rows = [f"{60 * at},{'通讯故障' if at == 5 else 45_000},18000.5" for at in range(100)]
    loads = read(write(tmp_path, "\n".join([HEAD, *rows]) + "\n"))
    assert assumed(loads) == ["cells taken for missing: '通讯故障' (1)"]


def test_minus_one_is_missing_where_nothing_else_is_negative(tmp_path: Path) -> None:
    rows = [f"{60 * at},{-1 if at in (3, 4) else 45_000},18000.5" for at in range(100)]
    loads = read(write(tmp_path, "\n".join([HEAD, *rows]) + "\n"))
    assert np.flatnonzero(np.isnan(loads.watts["p1"])).tolist() == [3, 4]
    assert assumed(loads) == ["column 'p1': -1 (2 cells, its only negative value) is taken for missing"]
    rows[7] = "420,-250,18000.5"
    reversed_ct = read(write(tmp_path, "\n".join([HEAD, *rows]) + "\n"))
    assert reversed_ct.watts["p1"][3] == -1


def test_a_midnight_that_ends_its_day_is_moved(tmp_path: Path) -> None:
    rows = [(at + dt.timedelta(minutes=15), u, t) for at, u, t in samples(400, 900)]

    def stamp(at: dt.datetime) -> str:
        day = at - dt.timedelta(days=1) if (at.hour, at.minute) == (0, 0) else at
        return f"{day:%d/%m/%Y} {at:%H:%M}"

    loads = read(write(tmp_path, table(rows, stamp=stamp)), dates="day-first")
    are(loads, [(at - dt.timedelta(minutes=15), u, t) for at, u, t in rows])
    assert assumed(loads) == [
        "4 midnights carry the date of the day that they end: moved to the next day's 00:00", ZONE,
        "each value stands for the 15 min before its time",
    ]  # fmt: skip


def test_of_a_clock_set_back_the_second_hour_is_left_out(tmp_path: Path) -> None:
    late = [(at - dt.timedelta(hours=1), u, t) for at, u, t in ROWS[300:330]]
    loads = read(write(tmp_path, table(ROWS[:300] + late + ROWS[330:])))
    are(loads, ROWS[:300] + ROWS[330:])
    assert assumed(loads) == [
        (
            "the clock goes back by 59 min in line 302: 30 rows left out (if summer time ends there, add "
            "--zone NAME)"
        )
    ]


def test_a_stray_time_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    stray = [*ROWS[:200], (ROWS[200][0].replace(year=2030), 1.0, 1.0), *ROWS[200:]]
    are(read(write(tmp_path, table(stray))), ROWS)


def test_the_end_of_summer_time_is_told_by_the_name_of_the_zone(tmp_path: Path) -> None:
    begin = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)
    moments = [begin + dt.timedelta(minutes=10 * at) for at in range(48)]
    local = [at + dt.timedelta(hours=2 if at < begin.replace(day=25, hour=1) else 1) for at in moments]
    rows = [f"{at:%Y-%m-%d %H:%M:%S},45000.5,18000" for at in local]
    loads = read(write(tmp_path, "\n".join([HEAD, *rows]) + "\n"), zone="Europe/Berlin")
    assert loads.times_s.tolist() == [at.timestamp() for at in moments]


@pytest.mark.parametrize("lost", [1, 2, 5, 9, 20])
def test_a_last_line_without_an_end_is_left_out(lost: int, tmp_path: Path) -> None:
    loads = read(write(tmp_path, table(ROWS)[:-lost]))
    are(loads, ROWS[:-1])
    assert told(loads) == ["the last line (601) has no end"]


def test_date_and_clock_may_stand_apart(tmp_path: Path) -> None:
    rows = [f"{at:%Y-%m-%d},{at:%H:%M:%S},{u},{t},正常" for at, u, t in ROWS]
    loads = read(write(tmp_path, "\n".join(["日期,时间,p1,t1,备注", *rows]) + "\n"))
    are(loads, ROWS)
    assert told(loads, NoteKind.LEFT_OUT) == ["columns not used: 备注"]


def test_names_in_two_rows_belong_together(tmp_path: Path) -> None:
    rows = [f"{at:%Y-%m-%d %H:%M:%S},{u},1,{t},2" for at, u, t in ROWS]
    head = [",电镀线,,酸雾塔,", "时间,P总(W),Ia(A),P总(W),Ia(A)"]
    are(read(write(tmp_path, "\n".join([*head, *rows]) + "\n")), ROWS)


def test_the_only_column_of_power_is_the_only_production_line(tmp_path: Path) -> None:
    rows = [f"{60 * at},{45 + at / 7:.2f},0.9,正常" for at in range(100)]
    path = write(tmp_path, "\n".join(["time,P总(kW),功率因数,状态", *rows]) + "\n")
    loads = read(path, needs_all=False)
    assert loads.watts["p1"][0] == 45_000
    assert np.isnan(loads.watts["t1"]).all()
    assert loads.absent == ("t1",)
    assert assumed(loads) == [
        "column 'P总(kW)' is taken for line p1: the only column of power or energy",
        "the file has no column for line t1: nothing is known of it, and treatment is not judged by it",
    ]


def test_other_channels_are_read_by_their_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "time,p1,t1,t1.pf,t1.u,p1功率因数(%)\n60,45000,18000.5,0.8,,85\n120,45000,18000,0.9,230,91\n",
    )
    loads = read(path)
    assert loads.channels["t1"]["pf"].tolist() == [0.8, 0.9]
    assert math.isnan(loads.channels["t1"]["u"][0])
    assert loads.channels["p1"]["pf"].tolist() == [0.85, 0.91]
    assert assumed(loads) == ["column 'p1功率因数(%)' is in percent"]


def test_of_samples_within_a_slot_the_latest_counts(tmp_path: Path) -> None:
    rows = [f"{1_772_409_600 + at},{1000 + at},{'' if at % 10 == 9 else 2000 + at}" for at in range(60)]
    loads = read(write(tmp_path, "\n".join([HEAD, *rows]) + "\n"), units={"": "W"})
    assert loads.watts["p1"].tolist() == [1009, 1019, 1029, 1039, 1049, 1059]
    assert loads.watts["t1"].tolist() == [2008, 2018, 2028, 2038, 2048, 2058]


def test_no_more_mistakes_are_told_than_a_person_reads(tmp_path: Path) -> None:
    path = write(tmp_path, "\n".join([HEAD, *(f"{at},4x,5y" for at in range(50_000))]) + "\n")
    with pytest.raises(LoadsError) as caught:
        read(path)
    assert len(caught.value.problems) == MISTAKES_MAX


STAMPS: Final[list[Callable[[dt.datetime], str]]] = [
    lambda at: f"{at.isoformat()}+08:00",
    lambda at: at.isoformat(" "),
    lambda at: f"{at.year}/{at.month}/{at.day} {at.hour}:{at.minute:02d}:{at.second:02d}",
    lambda at: f"{at:%d.%m.%Y %H:%M:%S}",
    lambda at: f"{at:%m/%d/%Y %H:%M:%S}",
    lambda at: str(int(at.replace(tzinfo=dt.UTC).timestamp()) - CHINA_S),
]
PLACES: Final[dict[str, Callable[[float, int], str]]] = {
    "point": lambda x, n: f"{x:.{n}f}",
    "comma": lambda x, n: f"{x:.{n}f}".replace(".", ","),
    "thousands, point": lambda x, n: f"{x:,.{n}f}",
    "thousands, comma": lambda x, n: f"{x:,.{n}f}".replace(",", "_").replace(".", ",").replace("_", "."),
}


@settings(deadline=None, max_examples=150)
@given(
    values=st.lists(st.integers(0, 60_000_000), min_size=3, max_size=30),
    day=st.integers(0, 27),
    step_s=st.sampled_from([10, 30, 60, 7200 // 24, 86_400 // 5]),
    stamp=st.sampled_from(STAMPS),
    style=st.sampled_from(sorted(PLACES)),
    places=st.integers(0, 4),
    sep=st.sampled_from([",", ";", "\t"]),
    unit=st.sampled_from(["", "W", "kW", "hidden kW"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)
def test_a_table_in_any_dialect_is_read_back_or_refused_and_never_read_wrong(
    values: list[int], day: int, step_s: int, stamp: Callable[[dt.datetime], str], style: str, places: int,
    sep: str, unit: str, encoding: str, tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    milliwatts = [0, 45_000_000, *values]
    factor = 1000 if "kW" in unit else 1
    written = [PLACES[style](x / 1000 / factor, places) for x in milliwatts]
    moments = [BEGIN + dt.timedelta(days=day, seconds=step_s * at) for at in range(len(written))]
    cells = [f'"{one}"' if sep == "," and "," in one else one for one in written]
    head = sep.join(("time", f"p1({unit})" if unit in {"W", "kW"} else "p1", "t1(W)"))
    rows = [sep.join((stamp(at), cell, "7")) for at, cell in zip(moments, cells, strict=True)]
    path = tmp_path_factory.mktemp("dialect") / "loads.csv"
    path.write_bytes("\n".join([head, *rows, ""]).encode(encoding))
    try:
        loads = read(path)
    except LoadsError:
        return
    wanted = [float(f"{x / 1000 / factor:.{places}f}") * factor for x in milliwatts]
    shift = loads.interval_s if any("before its time" in one for one in assumed(loads)) else 0.0
    times = [at.replace(tzinfo=dt.UTC).timestamp() - CHINA_S - shift for at in moments]
    assert loads.times_s.tolist() == times
    assert np.allclose(loads.watts["p1"], wanted, rtol=1e-12)
