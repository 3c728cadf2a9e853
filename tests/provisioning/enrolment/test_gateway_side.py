"""The gateway's side: killed between any two steps it goes on; what comes back is not believed blindly."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import define, evolve, field

from agent.sealing.opening import open_chain
from agent.site.file import load_site
from evidence.keys import public
from evidence.words import Words
from provisioning.enrolment import enrolling, identity
from provisioning.enrolment.identity import Identity
from provisioning.enrolment.trouble import EnrolTroubleError
from tests.evidence.chains import heartbeat, stamp
from tests.provisioning.enrolment.desk import bad, bare
from tests.provisioning.enrolment.made import DAY, Desk
from wire.enrolment import certificates
from wire.enrolment.answer import Answer, Issued, Refused
from wire.enrolment.offer import Offer


class PulledPlugError(BaseException):
    """Nothing below may catch it."""


@define
class Wire:
    """A transport that ends at an office here; `spoil` changes what comes back."""

    desk: Desk
    spoil: Callable[[Answer], Answer] = lambda answer: answer
    sent: list[bytes] = field(factory=list)
    name: str = "test"
    waits: bool = False
    place: str = "here"

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        assert len(authority) == 32
        self.sent.append(csr)
        return self.spoil(self.desk.hears(csr))


def silent(code: str, sentence: Words) -> None:
    assert code
    assert set(sentence.to_body()) == {"zh", "en"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    now = enrolling.utc_ms()
    desk = Desk.opened(tmp_path / "centre")
    desk.now = now
    return desk


def offer_of(desk: Desk, gateway: str = "g1", **more: object) -> Offer:
    authority = certificates.parse_certificate(desk.office.authority).sha256
    token = desk.gives(gateway, **more)
    return Offer(gateway, token, public(desk.office.secret), authority, "mqtts://broker:8883")


def state(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*.pem")}


@pytest.mark.parametrize("killed_at", range(24))
def test_killed_between_any_two_steps_the_next_call_goes_on_with_the_same_keys(
    desk: Desk, tmp_path: Path, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, offer, wire = load_site(bare(tmp_path / "g")), offer_of(desk), Wire(desk)
    enrolling.prepare(site, tmp_path / "recovery")
    count = iter(range(1_000))

    def pulled(real: Callable[..., object]) -> Callable[..., object]:
        def step(*words: object, **more: object) -> object:
            if next(count) == killed_at:
                raise PulledPlugError
            return real(*words, **more)

        return step

    with monkeypatch.context() as plug:
        for name in ("mkdir", "symlink_to", "unlink"):
            plug.setattr(Path, name, pulled(getattr(Path, name)))
        for module, name in ((identity, "move"), (identity, "replace_file"), (enrolling, "replace_file")):
            plug.setattr(module, name, pulled(getattr(module, name)))
        with suppress(PulledPlugError):  # the last numbers are beyond the last step
            enrolling.enrol(site, offer, wire, silent)
    done = enrolling.enrol(site, offer, wire, silent)
    assert len(set(wire.sent)) == 1, "the same bytes each time"
    assert len(desk.office._read_register()) == 1
    home = Identity.of(site).current
    assert sha256(certificates.load_many((home / "certificate.pem").read_bytes())[0]).hexdigest() == (
        done.certificate_sha256
    )
    key = (home / "key.pem").read_bytes()
    assert certificates.spki_of(key) == certificates.parse_csr(wire.sent[0]).spki
    assert not Identity.of(site).pending.exists()
    assert not list(Identity.of(site).folder.glob("*.new"))


def wrong_ca(answer: Answer) -> Answer:
    """A certificate of another authority for the right key."""
    assert isinstance(answer, Issued)
    one = certificates.open_certs_only(answer.certificates)[0]
    key, authority = certificates.make_authority("dianjian", dt.datetime.now(dt.UTC))
    der = certificates.issue(key, authority, one.spki, one.name, dt.datetime.now(dt.UTC), 9)
    return Issued(certificates.certs_only([der, authority]))


def names_the_right_ca(desk: Desk) -> Callable[[Answer], Answer]:
    """The same, and the right authority's certificate beside it."""

    def spoil(answer: Answer) -> Answer:
        found = certificates.open_certs_only(wrong_ca(answer).certificates)  # type: ignore[union-attr]
        return Issued(certificates.certs_only([found[0].der, desk.office.authority]))

    return spoil


def signed(desk: Desk, **changes: object) -> Callable[[Answer], Answer]:
    """What the right authority might sign by mistake."""

    def spoil(answer: Answer) -> Answer:
        assert isinstance(answer, Issued)
        one = certificates.open_certs_only(answer.certificates)[0]
        words: dict[str, object] = {
            "spki": one.spki,
            "name": one.name,
            "now": dt.datetime.now(dt.UTC),
            **changes,
        }
        key = (desk.office.folder / "authority.key").read_bytes()
        der = certificates.issue(key, desk.office.authority, days=30, **words)  # type: ignore[arg-type]
        return Issued(desk.office.chain(der))

    return spoil


OTHER_SPKI = certificates.spki_of(certificates.new_key())


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda _: wrong_ca, "answer-authority", "not issued by the authority"),
        (names_the_right_ca, "answer-authority", "not issued by the authority"),
        (lambda desk: signed(desk, spki=OTHER_SPKI), "answer-key", "another key"),
        (lambda desk: signed(desk, name="g2"), "answer-name", "for g2, not for g1"),
        (lambda desk: signed(desk, hosts=["g1"]), "answer-name", "not for g1"),
        (
            lambda desk: signed(desk, now=dt.datetime.now(dt.UTC) - dt.timedelta(days=99)),
            "answer-expired",
            "clock",
        ),
        (
            lambda desk: signed(desk, now=dt.datetime.now(dt.UTC) + dt.timedelta(days=9)),
            "answer-early",
            "set it first",
        ),
        (lambda _: lambda _: Issued(b"\x30\x80nonsense"), "answer-garbage", "cannot be read"),
        (lambda _: lambda _: Refused("token-used"), "refused-token-used", "already used"),
        (lambda _: lambda _: Refused("what a newer centre says"), "refused-other", "newer centre"),
    ],
)
def test_what_comes_back_is_held_against_key_name_authority_and_clock(
    desk: Desk, tmp_path: Path, spoil: Callable[[Desk], Callable[[Answer], Answer]], code: str, says: str
) -> None:
    site, offer = load_site(bare(tmp_path / "g")), offer_of(desk)
    with pytest.raises(EnrolTroubleError) as error:
        enrolling.enrol(site, offer, Wire(desk, spoil(desk)), silent)
    assert error.value.code == code
    assert says in error.value.sentence.en
    assert len(error.value.sentence.zh.splitlines()) == 1
    assert not Identity.of(site).has_current()
    enrolling.enrol(site, offer, Wire(desk), silent)  # and nothing is lost by it


def test_a_new_token_after_a_refusal_asks_with_the_same_key(desk: Desk, tmp_path: Path) -> None:
    site, wire = load_site(bare(tmp_path / "g")), Wire(desk)
    late = offer_of(desk)
    desk.now += 2 * DAY
    with pytest.raises(EnrolTroubleError, match="expired"):
        enrolling.enrol(site, late, wire, silent)
    desk.now -= 2 * DAY
    enrolling.enrol(site, offer_of(desk), wire, silent)
    spkis = {certificates.parse_csr(csr).spki for csr in wire.sent}
    assert len(spkis) == 1


def test_a_token_for_another_gateway_is_not_even_sent(desk: Desk, tmp_path: Path) -> None:
    site, wire = load_site(bare(tmp_path / "g")), Wire(desk)
    with pytest.raises(EnrolTroubleError, match="g2"):
        enrolling.enrol(site, offer_of(desk, "g2"), wire, silent)
    assert not wire.sent


def test_a_gateway_that_has_sealed_is_no_new_gateway(desk: Desk, tmp_path: Path) -> None:
    site = load_site(bare(tmp_path / "g"))
    enrolling.prepare(site, tmp_path / "recovery")
    _, store, sealer, _ = open_chain(site)
    sealer.seal([heartbeat(1)], stamp(1))
    store.close()
    with pytest.raises(EnrolTroubleError) as error:
        enrolling.enrol(site, offer_of(desk), Wire(desk), silent)
    assert error.value.code == "first-key-gone"


def test_an_enrolment_that_was_asked_for_before_the_first_seal_goes_on_after_it(
    desk: Desk, tmp_path: Path
) -> None:
    site, offer, wire = load_site(bare(tmp_path / "g")), offer_of(desk, is_auto=False), Wire(desk)
    with pytest.raises(EnrolTroubleError) as error:
        enrolling.enrol(site, offer, wire, silent)
    assert error.value.code == "carry"
    _, store, sealer, _ = open_chain(site)
    sealer.seal([heartbeat(1)], stamp(1))
    store.close()
    desk.office.approve(sha256(wire.sent[0]).digest(), "officer", desk.now)
    assert enrolling.enrol(site, offer, wire, silent).certificate_sha256


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--via", "file:nosuch"], 2, "nosuch"),
        (["--via", "ftp://x"], 3, "names no address"),
        (["--via", "mqtts://127.0.0.1:1"], 3, "Connection refused"),
        (["--via", "https://127.0.0.1:1"], 3, "Connection refused"),
        (["--via", "https://127.0.0.1:x"], 3, "cannot be reached"),
        (["--token-file", "nosuch"], 2, "No such file"),
        (["--token-file", "torn"], 2, "not an offer"),
        (["--token-file", "typed"], 2, "needs --centre-key and --authority"),
        (["--token-file", "mistyped"], 2, "mistyped"),
        (["--token-file", "latin"], 2, "not UTF-8"),
        (["--token-file", "long"], 2, "too long"),
    ],
)
def test_a_mistake_of_the_technician_is_one_line(
    desk: Desk, tmp_path: Path, words: list[str], code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bare(tmp_path / "g")
    offer = offer_of(desk)
    text = offer.token.text
    wrong = "1" if text[0] == "0" else "0"
    for name, raw in {
        "good": offer.text.encode(),
        "torn": b"dianjian:1?g=g1",
        "typed": text.encode(),
        "mistyped": (wrong + text[1:]).encode(),
        "latin": b"\xff\xfe",
        "long": b"x" * 9_999,
    }.items():
        Path(name).write_bytes(raw)
    more = words if "--token-file" in words else ["--token-file", "good", *words]
    said = bad(code, "enrol", "--config", "g/site.toml", "--recovery", "r", *more)
    assert says in said
    assert text not in said
    assert offer.token.secret not in said


def test_a_typed_token_in_small_letters_enrols_with_the_facts_by_options(desk: Desk, tmp_path: Path) -> None:
    site, offer = load_site(bare(tmp_path / "g")), offer_of(desk)
    (tmp_path / "t").write_text(offer.token.text.lower().replace("-", " "), "utf-8")
    stick = tmp_path / "stick"
    stick.mkdir()
    facts = ["--centre-key", offer.centre_key.hex(), "--authority", offer.authority.hex()]
    files = ["--recovery", str(tmp_path / "r"), "--token-file", str(tmp_path / "t")]
    words = ["--config", str(site.file), *files, "--broker", offer.broker]
    assert "take it to the centre" in bad(1, "enrol", *words, *facts, "--via", f"file:{stick}")
    assert (stick / "dianjian-g1.csr").exists()


def test_the_daemon_and_the_command_line_carry_no_x509() -> None:
    look = "import agent.main, provisioning.cli, sys; sys.exit('cryptography.x509' in sys.modules)"
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    assert subprocess.run([sys.executable, "-c", look], env=environment, check=False).returncode == 0


def test_nothing_secret_lies_open_in_the_state_folder(desk: Desk, tmp_path: Path) -> None:
    site, offer = load_site(bare(tmp_path / "g")), offer_of(desk)
    enrolling.enrol(site, offer, Wire(desk), silent)
    folder = site.path(site.store.path)
    for file in (folder / "tls").rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o077 == 0, file
            assert offer.token.secret.encode() not in file.read_bytes()
            assert offer.token.text.encode() not in file.read_bytes()
    assert json.loads((folder / "enrolment.json").read_text("utf-8"))["gateway"] == "g1"
    assert evolve(offer, broker="").token == offer.token
