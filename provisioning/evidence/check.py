"""The whole check of an evidence pack: the file around it, the proof in it, and the page drawn from it.

Pure, from bytes to a verdict. In this order, the cheap steps first:

1. the container is byte for byte as it is written, and `index.txt` names what is in it
2. the centre's signature for the pack, where the centre made it
3. every seal, body, receipt and statement (`evidence.pack.proof`)
4. the page is the one that this evidence gives; one that another version of this program drew is not
   compared, unless the centre has signed it, and the verdict says so

So a changed byte is refused by its place alone; with `thorough` the check continues after a mistake as far as
it can, to name the seal too. Not handled here: whose key the centre's key is.
"""

from hashlib import sha256

from attrs import define, field, frozen

from evidence.cbor import FormatError
from evidence.pack import container
from evidence.pack.content import (
    EVIDENCE_NAME,
    INDEX_NAME,
    PAGE_NAME,
    Content,
    check_issue,
    decode_content,
    encode_evidence,
    index_of,
    open_evidence,
    sign_issue,
)
from evidence.pack.proof import prove
from evidence.pack.proved import Evidence, PackError
from provisioning.evidence.ordered import Told, list_orders
from provisioning.evidence.page import PAGE_VERSION, draw_evidence_page
from provisioning.evidence.story import Story
from provisioning.evidence.story_builder import build_story

NAMES = (EVIDENCE_NAME, PAGE_NAME, INDEX_NAME)


@frozen
class Checked:
    """The verdict on a pack: valid if there are no problems.

    Attributes:
        issued: The centre itself made the pack and signed all of it.
        story: The content of the evidence, None if it is not valid.
        orders: What it proves of orders.
        page_is_proved: The page is the one that this evidence gives, or the centre has signed it. Another
            version of this program drew it otherwise: the evidence holds, and its page proves nothing.
    """

    problems: tuple[str, ...]
    issued: bool = False
    evidence: Evidence | None = None
    story: Story | None = None
    orders: tuple[Told, ...] = ()
    page_is_proved: bool = True

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.problems


def make_pack(
    content: bytes, centre_key: bytes, secret: bytes | None, first_key: bytes | None
) -> tuple[bytes, Checked]:
    """The file for `content`, signed if the centre makes it, and the verdict on it.

    Raises:
        PackError: The content is not valid; no pack is made of it.
    """
    decoded = decode_content(content)
    proved = prove(decoded, sha256(content).digest(), centre_key, first_key)
    story = build_story(proved)
    page = draw_evidence_page(story)
    issue = None if secret is None else sign_issue(content, page, secret)
    evidence = encode_evidence(content, issue)
    raw = container.write({EVIDENCE_NAME: evidence, PAGE_NAME: page, INDEX_NAME: index_of(evidence, page)})
    return raw, Checked((), secret is not None, proved, story, tuple(list_orders(proved, centre_key)))


def check(raw: bytes, centre_key: bytes, first_key: bytes | None = None, *, thorough: bool = True) -> Checked:
    """The verdict on the file `raw`."""
    return _Checking(centre_key, first_key, thorough=thorough).check_file(raw)


@define
class _Checking:
    centre_key: bytes
    first_key: bytes | None
    thorough: bool = field(kw_only=True)
    problems: list[str] = field(factory=list)
    issued: bool = False

    def check_file(self, raw: bytes) -> Checked:
        opened = container.read(raw, NAMES)
        if opened.problem:
            self.problems.append(opened.problem)
        if len(opened.entries) < len(NAMES) or self._is_enough():
            return self._refuse()
        evidence, page, index = (opened.entries[name] for name in NAMES)
        expected = index_of(evidence, page)
        if index != expected:
            lines = zip(expected.splitlines(), index.splitlines(), strict=False)
            wrong = [one.split()[-1].decode() for one, other in lines if one != other]
            self.problems.append(
                f"{INDEX_NAME} does not name what is here: {', '.join(wrong) or 'another form'}"
            )
        return self._refuse() if self._is_enough() else self._check_evidence(evidence, page)

    def _check_evidence(self, raw: bytes, page: bytes) -> Checked:
        try:
            content, issue = open_evidence(raw)
            if issue is not None:
                self._check_issue(issue, content, page)
            if self._is_enough():
                return self._refuse()
            asked = decode_content(content)
            if asked.by_centre and issue is None:
                self.problems.append("the centre made this pack, and its signature for it is gone")
            elif issue is not None and not asked.by_centre:
                self.problems.append("a signature of the centre for a pack that it did not make")
            if self._is_enough():
                return self._refuse()
        except FormatError as error:
            self.problems.append(f"{EVIDENCE_NAME}: {error}")
            return self._refuse()
        return self._check_proof(asked, sha256(content).digest(), page)

    def _check_issue(self, issue: bytes, content: bytes, page: bytes) -> None:
        """The centre's own signature, checked before anything that it covers is decoded."""
        wrong = check_issue(issue, content, page, self.centre_key)
        self.issued = not wrong
        if wrong:
            self.problems.append(wrong)

    def _check_proof(self, content: Content, digest: bytes, page: bytes) -> Checked:
        try:
            evidence = prove(content, digest, self.centre_key, self.first_key)
        except PackError as error:
            self.problems += error.problems
            return self._refuse()
        story = build_story(evidence)
        page_is_proved = True
        if content.page != PAGE_VERSION:
            page_is_proved = self.issued
        elif (expected := draw_evidence_page(story)) != page:
            pairs = enumerate(zip(expected, page, strict=False))
            at = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(page)))
            self.problems.append(f"{PAGE_NAME} is not what the evidence says, from byte {at} on")
        issued = self.issued and not self.problems
        orders = tuple(list_orders(evidence, self.centre_key))
        return Checked(tuple(self.problems), issued, evidence, story, orders, page_is_proved=page_is_proved)

    def _is_enough(self) -> bool:
        return bool(self.problems) and not self.thorough

    def _refuse(self) -> Checked:
        return Checked(tuple(self.problems))
