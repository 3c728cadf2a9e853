"""One target under a coverage-guided fuzzer, in a process of its own: python -m tests.fuzz.one TARGET ARGS…

libFuzzer's own arguments follow the name. Bytecode of our packages is instrumented as it is imported, so
the import below stands where it stands. What the fuzzer draws is half its own bytes, half our items.
"""

import sys

import atheris

with atheris.instrument_imports(include=["agent", "drivers", "provisioning"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.mutate import mutate

TARGET = TARGETS[sys.argv[1]]


def mutated(raw: bytes, size_max: int, seed: int) -> bytes:
    if seed % 2 and TARGET.form:
        return mutate(raw, size_max, seed, form=TARGET.form)
    return atheris.Mutate(raw, size_max)


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGET.run, custom_mutator=mutated)
    atheris.Fuzz()
