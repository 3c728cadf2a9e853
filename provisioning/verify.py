"""`dianjian verify`: check an exported chain with nothing but the first key. Exit 1 if it does not hold."""

import json
import re
from pathlib import Path

import click

from agent.centre.lines import iso_utc
from agent.centre.registry import RegistryError, read_registry
from agent.evidence.cbor import FormatError
from agent.evidence.export import Report, read_chain, verify_file
from provisioning.exits import EXIT_NO, EXIT_USAGE, fail


@click.command("verify", short_help="check an exported chain with nothing but the first key")
@click.option("--first-key", metavar="HEX", help="The gateway's enrolled first key, 64 hexadecimal digits.")
@click.option(
    "--registry", type=click.Path(dir_okay=False, path_type=Path), help="Take it from the register."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
def command(first_key: str | None, registry: Path | None, as_json: bool, file: Path) -> None:
    """Check FILE, written by `dianjian export`."""
    report = verify_file(file, _key(first_key, registry, file))
    click.echo(json.dumps(_as_json(report)) if as_json else _as_text(report))
    if not report.ok:
        raise fail(EXIT_NO, f"{file}: {report.error or 'a body is not what was sealed'}")


def _key(first_key: str | None, registry: Path | None, file: Path) -> bytes:
    if (first_key is None) == (registry is None):
        raise fail(EXIT_USAGE, "give either --first-key or --registry")
    if first_key is not None:
        if re.fullmatch("[0-9a-fA-F]{64}", first_key) is None:
            raise fail(EXIT_USAGE, f"--first-key: 64 hexadecimal digits, not {first_key[:80]!r}")
        return bytes.fromhex(first_key)
    assert registry is not None
    try:
        with file.open("rb") as stream:
            gateway, _ = read_chain(stream)
        return read_registry(registry)[gateway]
    except KeyError as error:
        raise fail(EXIT_USAGE, f"{registry}: gateway {error.args[0]} is not enrolled") from error
    except (RegistryError, FormatError, OSError) as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _as_json(report: Report) -> dict[str, object]:
    return {
        "ok": report.ok,
        "gateway": report.gateway,
        "seals": report.seals,
        "records": report.records,
        "bodies": report.bodies,
        "absent": report.absent,
        "first_at": iso_utc(report.first_utc_ms),
        "last_at": iso_utc(report.last_utc_ms),
        "tip_hash": report.tip_hash.hex(),
        "error": report.error,
        "findings": [
            {"code": one.code.value, "seal": one.number, "text": one.text} for one in report.findings
        ],
    }


def _as_text(report: Report) -> str:
    lines = [
        f"gateway {report.gateway}: {report.seals} seals, {report.records} records",
        f"from {iso_utc(report.first_utc_ms)} to {iso_utc(report.last_utc_ms)}",
        f"bodies: {report.bodies} proved, {report.absent} not in the file",
        *(f"seal {one.number}: {one.code.value}: {one.text}" for one in report.findings),
        f"verdict: {'good' if report.ok else 'NOT GOOD'}; last seal {report.tip_hash.hex()}",
    ]
    return "\n".join(lines)
