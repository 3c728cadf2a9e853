"""`dianjian commission`: learn thresholds, lags and envelopes from loads, into the site file.

The loads are those of a CSV file, or of the gateway's own chain (`--chain`): the end of a commissioning
period on site, beside the running agent, which takes what was learned at its next start.

Parameters already in the site file are never replaced silently: changes are listed, and written
only with `--confirm`, so that a plant cannot be re-learned without a person seeing it.
A site file that the agent would refuse at its next start is never written.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from agent.detect.learning.relearn import Change, find_changes
from agent.detect.param_table import ParamsError
from agent.detect.params import IncomerParams, LinkageParams
from agent.site.file import SITE_FILE_BYTES_MAX, ConfigError, Site, load_site, parse_site
from agent.site.linkages import find_slot_s, incomer_of
from disk.files import replace_file
from disk.tables import TableError
from evidence.words import Words
from provisioning.learning.learn import learn_incomer, learn_linkage
from provisioning.learning.learned import write_parameters
from provisioning.learning.levels import hold_means, learn_levels
from provisioning.learning.loads_chain import HOURS_MAX, read_chain
from provisioning.learning.loads_option import FileOptions, loads_options, read_file, take_options
from provisioning.loads.loads import Loads, LoadsError
from provisioning.loads.words import NOTES
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.show import count_up
from provisioning.words.language import translate

HOURS: Final = 72.0
_FILE = click.Path(dir_okay=False, path_type=Path)


@frozen
class Learned:
    """The result for a linkage or the incomer, and what would change."""

    params: LinkageParams | IncomerParams
    ready: bool
    findings: tuple[Words, ...]
    changes: tuple[Change, ...]

    @property
    def id(self) -> str:
        """The linkage or the incomer."""
        return self.params.incomer.id if isinstance(self.params, IncomerParams) else self.params.linkage


@click.command("commission", short_help="learn thresholds and lags from recorded data, into the site file")
@click.option(
    "--site", "config", required=True, type=_FILE, help="The site file; its linkages get parameters."
)
@click.option("--csv", "csv_file", type=_FILE, help="A CSV file or .xlsx with times, and a column a line.")
@click.option("--chain", is_flag=True, help="Learn from what this gateway has sealed, instead of a file.")
@click.option(
    "--hours",
    type=click.FloatRange(min=1, max=HOURS_MAX),
    default=HOURS,
    show_default=True,
    help="With --chain: learn from this much of its end.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per linkage.")
@click.option("--dry-run", is_flag=True, help="Show what was learned, change nothing.")
@click.option("--confirm", is_flag=True, help="Replace parameters already in the site file.")
@loads_options
def command(
    config: Path,
    csv_file: Path | None,
    chain: bool,
    hours: float,
    as_json: bool,
    dry_run: bool,
    confirm: bool,
    **given: Any,
) -> None:
    """Learn from recorded loads.

    Exit 1 where a linkage has seen too little (nothing is written then), or where changes of present
    parameters wait for --confirm.
    """
    options = _take_source(given, csv_file, chain=chain)
    try:
        site = load_site(config)
        loads = _read_loads(site, csv_file, hours, options)
        learned = list(_learn_all(site, loads))
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except LoadsError as error:
        raise fail(EXIT_USAGE, *map(translate, error.words)) from error
    except ParamsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    except (OSError, ValueError) as error:
        raise fail(EXIT_USAGE, f"{csv_file or config}: {error}") from error
    for result in learned:
        click.echo(json.dumps(_to_json(result), ensure_ascii=False) if as_json else _to_text(result))
    if not all(result.ready for result in learned):
        raise fail(EXIT_NO, "too little was seen; record for longer (see above)")
    if dry_run:
        return
    if loads.interval_s:
        raise fail(EXIT_NO, translate(NOTES["coarse learned"]))
    _write(config, site, [result for result in learned if confirm or not result.changes])
    waiting = sum(len(result.changes) for result in learned)
    if waiting and not confirm:
        raise fail(
            EXIT_NO, f"{waiting} changes of present parameters wait for --confirm; they are not written"
        )


def _take_source(given: dict[str, Any], csv_file: Path | None, *, chain: bool) -> FileOptions:
    if chain == (csv_file is not None):
        raise fail(EXIT_USAGE, "choose what to learn from: either --csv FILE or --chain")
    return take_options(given, needs_all=True)


def _read_loads(site: Site, csv_file: Path | None, hours: float, options: FileOptions) -> Loads:
    if csv_file is not None:
        return read_file(csv_file, site, options)
    with count_up("chain") as each:
        return read_chain(site, hours, each, find_slot_s(site))


def _learn_all(site: Site, loads: Loads) -> Iterator[Learned]:
    recording = loads.to_recording()
    interval_s = loads.interval_s
    if interval_s:
        recording = hold_means(recording, interval_s)
    params = []
    for index, linkage in enumerate(site.linkage):
        if interval_s:
            result = learn_levels(site, linkage, recording, interval_s)
        else:
            result = learn_linkage(site, linkage, recording, find_slot_s(site))
        params.append(result.params)
        changes = () if linkage.parameters is None else _compare(result.params, linkage.parameters, index)
        yield Learned(result.params, result.ready, result.findings, changes)
    plain = incomer_of(site, params, learned=False)
    found = None if plain is None else learn_incomer(plain, recording, params[0])
    if found is not None:
        present = next(line.parameters for line in site.line if line.kind == "incomer")
        changes = () if present is None else find_changes(IncomerParams.from_dict(present), found.params)
        yield Learned(found.params, found.ready, found.findings, changes)


def _compare(learned: LinkageParams, present: dict[str, Any], index: int) -> tuple[Change, ...]:
    try:
        return find_changes(LinkageParams.from_dict(present), learned)
    except ParamsError as error:
        raise ParamsError(
            tuple(f"linkage[{index}].parameters: {problem}" for problem in error.problems)
        ) from error


def _write(config: Path, site: Site, learned: Sequence[Learned]) -> None:
    text = write_parameters(site.text, [one.params for one in learned])
    try:
        parse_site(text, config)
    except TableError as error:
        raise fail(
            EXIT_USAGE, *(f"{config}: not written: {problem}" for problem in error.problems)
        ) from error
    size = len(text.encode())
    if size > SITE_FILE_BYTES_MAX:
        problem = f"it would have {size} bytes; at most {SITE_FILE_BYTES_MAX} are read"
        raise fail(EXIT_USAGE, f"{config}: not written: {problem}")
    write_or_fail(config, text.encode(), replace_file)


def _to_json(result: Learned) -> dict[str, object]:
    kind = "feed" if isinstance(result.params, IncomerParams) else "linkage"
    return {
        kind: result.id,
        "ready": result.ready,
        "findings": [one.en for one in result.findings],
        "findings_zh": [one.zh for one in result.findings],
        "changes": [
            {"name": one.name, "before": one.before, "after": one.after, "lenient": one.lenient}
            for one in result.changes
        ],
        "parameters": result.params.to_dict(),
        "hash": result.params.hash.hex(),
    }


def _to_text(result: Learned) -> str:
    params = result.params
    lines = [f"{result.id}: {'ready' if result.ready else 'NOT ready'}"]
    if isinstance(params, IncomerParams):
        lines.append(
            f"  normally {params.lo_w / 1000:.2f} to {params.hi_w / 1000:.2f} kW more than all lines together"
        )
    else:
        lines += [
            f"  production counts as on from {params.on_production.hi_w / 1000:.2f} kW",
            f"  treatment counts as on from {params.on_treatment.hi_w / 1000:.2f} kW",
            f"  lag {params.lag_s} s, duty window {params.duty_window_s} s, limit {params.limit_s:.0f} s",
        ]
    for one in result.findings:
        lines += [f"  {one.zh}", f"  {one.en}"]
    lines += [f"  to confirm: {one.words.en}" for one in result.changes]
    return "\n".join(lines)
