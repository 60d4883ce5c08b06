"""What Keras takes, from one generated file: reading its sources anew would cost every command a second.

The file says which version it was made from. Where another one is installed, the sources are read instead, as far as
a command needs them, so that nobody is refused what a newer Keras takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dlrun.config.signatures.modules import Modules
from dlrun.config.signatures.reader import KINDS, NotThere, Reader
from dlrun.config.signatures.signature import Signature, parse_parameters

__all__ = ["FILE", "generate", "installed_version", "known", "public_names", "reader_for"]

FILE = Path(__file__).resolve().parent.parent / "keras_signatures.json"

_MODULES = (
    "keras",
    "keras.activations",
    "keras.applications",
    "keras.callbacks",
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.metrics",
    "keras.models",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
)
_VERSION = re.compile(r"""^__version__ = ["']([^"']+)["']""", re.MULTILINE)


@cache
def installed_version() -> str | None:
    """The version of the Keras that Python would import; None where there is none."""
    package = Modules().find("keras")
    files = () if package is None else [folder / "src" / "version.py" for folder in package.folders]
    for file in files:
        if file.is_file() and (found := _VERSION.search(file.read_text(encoding="utf-8"))):
            return found.group(1)
    return None


@cache
def _file() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@cache
def known(target: str) -> Signature | None:
    """What one of Keras's public names takes; None where the file does not have it or is of another version."""
    if not target.startswith(("keras.", "tensorflow.keras.")) or _file()["keras"] != installed_version():
        return None
    name = target.removeprefix("tensorflow.")
    entry = _file()["signatures"].get(name)
    if entry is None:
        return None
    parameters, takes_any = parse_parameters(entry["takes"])
    kinds, is_class = tuple(entry.get("is", ())), entry["takes_by"] == "class"
    return Signature(name, parameters, takes_any, kinds, is_class, is_callable=entry.get("called", False))


def public_names() -> tuple[str, ...]:
    """The import paths of the file, whichever version is installed."""
    return tuple(_file()["signatures"])


def reader_for(project: Path | None) -> Reader:
    """A reader that sees the project's modules and what is installed, and knows Keras."""
    return Reader(Modules(project), known)


def generate() -> str:
    """The content of the file, from the sources of the Keras that is installed."""
    reader = Reader(Modules())
    signatures = {target: _entry(signature) for target, signature in sorted(_signatures(reader))}
    lines = ",\n".join(f"{json.dumps(target)}: {json.dumps(entry)}" for target, entry in signatures.items())
    return f'{{"keras": {json.dumps(installed_version())}, "signatures": {{\n{lines}\n}}}}\n'


def _signatures(reader: Reader) -> Iterator[tuple[str, Signature]]:
    for module in _MODULES:
        for name in reader.names(module):
            try:
                signature = reader.signature(f"{module}.{name}")
            except NotThere:
                continue
            if signature is not None and (signature.kinds or module != "keras"):  # the rest there builds no option
                yield f"{module}.{name}", signature


def _entry(signature: Signature) -> dict[str, Any]:
    entry: dict[str, Any] = {"takes_by": "class" if signature.is_class else "function", "takes": signature.text}
    if signature.kinds:
        entry["is"] = sorted(kind for kind in signature.kinds if kind in KINDS.values())
    if signature.is_class and signature.is_callable:
        entry["called"] = True
    return entry
