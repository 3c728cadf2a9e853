"""The two doors for paths that a person names.

A file for a result: nothing that is there is overwritten unasked. It is checked when the call is read, before
any long work; a device or a pipe is no file that could be lost.

A file to be read: a device that has no end and a pipe that nobody writes to would hold the verb for ever, so
they are refused before a verb sees them.
"""

import contextlib
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from disk.tables import decode_text, read_text
from evidence.words import Words
from provisioning.terminal.typed import list_params, wrap_convert
from provisioning.words.language import translate

USUAL_SITE: Final = "/etc/dianjian/site.toml"
"""The site file of a gateway that was installed, for verbs that are given none."""
_THERE: Final = Words("{path} 已存在；加 --force 覆盖", "{path} is there already; --force overwrites it")
_NO_FOLDER: Final = Words("没有文件夹 {path}", "there is no folder {path}")
_NO_FILE: Final = Words(
    "{path} 不是普通文件（是设备或管道）；请先存为文件",
    "{path} is a device or a pipe; save it to a file first",
)
_META: Final = "dianjian.force"


class NewFile(click.Path):
    """The path of a file to be written."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]
        with contextlib.suppress(PermissionError):  # the verb's write tells it
            if not path.absolute().parent.is_dir():
                self.fail(translate(_NO_FOLDER, path=path.absolute().parent), param, ctx)
            if path.is_file() and not (ctx is not None and ctx.meta.get(_META)):
                self.fail(translate(_THERE, path=path), param, ctx)
        return path


NEW_FILE: Final = NewFile()
INPUT_BYTES_MAX: Final = 1 << 20
"""Of what one program printed for another: an enrolment with a hundred meters takes 20 kB."""


def read_input(path: Path) -> str:
    """The text of a small file, or with `-` of the standard input.

    Raises:
        TableError: It cannot be read, is too large, or is no text.
    """
    if str(path) != "-":
        return read_text(path, INPUT_BYTES_MAX)
    return decode_text(sys.stdin.buffer.read(INPUT_BYTES_MAX + 1), INPUT_BYTES_MAX)


def _note(ctx: click.Context, _param: click.Parameter, is_forced: bool) -> None:
    ctx.meta[_META] = is_forced


FORCE: Final = click.option(
    "--force",
    is_flag=True,
    is_eager=True,  # known before any path is looked at
    expose_value=False,
    callback=_note,
    help="Overwrite files that are there.",
)


def check_inputs(command: click.Command) -> click.Command:
    """The command, whose paths of files to read must be plain files if they are there."""
    for param in list_params(command):
        if isinstance(param.type, click.Path) and not isinstance(param.type, NewFile):
            wrap_convert(param, _convert_plain)
    return command


def _convert_plain(
    convert: Callable[..., Any], value: object, param: click.Parameter | None, ctx: click.Context | None
) -> Any:
    path = convert(value, param, ctx)
    if not isinstance(path, str | Path):
        return path  # the URL of a store
    with contextlib.suppress(OSError):  # what may not be looked at is the verb's to tell
        mode = Path(path).stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise click.BadParameter(translate(_NO_FILE, path=path), ctx, param)
    return path
