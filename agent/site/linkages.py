"""From the site file to the parameters of the detector: linkages and the incomer."""

from collections.abc import Sequence

from agent.detect.param_table import ParamsError
from agent.detect.params import IncomerParams, LinkageParams, nameplate, nameplate_incomer
from agent.site.file import ConfigError, Site


def linkages_of(site: Site) -> tuple[LinkageParams, ...]:
    """The detector's parameters of each linkage: learned, or from the nameplates alone.

    Raises:
        ConfigError: Parameters in the file are wrong.
    """
    rated = {line.id: float(line.rated_w) for line in site.line}
    params: list[LinkageParams] = []
    problems: list[str] = []
    for index, linkage in enumerate(site.linkage):
        try:
            if linkage.parameters is not None:
                params.append(LinkageParams.from_dict(linkage.parameters))
            else:
                production: dict[str, float] = {line: rated[line] for line in linkage.production}
                treatment: dict[str, float] = {line: rated[line] for line in linkage.treatment}
                params.append(nameplate(linkage.id, production, treatment))
        except ParamsError as error:
            problems += [f"linkage[{index}].parameters: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(site.file, problems)
    return tuple(params)


def incomer_of(
    site: Site, linkages: Sequence[LinkageParams], *, learned: bool = True
) -> IncomerParams | None:
    """The detector's parameters of the incomer of `site`; None without one.

    With `learned`, those learned and written in the file, if any; else those of its nameplate.

    Raises:
        ConfigError: Its parameters in the file are wrong.
    """
    at = next((index for index, line in enumerate(site.line) if line.kind == "incomer"), None)
    if at is None or not linkages:
        return None
    line = site.line[at]
    if learned and line.parameters is not None:
        try:
            return IncomerParams.from_dict(line.parameters)
        except ParamsError as error:
            problems = [f"line[{at}].parameters: {problem}" for problem in error.problems]
            raise ConfigError(site.file, problems) from error
    judged = {one.id for linkage in linkages for one in linkage.lines}
    behind: dict[str, float] = {one.id: one.rated_w for one in site.line if one.kind != "incomer"}
    return nameplate_incomer((line.id, line.rated_w), behind, judged, linkages[0].utc_offset_s)
