"""The two weeks before the night, lived by the gateway's own core: so it knows its days when the alert comes.

A baseline needs days and a base load hours of rest, which nobody waits for in a demo. The core, its database
and its keys are those of the agent; only the time is turned here, an hour at a step, and the readings are
asked of the simulated meters without a bus between. The lines are not commissioned yet, so nothing is judged.
"""

from collections.abc import Iterator
from typing import Final

from attrs import evolve

from agent.build import core_of, detector_feed_of, outbox_of
from agent.sealing.opening import open_chain
from agent.site.enrolment import note_first_key
from agent.site.file import Site
from agent.uplink.courier import Courier
from drivers.clock import NS_PER_S, ClockState, Stamp
from drivers.points.plan import plan
from drivers.reading import Block, PollGroup, Reading
from firmware_sim.device import Device
from firmware_sim.layout import LineKind
from firmware_sim.plant import Plant
from wire.messages import Topics

STEP_S: Final = 3600
"""A register an hour gives whole hours and whole days."""
SEAL_S: Final = 6 * 3600.0
BOOT_ID: Final = b"before the night"
"""Another boot than the agent's."""


def live_past(site: Site, plant: Plant, until_s: float) -> bytes:
    """Begin the chain of `site` with the plant's time up to `until_s`, UTC; the gateway's first key."""
    bare = evolve(site, linkage=())
    folder, store, sealer, recovery = open_chain(bare)
    try:
        assert bare.broker is not None
        assert bare.broker.centre_key is not None
        topics = Topics(bare.site.gateway)
        outbox = outbox_of(topics, store, recovery)
        courier = Courier(outbox, store, topics, bare.broker.centre_key, _send_nothing, b"")
        gateway, _ = core_of(bare, detector_feed_of(bare), sealer, store, recovery, courier)
        gateway.sealing.interval_s = SEAL_S
        note_first_key(folder, bare.site.gateway, recovery.next_key)
        begin_s, devices = int(plant.start_s), list(_find_devices(plant))
        gateway.start(recovery, _stamp(begin_s, begin_s), 0.0)
        for at_s in range(begin_s, int(until_s) - STEP_S, STEP_S):
            for device in devices:
                gateway.reading(_read(device, at_s, _stamp(at_s, begin_s)))
            gateway.tick(_stamp(at_s, begin_s), float(at_s - begin_s))
        gateway.stop(_stamp(int(until_s) - STEP_S, begin_s), until_s - begin_s)
    finally:
        sealer.spool.close()
        store.close()
    return recovery.next_key


def _send_nothing(token: int, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """There was no connection."""
    del token, topic, payload, retain


def _stamp(at_s: int, begin_s: int) -> Stamp:
    return Stamp(at_s * NS_PER_S, (at_s - begin_s) * NS_PER_S, BOOT_ID, ClockState.SIMULATED)


def _find_devices(plant: Plant) -> Iterator[Device]:
    """The meters of the production lines: only they are asked to reduce."""
    for meter in plant.layout.meters:
        if plant.line(meter.line).kind is LineKind.PRODUCTION:
            yield Device(meter, plant)


def _read(device: Device, at_s: int, stamp: Stamp) -> Reading:
    """The counters of a meter."""
    model = device.plan.model
    spans = plan(
        model.group(PollGroup.SLOW),
        registers_max=model.request_registers_max,
        gap_registers_max=0,
        barriers=model.barriers,
    )
    answers = [(one, device.answer(one.function, one.address, one.count, at_s)) for one in spans]
    blocks = tuple(
        Block(span.function, span.address, words) for span, words in answers if isinstance(words, bytes)
    )
    return Reading(device.plan.id, PollGroup.SLOW, stamp, model.hash, blocks)
