"""The built wheel carries everything, and nothing from the working folder or elsewhere takes its place."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent.parent.parent
LOOK: Final = """
import importlib, json, sys
names = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire")
found = {name: importlib.import_module(name).__file__ for name in names}
from drivers.points import model
from importlib.resources import files
from evidence.words import Words
print(json.dumps({
    "found": found,
    "models": len([model.load(name) for name in model.names()]),
    "site": files("provisioning.demo").joinpath("site.toml").is_file(),
    "plant": files("firmware_sim.plants").joinpath("demo.toml").is_file(),
    "unit": files("agent").joinpath("systemd/dianjian-agent.service").is_file(),
    "cddl": files("evidence").joinpath("records.cddl").is_file(),
    "page": "script-src 'sha256-" in importlib.import_module("provisioning.live.page.page").POLICY,
    "paper": "@page" in importlib.import_module("provisioning.pages.paper").paper(Words("x", "x"), []),
}))
"""


@pytest.mark.e2e
def test_the_wheel_works_away_from_the_source_and_cannot_be_shadowed(tmp_path: Path) -> None:
    wheels, target, elsewhere = tmp_path / "wheels", tmp_path / "site", tmp_path / "elsewhere"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(HERE)]
    subprocess.run(build, check=True, timeout=120)
    (wheel,) = wheels.glob("dianjian_edge-*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True, timeout=120
    )
    elsewhere.mkdir()
    for name in ("agent", "drivers"):
        (elsewhere / f"{name}.py").write_text("raise RuntimeError('a stranger of the same name')\n", "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(target), "PYTHONSAFEPATH": "1"}
    looked = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert looked.returncode == 0, looked.stderr
    seen = json.loads(looked.stdout)
    assert all(Path(file).is_relative_to(target) for file in seen["found"].values())
    assert seen["models"] >= 9
    assert all(seen[name] is True for name in ("site", "plant", "unit", "cddl", "page", "paper"))
    for command in ("dianjian", "dianjian-agent"):
        shown = subprocess.run(
            [sys.executable, str(target / "bin" / command), "--version"],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=180,
        )
        assert "0.1.0" in shown.stdout
