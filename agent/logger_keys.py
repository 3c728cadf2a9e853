"""The SM4 keys of data loggers that encrypt, out of their credential files; only the daemon has them.

A file that cannot be used keeps nobody from starting: the packets of that logger are refused until it is
right and the agent was started again, and the log says so.
"""

import logging
from collections.abc import Mapping
from typing import Final

from attrs import evolve

from agent.site.file import Site
from drivers.poll.setup import MeterSetup

_log: Final = logging.getLogger("dianjian.loggers")


def give_keys(site: Site, setups: Mapping[str, MeterSetup]) -> dict[str, MeterSetup]:
    """The meters, those of data loggers with a credential file with its keys."""
    with_file = [meter for meter in site.meter if meter.credentials]
    given = dict(setups)
    if not with_file:
        return given
    from wire.platforms.credentials import CredentialsError, read_credentials  # noqa: PLC0415 - few sites

    for meter in with_file:
        setup = setups[meter.id]
        try:
            keys = read_credentials(site.path(meter.credentials)).keys
        except CredentialsError as error:
            _log.warning("meter %s: its packets stay encrypted: %s", meter.id, error)
            continue
        given[meter.id] = evolve(setup, model=evolve(setup.model, keys=keys))
    return given
