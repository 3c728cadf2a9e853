"""Diagnoses the bus from the signs of a whole search.

With A and B swapped mostly nothing is received, because the requests are nonsense to the meters. So
silence never excludes swapped wires, and no finding claims that it does.

Pure: a walk in, findings out.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

from drivers.search.gateway_walk import GatewayWalk
from drivers.search.signs import Sign
from drivers.search.walk import USUAL, BusSetting, Walk


class FindingKind(StrEnum):
    """What is wrong."""

    SHARED_ADDRESS = "shared_address"
    EVERY_ADDRESS = "every_address"
    DEAD = "dead"
    ECHO_ONLY = "echo_only"
    NO_METER_BEHIND_GATEWAY = "no_meter_behind_gateway"
    OTHER_MASTER = "other_master"
    SWAPPED = "swapped"
    RESTS_WRONG = "rests_wrong"
    WRONG_PARITY = "wrong_parity"
    WRONG_SETTING = "wrong_setting"
    NOISE = "noise"
    FOREIGN_ID = "foreign_id"
    HANGS_UP = "hangs_up"
    BUSY = "busy"
    NOT_ASKED_AGAIN = "not_asked_again"
    POOR = "poor"


@frozen
class Finding:
    """What is wrong, and where: a unit id or a setting, else ""."""

    kind: FindingKind
    about: str = ""


def diagnose(walk: Walk | GatewayWalk) -> tuple[Finding, ...]:
    """What the bytes so far mean, the most conclusive first."""
    return (*_diagnose_bytes(walk), *(_list_open(walk) if isinstance(walk, GatewayWalk) else ()))


def _list_open(walk: GatewayWalk) -> list[Finding]:
    """What a search over TCP could not settle."""
    findings = []
    if walk.busy:
        findings.append(Finding(FindingKind.BUSY, ", ".join(map(str, sorted(set(walk.busy))))))
    if walk.left_out:
        findings.append(Finding(FindingKind.NOT_ASKED_AGAIN, str(walk.left_out)))
    return findings


def _diagnose_bytes(walk: Walk | GatewayWalk) -> tuple[Finding, ...]:
    shared = sorted({probe.unit_id for probe, result in walk.found.items() if result.sign is Sign.GARBLED})
    findings = [Finding(FindingKind.SHARED_ADDRESS, str(unit)) for unit in shared]
    foreign = sorted(probe.unit_id for probe, result in walk.found.items() if result.sign is Sign.FOREIGN_ID)
    if foreign:
        findings.append(Finding(FindingKind.FOREIGN_ID, ", ".join(map(str, foreign))))
    if any(result.sign is not Sign.GARBLED for result in walk.found.values()):
        return tuple(findings)
    findings += _judge_settings(walk.signs)
    if walk.found or findings:
        return tuple(findings)
    total: Counter[Sign] = Counter()
    for signs in walk.signs.values():
        total += signs
    if total[Sign.GATEWAY]:
        return (Finding(FindingKind.NO_METER_BEHIND_GATEWAY),)
    if total[Sign.HUNG_UP]:
        return (Finding(FindingKind.HANGS_UP),)
    if total[Sign.BUSY]:
        return ()
    if total[Sign.ECHO]:
        return (Finding(FindingKind.ECHO_ONLY),)
    return (Finding(FindingKind.DEAD),) if total else ()


def _judge_settings(signs: Mapping[BusSetting | None, Counter[Sign]]) -> list[Finding]:
    """Findings for settings with bytes but without meters; only the first meaningful sign."""
    meanings = (
        (Sign.OTHERS, FindingKind.OTHER_MASTER),
        (Sign.INVERTED, FindingKind.SWAPPED),
        (Sign.PARITY, FindingKind.WRONG_PARITY),
        (Sign.BREAK, FindingKind.RESTS_WRONG),
        (Sign.UNFRAMED, FindingKind.WRONG_SETTING),
    )
    for sign, kind in meanings:
        at = [setting for setting in signs if signs[setting][sign]]
        if at:
            everywhere = len(at) == len(signs) >= len(USUAL)
            noise = sign is Sign.UNFRAMED and everywhere
            names = ", ".join(sorted(str(setting) for setting in at if setting is not None))
            return [Finding(FindingKind.NOISE if noise else kind, names)]
    return []
