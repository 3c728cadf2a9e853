"""The texts of the monthly self-check report."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

REPORT: Final[Mapping[str, Words]] = {
    "title": Words("月度自检报告", "Monthly self-check report"),
    "basis": Words(
        "由数据链计算得出：持有同一数据链者，用 dianjian report 或 dianjian centre report "
        "得到同样的内容和同样的哈希。",
        "Computed from the chain: whoever has the same chain gets the same content and the same hash by "
        "dianjian report or dianjian centre report.",
    ),
    "chain": Words("数据链", "Chain"),
    "gateway": Words("网关", "Gateway"),
    "site": Words("企业", "Site"),
    "month": Words("月份", "Month"),
    "seals": Words("签封", "Seals"),
    "seals told": Words("第 {first} 至 {last} 号，共 {seals} 个", "{first} to {last}, {seals} in all"),
    "without": Words("缺内容的签封", "Seals without their readings"),
    "tip": Words("末签封哈希", "Hash of the last seal"),
    "hash": Words("报告哈希", "Hash of this report"),
    "not whole": Words(
        "更早的签封已从本机删除：以下只反映现有部分，中心持有全部。",
        "Earlier seals were pruned here: this is what is left of them; the centre has all.",
    ),
    "archived": Words(
        "{gateway}：第{first}至{last}号签封的读数已归档；请先用 `dianjian centre unarchive` 放回",
        "{gateway}: the readings of seals {first} to {last} were archived; put them back with "
        "`dianjian centre unarchive`",
    ),
    "empty": Words("本月无读数", "there are no readings in this month"),
    "summary": Words("概要", "In short"),
    "meters": Words("数据完整性和有效传输率", "Completeness and effective transmission rate"),
    "meter": Words("电表", "Meter"),
    "line": Words("线路", "Line"),
    "due": Words("应到", "Due"),
    "come": Words("实到", "Come"),
    "good": Words("有效", "Good"),
    "with": Words("传输率", "Rate"),
    "without marked": Words("不计标记", "Unmarked"),
    "left out": Words("不计小时", "Left out, h"),
    "episodes": Words("事件", "Findings"),
    "from": Words("起", "From"),
    "to": Words("止", "To"),
    "what": Words("内容", "What"),
    "lasting": Words("未止", "open"),
    "marks": Words("标记与用电核对", "Marks against power"),
    "by": Words("标记人", "By"),
    "truth": Words("核对", "Power says"),
    "late": Words("迟报", "late"),
    "automatic": Words("由数据链得出的标记", "Marks that the chain makes"),
    "count": Words("次数", "How often"),
    "hours": Words("小时", "Hours"),
    "orders": Words("指令与答复", "Orders and answers"),
    "order": Words("指令", "Order"),
    "issuer": Words("发出单位", "Issuer"),
    "received": Words("收到", "Received"),
    "due at": Words("答复期限", "Answer due"),
    "answers": Words("答复", "Answers"),
    "test": Words("演练", "drill"),
    "refused": Words("网关拒绝：{reason}", "refused by the gateway: {reason}"),
    "verdicts": Words("应急减排结论", "Verdicts about reductions"),
    "verdict": Words("结论", "Verdict"),
    "same": Words("网关封存的结论", "Sealed by the gateway"),
    "yes": Words("一致", "the same"),
    "open": Words("未比对", "not compared"),
    "no": Words("不一致", "DIFFERS"),
    "not due": Words("尚未到期", "not due yet"),
    "in short": Words(
        "事件 {episodes} 件，其中违规 {violations} 件；人工标记 {marks} 条，其中与用电矛盾 {false} 条；"
        "指令 {orders} 件；减排结论 {verdicts} 条，其中与封存不一致 {differing} 条",
        "{episodes} findings, {violations} of them violations; {marks} marks of persons, {false} of them "
        "contradicted by power; {orders} orders; {verdicts} verdicts, {differing} of which differ from what "
        "is sealed",
    ),
    "wrong month": Words("--month：请写 YYYY-MM，如 2026-11", "--month: write YYYY-MM, like 2026-11"),
    "no site": Words(
        "{gateway}：链上还没有配置文件；请用 --site 指定",
        "{gateway}: no site file is in its chain yet; name one with --site",
    ),
    "written": Words("{file}：{month}，报告哈希 {sha256}", "{file}: {month}, hash of the report {sha256}"),
}
