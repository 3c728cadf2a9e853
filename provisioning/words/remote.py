"""What is said at the gateway of the site file that the centre has sent (`agent.site.remote`). Pure."""

from collections.abc import Mapping
from typing import Any, Final

from disk.translation import to_chinese
from evidence.words import Words

TRIAL: Final = Words(
    "中心下发的站点文件（指令 {order} 第{rev}版）正在试用：须获回执且电表均应答，否则自动恢复原文件",
    "a site file from the centre (order {order} rev {rev}) is on trial: a receipt and every meter have to "
    "prove it, or the file of before comes back",
)
KEPT: Final = Words(
    "现用站点文件由中心下发（指令 {order} 第{rev}版）",
    "the site file in force is the centre's (order {order} rev {rev})",
)
BACK: Final = Words(
    "中心下发的站点文件（指令 {order} 第{rev}版）未保留：{why}",
    "a site file from the centre (order {order} rev {rev}) did not stay: {why}",
)
VOID: Final = Words(
    "中心下发的站点文件（指令 {order} 第{rev}版）已失效：此后现场更改了站点文件",
    "the site file from the centre (order {order} rev {rev}) is void: the file here was changed since",
)
BACK_REMEDY: Final = Words(
    "更正后由中心重新下发：dianjian centre config status",
    "put that right, and have the centre send it again: dianjian centre config status",
)
VOID_REMEDY: Final = Words(
    "告知中心；需要时由其重新下发", "tell the centre, which can send it again where it is wanted"
)
_TOLD: Final[Mapping[str, tuple[Words, Words | None]]] = {
    "trial": (TRIAL, None),
    "kept": (KEPT, None),
    "back": (BACK, BACK_REMEDY),
    "void": (VOID, VOID_REMEDY),
}


def describe_remote(told: Mapping[str, Any]) -> tuple[Words, Words | None]:
    """What is to be said of a change as the status has it, and what to do where it did not stay."""
    said, remedy = _TOLD[told["state"]]
    parts = str(told["why"]).split("; ")
    why = Words("；".join(map(to_chinese, parts)), "; ".join(parts))
    return said.fill(order=told["order"], rev=told["rev"], why=why), remedy
