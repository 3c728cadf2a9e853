"""A gateway with a TPM: what stands in its chain, and what the centre says to it.

The TPM is a real one in software; time, and with it the hour between two attestations, is the test's.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from agent.sealing.attesting import ATTEST_INTERVAL_S, Attesting
from agent.sealing.tpm_task import BUSY, TpmTask
from centre.json_lines import JsonLines
from evidence.attestation import Attestation, check_attestation
from evidence.chain import Code
from evidence.pack.export import ExportedSeal, verify_file, write_chain
from evidence.record import Kind, Record
from evidence.seal import NO_HASH, open_body, peek_header
from tests.agent.rig import Rig
from tests.tpm.swtpm import Swtpm, needed

ANSWER_S = 20.0


@pytest.fixture
def make(swtpm: Swtpm, tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """A life of the gateway on a folder, with the TPM."""
    needed()
    from agent.sealing.tpm import Tpm, TpmError  # noqa: PLC0415 -- an extra of the distribution

    alive: list[Rig] = []

    def made(name: str = "g", tpm: Swtpm = swtpm, **more: Any) -> Rig:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        rig = Rig(folder, **more)
        task = TpmTask(Tpm(tpm.tcti).attest, (TpmError,))
        attest_with(rig, task)
        alive.append(rig)
        rig.first_key = alive[0].first_key
        return rig

    yield made
    for rig in alive:
        rig.close()


def attest_with(rig: Rig, task: TpmTask) -> None:
    """Give the gateway a TPM; whatever it had of one is taken away."""
    others = [source for source in rig.gateway.sources if not isinstance(source, Attesting)]
    rig.gateway.sources = [*others, Attesting(task, rig.gateway.sealing.store, rig.gateway.sealing.last)]


def attest(rig: Rig) -> None:
    """An hour passes, the TPM answers, and what it says is sealed."""
    rig.passed_s += ATTEST_INTERVAL_S
    rig.tick()
    settle(rig)
    rig.run(15, 1_000, 1_000)


def settle(rig: Rig) -> None:
    """Wait in real time for the TPM's thread."""
    attesting = rig.gateway.sources[-1]
    assert isinstance(attesting, Attesting)
    assert isinstance(attesting.task, TpmTask)
    thread = attesting.task._thread
    assert thread is not None
    thread.join(ANSWER_S)
    assert not thread.is_alive()
    rig.tick()


def attestations(rig: Rig) -> list[Attestation]:
    return [Attestation.from_body(record.body) for record in plain(rig) if record.kind is Kind.ATTESTATION]


def plain(rig: Rig) -> list[Record]:
    return [record for record in rig.records() if isinstance(record, Record)]


def tpm_events(rig: Rig) -> list[str]:
    events = [record.body["what"] for record in plain(rig) if record.kind is Kind.EVENT]
    return [what for what in events if what.startswith("tpm")]


def findings(*chain: Rig) -> list[str]:
    """What a centre says that has all bodies."""
    hashes: dict[int, bytes] = {}
    lines, told = JsonLines("g1", hashes.get), []
    for rig in chain:
        for seal in rig.seals():
            if seal.number in hashes:
                continue
            hashes[seal.number] = seal.hash
            assert seal.body is not None
            header = peek_header(seal.cose)
            told += lines.of_body(header, open_body(header, seal.body)) + lines.complete(seal.number)
    online = [line["text"] for line in told if line.get("code") == "attestation"]
    assert offline(*chain) == online
    return online


def offline(*chain: Rig) -> list[str]:
    """What whoever reads the exported file says."""
    seals = {seal.number: seal for rig in reversed(chain) for seal in rig.seals()}
    first = chain[0].first_key
    file = BytesIO()
    write_chain(
        file, "g1", [ExportedSeal(seals[number].cose, seals[number].body) for number in sorted(seals)]
    )
    report = verify_file(BytesIO(file.getvalue()), first)
    assert report.error == ""
    return [finding.text for finding in report.findings if finding.code is Code.ATTESTATION]


def test_boot_and_every_hour_are_attested_over_the_last_seal(make: Callable[..., Rig]) -> None:
    rig = make()
    for _ in range(3):
        attest(rig)
    made = attestations(rig)
    hashes = {seal.number: seal.hash for seal in rig.seals()}
    assert len(made) == 3
    assert all(hashes.get(one.seal, NO_HASH) == one.seal_hash for one in made)
    assert [one.seal for one in made] == sorted({one.seal for one in made})
    counters = [check_attestation(one).counter for one in made]
    assert counters == list(range(counters[0], counters[0] + 3))
    rig.run(600, 1_000, 1_000)
    assert len(attestations(rig)) == 3, "not before the hour is over"
    assert findings(rig) == tpm_events(rig) == []


def test_a_restart_goes_on_with_the_counter_and_nothing_is_told(
    make: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make()
    attest(rig)
    again = make("again", passed_s=rig.passed_s) if shutil.copytree(rig.folder, tmp_path / "again") else rig
    attest(again)
    assert len(attestations(again)) == 2
    assert findings(again) == tpm_events(again) == []


def test_a_kill_between_the_tpm_and_the_commit_is_no_alarm(make: Callable[..., Rig], tmp_path: Path) -> None:
    rig = make()
    attest(rig)
    shutil.copytree(rig.folder, tmp_path / "again")
    rig.passed_s += ATTEST_INTERVAL_S
    rig.tick()
    settle(rig)  # attested, and killed before it is sealed
    again = make("again", passed_s=rig.passed_s)
    attest(again)
    first, second = (check_attestation(one).counter for one in attestations(again))
    assert second == first + 2
    assert findings(again) == tpm_events(again) == []


def test_a_disk_that_was_put_back_shows_at_the_gateway_and_at_the_centre(
    make: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make()
    attest(rig)
    shutil.copytree(rig.folder, tmp_path / "image")
    for _ in range(3):
        attest(rig)
    back = make("image", passed_s=rig.passed_s)
    attest(back)
    assert tpm_events(back) == ["tpm counter"]
    (text,) = findings(back)
    assert text.startswith("the TPM made 3 attestations before")


def test_other_hardware_shows_at_the_gateway_and_at_the_centre(
    make: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make()
    attest(rig)
    shutil.copytree(rig.folder, tmp_path / "clone")
    other = Swtpm(tmp_path / "other")
    other.start()
    try:
        clone = make("clone", tpm=other, passed_s=rig.passed_s)
        attest(clone)
        assert tpm_events(clone) == ["tpm key changed"]
        assert findings(clone)[0].startswith("another attestation key")
    finally:
        other.close()


def test_a_tpm_that_fails_is_told_once_and_nothing_waits_for_it(
    make: Callable[..., Rig], swtpm: Swtpm
) -> None:
    rig = make()
    attest(rig)
    swtpm.kill()
    before = rig.seals()[-1].number
    for _ in range(3):
        attest(rig)
    assert rig.seals()[-1].number > before + 3
    assert tpm_events(rig) == ["tpm"]
    swtpm.start()
    attest(rig)
    assert len(attestations(rig)) == 2
    assert findings(rig) == []


def test_a_tpm_that_never_answers_costs_one_thread(make: Callable[..., Rig]) -> None:
    import threading  # noqa: PLC0415

    silence = threading.Event()

    def mute(_: int, __: bytes) -> Attestation:
        silence.wait(ANSWER_S)
        raise RuntimeError("it has woken up")

    rig = make()
    task = TpmTask(mute, (RuntimeError,))
    attest_with(rig, task)
    threads = threading.active_count()
    began_s = time.monotonic()
    for _ in range(3):
        rig.passed_s += ATTEST_INTERVAL_S
        rig.run(15, 1_000, 1_000)
    assert time.monotonic() - began_s < ANSWER_S
    assert threading.active_count() == threads + 1
    (event,) = [record.body for record in plain(rig) if record.body.get("what") == "tpm"]
    assert event["text"] == BUSY
    silence.set()
    settle(rig)
