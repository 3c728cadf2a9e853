"""`dianjian commission`: learn thresholds, lags and envelopes from loads, into the site file.

The loads are those of a CSV file, or of the gateway's own chain (`--chain`): the end of a commissioning
period on site, beside the running agent, which takes what was learned at its next start.

What it learned, what it could not learn, why it refuses and what it asks is told in words. A question is
answered by `--answer`, or at the terminal; an answer is kept in the parameters, and no script answers for
anybody. Where a plant has changed since it was commissioned, the days to learn from are proposed; `--from`
and `--until` choose them.

Parameters already in the site file are never replaced silently: changes are listed, and written
only with `--confirm`, so that a plant cannot be re-learned without a person seeing it.
A site file that the agent would refuse at its next start is never written.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from agent.detect.learning.commission_words import Refusal
from agent.detect.learning.relearn import find_changes
from agent.detect.line_params import Answer
from agent.detect.param_table import ParamsError
from agent.detect.params import IncomerParams, LinkageParams
from agent.site.file import SITE_FILE_BYTES_MAX, ConfigError, Site, load_site, parse_site
from agent.site.linkages import find_slot_s, incomer_of, names_of
from disk.files import replace_file
from disk.tables import TableError
from evidence.words import Words
from provisioning.learning.asking import Answers, ask, take_answers
from provisioning.learning.backtest_run import find_slot_s as find_recorded_slot_s
from provisioning.learning.days import WHOLE, Days, read_days
from provisioning.learning.learn import learn_incomer, learn_linkage, propose
from provisioning.learning.learned import write_parameters
from provisioning.learning.levels import hold_means, learn_levels
from provisioning.learning.loads_chain import HOURS_MAX, read_chain
from provisioning.learning.loads_option import FileOptions, loads_options, read_file, take_options
from provisioning.learning.report import Learned, to_json, to_text
from provisioning.loads.loads import Loads, LoadsError
from provisioning.loads.words import NOTES
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import count_up
from provisioning.words.language import translate

HOURS: Final = 72.0
PARTS: Final = ("seen", "missing", "refusals", "questions", "exceptions")
TEXTS: Final[Mapping[str, Words]] = {
    "not written": Words(
        "未写入任何参数，原因见上：{why}", "nothing is written, for the reasons above: {why}"
    ),
    "waiting": Words(
        "现有参数的{count}处更改等待 --confirm，未写入",
        "{count} changes of present parameters wait for --confirm; they are not written",
    ),
}
_FILE = click.Path(dir_okay=False, path_type=Path)


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
@click.option("--from", "from_day", default="", metavar="DAY", help="Learn from this day on: 2026-03-02.")
@click.option("--until", "until_day", default="", metavar="DAY", help="Learn until the end of this day.")
@click.option(
    "--answer", "answers", multiple=True, metavar="LINKAGE.QUESTION=ANSWER", help="Answer what was asked."
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
    from_day: str,
    until_day: str,
    answers: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
    confirm: bool,
    **given: Any,
) -> None:
    """Learn from recorded loads.

    Exit 1 where a linkage is refused (nothing is written then), or where changes of present parameters wait
    for --confirm. A question that nobody answered holds up nothing.
    """
    options = _take_source(given, csv_file, chain=chain)
    try:
        site = load_site(config)
        days = read_days(from_day, until_day, site)
        loads = _read_loads(site, csv_file, HOURS_MAX if from_day else hours, options)
        given = take_answers(answers, site)
        learned = learn_all(site, loads, given, days)
        if not (as_json or options.yes) and is_terminal():
            learned = _converse(site, loads, given, days, learned)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except LoadsError as error:
        raise fail(EXIT_USAGE, *map(translate, error.words)) from error
    except ParamsError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise fail(EXIT_USAGE, f"{csv_file or config}: {why}") from error
    _print(learned, as_json=as_json)
    _refuse(learned)
    if dry_run:
        return
    if loads.interval_s:
        raise fail(EXIT_NO, translate(NOTES["coarse learned"]))
    write_learned(config, site, [result for result in learned if confirm or not result.changes])
    waiting = sum(len(result.changes) for result in learned)
    if waiting and not confirm:
        raise fail(EXIT_NO, translate(TEXTS["waiting"], count=waiting))


def _print(learned: Sequence[Learned], *, as_json: bool) -> None:
    for result in learned:
        if as_json:
            say_json(to_json(result))
        else:
            say(*to_text(result).splitlines())


def _refuse(learned: Sequence[Learned]) -> None:
    """End the command with the names of what refuses the parameters, if anything does."""
    refused = {result.id: [one.name for one in result.refusals] for result in learned if result.refusals}
    if refused:
        whole = "; ".join(f"{where}: {', '.join(names)}" for where, names in refused.items())
        raise fail(EXIT_NO, translate(TEXTS["not written"], why=whole))


def _take_source(given: dict[str, Any], csv_file: Path | None, *, chain: bool) -> FileOptions:
    if chain == (csv_file is not None):
        raise fail(EXIT_USAGE, "choose what to learn from: either --csv FILE or --chain")
    return take_options(given, needs_all=True)


def _read_loads(site: Site, csv_file: Path | None, hours: float, options: FileOptions) -> Loads:
    if csv_file is not None:
        return read_file(csv_file, site, options)
    with count_up("chain") as each:
        return read_chain(site, hours, each, find_slot_s(site))


def is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def _converse(
    site: Site, loads: Loads, given: dict[str, list[Answer]], days: Days, learned: list[Learned]
) -> list[Learned]:
    """Ask at the terminal, and learn again with the answers."""
    if not any(one.questions for one in learned):
        return learned
    for result in learned:
        say(*to_text(result).splitlines(), err=True)
    for result in learned:
        given.setdefault(result.id, []).extend(ask(result.id, result.questions))
    return learn_all(site, loads, given, days)


def learn_all(site: Site, loads: Loads, answers: Answers, days: Days = WHOLE) -> list[Learned]:
    """What each linkage and the incomer learn from the chosen days.

    Raises:
        ValueError: There is no data, or its times make no sense.
        ParamsError: Present parameters are wrong, or an answer is to nothing.
    """
    recording = loads.to_recording()
    chosen = recording.between(*days)
    interval_s = loads.interval_s
    if interval_s:
        chosen = hold_means(chosen, interval_s)
    slot_s = max(find_slot_s(site), find_recorded_slot_s(loads))
    names = names_of(site)
    found, params = [], []
    for index, linkage in enumerate(site.linkage):
        given = answers.get(linkage.id, ())
        if interval_s:
            result = learn_levels(site, linkage, chosen, interval_s, given)
        else:
            result = learn_linkage(site, linkage, chosen, slot_s, answers=given)
        params.append(result.params)
        present = None if linkage.parameters is None else _read_present(linkage.parameters, index)
        changes = () if present is None else find_changes(present, result.params)
        parts = {name: getattr(result, name) for name in PARTS}
        proposal = None if present is None or interval_s else propose(site, linkage, present, recording)
        found.append(
            Learned(result.params, result.findings, changes, names=names, proposal=proposal, **parts)
        )
    plain = incomer_of(site, params, learned=False)
    incomer = None if plain is None else learn_incomer(plain, chosen, params[0])
    if incomer is not None:
        before = next(line.parameters for line in site.line if line.kind == "incomer")
        changes = () if before is None else find_changes(IncomerParams.from_dict(before), incomer.params)
        refusals = () if incomer.ready else (Refusal("too_little", incomer.findings[0]),)
        found.append(Learned(incomer.params, incomer.findings, changes, refusals=refusals, names=names))
    return found


def _read_present(present: dict[str, Any], index: int) -> LinkageParams:
    try:
        return LinkageParams.from_dict(present)
    except ParamsError as error:
        raise ParamsError(
            tuple(f"linkage[{index}].parameters: {problem}" for problem in error.problems)
        ) from error


def write_learned(config: Path, site: Site, learned: Sequence[Learned]) -> None:
    """Write parameters into the site file, one that the agent takes. Ends the command if that fails."""
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
