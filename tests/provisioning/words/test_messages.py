"""What goes wrong is said in Chinese: everything that is raised or reported has its Chinese by its English.

The sources are read (`spoken`), so a new message without its Chinese fails here, unless it is one that no
person reads: those are below, by module.
"""

import importlib
import re
from collections.abc import Iterator
from functools import cache
from string import Formatter
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.main import main as agent
from disk import language
from disk.translation import translate_message
from provisioning.cli import ERRORS
from tests.provisioning.words.spoken import CJK, PACKAGES, all_said, all_texts

ONE_LANGUAGE: Final = (
    "agent/detect/checkpoint.py",  # memories of our own: what is damaged is begun anew, and logged
    "agent/detect/correlation.py",
    "agent/detect/detector.py: not a checkpoint",
    "agent/detect/echo.py",
    "agent/detect/repetition.py",
    "agent/detect/retrospect.py",
    "agent/detect/trace.py",
    "agent/judging/detector_feed.py",
    "agent/store/gateway.py: checkpoint",
    "agent/tamper/",
    "centre/gateway/manifests.py",
    "centre/json_lines.py: the memory",
    "agent/detect/learning/series.py: {} times",  # mistakes of a caller, which no call of a person can make
    "agent/sealing/sealer.py",
    "evidence/body.py: a seal holds 1 record",
    "drivers/clock.py",
    "drivers/dlt645/",
    "drivers/hj212/sm4.py",
    "drivers/link/verdict.py",
    "drivers/points/plan.py",
    "drivers/search/patient.py: unit",
    "evidence/curtailment/quantiles.py",
    "agent/host/certificate_end.py",  # told as "cannot be read"
    "agent/status/bus_desk.py",  # between processes: the status socket, HTTP, MQTT, lines of the centre
    "agent/uplink/renewing.py",
    "centre/gateway/",
    "wire/http/",
    "wire/messages.py",
    "wire/orders.py",
    "disk/tables.py:  (at end",  # what tomllib says
    "disk/database.py: PRAGMA",  # SQL and marks of a format
    "disk/database.py: SELECT",
    "provisioning/centre/archive.py: SELECT",
    "provisioning/centre/backup.py: SELECT",
    "evidence/pack/content.py: dianjian",
    "evidence/pack/export.py: dianjian",
    "evidence/pack/export.py: statement after",
    "provisioning/live/page/tables.py",  # keys of catalogues
    "provisioning/loads/",
    "provisioning/centre/order_board.py: sent only",
    "provisioning/centre/options.py: no ",
    "provisioning/curtail/list_file.py: empty cell",
    "provisioning/words/tamper.py: no number",
    "provisioning/setup/session.py: {}: cannot be set",
)
"""Where a message is in English alone, and why; with `: text` only those that begin so."""
FOREIGN: Final = re.compile(r"[a-z]+ [a-z]+ [a-z]+")


@pytest.fixture(autouse=True)
def chosen() -> Iterator[None]:
    before = list(language._chosen)
    language.choose_language("zh")
    yield
    language._chosen[:] = before


@cache
def catalogue() -> dict[str, str]:
    return {key: text for name in ERRORS for key, text in importlib.import_module(name).TEXTS.items()}


def is_left_out(text: str, places: list[str]) -> bool:
    return all(
        any(place.startswith(where) and text.startswith(begins) for where, begins in left_out())
        for place in places
    )


@cache
def left_out() -> tuple[tuple[str, str], ...]:
    split = (one.partition(": ") for one in ONE_LANGUAGE)
    return tuple((where, begins) for where, _, begins in split)


@pytest.mark.parametrize("package", PACKAGES)
def test_whatever_is_said_to_be_wrong_has_its_chinese(package: str) -> None:
    said = {
        text: [place for place in places if place.startswith(f"{package}/")]
        for text, places in all_said().items()
    }
    missing = [
        (text, places[0])
        for text, places in said.items()
        if places and not catalogue().keys() & {text, text.strip()} and not is_left_out(text, places)
    ]
    assert missing == []


def test_nothing_is_left_out_that_is_not_said() -> None:
    said = [(place, text) for text, places in all_said().items() for place in places]
    unused = [
        where
        for where, begins in left_out()
        if not any(place.startswith(where) and text.startswith(begins) for place, text in said)
    ]
    assert unused == []


def test_every_chinese_has_the_values_of_its_english() -> None:
    for english, chinese in catalogue().items():
        parsed = Formatter().parse(chinese) if "{}" in english else ()
        fields = [name for _, name, _, _ in parsed if name is not None]
        numbers = sorted(
            int(name) if name else at for at, name in enumerate(fields)
        )  # {} counts by itself, or {1} names its place
        assert len(fields) <= english.count("{}"), english
        assert all(number < english.count("{}") for number in numbers), english
        assert english in LOSES_VALUES or len(set(numbers)) == english.count("{}"), english
        assert CJK.search(chinese), english


LOSES_VALUES: Final = frozenset({"quirk[{}].what: {} of {} is given twice"})
"""Said in fewer words."""


def test_no_chinese_waits_for_a_message_that_is_gone() -> None:
    said = "\0".join(all_texts())
    gone = [
        text
        for text in catalogue()
        if not all(piece in said for piece in re.split(r"\{\}|: ", text) if piece)
    ]
    assert gone == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("site.toml: bus[0].url: missing", "site.toml：bus[0].url：缺少"),
        (
            "s.toml: bus[0].baud: unknown key, did you mean url?",
            "s.toml：bus[0].baud：不认识的键；是否为 url？",
        ),
        ("must be a whole number from 1 to 247, not 'x'", "须为1 至 247 的整数，不能是 'x'"),
        ("kind: must be one of a, b, not 'c'", "kind：须为其中之一：a, b，不能是 'c'"),
        (
            "bus URL 'x': expected one of tcp://host:502, rtu:/dev/ttyS1",
            "总线地址 'x'：应为 tcp://host:502, rtu:/dev/ttyS1 之一",
        ),
        ("/x/key: no key: No such file or directory", "/x/key：没有密钥：文件或文件夹不存在"),
        (
            "chain.cbor: after seal 7: does not follow the seal before it",
            "chain.cbor：签封 7 之后：不接在前一个签封之后",
        ),
        (
            "seals 1 to 3: nothing vouches for them; give the gateway's first key",
            "签封 1 至 3：没有任何担保；请给出网关的首密钥",
        ),
        (
            "the request has 9 bytes, the broker takes 8: it is no file",
            "申请有 9 字节，消息服务器最多接收 8：它不是文件",
        ),
        (
            "verdict: good, but 2 bodies are withheld and 1 seal holds malformed records; last seal ab",
            "结论：成立，但2 份内容被扣留，且1 个签封含有格式错误的记录；最后的签封 ab",
        ),
        ("炉子 A: no answer", "炉子 A：没有应答"),
        (
            "s.toml: site.gateway: must be letters, digits, - and _, at most 32, not 'a b'",
            "s.toml：site.gateway：须为字母、数字、- 和 _，最多 32 个，不能是 'a b'",
        ),
        ("gateway : 0 seals, 0 records", "网关 ：0 个签封，0 条记录"),
        (
            "rtu:/x: /x: Could not configure port: (25, 'Inappropriate ioctl for device')",
            "rtu:/x：/x：无法配置端口：不是终端设备",
        ),
        ("s.toml: has more than 9 bytes; at most 9 are read", "s.toml：多于 9 字节；最多读取 9 字节"),
        (
            "s.toml: is GBK, not UTF-8: save it again as UTF-8 (in Notepad: File, Save as, Encoding UTF-8)",
            "s.toml：是 GBK，不是UTF-8：请另存为UTF-8（记事本：文件、另存为、编码UTF-8）",
        ),
        (
            "s.toml: is not TOML in line 2, column 11: Invalid value; write '6' in place of '６'",
            "s.toml：第 2 行第 11 列不是TOML，值无效；请把 '６' 改为 '6'",
        ),
        (
            "s.toml: is not TOML in line 1, column 2: Invalid statement",
            "s.toml：第 1 行第 2 列不是TOML，语句无效",
        ),
        ("s.toml: is not TOML at its end: Unclosed array", "s.toml：文件末尾不是TOML：数组没有结束的 ]"),
        (
            "a/authority.pem: No such file or directory; `dianjian centre authority` makes one",
            "a/authority.pem：文件或文件夹不存在；请先运行 dianjian centre authority",
        ),
        ("mine.txt: file is not a database", "mine.txt：不是数据库"),
        (
            "x: cannot listen: Address already in use (while attempting to bind on address ('1', 2))",
            "x：无法监听：地址已被占用",
        ),
        ("no answer in time; answers come, but after 3.8 s", "没有及时应答；3.8 秒后才有应答"),
        ("seal 1: clock_state: clock simulated", "签封 1：clock_state：模拟时钟"),
        ("seal 1: boot: boot 5dbdc47d", "签封 1：boot：启动编号 5dbdc47d"),
        ("a\nb\udcff: no answer", "a\nb\\udcff：没有应答"),
        ("what nobody translated", "what nobody translated"),
        ("已经是中文：no answer", "已经是中文：no answer"),
    ],
)
def test_a_message_is_translated_with_all_that_is_in_it(english: str, chinese: str) -> None:
    assert translate_message(english) == chinese
    language.choose_language("en")
    assert translate_message(english) == english


MESSAGES: Final = st.lists(
    st.sampled_from(
        ["missing", "no answer", "a", ": ", "; ", "{}", "is not", "x", "seal 3", "\x1b[31m", "中"]
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=40)
@given(MESSAGES)
def test_any_message_can_be_said(text: str) -> None:
    assert isinstance(translate_message(text), str)


MISTAKES: Final = """
[site]
gateway = "bad id!"
name = 7
colour = "red"
[[bus]]
id = "b1"
url = "nowhere"
[[bus]]
id = "b1"
url = "tcp://127.0.0.1:502"
transaction_id = 3
[[meter]]
id = "m1"
bus = "b9"
model = "eastron-smd630"
unit_id = 900
line = "nix"
[[line]]
id = "p1"
kind = "prodction"
rated_kw = -1
[[linkage]]
id = "l1"
production = []
treatment = ["p1"]
"""


def test_the_agent_s_check_names_every_mistake_in_chinese(
    tmp_path: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"  # type: ignore[operator]
    site.write_text(MISTAKES, "utf-8")
    assert agent(["check", "--config", str(site), "--lang", "zh"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) >= 8
    assert [line for line in said if FOREIGN.search(line) or not CJK.search(line)] == []
