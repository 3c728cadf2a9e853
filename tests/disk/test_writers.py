import ast
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

import disk
from agent.sealing.key_slots import KeySlotsError
from centre.enrolment.ledger import OfficeError
from provisioning.declaring.passwords import PasswordError
from provisioning.enrolment.trouble import EnrolTroubleError
from tests.disk.faulty import FAULTS, KILLS, FaultyOs, KilledError, litter, steps_of
from tests.disk.writers import ELSEWHERE, RAW, WRITERS, Writer

ROOT: Final = Path(disk.__file__).parents[1]
PACKAGES: Final = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire")
LIMIT_BYTES: Final = 40


def outcomes(writer: Writer, folder: Path) -> tuple[object, object]:
    """What is found before and after a run that nothing disturbs."""
    folder.mkdir()
    writer.arrange(folder)
    before = writer.look(folder)
    writer.act(folder)
    return before, writer.look(folder)


def ended(writer: Writer, folder: Path) -> str:
    try:
        writer.act(folder)
    except KilledError:
        return "killed"
    except click.exceptions.Exit as error:
        return "refused" if error.exit_code else "done"
    except (OSError, KeySlotsError, OfficeError, PasswordError, EnrolTroubleError):
        return "refused"
    return "done"


def tried_again(writer: Writer, folder: Path, after: object, *, refused: bool) -> None:
    """A second try does it, or finds that it is done."""
    done = writer.look(folder) == after and (writer.is_kept or not refused)
    try:
        writer.act(folder)
    except writer.refuses:
        assert done
        return
    assert writer.look(folder) == after
    assert not litter(folder)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda one: one.name)
def test_after_a_fault_at_any_call_the_file_is_the_old_or_the_new_one_and_nobody_says_done(
    writer: Writer, fault: str, tmp_path: Path
) -> None:
    before, after = outcomes(writer, tmp_path / "undisturbed")
    counted = tmp_path / "counted"
    counted.mkdir()
    writer.arrange(counted)
    for at in range(1, steps_of(lambda: writer.act(counted)) + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        writer.arrange(folder)
        with FaultyOs(fault, at).mounted() as faulty:
            end = ended(writer, folder)
        assert end == ("done" if not faulty.met else "killed" if fault in KILLS else "refused"), f"call {at}"
        found = writer.look(folder)
        assert found in (before, after), f"call {at}: {found}"
        tried_again(writer, folder, after, refused=end == "refused")


OF_NO_BYTES: Final = {
    *("a file that is set aside", "a database that takes the place of another"),
    *("a file of no bytes at the centre", "a file that is erased at the centre"),
}
"""Writers that rename or make an empty file: no limit of the size stops them."""


@pytest.mark.parametrize("writer", WRITERS, ids=lambda one: one.name)
def test_at_a_real_limit_of_the_file_size_nobody_says_done(writer: Writer, tmp_path: Path) -> None:
    before, after = outcomes(writer, tmp_path / "undisturbed")
    folder = tmp_path / "limited"
    folder.mkdir()
    writer.arrange(folder)
    child = os.fork()
    if child == 0:
        try:  # Python ignores SIGXFSZ: write(2) takes a part and then fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
            writer.act(folder)
        except BaseException:  # noqa: BLE001 - the child ends here
            os._exit(1)
        os._exit(0)
    done = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert done == (writer.name in OF_NO_BYTES)
    assert writer.look(folder) in (before, after)
    tried_again(writer, folder, after, refused=not done)


# ---- whoever writes a file is in the table


THROUGH: Final = {
    *("replace_file", "create_file", "open_output", "write_output", "write_all", "write_at", "move"),
    *("append_line", "append_all", "add_line", "create_key_file", "write_or_fail"),
}
BY_OS: Final = {
    *("open", "write", "writev", "pwrite", "pwritev", "sendfile", "copy_file_range", "splice", "ftruncate"),
    *("truncate", "rename", "replace", "renames", "link", "symlink", "mkfifo", "mknod"),
}
BY_METHOD: Final = {"write_text", "write_bytes", "touch", "rename", "symlink_to", "hardlink_to"}
BY_NAME: Final = {"copy", "copy2", "copyfile", "copytree", "move", "mkstemp", "NamedTemporaryFile"}


def calls(node: ast.AST, inside: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.Call]]:
    """Each call below `node`, and the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        here = inside
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            here = (*inside, child.name)
        if isinstance(child, ast.Call):
            yield ".".join(inside), child
        yield from calls(child, here)


def is_raw(call: ast.Call) -> bool:
    """Whether the call makes, writes or renames a file without disk/."""
    function = call.func
    if isinstance(function, ast.Attribute):
        of = function.value.id if isinstance(function.value, ast.Name) else ""
        if of == "os":
            return function.attr in BY_OS
        if of in {"shutil", "tempfile"}:
            return function.attr in BY_NAME
        if function.attr in BY_METHOD:
            return True
        mode = call.args[:1] if function.attr == "open" else []
    elif isinstance(function, ast.Name) and function.id == "open":
        mode = call.args[1:2]
    else:
        return False
    if any(word.arg == "fileobj" for word in call.keywords):  # an archive in memory
        return False
    mode = [*mode, *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(one, ast.Constant) and set(str(one.value)) & set("wax+") for one in mode)


def sites() -> tuple[set[str], set[str]]:
    """Functions that write through disk/, and those that write by themselves."""
    through, raw = set(), set()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if module in {"disk.files", "disk.lines"}:
                continue
            for inside, call in calls(ast.parse(path.read_text("utf-8"))):
                name = call.func.id if isinstance(call.func, ast.Name) else ""
                through |= {f"{module}:{inside}"} if name in THROUGH else set()
                raw |= {f"{module}:{inside}"} if is_raw(call) else set()
    return through, raw


def test_every_writer_has_a_row_and_nobody_else_writes() -> None:
    through, raw = sites()
    rows = {site for writer in WRITERS for site in writer.sites}
    assert through - set(ELSEWHERE) == rows, "name the new writer in a row of writers.py"
    assert set(ELSEWHERE) <= through | {"provisioning.terminal.exits:write_or_fail"}
    assert raw == set(RAW), "write through disk/files.py, or say in writers.py why not"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.write(1, b'')", True),
        ("os.replace(a, b)", True),
        ("path.write_text('x')", True),
        ("path.open('w')", True),
        ("path.open('r+b', buffering=0)", True),
        ("path.open(mode='xb')", True),
        ("open(path, 'a')", True),
        ("shutil.copyfile(a, b)", True),
        ("open(path)", False),
        ("path.open('rb')", False),
        ("path.open(encoding='utf-8')", False),
        ("text.replace('a', 'b')", False),
    ],
)
def test_a_call_that_writes_a_file_is_seen(text: str, expected: bool) -> None:
    ((_, call),) = calls(ast.parse(text))
    assert is_raw(call) is expected
