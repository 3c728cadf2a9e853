"""The orders in a pack, as a stranger proves them: what was asked and when, measured and answered.

Pure, from proved seals and the centre's key, which is the root:

- An order stands whole in its ORDER record, so its signature is checked again here, under what the root says
  of keys in the seals of the pack. Certificates are sealed with the first order that needs them; a pack
  without that seal cannot show them, and says so.
- It was received before the seal that has it, and that no later than the first receipt for it or for a later
  seal of its run.
- Figures and verdicts are those that the gateway has sealed; `dianjian curtail verdict` judges a chain again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from agent.orders.notices import KINDS
from disk.plain_text import to_json
from evidence.cbor import FormatError
from evidence.curtailment.stopping import HourState
from evidence.curtailment.words import HOURS
from evidence.moments import iso_utc
from evidence.orders.certificate import Certificate
from evidence.orders.entries import What
from evidence.orders.order import Order, parse_order
from evidence.orders.trust import Reason, Trust
from evidence.pack.proved import Evidence, Part, ProvedSeal
from evidence.record import Kind, Record, decode_record
from evidence.words import Words
from provisioning.words.language import translate
from provisioning.words.orders import STATES

WORDS: Final[Mapping[str, Words]] = {
    "order": Words(
        "指令 {order} 第{rev}版（{kind}，{issuer}）：{state}，见签封 {seal}，{sealed}；{received}；{signed}",
        "order {order} rev {rev} ({kind} of {issuer}): {state}, seal {seal}, {sealed}; {received}; {signed}",
    ),
    "held": Words("已接受", "taken"),
    "refused": Words("拒绝（{reason}）", "refused ({reason})"),
    "receipt": Words("中心在 {at} 已有", "at the centre by {at}"),
    "no receipt": Words("包内没有其后的回执", "no receipt after it is in the pack"),
    "certified": Words("签名成立，密钥由根密钥认证", "its signature holds, by a key that the root certified"),
    "not shown": Words(
        "签名未能核验：密钥的证书在更早的签封里，请用 --whole-chain 或更早的起点制作证据",
        "its signature is not proved: the certificate of its key is in an earlier seal; make the pack with "
        "--whole-chain or an earlier beginning",
    ),
    "wrong": Words("签名或授权不成立（{reason}）", "its signature or authority does not hold ({reason})"),
    "asked": Words("  要求：{what}", "  asked: {what}"),
    "answer": Words(
        "  答复：{state}{by}，{at}，见签封 {seal}{text}", "  answered: {state}{by}, {at}, seal {seal}{text}"
    ),
    "by": Words("（答复人：{by}）", " by {by}"),
    "hours": Words("  {line} 各小时：{told}", "  hours of {line}: {told}"),
    "verdict": Words("  结论，见签封 {seal}：{sentence}", "  verdict, seal {seal}: {sentence}"),
}
FIGURES: Final = frozenset({Kind.VERDICT, Kind.EXERCISE})
_ASKED_MAX: Final = 300
"""Characters of a body in one line; the JSON form has all of it."""


@define
class Told:
    """One order in a pack.

    Attributes:
        state, reason: What the gateway made of it.
        proof: The certificate under which it counts, or why it counts under none.
        answers, figures: Bodies of ANSWER records, and of VERDICT and EXERCISE records, each with its seal.
    """

    order: Order
    state: str
    reason: str
    seal: int
    sealed_ms: int
    receipt_ms: int | None
    proof: Certificate | Reason
    answers: list[tuple[int, Mapping[str, Any]]] = field(factory=list)
    figures: list[tuple[int, Mapping[str, Any]]] = field(factory=list)

    def to_body(self) -> dict[str, Any]:
        """For `--json`."""
        one = self.order
        return {
            "order": one.id,
            "rev": one.rev,
            "seq": one.seq,
            "kind": one.kind,
            "issuer": one.issuer,
            "number": one.number,
            "test": one.test,
            "issued": iso_utc(one.issued_utc_ms),
            "body": _to_plain(one.body),
            "state": self.state,
            "reason": self.reason,
            "seal": self.seal,
            "sealed": iso_utc(self.sealed_ms),
            "at_centre_by": None if self.receipt_ms is None else iso_utc(self.receipt_ms),
            "proved": isinstance(self.proof, Certificate),
            "why_not": "" if isinstance(self.proof, Certificate) else self.proof.value,
            "answers": [{**body, "seal": seal} for seal, body in self.answers],
            "figures": [{**body, "seal": seal} for seal, body in self.figures],
        }


def _to_plain(value: Any) -> Any:
    """As JSON can hold it: a bureau's body may have bytes."""
    if isinstance(value, Mapping):
        return {str(key): _to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def list_orders(evidence: Evidence, root: bytes) -> list[Told]:
    """Every order of a pack, in the order of the chain, with what followed."""
    trust, found = Trust(root), dict[tuple[str, int], Told]()
    for part in evidence.parts:
        for seal in part.seals:
            for record in _read(seal):
                body = record.body
                if record.kind is Kind.ORDER:
                    trust.add(body.get("statements", ()))
                    told = _take(evidence, part, seal, body, trust)
                    if told is not None:
                        found.setdefault((told.order.id, told.order.rev), told)
                    continue
                about = found.get((str(body.get("order")), int(body.get("rev", 0))))
                if about is not None:
                    into = about.figures if record.kind in FIGURES else about.answers
                    into.append((seal.header.number, body))
    return list(found.values())


def _read(seal: ProvedSeal) -> Iterator[Record]:
    for raw in seal.records or ():
        try:
            record = decode_record(raw)
        except FormatError:
            continue  # it is told as malformed
        if isinstance(record, Record) and record.kind in {Kind.ORDER, Kind.ANSWER, *FIGURES}:
            yield record


def _take(
    evidence: Evidence, part: Part, seal: ProvedSeal, body: Mapping[str, Any], trust: Trust
) -> Told | None:
    if body.get("what") != What.ORDER.value or type(body.get("order")) is not bytes:
        return None
    try:
        signed = parse_order(body["order"])
    except FormatError:
        return None
    number = seal.header.number
    receipts = [evidence.receipts[one].centre_utc_ms for one in part.receipted if one >= number]
    return Told(
        signed.order,
        str(body.get("state", "")),
        str(body.get("reason", "")),
        number,
        seal.header.utc_ms,
        min(receipts, default=None),
        trust.judge(signed, evidence.content.gateway),
    )


def tell_orders(orders: Iterable[Told]) -> Iterator[str]:
    """The same in the reader's language, some lines each."""
    for one in orders:
        received = WORDS["no receipt"]
        if one.receipt_ms is not None:
            received = WORDS["receipt"].fill(at=iso_utc(one.receipt_ms))
        yield translate(
            WORDS["order"].fill(
                order=one.order.id,
                rev=one.order.rev,
                kind=KINDS.get(one.order.kind, one.order.kind),
                issuer=one.order.issuer,
                state=WORDS["held"] if one.state == "held" else WORDS["refused"].fill(reason=one.reason),
                seal=one.seal,
                sealed=iso_utc(one.sealed_ms),
                received=received,
                signed=_name_proof(one.proof),
            )
        )
        asked = to_json(_to_plain(one.order.body))
        yield translate(
            WORDS["asked"].fill(what=asked if len(asked) <= _ASKED_MAX else f"{asked[:_ASKED_MAX]}…")
        )
        yield from map(translate, _tell_figures(one))
        yield from map(translate, _tell_answers(one))


def _name_proof(proof: Certificate | Reason) -> Words:
    if isinstance(proof, Certificate):
        return WORDS["certified"]
    return WORDS["not shown"] if proof is Reason.KEY else WORDS["wrong"].fill(reason=proof.value)


def _tell_figures(one: Told) -> Iterator[Words]:
    hours: dict[str, list[str]] = {}
    for _, body in one.figures:
        if body.get("what") == "hour":
            hours.setdefault(str(body["line"]), []).append(str(body.get("state")))
    for line, states in hours.items():
        known = [state for state in HourState if state.value in states]
        told = [HOURS[state] for state in known]
        counts = [f" {states.count(state.value)}" for state in known]
        yield WORDS["hours"].fill(
            line=line,
            told=Words(
                ", ".join(words.zh + count for words, count in zip(told, counts, strict=True)),
                ", ".join(words.en + count for words, count in zip(told, counts, strict=True)),
            ),
        )
    for seal, body in one.figures:
        if body.get("what") == "final" and "sentence" in body:
            yield WORDS["verdict"].fill(seal=seal, sentence=Words(**body["sentence"]))


def _tell_answers(one: Told) -> Iterator[Words]:
    for seal, body in one.answers:
        by, text = str(body.get("by", "")), str(body.get("text", ""))
        state = str(body.get("state", ""))
        yield WORDS["answer"].fill(
            state=STATES.get(state, state),
            by=WORDS["by"].fill(by=by) if by else "",
            at=iso_utc(int(body.get("at", 0))),
            seal=seal,
            text=f": {text}" if text else "",
        )
