"""How every verb ends: whatever it raises becomes one line that says what to do, and an exit code.

A verb names the mistakes that it expects by itself (`provisioning.terminal.exits`). What is left comes here:
files and devices that refuse, text that is none, a reader that went away, ctrl-C, and mistakes of our own,
whose traceback goes into a file and not before a technician. Output that cannot be written (a full disk
behind `>`) is a failure even if all of it was still in a buffer when the verb was done.
"""

import contextlib
import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import click

from disk.help_page import name_values
from disk.streams import ReaderGoneError, drop_output, fill_standard_streams
from disk.translation import translate_message
from evidence.words import Words
from provisioning.terminal.exits import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OUTSIDE, EXIT_USAGE
from provisioning.terminal.say import say
from provisioning.words.language import translate

REASON_CHARACTERS_MAX: Final = 300
"""Of a library's text: enough to find it again, one or two rows."""
WORDS: Final[Mapping[str, Words]] = {
    "line": Words("{name}：{why}", "{name}: {why}"),
    "output": Words("输出", "the output"),
    "not text": Words(
        "有一个文件不是UTF-8文本（第{at}字节处）：请检查是否选对了文件，或将其另存为UTF-8",
        "a file is no UTF-8 text (at its byte {at}): is it the right one? Save it as UTF-8",
    ),
    "interrupted": Words("已中断", "interrupted"),
    "memory": Words("内存不足", "there is not enough memory"),
    "internal": Words(
        "dianjian 出现意外错误（{kind}）：{why}；请将 {file} 交给维护人员",
        "an unexpected error of dianjian ({kind}): {why}; please send {file} to its maintainers",
    ),
    "internal unkept": Words(
        "dianjian 出现意外错误（{kind}）：{why}；请报告维护人员",
        "an unexpected error of dianjian ({kind}): {why}; please report it to its maintainers",
    ),
    "no verb": Words("没有命令 {typed!r}；有：{known}", "there is no command {typed!r}; there are {known}"),
    "nearest verb": Words(
        "没有命令 {typed!r}；是否为 {near}？", "there is no command {typed!r}; did you mean {near}?"
    ),
    "more": Words("详见 {command} --help", "see {command} --help"),
    "no option": Words("没有选项 {name}", "there is no option {name}"),
    "near option": Words(
        "没有选项 {name}；是否为 {near}？", "there is no option {name}; did you mean {near}?"
    ),
    "missing": Words("缺少 {name}", "{name} is missing"),
}
REASONS: Final[Mapping[int, Words]] = {
    errno.ENOENT: Words("文件或文件夹不存在", "there is no such file or folder"),
    errno.EACCES: Words("没有权限；请换用有权限的用户", "you may not; use an account that may"),
    errno.EPERM: Words(
        "系统不允许；请换用有权限的用户", "the system does not allow it; use an account that may"
    ),
    errno.EISDIR: Words("是文件夹，需要的是文件", "is a folder where a file is wanted"),
    errno.ENOTDIR: Words("路径中有一段不是文件夹", "a part of the path is no folder"),
    errno.ELOOP: Words("符号链接循环或不允许", "a symbolic link that is not followed"),
    errno.ENAMETOOLONG: Words("名称过长", "its name is too long"),
    errno.ENOSPC: Words("磁盘已满；请腾出空间后重试", "the disk is full; make room and try again"),
    errno.EDQUOT: Words(
        "磁盘配额已用完；请腾出空间后重试", "the disk quota is used up; make room and try again"
    ),
    errno.EROFS: Words("文件系统为只读", "the file system is read only"),
    errno.EIO: Words("读写出错；请检查存储设备", "it cannot be read or written; look at the device"),
    errno.EMFILE: Words("打开的文件过多", "too many files are open"),
    errno.ECONNREFUSED: Words("对方拒绝连接", "the other side refuses the connection"),
    errno.ENXIO: Words("设备不存在或无人读取", "there is no such device, or nobody reads it"),
}
_OF_THE_CALL: Final = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
)
"""A wrong file was named: exit 2. All other errors of the system are outside of the call: exit 3."""


def run_to_end(call: Callable[[], Any]) -> int:
    """Run a verb and return the process' exit code; prints the line of what it raised."""
    fill_standard_streams()
    code = _run(call)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return code
    except OSError as error:
        drop_output()
        return code or _tell(EXIT_OUTSIDE, _explain_output(error))
    return code


def _run(call: Callable[[], Any]) -> int:
    try:
        ended = call()
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # rich makes a 1 of it
            raise
        return _end_of_system(error.__context__)
    except ReaderGoneError:
        drop_output()
        return 0
    except (click.Abort, KeyboardInterrupt, EOFError):
        return _tell(EXIT_INTERRUPTED, translate(WORDS["interrupted"]))
    except click.ClickException as error:
        return _end_of_call(error)
    except OSError as error:
        return _end_of_system(error)
    except Exception as error:  # noqa: BLE001 - the last door: a technician sees one line
        return _end_of_mistake(error)
    return ended if type(ended) is int else 0  # click returns the code of an Exit


def _end_of_call(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        with contextlib.suppress(OSError):
            say(*error.format_message().splitlines(), err=True)  # its message is the page of help
        return EXIT_USAGE
    if isinstance(error, click.UsageError):
        _tell_usage(error)
        return EXIT_USAGE
    code = EXIT_USAGE if isinstance(error, click.FileError) else error.exit_code
    return _tell(code, error.format_message())


def _end_of_mistake(error: Exception) -> int:
    if isinstance(error, UnicodeDecodeError):
        return _tell(EXIT_USAGE, translate(WORDS["not text"], at=error.start))
    if isinstance(error, MemoryError):
        return _tell(EXIT_OUTSIDE, translate(WORDS["memory"]))
    return _tell(EXIT_INTERNAL, _explain_internal(error))


def _end_of_system(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):  # `dianjian models | head` is not an error
        drop_output()
        return 0
    if error.filename is None:
        is_output = error.errno in {errno.ENOSPC, errno.EIO}
        return _tell(EXIT_OUTSIDE, _explain_output(error) if is_output else describe_error(error))
    code = EXIT_USAGE if error.errno in _OF_THE_CALL else EXIT_OUTSIDE
    name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename)
    return _tell(code, translate(WORDS["line"], name=name, why=describe_error(error)))


def describe_error(error: OSError) -> str:
    """Why the system refused, in the reader's language where we know the reason."""
    known = REASONS.get(error.errno or 0)
    return translate(known) if known is not None else error.strerror or type(error).__name__


def _explain_output(error: OSError) -> str:
    return translate(WORDS["line"], name=translate(WORDS["output"]), why=describe_error(error))


def _explain_internal(error: Exception) -> str:
    kind, why = type(error).__name__, " ".join(str(error).split())[:REASON_CHARACTERS_MAX]
    try:
        descriptor, path = tempfile.mkstemp(prefix="dianjian-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return translate(WORDS["internal unkept"], kind=kind, why=why)
    return translate(WORDS["internal"], kind=kind, why=why, file=path)


def name_nearest(typed: str, known: Collection[str]) -> str:
    """What to answer to a command that does not exist."""
    import difflib  # noqa: PLC0415 - only a mistyped word needs it

    near = difflib.get_close_matches(typed, known, n=1)
    if near:
        return translate(WORDS["nearest verb"], typed=typed, near=near[0])
    return translate(WORDS["no verb"], typed=typed, known=", ".join(known))


def _tell_usage(error: click.UsageError) -> None:
    """The form of the call, and in one line what is wrong with it."""
    with contextlib.suppress(OSError):
        if error.ctx is not None:
            more = translate(WORDS["more"], command=error.ctx.command_path)
            say(error.ctx.get_usage(), more, err=True)
    _tell(EXIT_USAGE, _explain_usage(error))


def _explain_usage(error: click.UsageError) -> str:
    """What is wrong with a call; of the commonest mistakes in fewer words than click has."""
    if isinstance(error, click.NoSuchOption):
        near = (error.possibilities or [""])[0]
        return translate(WORDS["near option" if near else "no option"], name=error.option_name, near=near)
    if isinstance(error, click.MissingParameter):
        hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param else "")
        named = hint if isinstance(hint, str) else ", ".join(hint)
        return translate(WORDS["missing"], name=name_values(named))
    if isinstance(error, click.BadParameter) and error.param is not None and error.ctx is not None:
        return translate(
            WORDS["line"], name=name_values(error.param.get_error_hint(error.ctx)), why=error.message
        )
    return " ".join(error.format_message().split())


def _tell(code: int, text: str) -> int:
    with contextlib.suppress(OSError):  # nobody reads it, and the code says it too
        say(f"dianjian: {translate_message(text)}", err=True)
    return code
