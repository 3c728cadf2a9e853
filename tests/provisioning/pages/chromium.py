"""A real browser that looks at a page, and says what it complained about."""

import shutil
import struct
import subprocess
from pathlib import Path

PAGE_S = 60
"""A page of a month is drawn within a second; the rest is for a loaded machine."""
FLAGS = (
    "--headless",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


def look(page: Path, picture: Path, *more: str, width: int = 400, height: int = 900) -> list[str]:
    """Write a screenshot of `page` to `picture`; the lines of the browser's console."""
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: sh .ci/need python3 system"
    profile = picture.parent / f"{picture.stem}-profile"
    done = subprocess.run(
        [
            browser,
            *FLAGS,
            *more,
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=PAGE_S,
        check=True,
    )
    shutil.rmtree(profile, ignore_errors=True)
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def size(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:24])
    return width, height
