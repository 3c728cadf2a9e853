"""Renewal on the gateway: when it is due, and that it goes on where it was killed."""

import json
from pathlib import Path

import pytest

from agent.site.file import load_site
from provisioning.enrolment import enrolling, renew
from provisioning.enrolment.identity import Identity
from tests.provisioning.enrolment.desk import bad, bare, good
from tests.provisioning.enrolment.made import DAY, Desk
from tests.provisioning.enrolment.test_gateway_side import Wire, offer_of, silent
from wire.enrolment import certificates
from wire.enrolment.answer import Issued


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.opened(tmp_path / "centre")
    desk.now = enrolling.utc_ms()
    return desk


def enrolled(desk: Desk, folder: Path) -> Identity:
    site = load_site(bare(folder))
    enrolling.enrol(site, offer_of(desk), Wire(desk), silent)
    return Identity.of(site)


@pytest.mark.parametrize(("days", "is_due"), [(90.0, False), (4.5, False), (0.9, True)])
def test_a_certificate_is_due_when_two_thirds_of_its_life_are_over(
    desk: Desk, tmp_path: Path, days: float, is_due: bool
) -> None:
    """Each is good from two days before it was made, so two days of its life are over at once."""
    desk.office.days = days
    enrolled(desk, tmp_path / "g")
    site = str(tmp_path / "g/site.toml")
    if is_due:
        assert "names no address" in bad(3, "renew", "--config", site), "it sets out to ask"
    else:
        told = json.loads(good("renew", "--config", site, "--json"))
        assert told["renewed"] is False


def test_without_a_certificate_there_is_nothing_to_renew(tmp_path: Path) -> None:
    assert "run dianjian enrol first" in bad(2, "renew", "--config", str(bare(tmp_path / "g")))


def test_a_renewal_that_was_killed_asks_with_the_same_key_and_gets_the_same_certificate(
    desk: Desk, tmp_path: Path
) -> None:
    identity = enrolled(desk, tmp_path / "g")
    first = (identity.current / "certificate.pem").read_bytes()
    csr = renew._make_request("g1", identity, None)
    answer = desk.hears(csr)
    assert isinstance(answer, Issued)  # and here the plug is pulled: the answer never came
    assert renew._make_request("g1", identity, None) == csr
    desk.now += 89 * DAY
    again = desk.hears(csr)
    assert again == answer
    authority = certificates.parse_certificate(desk.office.authority).sha256
    found = enrolling.check_answer(answer.certificates, csr, authority, "g1", enrolling.utc_ms())
    enrolling.put_in_place(identity, found)
    second = (identity.current / "certificate.pem").read_bytes()
    assert second != first
    assert not identity.pending.exists()
    third = renew._make_request("g1", identity, None)
    assert third != csr
    assert isinstance(desk.hears(third), Issued)


def test_old_certificates_are_kept_for_one_renewal_and_then_removed(desk: Desk, tmp_path: Path) -> None:
    identity = enrolled(desk, tmp_path / "g")
    authority = certificates.parse_certificate(desk.office.authority).sha256
    for _ in range(4):
        csr = renew._make_request("g1", identity, None)
        answer = desk.hears(csr)
        assert isinstance(answer, Issued)
        found = enrolling.check_answer(answer.certificates, csr, authority, "g1", enrolling.utc_ms())
        enrolling.put_in_place(identity, found)
        key = (identity.current / "key.pem").read_bytes()
        assert certificates.spki_of(key) == certificates.parse_csr(csr).spki
    homes = [one for one in identity.folder.iterdir() if one.is_dir() and not one.is_symlink()]
    assert len(homes) == 2
