"""Journals of setups: a whole one with a corrected mistake, and the photo that it names."""

import math
import struct
import zlib
from hashlib import sha256
from pathlib import Path

from agent.site.file import Site, parse_site
from evidence.words import Words
from provisioning.journal.entries import (
    STEPS,
    BusFound,
    Enrolled,
    Journal,
    LineNamed,
    LineThreshold,
    LinkageNamed,
    MeterFound,
    Period,
    Photo,
    Receipted,
    SiteFacts,
    Trial,
    WiringVerdict,
)

SITE = """
[site]
gateway = "gw-7"
name = "东厂区"
utc_offset = "+08:00"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""
DAY = "2026-03-02T"


def site(text: str = SITE) -> Site:
    return parse_site(text, Path("site.toml"))


def png(width: int = 60, height: int = 40) -> bytes:
    """A real picture: a grey slope."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes((x * 255 // width + y) % 256 for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def trial(line: str, meter: str, at: str, on_w: float, *, follows: bool = True) -> Trial:
    """Off, on, off, on: forty seconds each, a reading every two."""
    switched = ((10.0, "off"), (50.0, "on"), (90.0, "off"), (130.0, "on"))
    samples = []
    for step in range(86):
        at_s = 2.0 * step
        on = not (10 <= at_s < 50 or 90 <= at_s < 130) or not follows
        swing = 1 + 0.02 * math.sin(at_s)
        samples.append((at_s, None if step in {33, 34} else (on_w if on else 40.0) * swing))
    words = (
        Words(
            f"停机{40}瓦，开机{on_w / 1000:.1f}千瓦，读数随机器变化。",
            f"The reading of {meter} follows the machine.",
        )
        if follows
        else Words(
            "读数不随机器变化。", f"The reading of {meter} does not follow: its CTs are on another cable."
        )
    )
    return Trial(line, meter, at, at, follows, 40.0, on_w, tuple(samples), switched, words)


def whole(photo: str = "photos/cabinet.png", digest: str = "") -> Journal:
    """A finished setup of ten meters, in which a reversed CT was found and put right."""
    lines = [
        LineNamed(f"p{n}", "production", f"{n}号喷涂线 Spray booth {n}", 60_000, "SPR-60 / 2019")
        for n in range(1, 7)
    ]
    lines += [
        LineNamed(f"t{n}", "treatment", f"{n}号活性炭吸附风机", 22_000, "4-72 No.8C") for n in range(1, 5)
    ]
    models = ("eastron-sdm630", "acrel-adl400n-ct", "chint-dtsu666", "schneider-iem3155")
    meters = [
        MeterFound(
            f"m{n}",
            "b1" if n <= 4 else "b2",
            n,
            None,
            models[n % 4],
            f"2026{n:08d}",
            1.0 if n != 3 else 0.9,
            ("identity register",),
            line.id,
            40.0,
            1.0,
            (f"A{n:05d}", f"B{n:05d}"),
            200.0,
        )
        for n, line in enumerate(lines, 1)
    ]
    good = Words(
        "三相电压、电流和功率方向一致，接线正确。",
        "Voltages, currents and the direction of power agree: the wiring is right.",
    )
    wiring = [
        WiringVerdict(
            "m2",
            DAY + "01:12:00Z",
            "mistake",
            "ct_reversed",
            ("l2",),
            0.33,
            Words(
                "L2相电流互感器装反，总功率只有实际的三分之一。",
                "The CT of phase L2 is reversed: the total is a third of the true power.",
            ),
            Words(
                "将L2互感器一次穿心方向调转，或对调S1、S2。",
                "Turn the CT of L2 around on its cable, or swap its S1 and S2.",
            ),
            {"active_power_l1": 5400.0, "active_power_l2": -5350.0, "active_power_l3": 5420.0},
        )
    ]
    wiring += [
        WiringVerdict(
            meter.id,
            DAY + f"01:2{n % 10}:00Z",
            "good",
            sentence=good,
            numbers={"active_power": 16_200.0 + n, "power_factor": 0.86},
        )
        for n, meter in enumerate(meters)
    ]
    trials = [
        trial(line.id, meter.id, DAY + f"02:{n:02d}:00Z", 0.7 * line.rated_w)
        for n, (line, meter) in enumerate(zip(lines, meters, strict=True))
    ]
    trials[-1] = Trial(
        "t4",
        "m10",
        DAY + "02:30:00Z",
        DAY + "02:30:00Z",
        follows=False,
        skipped="风机检修中，下次来访再试 under repair",
    )
    return Journal(
        language="zh",
        technician="王工",
        site=SiteFacts(
            "gw-7", "东厂区", "某某涂装有限公司", "91320500MA1ABCDE2F", "江苏省苏州市工业园区一路1号"
        ),
        steps={step: DAY + f"0{n}:00:00Z" for n, step in enumerate(list(STEPS)[:-1])},
        buses=(
            BusFound("b1", "tcp://192.168.1.20:502"),
            BusFound("b2", "rtu:/dev/ttyUSB0?baud=9600&parity=N"),
        ),
        meters=tuple(meters),
        lines=tuple(lines),
        linkages=(
            LinkageNamed("k1", ("p1", "p2", "p3"), ("t1", "t2")),
            LinkageNamed("k2", ("p4", "p5", "p6"), ("t3", "t4")),
        ),
        wiring=tuple(wiring),
        trials=tuple(trials),
        thresholds=tuple(
            LineThreshold(line.id, round(0.07 * line.rated_w), round(0.1 * line.rated_w), "trial")
            for line in lines
        ),
        photos=(
            Photo(photo, digest or sha256(png()).hexdigest(), "配电柜 cabinet", None),
            Photo("photos/m2.jpg", "ab" * 32, "铭牌 nameplate", "m2"),
        ),
        enrolment=Enrolled("est", "11" * 32, "22" * 32, "33" * 32, "44" * 32, DAY + "05:10:00Z"),
        receipt=Receipted(1, "55" * 32, DAY + "05:11:00Z"),
        commissioning=Period(DAY + "06:00:00Z", "2026-03-16T06:00:00Z"),
    )
