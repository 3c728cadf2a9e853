"""Help of `dianjian hj212`: English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "platforms and data loggers that speak HJ 212: packets in words": "使用HJ 212的平台与数采仪：解释数据包",
    "platforms and data loggers that speak HJ 212": "使用HJ 212的平台与数采仪",
    "Platforms and data loggers that speak HJ 212-2017 or HJ 212-2025.": (
        "使用HJ 212-2017或HJ 212-2025的平台与数采仪。"
    ),
    "Say what the packets of FILE, a capture or a log, are; passwords are not shown.": (
        "解释抓包或日志文件中的数据包；不显示密码。"
    ),
    "An object a packet.": "每个数据包一个JSON对象。",
    "File with the password and SM4 keys of the host; mode 0600.": "含上位机密码和SM4密钥的文件；权限0600。",
    "The check that is usual here.": "此处惯用的校验方式。",
}
