"""The parts of the site file that the status page needs, read again when the file has changed.

A file with mistakes does not stop the page: the last good one stays in use, and the page says so.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from agent.detect.line_params import Threshold, nameplate_threshold
from agent.detect.params import LinkageParams
from agent.site.file import ConfigError, LineSettings, LinkageSettings, Site, load_site
from agent.site.linkages import linkages_of, names_of
from agent.site.setups import lines_of, setups_of
from drivers.poll.meter import MeterSetup
from evidence.moments import zone_s
from provisioning.live.page.day import SILENT_S

HEARTBEATS_MISSED: Final = 3
"""This many heartbeats without a seal are silence."""


@frozen
class SitePlan:
    """The site as needed for drawing.

    Attributes:
        state: The agent's state folder.
        offset_s: Of the plant's zone.
        thresholds: By line, learned or from the nameplate.
        params: Of each linkage, learned or from nameplates.
        names: By line, as people call it.
    """

    gateway: str
    name: str
    state: Path
    offset_s: int
    silent_s: float
    centre_key: bytes | None
    line: tuple[LineSettings, ...]
    linkage: tuple[LinkageSettings, ...]
    setups: Mapping[str, MeterSetup] = field(eq=False)
    lines: Mapping[str, str]
    thresholds: Mapping[str, Threshold]
    params: tuple[LinkageParams, ...]
    names: Mapping[str, str]
    text: str = field(repr=False)


def plan_of(site: Site) -> SitePlan:
    """The plan of `site`.

    Raises:
        ConfigError: A model or a parameter in it is wrong.
    """
    params = linkages_of(site)
    return SitePlan(
        gateway=site.site.gateway,
        name=site.site.name,
        state=site.path(site.store.path),
        offset_s=zone_s(site.site.utc_offset),
        silent_s=max(SILENT_S, HEARTBEATS_MISSED * site.seal.heartbeat_s),
        centre_key=site.broker.centre_key if site.broker else None,
        line=site.line,
        linkage=site.linkage,
        setups=setups_of(site),
        lines=lines_of(site),
        thresholds=_find_thresholds(site, params),
        params=params,
        names=names_of(site),
        text=site.text,
    )


def _find_thresholds(site: Site, params: Iterable[LinkageParams]) -> dict[str, Threshold]:
    known: dict[str, Threshold] = {line.id: nameplate_threshold(line.rated_w) for line in site.line}
    return known | {line.id: line.threshold for linkage in params for line in linkage.lines}


@define
class SiteFile:
    """The site file at `path`.

    Attributes:
        problem: The fault in the file as it is now, "" if there is none.
    """

    path: Path
    problem: str = field(default="", init=False)
    _plan: SitePlan | None = field(default=None, init=False)
    _stamp: tuple[int, int, int] | None = field(default=None, init=False)

    def plan(self) -> SitePlan:
        """The plan of the newest file that can be read.

        Raises:
            ConfigError: No readable file was ever found.
        """
        stamp = self._stat()
        if self._plan is None or stamp != self._stamp:
            self._stamp = stamp
            try:
                self._plan, self.problem = plan_of(load_site(self.path)), ""
            except ConfigError as error:
                self.problem = str(error).splitlines()[0]
                if self._plan is None:
                    raise
        return self._plan

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            known = self.path.stat()
        except OSError:
            return None
        return known.st_mtime_ns, known.st_size, known.st_ino
