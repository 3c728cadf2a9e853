"""Texts that stand in English where they are used, and their Chinese by that English, as gettext has it.

The declarations of commands and options (help texts) are in English in the source. Each program names the
modules of its catalogues, mappings `TEXTS` from English to Chinese; they are loaded only when the language of
the call is Chinese. Help texts are looked up paragraph by paragraph, with one blank for any space.

What is wrong is said in English too where it is found (`raise`, lists of problems), with values in it. A
catalogue of errors has {} for each value, and `translate_message` finds the template that a message was made
of: the floors below say what they find and know nothing of languages.

click and argparse speak through gettext, so `speak` has gettext answer from the same catalogues. The words of
both libraries that a person can meet are below. `tests/provisioning/words/test_help.py` walks every program
and refuses an English remainder.
"""

import functools
import gettext
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from disk.language import language
from disk.plain_text import one_line

LIBRARIES: Final[Mapping[str, str]] = {
    "Usage:": "用法：",
    "Options": "选项",
    "Commands": "命令",
    "Positional arguments": "参数",
    "default: {default}": "默认：{default}",
    "required": "必需",
    "env var: {var}": "环境变量：{var}",
    "(dynamic)": "（动态）",
    "deprecated": "已弃用",
    "Aborted!": "已中断",
    "Error: {message}": "错误：{message}",
    "Try '{command} {option}' for help.": "详见 {command} {option}",
    "Missing command.": "缺少命令。",
    "Missing argument": "缺少参数",
    "Missing option": "缺少选项",
    "Missing parameter": "缺少参数",
    "Missing {param_type}": "缺少 {param_type}",
    "Missing parameter: {param_name}": "缺少参数：{param_name}",
    "No such command {name!r}.": "没有命令 {name!r}。",
    "No such option {name!r}.": "没有选项 {name!r}。",
    "Did you mean {possibility}?": "是否为 {possibility}？",
    "(Did you mean one of: {possibilities}?)": "（是否为其中之一：{possibilities}？）",
    "Invalid value: {message}": "无效的值：{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint} 的值无效：{message}",
    "Got unexpected extra argument ({args})": "多余的参数（{args}）",
    "Got unexpected extra arguments ({args})": "多余的参数（{args}）",
    "Option {name!r} requires an argument.": "选项 {name!r} 需要一个值。",
    "Option {name!r} requires {nargs} arguments.": "选项 {name!r} 需要 {nargs} 个值。",
    "Option {name!r} does not take a value.": "选项 {name!r} 不带值。",
    "Argument {name!r} takes {nargs} values.": "参数 {name!r} 需要 {nargs} 个值。",
    "Takes {nargs} values but 1 was given.": "需要 {nargs} 个值，只给出了1个。",
    "Takes {nargs} values but {len} were given.": "需要 {nargs} 个值，给出了 {len} 个。",
    "Could not open file {filename!r}: {message}": "无法打开文件 {filename!r}：{message}",
    "unknown error": "未知错误",
    "{name} {filename!r} does not exist.": "{filename!r} 不存在。",
    "{name} {filename!r} is a file.": "{filename!r} 是文件。",
    "{name} {filename!r} is a directory.": "{filename!r} 是文件夹。",
    "{name} {filename!r} is not readable.": "{filename!r} 不可读。",
    "{name} {filename!r} is not writable.": "{filename!r} 不可写。",
    "{name} {filename!r} is not executable.": "{filename!r} 不可执行。",
    "{value!r} is not a valid {number_type}.": "{value!r} 不是有效的数值。",
    "{value!r} is not a valid boolean. Recognized values: {states}": "{value!r} 不是是非值；可用：{states}",
    "{value} is not in the range {range}.": "{value} 不在范围 {range} 内。",
    "{value!r} is not {choice}.": "{value!r} 不是 {choice}。",
    "{value!r} is not one of {choices}.": "{value!r} 不在可选值之中：{choices}。",
    "Choose from:\n\t{choices}": "可选：\n\t{choices}",
    # argparse
    "usage: ": "用法：",
    "positional arguments": "参数",
    "options": "选项",
    "show this help message and exit": "显示本帮助后退出",
    "show program's version number and exit": "显示版本后退出",
    "the following arguments are required: %s": "缺少：%s",
    "unrecognized arguments: %s": "不认识的参数：%s",
    "expected one argument": "需要一个值",
    "expected at most one argument": "最多一个值",
    "expected at least one argument": "至少一个值",
    "ignored explicit argument %r": "不带值，却给出了 %r",
    "ambiguous option: %(option)s could match %(matches)s": "选项 %(option)s 不明确，可能是 %(matches)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "没有 %(value)r；可选：%(choices)s",
    "invalid %(type)s value: %(value)r": "无效的值：%(value)r",
    "argument %(argument_name)s: %(message)s": "参数 %(argument_name)s：%(message)s",
    "%(prog)s: error: %(message)s\n": "%(prog)s：错误：%(message)s\n",
}
"""The words of click and argparse: what they say, and the Chinese of it."""
HELP: Final[Mapping[str, str]] = {
    "Show this message and exit.": "显示本帮助后退出。",
    "Show the version and exit.": "显示版本后退出。",
    "TEXT": "文本",
    "INTEGER": "整数",
    "INTEGER RANGE": "整数",
    "FLOAT": "数值",
    "FLOAT RANGE": "数值",
    "FILE": "文件",
    "FILENAME": "文件",
    "DIRECTORY": "文件夹",
    "PATH": "路径",
    "TIME": "时间",
    "OPTIONS": "选项",
    "COMMAND": "命令",
    "ARGS": "参数",
}
"""What click keeps with its commands from one call to the next: it is translated where it is written."""
ERRORS: Final[Mapping[str, str]] = {
    "not found": "未找到",
    "Connection refused": "对方拒绝连接",
    "No such file or directory": "文件或文件夹不存在",
    "Permission denied": "没有权限",
    "Is a directory": "是文件夹",
    "Not a directory": "不是文件夹",
    "File exists": "已经存在",
    "No space left on device": "磁盘已满",
    "Read-only file system": "文件系统为只读",
    "Input/output error": "读写出错",
    "Address already in use": "地址已被占用",
    "{} (while attempting to bind on address {})": "{}",
    "Cannot assign requested address": "本机没有此地址",
    "No route to host": "没有通往该主机的路由",
    "Network is unreachable": "网络不可达",
    "Connection reset by peer": "对方中断了连接",
    "Connection timed out": "连接超时",
    "timed out": "超时",
    "Name or service not known": "无法解析主机名称",
    "Temporary failure in name resolution": "暂时无法解析主机名称",
    "Inappropriate ioctl for device": "不是终端设备",
    "Operation not permitted": "系统不允许",
    "Could not configure port: ({}, '{}')": "无法配置端口：{1}",
    "[Errno {}] could not open port {}: [Errno {}] {}: '{}'": "无法打开端口 {1}：{3}",
    "could not open port {}: {}": "无法打开端口 {}：{}",
    "[Errno {}] {}: '{}'": "{2}：{1}",
    "[Errno {}] {}": "{1}",
    "File name too long": "名称过长",
    "Too many levels of symbolic links": "符号链接循环",
    "Too many open files": "打开的文件过多",
    "Invalid argument": "参数无效",
    "file is not a database": "不是数据库",
    "database disk image is malformed": "数据库已损坏",
    "unable to open database file": "无法打开数据库",
    "database is locked": "数据库被占用",
    "database or disk is full": "磁盘已满",
    "disk I/O error": "磁盘读写出错",
    "attempt to write a readonly database": "数据库为只读",
    "Invalid value": "值无效",
    "Invalid statement": "语句无效",
    "Invalid date or datetime": "日期或时间无效",
    "Invalid hex value": "十六进制值无效",
    "Invalid initial character for a key part": "键不能以此字符开头",
    "Expected '=' after a key in a key/value pair": "键之后应为 =",
    "Expected newline or end of document after a statement": "语句之后应换行",
    "Expected ']' at the end of a table declaration": "表头应以 ] 结束",
    "Expected ']]' at the end of an array declaration": "表头应以 ]] 结束",
    "Cannot overwrite a value": "该键已有值",
    "Cannot declare {} twice": "{} 声明了两次",
    "Unclosed array": "数组没有结束的 ]",
    "Unclosed inline table": "行内表没有结束的 }",
    "Unterminated string": "字符串没有结束的引号",
    "Unescaped '\\' in a string": "字符串中的 \\ 须写成 \\\\",
    "Illegal character {}": "不允许的字符 {}",
    "Found invalid character {}": "不允许的字符 {}",
    "Duplicate inline table key {}": "键 {} 重复",
}
"""What the system, pyserial, SQLite and tomllib say."""
NESTED_MAX: Final = 6
"""Messages within a message: file, key, reason, reason of the reason."""
LITERAL_MIN: Final = 10
"""Letters of a template that make it sure; one with less is taken only if what it leaves is no English."""
_ENGLISH: Final = re.compile(r"[a-z]+ [a-z]+ [a-z]+")
_modules: Final[dict[str, list[str]]] = {"help": [], "errors": []}


def add_catalogues(what: Literal["help", "errors"], *modules: str) -> None:
    """Name modules whose `TEXTS` belong to this program."""
    _modules[what].extend(one for one in modules if one not in _modules[what])
    _load.cache_clear()
    _load_templates.cache_clear()


def translate_text(text: str) -> str:
    """The text in the language of this call; as it is if nobody wrote its Chinese."""
    return _load("help").get(" ".join(text.split()), text) if language() == "zh" else text


def translate_message(text: str) -> str:
    """A message of what is wrong, in the language of this call; what nobody translated stays as it is."""
    if language() != "zh":
        return text
    if text.isprintable():
        return to_chinese(text)
    # the name of a file may hold anything
    return "\n".join(to_chinese(one_line(line)) for line in text.split("\n"))


def to_chinese(text: str) -> str:
    """A message in Chinese, whatever the language of this call: for texts that are kept in both."""
    return _tell(text, NESTED_MAX)


def _tell(text: str, depth: int) -> str:
    known = _load("errors").get(text)
    if known is not None or not depth or not text.isprintable():
        return text if known is None else known
    ways: tuple[Callable[[], str], ...] = (
        lambda: _fill(text, depth, sure=True, whole=True),
        lambda: _split(text, depth),
        lambda: _fill(text, depth, sure=True),
        lambda: _fill(text, depth, sure=False),
    )
    return next(filter(None, (way() for way in ways)), text)


def _fill(text: str, depth: int, *, sure: bool, whole: bool = False) -> str:
    """The Chinese of the template that the text was made of; "" if there is none.

    A template that begins with a value takes a file's name and colon before the message into it; with
    `whole` it is not taken for such a text.
    """
    for template, chinese, letters in _load_templates():
        found = template.fullmatch(text) if (letters >= LITERAL_MIN) is sure else None
        if found and not (whole and found.start(1) == 0 and ": " in found[1]):
            values = [_tell(value, depth - 1) for value in found.groups()]
            if sure or not any(map(_ENGLISH.search, values)):
                return chinese.format(*values)
    return ""


def _split(text: str, depth: int) -> str:
    """The text with what stands before or behind its first colon in Chinese; "" if neither has any."""
    for sign, wide in ((": ", "："), ("; ", "；")):
        head, mark, rest = text.partition(sign)
        parts = (_tell(head, depth - 1), _tell(rest, depth - 1)) if mark else (head, rest)
        if parts != (head, rest):
            return wide.join(parts)
    return ""


def speak() -> None:
    """Have click and argparse speak the language of the call, whatever else is on this machine."""
    gettext.dgettext = _answer  # type: ignore[assignment]
    gettext.dngettext = _answer_count  # type: ignore[assignment]


def _answer(_domain: str, message: str) -> str:
    return LIBRARIES.get(message, message) if language() == "zh" else message


def _answer_count(domain: str, one: str, many: str, count: int) -> str:
    return _answer(domain, one if count == 1 else many)


@functools.cache
def _load(what: str) -> Mapping[str, str]:
    texts = {**LIBRARIES, **HELP} if what == "help" else dict(ERRORS)
    for name in _modules[what]:
        texts |= importlib.import_module(name).TEXTS
    return {**_take_apart(texts), **texts} if what == "errors" else texts


def _take_apart(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Parts of messages that are put together with others: before or behind a colon, or up to a list."""
    parts: dict[str, str] = {}
    for english, chinese in texts.items():
        pairs = list(zip(english.split(": "), chinese.split("："), strict=False))
        if english.count(": ") == chinese.count("："):
            parts |= {
                one: two
                for one, two in pairs
                if one.count("{}") == two.count("{}") and re.search("[a-z]", one)
            }
        if english.startswith("; "):
            parts[english[2:]] = chinese[1:]
        if english.endswith(" "):
            parts[english + "{}"] = chinese + "{}"
    return parts


@functools.cache
def _load_templates() -> Sequence[tuple[re.Pattern[str], str, int]]:
    """What each message with values looks like, and its Chinese; the surest first."""
    texts = {english: chinese for english, chinese in _load("errors").items() if "{}" in english}
    made = []
    for english, chinese in texts.items():
        parts = english.split("{}")
        pattern = re.compile("(.*?)".join(map(re.escape, parts[:-1])) + "(.*)" + re.escape(parts[-1]))
        letters = len(re.findall("[A-Za-z]", "".join(parts)))
        made.append((pattern, chinese, letters if parts[-1] or len(parts) > 2 else letters // 2))
    return sorted(made, key=lambda one: (-one[2], one[0].groups))
