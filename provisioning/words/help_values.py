"""The names of values in the help of `dianjian`: what stands for an argument or behind an option.

English to Chinese (`disk.translation`). A name that is not here, as URL, is the same in both languages.
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "ADDRESS": "地址",
    "ANSWER": "答案",
    "CURSOR": "游标",
    "DAY": "日期",
    "ENROLMENT": "登记文件",
    "EPISODE": "事件",
    "FOLDER": "文件夹",
    "MONTH": "月份",
    "GATEWAY": "网关",
    "METER": "电表",
    "HEX": "十六进制",
    "HOST": "主机",
    "HOSTS": "主机",
    "ID": "编号",
    "KEY": "公钥",
    "LINE": "线路",
    "LINKAGE": "关联",
    "NAME": "名称",
    "USER": "用户",
    "PORT": "端口",
    "QUESTION": "问题",
    "RATIO": "变比",
    "UNIT": "单位",
    "WAY": "途径",
}
