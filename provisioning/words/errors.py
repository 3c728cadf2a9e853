"""What is said of mistakes in the verbs, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "has {} bytes, not {}": "有 {} 字节，应为 {}",
    "{}: {} seals, {} bytes": "{}：{} 个签封，{} 字节",
    "{}: {}: no {} line {}; known: {}": "{0}：{1}：没有 {2} 类的线路 {3}；有：{4}",
    "approve needs either a GATEWAY or --from FOLDER": "approve 需要给出网关或 --from 文件夹 之一",
    "{} has no certificate yet: `dianjian centre approve` comes first": (
        "{} 还没有证书：请先运行 `dianjian centre approve`"
    ),
    "no request of {} waits": "{} 没有待处理的申请",
    "{}: no request (dianjian-*.csr) is there": "{}：没有申请（dianjian-*.csr）",
    "{}: --code is missing: what does the gateway's screen show?": (
        "{}：缺少 --code：网关屏幕上显示的是什么？"
    ),
    "{}: the code on the gateway's screen": "{}：网关屏幕上的校验码",
    (
        "{}: the code is not that of the request that came ({}): nothing is approved. If the gateway "
        "shows another one, somebody else used its token: --deny"
    ): (
        "{}：校验码与收到的申请（{}）不符：未予批准。若网关显示的是另一个，说明有人用了它的令牌：请用 --deny"
    ),
    "{}: {} may enter it from now on (setfacl -x u:{} takes it back)": (
        "{}：从现在起 {} 可以进入（setfacl -x u:{} 可收回）"
    ),
    "--user root: strangers reach this broker, so it does not run as root": (
        "--user root：陌生人可访问此消息服务器，因此不以root运行"
    ),
    "--user {}: there is no such user": "--user {}：没有这个用户",
    (
        "the readings of seals {} to {} were archived: put them back with `dianjian centre unarchive`, or "
        "give the file of that month"
    ): "签封{}至{}的读数已归档：请用 `dianjian centre unarchive` 放回，或提供该月的文件",
    "{}: readings of archived months are not in it, see the files of the archive": (
        "{}：不含已归档月份的读数，请见归档文件"
    ),
    "{}: is the store itself; name another place": "{}：就是该数据库本身；请指定别处",
    "{}: is no copy of a store; name a file that is not there yet": (
        "{}：不是数据库的备份；请指定尚不存在的文件"
    ),
    "{}: the disk is full: make room and start again; gateways keep what has no receipt": (
        "{}：磁盘已满：请腾出空间后重新启动；网关会保留尚无回执的内容"
    ),
    "{}; the same call goes on where it was": "{}；重复同一命令即从中断处继续",
    "{}: stop dianjian subscribe first": "{}：请先停止 dianjian subscribe",
    "--clues needs --orders too": "--clues 还须给出 --orders",
    "--proxy-user {}: there is no such user": "--proxy-user {}：没有这个用户",
    "--proxy-header and --proxy-user go together: a header alone could come from anybody here": (
        "--proxy-header 与 --proxy-user 须同时给出：单凭一个标头，本机任何人都可伪造"
    ),
    "--zone: an offset like +08:00, not {}": "--zone：应为 +08:00 这样的时差，不是 {}",
    "{}, line 1: is not gateway,longitude,latitude": "{}，第1行：不是 gateway,longitude,latitude",
    "{}: has {} fields and not 3": "{}：有 {} 个字段，应为3个",
    "{}: no longitude up to 180 and latitude up to {} degrees": ("{}：经度应不超过180度，纬度应不超过 {} 度"),
    "there is no user mosquitto: install mosquitto, or say --user NAME": (
        "没有用户mosquitto：请安装mosquitto，或用 --user 指定"
    ),
    "{} may not enter {}: say --out FOLDER elsewhere, or chmod o+x {}": (
        "{} 不能进入 {}：请用 --out 指定别处，或运行 chmod o+x {}"
    ),
    "not a re-key: {}": "不是换密钥声明：{}",
    "not a re-key: another statement": "不是换密钥声明：是别的声明",
    "not a re-key: the recovery key of {} has not signed it": "不是换密钥声明：{} 的恢复密钥没有签署它",
    "{}: {} goes on at seal {}": "{}：{} 从签封 {} 继续",
    "the request is that of gateway {}, not {}": "申请属于网关 {}，不是 {}",
    "not a request: {}": "不是申请：{}",
    "{}: the request has the key it was enrolled with, not a new one": (
        "{}：申请中的密钥就是登记时的密钥，不是新的"
    ),
    "{}: gateway {} is not enrolled": "{}：网关 {} 未登记",
    "{}: is there already; a key is never overwritten": "{}：已经存在；密钥从不覆盖",
    "not an enrolment: no {}": "不是登记：没有 {}",
    "not an enrolment: {}": "不是登记：{}",
    "listen needs --est HOST:PORT, --broker URL or --claims URL, or all of them": (
        "listen 需要 --est 主机:端口、--broker URL 或 --claims URL，或三者"
    ),
    "--est {}: must be HOST:PORT, such as 127.0.0.1:8443": "--est {}：须为 主机:端口，如 127.0.0.1:8443",
    "{}: no gateway is called {}": "{}：没有名为 {} 的网关",
    "{} is not set aside": "{} 没有被搁置",
    "{}: {} is let in again": "{}：{} 已恢复读取",
    "{}: {} certificates of {} are revoked": "{}：{2} 的 {1} 张证书已吊销",
    "{}: {} is revoked after seal {}": "{}：{} 自签封 {} 之后吊销",
    "revoke needs --authority, or --register, --key and --store, or all four": (
        "revoke 需要 --authority，或者 --register、--key 和 --store，或者四者都给出"
    ),
    "the broker did not start on port {}: {}": "消息服务器未能在端口 {} 启动：{}",
    "mosquitto is not installed: apt-get install mosquitto": "没有安装mosquitto：apt-get install mosquitto",
    "{} was not ready within {} s; see {}": "{} 在 {} 秒内没有就绪；见 {}",
    "{} ended with {}: {}; see {}": "{} 以 {} 结束：{}；见 {}",
    "{}: not recovered within {} s": "{}：{} 秒内没有恢复",
    "commissioning of {}: {}": "调试 {}：{}",
    "{}: a bundle is a .tar.gz or a .zip": "{}：技术支持包须为 .tar.gz 或 .zip",
    "{}: {}; try: sudo dianjian doctor": "{}：{}；可尝试：sudo dianjian doctor",
    "{}: no site file is there; `dianjian setup` writes one, or say --config FILE": (
        "{}：没有站点文件；`dianjian setup` 会写出，或用 --config 指定"
    ),
    (
        "a new gateway needs --recovery FILE: the key that gives it new keys when this disk is lost. "
        "Take the file away"
    ): "新网关需要 --recovery 文件：磁盘丢失时凭此密钥换发新密钥。请将该文件带离现场",
    "not base64": "不是base64",
    ": enrol by EST or a folder, or let it take 131072 (mosquitto: max_packet_size)": (
        "：请经EST或文件夹登记，或让它接收131072字节（mosquitto：max_packet_size）"
    ),
    "too large": "过大",
    "the broker does not allow it": "消息服务器不允许",
    "no authority is there; does `centre listen` run?": "没有证书机构；`centre listen` 在运行吗？",
    "the request has {} bytes, the broker takes {}{}": "申请有 {} 字节，消息服务器最多接收 {}{}",
    "a typed token needs --centre-key and --authority as well": (
        "手工键入令牌时还需要 --centre-key 和 --authority"
    ),
    "{}: is too long for a token": "{}：作为令牌过长",
    "{} does not name what is here: {}": "{} 所列与包中内容不符：{}",
    "another form": "形式不同",
    "the centre made this pack, and its signature for it is gone": "此包由中心所作，而中心的签名不见了",
    "a signature of the centre for a pack that it did not make": "包不是由中心所作，却有中心的签名",
    "{} is not what the evidence says, from byte {} on": "{} 与证据所述不符，自第 {} 字节起",
    "no episode{} in {}; known: {}": "没有事件{}，位于 {}；已有：{}",
    "a drawing shows one episode; name one of: {}": "一张图只画一个事件；请指定其一：{}",
    "seal {} holds what was never sealed: {}": "签封 {} 中有从未签封过的内容：{}",
    "give either --state, or --store and --gateway": "请给出 --state，或者 --store 和 --gateway",
    "{}: no chain is there; name the state folder of the agent": "{}：没有链；请指定代理的状态文件夹",
    "{}: holds no seal yet": "{}：还没有签封",
    "seals before {} were pruned on receipts or are lost; ask the centre": (
        "签封 {} 之前的部分已凭回执清除或已丢失；请向中心索取"
    ),
    "{}: no database is there; it is what `dianjian subscribe` keeps": (
        "{}：没有数据库；它由 `dianjian subscribe` 保存"
    ),
    "{}: nothing of gateway {} is held yet": "{}：还没有网关 {} 的数据",
    "no seal of gateway {} is held": "没有网关 {} 的签封",
    "seals before {} were pruned; the whole chain is at the centre": (
        "签封 {} 之前的部分已清除；完整的链在中心"
    ),
    "{} seals are needed; a pack holds {}: see `dianjian export`": (
        "需要 {} 个签封；一个包最多 {} 个：见 `dianjian export`"
    ),
    "no window: give --from and --to, or --episode": "没有时段：请给出 --from 和 --to，或 --episode",
    "the window is empty: --from is not before --to": "时段为空：--from 不早于 --to",
    "the window has more than {} days; ask for less": "时段超过 {} 天；请缩短",
    "no seal was made in the window; held are {}": "该时段内没有签封；现有 {}",
    "no episode {} is held; known are {}": "没有事件 {}；已知：{}",
    "{} episodes begin with {}: {}": "有 {} 个事件以 {} 开头：{}",
    "episode {} has no time that can be read: {}": "事件 {} 的时间无法读取：{}",
    "no receipt of the centre vouches for seals {} to {}; ask the centre": (
        "没有中心的回执为签封 {} 至 {} 担保；请向中心索取"
    ),
    "seal {} is needed and is not held; held are {}": "需要签封 {}，但此处没有；现有 {}",
    "{}: has {} bytes; no sheet is that large": "{}：有 {} 字节；验收单不会这么大",
    "{}: an exported chain is checked with the centre's key or the first key": (
        "{}：核验导出的链需要中心的公钥或首密钥"
    ),
    "{}: does not hold, {}": "{}：不成立，{}",
    "a body is not what was sealed": "有一份内容不是当初签封的",
    "{}: an evidence pack is checked with the centre's key": "{}：核验证据包需要中心的公钥",
    "{}: more than {} bytes; no pack is that large": "{}：多于 {} 字节；证据包不会这么大",
    "{}: is there already; evidence is never overwritten": "{}：已经存在；证据从不覆盖",
    "{}: there is no folder {}": "{}：没有文件夹 {}",
    "at the centre give --store, --key and --gateway": "在中心请给出 --store、--key 和 --gateway",
    "{}: {} has another first key than in {}": "{}：{} 的首密钥与 {} 中的不同",
    "give --store, --key and --gateway at the centre, --config on a gateway": (
        "在中心请给出 --store、--key 和 --gateway，在网关请给出 --config"
    ),
    "{}: broker.centre_key: missing; receipts cannot be checked": "{}：broker.centre_key：缺少；无法核验回执",
    "what is stored is not what was sealed: {}": "保存的内容不是当初签封的：{}",
    "what is stored does not prove itself:": "保存的内容不能自证：",
    "give --centre-key, or either --first-key or --register": (
        "请给出 --centre-key，或者 --first-key 与 --register 之一"
    ),
    "give either --first-key or --register": "请给出 --first-key 与 --register 之一",
    "{}: 64 hexadecimal digits, not {}": "{}：须为64位十六进制数，不能是 {}",
    "--register is for an exported chain; a pack takes --centre-key": (
        "--register用于导出的链；证据包用--centre-key核验"
    ),
    "an evidence pack is checked with the centre's public key: give --centre-key": (
        "核验证据包需要中心的公钥：请给出 --centre-key"
    ),
    "must be a table with zh and en, not {}": "须为含 zh 和 en 的表，不能是 {}",
    "version: {} is not known to this software, which writes {}": "version：此软件不认识 {}，它写的是 {}",
    "--answer {}: must be like --answer {}": "--answer {}：写法应如 --answer {}",
    "--answer {}: only a standby is answered with a power in kW": "--answer {}：只有待机以功率（千瓦）作答",
    "say what to test: either --csv FILE or --chain": "请写明检验什么：--csv 文件 或 --chain",
    "linkage: missing; add at least one [[linkage]]": "linkage：缺少；请至少加一个 [[linkage]]",
    "row {}: ends {} h after the first, too short for {} h of commissioning and something to test": (
        "第 {} 行：在首行之后 {} 小时结束，不足以调试 {} 小时并留出检验的部分"
    ),
    "row 2: linkage {}: no sample of its lines while commissioning": (
        "第2行：关联 {}：调试期间没有其线路的样本"
    ),
    "choose what to learn from: either --csv FILE or --chain": "请选择从哪里学习：--csv 文件 或 --chain",
    "{}: not written: {}": "{}：未写入：{}",
    "--from {} lies behind --until {}": "--from {} 在 --until {} 之后",
    "{} {}: must be a day like {} 2026-03-02": "{} {}：须为日期，如 {} 2026-03-02",
    "seal {}: {}; see dianjian doctor": "签封 {}：{}；见 dianjian doctor",
    "{} {}: must be like {} p1=NAME": "{} {}：写法应如 {} p1=列名",
    "say where the agent is: either --config SITE or --state FOLDER": (
        "请写明代理在哪里：--config 站点文件 或 --state 文件夹"
    ),
    "the agent in {} reports no figures of its buses: it is of an older version": (
        "{} 中的代理不报告总线数据：其版本较旧"
    ),
    "a password has {} characters or more, at most {} bytes": "密码至少 {} 个字符，最多 {} 字节",
    "{}: cannot be written: {}": "{}：无法写入：{}",
    "{}: others can read it (mode {}); chmod 600 {}": "{}：他人可读（权限 {}）；请运行 chmod 600 {}",
    "{}: keeps no password; write it with dianjian web --set-password {}": (
        "{}：没有保存密码；请用 dianjian web --set-password {} 写入"
    ),
    "{}: is there already and keeps no password; name another file": (
        "{}：已存在，且其中没有保存密码；请指定其他文件"
    ),
    "{}: its scrypt numbers cannot be used; write it anew": "{}：其scrypt参数不可用；请重新写入",
    (
        "--listen {}: not loopback, so a password is needed: dianjian web --set-password FILE, then "
        "--password-file FILE"
    ): (
        "--listen {}：不是本机地址，因此需要密码：先运行 dianjian web --set-password 文件，再用 --passwor"
        "d-file 文件"
    ),
    "{}:{}: cannot listen: {}": "{}:{}：无法监听：{}",
    "--listen: an address and a port like {} or [::1]:8460, not {}": (
        "--listen：写法应如 {} 或 [::1]:8460，不能是 {}"
    ),
    "--certificate and --key go together": "--certificate 与 --key 须同时给出",
    "is a ZIP archive, but no Excel workbook (.xlsx)": "是ZIP压缩包，但不是Excel工作簿（.xlsx）",
    "is a damaged workbook: {}": "是损坏的工作簿：{}",
    "{} unpacks to more than {} MiB": "{} 解压后超过 {} MiB",
    "has no {}": "没有 {}",
    "{} is not XML: {}": "{} 不是XML：{}",
    "{} cannot be unpacked: {}": "{} 无法解压：{}",
    "has a document type in its XML, which no workbook needs": "其XML中有文档类型声明，工作簿不需要它",
    "row {} is not behind row {}": "第 {} 行不在第 {} 行之后",
    "row {}: its cells are not in order": "第 {} 行：单元格没有按顺序",
    "row {}: a cell with more than {} characters": "第 {} 行：有单元格多于 {} 个字符",
    "row {}: no shared text {}": "第 {} 行：没有共享文本 {}",
    "give either the URL of a bus or --replay FILE": "请给出总线的 URL 或 --replay 文件 之一",
    "a record is not recorded again: give --record or --replay": (
        "记录不能再次记录：--record 与 --replay 只能用其一"
    ),
    "{}: not UTF-8 at byte {}": "{}：不是UTF-8，第 {} 字节处",
    "has no lines {} and {}": "没有 {} 和 {} 两行",
    "--model {} speaks {}, the bus at {} does not": "--model {} 使用 {}，而 {} 处的总线不是",
    "--address is for DL/T 645; a meter at {} has a --unit": "--address 用于DL/T 645；{} 处的电表用 --unit",
    "a meter at {} needs --address with its 12 digits; dianjian scan finds it": (
        "{} 处的电表需要 --address 及其12位数字；可用 dianjian scan 查找"
    ),
    "--first {} is above --last {}": "--first {} 大于 --last {}",
    "--record is for Modbus: record a DL/T 645 meter with dianjian read": (
        "--record 用于Modbus：DL/T 645 电表请用 dianjian read 记录"
    ),
    "{}: no DL/T 645 meter answers{}; check baud rate, parity E and A/B wires": (
        "{}：没有DL/T 645电表应答{}；请检查波特率、偶校验E和A、B线"
    ),
    "{}: enrol.token_file: missing, and it has no default": "{}：enrol.token_file：缺少，且没有默认值",
    "{}: find.buses: missing, and this machine has no serial port": "{}：find.buses：缺少，而本机没有串口",
    "{}: line: missing; say id, kind, rated_kw and meters of each line": (
        "{}：line：缺少；请写明每条线路的 id、kind、rated_kw 和 meters"
    ),
    "{}: {}.kind: missing; production, treatment or incomer": (
        "{}：{}.kind：缺少；production、treatment 或 incomer"
    ),
    "{}: {}: no meter {}; known: {}": "{}：{}：没有电表 {}；已有：{}",
    "{}: line.meters: {} feeds no line": "{}：line.meters：{} 不能用于线路",
    "{}: line: {} are all incomers; a site has one": "{}：line：{} 都是总进线；一个站点只有一条",
    "is no file": "不是文件",
    (
        "{}: was not written by this setup and stays as it is; move it away, or say site.replace = true "
        "in the answers"
    ): "{}：不是由此配置写出的，保持原样；请移走它，或在答案中写 site.replace = true",
    "{}: another setup is at work in this folder": "{}：另一个配置正在此文件夹中进行",
    "a number is wanted": "须为数",
    "{} has no zone; write {}+08:00 or {}Z": "{} 没有时区；请写 {}+08:00 或 {}Z",
    "{} is no time like 2026-11-22T06:00+08:00": "{} 的写法应如 2026-11-22T06:00+08:00",
    "the text does not fit into any QR code": "文本放不进任何二维码",
    "a QR code of version {} is wider than a terminal": "版本 {} 的二维码比终端更宽",
    "{} stands for {} and {}": "{} 既是 {} 又是 {}",
    "no order is held": "没有有效的指令",
    "no order {} is held": "没有指令 {}",
    "an answer of a person has a state and a name": "企业的答复须有状态和答复人姓名",
    "an address like https://192.168.8.1:8460/": "形如 https://192.168.8.1:8460/ 的地址",
    "--file: at most {}": "--file：最多 {} 个",
    "--line and --meter: a declaration is about one of them": "--line 和 --meter：一次申报只针对其中之一",
    "--order {}: the gateway holds no such order in force": "--order {}：网关没有此有效指令",
    "{} {}: the site file has no such id; it has: {}": "{} {}：配置文件中没有此编号；有：{}",
    "a declaration names the person": "申报须写明申报人",
    "an answer is accepted, objected, declared or done": (
        "答复须为 accepted 接受、objected 异议、declared 申报或 done 完成"
    ),
    "nothing is declared and no order is answered": "既未申报内容，也未答复指令",
    "the catalogue has no code {}; it has: {}": "标记目录中没有 {}；有：{}",
    "a declaration has a reason": "申报须写明说明",
    "it ends before it begins": "结束时间早于开始时间",
    "{}: has more than {} bytes; make it smaller": "{}：超过 {} 字节；请缩小后重试",
    "{}: {} MiB of files lie here; move old ones away": "{}：文件已达 {} MiB；请移走旧文件",
    "no line of a password": "不是密码行",
    "its scrypt numbers cannot be used; write it anew": "其scrypt参数不可用；请重新写入",
    "{}: keeps no persons: {}": "{}：不是申报人名单：{}",
    "{}: names somebody twice": "{}：有人重复登记",
    "there are {} persons already; remove one first": "申报人已有 {} 名；请先移除一名",
    "nobody is called {}": "没有名为 {} 的申报人",
    "--make-certificate: name the address that telephones open: --name 192.168.8.1": (
        "--make-certificate：请写明手机打开的地址：--name 192.168.8.1"
    ),
    "line 1: no column {} or {}": "第1行：没有 {} 或 {} 列",
    "line {}: has not as many cells as the first": "第 {} 行：单元格数与首行不同",
    "line {}: {} has a row already": "第 {0} 行：{1} 已有一行",
    "{}: nothing says what {} is; add a column {} to the table": (
        "{0}：没有说明 {1} 是什么；请在表中加一列 {2}"
    ),
    "{}: there is no {}": "{0}：没有 {1}",
    "{}: this version cannot read its site file: {}": "{0}：本版本不能读取其站点文件：{1}",
    "{}: write section.key, or section.ID.key for one of several": (
        "{}：应写作 段.键；同类有多个时写作 段.编号.键"
    ),
    "a model is a file of the gateway: only the gateway itself can check it": (
        "有型号是网关上的文件：只有网关自己能检查"
    ),
}
