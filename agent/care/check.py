"""Whether the agent could run with a site file: `dianjian-agent check`, and what a config order needs."""

from collections.abc import Callable
from pathlib import Path

from agent.site.file import ConfigError, Site, parse_site
from agent.site.linkages import incomer_of, linkages_of, list_polling_misfits
from agent.site.manifest import check_manifest
from agent.site.setups import setups_of
from agent.uplink.settings import mqtt_settings
from disk.tables import TableError
from wire.messages import Topics


def list_problems(site: Site, *looks: Callable[[Site], object]) -> list[str]:
    """Every mistake, one line each; each of `looks` raises ConfigError for more."""
    problems = list(site.missing_for_agent())
    for look in (setups_of, linkages_of, _incomer_of, *looks, _settings_of):
        try:
            look(site)
        except ConfigError as error:
            problems += error.problems
    if not problems:
        problems += list_polling_misfits(site, linkages_of(site))
    if not problems:
        linkages = linkages_of(site)
        try:
            check_manifest(site, setups_of(site), linkages, incomer_of(site, linkages))
        except ConfigError as error:
            problems += error.problems
    return problems


def parse_checked(text: str, file: Path) -> Site:
    """The site of `text`, which the agent can run with; raises ConfigError with every mistake."""
    try:
        site = parse_site(text, file)
    except TableError as error:
        raise ConfigError(file, error.problems) from error
    problems = list_problems(site)
    if problems:
        raise ConfigError(file, problems)
    return site


def _incomer_of(site: Site) -> object:
    return incomer_of(site, linkages_of(site))


def _settings_of(site: Site) -> object:
    return None if site.broker is None else mqtt_settings(site, site.broker, Topics(site.site.gateway))
