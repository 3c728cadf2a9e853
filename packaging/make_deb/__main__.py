"""The command: what is built, and its report."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from make_deb.control import write_control
from make_deb.elf import MACHINES, find_dependencies, find_objects
from make_deb.source import build_wheel, export, list_uncommitted
from make_deb.tree import PACKAGES, lay_out
from make_deb.wheels import download

HERE: Final = Path(__file__).resolve().parent.parent.parent
MIB: Final = 1 << 20
XZ: Final = ("-Zxz", "-z6", "--threads-max=1")
"""More threads cut the data differently, and the bytes would depend on the machine."""


def main() -> int:
    """Build one package and print its path."""
    call = _parser().parse_args()
    if sys.version_info[:2] != (3, 11):
        sys.stderr.write("make deb: byte code for Debian 12 is made by Python 3.11; set PYTHON\n")
        return 2
    if changed := list_uncommitted(call.source):
        sys.stderr.write(f"make deb: {len(changed)} uncommitted files are not packed, the commit is\n")
    with tempfile.TemporaryDirectory(prefix="dianjian-deb.") as work:
        package = _build(call, Path(work))
    sys.stdout.write(f"{package}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make deb", description="The Debian package of the commit.")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="amd64")
    parser.add_argument("--out", type=Path, default=HERE / "dist", help="the folder that gets the package")
    parser.add_argument("--cache", type=Path, default=HERE / "build/wheels", help="wheels of earlier calls")
    parser.add_argument("--source", type=Path, default=HERE, help="the repository whose HEAD is packed")
    parser.add_argument("--version", help="instead of the one from commit and tag")
    return parser


def _build(call: argparse.Namespace, work: Path) -> Path:
    os.umask(0o022)
    source = export(call.source, work / "source", call.version)
    ours = build_wheel(source, work / "wheel")
    theirs = download(source.folder, call.arch, call.cache / call.arch)
    root, debian = work / "root", source.folder / "packaging/debian"
    lay_out(root, source, [ours, *theirs], debian)
    found = find_objects(root / PACKAGES)
    write_control(root, source, call.arch, find_dependencies(found, call.arch), debian)
    call.out.mkdir(parents=True, exist_ok=True)
    package: Path = call.out.absolute() / f"dianjian-edge_{source.version}_{call.arch}.deb"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch)}
    pack = ["dpkg-deb", "--root-owner-group", *XZ, "--build", str(root), str(package)]
    subprocess.run(pack, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    packed = f"{package.stat().st_size / MIB:.1f} MiB, {size / MIB:.1f} MiB installed"
    sys.stderr.write(f"make deb: {packed}, {len(found)} object files\n")
    return package


if __name__ == "__main__":
    sys.exit(main())
