"""`dianjian doctor`: what is wrong with this gateway, and what to do about it, one line each.

    config        every mistake of the site file
    ports         serial ports and addresses of the buses: there, free, or held by whom
    permissions   groups, folders, modes of key files
    clock         synchronised, against the centre's, hardware clock
    disk          room, quota, read-only, wear of an eMMC where the kernel tells
    keys          slots whole and matching the chain; the command where a new key is needed
    chain         last seal and receipt, what meters showed
    certificates  end, name, authority
    broker        name, TCP, TLS, CONNACK, rights, the centre's signature
    buses, meters alive, as configured, as remembered
    service       installed, enabled, running, watchdog, restarts
    versions      of agent, Python, kernel, system

It runs beside a working agent and takes nothing from it: no lock, no port, no session. Every check has its
time. Exit 0: nothing failed (warnings may be there) · 1: something failed · 2: the call is wrong.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from agent.build import DATABASE_NAME, feed_of, linkages_of, mqtt_settings, tpm_task
from agent.config import ConfigError, Site, load_site
from agent.setups import setups_of
from agent.status import read_status
from agent.store.database import suffixed
from agent.uplink.wire import Topics
from provisioning import (
    doctor_access,
    doctor_broker,
    doctor_certificates,
    doctor_chain,
    doctor_machine,
    doctor_meters,
)
from provisioning.bundle import write_bundle
from provisioning.doctor_finding import Check, Finding, Patient, State, chosen, examine, failed, ok
from provisioning.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.show import cells, console, progress
from provisioning.words import word

MARK_CELLS: Final = 8
"""Columns of the terminal before each line's words."""
USUAL_SITE: Final = "/etc/dianjian/site.toml"


def config(patient: Patient, _: Callable[[str], None]) -> Iterator[Finding]:
    """The site file."""
    for problem in patient.problems:
        remedy = f"改正 {patient.file}", f"put {patient.file} right"
        yield failed("config", (problem, problem), remedy)
    if not patient.problems and patient.site is not None:
        site = patient.site
        counts = ", ".join(
            f"{len(getattr(site, name))} {name}" for name in ("bus", "meter", "line", "linkage")
        )
        yield ok(
            "config",
            f"正确：网关 {site.site.gateway}，{counts}",
            f"good: gateway {site.site.gateway}, {counts}",
        )


CHECKS: Final = (
    Check("config", config, 5.0, needs_site=False),
    Check("ports", doctor_access.ports, 20.0),
    Check("permissions", doctor_access.permissions, 5.0),
    Check("clock", doctor_machine.clock, 5.0, needs_site=False),
    Check("disk", doctor_machine.disk, 10.0),
    Check("keys", doctor_chain.keys, 15.0),
    Check("chain", doctor_chain.chain, 30.0),
    Check("certificates", doctor_certificates.certificates, 5.0),
    Check("broker", doctor_broker.broker, 30.0),
    Check("buses", doctor_meters.buses, 5.0),
    Check("meters", doctor_meters.meters, 120.0),
    Check("service", doctor_machine.service, 10.0, needs_site=False),
    Check("versions", doctor_machine.versions, 5.0, needs_site=False),
)


@click.command("doctor", short_help="what is wrong with this gateway, with remedies; --bundle for support")
@click.option(
    "--config",
    "file",
    default=USUAL_SITE,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The site file.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array: check, about, state, text, remedy.")
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a support archive without secrets, .tar.gz or .zip.",
)
def command(file: Path, as_json: bool, bundle: Path | None) -> None:
    """Look at everything that a gateway needs, and say what to do.

    Changes nothing and disturbs no running agent. Exit 1 where something failed.
    """
    if bundle is not None and not bundle.name.endswith((".tar.gz", ".tgz", ".zip")):
        raise fail(EXIT_USAGE, f"{bundle}: a bundle is a .tar.gz or a .zip")
    if not file.exists():
        raise fail(
            EXIT_USAGE, f"{file}: no site file is there; `dianjian setup` writes one, or say --config FILE"
        )
    patient = patient_of(file)
    findings: list[Finding] = []
    # A bar draws over what is printed meanwhile, so only a terminal sees each line as it is found.
    at_once = not as_json and (console().is_terminal or not console(stderr=True).is_terminal)
    with _bar() as tell:
        for finding in examine(CHECKS, patient, tell):
            findings.append(finding)
            if at_once:
                _show(finding)
    if as_json:
        click.echo(json.dumps([finding.to_json() for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in () if at_once else findings:
            _show(finding)
        _sum_up(findings)
    if bundle is not None:
        _bundled(bundle, patient, findings)
    if any(finding.state is State.FAILED for finding in findings):
        raise click.exceptions.Exit(EXIT_NO)


def patient_of(file: Path) -> Patient:
    """Who is examined."""
    site, problems = _site(file)
    if site is None:
        return Patient(file, None, problems, None, "", 0, datetime.now(UTC))
    folder = site.path(site.store.path)
    owner = doctor_access.lock_owner(suffixed(folder / DATABASE_NAME, ".lock"))
    status, silent = _asked(folder, site.site.gateway)
    return Patient(file, site, problems, status, silent, owner, datetime.now(UTC))


def _asked(folder: Path, gateway: str) -> tuple[dict[str, Any] | None, str]:
    """What the running agent says of itself, or why it does not."""
    try:
        status = read_status(folder)
    except (OSError, ValueError) as error:
        return None, getattr(error, "strerror", None) or str(error)
    if status.get("gateway") != gateway:
        return None, f"another gateway answers there: {status.get('gateway')}"
    return status, ""


def _site(file: Path) -> tuple[Site | None, tuple[str, ...]]:
    """The site, and every mistake that the agent would find at its start."""
    try:
        site = load_site(file)
    except ConfigError as error:
        return None, error.problems
    problems = list(site.missing_for_agent())
    looks: tuple[Callable[[], object], ...] = (
        lambda: setups_of(site),
        lambda: feed_of(site, linkages_of(site)),
        lambda: tpm_task(site),
        lambda: site.broker and mqtt_settings(site, site.broker, Topics(site.site.gateway)),
    )
    for look in looks:
        try:
            look()
        except ConfigError as error:
            problems += error.problems
    return site, tuple(problems)


def _show(finding: Finding) -> None:
    style = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}[finding.state]
    screen = console()
    name = f"{finding.check} {finding.about}".rstrip()
    mark = word(finding.state.value)
    screen.print(mark + " " * (MARK_CELLS - cells(mark)), style=style, end="", markup=False)
    screen.print(f"{name}: {chosen(finding.text)}", markup=False, soft_wrap=True)
    if finding.remedy is not None:
        screen.print(
            f"{'':{MARK_CELLS}}→ {chosen(finding.remedy)}", style="dim", markup=False, soft_wrap=True
        )


def _sum_up(findings: list[Finding]) -> None:
    counts = [
        f"{sum(one.state is state for one in findings)} {word(state.value)}"
        for state in (State.FAILED, State.WARNING, State.OK)
    ]
    console().print(" · ".join(counts), style="bold", markup=False)


def _bundled(bundle: Path, patient: Patient, findings: list[Finding]) -> None:
    try:
        with _bar() as tell:
            size = write_bundle(bundle, patient, findings, tell)
    except OSError as error:
        raise fail(EXIT_USAGE, f"{bundle}: {error.strerror}") from error
    click.echo(f"{bundle}: {size} bytes", err=True)


@contextmanager
def _bar() -> Iterator[Callable[[str], None]]:
    """What is being looked at, on stderr, where somebody looks on; heard from several threads."""
    if not console(stderr=True).is_terminal:
        yield lambda _: None
        return
    lock = threading.Lock()
    with progress(says_time_left=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str) -> None:
            with lock:
                bar.update(task, description=what[:60])

        yield tell
