"""Somebody at the keyboard: in Chinese and English, ends with ctrl-C at any prompt and goes on there."""

from pathlib import Path

import pytest
from attrs import evolve

from provisioning.journal.file import JOURNAL_NAME, save_journal
from tests.provisioning.setup.keyboard import Keyboard
from tests.provisioning.setup.plants import begun, journal_up_to, kept

KEPT = "dianjian: saved; continue with: dianjian setup --folder {folder}"
KEPT_ZH = "dianjian: 已保存。继续：dianjian setup --folder {folder}"
PROMPTS = [
    ("find", "Buses: "),
    ("lines", "Id of this gateway [g1]: "),
    ("enrol", "or give a file: @PATH"),
    ("commission", "only) [no]: "),
]


@pytest.mark.parametrize(("step", "prompt"), PROMPTS)
def test_ctrl_c_at_a_prompt_says_how_to_go_on(tmp_path: Path, step: str, prompt: str) -> None:
    folder = begun(tmp_path / "f", step)
    journal = kept(folder)
    save_journal(folder / JOURNAL_NAME, evolve(journal, site=evolve(journal.site, gateway="g1")))
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.until(prompt)
        interrupted(keyboard, folder)
    assert kept(folder).steps == journal.steps


def interrupted(keyboard: Keyboard, folder: Path, line: str = KEPT) -> None:
    """Press ctrl-C: the last line says how to go on."""
    keyboard.interrupt()
    assert keyboard.ended() == 130
    assert keyboard.screen.rstrip().splitlines()[-1] == line.format(folder=folder)


def test_a_session_that_is_ended_at_every_step_goes_on_at_that_step_each_time(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "wiring")
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.until("the meter does not answer")
        keyboard.until("Is a clamp meter at hand?")
        interrupted(keyboard, folder)
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.answer("Is a clamp meter at hand?")
        for meter in ("m1", "m2"):
            keyboard.until("leave it as it is")
            keyboard.answer(meter, "2")
        keyboard.answer("On/off test of p1 plating", "2")
        keyboard.answer("Reason for no test", "runs through")
        keyboard.until("On/off test of t1 scrubber")
        interrupted(keyboard, folder)
    assert [(one.line, one.skipped) for one in kept(folder).trials] == [("p1", "runs through")]
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.until("p1 plating has been tested and is not tested again")
        keyboard.answer("On/off test of t1 scrubber", "2")
        keyboard.answer("Reason for no test", "night")
        keyboard.answer("else the line to change", "p1")
        keyboard.answer("p1 counts as running from", "7,5")
        keyboard.until("p1 counts as stopped below")
        interrupted(keyboard, folder)
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.answer("else the line to change", "p9")
        keyboard.until("no line 'p9'; known: p1, t1")
        keyboard.answer("else the line to change")
        (folder / "m1.jpg").write_bytes(b"photo")
        keyboard.answer("Path of a photo", "nowhere.jpg")
        keyboard.until("nowhere.jpg: no such file")
        keyboard.answer("Path of a photo", "m1.jpg")
        keyboard.answer("What it shows", "cabinet")
        keyboard.answer("Of which meter", "m1")
        keyboard.answer("Path of a photo")
        keyboard.answer("meter seals of m1", "A1 A2")
        keyboard.until("meter seals of m2")
        interrupted(keyboard, folder)
    assert kept(folder).meters[0].seal_numbers == ("A1", "A2")
    assert [one.path for one in kept(folder).photos] == ["m1.jpg"]
    assert "photos" not in kept(folder).steps


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
        keyboard.answer("Name of the next line", "ok")
        keyboard.until("not yet: every meter needs a line")
        keyboard.answer("Name of the next line", "plating")
        keyboard.answer("plating is [1]")
        keyboard.answer("nameplate of plating", "much")
        keyboard.until("must be a number from")
        keyboard.answer("nameplate of plating", "60,5")
        keyboard.answer("Equipment")
        keyboard.answer("Meters of plating [m1]", "m9")
        keyboard.until("no meter 'm9'; known: m1, m2")
        keyboard.answer("Meters of plating [m1]")
        keyboard.answer("Name of the next line", "exhaust fan")
        keyboard.answer("exhaust fan is [2]")
        keyboard.answer("nameplate of exhaust fan", "22")
        keyboard.answer("Equipment", "Siemens 1LE1")
        keyboard.answer("Meters of exhaust fan [m2]")
        keyboard.answer("Name of the next line [ok]", "p1")
        keyboard.answer("Remove p1? [no]")
        keyboard.answer("Name [plating]", "electroplating")
        for question in ("electroplating is [1]", "electroplating (kW) [60.5]", "Equipment"):
            keyboard.answer(question)
        keyboard.answer("Meters of electroplating [m1]")
        keyboard.answer("Name of the next line [ok]")
        keyboard.answer("CT ratio of meter m2", "5/200")
        keyboard.until("the primary stands first")
        keyboard.answer("CT ratio of meter m2", "200/5")
        keyboard.answer("behind voltage transformers", "yes")
        keyboard.answer("VT ratio of meter m2", "10/0.1 kV")
        keyboard.answer("that t1 exhaust fan treats (- for none) [p1]")
        assert keyboard.ended() == 0
    journal = kept(folder)
    assert journal.technician == "Li"
    assert [(one.id, one.kind, one.name, one.rated_w) for one in journal.lines] == [
        ("p1", "production", "electroplating", 60_500),
        ("t1", "treatment", "exhaust fan", 22_000),
    ]
    assert [(one.line, one.ct_ratio) for one in journal.meters] == [("p1", 1.0), ("t1", 40.0)]
    assert journal.meters[1].pt_ratio == pytest.approx(100)
    assert [(one.production, one.treatment) for one in journal.linkages] == [(("p1",), ("t1",))]


def test_a_wrong_answer_is_told_and_every_question_has_a_way_back(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "lines")
    with Keyboard("setup", "lines", "--folder", str(folder)) as keyboard:
        keyboard.answer("Id of this gateway", "<")
        keyboard.until("this is the first question")
        keyboard.answer("Id of this gateway", "g1")
        keyboard.answer("Name of the site", "wroks")
        keyboard.answer("Enterprise", "＜")
        keyboard.answer("Name of the site [wroks]", "works")
        keyboard.answer("Enterprise")
        for wrong, why in (
            ("9111000060003734", "18 characters with its check character, not 16"),
            ("91110000600037341I", "without I, O, S, V and Z"),
            ("911100006000373411", "a character is mistyped"),
        ):
            keyboard.answer("credit code", wrong)
            keyboard.until(why)
        keyboard.answer("credit code", "９１１１００００ 600037341l")
        keyboard.answer("Address")
        keyboard.answer("Your name")
        keyboard.answer("Name of the next line", "platign")
        keyboard.answer("platign is [1]", "<")
        keyboard.answer("Name of the next line", "plating")
        keyboard.answer("plating is [1]")
        keyboard.answer("nameplate of plating", "600")
        keyboard.answer("Equipment", "<")
        keyboard.answer("nameplate of plating (kW) [600]", "60")
        keyboard.answer("Equipment")
        keyboard.answer("Meters of plating [m1]", "m1、m2")
        keyboard.answer("Name of the next line [ok]")
        keyboard.answer("CT ratio of meter m2", "100 A / 0")
        keyboard.until("is no ratio; type it as on the plate")
        keyboard.answer("CT ratio of meter m2", "１００Ａ／５Ａ")
        keyboard.answer("behind voltage transformers (high voltage, like 10/0.1 kV) [no]")
        keyboard.until("no linkage")
        assert keyboard.ended() == 0
    journal = kept(folder)
    assert (journal.site.name, journal.site.uscc) == ("works", "91110000600037341L")
    assert [(one.name, one.rated_w) for one in journal.lines] == [("plating", 60_000)]
    assert [(one.line, one.ct_ratio) for one in journal.meters] == [("p1", 1.0), ("p1", 20.0)]


def test_who_goes_back_from_the_first_question_of_a_step_comes_to_the_step_before(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "enrol")
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.until("give a file: @PATH")
        keyboard.until("> ")
        keyboard.type("<")
        keyboard.until("Step 8 of 12: platforms (HJ 212)")
        keyboard.answer("Name of a platform", "<")
        keyboard.until("Step 7 of 12: photos and seal numbers")
        keyboard.answer("Path of a photo", "<")
        keyboard.until("Step 6 of 12: thresholds")
        keyboard.answer("else the line to change")
        keyboard.until("already done: photos and seal numbers")
        keyboard.until("> ")
        keyboard.type("<")
        keyboard.answer("Name of a platform", "<")
        keyboard.answer("Path of a photo")
        keyboard.answer("meter seals of m1", "A100231、A100232")
        keyboard.answer("meter seals of m2", "<")
        keyboard.answer("meter seals of m1 (b1:1), separated by blanks (- for none) [A100231 A100232]")
        keyboard.answer("meter seals of m2")
        keyboard.until("give a file: @PATH")
        interrupted(keyboard, folder)
    assert kept(folder).meters[0].seal_numbers == ("A100231", "A100232")


def test_a_bus_that_is_not_there_is_told_once_and_no_meter_of_another_is_called_silent(
    tmp_path: Path,
) -> None:
    folder, port = begun(tmp_path / "f", "lines"), tmp_path / "ttyUSB9"
    with Keyboard("--lang", "zh", "setup", "find", "--folder", str(folder)) as keyboard:
        keyboard.answer("如 /dev/ttyUSB0 tcp://192.168.1.20", "ftp://192.168.1.20")
        keyboard.until("总线地址 'ftp://192.168.1.20'：应为 tcp://host:502")
        keyboard.answer("如 /dev/ttyUSB0 tcp://192.168.1.20", f"　{port}")
        told = keyboard.until(f"请改正地址后再查找；总线 [{port}]: ")
        assert f"{port}：文件或文件夹不存在\n" in told
        assert "这次没有应答" not in told
        interrupted(keyboard, folder, KEPT_ZH)
    assert "find" in kept(folder).steps


def test_the_guided_session_begins_with_what_is_not_done(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "commission")
    with Keyboard("setup", "--folder", str(folder)) as keyboard:
        keyboard.until("already done: first receipt, 2026-03-02 15:30 (+08:00)")
        keyboard.until("Step 11 of 12: commissioning period")
        keyboard.answer("Show the status page on the maintenance interface")
        keyboard.answer("Hours of the commissioning period", "48")
        keyboard.until("The commissioning period is from")
        keyboard.until("Step 12 of 12: acceptance sheet")
        keyboard.interrupt()
        keyboard.ended()
    assert kept(folder).commissioning is not None
    assert "commission" in kept(folder).steps
    assert journal_up_to("commission").commissioning is None
