"""The texts of a training: the worksheet, what was hidden, and the score."""

from collections.abc import Mapping
from typing import Final

from firmware_sim.language import Words

LINES: Final[Mapping[str, Words]] = {
    "incomer": Words("总进线", "incomer"),
    "p1": Words("电镀线", "electroplating line"),
    "p2": Words("喷涂线", "spraying line"),
    "p3": Words("烘干炉", "drying kiln"),
    "t1": Words("排风机与喷淋泵", "exhaust fan and scrubber pump"),
    "t2": Words("除尘风机", "filter fan"),
    "t3": Words("污水处理站", "sewage works"),
}
MISTAKES: Final[Mapping[str, Words]] = {
    "ct_reversed": Words("{phases} 互感器方向接反", "transformer of {phases} reversed"),
    "cts_swapped": Words("{phases} 互感器互换", "transformers of {phases} exchanged"),
    "cts_rotated": Words("{phases} 互感器依次错位", "transformers of {phases} shifted by one"),
    "voltage_lost": Words("{phases} 电压线断开", "voltage lead of {phases} off"),
}
"""What is wrong at a meter, by the mistake's name (firmware_sim.wiring)."""
WORDS: Final[Mapping[str, Words]] = {
    "begins": Words(
        "练习 {seed}：十块电表的工厂，藏有 {count} 处错误。在另一个终端安装：\n"
        "    dianjian setup --folder {folder}\n"
        "总线：{buses}",
        "Training {seed}: a works with ten meters and {count} hidden mistakes. In another terminal:\n"
        "    dianjian setup --folder {folder}\n"
        "Buses: {buses}",
    ),
    "sheet": Words(
        "前任电工的记录（不一定可靠）：",
        "What the electrician before you wrote down (not all of it is true):",
    ),
    "row": Words(
        "    {name}：铭牌 {kw:g} kW，电表地址 {units}",
        "    {name}: nameplate {kw:g} kW, meters at {units}",
    ),
    "ratio": Words(
        "    地址 {unit} 的电流互感器：{ratio:g}/5 A", "    transformers of meter {unit}: {ratio:g}/5 A"
    ),
    "baud": Words("    {bus}：{baudrate} 波特", "    {bus}: {baudrate} baud"),
    "hands": Words(
        "您的双手（电表按 m地址 称呼，线路为 {lines}）：\n"
        "    dianjian-sim set {socket} p1 off           停机、开机\n"
        "    dianjian-sim set {socket} clamp m3         用钳形表测量\n"
        "    dianjian-sim set {socket} wiring m3 right  改正接线\n"
        "    dianjian-sim set {socket} supply m3 on     合上电表电源",
        "Your hands (a meter is m and its address; lines are {lines}):\n"
        "    dianjian-sim set {socket} p1 off           switch a machine\n"
        "    dianjian-sim set {socket} clamp m3         measure with a clamp meter\n"
        "    dianjian-sim set {socket} wiring m3 right  put the wiring of a meter right\n"
        "    dianjian-sim set {socket} supply m3 on     give a meter its supply",
    ),
    "ends": Words(
        "做完接线检查和启停试验后，在这里按 Ctrl-C 看成绩。",
        "After the wiring check and the on/off test press ctrl-C here for the score.",
    ),
    "score": Words("成绩 {points} / {most}", "Score {points} of {most}"),
    "done": Words("  ✓ {what}", "  ✓ {what}"),
    "found": Words("  ◐ {what}：已发现，未改正", "  ◐ {what}: found, not put right"),
    "missed": Words("  ✗ {what}：未发现", "  ✗ {what}: not found"),
    "no_setup": Words("{file}：还没有安装记录", "{file}: nothing has been set up yet"),
    "wiring": Words("电表 m{unit} 接线错误：{mistake}", "meter m{unit} is wired wrongly: {mistake}"),
    "wrong_ratio": Words(
        "电表 m{unit} 的互感器是 {ratio:g}/5，不是记录的 {noted:g}/5",
        "the transformers of meter m{unit} are {ratio:g}/5 and not {noted:g}/5 as noted",
    ),
    "wrong_baud": Words(
        "总线 {bus} 是 {baudrate} 波特，不是记录的 9600",
        "bus {bus} runs at {baudrate} baud and not at 9600 as noted",
    ),
    "dead_meter": Words("电表 m{unit} 没有电源", "meter m{unit} has no supply"),
    "swapped_units": Words(
        "电表 m{unit} 和 m{other} 记录时互换了", "meters m{unit} and m{other} were noted the wrong way round"
    ),
}
