"""`dianjian commission`: learn thresholds, lags and envelopes from recorded loads, into the site file."""

import json
from pathlib import Path

import click

from agent.config import ConfigError, Site, load_site
from agent.detect.commission import Commissioned, commission
from agent.detect.params import ParamsError
from provisioning.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.learned import with_parameters
from provisioning.loads_csv import Loads, LoadsError, read_loads

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("commission", short_help="learn thresholds and lags from recorded data, into the site file")
@click.option(
    "--site", "config", required=True, type=_FILE, help="The site file; its linkages get parameters."
)
@click.option(
    "--csv", "csv_file", required=True, type=_FILE, help="Column time, and one a line with its watts."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a linkage.")
@click.option("--dry-run", is_flag=True, help="Say what was learned, change nothing.")
def command(config: Path, csv_file: Path, as_json: bool, dry_run: bool) -> None:
    """Learn from recorded loads. Exit 1 where a linkage has seen too little; nothing is written then."""
    try:
        site = load_site(config)
        loads = read_loads(
            csv_file, {line for link in site.linkage for line in (*link.production, *link.treatment)}
        )
        learned = [learn(site, loads, index) for index in range(len(site.linkage))]
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    except (LoadsError, ParamsError) as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    except (OSError, ValueError) as error:
        raise fail(EXIT_USAGE, f"{csv_file}: {error}") from error
    for result in learned:
        click.echo(json.dumps(_as_json(result)) if as_json else _as_text(result))
    if not all(result.ready for result in learned):
        raise fail(EXIT_NO, "too little was seen; record for longer (see above)")
    if not dry_run:
        draft = config.with_name(config.name + ".new")
        draft.write_text(with_parameters(site.text, [result.params for result in learned]), "utf-8")
        draft.replace(config)


def learn(site: Site, loads: Loads, index: int) -> Commissioned:
    """What `loads` teach of the linkage at `index` of the site file."""
    linkage = site.linkage[index]
    return commission(
        linkage.id,
        {line: (loads.times_s, loads.watts[line]) for line in linkage.production},
        {line: (loads.times_s, loads.watts[line]) for line in linkage.treatment},
        {line.id: float(line.rated_w) for line in site.line},
        utc_offset=site.site.utc_offset,
    )


def _as_json(result: Commissioned) -> dict[str, object]:
    return {
        "linkage": result.params.linkage,
        "ready": result.ready,
        "findings": list(result.findings),
        "parameters": result.params.to_dict(),
        "hash": result.params.hash.hex(),
    }


def _as_text(result: Commissioned) -> str:
    params = result.params
    lines = [
        f"{params.linkage}: {'ready' if result.ready else 'NOT ready'}",
        f"  production counts as on from {params.on_production.hi_w / 1000:.2f} kW",
        f"  treatment counts as on from {params.on_treatment.hi_w / 1000:.2f} kW",
        f"  lag {params.lag_s} s, duty window {params.duty_window_s} s, limit {params.limit_s:.0f} s",
        *(f"  {finding}" for finding in result.findings),
    ]
    return "\n".join(lines)
