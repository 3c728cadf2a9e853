"""What the acceptance sheet says, and that nobody can say something else through it."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.site.file import Site
from evidence.words import Words
from provisioning.acceptance.page import PHOTO_BYTES_MAX, Picture, draw_sheet
from provisioning.acceptance.sheet import write_sheet
from provisioning.acceptance.trial import draw_trial
from provisioning.journal.entries import (
    Journal,
    LineNamed,
    LinkageNamed,
    MeterFound,
    Photo,
    SiteFacts,
    Trial,
    WiringVerdict,
)
from tests.provisioning.acceptance.journals import SITE, png, site, trial, whole

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
TURNED = "\u202etxt.exe"
HEBREW = "\u200f\u05e9\u05dc\u05d5\u05dd"
ALLOWED = {
    "html", "head", "meta", "link", "title", "style", "body", "main", "h1", "h2", "p", "span", "strong",
    "table", "thead", "tbody", "tr", "td", "th", "div", "bdi", "br", "svg", "text", "tspan", "path", "rect",
    "figure", "figcaption", "img",
}  # fmt: skip
VOID = {"meta", "link", "br", "img", "path", "rect"}


class Strict(HTMLParser):
    """Only what the sheet is made of, every tag closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "data", "action"}]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def seen(journal: Journal, made_for: Site | None = None, photos: dict[str, Picture] | None = None) -> str:
    """The text of the sheet, after its markup was checked."""
    parser = Strict()
    parser.feed(draw_sheet(journal, made_for or site(), photos or {}, "0.1.0").decode())
    parser.close()
    assert parser.open == []
    assert all(one.startswith("data:") for one in parser.loads)
    return " ".join(" ".join(parser.texts).split())


def test_a_whole_journal_gives_every_part_in_both_languages() -> None:
    text = seen(whole())
    for part in (
        "某某涂装有限公司", "91320500MA1ABCDE2F", "gw-7", "dianjian-edge 0.1.0", "11" * 32, "22" * 32,
        "33" * 32, "44" * 32, "已回执", "receipted", "55" * 32, "Spray booth 1", "60.00 kW", "SPR-60 / 2019",
        "acrel-adl400n-ct", "202600000001", "A00001, B00001", "40 / 1", "200 A", "接线正常（已纠正）",
        "a mistake was corrected", "L2相电流互感器装反", "swap its S1 and S2", "读数跟随", "switched off",
        "合闸", "按启停试验", "2026-03-16 14:00", "风机检修中", "企业", "installer", "bureau", "signature",
        "sha256sum acceptance.html", "仅按铭牌",
    ):  # fmt: skip
        assert part in text, part


def test_the_same_journal_gives_the_same_bytes() -> None:
    assert draw_sheet(whole(), site(), {}, "0.1.0") == draw_sheet(whole(), site(), {}, "0.1.0")
    changed = evolve(whole(), technician="李工")
    assert draw_sheet(whole(), site(), {}, "0.1.0") != draw_sheet(changed, site(), {}, "0.1.0")


def test_the_time_of_writing_stands_in_the_journal_and_not_on_the_sheet(tmp_path: Path) -> None:
    first = write_sheet(whole(), site(), tmp_path, at="2026-03-02T07:00:00Z", version="0.1.0")
    raw = (tmp_path / "acceptance.html").read_bytes()
    second = write_sheet(whole(), site(), tmp_path, at="2027-01-01T00:00:00Z", version="0.1.0")
    assert (tmp_path / "acceptance.html").read_bytes() == raw
    assert (first.sha256, first.path) == (second.sha256, second.path)
    assert [first.at, second.at] == ["2026-03-02T07:00:00Z", "2027-01-01T00:00:00Z"]


def test_a_mistake_that_was_not_corrected_is_told_first() -> None:
    journal = whole()
    mistake = next(one for one in journal.wiring if one.verdict == "mistake")
    text = seen(evolve(journal, wiring=(*journal.wiring, evolve(mistake, meter="m5"))))
    assert "有未纠正的错误" in text.split("企业与场所")[0]
    assert "to be done: m5" in text.split("企业与场所")[0]


def test_a_meter_on_another_machines_cable_is_told_first() -> None:
    journal = whole()
    astray = trial("p2", "m2", "2026-03-02T04:00:00Z", 42_000.0, follows=False)
    text = seen(evolve(journal, trials=(*journal.trials, astray)))
    assert "to be done: p2" in text.split("企业与场所")[0]
    assert "读数不跟随" in text
    assert "此前另有1次试验" in text


def test_all_is_done_only_when_all_is_done() -> None:
    journal = whole()
    again = trial("t4", "m10", "2026-03-02T05:00:00Z", 15_000.0)
    done = evolve(journal, trials=(*journal.trials, again))
    assert "全部完成" in seen(done)
    for less in (
        evolve(done, receipt=None),
        evolve(done, wiring=done.wiring[:-1]),
        evolve(done, steps={key: at for key, at in done.steps.items() if key != "photos"}),
        journal,
    ):
        assert "尚未全部完成" in seen(less)


def test_the_numbers_of_a_diagnosis_have_their_units() -> None:
    numbers = {
        "active_power": 8906.1, "active_power_l1": 8955.1, "active_power_l2": -8765.5,
        "active_power_l3": 8716.5, "voltage_l1": 232.399, "reactive_power": 5984.9, "load_share": 0.721,
        "angle_l2": 146.1, "clamp_factor": 3.0,
    }  # fmt: skip
    told = seen(
        Journal(
            meters=(MeterFound("m1", "b1", 1),), wiring=(WiringVerdict("m1", "", "good", numbers=numbers),)
        )
    )
    assert (
        "U 232.4 V · P 8.91 = 8.96 / -8.77 / 8.72 kW · Q 5.98 kvar · φ 146.1 ° · P/Pn 72 % · clamp_factor 3"
        in told
    )


def test_an_empty_journal_says_what_is_missing() -> None:
    text = seen(Journal())
    for part in ("尚未全部完成", "尚无回执", "wiring check", "未完成", "not done", "commissioning period"):
        assert part in text
    text = seen(Journal(meters=(MeterFound("m1", "b1", 1),), lines=(LineNamed("p1", "production"),)))
    assert "未检查" in text
    assert "未试验" in text


def test_learned_parameters_are_told_from_those_of_the_nameplate() -> None:
    assert "仅按铭牌" in seen(whole())
    broken = SITE + "[linkage.parameters]\nversion = 99\n"
    assert "参数无法识读" in seen(whole(), site(broken))


def test_a_photo_is_printed_only_if_it_is_the_one_and_small() -> None:
    raw = png()
    digest = next(one.sha256 for one in whole().photos)
    path = "photos/cabinet.png"
    here = draw_sheet(whole(), site(), {path: Picture(len(raw), digest, raw)}, "1").decode()
    assert here.count("<img ") == 1
    for picture, says in (
        (Picture(len(raw), "00" * 32, raw), "not the picture of this hash"),
        (Picture(9_000_000, digest, b""), "not printed (9.0 MB)"),
        (Picture(9, digest, b"<svg></svg>"), "not printed"),
        (None, "the picture is not here"),
    ):
        text = draw_sheet(whole(), site(), {path: picture} if picture else {}, "1").decode()
        assert "<img " not in text
        assert says in text


def test_photos_are_found_in_the_folder_and_large_ones_are_only_hashed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cabinet.png").write_bytes(png())
    large = png() + bytes(PHOTO_BYTES_MAX)
    (tmp_path / "photos/m2.jpg").write_bytes(large)
    write_sheet(whole(), site(), tmp_path, at="", version="1")
    text = (tmp_path / "acceptance.html").read_text("utf-8")
    assert text.count("<img ") == 1
    assert "not the picture of this hash" in text, "the hash of m2.jpg is another one"
    odd = evolve(whole(), photos=(Photo("photos", "00"), Photo("a\0b", "00"), Photo("../../../../etc", "00")))
    write_sheet(odd, site(), tmp_path, at="", version="1")
    assert (tmp_path / "acceptance.html").read_text("utf-8").count("the picture is not here") == 3


@pytest.mark.parametrize(
    "text", [EVIL, TURNED, "长" * 4000, "a\0b\x1b[31m", "\u200f\u05e9\u05dc\u05d5\u05dd", "{{7*7}}"]
)
def test_hostile_texts_stay_texts_in_every_field(text: str) -> None:
    words = Words(text, text)
    journal = Journal(
        technician=text,
        site=SiteFacts(text, text, text, text, text),
        meters=(MeterFound(text, text, None, text, text, text, 0.5, (text,), text, 1.0, 1.0, (text,), None),),
        lines=(LineNamed(text, "production", text, 1, text),),
        linkages=(LinkageNamed(text, (text,), (text,)),),
        wiring=(
            WiringVerdict(text, text, "mistake", text, (text,), 0.5, words, words, {text: 1.0}),
            WiringVerdict(text, text, "undecided", sentence=words),
        ),
        trials=(evolve(trial(text, text, "2026-03-02T01:00:00Z", 500.0), sentence=words),),
        photos=(Photo(text, text, text, text),),
    )
    shown = seen(journal)
    assert "<script" not in draw_sheet(journal, site(), {}, text).decode().lower()
    assert "\0" not in shown
    assert "\x1b" not in shown
    assert "长" * 700 not in shown


def test_a_text_from_the_right_is_isolated_from_what_stands_beside_it() -> None:
    page = draw_sheet(evolve(whole(), technician=TURNED), site(), {}, "1").decode()
    shown = TURNED.encode("unicode_escape").decode()  # as the rim shows it
    assert f"<bdi>{shown}</bdi>" in page


WATTS = st.none() | st.floats(-1e15, 1e15)
TIMES = st.sampled_from(
    ["2026-03-02T01:00:00Z", "", "soon", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
)


@settings(max_examples=60, deadline=None)
@given(
    TIMES,
    st.lists(st.tuples(st.floats(-1e15, 1e15), WATTS), max_size=40),
    st.lists(st.tuples(st.floats(-1e15, 1e15), st.sampled_from(["on", "off"])), max_size=12),
    WATTS,
    st.sampled_from([-50_400, 0, 50_400]),
)
def test_whatever_a_journal_says_of_a_trial_is_drawn_or_left_out(
    at: str,
    samples: list[tuple[float, float | None]],
    switched: list[tuple[float, str]],
    watts: float | None,
    zone: int,
) -> None:
    one = Trial("p1", "m1", at, at, True, watts, watts, tuple(samples), tuple(switched))  # type: ignore[arg-type]
    drawn = draw_trial(one, "production", Words("a", "a"), zone)
    assert drawn == "" or drawn.startswith('<div class="broad"><svg')
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_long_trial_is_drawn_in_few_points() -> None:
    samples = tuple((at_s / 2, 1000.0 + at_s % 7) for at_s in range(100_000))
    one = evolve(trial("p1", "m1", "2026-03-02T01:00:00Z", 1000.0), samples=samples)
    assert len(draw_trial(one, "production", Words("a", "a"), 0)) < 40_000


def test_the_sheet_shows_the_verification_of_meters_and_what_has_ended() -> None:
    journal = whole()
    text = f"""{SITE}
[[bus]]
id = "b9"
url = "tcp://127.0.0.1"
[[meter]]
id = "m9"
bus = "b9"
unit_id = 9
model = "eastron-sdm630"
line = "p1"
verification = "JD-7"
verified_until = 2001-01-31
"""
    page = draw_sheet(journal, site(text), {}, "1.0").decode()
    assert "JD-7" in page
    assert "2001-01-31" in page
    assert "已过期" in page
    later = draw_sheet(journal, site(text.replace("2001", "2101")), {}, "1.0").decode()
    assert "已过期" not in later
    assert "检定" not in draw_sheet(journal, site(), {}, "1.0").decode()
