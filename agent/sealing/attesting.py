"""When the TPM attests the chain, and what its answers become. `TpmTask` calls the TPM.

At boot and every ATTEST_INTERVAL_S the TPM attests the last seal. Its answer becomes an ATTESTATION record,
and a checkpoint in the commit of that record keeps the counter.

The first answer after boot is compared with the checkpoint. The counter may be one ahead: the process ended
between answer and commit. If it is further ahead, an EVENT records it: the TPM has attested seals that this
disk does not have, so the disk is an older copy (or several runs in a row ended uncleanly). A
different key is an EVENT too.

A TPM that fails does not hold up sealing: one EVENT records it, and the next try is an hour later.
"""

import logging
from collections.abc import Callable
from typing import Final

from attrs import define, field

from agent.sealing.source import NewRecord, RecordSource
from agent.sealing.tpm_task import Answer, TpmTask
from agent.store.gateway import GatewayStore
from drivers.clock import NS_PER_S, Stamp
from evidence import cbor
from evidence.attestation import AK_BYTES, UNSEEN_MAX, check_attestation
from evidence.record import Kind

LOG: Final = logging.getLogger("dianjian.attesting")

ATTEST_INTERVAL_S: Final = 3600.0
"""An NV counter takes hundreds of thousands of increments: at one an hour it lasts decades."""
CHECKPOINT: Final = "tpm"
CHECKPOINT_BYTES_MAX: Final = 128
ERROR_CHARACTERS_MAX: Final = 200


@define(eq=False, repr=False)
class Attesting(RecordSource):
    """See the module; `last_seal` gives the number and hash of the last seal, if it is held."""

    task: TpmTask
    store: GatewayStore
    last_seal: Callable[[], tuple[int, bytes] | None]
    _asked_ns: int | None = field(default=None, init=False)
    _compared: bool = field(default=False, init=False)
    _failed: bool = field(default=False, init=False)

    def due(self, stamp: Stamp, /) -> list[NewRecord]:
        """The records of an answer, if one has come; starts the next attestation when it is due."""
        answer = self.task.answer()
        records = [] if answer is None else self._take(answer)
        if self._asked_ns is None or stamp.boottime_ns - self._asked_ns >= ATTEST_INTERVAL_S * NS_PER_S:
            last = self.last_seal()
            if last is not None:
                self._asked_ns = stamp.boottime_ns
                self.task.ask(*last)
        return records

    def _take(self, answer: Answer) -> list[NewRecord]:
        try:
            if isinstance(answer, str):
                raise cbor.FormatError(answer)  # noqa: TRY301 -- one way for all answers without proof
            counter = check_attestation(answer).counter
        except cbor.FormatError as error:
            return self._failing(str(error))
        if self._failed:
            LOG.info("the TPM answers again")
        self._failed = False
        events = [] if self._compared else self._compare(counter, answer.ak)
        self._compared = True
        self.store.put_checkpoint(CHECKPOINT, cbor.encode([counter, answer.ak]))
        return [*events, NewRecord(Kind.ATTESTATION, answer.to_body())]

    def _failing(self, why: str) -> list[NewRecord]:
        if self._failed:
            return []
        self._failed = True
        LOG.warning("the TPM attests nothing: %s", why)
        return [NewRecord(Kind.EVENT, {"what": "tpm", "text": why[:ERROR_CHARACTERS_MAX]})]

    def _compare(self, counter: int, ak: bytes) -> list[NewRecord]:
        """The events of the first answer after boot."""
        known = self._recall()
        if known is None:
            return []
        last, key = known
        numbers = {"remembered": last, "counter": counter}
        if ak != key:
            LOG.warning("the TPM is not the one that attested this chain before")
            return [NewRecord(Kind.EVENT, {"what": "tpm key changed", **numbers})]
        if last < counter <= last + 1 + UNSEEN_MAX:
            return []
        LOG.warning("the TPM's counter is %d, this disk has %d: was an older copy restored?", counter, last)
        return [NewRecord(Kind.EVENT, {"what": "tpm counter", **numbers})]

    def _recall(self) -> tuple[int, bytes] | None:
        raw = self.store.checkpoint(CHECKPOINT)
        if raw is None:
            return None
        try:
            return read_counter(raw)
        except cbor.FormatError as error:
            LOG.warning("the checkpoint of the TPM cannot be read: %s", error)
            return None


def read_counter(raw: bytes) -> tuple[int, bytes]:
    """The counter and the key in a checkpoint; raises FormatError."""
    counter, ak = cbor.array(cbor.decode(raw, CHECKPOINT_BYTES_MAX), "tpm", 2)
    return cbor.natural(counter, "counter"), cbor.octets(ak, "ak", AK_BYTES)
