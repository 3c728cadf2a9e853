"""Texts of the verbs about clues."""

from collections.abc import Mapping
from typing import Final

from evidence.clues.course import Outcome
from evidence.clues.recheck import Again, Lack
from evidence.words import Words

OUTCOMES: Final[Mapping[Outcome, Words]] = {
    Outcome.PLANT: Words("企业异常", "the plant was abnormal"),
    Outcome.DEVICE: Words("监控设备异常", "the monitoring device was abnormal"),
}
RESULTS: Final[Mapping[Again, Words]] = {
    Again.HOLDS: Words("整改有效：生产期间治污持续运行", "it holds: treatment ran while production did"),
    Again.AGAIN: Words("再次出现：生产期间治污停运", "it goes on: treatment lacked while production ran"),
    Again.UNCLEAR: Words(
        "不明确：治污停运时间介于启动时间与半小时之间", "unclear: longer than a start, no half hour"
    ),
    Again.CANNOT: Words("无法判定", "cannot be judged"),
}
WHYS: Final[Mapping[Lack, Words]] = {
    Lack.NONE: Words("", ""),
    Lack.NO_TREATMENT: Words("：线索不涉及治污线路", ": the clue has no treatment line"),
    Lack.NO_HABIT: Words("：此前用电不足以得知平时功率", ": too little is known of the days before"),
    Lack.BY_ITSELF: Words("：该治污设备平时即间歇运行", ": treatment runs by itself, a rest says nothing"),
    Lack.NOT_SEEN: Words("：复核期内数据不足", ": too little of the period is seen"),
    Lack.STOOD: Words("：复核期内生产不足8小时", ": production ran for less than eight hours"),
}
WORDS: Final[Mapping[str, Words]] = {
    "none": Words("没有线索", "there are no clues"),
    "row": Words(
        "{clue}  {stage}{closed}  {gateway}  {rule}  {lines}{outcome}",
        "{clue}  {stage}{closed}  {gateway}  {rule}  {lines}{outcome}",
    ),
    "closed": Words("（已结）", " (closed)"),
    "dismissed": Words("（排查后不成立）", " (nothing was behind it)"),
    "outcome": Words("，{outcome}", ", {outcome}"),
    "candidates": Words(
        "尚未立为线索（{count}）：仅供排查，不是结论", "not opened yet ({count}): questions, no verdicts"
    ),
    "no candidates": Words(
        "自 {since} 以来没有可立为线索的内容；更早的用 --since",
        "nothing since {since} could become a clue; earlier ones need --since",
    ),
    "candidate": Words(
        "  {what}  {gateway}  {id}  {rule}  {text}", "  {what}  {gateway}  {id}  {rule}  {text}"
    ),
    "step": Words(
        "第{seq}步  {at}  {stage}  {officer}：{text}", "step {seq}  {at}  {stage}  {officer}: {text}"
    ),
    "review": Words("  核实结论：{outcome}", "  review: {outcome}"),
    "recheck": Words(
        "  用电复核 {begin} 至 {end}：{result}{why}；"
        "生产{ran}小时，其间治污停运{lacked}分钟，最长{longest}分钟",
        "  recheck by power {begin} to {end}: {result}{why}; "
        "production ran {ran} h, treatment lacked {lacked} min of it, {longest} min at most at a time",
    ),
    "link": Words("  依据：{what} {id}{place}  {found}", "  rests on: {what} {id}{place}  {found}"),
    "place": Words("，{gateway} 第{seal}号签封", ", seal {seal} of {gateway}"),
    "same": Words("与数据库一致", "as in the store"),
    "differs": Words("与数据库不一致", "NOT AS IN THE STORE"),
    "unseen": Words("", ""),
    "unsigned": Words(
        "审核签字之前，线索不是结论。", "Until a review is signed, this is a clue and no verdict."
    ),
    "added": Words("{clue}：第{seq}步已签字入账，{stage}", "{clue}: step {seq} is signed and kept, {stage}"),
    "no clue": Words("{file}：没有线索 {id}；有：{known}", "{file}: has no clue {id}; it has: {known}"),
    "one origin": Words(
        "请给出且只给出一个来源：--episode、--verdict、--finding 或 --mark",
        "name one origin, and one alone: --episode, --verdict, --finding or --mark",
    ),
    "no origin": Words(
        "{gateway}：数据库中自 {since} 以来没有可立案的 {what} {id}；"
        "`dianjian centre clues list --store` 列出全部，更早的用 --since",
        "{gateway}: since {since} the store has no {what} {id} that could become a clue; "
        "`dianjian centre clues list --store` lists them, --since looks further back",
    ),
    "no order": Words("没有网关 {gateway} 的指令 {id}", "there is no order {id} of {gateway}"),
    "wrong key": Words(
        "{file}：该密钥不是人员 {name} 的；请检查 `dianjian centre keys list`",
        "{file}: is not the key of an officer {name}; see `dianjian centre keys list`",
    ),
    "no site": Words(
        "{gateway}：没有收到可读的站点文件；请用 --site 指定",
        "{gateway}: no site file came that can be read; give --site",
    ),
    "no walk": Words("{gateway}：{why}", "{gateway}: {why}"),
    "both times": Words(
        "复核需同时给出 --recheck-from 和 --recheck-until",
        "a recheck needs both --recheck-from and --recheck-until",
    ),
    "needs store": Words("复核需要 --store", "a recheck needs --store"),
    "looking": Words("查找线索", "looking for clues"),
    "rule": Words(
        "{rule}：在办{open}，已结{closed}："
        "企业异常{plant}、设备异常{device}、不成立{dismissed}；准确率{precision}",
        "{rule}: {open} open, {closed} closed: "
        "{plant} plant, {device} device, {dismissed} nothing; precision {precision}",
    ),
    "unknown": Words("无", "none yet"),
    "exported": Words(
        "{file}：{steps} 步，{clues} 条线索；离线核验：dianjian verify --centre-key {root} {file}",
        "{file}: {steps} steps, {clues} clues; check it offline: dianjian verify --centre-key {root} {file}",
    ),
    "map": Words("{file}：{count} 条线索有位置", "{file}: {count} clues with a position"),
    "unplaced": Words(
        "没有位置（站点文件未写 longitude、latitude）：{gateways}",
        "without a position (no longitude and latitude in the site file): {gateways}",
    ),
    "no work": Words(
        "{clue}：核实结论不是监控设备异常，没有工单",
        "{clue}: its review does not say that the device was abnormal: no work order",
    ),
    "work order": Words("运维工单", "Work order"),
    "for technician": Words("给运维人员", "For the technician"),
    "what to do": Words(
        "请到现场检查下列线路的电表、互感器和通信，并把结果告知办案人员；在签字之前不归责于企业。",
        "Look at the meters, transformers and lines below on the site, and tell the officer what was found; "
        "until that is signed, nothing of it is the plant's fault.",
    ),
    "clue": Words("线索", "clue"),
    "gateway": Words("网关", "gateway"),
    "named": Words("规则", "rule"),
    "lines": Words("线路", "lines"),
    "since": Words("开始时间（UTC）", "since (UTC)"),
    "found": Words("核实意见", "what the review says"),
    "officer": Words("签字人员", "signed by"),
    "fingerprint": Words("签字步骤哈希", "hash of the signed step"),
    "done": Words("处理结果", "what was done"),
    "signature": Words("运维人员签字、日期", "technician, date"),
}
