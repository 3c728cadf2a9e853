"""The whole guided session by hand in a terminal, in Chinese: no register is named, no file is written.

Whoever sits there presses Enter, types names and nameplates, corrects a transformer when told to, switches a
machine when asked to, pastes the text of the QR code.
"""

from pathlib import Path

import pytest

from provisioning.journal.entries import STEPS
from tests.provisioning.setup.centre import centre_at
from tests.provisioning.setup.keyboard import Keyboard
from tests.provisioning.setup.plants import kept
from tests.provisioning.setup.works import SMALL, Works, works_at


def finds_and_names(keyboard: Keyboard, works: Works) -> None:
    keyboard.answer("总线：", "tcp://127.0.0.1:1")
    keyboard.until("tcp://127.0.0.1:1：对方拒绝连接")  # told, and asked again
    keyboard.answer("请改正地址后再查找；总线", works.buses["b1"])
    keyboard.until("schneider-pm5xxx")
    keyboard.answer("正确就按回车", "ｍ２")
    keyboard.until("请看电表 m2（b1:2）的铭牌")
    keyboard.answer("型号", "pac3200")  # a part of the name is enough
    keyboard.answer("电表编号")
    keyboard.answer("正确就按回车")
    keyboard.answer("数采仪连接本机的哪个地址和端口")
    keyboard.answer("网关编号")
    keyboard.answer("厂区名称", "小电镀厂")
    for question in ("企业名称", "统一社会信用代码", "地址"):
        keyboard.answer(question)
    keyboard.answer("技术员姓名", "王伟")
    for name, kind, kw, meter in (("喷涂线", 1, "６０千瓦", "m1"), ("排风喷淋", 2, "22kW", "m2")):
        keyboard.answer("下一条线路的名称", name)
        keyboard.answer(f"{name} 是 [{kind}]")
        keyboard.answer(f"{name} 的铭牌功率", kw)
        keyboard.answer("设备")
        keyboard.answer(f"{name} 由哪些电表计量 [{meter}]")
    keyboard.answer("下一条线路的名称 [ok]")
    keyboard.answer("t1 排风喷淋 治理哪些生产线（- 为无） [p1]")


def measures_and_switches(keyboard: Keyboard, works: Works) -> None:
    keyboard.until("L3相电流互感器方向接反")
    keyboard.answer("手边有钳形表吗")
    keyboard.until("保持现状")
    keyboard.answer("如何处理 m1 [1]")  # measured again, and nothing was corrected
    keyboard.until("L3相电流互感器方向接反")
    keyboard.until("保持现状")
    keyboard.answer("如何处理 m1 [1]", "2")
    keyboard.until("先改正 m1 的接线")
    keyboard.answer("p1 喷涂线 的启停试验 [2]")
    keyboard.answer("不试验的原因")
    keyboard.answer("t1 排风喷淋 的启停试验 [1]")
    for to, words in (("off", "请停下 t1"), ("on", "请启动 t1")):
        keyboard.until(words)
        works.switch("t1", to)
    keyboard.until("m2随设备启停变化")


def enrols_and_ends(keyboard: Keyboard, offer: str, recovery: Path) -> None:
    keyboard.answer("否则输入要改的线路")
    keyboard.answer("照片路径")
    keyboard.answer("电表 m1（b1:1）的封印号", "A1")
    keyboard.answer("电表 m2（b1:2）的封印号")
    keyboard.answer("平台名称")
    keyboard.until("粘贴其文本")
    keyboard.until("> ")
    keyboard.type("7K4Q-F2XN")
    keyboard.until("令牌有 24 个字母和数字，不是 8 个")
    keyboard.until("> ")
    keyboard.type(offer)
    keyboard.until("令牌是发给网关 jn-0003 的")
    keyboard.answer("恢复密钥存到哪里", str(recovery.parent / "no-stick" / "key"))
    keyboard.until("没有这个文件夹")
    keyboard.answer("恢复密钥存到哪里", str(recovery))
    keyboard.until("已登记")
    keyboard.until("第 1 个签封已有中心签名的回执")
    keyboard.answer("状态页是否也在维护网口显示", "是")
    for password in ("short", "long enough 8460"):
        keyboard.until("状态页的密码")
        keyboard.until("> ")
        keyboard.type(password)
    keyboard.until("密码已存入")
    keyboard.answer("调试期多少小时")
    keyboard.until("验收单")
    keyboard.until("其哈希已签封并有回执")


@pytest.mark.e2e
@pytest.mark.minutes
def test_a_technician_goes_the_whole_way_at_the_keyboard(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    with works_at(tmp_path / "works", SMALL) as works, centre_at(tmp_path / "centre") as centre:
        offer = centre.token("jn-0003", "--auto-approve")["offer"]
        with Keyboard("setup", "--folder", str(folder), language="zh_CN.UTF-8") as keyboard:
            finds_and_names(keyboard, works)
            measures_and_switches(keyboard, works)
            enrols_and_ends(keyboard, offer, tmp_path / "stick.key")
            assert keyboard.ended() == 0
            screen = keyboard.screen
    assert offer not in screen
    journal = kept(folder)
    assert list(journal.steps) == list(STEPS)
    assert journal.language == "zh"
    assert [one.mistake for one in journal.wiring if one.meter == "m1"] == ["ct_reversed", "ct_reversed"]
    assert (tmp_path / "stick.key").stat().st_mode & 0o777 == 0o600
