"""Somebody at the keyboard: in Chinese and English, ends with ctrl-C at any prompt and goes on there."""

from pathlib import Path

import pytest
from attrs import evolve

from provisioning.setup_journal import JOURNAL_NAME, save_journal
from tests.setup.keyboard import Keyboard
from tests.setup.plants import AT, begun, journal_up_to, kept

PROMPTS = [
    ("find", "Buses: "),
    ("lines", "Id of this gateway [g1]: "),
    ("wiring", "Is a clamp meter at hand?"),
    ("thresholds", "else the line to change, like p1 [ok]: "),
    ("photos", "Path of a photo"),
    ("enrol", "or name a file: @PATH"),
    ("commission", "Hours of the commissioning period [72]: "),
]


@pytest.mark.parametrize(("step", "prompt"), PROMPTS)
def test_ctrl_c_at_a_prompt_says_how_to_go_on_and_the_next_call_asks_the_same(
    tmp_path: Path, step: str, prompt: str
) -> None:
    folder = begun(tmp_path / "f", step)
    journal = kept(folder)
    site = evolve(journal.site, gateway="g1")
    save_journal(folder / JOURNAL_NAME, evolve(journal, site=site))
    for _ in range(2):
        with Keyboard("setup", "--folder", str(folder)) as keyboard:
            keyboard.until(prompt)
            keyboard.interrupt()
            assert keyboard.ended() == 130
            last = keyboard.screen.rstrip().splitlines()[-1]
            assert last == f"dianjian: kept; go on with: dianjian setup --folder {folder}"
    assert kept(folder).steps == journal.steps


def test_each_answer_is_kept_at_once_and_offered_the_next_time(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "lines")
    with Keyboard("--lang", "zh", "setup", "--folder", str(folder), language="en_US.UTF-8") as keyboard:
        keyboard.answer("网关编号", "两个 词")
        keyboard.until("须由字母、数字、- 和 _ 组成")
        keyboard.answer("网关编号", "jn-0001")
        keyboard.answer("厂区名称", "电镀厂\x7f\x7f场")  # what is erased is a character, not a byte
        keyboard.answer("企业名称", "某某电镀有限公司")
        keyboard.until("统一社会信用代码")
        keyboard.stop()
    assert kept(folder).site.enterprise == "某某电镀有限公司"
    assert kept(folder).language == "zh"
    with Keyboard("setup", "--folder", str(folder), language="C") as keyboard:
        keyboard.until("网关编号 [jn-0001]: ")  # the language of the journal, whatever the terminal's is
        keyboard.type()
        keyboard.until("厂区名称 [电场]: ")
        keyboard.interrupt()
        assert keyboard.ended() == 130


def test_lines_are_named_one_by_one_and_changed_and_linked(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "lines")
    with Keyboard("setup", "lines", "--folder", str(folder)) as keyboard:
        for question in ("Id of this gateway", "Name of the site", "Enterprise", "credit code", "Address"):
            keyboard.answer(question)
        keyboard.answer("Your name", "Li")
        keyboard.answer("Name of the next line")
        keyboard.until("an answer is needed")
        keyboard.answer("Name of the next line", "plating")
        keyboard.answer("plating is [1]")
        keyboard.answer("nameplate of plating", "much")
        keyboard.until("must be a number from")
        keyboard.answer("nameplate of plating", "60,5")
        keyboard.answer("Equipment")
        keyboard.answer("Meters that measure plating [m1]", "m9")
        keyboard.until("no meter 'm9'; known: m1, m2")
        keyboard.answer("Meters that measure plating [m1]")
        keyboard.answer("Name of the next line", "exhaust fan")
        keyboard.answer("exhaust fan is [2]")
        keyboard.answer("nameplate of exhaust fan", "22")
        keyboard.answer("Equipment", "Siemens 1LE1")
        keyboard.answer("Meters that measure exhaust fan [m2]")
        keyboard.answer("Name of the next line [ok]", "p1")
        keyboard.answer("Remove p1? [no]")
        keyboard.answer("Name [plating]", "electroplating")
        for question in ("electroplating is [1]", "electroplating, in kW [60.5]", "Equipment"):
            keyboard.answer(question)
        keyboard.answer("Meters that measure electroplating [m1]")
        keyboard.answer("Name of the next line [ok]")
        keyboard.answer("Ratio of the current transformers of meter m2", "40")
        keyboard.answer("treats what these production lines emit (- for none) [p1]")
        assert keyboard.ended() == 0
    journal = kept(folder)
    assert journal.technician == "Li"
    assert [(one.id, one.kind, one.name, one.rated_w) for one in journal.lines] == [
        ("p1", "production", "electroplating", 60_500),
        ("t1", "treatment", "exhaust fan", 22_000),
    ]
    assert [(one.line, one.ct_ratio) for one in journal.meters] == [("p1", 1.0), ("t1", 40.0)]
    assert [(one.production, one.treatment) for one in journal.linkages] == [(("p1",), ("t1",))]


def test_the_guided_session_begins_with_what_is_not_done(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "commission")
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.until(f"done before: first receipt ({AT[:16]})")
        keyboard.until("Step 9 of 10: commissioning period")
        keyboard.answer("Hours of the commissioning period", "48")
        keyboard.until("The commissioning period lasts from")
        keyboard.until("Step 10 of 10: acceptance sheet")
        keyboard.interrupt()
        keyboard.ended()
    assert kept(folder).commissioning is not None
    assert "commission" in kept(folder).steps
    assert journal_up_to("commission").commissioning is None
