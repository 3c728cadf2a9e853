"""`make fuzz`: every target for some seconds, coverage-guided; ARGS="--seconds 60 rtu receipt".

The corpus is made anew from real messages and kept in build/fuzz, so that a second run goes on from
the first. What breaks a target stays in build/fuzz/found; make a row of tests/fuzz/test_found.py of it.

Where the fuzzer is not to be had (there is a wheel for x86-64, perhaps none for aarch64), this says so and
draws seeded changes of the same corpus instead, without coverage. Exit code 1 if anything was found.
"""

import argparse
import importlib.util
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from attrs import frozen

from tests.fuzz.mutate import mutate
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

FOLDER: Final = Path("build/fuzz")
INPUT_S_MAX: Final = 5
"""One input: a thousand times what the slowest target takes."""
MEMORY_MB_MAX: Final = 512
"""Twice the agent's hard limit; the instrumented interpreter begins with 120."""
START_S: Final = 120
"""Instrumenting all of our bytecode, on a machine that does other things."""


@frozen
class Outcome:
    """What a target's run gave; edges are those of the bytecode, 0 without coverage."""

    target: str
    executions: int
    edges: int
    corpus: int
    findings: tuple[str, ...]


def guided(target: Target, seconds: int) -> Outcome:
    corpus, found = FOLDER / "corpus" / target.name, FOLDER / "found" / target.name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    before = set(found.iterdir())
    arguments = [
        sys.executable, "-m", "tests.fuzz.one", target.name, f"-max_total_time={seconds}",
        f"-max_len={target.bytes_max}", f"-timeout={INPUT_S_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-artifact_prefix={found}/", "-print_final_stats=1", "-use_value_profile=0", str(corpus),
    ]  # fmt: skip
    log = FOLDER / f"{target.name}.log"
    with log.open("wb") as stream, TemporaryDirectory() as left:
        environment = {**os.environ, "TMPDIR": left}
        run = subprocess.Popen(arguments, stdout=stream, stderr=stream, env=environment)
        try:
            run.wait(seconds + START_S)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
    output = log.read_text(errors="replace")
    new = sorted(set(found.iterdir()) - before)
    findings = [f"{path}: {_reason(output)}" for path in new]
    if run.returncode and not new:
        findings.append(f"ended with {run.returncode}: {_reason(output)}")
    return Outcome(
        target.name,
        _last(output, r"number_of_executed_units: (\d+)") or _last(output, r"#(\d+)\s"),
        _last(output, r" cov: (\d+) "),
        sum(1 for _ in corpus.iterdir()),
        tuple(findings),
    )


def _last(output: str, pattern: str) -> int:
    found = re.findall(pattern, output)
    return int(found[-1]) if found else 0


def _reason(output: str) -> str:
    lines = [
        line for line in output.splitlines() if re.match(r"\s*(\w+\.)*\w*(Error|Exception|ERROR)\b", line)
    ]
    return lines[0].strip()[:200] if lines else "see the log"


def seeded(target: Target, seconds: int) -> Outcome:
    """The same without a fuzzer: changes of the seeds, and changes of those that were taken."""
    pool, random, deadline_s = list(target.seeds()), Random(0), time.monotonic() + seconds
    executions, findings = 0, []
    while time.monotonic() < deadline_s and not findings:
        raw = mutate(random.choice(pool), target.bytes_max, random.getrandbits(64), form=target.form)
        executions += 1
        try:
            target.run(raw)
        except Exception as error:  # noqa: BLE001 -- it is what is looked for
            place = FOLDER / "found" / target.name / sha256(raw).hexdigest()
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(raw)
            findings.append(f"{place}: {type(error).__name__}: {error}")
        if random.random() < 0.01 and len(pool) < 5_000:
            pool.append(raw)
    return Outcome(target.name, executions, 0, len(pool), tuple(findings))


def outcomes(names: list[str], seconds: int, jobs: int) -> Iterator[Outcome]:
    has_fuzzer = importlib.util.find_spec("atheris") is not None
    if not has_fuzzer:
        sys.stderr.write(
            f"atheris is not installed (no wheel for {platform.machine()}?): "
            "seeded changes instead, without coverage\n"
        )
    run = guided if has_fuzzer else seeded
    with ThreadPoolExecutor(jobs if has_fuzzer else 1) as pool:
        yield from pool.map(lambda name: run(TARGETS[name], seconds), names)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=20, help="for each target (20)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    call = parser.parse_args()
    unknown = sorted(set(call.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; known: {' '.join(TARGETS)}")
    sys.stdout.write(f"{'target':<14}{'executions':>12}{'edges':>8}{'corpus':>8}  findings\n")
    found = 0
    for outcome in outcomes(call.targets or list(TARGETS), call.seconds, call.jobs):
        found += len(outcome.findings)
        sys.stdout.write(
            f"{outcome.target:<14}{outcome.executions:>12,}{outcome.edges:>8}{outcome.corpus:>8}"
            f"  {len(outcome.findings)}\n"
        )
        for finding in outcome.findings:
            sys.stdout.write(f"    {finding}\n")
        sys.stdout.flush()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
