"""Opens the state folder and recovers database, keys and spool: every start is a recovery."""

import logging
import os
from pathlib import Path
from typing import Final

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Recovery
from agent.sealing.sealer import Sealer
from agent.sealing.statements import read_statements
from agent.site.file import Site
from agent.spool.place import PlaceError, spool_path
from agent.spool.spool import Spool
from agent.store.ballast import BALLAST_BYTES
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME, KEYS_NAME
from drivers.clock import boot_id

LOG: Final = logging.getLogger("dianjian.spool")


def open_chain(site: Site) -> tuple[Path, GatewayStore, Sealer, Recovery]:
    """The state folder with its database and keys, recovered."""
    folder = site.path(site.store.path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.umask(0o077)
    slots = KeySlots(folder / KEYS_NAME)
    hint = max((slot.number for slot in slots.load()), default=None) if slots.exists() else None
    store = GatewayStore(
        folder / DATABASE_NAME,
        site.store.quota_mb * 1024 * 1024,
        newest_hint=hint,
        ballast_bytes=BALLAST_BYTES,
    )
    try:
        sealer = Sealer(site.site.gateway, slots, store, open_spool(folder))
        return folder, store, sealer, sealer.recover(_held_up_to(site, folder))
    except BaseException:
        store.close()
        raise


def open_spool(folder: Path) -> Spool:
    """The spool of the agent whose state is in `folder`; where there is no place, one that keeps nothing."""
    try:
        return Spool(spool_path(folder), boot_id())
    except PlaceError as error:
        LOG.warning("a kill loses the records that wait for a seal: %s", error)
        return Spool(None, b"")


def _held_up_to(site: Site, folder: Path) -> int:
    """The seal up to which the centre had all bodies when the chain last got a new key; 0 if not known."""
    centre_key = None if site.broker is None else site.broker.centre_key
    kept = read_statements(folder)
    return kept[-1].held_up_to(centre_key) if kept and centre_key is not None else 0
