"""Opens the state folder and recovers database and keys: every start is a recovery."""

import os
from pathlib import Path

from agent.sealing.key_slots import KeySlots
from agent.sealing.recovery import Recovery
from agent.sealing.sealer import Sealer
from agent.sealing.statements import read_statements
from agent.site.file import Site
from agent.store.ballast import BALLAST_BYTES
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME, KEYS_NAME


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
    sealer = Sealer(site.site.gateway, slots, store)
    try:
        return folder, store, sealer, sealer.recover(_held_up_to(site, folder))
    except BaseException:
        store.close()
        raise


def _held_up_to(site: Site, folder: Path) -> int:
    """The seal up to which the centre had all bodies when the chain last got a new key; 0 if not known."""
    centre_key = None if site.broker is None else site.broker.centre_key
    kept = read_statements(folder)
    return kept[-1].held_up_to(centre_key) if kept and centre_key is not None else 0
