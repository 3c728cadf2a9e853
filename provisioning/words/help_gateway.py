"""Help of what is called on a gateway, from the demo to the renewal.

English to Chinese (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "a plant's shift, from the meters to the verified reading, in about 80 seconds": (
        "工厂的一个班次，从电表到核验通过的读数，约80秒"
    ),
    "read one meter and show its values": "读取一块电表并显示各测点的值",
    "find the meters of a bus": "查找总线上的电表",
    "name the model of a meter, with reasons": "识别电表型号并说明理由",
    "the meter models that are known": "已知的电表型号",
    "from a bare gateway to a signed acceptance sheet": "从空网关到签名的验收单，逐步引导",
    "live view of a running agent": "运行中代理的实时画面",
    "what is wrong with this gateway, with remedies; --bundle for support": (
        "检查本网关有何问题并给出处理办法；--bundle 打包供技术支持"
    ),
    "the gateway's page for a browser: status, orders, declarations": "网关网页：状态、指令、申报",
    "load, latency and errors of a running agent's buses and meters": (
        "运行中代理各总线和电表的占用率、延迟与差错"
    ),
    "make this gateway's keys and have the centre enrol it": "生成本网关的密钥并由中心登记",
    "renew this gateway's certificate for the broker when it is due": "到期时更新本网关连接消息服务器的证书",
    "电监 dianjian: power and emission metering that holds up as evidence.": (
        "电监 dianjian：可作证据的用电与排放计量。"
    ),
    "Language of the output; else from the locale.": "输出语言；不指定则按系统区域设置。",
    "Run the demo.": "运行演示。",
    "Print the verdict as one JSON object on the last line.": "最后一行以一个JSON对象给出结论。",
    "Which MQTT broker carries the messages.": "由哪种MQTT消息服务器传送消息。",
    "Stop between the acts until Enter.": "每幕之间暂停，按回车继续。",
    "Go on after the shift until ctrl-C, and keep the folder.": (
        "班次结束后继续运行，直到按下Ctrl-C；保留文件夹。"
    ),
    "Normal speed: the shift takes 66 minutes.": "正常速度：一个班次66分钟。",
    "Work here and keep it; a new or empty folder.": "在此文件夹中运行并保留；须为新的或空的文件夹。",
    ("Read the meter at URL (tcp://host:502, rtu:/dev/ttyS1?baudrate=9600&parity=N, rtu+tcp://host:port)."): (
        "读取 URL 处的电表（tcp://主机:502、rtu:/dev/ttyS1?baudrate=9600&parity=N、rtu+tcp://主机:端口）。"
    ),
    "DL/T 645 meters are at dlt645:/dev/ttyS1?baudrate=2400&parity=E or dlt645+tcp://host:port.": (
        "DL/T 645 电表写作 dlt645:/dev/ttyS1?baudrate=2400&parity=E 或 dlt645+tcp://主机:端口。"
    ),
    "The meter's address on a Modbus bus; 0, 255 over TCP. [default: 1]": (
        "电表在Modbus总线上的地址；经TCP可为0、255。[默认：1]"
    ),
    "The address of a DL/T 645 meter, 12 digits.": "DL/T 645 电表的地址，12位数字。",
    (
        "A known model, the path of a model file, or sunspec to find the registers at the meter; "
        "sunspec:2 is the second meter of a SunSpec device."
    ): (
        "已知型号、型号文件的路径，或写 sunspec 由电表自报寄存器；sunspec:2 为一台SunSpec设备中的第二块电表。"
    ),
    "Current transformer ratio, e.g. 20 for 100/5 A.": "电流互感器变比，例如100/5 A写作20。",
    "Voltage transformer ratio.": "电压互感器变比。",
    "One JSON object.": "一个JSON对象。",
    "Show the words as well as the values.": "除数值外还显示原始寄存器字。",
    "Write every request and answer here.": "将每次请求与应答记录到此文件。",
    "Overwrite files that are there.": "覆盖已存在的文件。",
    "Replay such a file in place of URL.": "重放此类记录文件，代替 URL。",
    "Probe every address of the bus at URL, and name what answers; DL/T 645 buses by wildcards.": (
        "探询 URL 处总线的每个地址，并识别应答的电表；DL/T 645 总线用通配地址。"
    ),
    (
        "Baud rates and parities that URL does not name are tried one after the other, the usual first. "
        "Where they give no byte at all, the rest is tried only if it is quick, or with --all. A TCP "
        "gateway is never asked faster than it answers."
    ): (
        "URL 未写明的波特率和校验方式逐一尝试，常用的在先。若一个字节也没有收到，其余组合仅在耗时不长时尝"
        "试，或用 --all 强制尝试。对TCP网关的询问不会快于其应答。"
    ),
    "The first address. [default: 1]": "起始地址。[默认：1]",
    "The last one. [default: 247; over TCP 0 and 255 as well]": "末尾地址。[默认：247；经TCP另加0和255]",
    "Seconds for an address that is silent. What a TCP gateway owes is waited for all the same.": (
        "无应答地址的等待秒数。TCP网关尚欠的应答仍会等完。"
    ),
    "Only units up to 32 and the usual serial settings.": "仅查地址1至32和常用串口参数。",
    "Every baud rate, parity and function, whatever the URL names or the search finds.": (
        "尝试所有波特率、校验方式和功能码，不论 URL 写了什么或已找到什么。"
    ),
    "One JSON object per meter, as soon as it is found.": "每找到一块电表立即输出一个JSON对象。",
    "Name the model of the meter at URL by its identity registers, else by what its registers hold.": (
        "识别 URL 处电表的型号：先看标识寄存器，否则看各寄存器中的内容。"
    ),
    "The meter's address on the bus; 0 and 255 over TCP.": "电表在总线上的地址；经TCP可为0和255。",
    "Which meter of a SunSpec device --model-file is for. [default: 1]": (
        "--model-file 用于SunSpec设备中的第几块电表。[默认：1]"
    ),
    "A model file to try beside the shipped ones.": "除自带型号外另加此型号文件参与比对。",
    "One JSON object with every model that fits.": "一个JSON对象，含所有相符的型号。",
    "Write the best model here, for the site file; for SunSpec with the registers found.": (
        "将最相符的型号写入此文件，供站点文件引用；SunSpec则连同找到的寄存器。"
    ),
    "List the models.": "列出各型号。",
    "A JSON list with every point.": "JSON列表，含每个测点。",
    "Validate a model FILE, one line a mistake.": "校验型号文件，每处错误一行。",
    "Write the tables of the shipped models into a document FILE, between its marks.": (
        "将自带型号的表格写入文档文件的标记之间。"
    ),
    "Go through everything that is not done yet; without STEP the guided session.": (
        "依次完成尚未完成的各步骤；不带步骤则为引导式配置。"
    ),
    "Where site file and journal are; /etc/dianjian for root, else the working folder.": (
        "站点文件与配置记录所在文件夹；root用户为 /etc/dianjian，其他为当前文件夹。"
    ),
    "Ask nothing: take defaults and the --answers file.": "不提问：采用默认值和 --answers 文件。",
    "TOML file with answers.": "含各项答案的TOML文件。",
    "One JSON object per event.": "每个事件一个JSON对象。",
    "Begin the commissioning period; once it is over, learn from it.": "开始调试期；结束后据此学习参数。",
    "begin the commissioning period; once it is over, learn from it": "开始调试期；结束后据此学习参数",
    "Make the keys and be enrolled at the centre by a token.": "生成密钥，凭令牌在中心登记。",
    "make the keys and be enrolled at the centre by a token": "生成密钥，凭令牌在中心登记",
    "Look at the buses and name the meters.": "查看各总线并识别电表。",
    "look at the buses and name the meters": "查看各总线并识别电表",
    "Name site, lines and linkages; which meter measures what.": "命名站点、线路与关联；哪块电表测哪条线路。",
    "name site, lines and linkages; which meter measures what": "命名站点、线路与关联；哪块电表测哪条线路",
    "Hashes of photos, numbers of the meters' seals.": "照片的哈希值和电表封印的编号。",
    "Listen for the data loggers of analysers.": "等待分析仪的数采仪连接。",
    "listen for the data loggers of analysers": "等待分析仪的数采仪连接",
    "Name the platforms that get the readings.": "输入接收读数的平台。",
    "name the platforms that get the readings": "输入接收读数的平台",
    "hashes of photos, numbers of the meters' seals": "照片的哈希值和电表封印的编号",
    "Seal, send, and wait for the centre's signature.": "签封、发送，并等待中心的签名。",
    "seal, send, and wait for the centre's signature": "签封、发送，并等待中心的签名",
    "Write the acceptance sheet, its hash into the chain.": "生成验收单，其哈希值写入链。",
    "write the acceptance sheet, its hash into the chain": "生成验收单，其哈希值写入链",
    "Only say whether this sheet is on record in the gateway's own chain.": (
        "仅检查这份验收单是否已记录在本网关的链中。"
    ),
    "From which power on each line counts as running.": "各线路功率达到多少视为运行。",
    "from which power on each line counts as running": "各线路功率达到多少视为运行",
    "Switch each machine and watch its reading follow.": "逐台启停设备，观察读数是否随之变化。",
    "switch each machine and watch its reading follow": "逐台启停设备，观察读数是否随之变化",
    "Check phases, transformers and ratios of each meter.": "检查每块电表的相序、互感器与变比。",
    "check phases, transformers and ratios of each meter": "检查每块电表的相序、互感器与变比",
    "Show lines with the loads of the last hour, linkages, buses, meters, seals and episodes.": (
        "显示各线路及其最近一小时的负荷、关联、总线、电表、签封和事件。"
    ),
    "The site file of the agent.": "代理的站点文件。",
    "One JSON object, once.": "一个JSON对象，只输出一次。",
    "Print it once, even on a terminal.": "只显示一次，在终端上也是如此。",
    "What a terminal gets anyway.": "终端上本来就是如此。",
    "Look at everything that a gateway needs, and say what to do.": "检查网关所需的一切，并说明如何处理。",
    "Changes nothing and disturbs no running agent. Exit 1 where something failed.": (
        "不作任何改动，不影响运行中的代理。有故障项时以1退出。"
    ),
    "The site file.": "站点文件。",
    "One JSON array: check, about, state, text, remedy.": "一个JSON数组：check、about、state、text、remedy。",
    "Also write a support archive without secrets, .tar.gz or .zip.": (
        "另写一个不含密钥的技术支持包，.tar.gz 或 .zip。"
    ),
    "Serve the page until ctrl-C.": "提供网页，直到按下Ctrl-C。",
    "Make a key and certificate for --name there, print the lines for the site file, exit.": (
        "在该文件夹为 --name 生成密钥和证书，打印配置文件所需各行，然后退出。"
    ),
    "Where to listen.": "监听的地址与端口。",
    "Require the password stored in this file.": "访问时要求输入此文件中保存的密码。",
    "Serve HTTPS with this certificate chain (PEM).": "以此证书链（PEM）提供HTTPS。",
    "The certificate's key (PEM).": "证书的私钥（PEM）。",
    "A name of this gateway in browsers.": "浏览器中访问本网关所用的名称。",
    "Ask for a password, store it in this file, exit.": "询问密码，存入此文件后退出。",
    "Show load, latency and errors of each bus and meter.": "显示每条总线和每块电表的占用率、延迟与差错。",
    "load, latency and errors of an agent's buses and meters": "代理各总线和电表的占用率、延迟与差错",
    "The agent's state folder, instead of --config.": "代理的状态文件夹，代替 --config。",
    "One JSON array, once.": "一个JSON数组，只输出一次。",
    "Redraw every 2 s until ctrl-C.": "每2秒刷新，直到按下Ctrl-C。",
    (
        "Make the keys (once); with a token, have the centre sign them and print the lines for the site file."
    ): "生成密钥（仅一次）；有令牌时由中心签名，并输出站点文件所需的各行。",
    "Where the recovery key goes, mode 0600: take this file away. Needed for a new gateway.": (
        "恢复密钥的存放位置，权限0600：请将此文件带离现场。更换网关时需要它。"
    ),
    "Ask here for the token or the line of the QR code.": "在此询问令牌或二维码中的那一行。",
    "File with the token, or with the line of the QR code.": "含令牌或二维码中那一行的文件。",
    "https://…, mqtts://… or file:DIR; else the address of the offer.": (
        "https://…、mqtts://… 或 file:文件夹；不指定则用登记单中的地址。"
    ),
    "With a typed token: the centre's public key.": "手工键入令牌时：中心的公钥。",
    "With a typed token: fingerprint of the authority.": "手工键入令牌时：证书机构的指纹。",
    "With a typed token: mqtts:// for the site file.": "手工键入令牌时：写入站点文件的 mqtts:// 地址。",
    "Seconds.": "秒数。",
    "JSON lines.": "逐行输出JSON。",
    "Renew the certificate if it is due; without a certificate there is nothing to renew.": (
        "证书到期时更新；没有证书则无可更新。"
    ),
    "renew this gateway's certificate when two thirds of its life are over": (
        "证书寿命过去三分之二后更新本网关的证书"
    ),
    "https://… or mqtts://…; else as at the enrolment.": "https://… 或 mqtts://…；不指定则与登记时相同。",
    "For a certificate that has expired: file with the line of a new QR code.": (
        "证书已过期时：含新二维码那一行的文件。"
    ),
    "Renew even before it is due.": "未到期也更新。",
}
