"""What is said of mistakes in the register, the office and the store, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "; `dianjian centre authority` makes one": "；请先运行 dianjian centre authority",
    "another key has signed its enrolment: give the centre's own": "登记由另一密钥签署：请给出中心的密钥",
    "seal {} is missing in the store": "数据库中缺少签封{}",
    "it does not have seals {} to {} of the store": "没有数据库中的签封{}至{}",
    "seal {}: {}; put the file back from a copy of it": "签封{}：{}；请从副本恢复该文件",
    "{}; put the file back from a copy of it": "{}；请从副本恢复该文件",
    "the store has no seal {} like that of the file": "数据库中的签封{}与文件中的不同",
    "a seal or body of this month has just come": "该月刚到了签封或正文",
    "another process is reading this store": "另一进程正在读取此数据库",
    "is a cursor of another store": "是另一数据库的游标",
    "{}: has no journal; start `dianjian subscribe` of this version once": (
        "{}：没有流水；请用此版本运行一次 `dianjian subscribe`"
    ),
    "{}: is a copy that was not ended: repeat the call that began it": (
        "{}：是未完成的副本：请重复当初的命令"
    ),
    "{}: was moved, and what has come since is in the other place; use that one": (
        "{}：已迁走，此后到达的内容在新的位置；请使用新的位置"
    ),
    "{}: holds another store, or went on by itself; name a new place": (
        "{}：存有另一个数据库，或已自行继续接收；请指定新的位置"
    ),
    "a gateway that is not enrolled": "未登记的网关",
    "{}: has become shorter; lines of it are missing": "{}：变短了；缺少若干行",
    "no line is called {}": "没有名为 {} 的行",
    "token {} is there twice": "令牌 {} 出现两次",
    "a request that is not the one its code names": "申请与其校验码不符",
    "token {} is used twice": "令牌 {} 用了两次",
    "no gateway can be called {}": "网关不能叫 {}",
    "no such request": "没有这个申请",
    "the certificate is for a key that no request has": "证书所用的密钥不属于任何申请",
    "the certificate is for {}, not for {}": "证书是给 {} 的，不是给 {} 的",
    "the request of {} is not approved": "{} 的申请尚未批准",
    "the certificate is not a client's with CN = {}": "证书不是 CN = {} 的客户端证书",
    "the certificate is not signed by the authority of this office": "证书不是由本登记处的证书机构签发的",
    "{} has no certificate of this office": "{} 没有本登记处的证书",
    "the centre's register and key are needed: --register and --key": (
        "需要中心的登记册和密钥：--register 和 --key"
    ),
    "{}: an authority is there already; a key is never overwritten": "{}：已有证书机构；密钥从不覆盖",
    "the certificate is not that of an authority": "该证书不是证书机构的",
    "is no cursor": "不是游标",
    "{}: cannot be read: {}": "{}：无法读取：{}",
    "{}: is not UTF-8 at byte {}": "{}：不是UTF-8，第 {} 字节处",
    "{}; new hardware goes on with `dianjian centre replace`": (
        "{}；新设备请用 `dianjian centre replace` 继续"
    ),
    "{}: {} is enrolled with another recovery key": "{}：{} 登记时用的是另一个恢复密钥",
    "a statement for {}, which no line above enrols": "对 {} 的声明，而以上各行均未登记它",
    "the statement is not for {}": "声明不是针对 {} 的",
    "a readmission of {}, which no line above enrols": "恢复读取 {}，而以上各行均未登记它",
    "{} has another first key above": "{} 在上文中有另一个首密钥",
    "{} has another recovery key above": "{} 在上文中有另一个恢复密钥",
    "the enrolment of {} does not fit its line": "{} 的登记与所在行不符",
    "{} is enrolled with another first key": "{} 登记时用的是另一个首密钥",
    "{}: another database; name a file that is not there yet": "{}：是别的数据库；请指定尚不存在的文件",
    "{}: what is known of {} cannot be read: {}": "{}：关于 {} 的内容无法读取：{}",
    "{}: nothing has come of gateway {}; known: {}": "{}：没有收到过网关 {} 的数据；已有：{}",
    "{}: no seal {} to put a body to": "{}：没有可存放内容的签封 {}",
    "{} is not enrolled": "{} 未登记",
    "order {}: a gateway would refuse it: {}": "指令 {}：网关会拒绝它：{}",
    "order {}: number {} is not the next of {}": "指令 {}：编号 {} 不是 {} 的下一个",
    "order {}: revision {} by {} is there": "指令 {}：{2} 的第 {1} 次修订已存在",
    "order {}: it has ended already": "指令 {}：已经结束",
    "{} has {} orders that have not ended, and room for no more": "{} 有 {} 条未结束的指令，不能再多",
    "{}: no ledger is there; `dianjian centre keys root` begins one": (
        "{}：没有账簿；由 `dianjian centre keys root` 建立"
    ),
    "{}: is empty; `dianjian centre keys root` begins a ledger": (
        "{}：为空；由 `dianjian centre keys root` 建立账簿"
    ),
    "is no URL of PostgreSQL; write postgresql://USER@HOST:PORT/DATABASE": (
        "不是PostgreSQL的URL；请写 postgresql://用户@主机:端口/数据库"
    ),
    "has a password in it, which others can see: put it into a file, see libpq's passfile": (
        "含有口令，其他用户可以看到：请放入文件，见libpq的passfile"
    ),
    "names no host; write ?host=/run/postgresql for the socket of this machine": (
        "没有主机；本机的套接字请写 ?host=/run/postgresql"
    ),
    "names no database; write postgresql://USER@HOST:PORT/DATABASE": (
        "没有数据库名；请写 postgresql://用户@主机:端口/数据库"
    ),
    "is another machine: add ?sslmode=verify-full&sslrootcert=FILE": (
        "是另一台机器：请加上 ?sslmode=verify-full&sslrootcert=文件"
    ),
    "{}: needs PostgreSQL's driver: pip install 'dianjian-edge[centre]' ({})": (
        "{}：需要PostgreSQL驱动：pip install 'dianjian-edge[centre]'（{}）"
    ),
    "{}: a file has one owner; several verifiers share a store of PostgreSQL": (
        "{}：文件只能有一个所有者；多个核验进程须共用PostgreSQL数据库"
    ),
    "{}: the lease of this verifier has ended; others have its gateways": (
        "{}：本核验进程的租约已到期；其网关已由其他进程接管"
    ),
    "{}: another process has written {}": "{}：另一进程已写入 {}",
    "is neither auto nor a range like 0-127; the last slice is {}": (
        "既不是 auto，也不是 0-127 这样的范围；最后一片为 {}"
    ),
    "{}: holds no store of the centre; `dianjian subscribe` makes one": (
        "{}：其中没有中心的数据库；由 `dianjian subscribe` 建立"
    ),
    (
        "{}: a newer version of dianjian-edge brought it to schema {}; this one knows {}: install that one "
        "again; nothing was changed"
    ): "{}：较新版本的dianjian-edge已将其升级到格式 {}；本程序只认识 {}：请重新安装该版本；未作任何改动",
    "the key of {} was withdrawn: {}": "{} 的密钥已吊销：{}",
    "{} is in the area {}, which is not one of {}": "{} 属于区划 {}，不在 {} 的管辖范围内",
    "{} statements about officers, an export has at most {}": "有 {} 条关于人员的声明，导出最多 {} 条",
}
