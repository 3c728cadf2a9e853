"""Continues a chain under a new key, after lost key slots, a lost database or a restored old image.

`rekey` needs the recovery key that the technician took away at the enrolment. `agent.sealing.tip` finds the
seal to continue from. The database is made to end there, then the statement is stored, and last
the key file is replaced in one step and the old one set aside. After a crash before that, a second call
repeats it all; the next start declares what is lost.

`install_replacement` does the same on new hardware with a statement of the centre: the chain continues from
the seal that the centre names, with the first key made by `init`.

The agent must not run meanwhile; the lock of the database prevents it.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from agent.sealing import statements
from agent.sealing.key_slots import SECTOR_BYTES, SLOTS, KeySlots, Slot
from agent.sealing.statements import Kept, RekeyRefusedError
from agent.sealing.tip import Believed, find_tip, fit
from agent.site.enrolment import ENROLMENT_NAME, EnrolmentError, read_enrolment
from agent.site.file import ConfigError, Site
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME, KEYS_NAME
from disk.files import read_plain, write_all
from evidence import keys
from evidence.cbor import FormatError
from evidence.keys import KeyFileError
from evidence.receipt import KEPT_BYTES_MAX, open_receipt
from evidence.seal import FIRST_NUMBER
from evidence.statement import Rekey, Replace, open_statement, sign_statement

FILE_BYTES_MAX: Final = 16_384
"""Longest receipt or replacement file: one is 2 kB, as hexadecimal text 4 kB."""


def rekey(site: Site, recovery: Path, receipt: Path | None, reason: str, utc_ms: int) -> dict[str, Any]:
    """Continue the chain of `site` under a fresh key; returns what was done, for a person or a script.

    Raises:
        RekeyRefusedError: It cannot; nothing was changed.
    """
    secret, centre_key = _recovery_secret(site, recovery), _centre_key(site)
    gateway, folder = site.site.gateway, site.path(site.store.path)
    given = [] if receipt is None else [_receipt_file(receipt, gateway, centre_key)]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    slots = KeySlots(folder / KEYS_NAME)
    ring = slots.load() if slots.exists() else ()
    path, quota = folder / DATABASE_NAME, site.store.quota_mb * 1024 * 1024
    store = GatewayStore(path, quota, newest_hint=max((slot.number for slot in ring), default=None))
    try:
        stored = [one for raw in store.receipts() for one in _open_own(raw, gateway, centre_key)]
        best = max([*stored, *given], key=lambda one: one[0].number, default=None)
        kept = statements.read_statements(folder)
        tip = find_tip(gateway, store, ring, best, kept)
        fresh = keys.generate()
        statement = Rekey(
            gateway=gateway,
            number=tip.number + 1,
            previous=tip.hash,
            first_record=tip.next_record,
            next_key=keys.public(fresh),
            utc_ms=max(utc_ms, *(one.statement.utc_ms + 1 for one in kept), 0),
            reason=reason,
        )
        raw = _sign(statement, secret)
        database_aside = fit(store, path, quota, tip, best)
    finally:
        store.close()
    statements.keep(folder, Kept(raw, b"" if best is None else best[1]))
    keys_aside = slots.restart(Slot(tip.number + 1, fresh, tip.next_record, tip.hash, b""), keep=True)
    return {
        "gateway": gateway,
        "number": statement.number,
        "previous": statement.previous.hex(),
        "next_key": statement.next_key.hex(),
        "statement": raw.hex(),
        "keys_aside": str(keys_aside) if keys_aside else None,
        "database_aside": str(database_aside) if database_aside else None,
    }


def install_replacement(site: Site, file: Path) -> dict[str, Any]:
    """Continue the chain of the old hardware here, from the seal that the centre names.

    Raises:
        RekeyRefusedError: The file is not for this gateway, or the gateway has a chain of its own.
    """
    centre_key, gateway = _centre_key(site), site.site.gateway
    folder = site.path(site.store.path)
    kept = _replacement_file(file)
    try:
        statement = open_statement(kept.raw, centre_key)
    except FormatError as error:
        raise RekeyRefusedError(f"{file}: {error}") from error
    if not isinstance(statement, Replace) or statement.gateway != gateway:
        raise RekeyRefusedError(f"{file}: not a replacement for gateway {gateway}")
    slots = KeySlots(folder / KEYS_NAME)
    if not slots.exists():
        raise RekeyRefusedError(f"{folder}: no keys are here; begin with init, and let the centre sign that")
    store = GatewayStore(folder / DATABASE_NAME, site.store.quota_mb * 1024 * 1024)
    try:
        secret = _waiting_secret(store, slots, statement)
        statements.keep(folder, kept)
        slot = Slot(statement.number, secret, statement.first_record, statement.previous, b"")
        aside = slots.restart(slot, keep=True)
    finally:
        store.close()
    if aside is not None:
        _destroy(aside)
    return {"gateway": gateway, "number": statement.number, "previous": statement.previous.hex()}


def _sign(statement: Rekey, secret: bytes) -> bytes:
    try:
        return sign_statement(statement, secret)
    except FormatError as error:
        raise RekeyRefusedError(str(error)) from error


def _recovery_secret(site: Site, file: Path) -> bytes:
    try:
        secret = keys.load_key_file(file)
    except KeyFileError as error:
        raise RekeyRefusedError(str(error)) from error
    try:
        enrolled = read_enrolment(site.path(site.store.path))["recovery_key"]
    except EnrolmentError:
        return secret  # lost with the rest; the centre knows which key to expect
    if enrolled not in {"", keys.public(secret).hex()}:
        raise RekeyRefusedError(f"{file}: not the recovery key that stands in {ENROLMENT_NAME}")
    return secret


def _centre_key(site: Site) -> bytes:
    if site.broker is None or site.broker.centre_key is None:
        raise ConfigError(site.file, ["broker.centre_key: missing; receipts cannot be checked"])
    return site.broker.centre_key


def _open_own(raw: bytes, gateway: str, centre_key: bytes) -> list[Believed]:
    try:
        receipt = open_receipt(raw, centre_key)
    except FormatError:
        return []
    return [(receipt, raw)] if receipt.gateway == gateway else []


def _receipt_file(file: Path, gateway: str, centre_key: bytes) -> Believed:
    """The receipt in `file`, raw as it travels or as hexadecimal text."""
    raw = _read(file)
    if len(raw) > KEPT_BYTES_MAX or raw[:2].isalnum():
        try:
            raw = bytes.fromhex(raw.decode("ascii"))
        except ValueError as error:
            raise RekeyRefusedError(f"{file}: not a receipt") from error
    found = _open_own(raw, gateway, centre_key)
    if not found:
        raise RekeyRefusedError(f"{file}: not a receipt of this centre for gateway {gateway}")
    return found[0]


def _replacement_file(file: Path) -> Kept:
    try:
        known = json.loads(_read(file))
        return Kept(bytes.fromhex(known["statement"]), bytes.fromhex(known["receipt"]))
    except (ValueError, TypeError, KeyError) as error:
        raise RekeyRefusedError(f"{file}: not a file of `dianjian centre replace`") from error


def _read(file: Path) -> bytes:
    try:
        return read_plain(file, FILE_BYTES_MAX, follow=True)
    except OSError as error:
        raise RekeyRefusedError(f"{file}: {error.strerror}") from error


def _waiting_secret(store: GatewayStore, slots: KeySlots, statement: Replace) -> bytes:
    """The secret whose key the statement names; it must not have sealed anything."""
    last = store.last()
    if last is not None:
        raise RekeyRefusedError(
            f"this gateway has a chain of {last.number} seals; begin with an empty folder"
        )
    waiting = {slot.number: slot.secret for slot in slots.load()}.get(FIRST_NUMBER)
    if waiting is not None and keys.public(waiting) == statement.next_key:
        return waiting
    raise RekeyRefusedError("the replacement is not for the first key of this gateway")


def _destroy(file: Path) -> None:
    """Overwrite and remove a key file whose secret lives on in the new one."""
    with file.open("r+b", buffering=0) as stream:
        write_all(stream.fileno(), bytes(SLOTS * SECTOR_BYTES))
        os.fsync(stream.fileno())
    file.unlink()
