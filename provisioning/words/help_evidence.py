"""Help of what learns from a chain, and of what writes and checks evidence.

English to Chinese (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "learn thresholds and lags from recorded data, into the site file": (
        "从记录的数据学习阈值与滞后，写入站点文件"
    ),
    "recorded loads through the detector, as if it were live": "让记录的负荷经过检测，如同实时运行",
    "write a gateway's stored chain to a file": "将网关保存的链写入文件",
    "the proof of some hours of a gateway as one file": "将网关某段时间的证明写成一个文件",
    "check evidence or an exported chain with only the centre's key": "只凭中心的公钥核验证据或导出的链",
    "show an episode of the stored chain with its evidence": "显示链中某个事件及其证据",
    "Learn from recorded loads.": "从记录的负荷学习。",
    (
        "Exit 1 where a linkage is refused (nothing is written then), or where changes of present "
        "parameters wait for --confirm. A question that nobody answered holds up nothing."
    ): (
        "若某关联不予采纳（此时什么也不写入），或现有参数的变更有待 --confirm，则以1退出。无人回答的问题"
        "不妨碍学习。"
    ),
    "The site file; its linkages get parameters.": "站点文件；学到的参数写入其中的关联。",
    "A CSV file or .xlsx with times, and a column a line.": "含时间、每条线路一列的CSV或.xlsx文件。",
    "Learn from what this gateway has sealed, instead of a file.": "从本网关已签封的数据学习，不用文件。",
    "With --chain: learn from this much of its end.": "用 --chain 时：取链末尾的这段时长学习。",
    "Learn from this day on: 2026-03-02.": "从这一天开始学习：2026-03-02。",
    "Learn until the end of this day.": "学习到这一天结束为止。",
    "Answer what was asked.": "回答提出的问题。",
    "One JSON object per linkage.": "每个关联一个JSON对象。",
    "Show what was learned, change nothing.": "显示学到的内容，不作改动。",
    "Replace parameters already in the site file.": "替换站点文件中已有的参数。",
    "The column of a line, by its name or number.": "某条线路所在的列，用列名或列号。",
    "W, kW, MW, Wh, kWh or MWh.": "W、kW、MW、Wh、kWh 或 MWh。",
    "Of times without one: +08:00 or Europe/Berlin; else the site's.": (
        "时间未写时区时：+08:00 或 Asia/Shanghai；不指定则用站点的时区。"
    ),
    "What 02/03/2026 means.": "02/03/2026 的读法：日在前或月在前。",
    "What 1,234 or 1.234 means.": "1,234 或 1.234 的读法：小数点或小数逗号。",
    "The sheet of a workbook with several.": "工作簿有多张表时用哪一张。",
    "Agree to what was assumed (it is shown).": "同意所作的假定（会显示出来）。",
    "Which episodes would the detector have raised?": "检测本会报出哪些事件？",
    "Lines and linkages; no more is needed.": "含线路和关联；不需要更多。",
    "A CSV file or .xlsx: times, a column a line.": "CSV或.xlsx文件：时间，每条线路一列。",
    "Use what this gateway sealed in the last two weeks instead of a file.": (
        "用本网关最近两周签封的数据，不用文件。"
    ),
    "Learn from the first hours, test the rest; 0 tests the site file's own parameters.": (
        "用最初若干小时学习，其余用于检验；0 则检验站点文件自身的参数。"
    ),
    "One JSON object per episode, then one summary.": "每个事件一个JSON对象，最后一个为汇总。",
    "Draw the days into this HTML file.": "将各日绘成此HTML文件。",
    "Write a chain to FILE: a gateway's own (--state), or what the centre holds (--store, --gateway).": (
        "将链写入文件：网关自己的（--state），或中心保存的（--store、--gateway）。"
    ),
    (
        "The centre's has the enrolment and every statement about keys in it, so the centre's public key "
        "is enough to check it. Whoever owns the database is not disturbed."
    ): "中心的链含有登记和全部密钥声明，因此只凭中心的公钥即可核验。不影响数据库的使用者。",
    "write a stored chain to a file": "将保存的链写入文件",
    "State folder of a gateway.": "网关的状态文件夹。",
    "The centre's database.": "中心的数据库。",
    "Which gateway, of the centre's database.": "中心数据库中的哪台网关。",
    "Write the evidence of a window or an episode to one file.": "将某个时段或某个事件的证据写入一个文件。",
    "At the centre: its database.": "在中心：其数据库。",
    "At the centre: the register, where the database is older.": "在中心：登记册，用于较旧的数据库。",
    "At the centre: its key file, which signs the pack.": "在中心：其密钥文件，用于给证据包签名。",
    "At the centre: the gateway's id.": "在中心：网关的编号。",
    "On the gateway: the site file.": "在网关：站点文件。",
    "On the gateway: the state folder, if it is not the site file's.": (
        "在网关：状态文件夹，如与站点文件所写不同。"
    ),
    "Begin of the window, 2026-11-22T06:00+08:00.": "时段起点，2026-11-22T06:00+08:00。",
    "End of the window.": "时段终点。",
    "Show this linkage only.": "只显示此关联。",
    "Its id or the beginning; the window is its two hours.": "事件编号或其开头；时段取其前后两小时。",
    "Every seal from the first, so that no receipt is needed.": "从第一个签封起全部写入，因而无需回执。",
    "The file to write; it must not exist.": "要写的文件；不得已经存在。",
    "Check FILE, written by `dianjian evidence`, `export`, `centre archive` or `centre clues export`.": (
        "核验由 `dianjian evidence`、`export`、`centre archive` 或 `centre clues export` 写出的文件。"
    ),
    (
        "With the enrolment in the file --centre-key is enough. Without, the enrolled first key must "
        "come from elsewhere: --first-key or --register."
    ): ("文件中含登记时，有 --centre-key 即可；没有时，登记的首密钥须另行给出：--first-key 或 --register。"),
    "The centre's public key, 64 hexadecimal digits.": "中心的公钥，64位十六进制数。",
    "The gateway's enrolled first key, 64 hexadecimal digits.": "网关登记的首密钥，64位十六进制数。",
    "Take the enrolled keys from the register.": "从登记册取登记的密钥。",
    "For a pack: redraw its page into this file.": "对证据包：将其页面重新绘入此文件。",
    "Also report whether this acceptance sheet is on record in it.": "同时报告这份验收单是否已记录在其中。",
    "One JSON object; one more for a sheet.": "一个JSON对象；有验收单时再加一个。",
    "Explain EPISODE (its id or the beginning of it), or list all episodes without it.": (
        "说明某个事件（其编号或编号的开头）；不指定则列出全部事件。"
    ),
    "The site file, for the centre's key; else the one that names the folder.": (
        "站点文件，取中心的公钥；不指定则用指向该文件夹的那一份。"
    ),
    "One JSON object per episode.": "每个事件一个JSON对象。",
    "Write the episode as a page.": "将事件写成网页。",
    "Write its two hours as a drawing.": "将其两小时绘成图。",
}
