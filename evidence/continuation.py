"""What a statement does to a chain: `enrolled` begins one, `continue_chain` goes on or ends it.

Pure, in this order, and no step is taken before the one above it has passed:

1. form, gateway id; an enrolment is applied by `enrolled`, never within a chain   else INVALID
2. the bytes that were applied last, or ever as far as `applied` knows             DUPLICATE
3. signature: a re-key by the recovery key, the others by the centre               else INVALID
4. number beyond tip + 1: park it and ask                                          GAP
5. number accepted before, or another `previous` than the tip: it contradicts an accepted seal.
   Whoever holds the recovery key cannot rewrite the past; the statement is proof of the attempt   FORK
6. a count of records that runs back; of two re-keys for one seal the younger counts   else INVALID
It then stands in the place of the `next_key` (of a replacement, the recovery key too) that the tip
certified. A replacement lifts a revocation: the centre has signed both.

Who is trusted: the centre, and for a re-key the holder of the recovery key, who may only go on where
the chain stands.
"""

from collections.abc import Callable

from attrs import evolve

from evidence import cbor
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict
from evidence.seal import NO_HASH, seal_hash
from evidence.statement import (
    Continuation,
    Enrolment,
    Rekey,
    Replace,
    Revoke,
    SignedStatement,
    parse_statement,
)


def enrolled(raw: bytes, centre_key: bytes) -> tuple[ChainState, Enrolment]:
    """The state before the first seal of the gateway that the centre enrols in `raw`.

    Raises:
        FormatError: It is no enrolment, or another centre's.
    """
    parsed = parse_statement(raw)
    if not isinstance(parsed.statement, Enrolment):
        raise cbor.FormatError("not an enrolment")
    if not parsed.holds(centre_key):
        raise cbor.FormatError("the enrolment is not signed by this centre")
    one = parsed.statement
    return ChainState.enrolled(one.gateway, one.first_key, one.recovery_key), one


def continue_chain(
    state: ChainState,
    raw: bytes,
    centre_key: bytes | None,
    *,
    stored: Callable[[int], bytes | None] = lambda _: None,
    applied: Callable[[bytes], bool] = lambda _: False,
) -> Verdict:
    """What the statement `raw` is, and where the chain stands then.

    Args:
        state: Where the chain stands.
        raw: The statement as received.
        centre_key: The centre's public key; None where only the recovery key is known.
        stored: The COSE bytes of an earlier accepted seal by number, for a revocation.
        applied: Whether the statement with this hash was applied before.
    """
    try:
        parsed = parse_statement(raw)
    except cbor.FormatError as error:
        return _refused(state, Code.STATEMENT, str(error), state.number + 1)
    statement, digest = parsed.statement, seal_hash(raw)
    if isinstance(statement, Enrolment):
        return _refused(state, Code.STATEMENT, "an enrolment within a chain", state.number + 1)
    if statement.gateway != state.gateway:
        return _refused(state, Code.FOREIGN, f"statement for gateway {statement.gateway}", statement.number)
    if digest == state.statement or applied(digest):
        return Verdict(Outcome.DUPLICATE, state, statement=statement)
    reason = _unsigned(state, parsed, centre_key)
    if reason:
        return _refused(state, Code.STATEMENT, reason, statement.number)
    if isinstance(statement, Revoke):
        return _revoked(state, statement, digest, stored)
    return _continued(state, statement, digest)


def _unsigned(state: ChainState, parsed: SignedStatement, centre_key: bytes | None) -> str:
    """Why the signature does not count, "" where it does."""
    if isinstance(parsed.statement, Rekey):
        if state.recovery_key == NO_HASH:
            return "a re-key, but no recovery key was enrolled"
        return "" if parsed.holds(state.recovery_key) else "a re-key that the recovery key has not signed"
    if centre_key is None:
        return "a statement of the centre, whose key is not known here"
    return "" if parsed.holds(centre_key) else "a statement that the centre has not signed"


def _continued(state: ChainState, one: Continuation, digest: bytes) -> Verdict:
    what = "a re-key" if isinstance(one, Rekey) else "a replacement"
    if one.number > state.number + 1:
        text = f"{what} at seal {one.number}, but seals {state.number + 1} to {one.number - 1} have not come"
        return Verdict(Outcome.GAP, state, (Finding(Code.GAP, text, one.number),), statement=one)
    if one.number <= state.number or one.previous != state.hash:
        text = f"{what} at seal {one.number} contradicts what was accepted up to seal {state.number}"
        return Verdict(Outcome.FORK, state, (Finding(Code.FORK, text, one.number),), statement=one)
    if one.first_record < state.next_record:
        return _refused(state, Code.STATEMENT, f"{what} that counts records again", one.number)
    if isinstance(one, Rekey) and one.utc_ms <= state.rekeyed_utc_ms:
        return _refused(state, Code.STATEMENT, f"{what} older than the one before it", one.number)
    after = evolve(
        state,
        next_key=one.next_key,
        next_record=one.first_record,
        recovery_key=one.recovery_key if isinstance(one, Replace) else state.recovery_key,
        statement=digest,
        rekeyed_utc_ms=one.utc_ms if isinstance(one, Rekey) else 0,
        revoked=None if isinstance(one, Replace) else state.revoked,
    )
    code, by = (Code.REKEYED, "the recovery key") if isinstance(one, Rekey) else (Code.REPLACED, "the centre")
    finding = Finding(code, f"{by} gives seal {one.number} a new key: {one.reason}", one.number)
    return Verdict(Outcome.ACCEPTED, after, (finding,), statement=one)


def _revoked(state: ChainState, one: Revoke, digest: bytes, stored: Callable[[int], bytes | None]) -> Verdict:
    if one.number > state.number:
        text = f"a revocation after seal {one.number}, which has not come"
        return Verdict(Outcome.GAP, state, (Finding(Code.GAP, text, one.number),), statement=one)
    known = state.hash if one.number == state.number else _stored_hash(stored(one.number))
    if known != one.seal_hash:
        text = f"a revocation that names another seal {one.number}"
        return _refused(state, Code.STATEMENT, text, one.number)
    after = evolve(state, statement=digest, revoked=one.number)
    text = f"the centre revokes this gateway after seal {one.number}: {one.reason}"
    return Verdict(Outcome.ACCEPTED, after, (Finding(Code.REVOKED, text, one.number),), statement=one)


def _refused(state: ChainState, code: Code, text: str, number: int) -> Verdict:
    return Verdict(Outcome.INVALID, state, (Finding(code, text, number),))


def _stored_hash(cose: bytes | None) -> bytes | None:
    return None if cose is None else seal_hash(cose)
