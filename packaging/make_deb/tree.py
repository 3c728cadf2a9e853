"""The files of the package, each at its place, and reproducible.

    /opt/dianjian                  a virtual environment of Debian's Python 3.11, without pip
    /usr/bin/dianjian*             the three commands
    /lib/systemd/system            the units, as they are in systemd/
    /usr/lib/sysusers.d, tmpfiles.d
    /usr/share/man, man/zh_CN      manual pages, from --help, in English and Chinese
    /usr/share/bash-completion, zsh, fish   completion of verbs and options
    /usr/share/doc/dianjian-edge   documents; examples/site.toml to start a site file by hand from

Nothing is shipped in /etc or /var: `dianjian setup` and the agent create their files there.
"""

import configparser
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from make_deb.completion import make_completions
from make_deb.manual import make_manuals
from make_deb.source import Source
from make_deb.wheels import unpack

PREFIX: Final = "opt/dianjian"
PACKAGES: Final = f"{PREFIX}/lib/python3.11/site-packages"
INTERPRETER: Final = "/usr/bin/python3.11"
DOCUMENTS: Final = "usr/share/doc/dianjian-edge"
UNITS: Final = "lib/systemd/system"
UNIT_SUFFIXES: Final = frozenset({".service", ".timer", ".socket", ".path"})
DATABASES: Final = ("sysusers.d", "tmpfiles.d")

SCRIPT: Final = f"""#!/{PREFIX}/bin/python -I
import sys
from {{module}} import {{function}}
sys.exit({{function}}())
"""
"""-I: neither the environment nor the current folder may put other packages before ours."""
PYVENV: Final = """home = /usr/bin
include-system-site-packages = false
version = 3.11
"""


def lay_out(root: Path, source: Source, wheels: Iterable[Path], debian: Path) -> None:
    """Fill the folder `root` with everything that the package holds."""
    _lay_out_environment(root, wheels)
    _copy_units(root, source.folder / "systemd")
    _copy_documents(root, source, debian)
    _compile(root)
    _normalise(root, source.epoch)


def _lay_out_environment(root: Path, wheels: Iterable[Path]) -> None:
    packages, commands = root / PACKAGES, root / PREFIX / "bin"
    commands.mkdir(parents=True)
    for wheel in wheels:
        unpack(wheel, packages)
    (root / PREFIX / "pyvenv.cfg").write_text(PYVENV, "utf-8")
    (commands / "python3.11").symlink_to(INTERPRETER)
    for name in ("python", "python3"):
        (commands / name).symlink_to("python3.11")
    for folder in packages.glob("*.dist-info"):
        (folder / "INSTALLER").write_text("dpkg\n", "utf-8")
    (ours,) = packages.glob("dianjian_edge-*.dist-info")
    entries = configparser.ConfigParser()
    entries.read_string((ours / "entry_points.txt").read_text("utf-8"))
    (root / "usr/bin").mkdir(parents=True)
    for name, place in sorted(entries["console_scripts"].items()):
        module, function = place.split(":")
        (commands / name).write_text(SCRIPT.format(module=module, function=function), "utf-8")
        (root / "usr/bin" / name).symlink_to(f"/{PREFIX}/bin/{name}")


def _copy_units(root: Path, systemd: Path) -> None:
    units = root / UNITS
    units.mkdir(parents=True)
    for path in systemd.iterdir():
        if path.suffix in UNIT_SUFFIXES:
            shutil.copy(path, units)
    for name in DATABASES:
        shutil.copytree(systemd / name, root / "usr/lib" / name)
    examples = root / DOCUMENTS / "examples"
    examples.mkdir(parents=True)
    for path in systemd.glob("*.conf"):  # drop-ins
        shutil.copy(path, examples)


def _copy_documents(root: Path, source: Source, debian: Path) -> None:
    folder = root / DOCUMENTS
    (folder / "examples/site.toml").write_text(make_example_site(source), "utf-8")
    _write_gz(folder / "changelog.gz", make_changelog(source))
    for path in (
        source.folder / "CHANGELOG.md",
        *sorted(source.folder.glob("README*.md")),
        *sorted((source.folder / "docs").glob("*.md")),
    ):
        name = "NEWS.md.gz" if path.name == "CHANGELOG.md" else f"{path.name}.gz"
        _write_gz(folder / name, path.read_text("utf-8"))
    vendored = [(folder / "METADATA").read_text("utf-8") for folder in _list_infos(root)]
    text = (debian / "copyright").read_text("utf-8") + "\n".join(map(_find_licence, vendored)) + "\n"
    (folder / "copyright").write_text(text, "utf-8")
    for place, text in make_manuals(source).items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        _write_gz(root / place, text)
    for place, text in make_completions(source).items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    overrides = root / "usr/share/lintian/overrides"
    overrides.mkdir(parents=True)
    shutil.copy(debian / "lintian-overrides", overrides / "dianjian-edge")


def make_example_site(source: Source) -> str:
    """The site file of docs/site-file.md under a heading, every line commented out."""
    page = (source.folder / "docs/site-file.md").read_text("utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    head = "An example. `dianjian setup` writes /etc/dianjian/site.toml; by hand, start from this.\n"
    head += "`dianjian-agent check --config /etc/dianjian/site.toml` names every mistake in it.\n\n"
    return "".join(f"# {line}".rstrip() + "\n" for line in (head + block).splitlines())


def make_changelog(source: Source) -> str:
    """One entry in Debian's form: which commit this is."""
    when = subprocess.run(  # noqa: S603
        ["date", "--utc", "--rfc-email", f"--date=@{source.epoch}"],  # noqa: S607
        env={**os.environ, "LC_ALL": "C"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return (
        f"dianjian-edge ({source.version}) stable; urgency=medium\n\n"
        f"  * Commit {source.commit}.\n"
        "  * NEWS.md.gz lists what is new.\n\n"
        f" -- {MAINTAINER}  {when}\n"
    )


MAINTAINER: Final = "dianjian maintainers <maintainers@dianjian.invalid>"


def _list_infos(root: Path) -> list[Path]:
    return sorted(path for path in (root / PACKAGES).glob("*.dist-info") if "dianjian_edge" not in path.name)


def _find_licence(metadata: str) -> str:
    fields = dict(re.findall(r"^(Name|Version|License|License-Expression): (.*)$", metadata, re.MULTILINE))
    classifiers = re.findall(r"^Classifier: License :: (?:OSI Approved :: )?(.*)$", metadata, re.MULTILINE)
    licence = (
        fields.get("License-Expression") or ", ".join(classifiers) or fields.get("License", "see its folder")
    )
    return f"  {fields['Name']} {fields['Version']}: {licence}"


def _write_gz(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _compile(root: Path) -> None:
    """Byte code that is never compared with its source: nothing is written on the gateway."""
    call = [sys.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    call += ["-s", str(root), "-p", "/", str(root / PACKAGES)]
    subprocess.run(call, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S603


def _normalise(root: Path, epoch: int) -> None:
    """Modes and times that depend on the commit alone."""
    for path in sorted(root.rglob("*"), reverse=True):
        if not path.is_symlink():
            runnable = path.is_dir() or (path.parent == root / PREFIX / "bin")
            path.chmod(0o755 if runnable else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    root.chmod(0o755)
    os.utime(root, (epoch, epoch))
