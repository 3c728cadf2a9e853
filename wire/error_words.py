"""What is said of mistakes in enrolment, certificates and the connection, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "its receipt key is not in force any more": "其回执密钥已失效",
    "the certificates are not a byte string": "证书不是字节串",
    "the reason is not printable ASCII": "原因不是可打印的ASCII",
    "a signing request of {} bytes": "签名申请有 {} 字节",
    "not a signing request (PKCS#10)": "不是签名申请（PKCS#10）",
    "a signing request of {} bytes; at most {} are taken": "签名申请有 {} 字节；最多接收 {}",
    "the key of the signing request has not signed it": "签名申请不是由其密钥签名的",
    "the authority's key is not that of its certificate": "证书机构的密钥与其证书不符",
    "not a certificate (X.509)": "不是证书（X.509）",
    "an answer of {} bytes": "答复有 {} 字节",
    "not certificates in PKCS#7": "不是PKCS#7中的证书",
    "{} certificates, 1 to {} are wanted": "有 {} 张证书，应为1至 {} 张",
    "certificates of {} bytes": "证书有 {} 字节",
    "no certificates (PEM)": "没有证书（PEM）",
    "a certificate of {} bytes": "证书有 {} 字节",
    "not a private key (PEM, without password)": "不是私钥（PEM，无密码）",
    "a private key that is not ECDSA P-256": "私钥不是ECDSA P-256",
    "the key of the signing request is not ECDSA P-256": "签名申请的密钥不是ECDSA P-256",
    "the attribute of the signing request is not base64": "签名申请的属性不是base64",
    "the attribute of the signing request is not the one base64 of its bytes": (
        "签名申请的属性不是其字节的规范base64"
    ),
    "not an offer: it begins with {}": "不是登记单：应以 {} 开头",
    "not an offer: it is torn": "不是登记单：不完整",
    "not an offer: a part is there twice, or is not known to this version": (
        "不是登记单：有一部分出现两次，或此版本不认识"
    ),
    "not an offer: a part is missing": "不是登记单：缺少一部分",
    "the gateway's id is missing or has other than letters, digits and . _ -": (
        "网关编号缺少，或含字母、数字和 . _ - 以外的字符"
    ),
    "a fingerprint is neither 64 hexadecimal digits nor 43 characters": (
        "指纹既不是64位十六进制数，也不是43个字符"
    ),
    "an address in the offer is not mqtts://host:port or https://host:port": (
        "登记单中的地址不是 mqtts://主机:端口 或 https://主机:端口"
    ),
    "the end of the offer is not a number of seconds": "登记单的截止时间不是秒数",
    "the request is not a COSE_Sign1": "申请不是COSE_Sign1",
    "neither EdDSA nor ES256, or a header that is not used": "既不是EdDSA也不是ES256，或含不使用的头部",
    "unit_id is not a number": "unit_id 不是数",
    "first_key is no key": "first_key 不是密钥",
    "token is not the id of one": "token 不是令牌编号",
    "a token has {} characters": "令牌有 {} 个字符",
    "a token has {} letters and digits, not {}": "令牌有 {} 个字母和数字，不是 {} 个",
    "a token has no U": "令牌中没有字母U",
    "the token was mistyped: its check characters do not fit": "令牌键入有误：校验字符不符",
    "packet too large": "数据包过大",
    "{} is another machine: it needs mqtts://, or plain = true": (
        "{} 是另一台机器：需要 mqtts://，或写 plain = true"
    ),
    "{} is not mqtts://host:port or mqtt://127.0.0.1:port": (
        "{} 的写法应为 mqtts://主机:端口 或 mqtt://127.0.0.1:端口"
    ),
    "ca, certificate and key are for mqtts:// only": "ca、certificate 和 key 仅用于 mqtts://",
    "mqtts:// needs ca, certificate and key": "mqtts:// 需要 ca、certificate 和 key",
    "files is not an array of at most {}": "files 不是最多 {} 项的数组",
    "a piece of a file has bytes, and lies within the file": "文件分段须含有字节，且在文件范围之内",
    'must be two digits or "{}"': '须为两位数字或 "{}"',
    "must be letters and digits, with {role} and {facility}": "须为字母和数字，并含 {role} 和 {facility}",
    "{}: two are called {}": "{}：有两个名为 {}",
    "{}: at most {}, not {}": "{}：最多 {} 个，不能是 {} 个",
    "must be letters, digits, - and _": "须为字母、数字、- 和 _",
    "must be a part of a day without a rest": "须能整除一天",
    "must be a part of an hour without a rest": "须能整除一小时",
    "must be 2017 or 2025": "须为2017或2025",
    "must be host:port, and holds no password": "须为 主机:端口，且不含密码",
    "stands at the [[meter]] of this file; leave it out here": "写在本文件的 [[meter]] 中；此处请删去",
    "must be 24 letters and digits": "须为24个字母和数字",
    "must be 31 (air) or 32 (water)": "须为31（大气）或32（水）",
    "two have the id {}": "有两个的编号为 {}",
    "must be a letter and five digits, such as p99101": "须为一个字母和五位数字，如p99101",
    "missing: from which power on does it run?": "缺少：功率达到多少视为运行？",
    "{}: two meters have the code {} of ST={}": "{}：有两块电表使用ST={2}的编码 {1}",
    "{}: {} codes of ST={} fit into no packet": "{}：ST={2}的 {1} 个编码放不进一个数据包",
    "{}: is no TOML file of credentials": "{}：不是凭据的TOML文件",
    "{}: pw: must be six letters or digits in quotes": "{}：pw：须为引号中的六个字母或数字",
    "{}: sm4_key: must be 32 hexadecimal digits or 16 characters in quotes": (
        "{}：sm4_key：须为引号中的32位十六进制数或16个字符"
    ),
    "{}: was filled from another store; name a new file": "{}：来自另一个数据库；请指定新的文件",
}
