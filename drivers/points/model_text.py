"""A model written as a model file: TOML that `drivers.points.model.load_file` reads back."""

from collections.abc import Iterable

from drivers.points.model import Model
from drivers.points.model_file import Fingerprint
from drivers.points.point_table import points_json


def model_text(model: Model) -> str:
    """The text of a model file with these points, limits and fingerprints."""
    texts = {key: getattr(model, key) for key in ("name", "maker", "title", "title_zh")}
    texts |= {"verified": model.verified.value}
    texts |= {key: getattr(model, key) for key in ("provenance", "provenance_zh")}
    lines = [f"{key} = {_to_toml(text)}" for key, text in texts.items() if text or not key.endswith("_zh")]
    lines += ["", "[limits]", f"request_registers_max = {model.request_registers_max}"]
    if model.gap_registers_max is not None:
        lines.append(f"gap_registers_max = {model.gap_registers_max}")
    barriers = (f"{{ function = {function}, address = {address} }}" for function, address in model.barriers)
    lines += [f"barriers = [{', '.join(barriers)}]", "", "[points]"]
    for name, body in points_json(model.points).items():
        keys = body | {"group": model.point(name).group.value}
        lines.append(
            f"{name} = {{ {', '.join(f'{key} = {_to_toml(value)}' for key, value in keys.items())} }}"
        )
    for mark in model.fingerprints:
        lines += _fingerprint_lines(mark)
    return "\n".join(lines) + "\n"


def _fingerprint_lines(mark: Fingerprint) -> Iterable[str]:
    yield from ("", "[[fingerprint]]", f"function = {mark.function}", f"address = {mark.address}")
    yield from (f'word_order = "{mark.word_order}"', f'type = "{mark.type}"')
    yield f"one_of = [{', '.join(map(_to_toml, mark.one_of))}]"
    if mark.text_words:
        yield f"text_words = {mark.text_words}"


def _to_toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
