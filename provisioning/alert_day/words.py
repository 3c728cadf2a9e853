"""What the alert night says: its acts, what persons typed, how it ended."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

WORDS: Final[Mapping[str, Words]] = {
    "begin": Words(
        "演示文件夹 {folder}，消息服务器 {broker}；网关先经历预警前的十六天……",
        "demo in {folder}, broker {broker}; the gateway lives through the sixteen days before ...",
    ),
    "ordered": Words(
        "生态环境局下发减排清单，并发布22:00至次日01:00的红色预警",
        "the bureau sends its reduction list and a red alert from 22:00 to 01:00",
    ),
    "declared": Words(
        "企业在页面上申报 {line} 已停产，实际仍在生产",
        "the plant declares on its page that {line} stands; it works on",
    ),
    "asked": Words(
        "两个小时未达到要求，成为线索：生态环境局督办 {line}",
        "two hours in a row are a clue: the bureau asks about {line}",
    ),
    "answered": Words("企业在页面上看到督办并答复", "the plant sees the order on its page and answers"),
    "closed": Words(
        "申报与用电矛盾，答复被退回", "power contradicts the declaration: the answer is returned"
    ),
    "over": Words(
        "01:00 预警结束，02:00 得出结论；采集程序停止", "the alert is over and judged; the agent ends"
    ),
    "hour": Words("{line}：未达到要求的小时数 {count}", "{line}: hours not met: {count}"),
    "found": Words("发现违规", "a violation is found"),
    "ask": Words(
        "{line} 在红色预警停产期间仍有负荷，请说明原因",
        "{line} takes power although the red alert has it stand: explain",
    ),
    "stands": Words("响应红色预警停产", "stands for the red alert"),
    "excuse": Words("已接到督办，正在核实", "we have the order and look into it"),
    "untrue": Words("与用电不符，请重新答复", "this is not what its power shows: answer again"),
    "role": Words("环保专员", "environmental officer"),
    "typed": Words("页面 {url}：{text}", "on the page {url}: {text}"),
    "status": Words("采集程序的状态", "the status of the agent"),
    "alert": Words("预警到达网关", "the alert at the gateway"),
    "order": Words("督办到达网关", "the question at the gateway"),
    "answer": Words("答复入链", "the answer in the chain"),
    "check": Words("核查结果到达网关", "the result at the gateway"),
    "verdicts": Words("各生产线的结论", "the verdict of each line"),
    "receipts": Words("最后的回执", "the last receipts"),
    "did not come": Words("{seconds}秒内未等到：{what}", "not within {seconds} s: {what}"),
    "verb failed": Words("命令 dianjian {verb} 失败：{why}", "the call of dianjian {verb} failed: {why}"),
    "page failed": Words("页面 {url} 没有应答：{why}", "the page {url} does not answer: {why}"),
    "board": Words("落实情况：", "the board:"),
    "judged": Words(
        "从链上读数重新判定（任何有链的人都可以），{line} 未达到要求，所以退出码为1：",
        "judged again from the readings of the chain, as anybody can; {line} is not met, hence exit code 1:",
    ),
    "marks": Words("申报与用电：", "declarations beside power:"),
    "proved": Words(
        "陌生人只凭中心公钥，由证据包核验：何时收到、要求什么、测得什么、怎样答复：",
        "a stranger proves from a pack, with the centre's key alone, what was asked, measured and answered:",
    ),
    "page": Words("结论与曲线：{url}", "verdicts and curves: {url}"),
    "true": Words(
        "四条生产线的结论、申报真伪和督办经过，均与模拟工厂的实际一致",
        "the verdicts of four lines, the truth of the declaration and the way of the orders are what the "
        "simulated plant did",
    ),
}
PROBLEMS: Final[Mapping[str, Words]] = {
    "no verdict": Words("{line} 没有结论", "there is no verdict about {line}"),
    "verdict": Words(
        "{line} 的结论是 {said}，实际是 {true}", "{line} was judged {said}, and truly it is {true}"
    ),
    "treatment": Words(
        "{line} 的结论提到 {said} 个治污事件，与实际不符",
        "the verdict about {line} names {said} findings about treatment, which is not what happened",
    ),
    "mark": Words(
        "申报核对结果是 {said}，应为 {true}", "the declaration was found {said}, and truly it is {true}"
    ),
    "order": Words("指令 {order} 未见封存", "the order {order} was not sealed"),
    "proof": Words("证据包没有证明指令 {order}", "the pack does not prove the order {order}"),
    "answers": Words("指令 {order} 的答复是：{said}", "the answers to the order {order} are: {said}"),
}
LINES: Final = (
    ("p1", Words("冲压线", "stamping line")),
    ("p2", Words("喷涂线", "spraying line")),
    ("p3", Words("烘干窑", "drying kiln")),
    ("p4", Words("浇铸线", "casting line")),
    ("t1", Words("排风机", "exhaust fan")),
    ("t2", Words("布袋除尘", "filter fan")),
    ("t3", Words("喷淋塔", "scrubber")),
)
"""The names of the lines, in the reader's language."""
