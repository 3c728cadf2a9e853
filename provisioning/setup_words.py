"""What a setup says and asks, in Chinese and English. A test holds both to the same places and keys."""

from typing import Any, Final

from provisioning.words import LANGUAGES, language

SENTENCES: Final = {
    # of the whole session
    "hello": (
        "电监安装向导：文件夹 {folder}。按回车接受方括号中的值；随时按 Ctrl-C 结束，下次从此处继续。",
        "Setup in {folder}. Enter takes what stands in brackets; Ctrl-C ends, the next call goes on there.",
    ),
    "go_on": (
        "已保存。继续：dianjian setup --folder {folder}",
        "kept; go on with: dianjian setup --folder {folder}",
    ),
    "step": ("第 {number}/{count} 步：{name}", "Step {number} of {count}: {name}"),
    "already_done": ("已完成 {name}（{at}）", "done before: {name} ({at})"),
    "all_done": ("全部完成。", "Everything is done."),
    "ask_step_again": ("再做一次？", "Do it again?"),
    "journal_damaged": (
        "{path} 已损坏（{why}）；已改名为 {kept}，重新开始",
        "{path} is damaged ({why}); it was set aside as {kept} and a new one begun",
    ),
    "set_aside": ("原文件保存为 {path}", "the old file is kept as {path}"),
    "site_differs": (
        "{path} 不是本向导写的，或已被修改。不同之处：",
        "{path} was not written by this setup, or was edited since. What differs:",
    ),
    "more_lines": ("    ……还有 {count} 行", "    … and {count} lines more"),
    "ask_replace_site": ("用安装向导的内容替换？", "Replace it by what this setup knows?"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "name_find": ("查找电表", "find the meters"),
    "name_lines": ("线路与关联", "lines and linkages"),
    "name_wiring": ("接线检查", "wiring check"),
    "name_trial": ("启停试验", "on/off test"),
    "name_thresholds": ("启停阈值", "thresholds"),
    "name_photos": ("照片与封印号", "photos and seal numbers"),
    "name_enrol": ("登记", "enrolment"),
    "name_receipt": ("首次回执", "first receipt"),
    "name_commission": ("调试期", "commissioning period"),
    "name_sheet": ("验收单", "acceptance sheet"),
    # wrong answers
    "needs_answer": ("请输入", "an answer is needed"),
    "not_printable": ("含有无法显示的字符", "has characters that cannot be shown"),
    "too_long": ("太长，最多 {limit} 个字符", "is too long: at most {limit} characters"),
    "not_in_range": (
        "须为 {low} 至 {high} 之间的数，而不是 {typed!r}",
        "must be a number from {low} to {high}, not {typed!r}",
    ),
    "not_yes_no": ("请回答 是 或 否，而不是 {typed!r}", "must be yes or no, not {typed!r}"),
    "no_choice": ("须为其中之一：{options}，而不是 {typed!r}", "must be one of {options}, not {typed!r}"),
    "no_id": (
        "须由字母、数字、- 和 _ 组成，最多 {limit} 个，而不是 {typed!r}",
        "must be letters, digits, - and _, at most {limit}, not {typed!r}",
    ),
    "id_taken": ("{typed!r} 已被使用", "{typed!r} is used already"),
    "wrong_url": ("{text}", "{text}"),
    "no_such_meter": ("没有电表 {typed!r}；有：{known}", "no meter {typed!r}; known: {known}"),
    "no_such_model": ("没有型号 {typed!r}；有：{known}", "no model {typed!r}; known: {known}"),
    "no_such_line": ("没有线路 {typed!r}；有：{known}", "no line {typed!r}; known: {known}"),
    # find
    "searching": ("正在查找 {count} 条总线上的电表……", "Looking for meters on {count} buses …"),
    "ask_buses": (
        "总线：串口或地址，用空格分开，如 /dev/ttyUSB0 tcp://192.168.1.20",
        "Buses: serial ports or addresses, with blanks between, like /dev/ttyUSB0 tcp://192.168.1.20",
    ),
    "no_meter": (
        "没有电表应答；检查电源、A/B 接线和地址，然后再试一次",
        "no meter answers; check the supply, the A/B wires and the addresses, then try again",
    ),
    "meter_silent": (
        "电表 {meter}（{place}）上次找到，这次没有应答",
        "meter {meter} ({place}) was found before and does not answer now",
    ),
    "look_at_label": (
        "请看电表 {meter}（{place}）的铭牌；应答与 {model} 相符：",
        "Look at the label of meter {meter} ({place}); it answers like a {model}:",
    ),
    "ask_model": ("型号", "Model"),
    "ask_meter_id": ("电表编号", "Id of the meter"),
    "ask_meters_right": (
        "正确就按回车；否则输入要改的电表，如 m3",
        "Enter if all is right, else the meter to correct, like m3",
    ),
    "place": ("位置", "place"),
    "model": ("型号", "model"),
    "serial": ("序列号", "serial"),
    "confidence": ("可信度", "confidence"),
    # receipt
    "agent_runs": ("服务已在运行，等待回执……", "The agent runs as a service; waiting for its receipt …"),
    "reading_meters": ("读取电表", "reading the meters"),
    "meter_bad": ("电表 {meter}：{why}", "meter {meter}: {why}"),
    "agent_failed": ("代理程序以 {code} 结束", "the agent ended with {code}"),
    "no_receipt": (
        "中心还没有为 {seals} 个签封签回执；检查网络、消息服务器和中心的登记，然后再试一次",
        "no seal of {seals} is signed for: check network, broker and the centre's register; then again",
    ),
    "receipted": (
        "第 {seal} 个签封已有中心签名的回执（共 {seals} 个，回执至 {receipted}）",
        "The centre has signed for seal {seal} ({seals} seals, receipted up to {receipted})",
    ),
    # lines
    "ask_gateway": ("网关编号", "Id of this gateway"),
    "ask_name": ("厂区名称", "Name of the site"),
    "ask_enterprise": ("企业名称", "Enterprise"),
    "ask_uscc": ("统一社会信用代码", "Unified social credit code"),
    "ask_address": ("地址", "Address"),
    "ask_technician": ("技术员姓名", "Your name"),
    "lines_intro": (
        "逐条输入线路（生产线、治理设施、总进线）。输入已有的编号可以修改。",
        "Name the lines: production, treatment, and the feed of all. An id that is there changes that line.",
    ),
    "ask_line": ("下一条线路的名称", "Name of the next line"),
    "ask_line_name": ("名称", "Name"),
    "ask_remove": ("删除 {line}？", "Remove {line}?"),
    "ask_kind": ("{name} 是", "{name} is"),
    "production": ("生产", "production"),
    "treatment": ("治理", "treatment"),
    "feed": ("总进线", "feed"),
    "ask_rated": ("{line} 的铭牌功率（kW）", "Power on the nameplate of {line}, in kW"),
    "ask_equipment": ("设备（品牌、型号，可空）", "Equipment (maker and type, or nothing)"),
    "ask_meters": ("{name} 由哪些电表计量", "Meters that measure {name}"),
    "ask_feeds": ("电表 {meter}（{model}）计量哪条线路", "Meter {meter} ({model}) measures"),
    "meters_without_line": ("还没有线路的电表：{meters}", "Meters without a line: {meters}"),
    "meter_without_power": (
        "电表 {meter} 不测功率，不计入线路",
        "meter {meter} measures no power and feeds no line",
    ),
    "ask_ct_ratio": (
        "电表 {meter}（{model}）的电流互感器变比，如 100/5 为 20",
        "Ratio of the current transformers of meter {meter} ({model}), 20 for 100/5",
    ),
    "ask_pt_ratio": (
        "电表 {meter}（{model}）的电压互感器变比",
        "Ratio of the voltage transformers of meter {meter} ({model})",
    ),
    "ask_linkage": (
        "{line} 治理哪些生产线（- 为无）",
        "{line} treats what these production lines emit (- for none)",
    ),
    "no_linkage": (
        "没有生产线或没有治理设施，因此没有关联",
        "no linkage: it takes a production line and a treatment line",
    ),
    "name": ("名称", "name"),
    "kind": ("类别", "kind"),
    "rated": ("铭牌", "nameplate"),
    "meters": ("电表", "meters"),
}


def said(key: str, **values: Any) -> str:
    """The sentence `key` in the chosen language."""
    return sentence(key, language(), **values)


def sentence(key: str, in_language: str, **values: Any) -> str:
    """The sentence `key` in one of the languages."""
    return SENTENCES[key][LANGUAGES.index(in_language)].format(**values)


def both(key: str, **values: Any) -> dict[str, str]:
    """The sentence `key` in both, as the journal keeps it."""
    return {one: sentence(key, one, **values) for one in LANGUAGES}
