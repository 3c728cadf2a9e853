"""`dianjian doctor`: what is wrong with this gateway, and what to do about it, one line each.

    config        every mistake of the site file
    ports         serial ports and addresses of the buses: there, free, or held by whom
    permissions   groups, folders, modes of key files
    clock         synchronised, against the centre's, hardware clock
    disk          a write into the agent's folders, room, quota, wear of an eMMC where the kernel shows it
    keys          slots whole and matching the chain; the command where a new key is needed
    chain         last seal and receipt, what meters showed
    certificates  end, name, authority
    broker        name, TCP, TLS, CONNACK, rights, the centre's signature
    buses, meters alive, as configured, as remembered
    service       installed, enabled, running, watchdog, restarts
    versions      of agent, Python, kernel, system

It runs beside a working agent without disturbing it: no lock, no port, no session. Every check is
limited in time. Exit 0: nothing failed (warnings may be there) · 1: something failed · 2: the call is wrong.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from agent.build import tpm_task
from agent.site.file import ConfigError, Site, load_site
from agent.site.linkages import incomer_of, linkages_of
from agent.site.manifest import check_manifest
from agent.site.remote import read_remote
from agent.site.setups import setups_of
from agent.status.socket import SOCKET_NAME, read_status
from agent.store.names import DATABASE_NAME
from agent.uplink.settings import mqtt_settings
from disk.database import add_suffix
from disk.translation import to_chinese
from evidence.words import Words
from provisioning.doctor import access, broker, certificates, chain, machine, platforms
from provisioning.doctor import archive as doctor_archive
from provisioning.doctor import meters as doctor_meters
from provisioning.doctor.bundle import write_bundle
from provisioning.doctor.finding import Check, Finding, State, Target, examine, failed, ok, warning
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.paths import FORCE, NEW_FILE, USUAL_SITE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import Activity, console
from provisioning.words.labels import label
from provisioning.words.language import translate
from provisioning.words.remote import describe_remote
from wire.messages import Topics

_STYLES: Final = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}
_PATH: Final = click.Path(path_type=Path)
_NEWER: Final = Words(
    "站点文件在代理启动之后被写过：代理仍按启动时的内容运行，改动不起作用，也未入链",
    "the site file was written after the agent had started: the agent runs with what it said then, "
    "and no change of it counts or is on record yet",
)
ENDS_SOON: Final = timedelta(days=30)
"""A verification takes weeks to be arranged."""
_ENDED: Final = Words(
    "电表 {meter} 或其互感器的检定已于 {end} 到期，此后的读数带有标记",
    "the verification of meter {meter} or of its transformers ended on {end}: readings since are marked",
)
_ENDS: Final = Words(
    "电表 {meter} 或其互感器的检定将于 {end} 到期",
    "the verification of meter {meter} or of its transformers ends on {end}",
)
_VERIFY: Final = Words(
    "安排检定，并更新配置文件中的 verified_until 或 ct_verified_until",
    "have it verified, and bring verified_until or ct_verified_until in the site file up to date",
)
_RESTART: Final = Words(
    "若要改动生效：systemctl restart dianjian-agent；否则请查明是谁写的",
    "to have it count: systemctl restart dianjian-agent; if nobody meant to change it, find out who wrote it",
)


def config(target: Target, _: Callable[[str], None]) -> Iterator[Finding]:
    """The site file."""
    for problem in target.problems:
        remedy = Words(f"改正 {target.file}", f"put {target.file} right")
        yield failed("config", Words(to_chinese(problem), problem), remedy)
    if not target.problems and target.site is not None:
        site, whose = target.site, target.site.site.gateway
        buses, meters, lines, links = (len(part) for part in (site.bus, site.meter, site.line, site.linkage))
        text = Words(
            f"正确：网关 {whose}，总线 {buses}，电表 {meters}，线路 {lines}，关联 {links}",
            f"good: gateway {whose}, buses {buses}, meters {meters}, lines {lines}, linkages {links}",
        )
        yield ok("config", text)
    yield from _judge_verification(target)
    yield from _judge_remote(target)
    if target.site is not None and target.is_running and _is_newer_than_agent(target):
        yield warning("config", _NEWER, _RESTART, "file")


def _judge_remote(target: Target) -> Iterator[Finding]:
    """What the centre has sent over the site file, as the agent tells it or as it lies there."""
    told = (target.status or {}).get("remote")
    if told is None and target.site is not None:
        remote = read_remote(target.folder)
        told = None if remote is None else remote.tell(target.site.own_text or target.site.text)
    if told is not None and told["order"]:
        said, remedy = describe_remote(told)
        yield ok("config", said, "centre") if remedy is None else warning("config", said, remedy, "centre")


def _judge_verification(target: Target) -> Iterator[Finding]:
    """Meters whose verification has ended, or ends within ENDS_SOON."""
    for one in target.site.meter if target.site is not None else ():
        end = one.verified_to
        if end is not None and end < target.now.date() + ENDS_SOON:
            text = (_ENDED if end < target.now.date() else _ENDS).fill(meter=one.id, end=end.isoformat())
            yield warning("config", text, _VERIFY, one.id)


def _is_newer_than_agent(target: Target) -> bool:
    """Whether the site file was written after the agent started, which makes its status socket anew."""
    try:
        started_s = (target.folder / SOCKET_NAME).stat().st_mtime
        return target.file.stat().st_mtime > started_s
    except OSError:
        return False


CHECKS: Final = (
    Check("config", config, 5.0, needs_site=False),
    Check("ports", access.ports, 20.0),
    Check("permissions", access.permissions, 5.0),
    Check("clock", machine.clock, 5.0, needs_site=False),
    Check("disk", machine.disk, 10.0),
    Check("keys", chain.keys, 15.0),
    Check("chain", chain.chain, 30.0),
    Check("archive", doctor_archive.archive, 5.0),
    Check("certificates", certificates.certificates, 5.0),
    Check("broker", broker.broker, 30.0),
    Check("buses", doctor_meters.buses, 5.0),
    Check("meters", doctor_meters.meters, 120.0),
    Check("platforms", platforms.platforms, 10.0),
    Check("service", machine.service, 10.0, needs_site=False),
    Check("versions", machine.versions, 5.0, needs_site=False),
)


@click.command("doctor", short_help="what is wrong with this gateway, with remedies; --bundle for support")
@click.option("--config", "file", default=USUAL_SITE, show_default=True, type=_PATH, help="The site file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array: check, about, state, text, remedy.")
@FORCE
@click.option(
    "--bundle",
    type=NEW_FILE,
    metavar="FILE",
    help="Also write a support archive without secrets, .tar.gz or .zip.",
)
def command(file: Path, as_json: bool, bundle: Path | None) -> None:
    """Look at everything that a gateway needs, and say what to do.

    Changes nothing and disturbs no running agent. Exit 1 where something failed.
    """
    if bundle is not None and not bundle.name.endswith((".tar.gz", ".tgz", ".zip")):
        raise fail(EXIT_USAGE, f"{bundle}: a bundle is a .tar.gz or a .zip")
    try:
        is_there = file.exists()
    except OSError as error:  # only the service's group may enter its folder
        raise fail(EXIT_USAGE, f"{file}: {error.strerror}; try: sudo dianjian doctor") from error
    if not is_there:
        raise fail(
            EXIT_USAGE, f"{file}: no site file is there; `dianjian setup` writes one, or say --config FILE"
        )
    target = find_target(file)
    findings: list[Finding] = []
    with Activity() as doing:
        for finding in examine(CHECKS, target, doing.show):
            findings.append(finding)
            if not as_json:
                remedy = None if finding.remedy is None else translate(finding.remedy)
                name = f"{finding.check} {finding.about}".rstrip()
                style = _STYLES[finding.state]
                doing.print_finding(
                    label(finding.state.value), style, f"{name}: {translate(finding.text)}", remedy
                )
    if as_json:
        say_json([finding.to_json() for finding in findings], indent=1)
    else:
        _sum_up(findings)
    if bundle is not None:
        _write_bundle(bundle, target, findings)
    if any(finding.state is State.FAILED for finding in findings):
        raise click.exceptions.Exit(EXIT_NO)


def find_target(file: Path) -> Target:
    """The target of the checks."""
    site, problems = _read_site(file)
    if site is None:
        return Target(file, None, problems, None, "", 0, datetime.now(UTC))
    folder = site.path(site.store.path)
    owner = access.find_lock_owner(add_suffix(folder / DATABASE_NAME, ".lock"))
    status, silent = _ask_agent(folder, site.site.gateway)
    return Target(file, site, problems, status, silent, owner, datetime.now(UTC))


def _ask_agent(folder: Path, gateway: str) -> tuple[dict[str, Any] | None, str]:
    """The status of the running agent, or why there is none."""
    try:
        status = read_status(folder)
    except (OSError, ValueError) as error:
        return None, getattr(error, "strerror", None) or str(error)
    if status.get("gateway") != gateway:
        return None, f"another gateway answers there: {status.get('gateway')}"
    return status, ""


def _read_site(file: Path) -> tuple[Site | None, tuple[str, ...]]:
    """The site, and every mistake that the agent would find at its start."""
    try:
        site = load_site(file)
    except ConfigError as error:
        return None, error.problems
    problems = list(site.missing_for_agent())
    looks: tuple[Callable[[], object], ...] = (
        lambda: setups_of(site),
        lambda: incomer_of(site, linkages_of(site)),
        lambda: tpm_task(site),
        lambda: site.broker and mqtt_settings(site, site.broker, Topics(site.site.gateway)),
    )
    for look in looks:
        try:
            look()
        except ConfigError as error:
            problems += error.problems
    if not problems:
        try:
            linkages = linkages_of(site)
            check_manifest(site, setups_of(site), linkages, incomer_of(site, linkages))
        except ConfigError as error:
            problems += error.problems
    return site, tuple(problems)


def _sum_up(findings: list[Finding]) -> None:
    counts = [
        f"{sum(one.state is state for one in findings)} {label(state.value)}"
        for state in (State.FAILED, State.WARNING, State.OK)
    ]
    console().print(" · ".join(counts), style="bold", markup=False)


def _write_bundle(bundle: Path, target: Target, findings: list[Finding]) -> None:
    try:
        with Activity() as doing:
            size = write_bundle(bundle, target, findings, doing.show)
    except OSError as error:
        raise fail(EXIT_USAGE, f"{bundle}: {error.strerror}") from error
    say(f"{bundle}: {size} bytes", err=True)
