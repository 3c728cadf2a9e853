"""What a statement does to a chain: `open_enrolment` begins one, `continue_chain` goes on or ends it.

Pure. The checks in their order; the first that fails decides:

1. form, gateway id; an enrolment within a chain                                   else INVALID
2. the bytes applied last, or at any time as far as `applied` knows                DUPLICATE
3. signature: a re-key by the recovery key, the others by the centre               else INVALID
4. number beyond tip + 1: park it and ask                                          GAP
5. number accepted before, or another `previous` than the tip: it contradicts an accepted seal. The holder
   of the recovery key cannot rewrite the past; the statement proves the attempt   FORK
6. the count of records must not run back; of two re-keys for one seal the younger counts   else INVALID
An accepted statement replaces the `next_key` that the tip certified, and a replacement the recovery key
too. A replacement also lifts a revocation: the centre has signed both.

Only the centre is trusted and, for a re-key, the holder of the recovery key, who may only continue at the
end of the chain.
"""

from collections.abc import Callable

from attrs import evolve

from evidence import cbor
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict, hash_stored, refuse
from evidence.seal import FIRST_NUMBER, NO_HASH, seal_hash
from evidence.statement import (
    Continuation,
    Enrolment,
    Rekey,
    Replace,
    Revoke,
    SignedStatement,
    parse_statement,
)


def open_enrolment(raw: bytes, centre_key: bytes) -> tuple[ChainState, Enrolment]:
    """The state before the first seal of the gateway that the centre enrols in `raw`.

    Raises FormatError if it is not an enrolment signed by this centre.
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
    """The verdict on the statement `raw`, with the state of the chain after it.

    Args:
        state: Where the chain stands.
        raw: The statement as received.
        centre_key: The centre's public key; None where only the recovery key is known.
        stored: Gives the COSE bytes of an earlier accepted seal by number, for a revocation.
        applied: Whether the statement with this hash was applied before.
    """
    try:
        parsed = parse_statement(raw)
    except cbor.FormatError as error:
        return refuse(state, Code.STATEMENT, str(error), state.number + 1)
    statement, digest = parsed.statement, seal_hash(raw)
    if isinstance(statement, Enrolment):
        return refuse(state, Code.STATEMENT, "an enrolment within a chain", state.number + 1)
    if statement.gateway != state.gateway:
        return refuse(state, Code.FOREIGN, f"statement for gateway {statement.gateway}", statement.number)
    if digest == state.statement or applied(digest):
        return Verdict(Outcome.DUPLICATE, state, statement=statement)
    reason = _check_signature(state, parsed, centre_key)
    if reason:
        return refuse(state, Code.STATEMENT, reason, statement.number)
    if isinstance(statement, Revoke):
        return _revoke(state, statement, digest, stored)
    return _continue(state, statement, digest)


def _check_signature(state: ChainState, parsed: SignedStatement, centre_key: bytes | None) -> str:
    """Why the signature is not valid, "" if it is."""
    if isinstance(parsed.statement, Rekey):
        if state.recovery_key == NO_HASH:
            return "a re-key, but no recovery key was enrolled"
        return "" if parsed.holds(state.recovery_key) else "a re-key that the recovery key has not signed"
    if centre_key is None:
        return "a statement of the centre, whose key is not known here"
    return "" if parsed.holds(centre_key) else "a statement that the centre has not signed"


def _continue(state: ChainState, one: Continuation, digest: bytes) -> Verdict:
    what = "a re-key" if isinstance(one, Rekey) else "a replacement"
    if one.number > state.number + 1:
        text = f"{what} at seal {one.number}, but seals {state.number + 1} to {one.number - 1} have not come"
        return Verdict(Outcome.GAP, state, (Finding(Code.GAP, text, one.number),), statement=one)
    if one.number <= state.number or one.previous != state.hash:
        text = f"{what} at seal {one.number} contradicts what was accepted up to seal {state.number}"
        return Verdict(Outcome.FORK, state, (Finding(Code.FORK, text, one.number),), statement=one)
    if one.first_record < state.next_record:
        return refuse(state, Code.STATEMENT, f"{what} that counts records again", one.number)
    if isinstance(one, Rekey) and one.utc_ms <= state.rekeyed_utc_ms:
        return refuse(state, Code.STATEMENT, f"{what} older than the one before it", one.number)
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


def _revoke(state: ChainState, one: Revoke, digest: bytes, stored: Callable[[int], bytes | None]) -> Verdict:
    if one.number > state.number:
        text = f"a revocation after seal {one.number}, which has not come"
        return Verdict(Outcome.GAP, state, (Finding(Code.GAP, text, one.number),), statement=one)
    known = state.hash if one.number == state.number else hash_stored(stored(one.number))
    if one.number < FIRST_NUMBER <= state.number:
        text = f"a revocation of all seals, of which {state.number} were accepted"
        return refuse(state, Code.STATEMENT, text, one.number)
    if known is None:
        text = f"a revocation after seal {one.number}, which is too old to be compared"
        return refuse(state, Code.STATEMENT, text, one.number)
    if known != one.seal_hash:
        text = f"a revocation that names another seal {one.number}"
        return refuse(state, Code.STATEMENT, text, one.number)
    after = evolve(state, statement=digest, revoked=one.number)
    text = f"the centre revokes this gateway after seal {one.number}: {one.reason}"
    if state.number > one.number:
        text = f"{text} (seals {one.number + 1} to {state.number} came before that and do not count)"
    return Verdict(Outcome.ACCEPTED, after, (Finding(Code.REVOKED, text, one.number),), statement=one)
