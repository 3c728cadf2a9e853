"""The form on the plant's page: who declares what, since when, about which order. Pure.

No script: a phone fills it in with what it has. The page names every field; what comes back is read strictly
(`read_fields`), and a mistake is told above the form with everything that was typed still in it, the password
and the photograph aside.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from agent.orders.notices import KINDS
from evidence.marks.catalogue import Catalogue
from evidence.marks.mark import SubjectKind
from evidence.moments import local_text
from evidence.orders.entries import BY_PEOPLE
from evidence.words import Language, Words
from provisioning.pages.html import Html, join, markup, read_asset
from provisioning.pages.page import STYLE
from provisioning.words.orders import STATES

PATH: Final = "/declare"
DONE: Final = "done"
"""Of the query: the ids of what was taken, so that a page that is loaded again declares nothing again."""
TEXT_MAX: Final = 600
"""Characters of a reason: 2,000 bytes of Chinese, and a screen of a phone."""
WHOLE_SITE: Final = "site"
_STYLE: Final = join((STYLE, read_asset("provisioning.declaring", "form.css")))
_HASH: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
WORDS: Final[Mapping[str, Words]] = {
    "title": Words("申报与答复", "Declare and answer"),
    "who": Words("申报人", "Who"),
    "password": Words("本人密码", "Your own password"),
    "order": Words("答复的指令", "Answer to the order"),
    "no order": Words("无（仅申报）", "none, a declaration alone"),
    "state": Words("答复", "Answer"),
    "code": Words("申报内容", "Declared"),
    "no code": Words("无（仅答复）", "nothing, an answer alone"),
    "subject": Words("对象", "About"),
    "site": Words("全厂", "the whole plant"),
    "from": Words("开始时间", "Since"),
    "to": Words("结束时间（未结束留空）", "Until (empty while it lasts)"),
    "text": Words("说明", "Reason"),
    "photo": Words("照片或文件（可不选，最大2 MB）", "Photograph or file (if any, 2 MB at most)"),
    "send": Words("申报", "Declare"),
    "back": Words("返回状态页", "Back to the page"),
    "sealed": Words(
        "已收到，数秒内签封入链，不能更改，只能另作申报。凭证编号：",
        "Taken. It is sealed within seconds, and stays: what was wrong is declared anew. Its ids:",
    ),
    "truth": Words(
        "申报不删除任何读数，并将与用电核对。",
        "A declaration deletes no reading, and is checked against power.",
    ),
    "nobody": Words(
        "尚未登记申报人：请技术人员运行 dianjian person add",
        "Nobody may declare yet: have a technician run dianjian person add",
    ),
    "wrong": Words("姓名或密码不对", "this name or password is wrong"),
    "wait": Words("密码错误次数过多，请稍候再试", "too many wrong passwords: wait before the next"),
    "time": Words("时间无法识别", "the time cannot be read"),
    "line": Words("对象不在本厂", "this is nothing of this plant"),
    "short of": Words("请填写：{what}", "please fill in: {what}"),
    "refused": Words("未能申报：{why}", "it was not taken: {why}"),
    "gone": Words("该指令已失效", "this order is in force no more"),
}


class FormProblemError(ValueError):
    """What was typed cannot be taken; `words` say why."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


@frozen
class View:
    """What the form offers: names of persons, subjects (id and name), rows of orders, the plant's zone."""

    plant: str
    persons: Sequence[str]
    lines: Sequence[tuple[str, str]]
    orders: Sequence[Mapping[str, Any]]
    catalogue: Catalogue
    offset_s: int


@frozen
class Typed:
    """What somebody typed."""

    by: str
    password: str
    order: str
    state: str
    code: str
    subject: tuple[SubjectKind, str]
    from_s: int
    to_s: int | None
    text: str


def read_fields(fields: Mapping[str, str], view: View, now_s: int) -> Typed:
    """What was typed; raises FormProblemError."""
    code, order, text = fields.get("code", ""), fields.get("order", ""), fields.get("text", "").strip()
    if not code and not order:
        raise FormProblemError(WORDS["short of"].fill(what=WORDS["code"]))
    if (code and not text) or len(text) > TEXT_MAX:
        raise FormProblemError(WORDS["short of"].fill(what=WORDS["text"]))
    if order and order not in {str(row["order"]) for row in view.orders}:
        raise FormProblemError(WORDS["gone"])
    if order and not code and fields.get("state") not in BY_PEOPLE:
        raise FormProblemError(WORDS["short of"].fill(what=WORDS["state"]))
    line = fields.get("subject", WHOLE_SITE)
    if line not in {WHOLE_SITE, *(id_ for id_, _ in view.lines)}:
        raise FormProblemError(WORDS["line"])
    subject = (SubjectKind.SITE, WHOLE_SITE) if line == WHOLE_SITE else (SubjectKind.LINE, line)
    begin = _read_time(fields.get("since", ""), view.offset_s)
    return Typed(
        by=fields.get("by", ""),
        password=fields.get("password", ""),
        order=order,
        state=fields.get("state", "") if order else "",
        code=code,
        subject=subject,
        from_s=now_s if begin is None else begin,
        to_s=_read_time(fields.get("until", ""), view.offset_s),
        text=text,
    )


def _read_time(text: str, offset_s: int) -> int | None:
    """Seconds of a `datetime-local` field, in the plant's zone; None where it is empty."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(f"{text}+00:00")
        return max(round(at.timestamp()) - offset_s, 0)
    except (ValueError, OverflowError) as error:
        raise FormProblemError(WORDS["time"]) from error


def draw_form(
    view: View, language: Language, typed: Mapping[str, str], now_s: float, problem: Words | None = None
) -> bytes:
    """The page with the form."""

    def text(key: str) -> str:
        return WORDS[key].text(language)

    if not view.persons:
        return _document(view, language, [markup('<p class="card data">{}</p>', text("nobody"))])
    since = typed.get("since") or local_text(now_s, view.offset_s, "%Y-%m-%dT%H:%M")
    orders = [("", text("no order")), *((str(row["order"]), _name(row, language)) for row in view.orders)]
    states = [("", "—"), *((one.value, STATES[one].text(language)) for one in BY_PEOPLE)]
    codes = [(one.id, one.words.text(language)) for one in view.catalogue.codes.values()]
    lines = [(WHOLE_SITE, text("site")), *((id_, f"{id_} {name}".strip()) for id_, name in view.lines)]
    fields = [
        _select("by", text("who"), [(one, one) for one in view.persons], typed),
        markup(
            '<label>{}<input type="password" name="password" autocomplete="current-password" required>'
            "</label>",
            text("password"),
        ),
        _select("order", text("order"), orders, typed) if view.orders else Html(""),
        _select("state", text("state"), states, typed) if view.orders else Html(""),
        _select("code", text("code"), [("", text("no code")), *codes], typed),
        _select("subject", text("subject"), lines, typed),
        _moment("since", text("from"), since),
        _moment("until", text("to"), typed.get("until", "")),
        markup(
            '<label>{}<textarea name="text" rows="3" maxlength="{}">{}</textarea></label>',
            text("text"),
            TEXT_MAX,
            typed.get("text", ""),
        ),
        markup('<label>{}<input type="file" name="photo"></label>', text("photo")),
        markup('<p class="dim">{}</p><button>{}</button>', text("truth"), text("send")),
    ]
    wrong = [] if problem is None else [markup('<p class="card violation">{}</p>', problem.text(language))]
    form = markup(
        '<form class="card" method="post" action="{}?lang={}" enctype="multipart/form-data">{}</form>',
        PATH,
        language,
        join(fields),
    )
    return _document(view, language, [*wrong, form])


def draw_done(view: View, language: Language, ids: Sequence[str]) -> bytes:
    """The page after it, with what names the declaration in the chain."""
    items = join(markup("<li><code>{}</code></li>", one) for one in ids)
    said = WORDS["sealed"].text(language)
    return _document(
        view, language, [markup('<section class="card good"><p>{}</p><ul>{}</ul></section>', said, items)]
    )


def _document(view: View, language: Language, body: Sequence[Html]) -> bytes:
    return join(_draw(view, language, body), "\n").encode("utf-8", "replace")


def _draw(view: View, language: Language, body: Sequence[Html]) -> Iterator[Html]:
    title = WORDS["title"].text(language)
    yield Html("<!doctype html>")
    yield markup('<html lang="{0}" class="{0}"><head><meta charset="utf-8">', language)
    yield Html('<meta name="viewport" content="width=device-width,initial-scale=1">')
    yield Html('<link rel="icon" href="data:,">')
    yield markup("<title>{} · {}</title>", title, view.plant)
    yield markup("<style>{}</style></head><body><main>", _STYLE)
    yield markup("<h1>{}</h1>", title)
    yield from body
    yield markup(
        '<p><a href="/?lang={}">{}</a></p></main></body></html>', language, WORDS["back"].text(language)
    )
    yield Html("")


def _select(name: str, title: str, options: Sequence[tuple[str, str]], typed: Mapping[str, str]) -> Html:
    chosen = typed.get(name, "")
    items = join(
        markup('<option value="{}"{}>{}</option>', value, Html(" selected") * (value == chosen), shown)
        for value, shown in options
    )
    return markup('<label>{}<select name="{}">{}</select></label>', title, name, items)


def _moment(name: str, title: str, value: str) -> Html:
    return markup('<label>{}<input type="datetime-local" name="{}" value="{}"></label>', title, name, value)


def _name(row: Mapping[str, Any], language: Language) -> str:
    kind = KINDS.get(row["kind"])
    return f"{row['order']} {row['kind'] if kind is None else kind.text(language)} {row['issuer']}"
