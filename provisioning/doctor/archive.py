"""Whether the plant's own archive is written, as the running agent tells."""

from collections.abc import Callable, Iterator

from evidence.words import Words
from provisioning.doctor.finding import Finding, Target, ok, warning
from provisioning.words.archive import describe_archive

NOT_ASKED = Words(
    "企业自存：代理未运行，不写入", "the plant's archive is written by the running agent, which does not run"
)


def archive(target: Target, _: Callable[[str], None]) -> Iterator[Finding]:
    """The archive of the site file, if it has one."""
    if target.site is None or target.site.archive is None:
        return
    told = None if target.status is None else target.status.get("archive")
    if told is None:
        yield ok("archive", NOT_ASKED)
        return
    said, remedy = describe_archive(told)
    yield ok("archive", said) if remedy is None else warning("archive", said, remedy)
