"""With which site file the agent starts while one is on trial; before anything is opened.

A file on trial is counted before it is used: one that ends the process, or hangs until the supervisor kills
it, is given back at the start after STARTS_MAX of them, and one that the agent cannot run with at once.
"""

import logging
from pathlib import Path
from typing import Final

from attrs import evolve

from agent.care.check import parse_checked
from agent.site.file import ConfigError, Site, load_own_site, load_site
from agent.site.remote import Remote, read_remote, write_remote

STARTS_MAX: Final = 3
"""Two power cuts may fall into a trial; a file that ends the process is over within some seconds."""
LOG: Final = logging.getLogger("dianjian.care")


def take_up_site(path: Path) -> Site:
    """The site to run with.

    Raises:
        ConfigError: It cannot be read or has mistakes.
        OSError: The state folder takes no write, so that the starts of a file could not be counted.
    """
    own = load_own_site(path)
    folder = own.path(own.store.path)
    remote = read_remote(folder)
    if remote is None or remote.trial is None or remote.text_over(own.text) is None:
        return load_site(path)
    if remote.trial.starts >= STARTS_MAX:
        return _give_back(path, folder, remote, f"started {STARTS_MAX} times, it never proved itself")
    remote = remote.start()
    write_remote(folder, remote)
    assert remote.trial is not None
    try:
        return evolve(parse_checked(remote.trial.text, path), own_text=own.text)
    except ConfigError as error:
        return _give_back(path, folder, remote, error.problems[0])


def give_back_site(path: Path, site: Site, error: ConfigError) -> Site | None:
    """The site of before, if the agent could not be built with one on trial; None if there was none."""
    folder = site.path(site.store.path)
    remote = read_remote(folder)
    if not site.own_text or remote is None or remote.trial is None or remote.trial.text != site.text:
        return None
    return _give_back(path, folder, remote, error.problems[0])


def _give_back(path: Path, folder: Path, remote: Remote, why: str) -> Site:
    LOG.error("the site file of before comes back: %s", why)
    write_remote(folder, remote.give_back(why))
    return load_site(path)
