"""The source of CONFIG records: takes another site file from the centre, and gives it back by itself.

What becomes of a `config` order (`evidence.orders.change`), each step answered and sealed:

    accepted   on arrival: the key may order it, the file in force is the one that it was made from, and this
               very version of the agent can run with it
    objected   else, with the reason; so a mistake is told before anything changes
    trial      at its time and after its pause the new file is laid over the old one, and the agent ends:
               its service starts it into the new one
    done       within `keep_s` a receipt has covered a seal that was made under the new manifest, and every
               meter that answered before has answered
    objected   else: the file of before is in force again, and the agent is started once more

`agent.site.remote` keeps the state, a step a write, so that a power cut between any two leaves the old file
or the new one. A file on trial that ends its process is started STARTS_MAX times (`agent.care.starting`).

Nothing waits for people: they cannot answer such an order. It may change neither chain nor keys, and takes no
program (`agent.care.rights`).

CONFIG: {"what": "trial" | "kept" | "back", "order", "rev", "site_hash": of the file in force, "why"}
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.care.check import parse_checked
from agent.care.rights import list_refused, list_sealed
from agent.orders.book import HeldOrder
from agent.orders.orders import Orders
from agent.sealing.source import NewRecord, RecordSource, Urgency
from agent.site.file import ConfigError, Site
from agent.site.remote import Back, Kept, Remote, Trial, name_text, read_remote, write_remote
from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.reading import PollGroup, Quality, Reading
from evidence.cbor import FormatError
from evidence.orders.certificate import METROLOGY
from evidence.orders.change import Change, decode_change, find_pause_s, hash_site
from evidence.orders.entries import Answered
from evidence.orders.order import CONFIG, Order, parse_order
from evidence.record import NS_PER_MS, Kind

LOG: Final = logging.getLogger("dianjian.care")
LOOK_S: Final = 1.0
SETTLE_S: Final = 120.0
"""After a start, until every meter has answered or failed; a data logger sends once a minute."""
REASONS_MAX: Final = 5
"""Mistakes of a file that an answer names; `dianjian centre config diff` shows them all."""
REASON_BYTES_MAX: Final = 800
NO_CHANGE: Final = "it is in force already"
Latest = Mapping[str, Mapping[PollGroup, Reading]]
"""The last reading of each meter and poll group in this run."""


class RefusedError(Exception):
    """Why a change is not taken."""


@define(eq=False, repr=False)
class Care(RecordSource):
    """See the module.

    Attributes:
        site: The site in force.
        folder: The state folder.
        orders: The orders that are held.
        received: The last seal that a receipt covers.
        latest: What meters have answered.
        restart: Ends the process in good order.
    """

    site: Site
    folder: Path
    orders: Orders
    received: Callable[[], int]
    latest: Latest
    restart: Callable[[], None]
    _remote: Remote | None = field(default=None, init=False)
    _first_tip: int | None = field(default=None, init=False)
    _started_ns: int = field(default=0, init=False)
    _looked_ns: int | None = field(default=None, init=False)
    _void: str = field(default="", init=False)
    _ends: bool = field(default=False, init=False)

    def start(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """Tell that a file is on trial, or that a person's own file has taken its place."""
        self._started_ns = stamp.boottime_ns
        self._remote = read_remote(self.folder)
        if self._remote is None or self._remote.trial is None:
            return
        if self._remote.text_over(self.site.own_text or self.site.text) is None:
            self._void = "the site file was changed on the site meanwhile"
        elif self._remote.trial.text != self.site.text:
            self._void = "the disk took no write when it was to start"
        else:
            yield self._config("trial", self._remote.trial)

    def due(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """What an order asks next."""
        if self._ends or not self._is_time(stamp) or not self._is_settled():
            return
        yield from self._tell_outcome(stamp)
        held = [one for one in self.orders.book.held.values() if one.order.kind == CONFIG]
        for one in held:
            if not one.cancelled and not _is_answered(one):
                yield self._judge(one.order, stamp)
        if self._trial is not None:
            self._prove(self._trial, stamp)
        else:
            self._begin_next(held, stamp)

    def on_sealed(self, _stamp: Stamp, tip: int, /) -> None:
        """The first seal of this run has the manifest."""
        self._first_tip = tip if self._first_tip is None else self._first_tip

    def _is_settled(self) -> bool:
        """Whether it is written down that a file which this run has not taken up is none on trial."""
        if self._void and self._remote is not None and self._write(self._remote.give_back(self._void)):
            self._void = ""
        return not self._void

    @property
    def _trial(self) -> Trial | None:
        return None if self._remote is None else self._remote.trial

    def _is_time(self, stamp: Stamp) -> bool:
        looked_ns, now_ns = self._looked_ns, stamp.boottime_ns
        if looked_ns is not None and now_ns - looked_ns < LOOK_S * NS_PER_S:
            return False
        self._looked_ns = now_ns
        return True

    def show(self) -> dict[str, Any] | None:
        """What became of the last change, for the status; None where nothing was ever sent."""
        return None if self._remote is None else self._remote.tell(self.site.own_text or self.site.text)

    # -- before

    def _judge(self, order: Order, stamp: Stamp) -> NewRecord:
        try:
            self._read_change(order)
        except RefusedError as error:
            LOG.warning("order %s is not taken: %s", order.id, error)
            return self.orders.answer_itself(order, Answered.OBJECTED, stamp, str(error))
        LOG.info("config order %s is taken", order.id)
        return self.orders.answer_itself(order, Answered.ACCEPTED, stamp)

    def _read_change(self, order: Order) -> Change:
        try:
            change = decode_change(order.body)
        except FormatError as error:
            raise RefusedError(str(error)) from error
        if change.sha256 == hash_site(self.site.text):
            raise RefusedError(NO_CHANGE)
        if change.base != hash_site(self.site.text):
            raise RefusedError(f"it was made from another file; {name_text(self.site.text)} is in force")
        try:
            new = parse_checked(change.text, self.site.file)
        except ConfigError as error:
            raise RefusedError(_shorten(error.problems)) from error
        refused = list_refused(self.site, new)
        if refused:
            raise RefusedError(_shorten(refused))
        sealed = list_sealed(self.site, new)
        if sealed and not self._is_metrology(order):
            raise RefusedError(f"needs a key that is certified for {METROLOGY}: {_shorten(sealed)}")
        return change

    def _is_metrology(self, order: Order) -> bool:
        book = self.orders.book
        return METROLOGY in book.trust.kinds_of(parse_order(book.held[order.id].raw), book.gateway)

    def _begin_next(self, held: list[HeldOrder], stamp: Stamp) -> None:
        known = stamp.clock_state is not ClockState.UNSYNCHRONISED
        utc_ms = stamp.utc_ns // NS_PER_MS if known else None
        standing = {one.id for one in self.orders.book.in_force(utc_ms)}
        for one in held:
            if one.order.id in standing and _is_open(one) and not one.order.test:
                self._begin(one.order, utc_ms, stamp)
                return

    def _begin(self, order: Order, utc_ms: int | None, stamp: Stamp) -> None:
        if not self._has_come(order, utc_ms, stamp):
            return
        try:
            change = self._read_change(order)  # the file in force may be another one by now
        except RefusedError as error:
            self._write(Remote(self._base, self._kept, None, Back(order.id, order.rev, str(error))))
            return
        trial = Trial(order.id, order.rev, change.text, change.keep_s, self._list_answering())
        if self._write(Remote(self._base, self._kept, trial)):
            LOG.warning("config order %s: the agent ends, to start with the new site file", order.id)
            self._end()

    def _has_come(self, order: Order, utc_ms: int | None, stamp: Stamp) -> bool:
        """Whether its time and pause are over, and it is known which meters answer under the present file.

        Without a set clock an order for now is due after its pause, and no other time has come.
        """
        passed_s = (stamp.boottime_ns - self._started_ns) / NS_PER_S
        if passed_s < SETTLE_S and any(one.id not in self.latest for one in self.site.meter):
            return False
        pause_s = find_pause_s(self.site.site.gateway, order.id, order.body.get("jitter_s", 0))
        if utc_ms is None:
            return order.effective_utc_ms <= order.issued_utc_ms and passed_s >= pause_s
        return utc_ms >= order.effective_utc_ms + 1_000 * pause_s

    @property
    def _base(self) -> str:
        return name_text(self.site.own_text or self.site.text)

    @property
    def _kept(self) -> Kept | None:
        """What an earlier order has laid over the present file of the site."""
        remote = self._remote
        return None if remote is None or remote.base != self._base else remote.kept

    def _list_answering(self) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.latest if self._answers(name)))

    def _answers(self, meter: str) -> bool:
        return any(one.quality is Quality.GOOD for one in self.latest.get(meter, {}).values())

    # -- under the new file

    def _prove(self, trial: Trial, stamp: Stamp) -> None:
        assert self._remote is not None
        lacking = self._list_lacking(trial)
        if not lacking:
            if self._write(self._remote.keep()):
                LOG.info("config order %s: the new site file is kept", trial.order)
            return
        if self._is_cancelled(trial):
            why = "the order was cancelled"
        elif stamp.boottime_ns - self._started_ns >= trial.keep_s * NS_PER_S:
            why = _shorten([*lacking, f"waited {trial.keep_s} s"])
        else:
            return
        if self._write(self._remote.give_back(why)):
            LOG.error("config order %s: the site file of before comes back: %s", trial.order, why)
            self._end()

    def _list_lacking(self, trial: Trial) -> list[str]:
        names = {one.id for one in self.site.meter}
        silent = [one for one in trial.meters if one in names and not self._answers(one)]
        lacking = [f"meter {one} has not answered" for one in silent]
        if self._first_tip is None or self.received() < self._first_tip:
            lacking.append("no receipt for a seal under the new file")
        return lacking

    def _is_cancelled(self, trial: Trial) -> bool:
        held = self.orders.book.held.get(trial.order)
        return held is not None and held.order.rev == trial.rev and bool(held.cancelled)

    # -- afterwards

    def _tell_outcome(self, stamp: Stamp) -> Iterator[NewRecord]:
        """Answer what has come out; a power cut between the write and the seal leaves it to the next run."""
        remote = self._remote
        if remote is None:
            return
        if remote.kept is not None:
            yield from self._answer("kept", remote.kept, Answered.DONE, stamp)
        if remote.back is not None:
            yield from self._answer("back", remote.back, Answered.OBJECTED, stamp, remote.back.why)

    def _answer(
        self, what: str, one: Kept | Back, state: Answered, stamp: Stamp, why: str = ""
    ) -> Iterator[NewRecord]:
        held = self.orders.book.held.get(one.order)
        if held is not None and held.order.rev == one.rev and state not in held.answers:
            yield self._config(what, one, why)
            yield self.orders.answer_itself(held.order, state, stamp, why)

    def _config(self, what: str, one: Kept | Trial | Back, why: str = "") -> NewRecord:
        body = {"what": what, "order": one.order, "rev": one.rev, "site_hash": hash_site(self.site.text)}
        return NewRecord(Kind.CONFIG, {**body, "why": why}, Urgency.AT_ONCE)

    def _write(self, remote: Remote) -> bool:
        """Keep the next state; a disk that does not take it is asked again at the next look."""
        try:
            write_remote(self.folder, remote)
        except OSError as error:
            LOG.warning("a change of the site file waits for the disk: %s", error)
            return False
        self._remote = remote
        return True

    def _end(self) -> None:
        self._ends = True
        self.restart()


def _is_answered(one: HeldOrder) -> bool:
    return any(state in one.answers for state in (Answered.ACCEPTED, Answered.OBJECTED, Answered.DONE))


def _is_open(one: HeldOrder) -> bool:
    """Whether it was accepted and nothing has come of it yet."""
    ended = Answered.OBJECTED in one.answers or Answered.DONE in one.answers
    return Answered.ACCEPTED in one.answers and not ended


def _shorten(lines: tuple[str, ...] | list[str]) -> str:
    more = f"; and {len(lines) - REASONS_MAX} more" if len(lines) > REASONS_MAX else ""
    text = "; ".join(lines[:REASONS_MAX]) + more
    return text.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
