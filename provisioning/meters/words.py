"""Texts of this package's commands about searching for meters and the results."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

WORDS: Final[Mapping[str, Words]] = {
    "model": Words("型号", "model"),
    "unknown": Words("未知", "unknown"),
    "maker": Words("厂家", "maker"),
    "meter": Words("电表", "meter"),
    "points": Words("测点", "points"),
    "verified": Words("依据", "verified"),
    "hardware": Words("实测", "hardware"),
    "document": Words("资料", "document"),
    "reported": Words("他人报告", "reported"),
    "quick pass": Words("快速查找", "quick pass"),
    "full pass": Words("全面查找", "full pass"),
    "unit": Words("地址", "unit"),
    "setting": Words("参数", "setting"),
    "life": Words("应答", "life"),
    "confidence": Words("可信度", "confidence"),
    "or": Words("或", "or"),
    "answers": Words("应答", "answers"),
    "refuses": Words("拒绝", "refuses"),
    "garbled": Words("损坏", "garbled"),
    "busy": Words("忙", "busy"),
    "foreign_id": Words("应答，事务标识不符", "answers, foreign transaction id"),
    "poor": Words("总线太差，无法判定", "bus too poor to tell"),
    "same as": Words("（与地址 {unit} 是同一块表）", "(the same meter as unit {unit})"),
    "left out": Words("此电表不给出：{points}", "this meter does not give: {points}"),
    "too late": Words(
        "它有应答，但太迟；可在配置文件中为它设 timeout_s",
        "it answers, but too late; timeout_s of the site file can be set for it",
    ),
    "no such units": Words(
        "{url} 没有这些地址：电表地址为 1 到 247，仅经TCP时另有 0 和 255",
        "{url} has no such addresses: meters have 1 to 247, and 0 and 255 are for TCP only",
    ),
    "no meter": Words("地址 {first} 到 {last} 没有电表应答", "no meter answers at {first}..{last}"),
    "stopped": Words("已停止：{total} 个请求中完成了 {done} 个", "stopped after {done} of {total} questions"),
    "takes long": Words(
        "网关对每个无表地址等待 {waits} 秒，全部约需 {minutes} 分钟；Ctrl-C 结束并保留结果；"
        "较短范围：--last {last}（约 {short} 分钟）",
        "the gateway waits {waits} s for each absent meter: about {minutes} minutes in all; Ctrl-C ends and "
        "keeps what was found; shorter: --last {last} (about {short} minutes)",
    ),
    "through the agent": Words(
        "总线 {bus} 正由代理读取（{site}），经由它查询，代理的轮询优先",
        "the agent reads bus {bus} ({site}): asked through it, its own polls go first",
    ),
    "held rights": Words(
        "{url} 正由代理读取（{site}，总线 {bus}），本用户无权经由它查询：请用 sudo，或加入 dianjian 组",
        "{url} is read by the agent ({site}, bus {bus}), and this user may not ask it: use sudo, or join its "
        "group dianjian",
    ),
    "held old": Words(
        "{url} 正由旧版本代理读取（{site}，总线 {bus}），它不能代为查询：请升级，"
        "或先 systemctl stop dianjian-agent",
        "{url} is read by an agent of an older version ({site}, bus {bus}), which cannot be asked: update "
        "it, or systemctl stop dianjian-agent meanwhile",
    ),
    "held hangs": Words(
        "{url} 由代理占用（{site}，总线 {bus}），但代理没有响应：用 systemctl restart dianjian-agent 重启它",
        "{url} is held by the agent ({site}, bus {bus}), which does not respond: restart it, "
        "systemctl restart dianjian-agent",
    ),
    "held other": Words(
        "{url} 正由代理以另一协议读取（{site}，总线 {bus}）：先 systemctl stop dianjian-agent",
        "{url} is read by the agent with this or another protocol ({site}, bus {bus}), which cannot do this: "
        "systemctl stop dianjian-agent meanwhile",
    ),
    "no room": Words(
        "对方总是断开连接：网关多半只允许一个连接，已被其他主站占用（另一台机器的代理、SCADA）：请停用它或提高连接数上限",
        "the other side hangs up: mostly a gateway with room for one client, and another has it (an agent on "
        "another machine, SCADA): stop that one, or raise the gateway's limit",
    ),
    "port held": Words(
        "该串口正被另一程序占用：若是代理，请在其站点文件中使用同一路径以便经由它查询，否则先停用它",
        "another program has this port: stop it; an agent can be asked if its site file names this port",
    ),
    "gateway finds none": Words(
        "网关在线，但地址 {place} 没有电表应答（{reason}）；检查地址和串口侧接线，或运行 dianjian scan",
        "the gateway is there, but no meter answers it at {place} ({reason}); check address and serial "
        "wires, or try `dianjian scan`",
    ),
    "not read": Words(
        "电表 {place}：{reason}；检查地址、型号、波特率和接线",
        "meter {place}: {reason}; check address, model, baud rate and wiring",
    ),
    "of dlt645": Words(
        "{url}：identify 查询 Modbus 电表；DL/T 645 电表由 dianjian scan 查找并识别",
        "{url}: identify asks Modbus meters; those of DL/T 645 are found and named by `dianjian scan`",
    ),
    "no answer": Words(
        "地址 {unit} 没有应答；可先运行 dianjian scan", "unit {unit}: no answer; try `dianjian scan`"
    ),
    "always busy": Words(
        "地址 {unit} 一直回答“忙”；请在没有其他主站使用该总线时再试",
        "unit {unit} says that it is busy each time; try again when no other master uses the bus",
    ),
    "none fits": Words(
        "地址 {unit} 有应答，但没有型号相符；{losses}",
        "unit {unit} answers, but none of the models fits; {losses}",
    ),
    "words turned": Words(
        "地址 {unit} 的寄存器与 {models} 相符，只是每个数的字序相反；--model-file 写出这样的型号文件",
        "unit {unit} has the registers of {models}, but with the words of each number in the other order; "
        "--model-file writes such a model",
    ),
    "too poor": Words(
        "地址 {unit} 的应答太差，无法判定型号：{losses}；检查接线、终端电阻和其他主站后再试",
        "unit {unit}: the bus is too poor to name the meter: {losses}; check wires, terminators and other "
        "masters, then try again",
    ),
    "meter of device": Words("SunSpec 设备的第 {number} 块表", "meter {number} of a SunSpec device"),
    "read it as": Words("读取：--model {choice}", "read it with --model {choice}"),
    "no such meter": Words(
        "地址 {unit} 只有 {count} 块 SunSpec 电表，没有第 {number} 块",
        "unit {unit} has {count} SunSpec meters, so no meter {number}",
    ),
    "other meters": Words("该设备还有其他电表：{others}", "this device has other meters, too: {others}"),
    "nothing in the quick pass": Words(
        "快速查找没有找到电表，继续查找其余地址和参数；Ctrl-C 结束",
        "nothing in the quick pass; going on with the other addresses and settings, Ctrl-C ends",
    ),
    "no byte so far": Words(
        "到目前为止没有收到任何字节：请趁查找时检查电源、接线、串口和 A/B",
        "not a byte so far: look at power, cable, port and A/B while the search goes on",
    ),
    "no byte in the quick pass": Words(
        "快速查找没有收到任何字节，其余查找约需 {minutes} 分钟；先检查接线，确需查找请加 --all",
        "not a byte came in the quick pass, and the rest takes about {minutes} minutes: check the wires "
        "first, or add --all",
    ),
    "go on without a byte": Words(
        "快速查找没有收到任何字节，多半是接线问题。继续查找其余地址和参数（约 {minutes} 分钟）？",
        "not a byte came in the quick pass: mostly a matter of wires. Try the other addresses and "
        "settings (about {minutes} minutes)?",
    ),
    "certain": Words("确定", "certain"),
    "guessed": Words("推测", "guessed"),
    "alike": Words("以下型号的寄存器同样吻合，请看铭牌：", "these fit as well, look at the label:"),
    "also possible": Words("也可能是：", "also possible:"),
}
