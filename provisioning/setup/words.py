"""The texts and questions of a setup."""

from collections.abc import Mapping
from typing import Any, Final

from evidence.words import Words
from provisioning.setup.hj212_words import HJ212_WORDS
from provisioning.words.language import translate

WORDS: Final[Mapping[str, Words]] = {
    **HJ212_WORDS,
    # of the whole session
    "hello": Words(
        "电监安装向导：文件夹 {folder}。按回车接受方括号中的值；输入 < 回到上一个问题；"
        "随时按 Ctrl-C 结束，下次从此处继续。",
        "Setup in {folder}. Enter takes the value in brackets, < goes back to the question before; Ctrl-C "
        "stops, and the next call continues from there.",
    ),
    "first_question": Words("这已是第一个问题", "this is the first question"),
    "ask_failed": Words("这一步未完成。怎么办", "This step is not done. What now"),
    "try_again": Words("再试一次", "try again"),
    "step_back": Words("回到上一步", "back to the step before"),
    "stop_here": Words("到此为止，以后继续", "stop here and continue later"),
    "go_on": Words(
        "已保存。继续：dianjian setup --folder {folder}",
        "saved; continue with: dianjian setup --folder {folder}",
    ),
    "step": Words("第 {number}/{count} 步：{name}", "Step {number} of {count}: {name}"),
    "already_done": Words("已完成 {name}，{at}", "already done: {name}, {at}"),
    "from_centre": Words(
        "{told}。在此改写站点文件后，以此处为准", "{told}. What setup writes here takes its place"
    ),
    "all_done": Words("全部完成。", "All steps are done."),
    "comes_first": Words("步骤 {name}：先做 {missing}", "step {name}: do {missing} first"),
    "agent_has_ports": Words(
        "代理程序正在运行并占用串口；测量前请停止：systemctl stop dianjian-agent",
        "the agent is running and holds the serial ports; stop it before measuring: systemctl stop "
        "dianjian-agent",
    ),
    "journal_damaged": Words(
        "{path} 已损坏（{why}）；已改名为 {kept}，重新开始",
        "{path} is damaged ({why}); it was renamed to {kept} and a new one started",
    ),
    "set_aside": Words("原文件保存为 {path}", "the old file is kept as {path}"),
    "site_differs": Words(
        "{path} 不是本向导写的，或已被修改。不同之处：",
        "{path} was not written by this setup, or was edited since. The differences:",
    ),
    "more_lines": Words("    ……还有 {count} 行", "    … and {count} more lines"),
    "ask_replace_site": Words("按安装向导的内容修改？", "Update it with the results of this setup?"),
    "yes": Words("是", "yes"),
    "no": Words("否", "no"),
    # wrong answers
    "needs_answer": Words("请输入", "an answer is needed"),
    "no_answer": Words("缺少，且没有默认值", "missing, and it has no default"),
    "not_printable": Words("含有无法显示的字符", "contains characters that cannot be shown"),
    "too_long": Words("太长，最多 {limit} 个字符", "is too long: at most {limit} characters"),
    "not_in_range": Words(
        "须为 {low} 至 {high} 之间的数，而不是 {typed!r}",
        "must be a number from {low} to {high}, not {typed!r}",
    ),
    "ratio_reversed": Words(
        "一次侧在前，如 100/5 或 10/0.1 kV，而不是 {typed!r}",
        "the primary stands first, like 100/5 or 10/0.1 kV, not {typed!r}",
    ),
    "no_ratio": Words(
        "不是变比：{typed!r}；照铭牌输入，如 100/5、10/0.1 kV 或 20",
        "{typed!r} is no ratio; type it as on the plate, like 100/5, 10/0.1 kV or 20",
    ),
    "not_yes_no": Words("请回答 是 或 否，而不是 {typed!r}", "must be yes or no, not {typed!r}"),
    "no_choice": Words(
        "须为其中之一：{options}，而不是 {typed!r}",
        "must be one of {options}, not {typed!r}",
    ),
    "no_id": Words(
        "须由字母、数字、- 和 _ 组成，最多 {limit} 个，而不是 {typed!r}",
        "must be letters, digits, - and _, at most {limit}, not {typed!r}",
    ),
    "id_taken": Words("{typed!r} 已被使用", "{typed!r} is already in use"),
    "uscc_length": Words(
        "统一社会信用代码有 18 位（含最后一位校验码），而不是 {count} 位：{typed!r}",
        "a unified social credit code has 18 characters with its check character, not {count}: {typed!r}",
    ),
    "uscc_character": Words(
        "统一社会信用代码只有数字和大写字母，没有 I、O、S、V、Z，而不是 {typed!r}",
        "a credit code is digits and letters without I, O, S, V and Z, not {typed!r}",
    ),
    "uscc_check": Words(
        "{typed!r} 的校验码不符（GB 32100-2015）：有一位输入有误",
        "the check character of {typed!r} does not fit (GB 32100-2015): a character is mistyped",
    ),
    "not_yet": Words(
        "还没完：每块电表都要有线路，总进线最多一条",
        "not yet: every meter needs a line, and there is one incomer at most",
    ),
    "one_incomer": Words(
        "一个厂区只有一条总进线，现有 {lines}：请输入其编号，修改或删除",
        "a site has one incomer, and {lines} are all incomers: type the id of one to change or remove it",
    ),
    "wrong_url": Words("{text}", "{text}"),
    "no_such_meter": Words("没有电表 {typed!r}；有：{known}", "no meter {typed!r}; known: {known}"),
    "no_such_model": Words("没有型号 {typed!r}；有：{known}", "no model {typed!r}; known: {known}"),
    "no_such_line": Words("没有线路 {typed!r}；有：{known}", "no line {typed!r}; known: {known}"),
    # find
    "searching": Words("正在查找 {count} 条总线上的电表……", "Looking for meters on {count} buses …"),
    "ask_buses": Words(
        "总线：串口或地址，用空格分开，如 /dev/ttyUSB0 tcp://192.168.1.20",
        "Buses: serial ports or addresses, separated by blanks, like /dev/ttyUSB0 tcp://192.168.1.20",
    ),
    "ask_buses_again": Words(
        "请改正地址后再查找；总线（{searched} 已查完）",
        "Correct what is wrong and it is searched again; searched already: {searched}. Buses",
    ),
    "ask_buses_corrected": Words(
        "请改正地址后再查找；总线", "Correct what is wrong and it is searched again. Buses"
    ),
    "no_meter": Words(
        "没有电表应答；检查电源、A/B 接线和地址，然后再试一次",
        "no meter answers; check the supply, the A/B wires and the addresses, then try again",
    ),
    "meter_silent": Words(
        "电表 {meter}（{place}）上次找到，这次没有应答",
        "meter {meter} ({place}) was found before and does not answer now",
    ),
    "look_at_label": Words(
        "请看电表 {meter}（{place}）的铭牌；应答与 {model} 相符：",
        "Look at the label of meter {meter} ({place}); its answers fit {model}:",
    ),
    "ask_model": Words("型号", "Model"),
    "ask_meter_id": Words("电表编号", "Id of the meter"),
    "ask_meters_right": Words(
        "正确就按回车；否则输入要改的电表，如 m3",
        "Enter if everything is right, else the meter to correct, like m3",
    ),
    "place": Words("位置", "place"),
    "model": Words("型号", "model"),
    "serial": Words("序列号", "serial"),
    "confidence": Words("可信度", "confidence"),
    # wiring
    "measuring": Words(
        "同时测量 {count} 块电表，各读 {reads} 次……",
        "Measuring {count} meters at once, {reads} reads each …",
    ),
    "meter_silent_now": Words("电表没有应答：{why}", "the meter does not answer: {why}"),
    "check_bus": Words(
        "检查电表电源和 A/B 接线，然后再测",
        "check the meter's supply and the A/B wires, then measure again",
    ),
    "no_clamp": Words(
        "须为 l1、l2、l3 的安培数，如 41.5 40 42，而不是 {typed}",
        "must be the amperes of l1, l2 and l3, like 41.5 40 42, not {typed}",
    ),
    "ask_has_clamp": Words(
        "手边有钳形表吗？（可核对变比）",
        "Is a clamp meter at hand? It shows whether the ratio is right",
    ),
    "ask_clamp": Words(
        "{meter}：钳形表 L1 L2 L3 的安培数（电表 {shown}；- 为不测）",
        "{meter}: amperes on L1 L2 L3 by the clamp meter (the meter shows {shown}; - for none)",
    ),
    "ask_corrected": Words("如何处理 {meter}", "{meter}"),
    "measure_again": Words("已改正，重新测量", "corrected, measure again"),
    "set_ratio": Words("修改变比后重新测量", "change the ratio and measure again"),
    "leave_it": Words("保持现状", "leave it as it is"),
    "set_rated": Words("修改铭牌功率后重新测量", "correct the power on the nameplate and measure again"),
    # trial
    "trial_passed": Words("{line} 已试验，不再重复", "{line} has been tested and is not tested again"),
    "ask_trial": Words("{line} 的启停试验", "On/off test of {line}"),
    "trial_try": Words("现在试验：设备要停一次再开", "test now: the machine is switched off and on again"),
    "trial_skip": Words("不试验", "skip the test"),
    "miswired": Words(
        "先改正 {meter} 的接线，再做启停试验：{what}",
        "correct the wiring of {meter} before the on/off test: {what}",
    ),
    "ask_reason": Words("不试验的原因（写入验收单）", "Reason for no test (printed on the sheet)"),
    "switch_off": Words("请停下 {line}", "Switch {line} OFF"),
    "switch_on": Words("请启动 {line}", "Switch {line} ON"),
    "settling": Words("等读数稳定", "waiting for the reading to settle"),
    "waiting_off": Words("等待停机", "waiting for OFF"),
    "waiting_on": Words("等待开机", "waiting for ON"),
    "not_tried": Words("未试验：{reason}", "not tried: {reason}"),
    "line_not_tried": Words("{line} 未试验：{reason}", "{line} not tried: {reason}"),
    # thresholds
    "ask_thresholds": Words(
        "正确就按回车；否则输入要改的线路，如 p1",
        "Enter if everything is right, else the line to change, like p1",
    ),
    "ask_on_kw": Words("{line} 达到多少 kW 算运行", "{line} counts as running from (kW)"),
    "ask_off_kw": Words("{line} 低于多少 kW 算停止", "{line} counts as stopped below (kW)"),
    "running_from": Words("运行 ≥", "running from"),
    "stopped_below": Words("停止 <", "stopped below"),
    "origin": Words("来源", "from"),
    "nameplate": Words("铭牌", "nameplate"),
    "from_trial": Words("启停试验", "on/off test"),
    "typed": Words("输入", "typed"),
    "thresholds_cross": Words(
        "停止阈值须大于 0 且不大于运行阈值：{typed}",
        "must be above 0 and not above the threshold for running: {typed}",
    ),
    # photos
    "ask_photo": Words("照片路径（回车结束）", "Path of a photo (Enter for no more)"),
    "ask_photo_what": Words("照片内容", "What it shows"),
    "ask_photo_meter": Words("哪块电表（- 为无）", "Of which meter (- for none)"),
    "ask_seals": Words(
        "电表 {meter}（{place}）的封印号，用空格分开（- 为无）",
        "Numbers of the meter seals of {meter} ({place}), separated by blanks (- for none)",
    ),
    "no_file": Words("{path}：没有这个文件", "{path}: no such file"),
    "unreadable": Words("{path}：{why}", "{path}: {why}"),
    "too_large": Words("{path}：大于 {limit} MB", "{path}: is larger than {limit} MB"),
    "photo_kept": Words("{path}  SHA-256 {sha256}", "{path}  SHA-256 {sha256}"),
    "too_many_seals": Words("一块电表最多 {limit} 个封印号", "at most {limit} seal numbers per meter"),
    # enrol
    "ask_token": Words(
        "扫描二维码，或粘贴其文本，或键入令牌（不显示）；也可给出文件：@路径",
        "Scan the QR code, paste its text or type the token (not shown); or give a file: @PATH",
    ),
    "wrong_token": Words("不能使用，请重新输入（{text}）", "{text}"),
    "ask_centre_key": Words("中心公钥", "The centre's public key"),
    "ask_authority": Words("证书机构指纹（SHA-256）", "Fingerprint of the authority (SHA-256)"),
    "token_kept": Words("按回车沿用刚才的令牌", "Enter takes the token typed before"),
    "no_folder": Words(
        "{folder}：没有这个文件夹（U 盘插好并挂载了吗？）",
        "{folder}: no such folder (is the stick plugged in and mounted?)",
    ),
    "not_writable": Words("{folder}：不能写入", "{folder}: cannot be written to"),
    "is_folder": Words("{path}：是文件夹；请写出文件名", "{path}: is a folder; add the name of a file"),
    "is_there": Words(
        "{path}：文件已存在，密钥从不覆盖文件", "{path}: is there already; a key is never overwritten"
    ),
    "in_state": Words(
        "{path}：在状态文件夹里，而它正是用来恢复该文件夹的",
        "{path}: is in the state folder, which it is to recover",
    ),
    "ask_broker": Words("消息服务器，如 mqtts://broker:8883", "Broker, like mqtts://broker:8883"),
    "gateway_is": Words(
        "令牌是发给网关 {gateway} 的：本网关从此叫这个名字",
        "the token is for gateway {gateway}: this gateway takes that name",
    ),
    "ask_recovery": Words(
        "恢复密钥存到哪里（例如 U 盘；不能放在状态文件夹）",
        "Where to put the recovery key, such as a USB stick; not in the state folder",
    ),
    "take_away": Words(
        "把 {path} 带走并妥善保存：本机磁盘丢失后只有它能恢复",
        "Take {path} away and keep it safe: if this disk is lost, only this file allows new keys",
    ),
    "ask_way": Words(
        "登记途径：https://…、mqtts://… 或 file:目录（U 盘）",
        "Transport to the centre: https://…, mqtts://… or file:DIR for a USB stick",
    ),
    "enrolled": Words("已登记；中心公钥 {centre_key}…", "Enrolled; the centre's key is {centre_key}…"),
    # commission and sheet
    "ask_page": Words(
        "状态页是否也在维护网口显示（需设密码；否则仅限本机）",
        "Show the status page on the maintenance interface too (needs a password; otherwise on this "
        "machine only)",
    ),
    "ask_page_password": Words("状态页的密码（不显示）：", "Password of the status page (not shown):"),
    "page_password_kept": Words(
        "密码已存入 {file}；启用：dianjian web --listen 地址:端口 --password-file {file}",
        "saved in {file}; use it with: dianjian web --listen ADDRESS:PORT --password-file {file}",
    ),
    "ask_hours": Words("调试期多少小时", "Hours of the commissioning period"),
    "period": Words(
        "调试期从 {begin} 到 {until}，照常生产。",
        "The commissioning period is from {begin} to {until}; run the plant as usual.",
    ),
    "period_needs": Words(
        "期间：每条生产线至少停机一次约一小时、启动三次，各种产品都生产，治污照常运行。",
        "Meanwhile: stop each line once for about an hour, start it three times, make every product, and run "
        "treatment as usual.",
    ),
    "period_ends": Words(
        "结束后学习：dianjian setup commission --folder {folder}\n"
        "或：dianjian commission --site {site} --chain",
        "Afterwards learn from it: dianjian setup commission --folder {folder}\n"
        "or: dianjian commission --site {site} --chain",
    ),
    "period_runs": Words(
        "调试期到 {until}，还有{left}。", "The commissioning period lasts until {until}: {left} more."
    ),
    "period_over": Words(
        "调试期 {begin} 至 {until} 已结束。", "The commissioning period from {begin} to {until} is over."
    ),
    "ask_learn": Words("现在学习（是/否）", "Learn from it now (yes/no)"),
    "ask_period_again": Words("重新开始调试期（是/否）", "Begin another period (yes/no)"),
    "ask_answer": Words("选哪一个", "Which one"),
    "answer_later": Words("暂不回答", "later"),
    "learn_refused": Words("未写入，原因见上（{why}）", "Nothing is written, for the reasons above ({why})"),
    "learn_so_far": Words(
        "以上为目前所见，调试期结束后再写入。",
        "This is what was seen so far; it is written when the period is over.",
    ),
    "ask_write": Words("写入配置文件（是/否）", "Write it into the site file (yes/no)"),
    "ask_write_changes": Words(
        "以上{count}处更改现有参数，确认写入（是/否）",
        "It changes {count} present parameters (above); write them (yes/no)",
    ),
    "learn_not_written": Words("未写入。", "Not written."),
    "learn_written": Words(
        "已写入 {site}；重启代理后生效：systemctl restart dianjian-agent",
        "Written to {site}; the agent takes it at its next start: systemctl restart dianjian-agent",
    ),
    "sheet_written": Words("验收单 {path}", "Acceptance sheet {path}"),
    "sheet_hash": Words("SHA-256 {sha256}，将写入证据链", "SHA-256 {sha256}; it is sealed into the chain"),
    "sheet_sealed": Words("其哈希已签封并有回执", "its hash is sealed and the centre has confirmed it"),
    "sheet_waits": Words(
        "其哈希等待代理程序下次启动时签封",
        "the agent will seal its hash at its next start",
    ),
    # receipt
    "agent_runs": Words(
        "服务已在运行，等待回执……",
        "The agent is running as a service; waiting for a receipt …",
    ),
    "reading_meters": Words("读取电表", "reading the meters"),
    "meter_bad": Words("电表 {meter}：{why}", "meter {meter}: {why}"),
    "agent_failed": Words("代理程序以 {code} 结束", "the agent exited with code {code}"),
    "no_receipt": Words(
        "中心尚未对 {seals} 个签封的读数签发回执：原因见 dianjian doctor --config {site}，然后重试",
        "the centre has receipted the readings of none of {seals} seals: see why with "
        "dianjian doctor --config {site}, then try again",
    ),
    "waiting_receipt": Words("等待回执", "waiting for the receipt"),
    "receipted": Words(
        "第 {seal} 个签封已有中心签名的回执（共 {seals} 个，回执至 {receipted}）",
        "The centre has signed for seal {seal} ({seals} seals, receipted up to {receipted})",
    ),
    # lines
    "ask_gateway": Words("网关编号", "Id of this gateway"),
    "ask_name": Words("厂区名称", "Name of the site"),
    "ask_enterprise": Words("企业名称", "Enterprise"),
    "ask_uscc": Words("统一社会信用代码", "Unified social credit code"),
    "ask_address": Words("地址", "Address"),
    "ask_technician": Words("技术员姓名", "Your name"),
    "lines_intro": Words(
        "逐条输入线路（生产线、治理设施、总进线）。输入已有的编号可以修改。",
        "Name the lines: production, treatment, and the incomer. An existing id changes that line.",
    ),
    "ask_line": Words("下一条线路的名称", "Name of the next line"),
    "ask_line_name": Words("名称", "Name"),
    "ask_remove": Words("删除 {line}？", "Remove {line}?"),
    "ask_kind": Words("{name} 是", "{name} is"),
    "ask_rated": Words("{line} 的铭牌功率（kW）", "Power on the nameplate of {line} (kW)"),
    "ask_equipment": Words("设备（品牌、型号，可空）", "Equipment (maker and type; may be empty)"),
    "ask_meters": Words("{name} 由哪些电表计量", "Meters of {name}"),
    "ask_feeds": Words("电表 {meter}（{model}）计量哪条线路", "Meter {meter} ({model}) measures"),
    "meters_without_line": Words("还没有线路的电表：{meters}", "Meters without a line: {meters}"),
    "meter_without_power": Words(
        "电表 {meter} 不测功率，不计入线路",
        "meter {meter} measures no power, so it belongs to no line",
    ),
    "ask_ct_ratio": Words(
        "电表 {meter}（{model}）的电流互感器变比，照铭牌输入，如 100/5",
        "CT ratio of meter {meter} ({model}), as on its plate, like 100/5",
    ),
    "ask_has_pt": Words(
        "有电表经电压互感器接入吗（高压计量，如 10/0.1 kV）",
        "Is any meter behind voltage transformers (high voltage, like 10/0.1 kV)",
    ),
    "ask_pt_ratio": Words(
        "电表 {meter}（{model}）的电压互感器变比，照铭牌输入，如 10/0.1 kV；没有则为 1",
        "VT ratio of meter {meter} ({model}), as on its plate, like 10/0.1 kV; 1 for none",
    ),
    "ask_linkage": Words(
        "{line} 治理哪些生产线（- 为无）",
        "Production lines that {line} treats (- for none)",
    ),
    "no_linkage": Words(
        "没有生产线或没有治理设施，因此没有关联",
        "no linkage: that needs a production line and a treatment line",
    ),
    "name": Words("名称", "name"),
    "kind": Words("类别", "kind"),
    "rated": Words("铭牌", "nameplate"),
    "meters": Words("电表", "meters"),
}


def text(key: str, /, **values: Any) -> str:
    """The text `key` in the language of this call."""
    return translate(WORDS[key], **values)
