"""What goes into the package and how it is tuned, without building it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from provisioning.cli import VERBS

HERE: Final = Path(__file__).parent.parent.parent
UNITS: Final = sorted((HERE / "systemd").glob("*.service"))
SCRIPTS: Final = ("postinst", "prerm", "postrm")
EXPOSURE_MAX: Final = 1.3


@pytest.fixture(autouse=True)
def builder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The builder is no part of what is installed: it is imported from its own folder."""
    monkeypatch.syspath_prepend(str(HERE / "packaging"))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "make_deb"]:
        del sys.modules[name]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_no_unit_is_more_exposed_than_1_3(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    call = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    report = subprocess.run(call, capture_output=True, text=True, check=True, timeout=60).stdout
    level = re.findall(r"Overall exposure level for \S+: (\d+\.\d+)", report)
    assert level, report
    assert float(level[0]) <= EXPOSURE_MAX, report


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_unit_calls_what_the_package_installs_as_a_user_that_it_makes(unit: Path) -> None:
    text = unit.read_text("utf-8")
    sysusers = "".join(path.read_text("utf-8") for path in (HERE / "systemd/sysusers.d").iterdir())
    commands = re.findall(r"^ExecStart=[-+@:!]*(\S+)", text, re.MULTILINE)
    scripts = re.findall(r'^(\S+) = "\S+:main"$', (HERE / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert commands
    assert set(commands) <= {f"/opt/dianjian/bin/{name}" for name in scripts}
    for user in re.findall(r"^User=(\S+)", text, re.MULTILINE):
        assert user == "root" or re.search(rf"^u {user} ", sysusers, re.MULTILINE), user


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_maintainer_script_is_posix_shell_and_stops_at_an_error(name: str) -> None:
    path = HERE / "packaging/debian" / name
    subprocess.run(["sh", "-n", str(path)], check=True, timeout=10)
    assert path.read_text("utf-8").startswith("#!/bin/sh\n")
    assert "\nset -e\n" in path.read_text("utf-8")
    assert "@UNITS@" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("numpy/linalg/_umath_linalg.cpython-311-x86_64-linux-gnu.so", True),
        ("numpy/_pytesttester.py", True),
        ("numpy/testing/__init__.py", True),
        ("numpy/tests/test_public_api.py", False),
        ("numpy/_core/_umath_tests.cpython-311-x86_64-linux-gnu.so", False),
        ("numpy/_core/include/numpy/arrayobject.h", False),
        ("numpy/__init__.pyi", False),
        ("numpy-2.4.6.dist-info/METADATA", True),
        ("numpy-2.4.6.dist-info/licenses/LICENSE.txt", True),
        ("numpy-2.4.6.dist-info/RECORD", False),
        ("evidence/records.cddl", True),
        ("provisioning/pages/page.css", True),
        ("provisioning/live/page/page.js", True),
        ("drivers/models/tests/own.toml", True),
    ],
)
def test_what_no_gateway_needs_is_left_out_and_nothing_of_ours(path: str, stays: bool) -> None:
    from make_deb.wheels import is_pruned  # noqa: PLC0415 - see `builder`

    assert is_pruned(PurePosixPath(path)) is not stays


def test_nothing_of_any_package_of_the_wheel_is_pruned() -> None:
    from make_deb.wheels import is_pruned  # noqa: PLC0415 - see `builder`

    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert not [name for name in packages if is_pruned(PurePosixPath(name, "tests/own.in"))]


def test_the_requirements_are_the_lock_with_its_hashes_without_what_is_left_out() -> None:
    from make_deb.wheels import LEFT_OUT, PUT_IN, select_requirements  # noqa: PLC0415

    lock, development = ((HERE / f"requirements{kind}.lock").read_text("utf-8") for kind in ("", "-dev"))
    wanted = select_requirements(lock, development)
    names = re.findall(r"^([a-z0-9-]+)==", wanted, re.MULTILINE)
    assert len(names) == len(set(names))
    assert set(names) == set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)) - LEFT_OUT | PUT_IN
    hashed = re.findall(r"^[a-z0-9-]+==\S+ (?:;[^\n]*)?\\\n    --hash=sha256:", wanted, re.MULTILINE)
    assert len(hashed) == len(names)


def test_a_commit_sorts_before_its_release_and_after_the_release_before(tmp_path: Path) -> None:
    from make_deb.source import export  # noqa: PLC0415

    repository = tmp_path / "repository"
    repository.mkdir()
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a.invalid", "GIT_AUTHOR_DATE": "@1700000000 +0000"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}

    def git(*words: str) -> None:
        environment = {**os.environ, **who}
        subprocess.run(["git", "-C", str(repository), *words], check=True, env=environment, timeout=30)

    (repository / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n', "utf-8")
    git("init", "--quiet")
    git("add", "pyproject.toml")
    git("commit", "--quiet", "--message", "x")
    commit = export(repository, tmp_path / "commit", None).version
    assert re.fullmatch(r"0\.2\.0~git20231114T221320\.[0-9a-f]{10}", commit)
    git("tag", "v0.2.0")
    release = export(repository, tmp_path / "release", None).version
    assert release == "0.2.0"
    for lower, higher in ((commit, release), ("0.1.0", commit)):
        subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True, timeout=10)
    with pytest.raises(ValueError, match="no version"):
        export(repository, tmp_path / "nonsense", "1.0-$(reboot)")


def test_the_example_is_the_site_file_of_the_docs_and_does_nothing_until_somebody_edits_it() -> None:
    from make_deb.source import Source  # noqa: PLC0415
    from make_deb.tree import make_example_site  # noqa: PLC0415

    text = make_example_site(Source(HERE, 0, "0" * 40, "0", "0"))
    assert all(line.startswith("#") for line in text.splitlines())
    assert "# [[linkage]]" in text


ROFF_HYPHEN = "\\-"
COMPLETED: Final = [
    ("dianjian-sim tr", "train"),
    ("dianjian sc", "scan"),
    ("dianjian centre re", "readmit receipt rekey replace report restore revoke"),
    ("dianjian scan --re", "--record"),
    ("dianjian --lang zh sc", "scan"),
    ("dianjian demo --broker em", "embedded"),
    ("dianjian nosuch ", " ".join(VERBS)),
    ("dianjian-agent re", "rekey"),
    ("dianjian-agent run --o", "--once"),
    ("dianjian-agent check ", ""),
]
"""What is typed before Tab, and what it becomes."""
MODULES: Final = {
    "dianjian": "provisioning.cli",
    "dianjian-sim": "firmware_sim.main",
    "dianjian-agent": "agent.main",
}


def test_a_shell_completes_verbs_and_options_with_the_files_of_the_package(tmp_path: Path) -> None:
    from make_deb.completion import make_completions  # noqa: PLC0415
    from make_deb.source import Source  # noqa: PLC0415

    files = make_completions(Source(HERE, 0, "0" * 40, "0", "0"))
    assert len(files) == 2 * 3 + 1
    for name, module in MODULES.items():
        completion = files[f"usr/share/bash-completion/completions/{name}"]
        (tmp_path / f"{name}.bash").write_text(completion, "utf-8")
        (tmp_path / name).write_text(f"#!{sys.executable}\nfrom {module} import main\nmain()\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    asks = [f"source {name}.bash" for name in MODULES]
    for typed, _ in COMPLETED:
        words = typed.split(" ")
        asks.append(
            "COMP_WORDS=(" + " ".join(word or '""' for word in words) + f"); COMP_CWORD={len(words) - 1}"
        )
        asks.append(f"_{words[0].replace('-', '_')}_completion {words[0]} '{words[-1]}'")
        asks.append("echo ${COMPREPLY[@]}; COMPREPLY=()")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(HERE)}
    ended = subprocess.run(
        ["bash", "-c", "\n".join(asks)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [completed for _, completed in COMPLETED]


def test_every_command_has_a_manual_page_with_all_its_verbs(tmp_path: Path) -> None:
    from make_deb.manual import make_manuals  # noqa: PLC0415
    from make_deb.source import Source  # noqa: PLC0415

    pages = make_manuals(Source(HERE, 0, "0" * 40, "0", "0"))
    names = ("dianjian", "dianjian-agent", "dianjian-sim")
    folders = ("usr/share/man/man1", "usr/share/man/zh_CN/man1")
    assert sorted(pages) == sorted(f"{folder}/{name}.1.gz" for folder in folders for name in names)
    for folder in folders:
        for verb in VERBS:
            assert f'.SH "dianjian {verb.replace("-", ROFF_HYPHEN)}"' in pages[f"{folder}/dianjian.1.gz"]
        assert '.SH "dianjian\\-agent run"' in pages[f"{folder}/dianjian-agent.1.gz"]
    assert [line for page in pages.values() for line in page.splitlines() if line.startswith("'")] == []
    if shutil.which("man") is not None:
        _show_with_man(tmp_path, pages["usr/share/man/zh_CN/man1/dianjian.1.gz"])


def _show_with_man(folder: Path, page: str) -> None:
    (folder / "dianjian.1").write_text(page, "utf-8")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"}
    call = ["man", "--warnings=all", "-l", str(folder / "dianjian.1")]
    shown = subprocess.run(call, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "可作证据的用电与排放计量" in shown.stdout
    assert "读取一块电表并显示各测点的值" in shown.stdout
    assert not re.search(r"Usage|Options:|Commands|Verbs", shown.stdout)
