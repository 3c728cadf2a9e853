"""Verification of a chain: needs the enrolled keys, or the centre's key and the enrolment, and nothing else.

Pure: `accept(state, cose, body, received_utc_ms)` gives the verdict on a seal and the state after it.
The checks in their order; the first that fails decides:

1. form and limits, gateway id                                        else INVALID
2. number below the tip: identical bytes                              DUPLICATE
   other bytes whose signature holds under that number's own key      FORK (cloned or rolled back)
   any other bytes                                                    INVALID
3. number beyond tip + 1: cannot be checked yet, park it and ask      GAP
4. signature under exactly the key that the tip certified             else INVALID
5. previous hash and first record number                              else INVALID
6. body, if given: count and Merkle root; with a wrong body the seal is ACCEPTED without it
7. clocks: findings, never a refusal, because the numbers give the order
8. records (`check_records`, for callers that do not decode them anyway): a malformed one is a finding and
   counts for nothing. The chain stands: whoever holds the keys must not be able to spoil evidence with a byte
After a revocation, seals beyond the one that it names are INVALID, whoever signed them.

What a statement does to a chain is in `evidence.continuation`.

Not handled here: who may enrol, where the bytes are stored, the meaning of readings. The caller keeps the
state, and gives earlier seals through `stored`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from drivers.clock import ClockState
from evidence import cbor
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict, hash_stored, refuse
from evidence.cose import Signed
from evidence.record import Kind, ReadingRecord, Record, decode_record, describe_malformed, kind_of
from evidence.record_template import Templates
from evidence.seal import DOMAIN, FIRST_NUMBER, SealHeader, open_body, parse_seal, peek_header, seal_hash

WHY_CHARACTERS_MAX: Final = 64
"""Of the reason in a drop record that a finding repeats."""
CLOCK_STEP_MS: Final = 2_000
"""Change of wall clock against boottime between two seals of one boot; NTP slews 500 ppm at most."""
CLOCK_AHEAD_MS: Final = 2_000
"""A seal may be this much later than its reception: the clocks of two machines differ."""


def accept(
    state: ChainState,
    cose: bytes,
    body: bytes | None,
    received_utc_ms: int | None,
    *,
    stored: Callable[[int], bytes | None] = lambda _: None,
    stated_keys: Callable[[int], Sequence[bytes]] = lambda _: (),
    reference_utc_ms: Callable[[bytes], int | None] = lambda _: None,
) -> Verdict:
    """The verdict on the seal `cose`, with the state of the chain after it.

    Args:
        state: Where the chain stands.
        cose: The seal as received.
        body: Its body, or None if it was withheld.
        received_utc_ms: The verifier's clock at reception; None when a file is checked later.
        stored: Gives the COSE bytes of an earlier accepted seal by number, to tell a duplicate from a fork.
        stated_keys: Gives the keys that applied statements gave to a seal, for the same purpose.
        reference_utc_ms: Gives the time of the receipt or beacon with this SHA-256, if known.
    """
    try:
        header, signed = parse_seal(cose)
    except cbor.FormatError as error:
        return refuse(state, Code.FORM, str(error), state.number + 1)
    if header.gateway != state.gateway:
        return refuse(state, Code.FOREIGN, f"seal of gateway {header.gateway}", header.number)
    if header.number <= state.number:
        return _compare(state, header, signed, seal_hash(cose), stored, stated_keys)
    if state.revoked is not None:
        text = f"the centre has revoked this gateway after seal {state.revoked}"
        return refuse(state, Code.REVOKED, text, header.number)
    if header.number > state.number + 1:
        text = f"seals {state.number + 1} to {header.number - 1} have not come"
        return Verdict(Outcome.GAP, state, (Finding(Code.GAP, text, header.number),), header)
    if not signed.holds(state.next_key, DOMAIN):
        return refuse(state, Code.SIGNATURE, "not signed with the certified key", header.number)
    if header.previous != state.hash or header.first_record != state.next_record:
        return refuse(state, Code.CHAIN, "does not follow the seal before it", header.number)
    return _accept(state, header, cose, body, _check_clocks(state, header, received_utc_ms, reference_utc_ms))


_TEMPLATES: Final = Templates()
"""A cache: what it recognises does not depend on what it has seen, only how fast it is."""
_LOSSES: Final = frozenset({int(Kind.LOST_TAIL), int(Kind.DROP)})
"""Plain numbers: hashing enum members would take a tenth of the time of a check."""


def read_declarations(records: tuple[bytes, ...], number: int) -> tuple[list[Finding], list[tuple[int, int]]]:
    """What the records of seal `number` declare lost: findings, and ranges of seals without a body."""
    findings: list[Finding] = []
    absent: list[tuple[int, int]] = []
    for raw in records:
        if kind_of(raw) in _LOSSES:
            span = _read_loss(raw, number)
            if span is not None:
                absent.append(span[:2])
                code = Code.LOST_TAIL if kind_of(raw) == Kind.LOST_TAIL else Code.DROP
                first, last, why = span
                text = f"bodies of seals {first} to {last} are lost"
                findings.append(Finding(code, f"{text}: {why}" if why else text, number))
    return findings, absent


def check_records(records: tuple[bytes, ...], header: SealHeader) -> list[Finding]:
    """What to say of a proved body whose records are not all what a record may hold; one finding at most."""
    wrong: list[tuple[int, str]] = []
    for number, raw in enumerate(records, header.first_record):
        if _TEMPLATES.find(raw) is not None:
            continue
        try:
            is_reading = isinstance(decode_record(raw), ReadingRecord)
        except cbor.FormatError as error:
            wrong.append((number, str(error)))
        else:
            if is_reading:
                _TEMPLATES.learn(raw)
    return [Finding(Code.RECORD, describe_malformed(wrong), header.number)] if wrong else []


def _read_loss(raw: bytes, number: int) -> tuple[int, int, str] | None:
    try:
        record = decode_record(raw)
    except cbor.FormatError:
        return None  # a record that cannot be read declares nothing
    if not isinstance(record, Record) or record.body["last"] >= number:
        return None
    return record.body["first"], record.body["last"], str(record.body.get("why", ""))[:WHY_CHARACTERS_MAX]


def _accept(
    state: ChainState, header: SealHeader, cose: bytes, body: bytes | None, findings: list[Finding]
) -> Verdict:
    records: tuple[bytes, ...] | None = None
    absent: list[tuple[int, int]] = []
    if body is not None:
        try:
            records = open_body(header, body)
        except cbor.FormatError as error:
            findings.append(Finding(Code.BODY, str(error), header.number))
        else:
            declared, absent = read_declarations(records, header.number)
            findings += declared
    after = state.after(header, seal_hash(cose))
    return Verdict(Outcome.ACCEPTED, after, tuple(findings), header, records, tuple(absent))


def _compare(
    state: ChainState,
    header: SealHeader,
    signed: Signed,
    digest: bytes,
    stored: Callable[[int], bytes | None],
    stated_keys: Callable[[int], Sequence[bytes]],
) -> Verdict:
    """The verdict on a seal whose number was accepted before."""
    number = header.number
    known = state.hash if number == state.number else hash_stored(stored(number))
    if digest == known:
        return Verdict(Outcome.DUPLICATE, state, header=header)
    keys = _find_keys(state, number, stored, stated_keys)
    if not keys:
        text = f"seal {number} was there before, and is too old to be compared with that one"
        return refuse(state, Code.CHAIN, text, number)
    if not any(signed.holds(key, DOMAIN) for key in keys):
        return refuse(state, Code.SIGNATURE, "not signed with the certified key", number)
    text = f"two different seals {number} under one key: the gateway was cloned or rolled back"
    return Verdict(Outcome.FORK, state, (Finding(Code.FORK, text, number),), header)


def _find_keys(
    state: ChainState,
    number: int,
    stored: Callable[[int], bytes | None],
    stated_keys: Callable[[int], Sequence[bytes]],
) -> list[bytes]:
    """Every key that was ever valid for seal `number`; one that a statement replaced can sign a fork too."""
    before = stored(number - 1) if number > FIRST_NUMBER else None
    keys = [
        state.key if number == state.number else None,
        state.first_key if number == FIRST_NUMBER else None,
        None if before is None else peek_header(before).next_key,
        *stated_keys(number),
    ]
    return [key for key in dict.fromkeys(keys) if key is not None]


def _check_clocks(
    state: ChainState,
    header: SealHeader,
    received_utc_ms: int | None,
    reference_utc_ms: Callable[[bytes], int | None],
) -> list[Finding]:
    found: list[tuple[Code, str]] = []
    if header.clock_state is not state.clock_state or state.number < FIRST_NUMBER:
        found.append((Code.CLOCK_STATE, f"clock {header.clock_state}"))
    if header.boot_id != state.boot_id:
        found.append((Code.BOOT, f"boot {header.boot_id.hex()}"))
    else:
        passed_ms = header.boottime_ms - state.boottime_ms
        step_ms = header.utc_ms - state.utc_ms - passed_ms
        if passed_ms < 0:
            found.append((Code.CLOCK_STEP, f"boottime runs back by {-passed_ms} ms within one boot"))
        elif abs(step_ms) > CLOCK_STEP_MS:
            found.append((Code.CLOCK_STEP, f"wall clock was set by {step_ms} ms"))
    if header.clock_state is ClockState.SYNCHRONISED:
        if received_utc_ms is not None and header.utc_ms > received_utc_ms + CLOCK_AHEAD_MS:
            found.append((Code.CLOCK_AHEAD, f"{header.utc_ms - received_utc_ms} ms later than its reception"))
        known_ms = reference_utc_ms(header.reference) if header.reference else None
        if known_ms is not None and header.utc_ms < known_ms - CLOCK_AHEAD_MS:
            found.append((Code.CLOCK_BEHIND, f"{known_ms - header.utc_ms} ms before what it refers to"))
    return [Finding(code, text, header.number) for code, text in found]
