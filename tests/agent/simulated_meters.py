"""Readings of simulated meters over hours, as fast as they can be computed: the real models and registers."""

import functools
from collections.abc import Callable, Iterator

from attrs import evolve

from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.points.plan import plan
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Reading
from firmware_sim.device import Device
from firmware_sim.plant import Plant

FAST_S, SLOW_S = 10.0, 60.0
BOOT = bytes(16)
Bend = Callable[[str, float, dict[str, float]], dict[str, float]]


def setups_of(plant: Plant) -> dict[str, MeterSetup]:
    return {
        one.id: MeterSetup(
            one.id,
            one.model,
            one.unit_id,
            ct_ratio=one.ct_ratio,
            pt_ratio=one.pt_ratio,
            fast_s=FAST_S,
            slow_s=SLOW_S,
        )
        for one in plant.layout.meters
    }


def buses_of(plant: Plant) -> dict[str, str]:
    return {one.id: one.bus for one in plant.layout.meters}


@functools.cache
def _spans(setup: MeterSetup, group: PollGroup) -> tuple[tuple[int, int, int], ...]:
    model = setup.model
    spans = plan(
        model.group(group),
        registers_max=model.request_registers_max,
        gap_registers_max=8,
        barriers=model.barriers,
        holes=frozenset(),
    )
    return tuple((span.function, span.address, span.count) for span in spans)


def readings(
    plant: Plant, begin_s: float, end_s: float, bend: Bend | None = None, latency_s: float = 0.05
) -> Iterator[Reading]:
    """Every meter in turn, fast and slow groups, from `begin_s` to `end_s` after the plant's start.

    `bend` may change the decoded values of a meter before they are put into its registers again.
    """
    setups = setups_of(plant)
    devices = {one.id: Device(one, plant) for one in plant.layout.meters}
    at_s, slow_s = begin_s, begin_s
    while at_s < end_s:
        slow = at_s >= slow_s
        slow_s += SLOW_S if slow else 0.0
        for number, (name, setup) in enumerate(setups.items()):
            moment_s = at_s + 0.1 * number
            if plant.is_silent(name, plant.start_s + moment_s):
                continue
            for group in (PollGroup.FAST, PollGroup.SLOW)[: 1 + slow]:
                blocks = _blocks(devices[name], setup, group, plant.start_s + moment_s)
                if bend is not None:
                    blocks = _bent(setup, blocks, lambda values, n=name, t=moment_s: bend(n, t, values))
                yield reading(setup, group, moment_s, blocks, latency_s)
        at_s += FAST_S


def reading(
    setup: MeterSetup, group: PollGroup, moment_s: float, blocks: tuple[Block, ...], latency_s: float = 0.05
) -> Reading:
    stamp = Stamp(0, round((moment_s + 1000) * NS_PER_S), BOOT, ClockState.SYNCHRONISED)
    return Reading(setup.id, group, stamp, setup.model.hash, blocks, latency_ns=round(latency_s * NS_PER_S))


def _blocks(device: Device, setup: MeterSetup, group: PollGroup, utc_s: float) -> tuple[Block, ...]:
    answers = []
    for function, address, count in _spans(setup, group):
        answer = device.answer(function, address, count, utc_s)
        assert isinstance(answer, bytes), answer
        answers.append(Block(function, address, answer))
    return tuple(answers)


def _bent(
    setup: MeterSetup, blocks: tuple[Block, ...], bend: Callable[[dict[str, float]], dict[str, float]]
) -> tuple[Block, ...]:
    decoded = setup.model.decode(blocks, setup.ct_ratio, setup.pt_ratio)
    numbers = {name: value for name, value in decoded.items() if not isinstance(value, str)}
    changed = bend(dict(numbers))
    if changed == numbers:
        return blocks
    image = setup.model.encode(changed, setup.ct_ratio, setup.pt_ratio)
    bent = []
    for block in blocks:
        words = bytearray(block.words)
        for offset in range(0, len(words), 2):
            word = image.get((block.function, block.address + offset // 2))
            if word is not None:
                words[offset : offset + 2] = word
        bent.append(evolve(block, words=bytes(words)))
    return tuple(bent)
