"""A gateway whose owner holds its keys: everything that it signs is rightly signed, whatever it says."""

import json
import tempfile
from contextlib import closing
from copy import copy
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from centre.core import Incoming
from centre.store.sqlite import SqliteStore
from drivers.clock import ClockState
from evidence import cbor, keys
from evidence.body import encode_body, plain_body
from evidence.record import MODEL_ID_BYTES
from evidence.seal import NO_HASH, SealHeader, merkle_root, seal_hash, sign_header
from evidence.statement import Rekey, sign_statement
from wire.messages import Topics, encode_chain, encode_seal, encode_statement
from wire.messages import encode_body as body_message

T0_MS: Final = 1_767_268_800_000
EVIL: Final = "evil"
HONEST: Final = "honest"
RECOVERY: Final = sha256(b"recovery of evil").digest()


@define
class Hostile:
    """Seals any bytes as records, under the keys of its own chain."""

    name: str = EVIL
    number: int = 0
    tip: bytes = NO_HASH
    records: int = 1
    at_ms: int = T0_MS
    key: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.key = self._secret(1)

    def _secret(self, number: int) -> bytes:
        return sha256(f"{self.name} {number} {self.at_ms}".encode()).digest()

    @property
    def first_key(self) -> bytes:
        return keys.public(Hostile(self.name).key)

    def seal(self, records: list[bytes], *, step_ms: int = 1_000) -> tuple[bytes, bytes]:
        """The next seal, with its body in the shorter form."""
        self.number, self.at_ms = self.number + 1, self.at_ms + step_ms
        secret = self._secret(self.number + 1)
        header = SealHeader(
            self.name, self.number, self.records, len(records), merkle_root(records), self.tip,
            keys.public(secret), self.at_ms, self.at_ms - T0_MS + 1, bytes(16), ClockState.UNSYNCHRONISED,
        )  # fmt: skip
        cose = sign_header(header, self.key)
        self.tip, self.records, self.key = seal_hash(cose), self.records + len(records), secret
        try:
            return cose, encode_body(records)
        except ValueError:
            return cose, plain_body(records)

    def send(self, *records: bytes) -> Incoming:
        """A live seal over these records."""
        return Incoming(Topics(self.name).seal, encode_seal(*self.seal(list(records))))

    def chain(self, *seals: bytes) -> Incoming:
        return Incoming(Topics(self.name).chain, encode_chain(seals))

    def late(self, number: int, body: bytes) -> Incoming:
        return Incoming(Topics(self.name).body, body_message(number, body))

    def rekey(self, reason: str, at_ms: int) -> Incoming:
        """A re-key at the next seal, by the recovery key, to a key that is never used."""
        one = Rekey(
            self.name,
            self.number + 1,
            self.tip,
            self.records,
            keys.public(self._secret(-at_ms)),
            at_ms,
            reason,
        )
        return Incoming(Topics(self.name).rekey, encode_statement(sign_statement(one, RECOVERY)))

    def clone(self) -> "Hostile":
        """Another one that goes on here with the same key."""
        return copy(self)


@cache
def _empty() -> bytes:
    """A new store with both gateways: its migrations cost more than the tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "centre.db"
        with closing(SqliteStore(path)) as store:
            store.enrol(EVIL, Hostile().first_key, keys.public(RECOVERY))
            store.enrol(HONEST, Hostile(HONEST).first_key)
        return path.read_bytes()


def fresh(folder: Path) -> Path:
    """A store that knows a hostile gateway and an honest one."""
    path = folder / "centre.db"
    path.write_bytes(_empty())
    return path


def record(kind: int, body: Any) -> bytes:
    return cbor.encode([kind, T0_MS, 1, 1, body])


def reading(
    meter: str = "m1", model: bytes = bytes(MODEL_ID_BYTES), words: bytes = b"\0\1", reads: int = 1
) -> bytes:
    blocks = [[3, 0, words]] * reads
    return cbor.encode([1, T0_MS, 1, 1, meter, 0, model, blocks, 0, "", 5])


def table(points: int = 1, name: str = "x") -> tuple[bytes, bytes]:
    """A point table of so many voltages in one register, and its id."""
    row = {"address": 0, "function": 3, "quantity": "voltage", "type": "u16"}
    body = {"format": 1, "name": name, "points": {f"p{at}": row for at in range(points)}}
    raw = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return raw, sha256(raw).digest()[:MODEL_ID_BYTES]
