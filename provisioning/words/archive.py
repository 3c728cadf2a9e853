"""What is said of the plant's own archive (`agent.store.archiving`), in status and doctor. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from disk.translation import to_chinese
from evidence.words import Words

GOOD: Final = Words(
    "企业自存：{folder} 已存至签封 {copied}（本机 {own}）",
    "the plant's archive in {folder} is at seal {copied} of {own}",
)
MISSING: Final = Words(
    "企业自存：签封 {first} 至 {last} 在存入之前已从本机删除",
    "the plant's archive lacks seals {first} to {last}: they were pruned before they could be copied",
)
MISSING_REMEDY: Final = Words(
    "向中心索取：dianjian export --store；让U盘始终插着",
    "ask the centre for them (dianjian export --store); leave the stick plugged in",
)
NOT_YET: Final = Words("企业自存：{folder} 尚未写入", "nothing is in the plant's archive {folder} yet")
TROUBLES: Final[Mapping[str, tuple[Words, Words]]] = {
    "absent": (
        Words("企业自存：{folder} 不存在", "the plant's archive {folder} is not there"),
        Words("插入U盘，或在其上建立该文件夹", "plug the stick in, or make the folder on it"),
    ),
    "foreign": (
        Words("企业自存：{folder} 不归代理所有", "the plant's archive {folder} is not the agent's own"),
        Words(
            "将其归代理的用户所有（挂载时 uid=dianjian），或改用别的文件夹",
            "give it to the agent's user (mount with uid=dianjian), or name another folder",
        ),
    ),
    "link": (
        Words(
            "企业自存：{folder} 中有链接，不予写入",
            "the plant's archive {folder} has a link in it and is not written",
        ),
        Words("删除该链接，或改用空文件夹", "take the link away, or name an empty folder"),
    ),
    "other_chain": (
        Words("企业自存：{folder} 存的是另一条数据链", "the plant's archive {folder} holds another chain"),
        Words("改用空文件夹，旧的另行保存", "name an empty folder, and keep the old one"),
    ),
    "full": (
        Words("企业自存：{folder} 已满", "the plant's archive {folder} is full"),
        Words("换一个U盘，或改用空文件夹", "take another stick, or name an empty folder"),
    ),
    "error": (
        Words(
            "企业自存：{folder} 无法写入：{text}", "the plant's archive {folder} cannot be written: {text}"
        ),
        Words("查看该盘；代理不受影响，仍在运行", "look at that disk; the agent goes on without it"),
    ),
}
"""By the code of the trouble: what is said, and what to do."""


def describe_archive(archive: Mapping[str, Any]) -> tuple[Words, Words | None]:
    """What is to be said of an archive as the status has it, and what to do where something is wrong."""
    folder = archive["folder"]
    if archive["trouble"]:
        said, remedy = TROUBLES.get(archive["trouble"], TROUBLES["error"])
        return said.fill(folder=folder, text=Words(to_chinese(archive["text"]), archive["text"])), remedy
    if archive["missing"]:
        first, last = archive["missing"]
        return MISSING.fill(first=first, last=last), MISSING_REMEDY
    if not archive["own"]:
        return NOT_YET.fill(folder=folder), None
    return GOOD.fill(folder=folder, copied=archive["copied"], own=archive["own"]), None
