"""Help of `dianjian hj212`: English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "platforms and data loggers that speak HJ 212: packets in words": "使用HJ 212的平台与数采仪：解释数据包",
    "platforms and data loggers that speak HJ 212": "使用HJ 212的平台与数采仪",
    "Platforms and data loggers that speak HJ 212-2017 or HJ 212-2025.": (
        "使用HJ 212-2017或HJ 212-2025的平台与数采仪。"
    ),
    "Say what the packets of FILE, a capture, a log or an exported chain, are; passwords are not shown.": (
        "解释抓包、日志或导出链文件中的数据包；不显示密码。"
    ),
    "Send verified readings to the platforms of a host file until SIGTERM or ctrl-C.": (
        "将核验过的数据发送到上位机配置文件中的平台，直至收到SIGTERM或按Ctrl-C。"
    ),
    "The site file of a gateway that sends on its own, in place of --hosts.": (
        "自行上传的网关的配置文件，代替 --hosts。"
    ),
    "The host file: platforms, stations, codes.": "上位机配置文件：平台、站点、编码。",
    "Database of what waits; made if it is not there.": "待发数据的数据库；不存在则新建。",
    "At the first call: from this time on, instead of from now.": "首次运行时从此时刻起发送，而非从现在起。",
    "Each event as a line of JSON.": "每个事件一行JSON。",
    "Show a conversation with the platform HOST of a host file in words; no reading is sent.": (
        "以文字显示与配置文件中某平台的对话；不发送读数。"
    ),
    "The station, if it is not the first.": "站点的MN；不指定则为第一个。",
    "Show which data loggers call at a port of this machine, and what to write into the site file.": (
        "显示哪些数采仪连到本机的端口，以及应写入配置文件的内容。"
    ),
    "End after so many packets; 0 for all.": "收到若干个数据包后结束；0为不限。",
    "File with the key of a logger that encrypts; mode 0600.": "加密数采仪的密钥文件；权限0600。",
    "An object a packet, and at the end one for each logger.": "每个数据包一个JSON对象，最后每台数采仪一个。",
    "How long it listens.": "监听多长时间（秒）。",
    "An object a packet.": "每个数据包一个JSON对象。",
    "File with the password and SM4 keys of the host; mode 0600.": "含上位机密码和SM4密钥的文件；权限0600。",
    "The check that is usual here.": "此处惯用的校验方式。",
}
