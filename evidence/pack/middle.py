"""The begin of an exported chain whose first seal is not the gateway's first (version 3 of the file).

The head of the file has a receipt, signed by the centre, for the first seal of the file. So that seal is
taken as it is: nobody can make another one with its hash, and it names the key of the next. Its own signature
is not checked, its body is, against the root in it. Before it may stand the enrolment and replacements, all
signed by the centre: they give the recovery key by which a later re-key is checked. Pure.
"""

from attrs import define, evolve, field

from evidence import cbor
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict
from evidence.continuation import open_enrolment
from evidence.receipt import Receipt, open_receipt
from evidence.seal import NO_HASH, open_body, peek_header, seal_hash
from evidence.statement import Enrolment, Replace, open_statement
from evidence.verify import read_declarations


@define
class Middle:
    """What is known before the first seal of the file.

    Attributes:
        receipt: Of that seal.
        enrolment: None until it was read.
        recovery_key: In force at that seal; zeros for none that is known.
    """

    gateway: str
    centre_key: bytes
    receipt: Receipt
    enrolment: Enrolment | None = None
    recovery_key: bytes = NO_HASH
    _number: int = field(init=False, default=0)  # of the last replacement

    @classmethod
    def open(cls, gateway: str, raw: bytes, centre_key: bytes | None) -> "Middle":
        """From the head of a file; raises FormatError."""
        if centre_key is None:
            raise cbor.FormatError("the file begins with a later seal: the centre's key must be given")
        receipt = open_receipt(raw, centre_key)
        if receipt.gateway != gateway:
            raise cbor.FormatError("the receipt at its begin is another gateway's")
        return cls(gateway, centre_key, receipt)

    def read_statement(self, raw: bytes) -> None:
        """A statement before the first seal; raises FormatError."""
        one = open_statement(raw, self.centre_key)
        if one.gateway != self.gateway:
            raise cbor.FormatError("a statement before the first seal is another gateway's")
        if isinstance(one, Enrolment) and self.enrolment is None and not self._number:
            self.enrolment = open_enrolment(raw, self.centre_key)[1]
            self.recovery_key = one.recovery_key
        elif isinstance(one, Replace) and self._number <= one.number <= self.receipt.number:
            self._number, self.recovery_key = one.number, one.recovery_key
        else:
            raise cbor.FormatError("a statement before the first seal that is out of place")

    def begin(self, cose: bytes, body: bytes | None) -> Verdict:
        """The verdict on the first seal; raises FormatError where the receipt names another one."""
        header, digest = peek_header(cose), seal_hash(cose)
        if (header.gateway, header.number, digest) != (
            *(self.gateway, self.receipt.number, self.receipt.seal_hash),
        ):
            raise cbor.FormatError("its first seal is not the one that the receipt at its begin names")
        state = ChainState.enrolled(self.gateway, header.next_key, self.recovery_key).after(header, digest)
        if self.enrolment is not None:
            state = evolve(state, first_key=self.enrolment.first_key)
        if body is None:
            return Verdict(Outcome.ACCEPTED, state, header=header)
        try:
            records = open_body(header, body)
        except cbor.FormatError as error:
            wrong = Finding(Code.BODY, str(error), header.number)
            return Verdict(Outcome.ACCEPTED, state, (wrong,), header)
        findings, absent = read_declarations(records, header.number)
        return Verdict(Outcome.ACCEPTED, state, tuple(findings), header, records, tuple(absent))
