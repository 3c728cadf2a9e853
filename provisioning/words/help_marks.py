"""Help of `dianjian marks`. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "marks against power, and the effective transmission rate": "用用电核对标记，以及有效传输率",
    "Marks of a gateway's chain: whether power bears them out, and what they do to the rate.": (
        "网关数据链上的标记：用电是否印证，以及对有效传输率的影响。"
    ),
    "One JSON object per row.": "每行一个JSON对象。",
    "the monthly self-check report, from the chain or the plant's archive": (
        "月度自检报告，由数据链或企业自存得出"
    ),
    "Completeness, findings, marks with what power says, orders and verdicts of a month.": (
        "一个月的数据完整性、事件、标记与用电核对、指令和减排结论。"
    ),
    "The monthly self-check report of GATEWAY, from what the centre holds.": (
        "网关的月度自检报告，由中心持有的数据得出。"
    ),
    "Write it as a page for paper into this file.": "写成可打印的页面，存入此文件。",
    "MONTH": "月份",
    "Of the plant's clock: 2026-11.": "按企业当地时间：2026-11。",
    "Another state folder than the site file's, such as the archive.": (
        "不用配置文件中的状态文件夹，而用另一个，例如企业自存。"
    ),
    "The site file, if not the one in the chain.": "配置文件；不给出时用数据链中的。",
    "With what the chain itself shows: contact lost, restarts, lines that stood or started.": (
        "含数据链自身显示的：失联、重启、线路停运或启动。"
    ),
    "what analysers say, against power": "用用电核对分析仪的数据",
    "When what an analyser says does not fit the power of the plant. Exit code 1 at a contradiction.": (
        "分析仪的数据与用电不符的时段。有矛盾时退出码为1。"
    ),
    "Most are questions to the plant. Each is shown with the curves of value, production and treatment.": (
        "多数是待向企业核实的问题；各附测值、生产、治理三条曲线。"
    ),
    "The catalogue of marks.": "标记目录。",
    "each mark, and whether power bears it out": "每个标记，以及用电是否印证",
    "Each mark of the chain with its truth. Exit code 1 if power contradicts one.": (
        "数据链上的每个标记及其核对结果。有标记与用电矛盾时退出码为1。"
    ),
    "the effective transmission rate, with and without marked hours": "有效传输率，含与不含标记时段",
    "Sum up by this.": "按此汇总。",
    "Validity times transmission of each meter, with and without the hours that marks leave out.": (
        "每块电表的有效率乘以传输率，含与不含标记免计的小时。"
    ),
    'What power contradicts leaves nothing out. "In time" is what was sealed within ten minutes.': (
        "与用电矛盾的标记不免计任何小时。“实时”指十分钟内封存的数据。"
    ),
}
