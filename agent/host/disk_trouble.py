"""What it means that a disk takes no write, and what to do: for the agent's last line and for the doctor."""

import errno
import os
from collections.abc import Mapping
from typing import Final

from evidence.words import Words

Trouble = tuple[Words, Words]
"""What is wrong, and the remedy."""

_BROKEN: Final = Words(
    "查看 dmesg 中的磁盘错误；先备份，再用 e2fsck 修复或更换存储卡，然后重启网关",
    "look for its errors with dmesg; back it up, repair it with e2fsck or replace the card, then restart",
)
_TROUBLES: Final[Mapping[int, Trouble]] = {
    errno.EROFS: (
        Words(
            "{folder} 所在磁盘是只读的：出现磁盘错误后内核会这样做，或者挂载时即为只读",
            "{folder} lies on a disk that is read-only: "
            "the kernel makes it so after a disk error, unless it was mounted so",
        ),
        _BROKEN,
    ),
    errno.EIO: (Words("{folder} 所在磁盘写入出错", "{folder} lies on a disk that fails to write"), _BROKEN),
    errno.ENOSPC: (
        Words("{folder} 所在磁盘已满", "{folder} lies on a disk that is full"),
        Words("清理磁盘，或换更大的磁盘", "free room on this disk, or fit a larger one"),
    ),
    errno.EDQUOT: (
        Words(
            "{folder} 的磁盘配额（用户或项目）已用完",
            "the disk quota of the user or project of {folder} is used up",
        ),
        Words(
            "清理该用户的文件，或提高其配额（setquota）",
            "remove files of that user, or raise the quota (setquota)",
        ),
    ),
}
_OTHER: Final[Trouble] = (
    Words("{folder} 不能写入：{why}", "{folder} takes no write: {why}"),
    Words("查看 dmesg 和挂载选项", "look at dmesg and at the mount options"),
)


def explain_trouble(error: OSError, folder: object) -> Trouble:
    """What `error`, raised by a write into `folder`, means."""
    text, remedy = _TROUBLES.get(error.errno or 0, _OTHER)
    why = os.strerror(error.errno) if error.errno else str(error)
    return text.fill(folder=folder, why=why), remedy
