"""Help of what is called at the centre. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "Compute again what GATEWAY has sealed about alerts; exit code 1 if its readings give other figures.": (
        "由读数重新计算网关封存的减排数字和结论；不一致时退出码为1。"
    ),
    "the centre's own keys and its register of gateways": "中心自己的密钥和网关登记册",
    "verify what gateways publish, and answer receipts": "核验网关发布的数据并签发回执",
    "what the centre verified, as JSON lines or for SQL; needs no key": (
        "中心核验过的数据，输出为JSON行或供SQL使用；无需密钥"
    ),
    "the city's page for a browser: every gateway, the sick ones first": (
        "供浏览器访问的全市页面：全部网关，有问题的在前"
    ),
    "copy the store to a file, or bring that copy up to date": "将数据库备份到文件，或更新该备份",
    "Copy the store to FILE, beside a running `subscribe`; a FILE of before takes what is new since.": (
        "将数据库备份到文件，不影响运行中的 `subscribe`；已有的备份只追加新内容。"
    ),
    "The other files of the centre (key, register, orders, office) are copied as they are.": (
        "中心的其他文件（密钥、登记册、指令、登记处）直接复制即可。"
    ),
    "closed months as files for dianjian verify, and out of the store": (
        "把已结束的月份写成 dianjian verify 可核验的文件，并移出数据库"
    ),
    "The folder of the archive.": "归档文件夹。",
    "A consumer's cursor: what it still needs stays. A file of consume, publish or hj212 send.": (
        "使用方的游标：它还需要的内容留下。consume、publish 或 hj212 send 的文件。"
    ),
    "This gateway alone.": "只处理此网关。",
    "This month alone, as 2026-11.": "只处理此月，如 2026-11。",
    "Write the files alone; the store gives nothing up.": "只写文件；数据库不移出任何内容。",
    "Say what would be written, and write nothing.": "只说明将写什么，不写。",
    "Write months that ended three days ago, a file for each gateway, and take them out of the store.": (
        "把三天前已结束的月份写成文件，每个网关一个，并移出数据库。"
    ),
    (
        "Nothing is taken out that was not read back from its file and verified. Seals, receipts and what "
        "the centre itself looks into stay. A call that was interrupted is repeated."
    ): (
        "只有从文件读回并核验过的内容才会移出。签封、回执以及中心自己要用的内容留下。中断后重复同一命令即可。"
    ),
    "put the readings of archived months back into the store": "把已归档月份的读数放回数据库",
    "Put back what each FILE of `dianjian centre archive` has, for evidence or reports of that time.": (
        "把 `dianjian centre archive` 文件中的内容放回，以便出具那段时间的证据或报告。"
    ),
    "make a store out of a back-up": "从备份恢复数据库",
    "The new store, which must be empty or not there.": "新的数据库，须为空或尚不存在。",
    "Make a store out of FILE, which `dianjian centre backup` wrote; FILE stays as it is.": (
        "从 `dianjian centre backup` 写出的文件恢复数据库；该文件保持不变。"
    ),
    "What came after the back-up the gateways send again, as far as their disks still have it.": (
        "备份之后到达的内容，只要网关磁盘上还有，会由网关重新发送。"
    ),
    "move the store to another place, such as a server": "将数据库迁到别处，例如数据库服务器",
    "The new place; empty.": "新的位置，须为空。",
    "Move the store, while no `subscribe` runs and the gateways wait; nothing that was receipted is lost.": (
        "迁移数据库：其间不运行 `subscribe`，网关等待；已回执的内容不会丢失。"
    ),
    "From then on `subscribe` refuses the old place. A call that was interrupted is repeated.": (
        "此后 `subscribe` 不再使用旧库。中断后重复同一命令即可。"
    ),
    "CSV with gateway,longitude,latitude; it goes before the site files.": (
        "含 gateway,longitude,latitude 的CSV；优先于站点文件。"
    ),
    "what the centre verified, on a topic of a broker": "将中心核验过的数据发布到消息服务器的主题",
    "Publish the verified lines of the centre's store, each at least once, with its `key`.": (
        "发布中心数据库中核验过的各行，每行至少一次，并带有 `key`。"
    ),
    "Lines go to TOPIC/GATEWAY/TYPE; none of the gateways' own.": (
        "各行发布到 主题/网关/类型；不得是网关自己的主题。"
    ),
    "One for each process.": "每个进程一个。",
    "The ledger of clues, to show those that are not closed.": "线索台账，用于显示未结的线索。",
    "The ledger of orders: keys that end, drift, officers of clues.": (
        "指令台账：即将到期的密钥、站点文件的偏离、线索经办人。"
    ),
    "Of the times on the page.": "页面上各时间的时区。",
    "A proxy sets it to who is signed in there.": "代理服务器用它说明登录者是谁。",
    "Who runs that proxy on this machine.": "在本机运行该代理的用户。",
    "A name of this page in browsers.": "此页面在浏览器中的名称。",
    "The office's folder, to show when certificates end.": "登记处的文件夹，用于显示证书到期时间。",
    "The centre's keys: enrol gateways, give them new keys, revoke them.": (
        "中心的密钥：登记网关、换发新密钥、吊销。"
    ),
    "the centre's own key and its register of gateways": "中心自己的密钥和网关登记册",
    "Compare the code of GATEWAY's request with what its screen shows, and let it in.": (
        "将网关申请的校验码与其屏幕所示相比对，予以准入。"
    ),
    "With --from, requests on a stick are taken in first, and the answers are written beside them.": (
        "有 --from 时先收取U盘上的申请，答复写在其旁边。"
    ),
    "The office's folder; see `dianjian centre authority`.": (
        "登记处的文件夹；见 `dianjian centre authority`。"
    ),
    "The register of gateways.": "网关登记册。",
    "Key file of the centre.": "中心的密钥文件。",
    "Folder, such as of a USB stick, with requests to take in.": "含待收取申请的文件夹，例如U盘上的。",
    "The code that the gateway shows; else it is asked for.": "网关显示的校验码；不指定则当场询问。",
    "Refuse the request for ever instead.": "改为永久拒绝该申请。",
    "Write the signing request (PEM) here, for an external authority.": (
        "将签名申请（PEM）写入此文件，交外部证书机构。"
    ),
    "Make FOLDER an enrolment office: a small authority of its own, or under an external one.": (
        "将文件夹建为登记处：自建的小型证书机构，或隶属外部证书机构。"
    ),
    "Its name in every certificate.": "其在每张证书中的名称。",
    "Certificate of an external authority, which will sign.": "负责签名的外部证书机构的证书。",
    "Write mosquitto.conf, ACL, the list of revoked certificates and a server certificate to --out.": (
        "将 mosquitto.conf、访问控制表、吊销清单和一张服务器证书写入 --out。"
    ),
    (
        "With --claim-port also claims.conf, for a second mosquitto that gateways without a certificate "
        "ask: a process of its own, so that no stranger's client id can throw out a gateway."
    ): (
        "有 --claim-port 时另写 claims.conf，供第二个mosquitto使用，没有证书的网关向它申请：它是独立的进"
        "程，陌生人冒用客户端名称也挤不掉任何网关。"
    ),
    (
        "A repetition renews the list (then send mosquitto SIGHUP) and, past two thirds of its life, the "
        "server's certificate; an external authority signs server.pem itself. Called by root, the folder "
        "becomes that of --user, who runs mosquitto; else mosquitto runs as who calls this."
    ): (
        "重复运行会更新吊销清单（随后向mosquitto发送SIGHUP），服务器证书寿命过三分之二时也一并更新；外部"
        "证书机构则自行签署 server.pem。以root运行时，文件夹归 --user 所有并由其运行mosquitto；否则以调用"
        "者的身份运行。"
    ),
    "The folder; made if it does not exist.": "文件夹；不存在则创建。",
    "Name or address that it is reached under; repeatable.": "访问它所用的名称或地址；可重复。",
    "Address to listen on.": "监听的地址。",
    "For gateways with a certificate.": "供有证书的网关使用。",
    "For gateways without one; else there is no such broker.": (
        "供没有证书的网关使用；不指定则没有这个消息服务器。"
    ),
    "There, for the centre; loopback.": "同处供中心使用的端口；仅本机。",
    "Who runs mosquitto, where root starts it. [default: mosquitto]": (
        "以root启动时由哪个用户运行mosquitto。[默认：mosquitto]"
    ),
    "Sign the client certificate of a process of the centre or, with HOSTS, one of a server there.": (
        "为中心的一个进程签发客户端证书；给出主机名时，签发该主机的服务器证书。"
    ),
    "Where the .pem and .key files go.": ".pem 和 .key 文件的存放位置。",
    "Each process of the centre needs its own: the broker lets in one connection a certificate.": (
        "中心的每个进程各需一张：消息服务器对每张证书只允许一个连接。"
    ),
    "Add a gateway: ENROLMENT is what `dianjian enrol` printed on it (a file, or - for input).": (
        "登记一台网关：登记文件是该网关上 `dianjian enrol` 的输出（文件，或用 - 表示标准输入）。"
    ),
    (
        "The centre signs the enrolment, and the register keeps it. A repetition changes nothing; a "
        "recovery key may be added where there was none."
    ): "中心给登记签名，由登记册保存。重复登记不作改动；原先没有恢复密钥的可以补上。",
    "The register of gateways; made if it is not there.": "网关登记册；不存在则创建。",
    "Make the centre's key and print the public half, which every site file needs as centre_key.": (
        "生成中心的密钥并输出其公钥，每个站点文件都需要它作为 centre_key。"
    ),
    "Key file to make; mode 0600.": "要生成的密钥文件；权限0600。",
    "Take the certificate of an external authority for GATEWAY, or write an answer to a stick.": (
        "收取外部证书机构为网关签发的证书，或将答复写到U盘。"
    ),
    "The external authority's certificate (PEM or DER).": "外部证书机构签发的证书（PEM或DER）。",
    "Folder, such as of a USB stick, to write the answer to.": "写入答复的文件夹，例如U盘上的。",
    "Print the public half of the centre's key again.": "再次输出中心的公钥。",
    "Show the gateways of the register, and what was signed about each.": (
        "显示登记册中的网关，以及为每台签署过的内容。"
    ),
    "The subscriber's database, to show where each chain stands.": "接收端的数据库，用于显示每条链的位置。",
    "The office's folder, to show tokens and certificates.": "登记处的文件夹，用于显示令牌和证书。",
    "Answer gateways that want to be enrolled or renewed, by EST, over a broker, or both.": (
        "答复要求登记或更新证书的网关，经EST、经消息服务器或两者皆可。"
    ),
    "Serve EST (RFC 7030) there, such as 127.0.0.1:8443.": "在此提供EST（RFC 7030），例如 127.0.0.1:8443。",
    "Name that gateways reach EST under; else HOST.": "网关访问EST所用的名称；不指定则用主机地址。",
    "Take renewals from this broker, mqtts://host:port.": "从此消息服务器接收更新申请，mqtts://主机:端口。",
    "Take claims from this, at its centre port.": "从此处接收登记申请，填其供中心使用的端口。",
    "Certificate of the broker's authority; else the office's own.": (
        "消息服务器证书机构的证书；不指定则用登记处自己的。"
    ),
    "A client certificate; else it makes one by itself.": "客户端证书；不指定则自行签发一张。",
    "Its key.": "其私钥。",
    (
        "Read GATEWAY again, which was set aside because it cost more than any honest one, with full quotas."
    ): "重新读取因耗费过大而被搁置的网关，配额恢复为满额。",
    (
        "It sends by itself what it has sealed meanwhile; nothing is lost. Look first why: `dianjian "
        "centre list --store` shows it, and so does the finding."
    ): (
        "它会自行补发期间签封的数据，不会丢失。请先查明原因：`dianjian centre list --store` 和相应发现均"
        "有说明。"
    ),
    "The register of gateways; the running subscriber reads the new line by itself.": (
        "网关登记册；运行中的接收端会自行读取新的一行。"
    ),
    "The subscriber's database: to refuse a gateway that is not set aside.": (
        "接收端的数据库：用于拒绝未被搁置的网关。"
    ),
    "One sentence, kept in the register.": "一句话，保存在登记册中。",
    (
        "Print what the centre holds of GATEWAY as a signed receipt, for `dianjian-agent rekey --receipt`."
    ): "将中心所持该网关的数据输出为签名的回执，供 `dianjian-agent rekey --receipt` 使用。",
    "The subscriber's database.": "接收端的数据库。",
    "Take a re-key by hand: FILE is what `dianjian-agent rekey` printed (a file, or - for input).": (
        "手工受理换密钥：文件是 `dianjian-agent rekey` 的输出（文件，或用 - 表示标准输入）。"
    ),
    "New hardware goes on as GATEWAY: print the file that `dianjian-agent install-replacement` takes.": (
        "新设备继续作为该网关：输出 `dianjian-agent install-replacement` 所需的文件。"
    ),
    "One sentence, part of the proof.": "一句话，成为证明的一部分。",
    "What `dianjian enrol` printed on the new gateway.": "新网关上 `dianjian enrol` 的输出。",
    "Count no further seal of GATEWAY (a replacement lifts it), with --authority also no certificate.": (
        "不再计入该网关的任何签封（更换设备可解除）；有 --authority 时其证书也一并吊销。"
    ),
    (
        "Then run `dianjian centre broker-config` again and send mosquitto SIGHUP: it refuses new "
        "connections from then on; a connection that stands ends with a restart of mosquitto."
    ): (
        "随后再次运行 `dianjian centre broker-config` 并向mosquitto发送SIGHUP：此后拒绝新的连接；已有的连"
        "接须重启mosquitto才会断开。"
    ),
    "The register of gateways; with --key and --store.": "网关登记册；与 --key 和 --store 同用。",
    "The office's folder: revoke the gateway's certificates.": "登记处的文件夹：吊销该网关的证书。",
    (
        "Give out a one-time token for GATEWAY: as text to type, and as one line with everything for a "
        "QR code."
    ): "为网关发放一次性令牌：可键入的文本，以及含全部信息、可制成二维码的一行。",
    "The centre keeps only what checks a MAC under the token, in enrolments.jsonl, mode 0600.": (
        "中心只保存用于核对令牌MAC的内容，在 enrolments.jsonl 中，权限0600。"
    ),
    "mqtts://host:port for the gateway's site file.": "写入网关站点文件的 mqtts://主机:端口。",
    "https:// address of `centre listen`.": "`centre listen` 的 https:// 地址。",
    "mqtts:// address of the broker's claim listener.": "消息服务器登记端口的 mqtts:// 地址。",
    "How long.": "有效时长。",
    "The site's name, which the gateway must then give.": "站点名称，网关届时须给出相同的名称。",
    "Site file whose meters the gateway must then have, and no others.": (
        "站点文件，网关届时须恰好有其中的电表。"
    ),
    "Ask no officer: for scripts and tests.": "不询问人员：用于脚本和测试。",
    "Verify, answer, and print JSON lines until SIGTERM or ctrl-C.": (
        "核验、答复并逐行输出JSON，直到SIGTERM或按下Ctrl-C。"
    ),
    "mqtts://host:port, or mqtt:// on this machine.": "mqtts://主机:端口，本机可用 mqtt://。",
    "Key file of the root, or of a receipt key that it has certified.": (
        "根密钥文件，或经根密钥认证的回执密钥文件。"
    ),
    "Database of what is verified.": "保存已核验数据的数据库。",
    "Certificate of the authority that signed the broker's.": "签发消息服务器证书的证书机构的证书。",
    "Own client certificate.": "自己的客户端证书。",
    "Fixed: the broker keeps the session under it.": "固定不变：消息服务器按此保留会话。",
    "Allow mqtt:// to another machine.": "允许以 mqtt:// 连接其他机器。",
    "Simulated time; receipts carry it.": "模拟时间；回执中会注明。",
    "Simulated time; a demo's.": "模拟时间，供演示使用。",
    "Print the verified lines of the centre's store, each with the cursor to go on behind it.": (
        "输出中心数据库中核验过的各行，每行附有游标，供下次从其后继续。"
    ),
    "what the centre verified, as JSON lines or for SQL": "中心核验过的数据，输出为JSON行或供SQL使用",
    "what the centre's receipts rest on, and who has which gateways": "中心的回执靠什么，哪些网关由谁负责",
    "Say on how many disks receipts rest, whether every gateway has a verifier, and what is overdue.": (
        "说明回执在几块磁盘上，每个网关是否都有核验进程，以及哪个月该归档。"
    ),
    "Exit 1 where nothing can be receipted.": "无法签发任何回执时退出码为1。",
    "How many `dianjian subscribe --slices` there are; each has a certificate of its own.": (
        "有几个 `dianjian subscribe --slices`；每个都有自己的证书。"
    ),
    "For `dianjian subscribe --slices`: which one of several.": (
        "供 `dianjian subscribe --slices` 使用：第几个。"
    ),
    (
        "One of several verifiers on one PostgreSQL database: an even part of the gateways, or these of 256 "
        "slices."
    ): "多个核验进程共用一个PostgreSQL数据库时：均分网关，或只管256片中的这些片。",
    "The subscriber's database; it may be running.": "接收端的数据库；接收端可以正在运行。",
    "Begin where this file says, and keep it up to date.": "从此文件所记处开始，并随时更新它。",
    'Begin behind the line with this cursor; "" for the first.': '从此游标所在行之后开始；"" 表示从头。',
    "Begin at the first line, whatever --cursor says.": "从第一行开始，不论 --cursor 如何。",
    "This gateway; may be repeated.": "只要此网关；可重复。",
    "Lines of this type.": "只要此类型的行。",
    "From this time on, 2026-11-22T06:00+08:00.": "从此时刻起，2026-11-22T06:00+08:00。",
    "Before this time.": "到此时刻之前。",
    "Credential file of a data logger that encrypts, else its packets have no values.": (
        "加密数采仪的密码文件；没有时其数据包没有数值。"
    ),
    "Go on with what comes, until SIGTERM or ctrl-C.": "持续输出新到的行，直到SIGTERM或按下Ctrl-C。",
    "Put the lines into this SQLite file, instead of printing them.": (
        "将各行写入此SQLite文件，不输出到屏幕。"
    ),
    "Print the JSON Schema of the lines.": "输出各行的JSON Schema。",
    "every gateway in a line, those that need somebody first": "每台网关一行，需处理的在前",
    "Show every gateway: what it needs, what it runs with, when it was last heard.": (
        "列出全部网关：需要什么、以什么运行、最近何时有数据。"
    ),
    "The ledger of orders, to see who runs with another file.": "指令台账，用于查看谁以另一份文件运行。",
    "Those alone; repeatable.": "只看这些；可重复。",
    "Those with this in name, plant, version or reason.": "网关名、厂名、版本或原因中含有此文字的。",
    "What comes first.": "何者在前。",
}
