"""Paper for people who sign: an A4 page in black on white, both languages, no script, nothing loaded.

What comes from outside (names, serials, sentences, paths) goes through `told`: control characters become
visible, markup is text, and an isolate of its own keeps a name that is written from right to left from
turning what stands beside it. On a screen the paper keeps its width and its light; a phone scrolls tables.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from evidence.words import Words
from provisioning.pages.plot import STYLE

TEXT_MAX: Final = 600
"""Characters of one text from outside that are printed; a sentence of a diagnosis has 200."""
CELL_MAX: Final = 120
"""The same in a cell of a table, where 40 lines of one cell would bury the row."""
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE: Final = """
:root{color-scheme:light;--ink:#17202b;--dim:#566270;--line:#cfd6dd;--good:#17704a;--bad:#b3261e;--open:#8a5a08}
*{box-sizing:border-box}
@page{size:A4;margin:14mm 13mm 15mm}
@page{@bottom-right{content:counter(page) " / " counter(pages);font:8pt system-ui,sans-serif;color:#566270}}
body{margin:0;background:#e9edf1;color:var(--ink);font-size:9.4pt;line-height:1.42;
font-family:system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{background:#fff;max-width:210mm;margin:0 auto;padding:12mm 13mm}
h1{font-size:17pt;line-height:1.2;margin:0 0 1mm}
h2{font-size:11.5pt;margin:6mm 0 1.6mm;padding-bottom:.6mm;border-bottom:1.4pt solid var(--ink)}
h3{font-size:9.8pt;margin:3.2mm 0 .6mm}
p{margin:.6mm 0}.dim,.en{color:var(--dim)}.en{font-size:.92em}
.en p,p .en{color:inherit}
h1 .en,h2 .en{font-weight:500;font-size:.78em}
table{border-collapse:collapse;width:100%;margin:1mm 0}
th,td{text-align:left;vertical-align:top;padding:.9mm 1.6mm .9mm 0;border-top:.5pt solid var(--line);
overflow-wrap:anywhere}
th{font-weight:600;font-size:.88em;line-height:1.25;overflow-wrap:normal}th .en{display:block;font-weight:400}
tr:first-child>*{border-top:0}
.facts td:first-child{width:36%;color:var(--dim)}
td.number,th.number{text-align:right;white-space:nowrap;padding-right:5mm}
.small{font-size:.86em}
.mono{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.82em;overflow-wrap:anywhere}
.good{color:var(--good)}.bad{color:var(--bad)}.open{color:var(--open)}
.badge{font-weight:650;white-space:nowrap}
.verdict{border:1pt solid;border-left-width:4pt;border-radius:1.2mm;padding:1.6mm 2.6mm;margin:2mm 0}
.verdict.good{background:#f0f8f4}.verdict.bad{background:#fdf1f0}.verdict.open{background:#fdf7ea}
.verdict>*{color:var(--ink)}.verdict>.badge{color:inherit}
.entry{break-inside:avoid;border-top:.5pt solid var(--line);padding:1.2mm 0}h2+.entry{border-top:0}
.brief p{display:inline;margin-right:1mm}
.past{border-left:2pt solid var(--line);padding-left:2.4mm;margin:.8mm 0;color:var(--dim)}
.chart{max-width:100%}
.photos{display:grid;grid-template-columns:repeat(3,1fr);gap:3mm}
.photos figure{margin:0;break-inside:avoid}.photos img{width:100%;height:42mm;object-fit:contain;
background:#f3f5f7;border:.5pt solid var(--line)}
.signatures{display:grid;grid-template-columns:repeat(3,1fr);gap:4mm;break-inside:avoid}
.signatures>div{border:.8pt solid var(--ink);border-radius:1mm;padding:2mm;min-height:44mm;display:flex;
flex-direction:column;justify-content:space-between}
.signatures .rule{border-top:.5pt solid var(--ink);padding-top:.6mm;margin-top:8.5mm;font-size:.9em}
.last{break-inside:avoid}
.foot{margin-top:4mm;font-size:.9em}
tr,h2,h3,svg{break-inside:avoid}h2,h3{break-after:avoid}
.chart{--paper:#fff;--ink:#17202b;--dim:#5d6875;--grid:#e1e6ec;--production:#1f63c4;--treatment:#17804a;
--limit:#b4510a;--violation:#c62828;--integrity:#8430a8;--data:#96620a;--notice:#0b7285;--idle:#c9d1da}
@media screen{.scroll{overflow-x:auto}.scroll>*{min-width:36rem}main{margin:6mm auto}}
@media screen and (max-width:640px){main{margin:0;padding:5mm 4mm}
.signatures,.photos{grid-template-columns:1fr}}
@media print{body{background:none}main{max-width:none;margin:0;padding:0}}
"""


def paper(title: Words, body: Iterable[str]) -> str:
    """A whole sheet."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="zh">',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(clean(title.zh, CELL_MAX))} {escape(title.en)}</title>",
            f"<style>{STYLE}{_STYLE}</style></head>",
            "<body><main>",
            *body,
            "</main></body></html>",
            "",
        ]
    )


def clean(text: str, characters_max: int = TEXT_MAX) -> str:
    """`text` without what is not to be seen, and not longer than there is room for."""
    kept = "".join("�" if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in text)
    return kept if len(kept) <= characters_max else kept[: characters_max - 1] + "…"


def told(text: object, characters_max: int = CELL_MAX) -> str:
    """A text from outside."""
    kept = clean(str(text), characters_max)
    return f"<bdi>{escape(kept)}</bdi>" if kept else "—"


def code(text: object) -> str:
    """A text from outside that is compared letter by letter: a hash, a serial, a path."""
    kept = clean(str(text), TEXT_MAX)
    return f'<bdi class="mono">{escape(kept)}</bdi>' if kept else "—"


def named(zh: str, en: str) -> str:
    """Our own words in both languages."""
    return f'<span lang="zh">{escape(zh)}</span> <span lang="en" class="en">{escape(en)}</span>'


def sentences(zh: str, en: str) -> str:
    """Whole sentences, one below the other; one that is missing in a language is left out."""
    return "".join(
        f'<p lang="{lang}"{css}>{told(text, TEXT_MAX)}</p>'
        for lang, text, css in (("zh", zh, ""), ("en", en, ' class="en"'))
        if text
    )


def heading(zh: str, en: str) -> str:
    """The head of a part."""
    return f"<h2>{named(zh, en)}</h2>"


def facts(rows: Iterable[tuple[str, str, str]]) -> str:
    """Names in both languages, and values that are markup already."""
    cells = "".join(f"<tr><td>{named(zh, en)}</td><td>{value}</td></tr>" for zh, en, value in rows)
    return f'<table class="facts">{cells}</table>'


def grid(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table; cells are markup already, the columns in `numbers` stand to the right."""
    css = [' class="number"' if at in numbers else "" for at in range(len(heads))]
    head = "".join(f"<th{kind}>{named(*words)}</th>" for kind, words in zip(css, heads, strict=True))
    lines = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(css, row, strict=True)) + "</tr>\n"
        for row in rows
    )
    if not lines:
        return f'<p class="dim">{named("无", "none")}</p>'
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{lines}</tbody></table></div>'


def badge(kind: str, zh: str, en: str) -> str:
    """A verdict in a word: `kind` is good, bad or open."""
    return f'<span class="badge {kind}">{named(zh, en)}</span>'
