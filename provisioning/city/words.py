"""The texts of the city's page."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from centre.fleet.judging import Gravity
from evidence.words import Language, Words

WORDS: Final[Mapping[str, Words]] = {
    "title": Words("全市网关", "Gateways of the city"),
    "stale": Words(
        "与监控中心的连接已中断，以下为最近一次所见", "the centre does not answer; this is the last it sent"
    ),
    "time": Words("{at}（本页每15秒更新）", "{at}, renewed every 15 seconds"),
    "all well": Words("一切正常：{total}台网关，无一需要处理", "All is well; none of {total} needs anybody"),
    "some": Words("{total}台网关，{act}台需要处理", "{act} of {total} gateways need somebody"),
    "some look": Words(
        "{total}台网关，无一需要处理，{look}台需要留意",
        "none of {total} gateways needs somebody; {look} to be looked at",
    ),
    "Look": Words("需留意的网关", "To be looked at"),
    "none": Words("登记册中尚无网关", "no gateway is enrolled yet"),
    "Act": Words("需处理的网关", "Needs somebody"),
    "Episodes": Words("未结束的事件", "Episodes that have not ended"),
    "Clues": Words("未结的线索", "Clues that are not closed"),
    "All": Words("全部网关（{count}）", "All gateways ({count})"),
    "Map": Words("分布图", "Map"),
    "Wall": Words("一览：每格一台网关", "At a glance: a field is a gateway"),
    "Unplaced": Words("无坐标的网关", "Without a position"),
    "more": Words("另有{count}台，见“全部网关”", "{count} more, see all gateways"),
    "more episodes": Words("另有{count}个", "{count} more"),
    "beyond": Words(
        "此处列出前{count}台；其余见 dianjian centre list",
        "the first {count} are listed; dianjian centre list has the others",
    ),
    "find": Words("查找网关、厂名或原因", "find a gateway, a plant or a reason"),
    "reading": Words(
        "正在读取历史：还有{count}台网关的事件与发现未读完",
        "the past is being read: episodes and findings of {count} gateways are still to come",
    ),
    "unreadable": Words(
        "数据库无法读取（{why}）；以下为{at}所见",
        "the store cannot be read ({why}); this is what was seen at {at}",
    ),
    "deaf": Words(
        "监控中心自{at}起收不到自己的信标：消息服务器或网络中断，任何网关都无法听到；数据在各网关中等待，不会丢失",
        "since {at} the centre does not hear its own beacon: the broker or the network is down and no "
        "gateway can be heard; what they seal waits there and is not lost",
    ),
    "idle": Words(
        "自{at}起数据库中没有新数据：dianjian subscribe 是否在运行？在此期间无法判断网关是否中断",
        "nothing has come into the store since {at}: is dianjian subscribe running? Until it does nobody can "
        "tell which gateway is silent",
    ),
    "register": Words("登记册无法读取：{why}", "the register cannot be read: {why}"),
    "office": Words("登记处无法读取：{why}", "the office cannot be read: {why}"),
    "clues": Words("线索台账无法读取：{why}", "the ledger of clues cannot be read: {why}"),
    "orders": Words("指令台账无法读取：{why}", "the ledger of orders cannot be read: {why}"),
    "key ends": Words(
        "{role}密钥“{name}”于{at}到期：请用根密钥认证新的",
        "the {role} key “{name}” ends at {at}: have the root certify another one",
    ),
    "receipt": Words("回执", "receipt"),
    "bureau": Words("部门", "bureau"),
    "officer": Words("人员", "officer"),
    "positions": Words("坐标文件无法读取：{why}", "the positions cannot be read: {why}"),
    "gateway": Words("网关", "gateway"),
    "state": Words("状态", "state"),
    "heard": Words("最近到达", "last heard"),
    "seal": Words("签封", "seal"),
    "version": Words("版本", "version"),
    "clock": Words("时钟", "clock"),
    "disk": Words("存储", "store"),
    "certificate": Words("证书至", "certificate until"),
    "synchronised": Words("已同步", "in step"),
    "unsynchronised": Words("未同步", "not in step"),
    "simulated": Words("模拟", "simulated"),
    "ago": Words("{age}前", "{age} ago"),
    "since": Words("自{at}", "since {at}"),
    "scale": Words("{km:g} 公里", "{km:g} km"),
}
STATES: Final[Mapping[Gravity, Words]] = {
    Gravity.ACT: Words("需处理", "act"),
    Gravity.LOOK: Words("需留意", "look"),
    Gravity.NEW: Words("尚无数据", "nothing yet"),
    Gravity.WELL: Words("正常", "well"),
    Gravity.OVER: Words("已吊销", "revoked"),
}
REASONS: Final[Mapping[str, Words]] = {
    "aside": Words("已搁置：{about}", "set aside: {about}"),
    "silent": Words("已{age}没有数据", "silent for {age}"),
    "finding": Words("{about}，{count}次，最近在{age}前", "{about}, {count} times, last {age} ago"),
    "finding once": Words("{about}，{age}前", "{about}, {age} ago"),
    "episode": Words("{about}，自{at}", "{about}, since {at}"),
    "clock": Words("时钟未同步", "its clock is not in step"),
    "meters": Words("{count}块电表无应答：{about}", "{count} meters do not answer: {about}"),
    "disk": Words("本机存储已用 {count} %", "its own store is {count} % full"),
    "backlog": Words("{count}个签封待送达", "{count} seals wait there"),
    "flash": Words("闪存寿命已用 {count} %", "its flash has used {count} % of its life"),
    "hot": Words("温度 {count} ℃", "it is {count} °C hot"),
    "memory": Words("可用内存仅 {count} MB", "only {count} MB of its memory are free"),
    "not judging": Words("判断程序已停止", "it does not judge any more"),
    "expired": Words("证书已于{at}到期", "its certificate ended at {at}"),
    "expires": Words("证书将于{at}到期", "its certificate ends at {at}"),
    "renewal late": Words(
        "证书自{at}起应续期，至今没有申请",
        "its certificate is to be renewed since {at}, and no request has come",
    ),
    "renewal waits": Words(
        "证书续期申请已等待{age}，须审批", "its renewal waits for an officer's approval for {age}"
    ),
    "renewal denied": Words("证书续期申请被拒绝", "the renewal of its certificate was denied"),
    "rekeying": Words(
        "正在换密钥：自{at}起还没有新密钥下的签封", "a re-key goes on: no seal under the new key since {at}"
    ),
    "drift": Words(
        "站点文件已在现场更改（上次下发：{about}）", "its site file was changed there since {about}"
    ),
}
CODES: Final[Mapping[str, Words]] = {
    "form": Words("报文格式错误", "a malformed message"),
    "signature": Words("签名不符", "a signature that does not fit"),
    "chain": Words("签封链不相接", "a seal that does not follow"),
    "fork": Words("同一编号有两个签封", "two seals of one number"),
    "gap": Words("签封缺号", "missing seals"),
    "body": Words("记录与签封不符", "records that do not fit their seal"),
    "withheld": Words("记录迟迟未送达", "records that do not come"),
    "record": Words("记录格式错误", "malformed records"),
    "clock_step": Words("时钟被调整", "its clock was set"),
    "clock_ahead": Words("时钟偏快", "its clock is ahead"),
    "clock_behind": Words("时钟偏慢", "its clock is behind"),
    "lost_tail": Words("断电丢失的记录", "records lost by its disk"),
    "drop": Words("已放弃的记录", "records that it gave up"),
    "attestation": Words("TPM证明不符或缺失", "a TPM attestation is wrong or missing"),
    "statement": Words("声明不符", "a statement that does not fit"),
    "fault": Words("中心程序出错", "this program failed on a message"),
    "model": Words("电表模型无法读取", "a meter model that cannot be read"),
    "pause": Words("签封中断", "a pause without seals"),
    "order_missing": Words("指令未签封", "an order that it has not sealed"),
    "foreign": Words("他人的签封", "a seal of another gateway"),
    "file_absent": Words("所附文件已不在网关", "a file that is not at the gateway any more"),
    "file_edited": Words("所附文件与签封的不符", "a file that is not what was sealed"),
    "files_full": Words("中心已无空间存放其文件", "no room at the centre for its files"),
    "verdict_unchecked": Words("减排结论未能重新计算", "verdicts that were not computed again"),
    "verdict_differs": Words("减排结论与由读数计算的不一致", "verdicts that are not what its readings give"),
}
"""Of the centre's findings; a newer code is shown as it is."""


@frozen
class Reader:
    """The reader's language: takes a key, gives the text."""

    language: Language

    def text(self, key: str, **values: object) -> str:
        """The text for `key` with `values` in it, of which `Words` are in the same language."""
        return WORDS[key].text(self.language, **values)

    def state(self, gravity: Gravity) -> str:
        """The name of a state."""
        return STATES[gravity].text(self.language)

    def reason(self, key: str, **values: object) -> str:
        """The sentence of a reason."""
        return REASONS[key].text(self.language, **values)

    def code(self, code: str) -> str:
        """The name of a finding."""
        return CODES[code].text(self.language) if code in CODES else code
