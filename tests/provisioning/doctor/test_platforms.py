"""What the doctor, the terminal and the page say of platforms of HJ 212."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from rich.console import Console

from agent.site.file import parse_site
from provisioning.doctor.finding import Finding, State, Target
from provisioning.doctor.platforms import platforms
from provisioning.live.page.tables import draw_platforms
from provisioning.live.page.words import Reader
from provisioning.terminal.views import _platforms
from tests.agent.platforms.test_feed import SITE as PLATFORM
from tests.agent.rig import SITE
from tests.provisioning.doctor.test_connected import NOW
from wire.platforms.credentials import Credentials, write_credentials

GOOD: dict[str, Any] = {
    "host": "city", "mn": "D7A1EC0000000000000000F1", "connected": True, "why": "",
    "waiting": 2, "dropped": 0, "told": None,
}  # fmt: skip
CASES: list[tuple[dict[str, Any], State, str, str]] = [
    ({}, State.OK, "connected, 2 packets wait", "已连接，2 个数据包待发"),
    ({"waiting": 900}, State.WARNING, "900 packets wait", "900 个数据包待发"),
    ({"dropped": 7}, State.WARNING, "7 were given up", "已放弃 7 个"),
    (
        {"told": {"event": "refused", "detail": "3"}},
        State.WARNING,
        "refuses data: wrong password",
        "密码错误",
    ),
    ({"told": {"event": "clock", "detail": "2020\x1b[31m"}}, State.WARNING, "not done", "未执行"),
    ({"told": {"event": "of-tomorrow", "detail": ""}}, State.WARNING, "of-tomorrow", "of-tomorrow"),
    ({"connected": False}, State.FAILED, "not connected (not yet)", "未连接（尚未连接过）"),
    ({"connected": False, "why": "Connection refused"}, State.FAILED, "(Connection refused)", "未连接（"),
]


def look(folder: Path, status: dict[str, Any] | None) -> list[Finding]:
    site = parse_site(SITE + PLATFORM, folder / "site.toml")
    target = Target(folder / "site.toml", site, (), status, "", 0, NOW)
    return list(platforms(target, lambda _: None))


@pytest.mark.parametrize(("changes", "state", "english", "chinese"), CASES)
def test_a_platform_is_one_line_of_the_doctor_the_terminal_and_the_page(
    changes: dict[str, Any], state: State, english: str, chinese: str, tmp_path: Path
) -> None:
    write_credentials(tmp_path / "city.secret", Credentials("246810"))
    status = {"platforms": [{**GOOD, **changes}]}
    (found,) = look(tmp_path, status)
    assert (found.state, found.about) == (state, "city")
    assert english in found.text.en
    assert chinese in found.text.zh
    assert (found.remedy is None) == (state is State.OK)
    screen = Console(width=200, color_system=None, record=True)
    with screen.capture() as shown:
        screen.print(*_platforms(status))
    assert english in shown.get() or chinese in shown.get()
    assert "\x1b" not in shown.get() + found.text.en
    assert english in draw_platforms(status, Reader("en")) or "refuses" in english
    assert chinese in draw_platforms(status, Reader("zh"))


def test_credentials_that_cannot_be_used_fail_with_the_place_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "city.secret").write_text('pw = "246810"\n')
    (tmp_path / "city.secret").chmod(0o644)
    (found,) = look(tmp_path, None)
    assert (found.state, "chmod 600" in found.text.en, "246810" in found.text.en) == (
        State.FAILED,
        True,
        False,
    )
    (tmp_path / "city.secret").chmod(0o600)
    assert [one.state for one in look(tmp_path, None)] == [State.OK]
    (tmp_path / "city.secret").unlink()
    assert [one.state for one in look(tmp_path, {"platforms": [GOOD]})] == [State.FAILED, State.OK]


def test_a_site_without_platforms_has_no_line(tmp_path: Path) -> None:
    site = parse_site(SITE, tmp_path / "site.toml")
    target = Target(tmp_path / "site.toml", site, (), {"platforms": []}, "", 0, NOW)
    assert list(platforms(target, lambda _: None)) == []
    assert list(platforms(evolve(target, status=None), lambda _: None)) == []
