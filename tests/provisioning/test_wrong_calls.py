"""Calls that are wrong as people make them: one line in the reader's language says what to do, and the code.

What was tried in four roles on the installed commands, by kind; `test_every_verb.py` walks the paths.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from agent.main import main as run_agent
from disk import language
from firmware_sim.main import main as simulator
from provisioning.cli import cli
from provisioning.terminal.ending import run_to_end
from tests.agent.rig import SITE

PROGRAMS: Final[dict[str, Callable[..., object]]] = {
    "dianjian": lambda words: run_to_end(
        partial(cli.main, words, prog_name="dianjian", standalone_mode=False)
    ),
    "dianjian-agent": run_agent,
    "dianjian-sim": lambda words: simulator.main(words, prog_name="dianjian-sim"),
}
READ: Final = "--model eastron-sdm630 --unit 1"
BUS: Final = "总线地址 "
CALLS: Final = [
    # site files as an editor, an office suite and an input method write them
    ("dianjian-agent check --config gbk.toml", 2, "gbk.toml：是 GBK，不是UTF-8：请另存为UTF-8"),
    ("dianjian-agent check --config utf16.toml", 2, "utf16.toml：是 UTF-16，不是UTF-8：请另存为UTF-8"),
    ("dianjian-agent check --config quotes.toml", 2, "列不是TOML，值无效；请把 '“' 改为 '\"'"),
    ("dianjian-agent check --config wide.toml", 2, "列不是TOML，值无效；请把 '６' 改为 '6'"),
    ("dianjian-agent check --config json.toml", 2, "json.toml：第 1 行第 1 列不是TOML，语句无效"),
    ("dianjian-agent check --config open.toml", 2, "open.toml：文件末尾不是TOML：数组没有结束的 ]"),
    ("dianjian-agent check --config big.toml", 2, "big.toml：多于 262144 字节；最多读取 262144 字节"),
    ("dianjian-agent check --config folder", 2, "folder：无法读取：是文件夹"),
    ("dianjian-agent check --config 没有.toml", 2, "没有.toml：无法读取：文件或文件夹不存在"),
    # verbs, options and values of a neighbour
    ("dianjian-agent chekc --config site.toml", 2, "没有 'chekc'；是否为 check？"),
    ("dianjian-agent check --confg site.toml", 2, "没有 '--confg'；是否为 --config？"),
    ("dianjian-agent run --config site.toml --sim-clock fast", 2, "'fast' 的写法应为 SPEED@UTC_NS"),
    ("dianjian-agent run --config site.toml --sim-clock nan@1@1", 2, "'nan@1@1' 的写法应为 SPEED@UTC_NS"),
    ("dianjian-sim serve demo --clock now", 2, "'now' 的写法应为 SPEED@UTC_NS@BOOTTIME_NS"),
    ("dianjian modles", 2, "models"),
    ("dianjian answer --config site.toml o1 finished --by W", 2, "accepted, objected, declared, done"),
    ("dianjian consume --store no.db --type readings", 2, "reading"),
    # buses
    (f"dianjian read 192.168.1.20 {READ}", 2, f"{BUS}'192.168.1.20'：应为 tcp://host:502"),
    (f"dianjian read http://127.0.0.1 {READ}", 2, f"{BUS}'http://127.0.0.1'：应为 tcp://host:502"),
    (f"dianjian read tcp://127.0.0.1:modbus {READ}", 2, "端口须为1至65535的数"),
    (f"dianjian read tcp://127.0.0.1:99999 {READ}", 2, "端口须为1至65535的数"),
    (f"dianjian read tcp://my|meter:502 {READ}", 2, "主机不是名称，也不是地址"),
    (f"dianjian read tcp://a:secret@127.0.0.1:1 {READ}", 2, f"{BUS}'tcp://127.0.0.1:1'：总线没有用户名"),
    (f"dianjian read tcp://127.0.0.1:1/x {READ}", 2, "主机和端口之后只可有 ?transaction_id=ignored"),
    ("dianjian read tcp://127.0.0.1:1 --model eastron-smd630 --unit 1", 2, "是否为 eastron-sdm630？"),
    ("dianjian models check meter.toml", 2, "meter.toml：maker：缺少，须为文本"),
    # files that are another kind of file
    ("dianjian consume --store site.toml", 2, "site.toml：不是数据库"),
    ("dianjian centre token g1 --authority folder --key site.toml", 2, "请先运行 dianjian centre authority"),
    ("dianjian centre init --key site.toml", 2, "site.toml：已经存在；密钥从不覆盖"),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    text = SITE.replace('gateway = "', 'name = "历城电镀厂"\ngateway = "', 1)
    (tmp_path / "site.toml").write_text(text, "utf-8")
    (tmp_path / "gbk.toml").write_bytes(text.encode("gbk"))
    (tmp_path / "utf16.toml").write_text(text, "utf-16")
    (tmp_path / "quotes.toml").write_text("[site]\ngateway = “g1”\n", "utf-8")
    (tmp_path / "wide.toml").write_text("[[line]]\nrated_w = ６0000\n", "utf-8")
    (tmp_path / "json.toml").write_text('{"site": {}}', "utf-8")
    (tmp_path / "open.toml").write_text("a = [1", "utf-8")
    (tmp_path / "big.toml").write_text("# x\n" * 100_000, "utf-8")
    (tmp_path / "meter.toml").write_text('name = "x"\n', "utf-8")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    before = list(language._chosen)
    yield tmp_path
    language._chosen[:] = before


def end(call: str) -> tuple[int, str]:
    """The exit code of a call in a Chinese locale, and what it said on stderr; `|` in it is a blank."""
    program, *words = (word.replace("|", " ") for word in call.split())
    with redirect_stderr(io.StringIO()) as said:
        try:
            code = PROGRAMS[program](words)
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return code, said.getvalue()


@pytest.mark.parametrize(("call", "code", "line"), CALLS, ids=[call for call, _, _ in CALLS])
@pytest.mark.usefixtures("place")
def test_a_wrong_call_ends_in_a_chinese_line_that_says_what_to_do(call: str, code: int, line: str) -> None:
    ended, said = end(call)
    assert ended == code, said
    assert line in said
    assert "Traceback" not in said


@pytest.mark.parametrize("call", ["dianjian", "dianjian centre keys", "dianjian-sim"])
@pytest.mark.usefixtures("place")
def test_a_bare_command_shows_its_help_as_a_page(call: str) -> None:
    code, said = end(call)
    heading, *rows = said.splitlines()
    assert code == 2
    assert heading.startswith(f"用法：{call} ")
    assert "命令：" in rows
    assert not any(row.startswith("dianjian:") for row in rows)
