"""The pictures of README.md, drawn from a real run of the demo: `make pictures`.

The shift is played until the violation has been raised for some minutes; then the terminal as it is becomes
docs/pictures/demo.png and the status page of the running agent docs/pictures/page.png. Both are looked at
before they are committed.
"""

import contextlib
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI

from agent.status.socket import read_status
from agent.store.names import DATABASE_NAME
from provisioning.demo.acts import ACTS, name_act
from provisioning.demo.shift import Event, Shift
from provisioning.demo.stage import SHIFT, enrol, set_stage
from provisioning.demo.verb import SPEED
from provisioning.live.page.chain import Chain
from provisioning.live.page.page import draw_status_page
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from provisioning.terminal.demo_views import draw_demo
from provisioning.terminal.views import draw_plant
from provisioning.words.language import translate
from tests.provisioning.pages.chromium import look

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
SHOT_MIN: Final = 36.0
"""Eight minutes after the violation was raised."""
TERMINAL: Final = (100, 25)
PAGE: Final = (1100, 860)
DEMO: Final = (1000, 530)


def main() -> None:
    """Play, look, write."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage = set_stage(folder, SHIFT, SPEED, "mosquitto")
        enrol(stage)
        events: list[Event] = []
        shift = Shift(stage, events.append)
        shift.on_act = lambda number: events.append(Event(shift.plant_time[11:16], name_act(number)))
        with shift.parts(), contextlib.suppress(StopIteration):

            def draw() -> None:
                if shift.minute >= SHOT_MIN:
                    raise StopIteration

            try:
                shift.play(draw)
            finally:
                stage.clock.hold()
                _draw_terminal(shift, events, folder)
                _draw_page(shift, folder)


def _draw_terminal(shift: Shift, events: list[Event], folder: Path) -> None:
    assert shift.status is not None
    title, look_at = translate(name_act(shift.act)), translate(ACTS[shift.act].look)
    heading = (f"电监 dianjian · {shift.plant_time} ×{SPEED:g}", title, look_at)
    told = [(event.at, event.text, event.severity) for event in events]
    console = Console(
        record=True,
        width=TERMINAL[0],
        height=TERMINAL[1],
        force_terminal=True,
        file=(folder / "out").open("w"),
    )
    plant = draw_plant(shift.status, shift.history, columns=TERMINAL[0])
    console.print(draw_demo(heading, plant, told, TERMINAL, ("", "")))
    page = folder / "demo.html"
    page.write_text(console.export_html(theme=MONOKAI), "utf-8")
    look(page, PICTURES / "demo.png", "--force-device-scale-factor=1", width=DEMO[0], height=DEMO[1])


def _draw_page(shift: Shift, folder: Path) -> None:
    site = SiteFile(folder / "site.toml")
    plan = site.plan()
    now_s = shift.stage.plant.start_s + shift.stage.clock.monotonic_s()
    chain = Chain(plan.state / DATABASE_NAME)
    seen = Snapshot(plan, read_status(plan.state), "", chain.read(plan, now_s), now_s, site.problem)
    page = folder / "page.html"
    page.write_bytes(draw_status_page(seen, chinese=False))
    look(page, PICTURES / "page.png", width=PAGE[0], height=PAGE[1])


if __name__ == "__main__":
    main()
