"""Help of the ledger of clues. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "CLUE": "线索",
    "clues, followed to their end by officers' signed steps": "线索：由人员逐步签字，办到结案",
    "Clues: found in the store, reviewed and followed by officers who sign every step.": (
        "线索：从数据库中发现，由人员核实并逐步签字办理。"
    ),
    "The ledger of clues.": "线索台账。",
    "Key file of the officer.": "人员的密钥文件。",
    "The officer, as the certificate names it.": "人员姓名，与其证书一致。",
    "The subscriber's database: where clues come from.": "订阅端的数据库：线索的来源。",
    "The subscriber's database: the site files with the positions.": "订阅端的数据库：含位置的站点文件。",
    "Look for new ones from then on; 30 days back if not given.": "查找自此以来的新线索；不指定则为30天。",
    "Also marks that power contradicts; needs --gateway, reads its chain.": (
        "同时列出与用电矛盾的标记；须给出 --gateway，会读取其数据链。"
    ),
    "The site file, instead of the one in the chain.": "站点文件；不指定则用数据链中的。",
    "The clues of the ledger, and with --store what could become one.": (
        "台账中的线索；给出 --store 时也列出可立为线索的内容。"
    ),
    "Every step of CLUE, with --store also whether the store has what it rests on.": (
        "线索的每一步；给出 --store 时也核对其依据是否在数据库中。"
    ),
    "How often each rule was right, from the clues that are closed.": "由已结线索得出每条规则的准确率。",
    "What was found or done, a page at most.": "发现或处理的内容，最多一页。",
    "The gateway that it is about.": "线索所涉网关。",
    "Begin with this episode, by its id.": "以此事件立案（事件编号）。",
    "Begin with a verdict about an alert: ORDER/REV/LINE.": "以应急减排判定立案：指令/版次/线路。",
    "Begin with a finding of the centre, as list shows it.": "以中心的发现立案，编号见 list。",
    "Begin with a mark that power contradicts, by its id.": "以与用电矛盾的标记立案（标记编号）。",
    "Look for it from then on; 30 days back if not given.": "自此时起查找；不指定则为30天。",
    "Names the clue; c and a number if it is not given.": "线索编号；不指定则为 c 加序号。",
    "Open a clue with what the store has, and sign its screening.": "以数据库中的内容立为线索，并签署排查。",
    "Where it stands after this step.": "此步之后所处的阶段。",
    "The review: the plant was abnormal, or the monitoring device.": "核实结论：企业异常或监控设备异常。",
    "End it: improved, or while screened because nothing was behind it.": (
        "结案：已规范提升，或排查后不成立。"
    ),
    "Recheck by power from then on; needs --store.": "用电复核的开始时间；须给出 --store。",
    "Recheck by power until then.": "用电复核的结束时间。",
    "Rests on this order to its gateway; repeatable.": "依据下达给该网关的指令；可重复。",
    "Rests on this evidence pack; repeatable.": "依据此证据包；可重复。",
    "Rests on this file; repeatable.": "依据此文件；可重复。",
    "Sign the next step of CLUE; without --stage a note where it stands.": (
        "签署线索的下一步；不给出 --stage 则为当前阶段的说明。"
    ),
    "The file to write.": "要写出的文件。",
    "Write the whole ledger into a file that anybody can check with the root's key.": (
        "将整个台账写成文件，任何人凭根公钥即可核验。"
    ),
    "CSV of gateway,longitude,latitude; it goes first.": (
        "CSV文件，表头 gateway,longitude,latitude；优先于站点文件。"
    ),
    "Write the clues as GeoJSON, each at the position of its site.": "将线索写成GeoJSON，各在其站点的位置。",
    "Write it as a page to print, too.": "同时写成可打印的页面。",
    "The work order for the technician: CLUE's review found that the monitoring device was abnormal.": (
        "给运维人员的工单：该线索的核实结论为监控设备异常。"
    ),
}
