"""The shell of a page for people: one file, no script, nothing loaded, light or dark, phone or wall.

Words stand in both languages; three radio buttons hide one of them by style alone. The page's own
policy forbids everything but its style, so that a text from outside could do nothing even if it
were not escaped (it is).
"""

from collections.abc import Iterable
from html import escape
from typing import Final

from evidence.words import Words
from provisioning.pages.plot import STYLE

PAGE_STYLE: Final = """
:root{color-scheme:light dark;--back:#f4f6f8;--card:#fff;--ink:#17202b;--dim:#5d6875;--line:#dde3e9;
--violation:#c62828;--integrity:#8430a8;--data:#96620a;--notice:#0b7285}
@media(prefers-color-scheme:dark){:root{--back:#0c1015;--card:#131820;--ink:#e8edf3;--dim:#9aa6b4;--line:#2a323d;
--violation:#ff7373;--integrity:#d393f0;--data:#e5b454;--notice:#5fc9d8}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);line-height:1.5;
padding:1rem max(.8rem,calc(50vw - 30rem));
font-family:system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
body>input{margin:0 .25rem 0 0}body>label{margin-right:.9rem;color:var(--dim)}
h1{font-size:1.35rem;margin:.8rem 0 .3rem}h2{font-size:1.1rem;margin:1.4rem 0 .5rem}
.dim{color:var(--dim)}p{margin:.35rem 0}a{color:inherit}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;
padding:.7rem .9rem;margin:.7rem 0}
.card.violation{border-left:4px solid var(--violation)}.card.integrity{border-left:4px solid var(--integrity)}
.card.data{border-left:4px solid var(--data)}.card.notice{border-left:4px solid var(--notice)}
.badge{font-weight:600}.badge.violation{color:var(--violation)}.badge.integrity{color:var(--integrity)}
.badge.data{color:var(--data)}.badge.notice{color:var(--notice)}
.scroll{overflow-x:auto}.late .scroll{direction:rtl}.late .chart{direction:ltr}
.chart{display:block;width:100%;min-width:36rem;height:auto}
summary{cursor:pointer}table{border-collapse:collapse;width:100%;font-size:.92rem}
td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line)}
tr:first-child td{border-top:0}td:last-child{overflow-wrap:anywhere}
#zh:checked~main [lang=en],#en:checked~main [lang=zh]{display:none}
@media print{svg,tr{break-inside:avoid}h2{break-after:avoid}
.scroll{overflow:visible}body>input,body>label{display:none}}
"""
_CHOICES: Final = (("zh", "中文"), ("en", "English"), ("both", "中文 + English"))


def page(title: Words, body: Iterable[str], chosen: str = "both") -> str:
    """A whole page; `chosen` is the language that is shown first."""
    buttons = "".join(
        f'<input type="radio" name="language" id="{id_}"{" checked" * (id_ == chosen)}>'
        f'<label for="{id_}">{text}</label>'
        for id_, text in _CHOICES
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="zh">',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title.zh)} {escape(title.en)}</title>",
            f"<style>{PAGE_STYLE}{STYLE}</style></head>",
            f"<body>{buttons}<main>",
            f"<h1>{both(title)}</h1>",
            *body,
            "</main></body></html>",
            "",
        ]
    )


def both(words: Words) -> str:
    """The same in both languages, each to be hidden on its own."""
    if words.zh == words.en:
        return escape(words.en)
    return f'<span lang="zh">{escape(words.zh)}</span> <span lang="en">{escape(words.en)}</span>'


def paragraphs(words: Words) -> str:
    """Whole sentences in both languages, one below the other."""
    return f'<p lang="zh">{escape(words.zh)}</p><p lang="en">{escape(words.en)}</p>'


def number_table(rows: Iterable[tuple[Words, Words]]) -> str:
    """Names and values."""
    cells = "".join(f"<tr><td>{both(name)}</td><td>{both(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def scroll(drawing: str) -> str:
    """A drawing that keeps readable letters on a phone by being wider than it."""
    return f'<div class="scroll">{drawing}</div>'
