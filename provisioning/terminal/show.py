"""Terminal output for people: tables, progress, and views that are redrawn in place.

Only this module and the views beside it import rich.

While a view is redrawn on a terminal, whatever else is printed there goes through the view's own console,
whichever console was asked to print it: it is put above the view. A line printed past it would stand where
the next redraw erases.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

from rich.cells import cell_len, chop_cells
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from disk.plain_text import escape_controls, one_line
from provisioning.terminal.say import views

MARK_CELLS: Final = 8
"""Columns before each line of findings."""
Bar = Progress
"""The type that `progress` returns."""


_shown: list[Live] = []
"""The views that are being redrawn at this moment, the last one on top."""


def _begin(view: Live) -> None:
    """Have everything printed above `view` until `_end`."""
    if view.console.is_terminal:
        _shown.append(view)
        views.append(lambda line: view.console.print(line, markup=False, soft_wrap=True))


def _end(view: Live) -> None:
    if view in _shown:
        _shown.remove(view)
        del views[len(_shown) :]


class _HarmlessConsole(Console):
    """A console that shows what texts hold and obeys only what rich itself says (`disk.plain_text`)."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print; above the view that is being redrawn on the same terminal, if there is one."""
        view = _shown[-1].console if _shown else self
        if view is not self and self.is_terminal:
            view.print(*objects, **how)
        else:
            super().print(*objects, **how)

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(
            one if one.control else Segment(escape_controls(one.text), one.style) for one in buffer
        )


def console(*, stderr: bool = False) -> Console:
    """The console on which commands print for people."""
    return _HarmlessConsole(stderr=stderr, highlight=False)


def make_grid(*headings: str, gives_way: int | None = None) -> Table:
    """A table with these headings and no lines, whose columns keep their texts on one row.

    On a narrow terminal the column `gives_way` is cut before any other: a name, so that numbers stay whole.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, heading in enumerate(headings):
        table.add_column(heading, no_wrap=place != gives_way)
    return table


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], *, gives_way: int | None = None) -> Table:
    """A plain table of texts; `gives_way` as in `make_grid`."""
    grid = make_grid(*headings, gives_way=gives_way)
    for row in rows:
        grid.add_row(*(Text(one_line(cell), no_wrap=True, overflow="ellipsis") for cell in row))
    return grid


def make_heading(name: str, more: str) -> Text:
    """One line of a name in bold and what is said of it, whatever is in them."""
    return Text(one_line(name), "bold") + Text(one_line(more))


def fold(text: str, cells: int) -> str:
    """Chinese text in rows of at most `cells` columns; text with blanks between its words as it is.

    rich breaks at blanks alone, and a Chinese sentence has one behind its date and no other.
    """
    if not any(_is_wide(sign) for sign in text):
        return text
    return "\n".join(row for line in text.split("\n") for row in chop_cells(line, max(cells, 2)))


def count_columns(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return cell_len(text)


def _is_wide(sign: str) -> bool:
    """Whether a character takes two columns."""
    return cell_len(sign) > 1


class Screen:
    """A view that is redrawn in place on a terminal, and not shown elsewhere.

    With `whole` it takes the whole terminal while it lasts and leaves it as it was. It is drawn on stderr
    unless it is what the command is for.
    """

    def __init__(self, *, whole: bool = False, stderr: bool | None = None) -> None:
        self.console = console(stderr=not whole if stderr is None else stderr)
        self.live = (
            Live(console=self.console, auto_refresh=False, transient=False, screen=whole)
            if self.console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
            _begin(self.live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self.live:
            _end(self.live)
            self.live.stop()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows at this moment."""
        return self.console.width, self.console.height

    def draw(self, *parts: RenderableType) -> None:
        """Replace what is shown."""
        if self.live:
            self.live.update(Group(*parts), refresh=True)

    def say(self, text: RenderableType) -> None:
        """One line that stays."""
        self.console.print(text)


class _Bar(Progress):
    """Progress above which everything else is printed."""

    def start(self) -> None:
        """Begin to draw it."""
        super().start()
        _begin(self.live)

    def stop(self) -> None:
        """Draw it no more."""
        _end(self.live)
        super().stop()


def progress(*, says_time_left: bool = False) -> Progress:
    """Progress with the time left, for work that takes longer than a moment.

    A caller that knows better how much is left puts it into the description.
    """
    return _Bar(
        TextColumn("{task.description}"),
        BarColumn(20 if says_time_left else 40),
        MofNCompleteColumn(),
        *(() if says_time_left else (TimeRemainingColumn(),)),
        console=console(stderr=True),
        transient=True,
    )


@contextmanager
def count_up(what: str) -> Iterator[Callable[[int, int], object]]:
    """A progress bar on stderr if that is a terminal, for work that reports the amount done and the total."""
    if not console(stderr=True).is_terminal:
        yield lambda _done, _total: None
        return
    with progress() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Activity:
    """The current activity as the last line of a terminal; findings are printed above it and stay.

    The activity never reaches a file: findings go to stdout, the last line only to a terminal.
    """

    def __init__(self) -> None:
        self.console = console()
        shown = self.console if self.console.is_terminal else console(stderr=True)
        self._live = Live(console=shown, transient=True, redirect_stdout=False) if shown.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
            _begin(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._live:
            _end(self._live)
            self._live.stop()

    def show(self, what: str) -> None:
        """Set the current activity; may be called from any thread."""
        if self._live:
            line = Text(one_line(f"… {what}"), "dim", no_wrap=True, overflow="ellipsis")
            self._live.update(line, refresh=True)

    def print_finding(self, mark: str, style: str, text: str, remedy: str | None) -> None:
        """A line with its state before it and its remedy below it; on a terminal wrapped between words."""
        rows = [(Text(mark, style), Text(one_line(text)))]
        rows += [(Text(""), Text(one_line(f"→ {remedy}"), "dim"))] if remedy else []
        if self.console.is_terminal:
            grid = Table.grid(padding=0)
            grid.add_column(width=MARK_CELLS)
            grid.add_column()
            for row in rows:
                grid.add_row(*row)
            self.console.print(grid)
            return
        for first, second in rows:
            first.pad_right(MARK_CELLS - first.cell_len)
            self.console.print(first + second, soft_wrap=True)
