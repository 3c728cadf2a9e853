"""Platforms of HJ 212: their credential files, and what the running agent tells of each connection."""

from collections.abc import Iterator
from typing import Final

from agent.site.platforms import read_platforms
from disk.translation import to_chinese
from evidence.words import Words
from provisioning.doctor.finding import Finding, Progress, Target, failed, ok, warning
from provisioning.words.platforms import needs_look, tell_platform
from wire.platforms.credentials import CredentialsError, read_credentials

_FILE_REMEDY: Final = Words(
    "密码文件放在状态文件夹内，属代理的用户，权限 0600；见 docs/hj212.md",
    "put the file into the state folder, owned by the agent, mode 0600; see docs/hj212.md",
)
_LINE_REMEDY: Final = Words(
    "核对地址、MN、密码和版本；数据在队列中等待，不会丢失",
    "see that address, MN, password and edition are right; what is not delivered waits in the queue",
)
_BEHIND_REMEDY: Final = Words(
    "若持续如此，请看代理的日志，并询问平台", "if it stays so, look into the agent's log and ask the platform"
)
_GOOD: Final = Words("密码文件正确", "its credential file is in order")


def platforms(target: Target, _: Progress) -> Iterator[Finding]:
    """Each platform of the site file."""
    assert target.site is not None
    site = target.site
    if not site.hj212:
        return
    hosts, _mistakes = read_platforms(
        site.hj212, site.site.gateway, [meter.id for meter in site.meter], site.path
    )
    for host in hosts:
        try:
            read_credentials(host.credentials)
        except CredentialsError as error:
            why = str(error)
            yield failed("platforms", Words(to_chinese(why), why), _FILE_REMEDY, host.name)
        else:
            if target.status is None:
                yield ok("platforms", _GOOD, host.name)
    for row in target.status.get("platforms", ()) if target.status is not None else ():
        text, name = tell_platform(row), str(row["host"])
        if not row["connected"]:
            yield failed("platforms", text, _LINE_REMEDY, name)
        elif needs_look(row):
            yield warning("platforms", text, _BEHIND_REMEDY, name)
        else:
            yield ok("platforms", text, name)
