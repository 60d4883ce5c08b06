"""Signatures read from source: of small modules written here, and of all of Keras, held against the real one."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.signatures import NotThere, Reader, Signature, Unreadable, generated, known, public_names, reader_for
from dlrun.config.signatures.modules import Modules
from dlrun.config.signatures.reader import KINDS
from dlrun.config.signatures.signature import parse_parameters

Read = Callable[..., Signature | None]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads `target` from modules given by their file names."""

    def call(target: str, files: dict[str, str] | None = None, **modules: str) -> Signature | None:
        for name, text in {**(files or {}), **{f"{name}.py": text for name, text in modules.items()}}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return reader_for(tmp_path).signature(target)

    return call


@pytest.mark.parametrize(
    ("source", "takes"),
    [
        ("def f(a, b=1, *, c, d=None): ...", "a, b=1, *, c, d=None"),
        ("def f(a, **kwargs): return dict(**kwargs)", "a, **kwargs"),
        ("class f:\n def __init__(self, a, /, b): ...", "b"),
        ("class f:\n pass", ""),
        ("class B:\n def __init__(self, a, b=2): ...\nclass f(B):\n pass", "a, b=2"),
        (
            "class B:\n def __init__(self, a, b=2): ...\n"
            "class f(B):\n def __init__(self, c, **kw):\n  super().__init__(c, **kw)",
            "c, *, b=2",  # a is given by position
        ),
        (
            "class B:\n def __init__(self, a, b=2): ...\n"
            "class f(B):\n def __init__(self, c, **kw):\n  super().__init__(b=c, **kw)",
            "c, *, a",
        ),
        (
            "class A:\n def __init__(self, x): ...\nclass B:\n def __init__(self, y): ...\n"
            "class f(A, B):\n def __init__(self, **kw):\n  B.__init__(self, **kw)",
            "*, y",
        ),
        ("class f:\n def __init__(self, **kw):\n  self.a = kw.pop('a', 1)\n  if kw: raise TypeError", "*, a=..."),
        ("class f:\n def __init__(self, **kw):\n  self.__dict__.update(kw)", "**kwargs"),
        ("class f:\n def __init__(self, **kw): ...", "**kwargs"),
        (
            "from nowhere_at_all import B\nclass f(B):\n def __init__(self, a, **kw): super().__init__(**kw)",
            "a, **kwargs",
        ),
        ("from nowhere_at_all import B\nclass f(B): ...", "**kwargs"),
        (
            "from dataclasses import dataclass, field\nfrom typing import ClassVar\n@dataclass\nclass B:\n a: int\n"
            "@dataclass\nclass f(B):\n b: list = field(default_factory=list)\n c: ClassVar[int] = 3\n"
            " d: int = field(init=False)",
            "a, b=list",
        ),
        ("class B:\n @classmethod\n def make(cls, a): ...\nf = B", ""),
        (
            "class A:\n def __init__(self, a): ...\nclass L(A): ...\n"
            "class R(A):\n def __init__(self, r, **kw): super().__init__(**kw)\nclass f(L, R): ...",
            "r, *, a",  # Python's order: f, L, R, A
        ),
        (
            "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass f(Generic[T]):\n def __init__(self, a): ...",
            "a",
        ),
    ],
)
def test_what_a_source_takes(source: str, takes: str, read: Read) -> None:
    signature = read("mod.f", mod=source)
    assert signature is not None
    assert signature.text == takes
    parameters, takes_any = parse_parameters(signature.text)
    assert (parameters, takes_any) == (signature.parameters, signature.takes_any)


@pytest.mark.parametrize(
    "source",
    [
        "from functools import partial\nf = partial(int)",
        "import functools\n@functools.wraps(int)\ndef f(a): ...",
        "def __getattr__(name): ...",
        "from nowhere_at_all import *",
        "from nowhere_at_all import f",
        "from math import sin as f",
        "f, g = 1, 2",
    ],
)
def test_what_the_source_does_not_say_is_not_judged(source: str, read: Read) -> None:
    assert read("mod.f", mod=source) is None


def test_names_are_followed_through_modules(read: Read) -> None:
    files = {
        "pack/__init__.py": "from .inner import Thing as Renamed\nfrom . import inner\n",
        "pack/inner.py": "from pack.deep import *\n",
        "pack/deep.py": "class Thing:\n    def __init__(self, a): ...\n",
        "plain/child.py": "from pack import Renamed\nAgain = Renamed\n",
    }
    for target in ("pack.Renamed", "pack.inner.Thing", "pack:inner.Thing", "plain.child.Again"):
        signature = read(target, files)
        assert signature is not None
        assert signature.text == "a"
        assert signature.path is not None
        assert (signature.path.name, signature.line) == ("deep.py", 1)


def test_a_circle_of_names_ends(read: Read) -> None:
    assert read("one.f", one="from two import f", two="from one import f") is None
    signature = read("three.f", three="class f(f): ...")
    assert signature is not None


def test_what_is_not_there_is_told_with_what_is(read: Read) -> None:
    with pytest.raises(NotThere) as told:
        read("mod.g", mod="class f: ...\n_hidden = 1\n")
    assert told.value.module is not None
    assert (told.value.module.name, told.value.name, told.value.names) == ("mod", "g", ("f",))
    with pytest.raises(NotThere) as told:
        read("nowhere_at_all.f")
    assert told.value.module is None


def test_what_is_no_python_is_told_with_its_line(read: Read) -> None:
    with pytest.raises(Unreadable) as told:
        read("mod.f", mod="x = 1\nclass f(:\n")
    assert (told.value.path.name, told.value.line) == ("mod.py", 2)


def test_nothing_is_imported(read: Read, tmp_path: Path) -> None:
    traces = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
    before = set(sys.modules)
    files = {"pack/__init__.py": traces, "pack/part.py": traces + "import keras\nclass f(keras.Layer): ...\n"}
    signature = read("pack.part.f", files)
    assert signature is not None
    assert signature.kinds == ("keras.layers.Layer",)
    assert not list(tmp_path.rglob("*.ran"))
    assert set(sys.modules) - before == set()


def test_a_class_of_keras_brings_what_it_takes(read: Read) -> None:
    source = """
from keras import layers as L
class f(L.Dense):
    def __init__(self, width, **kwargs):
        super().__init__(width, use_bias=False, **kwargs)
"""
    signature = read("mod.f", mod=source)
    assert signature is not None
    assert {"width", "kernel_initializer", "name"} <= set(signature.names)
    assert not {"units", "use_bias", "no_such"} & set(signature.names)
    assert (signature.kinds, signature.is_known, signature.takes_any) == (("keras.layers.Layer",), True, False)


# --- the generated file -------------------------------------------------------------------------------------------


def test_the_file_is_fresh() -> None:
    """After an update of Keras: `make signatures`."""
    assert generated.FILE.read_text(encoding="utf-8") == generated.generate()


def test_every_target_of_conf_that_is_keras_s_is_in_it(catalog: Catalog) -> None:
    options = [
        catalog.get(group, name) for group in catalog.groups if group != "experiment" for name in catalog.names(group)
    ]
    targets = {str(option.facts["target"]) for option in options if "target" in option.facts}
    of_keras = {target for target in targets if target.startswith("keras.")}
    assert len(of_keras) > 50
    assert of_keras - set(public_names()) == set()


def test_another_version_is_read_from_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    from_file = known("keras.layers.Dense")
    assert from_file is not None
    known.cache_clear()
    monkeypatch.setattr(generated, "installed_version", lambda: "99.0")
    try:
        assert known("keras.layers.Dense") is None
        read = reader_for(None).signature("keras.layers.Dense")
    finally:
        known.cache_clear()
    assert read is not None
    assert (read.text, read.kinds) == (from_file.text, from_file.kinds)
    assert read.path is not None


@pytest.fixture(scope="module")
def keras() -> Any:
    return importlib.import_module("keras")


def test_it_has_all_that_the_real_keras_has(keras: Any) -> None:
    kinds = tuple(pkgutil.resolve_name(kind) for kind in KINDS.values())
    everything = {
        f"{module}.{name}"
        for module in generated._MODULES
        for name, value in vars(importlib.import_module(module)).items()
        if not name.startswith("_") and not inspect.ismodule(value)
        if module != "keras" or (inspect.isclass(value) and issubclass(value, kinds))
    }
    assert everything == set(public_names())
    assert keras.__version__ == json.loads(generated.FILE.read_text(encoding="utf-8"))["keras"]


def test_it_is_true_of_the_real_keras(keras: Any) -> None:
    wrong = [f"{target}: {text}" for target in public_names() for text in disagreements(target)]
    assert wrong == [], "\n".join(wrong)


def disagreements(target: str) -> Iterator[str]:
    told = known(target)
    assert told is not None
    real = pkgutil.resolve_name(target)
    assert told.is_class == inspect.isclass(real)
    for kind in KINDS.values() if told.is_class else ():
        if issubclass(real, pkgutil.resolve_name(kind)) != (kind in told.kinds):
            yield f"its kind {kind}"
    takes = real_parameters(real)
    if told.takes_any and not takes.forwards:
        yield "it takes no other keyword"
    yield from (f"it takes {name}" for name in takes.own if name not in told.names)
    for parameter in told.parameters:
        if parameter.name not in takes.own:
            if parameter.name not in takes.later:
                yield f"it takes no {parameter.name}"
        elif parameter.is_required != (takes.own[parameter.name] is inspect.Parameter.empty):
            yield f"whether {parameter.name} is required"
        elif not same_default(parameter.default, takes.own[parameter.name]):
            yield f"the default of {parameter.name}"


class Takes(NamedTuple):
    """What a class or function takes: its own parameters, whether it has `**kwargs`, and what these may hold."""

    own: dict[str, Any]
    forwards: bool
    later: set[str]


def real_parameters(thing: Any) -> Takes:
    """By `inspect`, along the MRO: what is in `**kwargs` is a parameter of a later `__init__`, or a word in a body."""
    if not inspect.isclass(thing):
        return Takes(plain(thing), has_kwargs(thing), words(thing))
    inits = [inspect.unwrap(vars(each)["__init__"]) for each in thing.__mro__[:-1] if "__init__" in vars(each)]
    if not inits:
        return Takes({}, False, set())
    later = (
        {name for init in inits for name in [*list(plain(init))[1:], *words(init)]} if has_kwargs(inits[0]) else set()
    )
    return Takes(dict(list(plain(inits[0]).items())[1:]), has_kwargs(inits[0]), later)


def plain(function: Any) -> dict[str, Any]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {each.name: each.default for each in inspect.signature(function).parameters.values() if each.kind in kinds}


def has_kwargs(function: Any) -> bool:
    return any(each.kind is each.VAR_KEYWORD for each in inspect.signature(function).parameters.values())


def words(function: Any) -> set[str]:
    return {word for word in inspect.unwrap(function).__code__.co_consts if isinstance(word, str)}


def same_default(source: str | None, value: Any) -> bool:
    try:
        return bool(eval(source or "", {"inf": float("inf")}) == value)  # of Keras's own sources
    except (NameError, SyntaxError, AttributeError):  # `backend.epsilon`: another name of the same
        return True


# Values for what a class of Keras must be given; one that needs others is not built here.
NEEDED = {
    "units": 2, "filters": 2, "kernel_size": 1, "input_dim": 3, "output_dim": 2, "num_heads": 1, "key_dim": 2,
    "rate": 0.1, "stddev": 0.1, "target_shape": (2,), "dims": (1,), "n": 2, "decay_steps": 2, "decay_rate": 0.5,
    "initial_learning_rate": 0.1, "first_decay_steps": 2, "boundaries": [1], "values": [0.1, 0.2], "factor": 0.1,
    "filepath": "x.weights.h5", "filename": "x.csv", "monitor": "loss", "schedule": float, "num_classes": 2,
    "recall": 0.5, "precision": 0.5, "specificity": 0.5, "sensitivity": 0.5, "thresholds": 0.5, "height": 2,
    "width": 2, "axes": 1, "value": 0.1, "num_bins": 2, "scale": 0.1, "max_value": 1.0, "name": "x", "function": "relu",
    "activation": "relu", "num_query_heads": 1, "num_key_value_heads": 1, "head_dim": 2, "num_tokens": 3, "groups": 1,
}  # fmt: skip
NOT_BY_THESE = {
    "keras.layers.CategoryEncoding": "wants num_tokens, which it calls optional",
    "keras.layers.Discretization": "wants one of two parameters, both optional",
    "keras.layers.Lambda": "wants a function",
    "keras.layers.RandomPosterization": "its factor is a number of bits",
    "keras.layers.TFSMLayer": "reads a SavedModel",
}


def test_classes_take_what_it_says_and_nothing_else(keras: Any) -> None:
    """The real constructors, called: with every parameter's own default, and with what is not accepted."""
    wrong, built = [], 0
    for target in public_names():
        told = known(target)
        assert told is not None
        required = {parameter.name for parameter in told.parameters if parameter.is_required}
        if not told.is_class or not told.kinds or told.takes_any or not required <= NEEDED.keys():
            continue
        if target in NOT_BY_THESE:
            continue
        cls = pkgutil.resolve_name(target)
        given = {name: NEEDED[name] for name in required}
        cls(**given)
        built += 1
        later = {name for name in real_parameters(cls).later if name.isidentifier()}
        for name in ["no_such_parameter", *(later - set(told.names))]:
            if not is_refused(cls, given, name):
                wrong.append(f"{target} takes {name}")
        for parameter in told.parameters:
            if parameter.default is not None and parameter.name not in given and is_unknown(cls, given, parameter.name):
                wrong.append(f"{target} does not take {parameter.name}")
    assert wrong == []
    assert built > 200


def is_refused(cls: type, given: dict[str, Any], name: str) -> bool:
    try:
        cls(**given, **{name: None})
    except (TypeError, ValueError, AttributeError):
        return True
    return False


def is_unknown(cls: type, given: dict[str, Any], name: str) -> bool:
    """Whether a constructor says that it knows no such parameter; any other answer shows that it does."""
    try:
        cls(**given, **{name: None})
    except Exception as error:  # noqa: BLE001 - any answer but one will do
        text = str(error)
        return "unexpected keyword" in text or "nrecognized keyword" in text or "not recognized" in text
    return False


def test_a_reader_without_the_file_agrees_with_it() -> None:
    assert Reader(Modules()).signature("keras.Layer") is not None
