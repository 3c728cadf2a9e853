"""Every rule, cause and number that an episode can carry has a name in both languages."""

import ast
from pathlib import Path

import pytest

import agent.detect
from agent.detect.channels import Cause
from agent.detect.episode import Rule
from evidence.words import Words
from provisioning.words.numbers import CAUSES, NAMES, RULES, duration, format_value

FOLDER = Path(agent.detect.__file__).parent


def test_every_rule_has_a_name() -> None:
    assert set(RULES) == {rule.value for rule in Rule}


def test_every_cause_has_a_name() -> None:
    assert set(CAUSES) == {cause.value for cause in Cause}


@pytest.mark.parametrize(
    "file", ["findings.py", "line_findings.py", "incomer_findings.py", "repetition.py", "echo.py"]
)
def test_every_number_has_a_name(file: str) -> None:
    tree = ast.parse((FOLDER / file).read_text("utf-8"))
    keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    names = {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    assert names
    assert names - set(NAMES) == set()


@pytest.mark.parametrize(
    ("name", "value", "zh", "en"),
    [
        ("treatment_w", 22_170, "22.17 kW", "22.17 kW"),
        ("value_w", 7, "7 W", "7 W"),
        ("begin_at_s", 0, "1970-01-01 08:00:00", "1970-01-01 08:00:00"),
        ("learned_from_s", 0, "—", "—"),
        ("healthy_at_s", None, "—", "—"),
        ("provisional", True, "是", "yes"),
        ("completeness", 0.979, "97.9 %", "97.9 %"),
        ("deficit_fraction", 1.0, "100 %", "100 %"),
        ("lines_on", ["p1", "p2"], "p1, p2", "p1, p2"),
        ("lines_on", [], "—", "—"),
        ("correlation", -0.07, "-0.07", "-0.07"),
        ("cause", "breaker", "断路器断开", "breaker open"),
        ("channels", {"t1": {"pf": 0.85, "current_a": 31.5}}, "t1: 0.85 PF 31.5 A", "t1: 0.85 PF 31.5 A"),
        ("correlations", [[0, 0.5], [60, None]], "0 → 0.5, 60 → —", "0 → 0.5, 60 → —"),
        ("correlation_undefined", "", "—", "—"),
        (
            "course",
            [["idle", 0], ["off", 600]],
            "1970-01-01 08:00:00 空转 → 1970-01-01 08:10:00 异常关闭",
            "1970-01-01 08:00:00 idle → 1970-01-01 08:10:00 off",
        ),
    ],
)
def test_a_number_is_written_for_people(name: str, value: object, zh: str, en: str) -> None:
    assert format_value(name, value, 8 * 3600) == Words(zh, en)


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0秒", "0 s"),
        (59, "59秒", "59 s"),
        (60, "1分", "1 min"),
        (190, "3分10秒", "3 min 10 s"),
        (3600, "1小时", "1 h"),
        (5400, "1小时30分", "1 h 30 min"),
        (90_000, "1天1小时", "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_two_units(seconds: float, zh: str, en: str) -> None:
    assert duration(seconds) == Words(zh, en)
