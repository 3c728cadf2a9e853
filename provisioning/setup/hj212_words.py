"""The texts and questions of a setup about data loggers and platforms of HJ 212."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

HJ212_WORDS: Final[Mapping[str, Words]] = {
    # loggers
    "loggers_later": Words(
        "数采仪会主动连接，在下一步（loggers）设置；这里只输入电表的总线",
        "data loggers call by themselves and come in the next step, loggers; here are the buses of meters",
    ),
    "loggers_intro": Words(
        "分析仪的数采仪是否用 HJ 212 向本网关发送？请在数采仪上把本网关设为又一个上位机（任意密码），"
        "地址如 {address}:9001。",
        "Does a data logger of an analyser send to this gateway by HJ 212? Enter this gateway there as "
        "one more platform, with any password, at an address like {address}:9001.",
    ),
    "ask_listen": Words(
        "数采仪连接本机的哪个地址和端口（- 为没有数采仪）",
        "Address and port of this machine at which loggers call (- for no logger)",
    ),
    "no_listen": Words(
        "须为本机的 IP 地址和端口，如 192.168.1.10:9001，而不是 {typed!r}",
        "must be an IP address of this machine and a port, like 192.168.1.10:9001, not {typed!r}",
    ),
    "listening": Words(
        "正在 {place} 等待数采仪发送实时数据……（不应答，数据不会丢失）",
        "Waiting at {place} for real time data of a logger … (nothing is answered, so nothing is lost)",
    ),
    "waiting_logger": Words("等待数采仪", "waiting for a logger"),
    "logger_calls": Words(
        "数采仪 {mn}（{host}）发来的第一个数据包：", "The first packet of the logger {mn} ({host}):"
    ),
    "packet_odd": Words("  异常：{what}", "  odd: {what}"),
    "packet_refused": Words("第 {place} 字节：拒绝：{why}", "byte {place}: refused: {why}"),
    "mn_no_address": Words(
        "MN {typed!r} 不能作为地址：须为 6 至 24 位字母、数字、- 和 _；请在数采仪上改正",
        "the MN {typed!r} can be no address: 6 to 24 letters, digits, - and _; correct it in the logger",
    ),
    "any_logger": Words("数采仪", "a data logger"),
    "no_logger": Words(
        "没有收到 {missing} 发到 {place} 的实时数据：检查数采仪上的地址、端口和网线",
        "no real time data of {missing} came to {place}: look at address, port and cable of the logger",
    ),
    "ask_more_loggers": Words("继续等待其他数采仪吗（是/否）", "Listen for another logger (yes/no)"),
    "ask_logger_model": Words("型号（hj212-air 废气，hj212-water 废水）", "Model (hj212-air or hj212-water)"),
    "ask_logger_id": Words("分析仪编号", "Id of the analyser"),
    "ask_every": Words(
        "{meter} 每隔多少秒发送实时数据", "{meter} sends real time data every so many seconds"
    ),
    "ask_only": Words("只接受来自 {host} 的连接（是/否）", "Take calls of {host} alone (yes/no)"),
    "logger_encrypts": Words(
        "{host} 发来的数据包已加密，现有密钥无法解开",
        "what {host} sends is encrypted, and no key at hand opens it",
    ),
    "ask_key": Words(
        "数采仪的 SM4 密钥（32 位十六进制或 16 个字符，不显示；回车为跳过）",
        "The SM4 key of the logger, 32 hexadecimal digits or 16 characters, not shown; Enter to pass over it",
    ),
    "no_key": Words(
        "密钥须为 32 位十六进制数字或 16 个字符", "a key is 32 hexadecimal digits or 16 characters"
    ),
    # platforms
    "platforms_intro": Words(
        "本网关是否用 HJ 212 向平台上报？逐个输入平台的名称；没有就按回车。",
        "Does this gateway send to a platform by HJ 212? Name one after the other, or press Enter for none.",
    ),
    "ask_platform": Words(
        "平台名称，如 city（已有的可修改）", "Name of a platform, like city (a known one is changed)"
    ),
    "too_many_platforms": Words("最多 {limit} 个平台", "at most {limit} platforms"),
    "address": Words("地址", "address"),
    "edition": Words("版本", "edition"),
    "ask_address_of": Words("平台的地址和端口，如 10.1.2.3:9001", "Its address and port, like 10.1.2.3:9001"),
    "no_address": Words(
        "须为 地址:端口，不含密码，如 10.1.2.3:9001，而不是 {typed!r}",
        "must be address:port without a password, like 10.1.2.3:9001, not {typed!r}",
    ),
    "ask_edition": Words("平台用哪一版标准", "Edition of the standard there"),
    "ask_pw": Words("访问密码（6 位，不显示）", "The password there, six letters or digits, not shown"),
    "ask_pw_again": Words(
        "访问密码（6 位，不显示；回车保留原有的密码和密钥）",
        "The password there, six letters or digits, not shown; Enter keeps the present one and its key",
    ),
    "no_pw": Words("密码须为 6 位字母或数字", "a password is six letters or digits"),
    "ask_platform_key": Words(
        "SM4 密钥（32 位十六进制或 16 个字符，不显示；回车为不加密）",
        "The SM4 key, 32 hexadecimal digits or 16 characters, not shown; Enter for none",
    ),
    "ask_mn": Words("设备唯一标识 MN（24 位）", "MN, 24 letters and digits"),
    "no_mn": Words(
        "MN 有 24 位字母和数字，不是 {count} 位：{typed!r}",
        "an MN has 24 letters and digits, not {count}: {typed!r}",
    ),
    "ask_st": Words("监测类别", "What is monitored there"),
    "st_31": Words("废气（ST=31）", "air (ST=31)"),
    "st_32": Words("废水（ST=32）", "water (ST=32)"),
    "ask_facility": Words(
        "电表 {meter}（{line}）是第几号设施（- 为不上报）",
        "Number of the facility that {meter} ({line}) measures (- not to send it)",
    ),
    "ask_condition": Words(
        "电表 {meter} 的关键工况编码（ST=45），如 p99102（- 为没有）",
        "Code of the working condition of {meter} (ST=45), like p99102 (- for none)",
    ),
    "ask_equipment_number": Words(
        "电表 {meter} 的设备编号 SBn 中的 n（- 为没有）", "The n of SBn of {meter} (- for none)"
    ),
    "ask_analyser": Words(
        "用这个 MN 上报哪台分析仪（一个 MN 一台）", "Analyser that is sent under this MN, which can have one"
    ),
    "no_analyser": Words("不上报分析仪", "none"),
    "no_number": Words(
        "须为 1 至 {most} 的整数，而不是 {typed!r}", "must be a whole number from 1 to {most}, not {typed!r}"
    ),
    "no_condition": Words(
        "须为一个字母和五位数字，如 p99102，而不是 {typed!r}",
        "must be a letter and five digits, like p99102, not {typed!r}",
    ),
    "platform_empty": Words("平台 {name} 没有要上报的电表", "nothing is to be sent to the platform {name}"),
    "checking_platform": Words(
        "正在与 {address} 试通信，不发送读数……", "Talking to {address}; no reading is sent …"
    ),
    "platform_answers": Words("平台 {name} 有应答", "the platform {name} answers"),
    "platform_silent": Words(
        "平台在 {seconds} 秒内没有应答：检查 MN、密码、密钥和版本",
        "the platform did not answer within {seconds} s: look at MN, password, key and edition",
    ),
    "ask_failed_platform": Words("怎么办", "What now"),
    "platform_again": Words("再试一次", "try again"),
    "platform_keep": Words("先保留，以后再试", "keep it, and try later"),
    "platform_remove": Words("删除这个平台", "remove this platform"),
}
"""By the key that a question or an answer has."""
