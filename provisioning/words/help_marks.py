"""Help of `dianjian marks`. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "marks against power, and the effective transmission rate": "用用电核对标记，以及有效传输率",
    "Marks of a gateway's chain: whether power bears them out, and what they do to the rate.": (
        "网关数据链上的标记：用电是否印证，以及对有效传输率的影响。"
    ),
    "One JSON object per row.": "每行一个JSON对象。",
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
