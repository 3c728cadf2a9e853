"""Help of orders and of the keys of bureaus. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "AREA": "区划",
    "GATEWAYS": "网关",
    "ORDER": "指令",
    "PUBLIC_KEY": "公钥",
    "the orders that a gateway holds, and the plant's answer": "网关持有的指令，以及企业的答复",
    "Who answers: a name.": "答复人姓名。",
    "What is said.": "答复内容。",
    "Beside the chain; 2 MB at most, repeatable.": "存于数据链旁的文件；最大2 MB，可重复。",
    "Compare the files of GATEWAY's answers and marks with what it sealed; exit code 1 if one was edited.": (
        "将网关答复和标记所附文件与封存的哈希比对；有文件被改动时退出码为1。"
    ),
    "Beside it the files lie where the store is a PostgreSQL database.": (
        "数据库为PostgreSQL时，文件存放在登记册旁。"
    ),
    "Compare these files, named by their hashes, instead.": "改为比对此文件夹中以哈希命名的文件。",
    "Erase this file at the centre; it is not asked for again.": "删除中心的此文件；不再索取。",
    "CODE": "代码",
    "a declaration of the plant: stop, fault, maintenance, holiday …": "企业申报：停产、故障、检修、放假等",
    "Declare CODE; without it, list the codes.": "申报一项代码；不给出代码时列出全部代码。",
    "Who declares; asks for the password, or reads it from standard input.": (
        "申报人；会询问密码，或从标准输入读取。"
    ),
    "About this line.": "针对此线路。",
    "About this meter.": "针对此电表。",
    "Why, in a sentence.": "一句话说明原因。",
    "Since when; now if it is not given.": "开始时间；不给出时为现在。",
    "Until when; it lasts if it is not given.": "结束时间；不给出时为持续中。",
    "Answers this order, too.": "同时答复此指令。",
    "Whose catalogue of marks.": "采用的行业标记目录。",
    "who of the plant may declare and answer": "企业中谁可以申报和答复",
    "The persons of the plant, each with a password of its own.": "企业的申报人，各有本人密码。",
    "Let NAME declare; asks for the password, or reads a line of standard input.": (
        "登记申报人；会询问密码，或从标准输入读取一行。"
    ),
    "The post, such as environmental officer.": "职务，如环保负责人。",
    "Who may declare.": "列出申报人。",
    "Let NAME declare no more; what was declared stays.": "移除申报人；已申报的内容保留。",
    "Show the orders in force, or answer ORDER: accepted, objected, declared or done.": (
        "显示有效的指令，或答复一条指令：accepted 接受、objected 异议、declared 申报、done 完成。"
    ),
    "STATE": "状态",
    "the root's statements about keys of bureaus and officers": "根密钥对各部门和人员密钥的声明",
    "The root: certify keys, say where gateways are, withdraw keys.": (
        "根密钥：认证密钥、登记网关所属区划、吊销密钥。"
    ),
    "The ledger of orders; see `dianjian centre keys root`.": "指令台账；见 `dianjian centre keys root`。",
    "Key file of the root.": "根密钥文件。",
    "Begin the ledger of orders under a root: the key that gateways have as centre_key.": (
        "以根密钥建立指令台账：即网关配置中的 centre_key。"
    ),
    "The first centre's key is root and receipt key in one, so enrolled gateways and old evidence go on.": (
        "最初的中心密钥同时是根密钥和回执密钥，因此已登记的网关和旧证据照常有效。"
    ),
    "Make the key of a bureau, an officer or a verifier, and print its public half for `certify`.": (
        "生成部门、人员或核验端的密钥，并输出其公钥，供 `certify` 使用。"
    ),
    "Say that PUBLIC_KEY is NAME's, for what, and how long.": "声明公钥归属何人、用于何事、有效至何时。",
    "What it is for.": "用途。",
    "The bureau's, the officer's or the verifier's.": "部门、人员或核验端的名称。",
    "Of a bureau: a kind of order that it may give; repeatable.": "部门可下达的指令种类；可重复。",
    "Of a bureau: the code of its area, 3702; all gateways without it.": (
        "部门的行政区划代码，如3702；不指定则为全部网关。"
    ),
    "In force from; now if it is not given.": "生效时间；不指定则为现在。",
    "To; two years if it is not given.": "失效时间；不指定则为两年后。",
    "Say that GATEWAY is in AREA, such as 370202: bureaus of areas around it may order it.": (
        "声明网关所属区划，如370202：其上级区划的部门可向它下达指令。"
    ),
    "End PUBLIC_KEY for good: gateways take nothing more that it signs.": (
        "永久吊销公钥：网关不再接受其签发的任何内容。"
    ),
    "Not believed from then on; now if not given.": "自何时起不可信；不指定则为现在。",
    "One sentence, part of the statement.": "一句话，是声明的一部分。",
    "Every certificate of the ledger, and what was withdrawn.": "台账中的全部证书及吊销情况。",
    "orders to gateways, and the board of what came back": "向网关下达指令，查看落实情况",
    "Orders to gateways: send, cancel, and see how far each has come.": (
        "向网关下达指令、撤销指令、查看每条指令的落实情况。"
    ),
    "Key file of the bureau.": "部门的密钥文件。",
    "The bureau, as its certificate names it.": "部门名称，与其证书一致。",
    "The subscriber's database: what came back.": "订阅端的数据库：网关返回的内容。",
    "Sign an order for each of GATEWAYS.": "向每个网关签发一条指令。",
    "What is asked.": "指令种类。",
    "Names the order; a later revision has the same.": "指令编号；后续修订沿用同一编号。",
    "Of the document.": "文号。",
    "From when on; now if it is not given.": "生效时间；不指定则为现在。",
    "Until when; 30 days if it is not given.": "失效时间；不指定则为30天后。",
    "An answer is awaited until then.": "答复期限。",
    "0 is the highest.": "0为最高。",
    "A drill: nothing follows from it but the answer.": "演练：除答复外不产生任何后果。",
    "JSON object: what the kind asks for.": "JSON对象：该种指令的内容。",
    "Fire the rows of a level of the reduction list at each of GATEWAYS.": (
        "在每个网关上启动减排清单中一个级别的措施。"
    ),
    "The reduction list that was sent, by its --id.": "已下发的减排清单，即其 --id。",
    "Of the alert, as the list has it, in Chinese or English.": "预警级别，与清单一致，中英文均可。",
    "When it begins.": "开始时间。",
    "When it ends.": "结束时间。",
    "End an order of one's own bureau, or of one below it, at each of GATEWAYS.": (
        "在每个网关上撤销本部门或下级部门的一条指令。"
    ),
    "The order that ends.": "要撤销的指令。",
    "What was sent.": "已发出的指令。",
    "Of this gateway alone.": "仅限该网关。",
    "How far each order has come: sent, sealed, shown, answered, missing.": (
        "每条指令的落实情况：已发出、已封存、已展示、已答复、未收到。"
    ),
    "An order with its body, and all that was answered.": "一条指令的内容及全部答复。",
    "The ledger of orders; it is read again when something was added.": "指令台账；新增内容会自动读取。",
    "KEY": "键",
    "VALUE": "值",
    "the site files of gateways, changed from afar": "远程更改网关的站点文件",
    "Change site files from one desk: see what would happen, send, follow.": (
        "集中更改站点文件：先看会发生什么，再下发，再跟踪。"
    ),
    "Show what a change would do at each of GATEWAYS; signs nothing. Exit code 1: not possible at one.": (
        "显示改动对各网关的影响，不签发任何指令。有一台不可行时退出码为1。"
    ),
    "Sign another site file for each of GATEWAYS.": "为各网关签发新的站点文件。",
    "What has come of changes, gateway by gateway; exit code 1 if one failed.": (
        "逐台显示改动的结果；有一台失败时退出码为1。"
    ),
    "The subscriber's database: what each gateway runs with.": "接收程序的数据库：各网关现用的站点文件。",
    "A whole site file; {{NAME}} stands for a column.": "完整的站点文件；{{名称}} 代表表中的一列。",
    "CSV with a row a gateway: what names stand for.": "CSV表，每台网关一行：各名称的值。",
    "One key, as meter.m1.fast_s=2.": "一个键，如 meter.m1.fast_s=2。",
    "Names the change; a later revision has the same.": "改动的编号；以后的修订沿用同一编号。",
    "When it begins; now if it is not given.": "何时开始；不指定则为现在。",
    "Gateways begin spread over this many seconds.": "各网关在这么多秒内错开启用。",
    "So long it may take to prove itself, before the old file comes back.": (
        "新文件须在这么多秒内通过验证，否则恢复原文件。"
    ),
    "One sentence for the chain.": "写入数据链的一句说明。",
    "A gateway that hears of it later refuses it; 7 days.": "此后才收到的网关予以拒绝；默认7天。",
    "Only the next so many; call it again for those after.": "只发给接下来的这么多台；再次调用则发给其后的。",
    "With --wave: more failures than this stop it.": "与 --wave 同用：失败超过此数即停止。",
    "Of this change alone.": "只看这一改动。",
    "look at a gateway from afar: doctor, bundle, log, bus": "远程诊断网关：体检、支持包、日志、总线",
    "Look at gateways from one desk: ask for a file, wait for it, read it.": (
        "集中诊断网关：索取文件、等待、查看。"
    ),
    "Ask each of GATEWAYS for a look at itself.": "请各网关自行诊断。",
    "Which look.": "诊断的内容。",
    "Of the log, as far as it reaches.": "日志的小时数，以代理内存中所有为限。",
    "Which bus is recorded, by its id.": "录制哪条总线，写其id。",
    "How long it is recorded.": "录制多少秒。",
    "A gateway that hears of it later refuses it; a day.": "此后才收到的网关予以拒绝；默认一天。",
    "What has come of an order to GATEWAY; exit code 1 where its file is not here.": (
        "发给 GATEWAY 的诊断指令的结果；文件未到时退出码为1。"
    ),
    "The order, by the --id that it was sent with.": "指令，即下发时的 --id。",
    "So long to wait for the file.": "等待文件的秒数。",
    "Write the file there instead of showing it.": "将文件写到此处，不显示。",
}
