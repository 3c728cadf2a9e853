"""The acts of the shift: when each begins in minutes of the plant's clock, its title, what to look at.

What the plant does by itself stands in `firmware_sim/plants/demo.toml`; a test holds both to the same
minutes.
"""

from typing import Final

from attrs import frozen

from evidence.words import Words
from provisioning.demo.words import WORDS

OFF_MIN: Final = 25
DEAD_METER_MIN: Final = 40
BROKER_AWAY_MIN: Final = 46
BROKER_BACK_MIN: Final = 51
KILL_MIN: Final = 57
KILLED_MIN: Final = 1
"""The agent stays dead for a real second, so that it is seen, and not so long that data count as lost."""
SHIFT_MIN: Final = 66


@frozen
class Act:
    """A part of the shift.

    Attributes:
        begin_min: Minutes of plant time after the start.
        title: Shown above the plant.
        look: What happens, and where to see it.
    """

    begin_min: int
    title: Words
    look: Words


ACTS: Final = (
    Act(
        0,
        Words("早班开工", "A morning shift begins"),
        Words(
            "九块电表、三条生产线、两套治污设施；治污先于生产开启。",
            "Nine meters, three production lines, two treatment lines that start first.",
        ),
    ),
    Act(
        15,
        Words("治污随生产而动", "Treatment follows production"),
        Words(
            "相关系数r按调试时学到的滞后计算：接近1，说明治污随负荷变化。",
            "r, at the lag that commissioning learned: near 1, treatment moves with load.",
        ),
    ),
    Act(
        OFF_MIN,
        Words("生产运行时关停治污", "Treatment is switched off under load"),
        Words(
            "t1被关闭，p1、p2照常生产：治理缺口逐秒累计，满限即签封为违规。",
            "t1 is off while p1 and p2 run: the deficit fills, then a violation is sealed.",
        ),
    ),
    Act(
        DEAD_METER_MIN,
        Words("一块电表失效", "A meter dies"),
        Words(
            "m6不再应答：这是数据缺失，不是违规，k2暂不作判断。",
            "m6 answers no more: data are missing, nobody is accused, k2 is not judged.",
        ),
    ),
    Act(
        BROKER_AWAY_MIN,
        Words("消息服务器被强制终止", "The broker is killed"),
        Words(
            "数据继续签封，在网关排队；服务器恢复后全部补发，次序不变。",
            "Seals wait on the gateway; when the broker is back, all arrive in order.",
        ),
    ),
    Act(
        KILL_MIN,
        Words("采集程序被强制终止（SIGKILL）", "The agent is killed (SIGKILL)"),
        Words(
            "程序不及收尾即被终止，重新启动后由上一个签封接续：不丢，不重，不分叉。",
            "It cannot tidy up; it goes on from its last seal: none lost, none doubled.",
        ),
    ),
)


def name_act(number: int) -> Words:
    """Which act of how many it is, and its title."""
    return WORDS["act"].fill(number=number + 1, count=len(ACTS), title=ACTS[number].title)


def find_act(minute: float) -> int:
    """The number of the act at this minute, from 0."""
    return max(index for index, act in enumerate(ACTS) if act.begin_min <= max(minute, 0.0))
