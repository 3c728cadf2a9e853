"""`dianjian centre verdicts`: what a gateway has sealed about alerts, computed again from its readings.

The code is the gateway's own (`provisioning.curtail.chain_cases`), so an honest gateway agrees to the last
number. Where readings lack, because bodies were withheld or given up, nothing is compared: who lost them must
not be called a liar. Nor are alerts whose past has changed (`provisioning.curtail.settled`).
"""

from pathlib import Path
from typing import Any, Final

import click

from agent.site.file import ConfigError, load_site
from centre.store.place import Place
from disk.database import StoreError
from evidence.cbor import FormatError
from evidence.words import Words
from provisioning.centre.options import AS_JSON, FILE, STORE
from provisioning.marks.centre_chain import find_site, walk_centre
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

WORDS: Final = {
    "same": Words(
        "{gateway}：{sealed} 条封存的数字和结论，与由读数重新计算的一致",
        "{gateway}: {sealed} sealed figures and verdicts are what its readings give",
    ),
    "differs": Words(
        "{gateway}：{order} {line} {what}：与由读数重新计算的不一致：{keys}",
        "{gateway}: {order} {line} {what}: IS NOT what its readings give: {keys}",
    ),
    "not whole": Words(
        "{gateway}：{absent} 个签封缺少读数，无法比对",
        "{gateway}: {absent} seals lack their readings, so nothing is compared",
    ),
    "changed": Words(
        "{gateway}：{count} 个预警在其所依据的日子里，配置文件、电表型号或网关的数据有变化，不予比对",
        "{gateway}: {count} alerts are not compared: in the days that they rest on, the site file, a meter's "
        "model or what the gateway's disk knew has changed",
    ),
    "no site": Words(
        "{gateway}：链上还没有配置文件；请用 --site 指定",
        "{gateway}: no site file is in its chain yet; name one with --site",
    ),
}


@click.command("verdicts")
@STORE
@click.option("--site", "config", type=FILE, help="The site file, if not the one in the chain.")
@AS_JSON
@click.argument("gateway")
def verdicts(store: Place, config: Path | None, as_json: bool, gateway: str) -> None:
    """Compute again what GATEWAY has sealed about alerts; exit code 1 if its readings give other figures."""
    from provisioning.curtail.chain_cases import judge_chain  # noqa: PLC0415 - numpy, for this alone
    from provisioning.curtail.settled import Noted  # noqa: PLC0415

    try:
        with walk_centre(store, gateway) as walk:
            site = find_site(walk) if config is None else load_site(config)
            if site is None:
                raise fail(EXIT_USAGE, translate(WORDS["no site"], gateway=gateway))
            noted = Noted(walk, sees_sites=config is None)
            judged = judge_chain(site, noted, follows=config is None)
            absent, changed = noted.absent, noted.find_changed(judged)
    except (ConfigError, StoreError, FormatError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    found = noted.find_differences(judged)
    rows: list[dict[str, Any]] = [
        {"order": order, "rev": rev, "line": line, "what": what, "keys": keys}
        for (order, rev, line), what, keys in found
    ]
    sealed = sum(map(len, judged.sealed.values()))
    if as_json:
        counts = {"sealed": sealed, "absent": absent, "changed": len(changed)}
        say_json({"gateway": gateway, **counts, "differences": rows})
    elif not noted.is_whole:
        say(translate(WORDS["not whole"], gateway=gateway, absent=absent))
    else:
        said = [_say_difference(gateway, row) for row in rows]
        if changed:
            said.append(translate(WORDS["changed"], gateway=gateway, count=len(changed)))
        say(*(said or [translate(WORDS["same"], gateway=gateway, sealed=sealed)]))
    if rows:
        raise click.exceptions.Exit(EXIT_NO)


def _say_difference(gateway: str, row: dict[str, Any]) -> str:
    return translate(WORDS["differs"], **{**row, "gateway": gateway, "keys": ", ".join(row["keys"])})
