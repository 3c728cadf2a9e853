"""What the demo says: events of the shift, its verdict, its end."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

WORDS: Final[Mapping[str, Words]] = {
    "begin": Words(
        "演示文件夹 {folder}，消息服务器 {broker}；先学习该厂此前72小时的数据……",
        "dianjian demo in {folder}, broker {broker}; learning from 72 hours of the plant ...",
    ),
    "act": Words("第{number}幕/共{count}幕  {title}", "Act {number}/{count}  {title}"),
    "verified": Words(
        "中心已核验：{severity} {finding} {state}",
        "verified at the centre: {severity} {finding} {state}",
    ),
    "broker killed": Words("消息服务器被强制终止", "the broker is killed"),
    "broker back": Words(
        "消息服务器恢复，{count}个签封待送达", "the broker is back; {count} seals wait for it"
    ),
    "agent killed": Words(
        "采集程序在签封{tip}之后被强制终止（SIGKILL）", "the agent is killed (SIGKILL) after seal {tip}"
    ),
    "agent back": Words("采集程序重新启动", "the agent is started again"),
    "recovered": Words("{seconds:.1f}秒后全部补齐", "all is there again after {seconds:.1f} s"),
    "over": Words(
        "班次结束；采集程序签封余下数据并等待回执",
        "the shift is over; the agent seals the rest and waits for its receipts",
    ),
    "goes on": Words(
        "演示继续，按ctrl-C结束；文件在 {folder}", "the demo goes on until ctrl-C; its files are in {folder}"
    ),
    "down broker": Words(
        "✖ 消息服务器已终止：数据在网关签封、排队", "✖ broker down: the gateway goes on sealing"
    ),
    "down agent": Words("✖ 采集程序已被终止（SIGKILL）", "✖ agent killed (SIGKILL)"),
    "enter": Words("按回车键继续（ctrl-C 结束）", "Enter goes on, ctrl-C ends"),
    "waits": Words("等待采集程序启动……", "waiting for the agent ..."),
    "interrupted": Words("已中断；各部分均已停止", "interrupted; all parts are stopped"),
    "logs": Words("各部分的日志在 {folder}", "the logs of the parts are in {folder}"),
    "not empty": Words(
        "{folder}：文件夹不为空，演示不会覆盖任何文件；请另选新文件夹",
        "{folder}: is not empty, and the demo overwrites nothing; name a new folder",
    ),
    "no folder": Words("{folder}：无法写入：{why}", "{folder}: cannot be written: {why}"),
    "no terminal": Words(
        "--tour 在幕间等待回车键，需要终端；请去掉 --tour",
        "--tour waits for Enter between acts and needs a terminal; leave it out",
    ),
    "summary": Words(
        "{readings}条读数、{seals}个签封，其中{verified}个已由中心核验；丢失{lost}，重复{duplicates}",
        "{readings} readings in {seals} seals, {verified} seals verified; lost {lost}, doubled {duplicates}",
    ),
    "evidence": Words(
        "证据：任何人可离线核验，只需中心的公钥",
        "The evidence, which anybody can check offline with the centre's key",
    ),
    "page": Words("证据页：{url}", "its page: {url}"),
    "change": Words(
        "现将其中一个字节（第{offset}字节）由0x{old:02x}改为0x{new:02x}，再次核验：",
        "Now one byte of it ({offset}) is changed from 0x{old:02x} to 0x{new:02x}, and it is checked again:",
    ),
    "accepted": Words("改动过的证据竟通过了核验", "the changed evidence was accepted"),
    "no evidence": Words("证据未能生成或核验：{why}", "the evidence could not be made or checked: {why}"),
}
PROBLEMS: Final[Mapping[str, Words]] = {
    "unverified": Words("中心的签封链核验不通过：{error}", "the centre's chain does not verify: {error}"),
    "absent": Words("中心缺少{count}个数据体", "{count} bodies are missing at the centre"),
    "forks": Words("{count}处分叉", "{count} forks"),
    "not there": Words("采集程序的{count}个签封不在中心", "{count} seals of the agent are not at the centre"),
    "not printed": Words("{count}条已核验记录未输出", "{count} verified records were not printed"),
    "doubled": Words("{count}条记录重复输出", "{count} records were printed more than once"),
    "not found": Words("未发现治污停运", "the switched-off treatment was not found"),
    "false": Words("误报违规：{which}", "false violations: {which}"),
    "no data loss": Words("电表失效未报为数据缺失", "the dead meter was not reported as loss of data"),
    "alive": Words("电表{meter}已失效，读数却为正常", "meter {meter} is dead, but its readings are good"),
}
LINES: Final = (
    ("p1", Words("电镀线", "plating line")),
    ("p2", Words("喷涂线", "spraying line")),
    ("p3", Words("烘干窑", "drying kiln")),
    ("t1", Words("排风喷淋", "fan, scrubber")),
    ("t2", Words("布袋除尘", "filter fan")),
)
"""The names of the lines, in the reader's language."""
