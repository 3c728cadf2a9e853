"""Checks of buses and meters: from a running agent's status, else by polling each meter.

A bus has one master: while an agent runs, or its database is locked, no port is opened here. Otherwise
every bus is polled in a thread of its own, each group of each meter once, and compared with its model and
its last values in the chain. Reads only.
"""

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.site.file import BusSettings, ConfigError, MeterSettings, Site
from agent.site.setups import setups_of
from agent.store.names import DATABASE_NAME
from disk.translation import to_chinese
from drivers.clock import SystemClock
from drivers.errors import BusDownError
from drivers.points.registers import Value
from drivers.poll.asking import TOO_LATE
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.logger_bus import SILENT
from drivers.poll.meter import Meter, MeterSetup
from drivers.poll.patience import POLLS_BRIEF, poll_patiently
from drivers.reading import PollGroup, Quality, Quantity, Reading
from drivers.search.plausibility import IMPOSSIBLE, judge
from evidence.words import Words
from provisioning.doctor.chain import read_remembered
from provisioning.doctor.finding import Finding, Progress, State, Target, failed, ok, warning
from provisioning.words.findings import describe_reason

SILENT_IN_A_ROW: Final = 3
"""After this many silent meters the others of the bus are polled only once each."""
LOAD_PERCENT_MAX: Final = 85.0
TIMEOUT_SHARE_MAX: Final = 0.05
"""One answer in twenty is lost: a cable, a terminator, or a second master."""
REQUESTS_MIN: Final = 50
FINE_TOLD_MAX: Final = 8
"""More buses in order than that are told in one line: a hundred would hide what is wrong."""
WAIT_S: Final = 300.0
"""Longest for one bus; a hundred meters that are all there take a minute at 9600 baud."""
_ORDER: Final = (PollGroup.FAST, PollGroup.IDENTITY, PollGroup.SLOW)
_CABLE: Final = Words(
    "检查接线（A/B）、终端电阻和地址；dianjian scan 可查找电表",
    "look at the cable (A/B), termination and address; dianjian scan finds meters",
)
_LOGGER: Final = Words(
    "看数采仪：上位机地址和端口须为本网关，MN 须与 address 一致；代理的日志写明拒收的原因",
    "look at the data logger: its platform must be this gateway's address and port, its MN the address here; "
    "the agent's log says what was refused",
)
_SLOW: Final = Words(
    "电表在，但应答慢（无线、4G、转换器）：可在配置文件中为它或其总线设更大的 timeout_s",
    "the meter is there, but slow (radio, 4G, converter): set a larger timeout_s for it or its bus",
)


def buses(target: Target, _: Progress) -> Iterator[Finding]:
    """The state of the agent's buses."""
    if target.status is None:
        if target.is_running:
            text = Words(
                f"代理在运行，但问不到它：{target.silent}",
                f"an agent runs but does not answer: {target.silent}",
            )
            remedy = Words(
                "用 sudo 运行，或加入代理的用户组：usermod -aG dianjian 用户",
                "run with sudo, or join its group: usermod -aG dianjian USER",
            )
            yield warning("buses", text, remedy)
        return
    judged = [_judge_bus(bus) for bus in target.status.get("buses", ())]
    fine = [one for one in judged if one.state is State.OK]
    if len(fine) <= FINE_TOLD_MAX:
        yield from judged
        return
    yield from (one for one in judged if one.state is not State.OK)
    loads = [float(bus["load_percent"]) for bus in target.status["buses"]]
    yield ok(
        "buses",
        Words(
            f"{len(fine)} 条总线正常，占用最高 {max(loads):.0f} %",
            f"{len(fine)} buses are in order, the highest load is {max(loads):.0f} %",
        ),
    )


def _judge_bus(bus: Mapping[str, Any]) -> Finding:
    name, load = str(bus["bus"]), float(bus["load_percent"])
    requests, lost = int(bus["requests"]), int(bus["timeouts"]) + int(bus["crc_errors"])
    text = Words(
        f"占用 {load:.0f} %，{requests} 次请求，丢失 {lost}",
        f"load {load:.0f} %, {requests} requests, {lost} lost",
    )
    if bus.get("collisions"):
        remedy = Words("断开另一台主站", "take the other master off this bus")
        both = Words("{text}；总线上有另一主站", "{text}; another master polls it").fill(text=text)
        return failed("buses", both, remedy, name)
    if requests >= REQUESTS_MIN and lost > TIMEOUT_SHARE_MAX * requests:
        return warning("buses", text, _CABLE, name)
    if load > LOAD_PERCENT_MAX:
        remedy = Words("提高波特率或加大 fast_s", "raise the baud rate or fast_s")
        return warning("buses", text, remedy, name)
    return ok("buses", text, name)


def meters(target: Target, report: Progress) -> Iterator[Finding]:
    """Each meter: does it answer, is it the one in the site file, is it the same as before."""
    assert target.site is not None
    if target.status is not None:
        yield from _judge_status(target.status)
        return
    if target.is_running:
        return
    try:
        setups = setups_of(target.site)
    except ConfigError:
        return  # `config` reports it
    yield from _poll_buses(target.site, setups, read_remembered(target.folder / DATABASE_NAME), report)


def _judge_status(status: Mapping[str, Any]) -> Iterator[Finding]:
    bad = [one for one in status.get("meters", ()) if one["quality"] != "good"]
    for one in bad:
        why = str(one["reason"])
        remedy = _SLOW if TOO_LATE in why else _LOGGER if why == SILENT else _CABLE
        yield failed("meters", Words(f"没有读数：{why}", f"no reading: {why}"), remedy, str(one["meter"]))
    for one in status.get("meters", ()):
        left_out = one.get("learned", {}).get("left_out")
        if left_out:
            yield _report_left_out(str(one["meter"]), left_out)
    good = len(status.get("meters", ())) - len(bad)
    if good:
        yield ok("meters", Words(f"{good} 块电表有读数", f"{good} meters are read"))


def _report_left_out(meter: str, left_out: Mapping[str, str]) -> Finding:
    points = ", ".join(f"{name} ({why})" for name, why in left_out.items())
    text = Words(f"它不给出：{points}", f"it does not give: {points}")
    remedy = Words(
        "核对型号和固件；每天会再问一次", "see that model and firmware are right; it is asked again every day"
    )
    return warning("meters", text, remedy, meter)


def _poll_buses(
    site: Site, setups: Mapping[str, MeterSetup], known: Mapping[str, Mapping[str, Value]], report: Progress
) -> Iterator[Finding]:
    """Every bus at the same time."""
    found: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
    threads = 0
    for bus in site.bus:
        chosen = [meter for meter in site.meter if meter.bus == bus.id]
        if bus.is_hj212:
            yield from (_report_not_asked(meter) for meter in chosen)
        elif chosen:
            threads += 1
            arguments = (bus, chosen, setups, known, report, found)
            threading.Thread(target=_poll_bus, args=arguments, daemon=True).start()
    end_s = time.monotonic() + WAIT_S
    while threads:
        try:
            one = found.get(timeout=max(end_s - time.monotonic(), 0.0))
        except queue.Empty:
            return  # the check's own limit reports it
        if one is None:
            threads -= 1
        else:
            yield one


def _report_not_asked(meter: MeterSettings) -> Finding:
    text = Words(
        f"数采仪 {meter.address} 自己发送；代理运行后才能看到",
        f"data logger {meter.address} sends by itself, which shows once the agent runs",
    )
    return ok("meters", text, meter.id)


def _poll_bus(
    place: BusSettings,
    chosen: list[MeterSettings],
    setups: Mapping[str, MeterSetup],
    known: Mapping[str, Mapping[str, Value]],
    report: Progress,
    found: "queue.SimpleQueue[Finding | None]",
) -> None:
    bus = open_bus(place.url, SystemClock())
    silent = 0
    try:
        for meter in chosen:
            report(meter.id)
            finding = _poll_meter(
                bus, setups[meter.id], known.get(meter.id, {}), is_brief=silent >= SILENT_IN_A_ROW
            )
            silent = silent + 1 if finding.remedy == _CABLE else 0
            found.put(finding)
    except BusDownError as error:
        text = Words(f"总线不能使用：{to_chinese(str(error))}", f"the bus cannot be used: {error}")
        remedy = Words("见 ports 和 permissions", "see `ports` and `permissions`")
        found.put(failed("buses", text, remedy, place.id))
    finally:
        bus.close()
        found.put(None)


def _poll_meter(bus: MeterBus, setup: MeterSetup, known: Mapping[str, Value], *, is_brief: bool) -> Finding:
    readings: list[Reading] = []
    meter = Meter(setup, bus.gap_registers_max)
    for group in (one for one in _ORDER if setup.model.group(one)):
        reading = poll_patiently(meter, bus, group, SystemClock(), 1 if is_brief else POLLS_BRIEF)
        readings.append(reading)
        if reading.quality is not Quality.GOOD and (is_brief or len(readings) == 1):
            again = reading if is_brief else meter.poll(bus, group, SystemClock())
            if again.quality is not Quality.GOOD:
                return _report_silent(setup, again.reason, bus.url)
            readings[-1] = again
    blocks = [block for reading in readings for block in reading.blocks]
    values = setup.model.decode(tuple(blocks))
    against = [reason for reason in judge(setup.model, blocks) if reason.weight == IMPOSSIBLE]
    if against and not setup.model.is_analyser:
        why = describe_reason(against[0])
        return _report_other_model(setup, Words.same(why), bus.url)
    refused = [one for one in readings if one.quality is not Quality.GOOD]
    changed = _find_change(setup, known, values)
    if changed is not None:
        return changed
    if refused:
        text = Words(
            f"{refused[0].group.value} 组：{refused[0].reason}",
            f"group {refused[0].group.value}: {refused[0].reason}",
        )
        remedy = Words("核对型号：dianjian identify", "see that the model is right: dianjian identify")
        return warning("meters", text, remedy, setup.id)
    if meter.left_out:
        return _report_left_out(setup.id, meter.left_out)
    return ok("meters", _describe(setup, values), setup.id)


def _report_silent(setup: MeterSetup, reason: str, url: str) -> Finding:
    if reason.startswith("exception"):
        return _report_other_model(setup, Words(f"它回答 {reason}", f"it answers {reason}"), url)
    remedy = _SLOW if TOO_LATE in reason else _CABLE
    return failed("meters", Words(f"不应答：{reason}", f"does not answer: {reason}"), remedy, setup.id)


def _report_other_model(setup: MeterSetup, why: Words, url: str) -> Finding:
    place = f"--address {setup.address}" if setup.address else f"--unit {setup.unit_id}"
    command = f"dianjian identify '{url}' {place}"
    text = Words(f"不像 {setup.model.name}：{why.zh}", f"it is no {setup.model.name}: {why.en}")
    remedy = Words(f"核对型号：{command}", f"see what it is: {command}")
    return failed("meters", text, remedy, setup.id)


def _find_change(
    setup: MeterSetup, known: Mapping[str, Value], values: Mapping[str, Value]
) -> Finding | None:
    """Settings of the meter that differ from those recorded in the chain."""
    for point in setup.model.points:
        was, now = known.get(point.name), values.get(point.name)
        if point.group is not PollGroup.IDENTITY or was is None or now is None or was == now:
            continue
        if point.quantity is Quantity.SERIAL_NUMBER:
            text = Words(f"是另一块电表：编号 {was} → {now}", f"another meter: serial {was} → {now}")
        else:
            text = Words(
                f"设置已改：{point.name} {was} → {now}", f"its setting changed: {point.name} {was} → {now}"
            )
        remedy = Words(
            "若属正常更换，请通知中心；否则改回", "if it was meant, tell the centre; if not, set it back"
        )
        return warning("meters", text, remedy, setup.id)
    return None


def _describe(setup: MeterSetup, values: Mapping[str, Value]) -> Words:
    serial = next(
        (
            values[p.name]
            for p in setup.model.points
            if p.quantity is Quantity.SERIAL_NUMBER and p.name in values
        ),
        None,
    )
    number = "" if serial is None else f"，编号 {serial}"
    numbered = "" if serial is None else f", serial {serial}"
    return Words(f"{setup.model.name} 应答{number}", f"{setup.model.name} answers{numbered}")
