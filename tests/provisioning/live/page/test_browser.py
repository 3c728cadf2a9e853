"""The page in a real browser: on a phone and a laptop, by day and by night, with scripts and without."""

import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve

from agent.store.names import DATABASE_NAME
from provisioning.live.page import server as web_server
from provisioning.live.page.chain import Chain
from provisioning.live.page.page import POLICY, draw_status_page
from provisioning.live.page.server import Server
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from tests.provisioning.live.page.plant import Plant, at_once
from tests.provisioning.pages import chromium

pytestmark = pytest.mark.e2e
DARK = "--blink-settings=preferredColorScheme=0"


@pytest.fixture(scope="module")
def seen(lived: Plant) -> Snapshot:
    plan = SiteFile(lived.site).plan()
    view = Chain(lived.state / DATABASE_NAME, at_once).read(plan, lived.now_s)
    return Snapshot(plan, lived.status, "", view, lived.now_s + 7)


@contextmanager
def served(build: Callable[[int, bool], bytes], answers_max: int = 1000) -> Iterator[str]:
    """Pages by the number of the look, over HTTP; after `answers_max` of them nobody answers any more."""
    told: dict[str, int] = {"looks": 0}

    def page(*, chinese: bool) -> bytes:
        told["looks"] += 1
        if told["looks"] > answers_max:
            raise ConnectionError("gone")
        return build(told["looks"], chinese)

    listening = Server(page, POLICY).listen("127.0.0.1", 0)
    thread = threading.Thread(target=listening.serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.address[1]}/"
    finally:
        listening.close()
        thread.join()


def browse(address: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: sh .ci/need python3 system"
    profile = f"--user-data-dir={folder / 'profile'}"
    return subprocess.run(
        [browser, *chromium.FLAGS, profile, *options, address],
        capture_output=True,
        text=True,
        timeout=chromium.PAGE_S,
        check=True,
    )


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize(
    ("width", "lang", "more"),
    [
        (390, "zh", [DARK]),
        (1280, "en", []),
        pytest.param(390, "en", [], marks=pytest.mark.minutes),
        pytest.param(1280, "zh", [DARK], marks=pytest.mark.minutes),
    ],
)
def test_it_is_drawn_on_phone_and_laptop_by_day_and_night_in_both_languages(
    seen: Snapshot, tmp_path: Path, width: int, lang: str, more: list[str]
) -> None:
    picture = tmp_path / "page.png"
    with served(lambda _, chinese: draw_status_page(seen, chinese=chinese)) as address:
        size = [f"--window-size={width},1600", f"--screenshot={picture}"]
        assert complaints(browse(f"{address}?lang={lang}", tmp_path, *size, *more)) == []
    assert chromium.size(picture) == (width, 1600)
    assert picture.stat().st_size > 40_000, "an empty page would be smaller"


def test_the_page_draws_itself_anew(seen: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "FRESH_S", 0.0)

    def build(look: int, chinese: bool) -> bytes:
        return draw_status_page(evolve(seen, plan=evolve(seen.plan, name=f"look {look}")), chinese=chinese)

    with served(build) as address:
        done = browse(address, tmp_path, "--virtual-time-budget=35000", "--dump-dom")
    assert complaints(done) == []
    shown = re.search(r"<h1>look (\d+)</h1>", done.stdout)
    assert shown
    assert int(shown[1]) >= 3, "the first one, and one every ten seconds"
    assert "<title>look 1 " in done.stdout, "it was not loaded anew, its inner part was"
    assert 'class="stale"' not in done.stdout


def test_a_gateway_that_does_not_answer_any_more_is_told(
    seen: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "FRESH_S", 0.0)
    with served(lambda _, chinese: draw_status_page(seen, chinese=chinese), answers_max=1) as address:
        done = browse(address, tmp_path, "--virtual-time-budget=15000", "--dump-dom")
    assert '<body class="stale">' in done.stdout


LOOKS = 3
"""Virtual time does not wait for the process of a frame: on a loaded machine it may not be drawn yet."""


def test_without_scripts_the_page_is_whole_and_asks_to_be_loaded_again(
    seen: Snapshot, tmp_path: Path
) -> None:
    page, frame, picture = tmp_path / "page.html", tmp_path / "frame.html", tmp_path / "bare.png"
    page.write_bytes(draw_status_page(seen, chinese=True))
    frame.write_text('<iframe sandbox src="page.html" width="390" height="860"></iframe>', "utf-8")
    for _ in range(LOOKS):
        told = chromium.look(frame, picture, "--virtual-time-budget=3000", width=420, height=900)
        assert any("Blocked script execution" in line for line in told), "scripts were allowed"
        if picture.stat().st_size > 30_000:
            break
    assert picture.stat().st_size > 30_000
    assert b'<noscript><meta http-equiv="refresh" content="30"></noscript>' in page.read_bytes()


def test_the_browser_itself_refuses_another_script_and_another_style(seen: Snapshot, tmp_path: Path) -> None:
    evil = b'<script>document.title="owned"</script><p style="color:red">x</p><img src="http://127.0.0.1:9/x.png"></main>'
    with served(
        lambda _, chinese: draw_status_page(seen, chinese=chinese).replace(b"</main>", evil, 1)
    ) as address:
        done = browse(address, tmp_path, "--dump-dom", "--virtual-time-budget=1000")
    assert "<title>owned" not in done.stdout
    told = "\n".join(complaints(done))
    for word in ("inline script", "inline style", "127.0.0.1:9"):
        assert word in told
