"""`dianjian-agent`: the daemon.

    dianjian-agent check --config SITE     report every mistake in the site file, change nothing
    dianjian-agent init --config SITE --recovery FILE
                                           make the keys, print what the centre needs to enrol; the recovery
                                           key goes into FILE, which must not stay on the gateway
    dianjian-agent rekey --config SITE --recovery FILE [--receipt FILE]
                                           continue under a new key after exit 4
    dianjian-agent install-replacement --config SITE FILE
                                           continue on new hardware from the seal that the centre names
    dianjian-agent run --config SITE       run until SIGTERM
    dianjian-agent run --config SITE --once
                                           read every meter once, make one seal, wait for its receipt

Exit codes: 0 done · 1 done, but a meter is silent or the centre has not all readings (--once) · 2 the
call or the site file is wrong, or a newer version wrote the store · 3 disk, store or keys cannot be used ·
4 keys and chain do not belong together: a new key is needed · 5 a part of the agent died and a restart will
repair it.
"""

import argparse
import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from agent.acquire import STACK_BYTES
from agent.build import Built, build, tpm_task
from agent.call import read_call
from agent.care.check import list_problems
from agent.care.starting import give_back_site, take_up_site
from agent.gateway import NEW_KEY_NEEDED, RekeyError
from agent.host.log import ERROR, KeptLog, is_journal, log_to, prefix_lines
from agent.host.memory import let_go_of_imports, let_go_of_start
from agent.loop import Loop, PublisherDiedError, stop_buses
from agent.overview import overview, reading_json
from agent.sealing.chain import DiskError
from agent.sealing.key_slots import KeySlotsError
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Start
from agent.sealing.sealer import SealingStoppedError
from agent.sealing.statements import RekeyRefusedError
from agent.site.enrolment import EnrolmentError, make_recovery_key, note_first_key, request_of
from agent.site.file import ConfigError, Site, load_site
from disk.database import CommitError, SchemaNewerError, StoreError
from disk.language import language
from disk.lock import SecondInstanceError
from disk.plain_text import one_line, to_json
from disk.probe import probe_folder
from disk.streams import OutputError, fill_standard_streams, writing_output
from disk.translation import translate_message
from drivers.clock import Clock, ClockSpecError, clock_from_spec
from drivers.reading import Quality
from evidence.record import NS_PER_MS
from wire.mqtt_settings import MqttSettingsError

EXIT_NO: Final = 1
EXIT_USAGE: Final = 2
EXIT_DISK: Final = 3
EXIT_REKEY: Final = 4
EXIT_DIED: Final = 5

DRAIN_S: Final = 5.0
"""At SIGTERM, how long the last seals may wait for their receipt; the supervisor kills after 20."""
TPM_WAIT_S: Final = 3.0
"""At the end, for an attestation that is under way; a hardware TPM takes about one."""
KEPT: Final = "What was sealed is kept, and the next start goes on from there"
RECEIPT_WAIT_S: Final = 15.0
"""With --once: a centre that is up answers within one."""

_CODES: Final[dict[int, tuple[type[Exception], ...]]] = {
    # A newer schema means that an older program was installed: starting it again would not help.
    EXIT_USAGE: (ConfigError, ClockSpecError, RekeyRefusedError, SchemaNewerError),
    EXIT_DISK: (
        *(StoreError, CommitError, EnrolmentError, KeySlotsError, DiskError, OSError),
        MqttSettingsError,  # a certificate that is renewed or copied at this moment: a restart finds it
    ),
    EXIT_REKEY: (RekeyError, SealingStoppedError),
    EXIT_DIED: (PublisherDiedError,),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    fill_standard_streams()
    try:
        return _run_verb(arguments)
    except OutputError as error:
        sys.stderr.write(f"dianjian-agent: {translate_message(str(error))}\n")
        return EXIT_DISK


def _run_verb(arguments: Sequence[str] | None) -> int:
    call = read_call(sys.argv[1:] if arguments is None else arguments)
    log_to(sys.stderr)
    try:
        code = _RUNS[call.verb](call)
    except sum(_CODES.values(), ()) as error:
        code = next(code for code, kinds in _CODES.items() if isinstance(error, kinds))
        why = _explain_disk(call.config) if code == EXIT_DISK else ""
        for line in str(error).splitlines():
            text = one_line(f"dianjian-agent: {translate_message(line)}{why}")
            sys.stderr.write((prefix_lines(text, ERROR) if is_journal(sys.stderr) else text) + "\n")
    return code


def _explain_disk(config: Path) -> str:
    """What a disk that takes no write means, as the end of a line; empty if it does take one."""
    from agent.host.disk_trouble import explain_trouble  # noqa: PLC0415 - only for the end of a process

    try:
        site = load_site(config)
    except ConfigError:
        return ""
    folder = site.path(site.store.path)
    error = probe_folder(folder) if folder.exists() else None
    if error is None:
        return ""
    text, remedy = explain_trouble(error, folder)
    kept = translate_message(KEPT)
    return f"。{text.zh}：{remedy.zh}。{kept}" if language() == "zh" else f". {text.en}: {remedy.en}. {kept}"


def _check(call: argparse.Namespace) -> int:
    site = load_site(call.config)
    problems = list_problems(site, tpm_task)
    if problems:
        raise ConfigError(call.config, problems)
    counts = (f"{len(getattr(site, name))} {name}" for name in ("bus", "meter", "line", "linkage"))
    good = f"{call.config}: good: gateway {site.site.gateway}, {', '.join(counts)}"
    with writing_output():
        sys.stdout.write(one_line(translate_message(good)) + "\n")
    for name, path in _list_missing_files(site):
        absent = f"{call.config}: broker.{name}: {path} is not there yet; `run` needs it"
        sys.stderr.write(one_line(translate_message(absent)) + "\n")
    return 0


def _list_missing_files(site: Site) -> list[tuple[str, Path]]:
    """Certificates that enrolment has still to bring: no mistake of the site file."""
    broker = site.broker
    named = (
        ()
        if broker is None
        else (("ca", broker.ca), ("certificate", broker.certificate), ("key", broker.key))
    )
    paths = [(name, site.path(path)) for name, path in named if path and not path.startswith("credential:")]
    return [(name, path) for name, path in paths if not path.exists()]


def _init(call: argparse.Namespace) -> int:
    site = load_site(call.config)
    with contextlib.suppress(SecondInstanceError):  # the agent runs: its first key was kept before
        folder, store, _, recovery = open_chain(site)
        store.close()
        if recovery.start is Start.REKEY:
            raise RekeyError(f"{recovery.reason}: {NEW_KEY_NEEDED}")
        if recovery.start is Start.NEW:
            note_first_key(folder, site.site.gateway, recovery.next_key)
    if call.recovery is not None:
        make_recovery_key(site, call.recovery)
    _print(request_of(site))
    return 0


def _rekey(call: argparse.Namespace) -> int:
    from agent.sealing.rekey import rekey  # noqa: PLC0415 - 0.6 MiB that the daemon need not carry

    site, utc_ms = load_site(call.config), time.time_ns() // NS_PER_MS
    _print(rekey(site, call.recovery, call.receipt, call.reason, utc_ms))
    return 0


def _install_replacement(call: argparse.Namespace) -> int:
    from agent.sealing.rekey import install_replacement  # noqa: PLC0415 - as above

    _print(install_replacement(load_site(call.config), call.file))
    return 0


def _run(call: argparse.Namespace) -> int:
    let_go_of_imports()
    clock, log = clock_from_spec(call.sim_clock), KeptLog()
    logging.getLogger().addHandler(log)
    loop = Loop(clock)
    threading.stack_size(STACK_BYTES)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    site = take_up_site(call.config)
    try:
        built = build(site, clock, loop.put_reading, loop.put_event, loop.stop, log.read)
    except ConfigError as error:
        before = give_back_site(call.config, site, error)
        if before is None:
            raise
        site = before
        built = build(site, clock, loop.put_reading, loop.put_event, loop.stop, log.read)
    with contextlib.closing(built):
        if built.recovery.start is Start.NEW:
            note_first_key(site.path(site.store.path), site.site.gateway, built.recovery.next_key)
        built.publisher.start()
        if built.webhook:
            built.webhook.start()
        if built.archive:
            built.archive.start()
        try:
            built.gateway.start(built.recovery, clock.stamp(), time.monotonic())
            return _once(site, built, loop, clock) if call.once else _forever(built, loop, clock)
        finally:
            built.publisher.stop()


def _forever(built: Built, loop: Loop, clock: Clock) -> int:
    for bus in built.buses:
        bus.start()
    if built.platforms:
        built.platforms.start()
    if built.watching:
        built.watching.begin()
    try:
        describe = partial(overview, built.parts)
        loop.run(
            built.gateway, built.publisher, built.buses, built.status, describe, built.admit, let_go_of_start
        )
    finally:
        stop_buses(built.buses)
    _finish(built, loop, clock, DRAIN_S, lambda: False)
    return 0


def _once(site: Site, built: Built, loop: Loop, clock: Clock) -> int:
    from agent.once import poll_once  # noqa: PLC0415 - as above

    feed = built.parts.judging.feed
    all_good = True
    for reading in poll_once(site, feed.setups, clock):
        if loop.stopping:
            all_good = False
            break
        built.gateway.reading(reading)
        all_good &= reading.quality is Quality.GOOD
        _print(reading_json(reading, feed.setups[reading.meter], feed.lines.get(reading.meter)))
    delivered = _finish(built, loop, clock, RECEIPT_WAIT_S, lambda: loop.stopping)
    delivery = built.gateway.courier.status()
    seals = {"seals": delivery.tip, "receipted": delivery.received, "delivered": delivery.bodies_up_to}
    _print({**seals, "meters_good": all_good})
    return 0 if all_good and delivered else EXIT_NO


def _finish(built: Built, loop: Loop, clock: Clock, wait_s: float, is_impatient: Callable[[], bool]) -> bool:
    """Seal what is pending and wait at most `wait_s` real seconds for receipts; whether all is delivered."""
    gateway = built.gateway
    loop.drain(gateway)
    if built.tpm:
        built.tpm.wait(TPM_WAIT_S)
    gateway.stop(clock.stamp(), time.monotonic())
    deadline = time.monotonic() + wait_s
    while gateway.courier.status().backlog and time.monotonic() < deadline and not is_impatient():
        loop.turn(gateway)
    return not gateway.courier.status().backlog


_RUNS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "check": _check,
    "init": _init,
    "run": _run,
    "rekey": _rekey,
    "install-replacement": _install_replacement,
}


def _print(line: dict[str, Any]) -> None:
    with writing_output():
        sys.stdout.write(to_json(line) + "\n")


if __name__ == "__main__":
    sys.exit(main())
