"""What `verify`, `evidence`, `export` and the verbs of the centre print, in Chinese by the English.

{} stands for each value (`disk.translation`); their JSON stays in English.
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "good": "成立",
    "NOT GOOD": "不成立",
    "good, but {}": "成立，但{}",
    "{} and {}": "{}，且{}",
    "{} body is withheld": "{} 份内容被扣留",
    "{} bodies are withheld": "{} 份内容被扣留",
    "{} seal holds malformed records": "{} 个签封含有格式错误的记录",
    "{} seals hold malformed records": "{} 个签封含有格式错误的记录",
    "withheld: the bodies of seals {} are not here, and no sealed record declares them lost": (
        "被扣留：签封 {} 的内容不在此处，也没有签封的记录声明其丢失"
    ),
    "gateway {}: {} seals, {} records": "网关 {}：{} 个签封，{} 条记录",
    "enrolment: in the file; its signature is not checked without --centre-key": (
        "登记：在文件中；未给出 --centre-key，故未核验其签名"
    ),
    "enrolment: not in the file; the first key was given": "登记：不在文件中；已另行给出首密钥",
    "enrolled by the centre at {}: {}; meters: {}": "由中心于 {} 登记：{}；电表：{}",
    "from {} to {}": "自 {} 至 {}",
    "bodies: {} proved, {} not in the file": "内容：{} 份核验通过，{} 份不在文件中",
    "seal {}": "签封 {}",
    "verdict: {}; last seal {}": "结论：{}；最后的签封 {}",
    "{} seals, {} bytes": "{} 个签封，{} 字节",
    "{} bytes": "{} 字节",
    "gateway {}, {} to {}": "网关 {}，{} 至 {}",
    "window: seals {} to {}, {} records, {} readings": "时段：签封 {} 至 {}，{} 条记录，{} 个读数",
    "seals {} to {} rest on the {}": "签封 {} 至 {} 的依据：{}",
    "bodies absent: {} of the window": "缺少的内容：时段中的 {} 份",
    "episode {}: {}, {}": "事件 {}：{}，{}",
    "enrolment": "登记",
    "signed by the centre": "由中心签名",
    "not in the pack": "不在包中",
    "made by": "制作者",
    "the centre, which signed all of it": "中心，并签署了全部内容",
    "a gateway": "网关",
    "evidence {}": "证据 {}",
    "verdict": "结论",
    "its {} is not compared": "其 {} 未作比对",
    "enrolled {}": "登记于 {}",
    "meters: {}": "电表：{}",
    "{} at {}": "{}，签封 {}",
    "rekey": "换密钥",
    "replace": "更换设备",
    "revoke": "吊销",
    "REVOKED": "已吊销",
    "SET ASIDE": "被搁置",
    "no signed enrolment": "没有签署的登记",
    "recovery key": "有恢复密钥",
    "no recovery key": "没有恢复密钥",
    "certificate until {}": "证书至 {}",
    "waits for approval, code {}": "等待批准，校验码 {}",
    "unused tokens: {}": "未用的令牌：{}",
    "receipt for seal {}": "签封 {} 的回执",
    "receipt for seal {} and {}": "签封 {} 和 {} 的回执",
    "receipt for seal {} and {}, and {} between": "签封 {} 和 {} 的回执，其间另有 {} 个",
    "first key": "首密钥",
    "issued": "已签发",
    "waits, code {}": "等待，校验码 {}",
    "page": "页面",
    "{} is drawn as version {} did it, and this program draws {}": "{} 按版本 {} 绘制，而本程序按 {} 绘制",
    "do not rely on it": "不要依据它",
    "--html FILE draws the page of this evidence anew": "--html 文件 会重新绘制此证据的页面",
    "{} gateways": "{} 台网关",
    "authority {}": "证书机构 {}",
    "{}: good: {}, {} points, {} golden frames": "{}：正确：{}，{} 个测点，{} 个实录帧",
}
