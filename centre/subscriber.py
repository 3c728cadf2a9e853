"""The reference subscriber: the centre's side of the connection.

Takes what the broker delivers in batches, lets `centre.core` verify and commit each, publishes the
answers, and hands the lines on. Delivery is at least once: a message that is lost between the
broker and the disk has no receipt and is sent again by the gateway, so no MQTT acknowledgement
is relied upon. Each gateway has a queue of its own (`centre.inbox`): one that sends more than is taken here
waits for itself alone. Findings about silence are made by `centre.silence`.

A receipt that the broker does not keep, because it has enough retained messages, is sent as an ordinary one;
one that is too large for its packets names fewer bodies, and the next ones name the rest.

Lines are handed on at least once: after their commit, and what a crash kept from it after the next start,
from the store (`centre.feed`). How far they were handed on is committed with the next batch. States and the
centre's messages about itself are told once, while they live.

Of a store that is shared (`centre.store.shared`) this is one of several verifiers: it subscribes to its own
gateways' topics one by one, and to nothing of the others; one of them sends the beacon, which all hear. Who
has lost its lease begins anew with nothing. Readings are not decoded then, and no line is printed once more:
consumers read the store.

On every connect a receipt for each gateway is published, made from the store; so one that a crash
kept from being published after its commit is not missed. The beacon follows once a minute.

Files beside the chains are asked for and kept by `centre.files`.

What `centre.json_lines` has learnt about a gateway is cached (`centre.memory`).
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from attrs import evolve

from centre.answers import Answer, count_ranges
from centre.core import Centre
from centre.feed import PIECE_ARRIVALS, Feed, list_waiting
from centre.files.collector import Collector
from centre.files.shelf import Shelf
from centre.inbox import Inbox
from centre.json_lines import WAITING, JsonLine, as_text, make_finding
from centre.memory import Memory
from centre.orders.outgoing import OrdersOut
from centre.rechecks import Rechecks
from centre.register import Entry, RegisterError, read_register
from centre.sharing import Sharing, filters_of
from centre.silence import OUTAGE_S, Outage, Silence, Silent, find_limit
from centre.store.contract import CentreStore, EnrolmentError
from centre.store.shared import OvertakenError, SharedStore
from centre.store.slices import slice_of
from drivers.clock import NS_PER_S, Clock
from evidence import cbor
from evidence.delegated import Signer, to_signer
from evidence.receipt import open_beacon, open_receipt
from wire import messages as wire
from wire.mqtt_events import (
    FAILURE,
    PACKET_TOO_LARGE,
    Acked,
    Connected,
    Disconnected,
    Message,
    MqttEvent,
    SubscribeRefused,
)
from wire.mqtt_settings import MqttSettings
from wire.publisher import Publisher

BEACON_S: Final = 60.0
"""Brackets a gateway's clock to a minute; its loss is noticed as soon as that of a heartbeat."""
BATCH_MAX: Final = 200
"""Messages in one commit: more gain nothing, and an answer should not wait."""
AGAIN_RECORDS_MAX: Final = 20_000
"""Records of one gateway that a start looks through for readings that wait for their table, the newest first:
as many as wait at most, and a second of work."""
NOT_LOOKED_AT: Final = (
    "readings of this seal and of earlier ones came before their point table, too many to be kept over a "
    "restart; where the table has not come yet, `dianjian consume` alone has their lines"
)
JUDGE_S: Final = 1.0
"""Between two looks for silent gateways."""
ORDERS_S: Final = 15.0
"""Between two looks for orders that gateways have not sealed."""
POLL_S: Final = 0.5
"""How long a stop may go unnoticed."""
NS_PER_MS: Final = NS_PER_S // 1000

SUBSCRIPTIONS: Final = (
    *filters_of(["+"]),
    wire.BEACON,
)
SILENCE: Final = "silence"
OUTAGE: Final = "outage"


class Subscriber:
    """Runs in the caller's thread until `stop` is called from another one or from a signal handler.

    Args:
        settings: The connection; its subscriptions are set here.
        store: What is verified; its owner closes it after `run`.
        memory: The folder of the caches of manifests, a file a gateway; made when needed.
        register: The register of gateways; read again whenever it has changed.
        signer: The root, or a receipt key that it has certified; bytes are the root's secret.
        clock: The source of the time.
        out: Takes each line, as JSON without a line feed.
        orders: The ledger of orders; read again whenever something was added.
        files: The folder of files beside the chains; None where they stay at the gateways.
        rechecks: Compute sealed verdicts about alerts again.
    """

    def __init__(
        self,
        settings: MqttSettings,
        store: CentreStore,
        memory: Path,
        register: Path,
        signer: Signer | bytes,
        clock: Clock,
        out: Callable[[str], None],
        orders: Path | None = None,
        files: Path | None = None,
        rechecks: Rechecks | None = None,
    ) -> None:
        self._register = register
        self._register_mtime_ns = -1
        self._register_error = ""
        self._clock = clock
        self._out = out
        self._orders = None if orders is None else OrdersOut(orders, signer)
        self._stopping = threading.Event()
        self._token = 0
        self._unacked: dict[int, Answer] = {}
        self._beacon_at_s = clock.monotonic_s()
        self._beacons = 0
        self._beacon_sent_s = float("-inf")
        self._beacon = b""
        self._silence = Silence(clock.monotonic_s())
        self._judged_s = self._ordered_s = float("-inf")
        self._store = store
        self._rechecks = rechecks
        self._files = None if files is None else Collector(Shelf(files), signer)
        self._sharing = Sharing(store) if isinstance(store, SharedStore) else None
        self._entries: Collection[Entry] = ()
        self._is_connected = False
        known = store.gateways
        self._inbox = Inbox(
            lambda name: name in known(), clock.monotonic_s, time.thread_time, self._sharing is None
        )
        takes_over = self._sharing is not None
        self._memory = Memory(memory, store, clock.monotonic_s, self._inbox.charge, takes_over)
        settings = evolve(settings, subscriptions=SUBSCRIPTIONS)
        if self._sharing is not None:  # what a session kept, another verifier has got by then
            settings = evolve(settings, subscriptions=(wire.BEACON,), session_expiry_s=0)
        self._publisher = Publisher(settings, clock, self._inbox.put)
        self._signer = to_signer(signer)
        self.centre = self._make_centre()

    def run(self) -> None:
        """Serve until stopped.

        Raises:
            CommitError: The store failed; only what it certainly holds was answered.
            StoreError: It cannot be read.
        """
        try:
            self._hand_on_again()
            self._read_register()
            self._begin(self._store.gateways())
            self._resume("", OUTAGE)
            self._publisher.start()
            while not self._stopping.is_set():
                try:
                    self._share()
                    self._turn()
                except OvertakenError as error:
                    self._begin_anew(str(error))
        finally:
            self._stopping.set()
            if self._rechecks is not None:
                self._rechecks.stop()
            self._publisher.stop()
            for gateway in self._memory.gateways():
                self._memory.write(self.centre.lines_of(gateway), after_seals=1)

    def stop(self) -> None:
        """End `run` within POLL_S."""
        self._stopping.set()

    def _make_centre(self) -> Centre:
        centre = Centre(self._store, self._signer, decodes=self._sharing is None)
        if self._files is not None:
            centre.on_file = self._files.take
        return centre

    def _begin(self, gateways: Collection[str]) -> None:
        """Take in what the store has of these gateways."""
        for gateway in gateways:
            if self._sharing is not None:
                self._sharing.prolong(self._clock.monotonic_s())
            self._restore(gateway)
            self._resume(gateway, SILENCE)
            if (raw := self._store.last_receipt(gateway)) is not None:
                with contextlib.suppress(cbor.FormatError):  # of a key of before
                    before = open_receipt(raw, self.centre.answers.public_key)
                    self.centre.answers.note_reference(raw, before.centre_utc_ms)
        if self._orders is not None:
            self._orders.resume(self._store, gateways)
        if self._files is not None:
            self._files.resume(self._store, gateways)

    def _share(self) -> None:
        """Keep the lease; begin with the gateways that came, and leave those that went."""
        if self._sharing is None:
            return
        led, found = self._sharing.leads, self._sharing.turn_over(self._clock.monotonic_s())
        if found is not None:
            self._leave(found.lost)
            if found.gained:
                self._take_entries([one for one in self._entries if slice_of(one.gateway) in found.gained])
            if found.gained or found.lost or found.leads != led:
                leads = ", and the beacon" if found.leads else ""
                self._log("slices", f"{len(found.gained)} more, {len(found.lost)} gateways less{leads}")
        if piece := self._sharing.take_piece():
            self._begin(piece)
            self._publisher.subscribe(filters_of(piece))
            if self._is_connected:
                self._publish(self.centre.make_receipts(self._utc_ms(), piece))
        if self._orders is not None and (piece or self._sharing.leads != led):
            self._orders.forget()

    def _leave(self, gateways: Collection[str]) -> None:
        """Forget gateways that another verifier has."""
        assert self._sharing is not None
        self._publisher.unsubscribe(filters_of(self._sharing.leave(gateways)))
        self.centre.forget(gateways)
        for gateway in gateways:
            self._inbox.forget(gateway)
            self._silence.drop(gateway)
            self._memory.forget(gateway)
            if self._files is not None:
                self._files.leave(gateway)

    def _begin_anew(self, why: str) -> None:
        """Nothing of what is in memory is sure any more."""
        if self._sharing is None:
            raise OvertakenError(why)
        self._leave(self._sharing.give_up())
        before, self.centre = self.centre, self._make_centre()
        self.centre.ranges_max = before.ranges_max
        self._log("overtaken", why)

    def _turn(self) -> None:
        wait_s = self._clock.real_s(max(self._beacon_at_s - self._clock.monotonic_s(), 0.0))
        is_behind = self._sharing is not None and self._sharing.is_behind
        self._inbox.wait(0.0 if is_behind else min(wait_s, POLL_S))
        self._read_register()
        self._send_orders()
        self._ask_for_files()
        for event in self._inbox.events():
            self._note(event)
        self.centre.pace(self._inbox.take_dropped())
        if not self._inbox.is_empty():
            self._hand_on(*self.centre.handle(self._inbox.batch(BATCH_MAX), self._utc_ms()))
        for gateway, cpu_s in self._inbox.slow.items():
            why = f"one message took {cpu_s:.1f} s of the processor"
            self._hand_on([], self.centre.set_aside(gateway, why, self._utc_ms()))
        self._inbox.slow.clear()
        self._hand_on([], self.centre.go_on())
        self._watch()
        if self._rechecks is not None:
            self._tell(self._rechecks.look(self._store))
        self._note_delivered()

    def _note_delivered(self) -> None:
        """All that is committed was handed on, unless readings still wait for their turn."""
        if self._sharing is None and not self.centre.is_behind():
            self._store.note_delivered(self._store.journal().last_place())

    def _hand_on_again(self) -> None:
        """Lines that were committed and not handed on when the last life ended."""
        feed, place = Feed(self._store.journal()), self._store.delivered()
        while not self._stopping.is_set() and (arrivals := list(feed.read(place, PIECE_ARRIVALS))):
            for arrival, lines in arrivals:
                for line in lines:
                    self._out(as_text(line))
                place = arrival.place
                self._store.note_delivered(place)

    def _watch(self) -> None:
        """Tell who has fallen silent, and send the beacon when it is due."""
        now_s = self._clock.monotonic_s()
        for gateway, number in self.centre.take_heard().items():
            self._tell([_silence_line(one, number) for one in self._silence.note_heard(gateway, now_s)])
            if self._orders is not None:
                self._orders.unsealed.note_heard(gateway, self._utc_ms())
        if now_s - self._judged_s >= JUDGE_S:
            self._judged_s = now_s
            awaited = self.centre.awaited()
            fallen = self._silence.judge(now_s, awaited, self._limit_s, self._inbox.is_held_up)
            self._tell([_silence_line(one, awaited.get(getattr(one, "gateway", ""), 0)) for one in fallen])
            for gateway in self._store.gateways() - awaited.keys():
                self._tell([_silence_line(one, 0) for one in self._silence.forget(gateway, now_s)])
        if self._orders is not None and now_s - self._ordered_s >= ORDERS_S:
            self._ordered_s = now_s
            self._tell(self._orders.judge(self._store, self._utc_ms()))
        if self._sharing is not None and not self._sharing.leads:
            self._beacon_at_s = now_s + BEACON_S
        elif now_s >= self._beacon_at_s or self._silence.wants_beacon(now_s, self._beacon_sent_s):
            self._beacons += 1
            self._beacon_sent_s, self._beacon_at_s = now_s, now_s + BEACON_S
            answer = self.centre.answers.make_beacon(self._utc_ms(), self._beacons)
            self._beacon = answer.payload
            self._publish([answer])

    def _limit_s(self, gateway: str) -> float:
        lines, number = self.centre.lines_of(gateway), self._store.state(gateway).number
        return find_limit(lines.config("seal.heartbeat_s", number), lines.config("seal.interval_s", number))

    def _note(self, event: MqttEvent) -> None:
        match event:
            case Connected():
                self._is_connected = True
                self.centre.ranges_max = min(
                    self.centre.ranges_max,
                    count_ranges(event.packet_bytes_max - len(self._signer.certificate)),
                )
                self._publish(self.centre.make_receipts(self._utc_ms()))
                if self._orders is not None:
                    self._orders.forget()
                if self._files is not None:
                    self._files.forget()
                self._beacon_at_s = self._clock.monotonic_s()
                self._log("connected", "")
            case Disconnected():
                self._is_connected = False
                self._unacked.clear()
                self._make_smaller(event.reason_code)
                self._log("disconnected", event.reason)
            case Acked():
                self._note_ack(event)
            case Message() if not event.retained and self._is_beacon(event.payload):
                ended = self._silence.note_beacon(self._clock.monotonic_s())
                self._tell([_silence_line(one, 0) for one in ended])
            case SubscribeRefused():
                self._log("subscribe_refused", f"{event.topic} ({event.reason_code:#04x})")

    def _is_beacon(self, payload: bytes) -> bool:
        """Whether it is the last beacon of this process, or a new one of another that shares the store."""
        if payload == self._beacon:
            return True
        if self._sharing is None or self._sharing.leads:
            return False
        try:
            sent_ms = open_beacon(payload, self.centre.answers.public_key).centre_utc_ms
        except cbor.FormatError:
            return False
        self.centre.answers.note_reference(payload, sent_ms)
        return abs(self._utc_ms() - sent_ms) < OUTAGE_S * 1_000

    def _note_ack(self, event: Acked) -> None:
        """Say once more, without asking to keep it, what a broker with enough retained messages refuses."""
        answer = self._unacked.pop(event.token, None)
        if event.reason_code < FAILURE:
            return
        self._log("publish_refused", f"the broker refuses an answer ({event.reason_code:#04x})")
        self._make_smaller(event.reason_code)
        if answer is not None:
            self._token += 1
            self._publisher.publish(self._token, answer.topic, answer.payload, retain=False)

    def _make_smaller(self, code: int) -> None:
        if code == PACKET_TOO_LARGE:
            self.centre.ranges_max //= 2

    def _hand_on(self, answers: list[Answer], lines: list[JsonLine]) -> None:
        self._publish(answers)
        for line in lines:
            self._print(line)
            if self._orders is not None:
                self._orders.unsealed.note_line(line)
            if self._files is not None:
                self._files.note_line(line)
            if self._rechecks is not None:
                self._rechecks.note_line(line)
        for gateway in {line["gateway"] for line in lines if line["type"] == "seal"}:
            self._memory.write(self.centre.lines_of(gateway))
        for gateway in {line["gateway"] for line in lines if line.get("kind") == "manifest"}:
            self._memory.note_manifest(self.centre.lines_of(gateway))

    def _publish(self, answers: list[Answer]) -> None:
        for answer in answers:
            self._token += 1
            self._unacked[self._token] = answer
            self._publisher.publish(self._token, answer.topic, answer.payload, retain=True)

    def _resume(self, gateway: str, code: str) -> None:
        """Go on with a silence that was told before this start and has not ended."""
        told = self._store.last_finding(gateway, code)
        if told is not None and not (line := json.loads(told.line)).get("ended"):
            passed_s = max(self._utc_ms() - told.received_utc_ms, 0) / 1_000 + line["seconds"]
            self._silence.resume(gateway, self._clock.monotonic_s() - passed_s)

    def _tell(self, findings: list[JsonLine]) -> None:
        """Commit findings that are made here, and hand them on."""
        self.centre.tell(findings, self._utc_ms())
        for line in findings:
            self._print(line)

    def _log(self, code: str, text: str) -> None:
        self._print({"type": "centre", "code": code, "text": text})

    def _print(self, line: JsonLine) -> None:
        text = as_text(line)
        self.centre.charge(str(line.get("gateway", "")), len(text))
        self._out(text)

    def _utc_ms(self) -> int:
        return self._clock.stamp().utc_ns // NS_PER_MS

    def _read_register(self) -> None:
        """Read what is new in the register; while the file is wrong, the last good state stays in force."""
        try:
            changed_ns = self._register.stat().st_mtime_ns
            if changed_ns == self._register_mtime_ns:
                return
            self._register_mtime_ns = changed_ns
            self._entries = read_register(self._register).values()
            self._register_error = ""
        except (OSError, RegisterError) as error:
            if str(error) != self._register_error:
                self._register_error = str(error)
                self._log("registry_wrong", str(error))
            return
        self._take_entries(self._entries)

    def _take_entries(self, entries: Collection[Entry]) -> None:
        """Enrol gateways, and apply what was signed about them; those of other verifiers are left to them."""
        if self._sharing is not None:
            entries = [one for one in entries if self._sharing.store.owns(one.gateway)]
        for entry in entries:
            if self._sharing is not None:
                self._sharing.prolong(self._clock.monotonic_s())
            keys = entry.first_key, entry.recovery_key
            try:
                self.centre.enrol(entry.gateway, *keys, entry.enrolment, self._utc_ms())
            except EnrolmentError as error:
                self._log("registry_wrong", str(error))
        for entry in entries:
            self._hand_on([], self.centre.readmit(entry.gateway, entry.readmissions, self._utc_ms()))
        stated = [(entry.gateway, raw) for entry in entries for raw in entry.statements]
        self._hand_on(*self.centre.apply_statements(stated, self._utc_ms()))
        if self._sharing is not None:
            for gateway in self._sharing.list_new():
                self._silence.begin_with(gateway, self._clock.monotonic_s())

    def _send_orders(self) -> None:
        """Publish what is new in the ledger of orders, once there is a connection."""
        if self._orders is None:
            return
        due = self._orders.due(self._utc_ms())
        self._publish([one for one in due if self._sharing is None or self._sharing.is_ours(one.topic)])
        for text in self._orders.take_news():
            self._log("orders_wrong", text)

    def _ask_for_files(self) -> None:
        """Publish which files are wanted, where that has changed."""
        if self._files is None:
            return
        self._publish(self._files.due(self._utc_ms()))
        for text in self._files.take_news():
            self._log("files_wrong", text)

    def _restore(self, gateway: str) -> None:
        lines = self.centre.lines_of(gateway)
        self._memory.restore(lines)
        left = AGAIN_RECORDS_MAX
        for header, records in list_waiting(self._store.journal(), gateway):
            left -= len(records)
            if not lines.wait_again(header, records) or left < 0:
                self._tell_not_looked_at(gateway, lines.make_finding(header.number, WAITING, NOT_LOOKED_AT))
                return

    def _tell_not_looked_at(self, gateway: str, line: JsonLine) -> None:
        told = self._store.last_finding(gateway, WAITING)
        if told is None or told.line != as_text(line):
            self._tell([line])


def _silence_line(one: Silent | Outage, number: int) -> JsonLine:
    gateway, code = (one.gateway, SILENCE) if isinstance(one, Silent) else ("", OUTAGE)
    line = {**make_finding(gateway, number, code, one.text), "seconds": round(one.seconds)}
    return {**line, "ended": True} if one.ended else line
