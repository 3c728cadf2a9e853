"""Help of `dianjian curtail`. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "reduction lists, and who would pass if the alert were tonight": "减排清单，以及今晚预警谁能达到要求",
    "reduction lists, and who would pass tonight": "减排清单，以及今晚谁能达到要求",
    "Emergency reduction: check a reduction list, try an alert without sending it.": (
        "应急减排：检查减排清单，不下发指令地预演一次预警。"
    ),
    "reduction lists": "减排清单",
    "Reduction lists, as CSV or .xlsx.": "减排清单，CSV或.xlsx。",
    "Check the reduction list FILE; every odd row is told with its place.": (
        "检查减排清单文件；每个有问题的行都指明位置。"
    ),
    "Name of this edition of the list; else the file's.": "本期清单的名称；不指定则用文件名。",
    "The gateway of all rows, if the file has no such column.": "文件没有网关列时，所有行的网关。",
    "The sheet of a workbook with several.": "工作簿有多个工作表时选用的工作表。",
    "A site file: the lines of its gateway are looked up in it.": "站点文件：在其中查找该网关的线路。",
    "One JSON object per gateway: the body of its order.": "每个网关一个JSON对象：其指令的内容。",
    "who would pass if the alert were tonight": "如果今晚预警，谁能达到要求",
    "Who would pass tonight? Exit code 1 if a line would not.": (
        "今晚谁能达到要求？有线路达不到时退出码为1。"
    ),
    "The site file of the gateway.": "网关的站点文件。",
    "The reduction list, CSV or .xlsx.": "减排清单，CSV或.xlsx。",
    "The level of the alert, in Chinese or English: orange, red …": "预警级别，中英文均可：橙色预警、red等。",
    "Recorded loads instead of the gateway's own chain.": "用记录的负荷代替网关自己的数据链。",
    "The time of the dry run; else the end of the data.": "预演的时刻；不指定则取数据末尾。",
    "Length of the alert.": "预警持续天数。",
    "The sheet of a list that is a workbook with several.": "清单工作簿有多个工作表时选用的工作表。",
    "the alerts of a chain, judged again from its readings": "按读数重新判定数据链上的预警",
    "Judge each line of each alert in the chain, and compare with what the gateway has sealed.": (
        "判定数据链上每次预警的每条线路，并与网关封存的结果比较。"
    ),
    "Exit code 1 if one is not met, or if the gateway has sealed something else.": (
        "有未达到要求的，或网关封存的结果不一致的，退出码为1。"
    ),
    "One JSON object per body: baseline, hour, final.": "每条结果一个JSON对象：基准、小时、结论。",
    "One JSON object per line.": "每条线路一个JSON对象。",
    "a night under an emergency reduction, in about two minutes": "应急减排之夜，约两分钟",
    "Play a night under an emergency reduction, and compare the verdicts with what the plant did.": (
        "演示一个应急减排之夜，并将结论与工厂的实际比较。"
    ),
    "Print the verdicts as one JSON object on the last line.": "最后一行以一个JSON对象给出各结论。",
    "Draw baseline, limit and what was used into this HTML file.": "将基准、限值和实际用电绘入此HTML文件。",
}
