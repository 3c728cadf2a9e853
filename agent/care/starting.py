"""With which site file the agent starts while one is on trial; before anything is opened.

A file on trial is counted before it is used: one that ends the process, or hangs until the supervisor kills
it, is given back at the start after STARTS_MAX of them, and one that the agent cannot run with at once. So is
one whose start a full disk does not let count: no disk keeps the gateway from starting.
"""

import logging
from pathlib import Path
from typing import Final

from attrs import evolve

from agent.care.check import parse_checked
from agent.site.file import ConfigError, Site, lay_over, load_own_site
from agent.site.remote import Remote, read_remote, write_remote

STARTS_MAX: Final = 3
"""Two power cuts may fall into a trial; a file that ends the process is over within some seconds."""
LOG: Final = logging.getLogger("dianjian.care")


def take_up_site(path: Path) -> Site:
    """The site to run with.

    Raises:
        ConfigError: It cannot be read or has mistakes.
    """
    own = load_own_site(path)
    folder = own.path(own.store.path)
    remote = read_remote(folder)
    if remote is None or remote.trial is None or remote.text_over(own.text) is None:
        return lay_over(own, remote)
    if remote.trial.starts >= STARTS_MAX:
        return _give_back(own, folder, remote, f"started {STARTS_MAX} times, it never proved itself")
    try:
        write_remote(folder, remote.start())
    except OSError as error:
        return _give_back(own, folder, remote, f"its start could not be counted: {error.strerror}")
    try:
        return evolve(parse_checked(remote.trial.text, path), own_text=own.text)
    except ConfigError as error:
        return _give_back(own, folder, remote.start(), error.problems[0])


def give_back_site(path: Path, site: Site, error: ConfigError) -> Site | None:
    """The site of before, if the agent could not be built with one on trial; None if there was none."""
    folder = site.path(site.store.path)
    remote = read_remote(folder)
    if not site.own_text or remote is None or remote.trial is None or remote.trial.text != site.text:
        return None
    return _give_back(load_own_site(path), folder, remote, error.problems[0])


def _give_back(own: Site, folder: Path, remote: Remote, why: str) -> Site:
    """The site of before; where the disk takes no write, `agent.care.caring` writes it down later."""
    LOG.error("the site file of before comes back: %s", why)
    back = remote.give_back(why)
    try:
        write_remote(folder, back)
    except OSError as error:
        LOG.error("%s; it is written down later", error)  # noqa: TRY400 - no traceback for people
    return lay_over(own, back)
