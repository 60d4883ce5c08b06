"""Hostile words: import paths, Hydra's own wheels, resolvers, sizes, look-alikes, flags."""

from __future__ import annotations

import itertools

from .case import Case, project

__all__ = ["CASES"]

_NOT_HERE = "must not stand in a config"
_PLUGIN = "must be an installed Hydra plugin"
_ALONE = "must be left alone"
_GROUPS = (
    *("data", "preprocess", "split", "model", "activation", "initializer", "regularizer", "constraint", "loss"),
    *("optimizer", "schedule", "trainer", "tracking", "search"),
)


def case(name: str, says: str, *words: str, **more: object) -> Case:
    return Case(name, words, says, **more)  # type: ignore[arg-type]


def _targets() -> list[Case]:
    """An import path for each group, in each form a word can have, by each name that `instantiate` reads."""
    cases = [case(f"target in {group}", _NOT_HERE, f"{group}._target_=evil.run") for group in _GROUPS]
    cases += [
        case(f"{fact} in a group", _NOT_HERE, f"+optimizer.{fact}={value}")
        for fact, value in {
            "_partial_": "true", "_args_": "[id]", "_recursive_": "false", "_convert_": "all", "_call_": "list",
        }.items()
    ]  # fmt: skip
    return cases + [
        case("target with +", _NOT_HERE, "+optimizer._target_=evil.run"),
        case("target with ++", _NOT_HERE, "++optimizer._target_=evil.run"),
        case("target at the top", _NOT_HERE, "+_target_=evil.run"),
        case("target in a new node", _NOT_HERE, "+mine._target_=evil.run"),
        case("target in tags", _NOT_HERE, "tags={_target_: evil.run}"),
        case("target deep in tags", _NOT_HERE, "tags={a: {b: [{c: {_target_: evil.run}}]}}"),
        case("target in lab", _NOT_HERE, "lab={arms: {_target_: evil.run}}"),
        case("target in a callback", _NOT_HERE, "+callback.early_stopping._target_=evil.run"),
        case("target in a second callback", _NOT_HERE, "+callback@callback.x=checkpoint", "+callback.x._target_=evil.run"),
        case("target in a metric", _NOT_HERE, "metric=[accuracy]", "+metric.accuracy._target_=evil.run"),
        case("target in a model's list", _NOT_HERE, "model.layers=[{_target_: evil.run}]"),
        case("target in a layer", _NOT_HERE, "model.layers=[{dense: {units: 3, _target_: evil.run}}]"),
        case("target by index", "model.layers", "model.layers.0._target_=evil.run"),
        case("target in the head", _NOT_HERE, "model.head={dense: {units: 1, _target_: evil.run}}"),
        case("target in an initializer of a layer", _NOT_HERE,
             "model.layers=[{dense: {units: 3, kernel_initializer: {_target_: evil.run}}}]"),
        case("target as a whole node", _NOT_HERE, "optimizer={_target_: evil.run}"),
        case("target swept", _NOT_HERE, "-m", "+optimizer._target_=evil.run,evil.other"),
        case("target beside a sweep", _NOT_HERE, "-m", "seed=1,2", "+optimizer._target_=evil.run"),
        case("target by interpolation", _NOT_HERE, "name=evil.run", "+optimizer._target_=${name}"),
        case("target behind an interpolated node", _NOT_HERE, "tags={a: {_target_: evil.run}}", "+optimizer.x=${tags.a}"),
        case("target made by oc.create", _NOT_HERE, "tags='${oc.create:{_target_: evil.run}}'"),
        case("target decoded", _NOT_HERE, "tags='${oc.decode:\"{_target_: evil.run}\"}'"),
        case("an interpolation that cannot be read", "must", "tags='${oc.decode:\\'x\\'}'"),
        case("a module for an option", "must name an option", "optimizer=evil.run"),
        case("a colon for an option", "must name an option", "optimizer=evil:run"),
        case("a module for a layer", "must be a layer", "model.layers=[evil.run]"),
        case("a module for an initializer", "initializer", "initializer=evil.run"),
        case("a module for a nested option", "kernel_initializer", "model.layers=[{dense: {units: 3, kernel_initializer: evil.run}}]"),
        case("an option by its key", "must not be set", "optimizer.option=evil.run"),
        case("an option's fact by name", "must be a key", "optimizer.target=evil.run"),
        case("a package with a target", "must name an option", "+optimizer@evil=evil.run"),
        case("config checks the same", _NOT_HERE, "config", "optimizer._target_=evil.run"),
        case("train by name checks the same", _NOT_HERE, "train", "optimizer._target_=evil.run"),
        case("cfg job checks the same", _NOT_HERE, "--cfg", "job", "optimizer._target_=evil.run"),
    ]  # fmt: skip


def _hydra() -> list[Case]:
    """Hydra's own node: what it instantiates, and what it does by itself."""
    cases = [
        case(f"{form}{key} is no plugin", _PLUGIN, f"{form}{key}._target_=evil.run")
        for key, form in itertools.product(("hydra.launcher", "hydra.sweeper"), ("", "++"))
    ]
    cases += [
        case(f"callbacks {number}: {name}", says, f"+hydra.callbacks{name}={value}")
        for number, (name, value, says) in enumerate(
            (
                (".x._target_", "evil.run", _PLUGIN),
                (".x.y.z._target_", "evil.run", _PLUGIN),
                (".x._target_ ", "hydra_plugins.dlrun.plugins.DlrunLauncher", "must be"),
                ("", "{x: {_target_: evil.run}}", _ALONE),
                ("", "${tags}", _ALONE),
                ("", "'${oc.create:{x: {_target_: evil.run}}}'", _ALONE),
                ("", "[{_target_: evil.run}]", _ALONE),
            )
        )
    ]
    acting = {
        "run.dir": "/tmp/elsewhere", "sweep.dir": "../elsewhere", "sweep.subdir": "x", "output_subdir": "x",
        "job.chdir": "true", "job.env_set.PATH": "/tmp", "+job.env_set": "{PATH: /tmp}", "job.env_copy": "[HOME]",
        "job.name": "x", "job.config_name": "x", "job.config.override_dirname.kv_sep": "x", "mode": "MULTIRUN",
        "searchpath": "[file:///tmp]", "+searchpath.0": "pkg://evil", "help.template": "x", "runtime.cwd": "/",
        "+runtime.choices.experiment": "../../x", "runtime.output_dir": "/tmp", "overrides.task": "[a]",
        "job_logging.version": "2", "+job_logging.handlers.x.class": "evil.run", "+hydra_logging.formatters.x.class": "evil.run",
        "job_logging": "{version: 1, handlers: {x: {class: evil.run}}}", "env": "{x: 1}", "hydra_help.template": "x",
    }  # fmt: skip
    for key, value in acting.items():
        mark, name = ("+", key[1:]) if key.startswith("+") else ("", key)
        cases.append(case(f"hydra.{name} is turned", _ALONE, f"{mark}hydra.{name}={value}"))
    return cases + [
        case("job_logging calls", "'+hydra.job_logging", "+hydra.job_logging.handlers.x.()=evil.run"),
        case("hydra is removed", "hydra", "~hydra"),
        case("hydra.launcher is removed", _ALONE, "~hydra.launcher"),
        case("hydra.launcher as a whole", _ALONE, "hydra.launcher={_target_: evil.run}"),
        case("a launcher with arguments", _PLUGIN, "+hydra.launcher._args_=[id]"),
        case("a launcher that is partial", _PLUGIN, "+hydra.launcher._partial_=true"),
        case("a launcher not recursive", _PLUGIN, "+hydra.launcher._recursive_=false"),
        case("a launcher that converts", _PLUGIN, "+hydra.launcher._convert_=all"),
        case("a target below a launcher", _PLUGIN, "+hydra.launcher.x._target_=evil.run"),
        case("a target in a launcher's list", _PLUGIN, "+hydra.launcher.x=[{_target_: evil.run}]"),
        case("a launcher by interpolation", _PLUGIN, "name=evil.run", "hydra.launcher._target_=${name}"),
        case("a launcher's value by oc.create", "must be a plain value", "+hydra.launcher.x='${oc.create:{_target_: evil.run}}'"),
        case("a launcher's value by reference", "must be a plain value", "tags={a: 1}", "+hydra.launcher.x=${tags}"),
        case("a sweeper for a launcher", _PLUGIN, "hydra.launcher._target_=hydra_plugins.dlrun.plugins.DlrunSweeper"),
        case("another sweeper", "must be dlrun's own", "hydra/sweeper=basic"),
        case("a launcher that is not there", "must name an option", "hydra/launcher=evil"),
        case("a launcher out of the tree", "must name an option", "hydra/launcher=../../evil"),
        case("Hydra's logs", _ALONE, "hydra/job_logging=default"),
        case("Hydra's own logs", _ALONE, "hydra/hydra_logging=default"),
        case("Hydra's folder", _ALONE, "hydra/output=default"),
        case("Hydra's help", _ALONE, "hydra/help=default"),
        case("a callback nobody has", _ALONE, "+hydra/callbacks=mine"),
        case("a launcher into an optimizer", "optimizer", "+hydra/launcher@optimizer=basic"),
        case("data into Hydra's variables", _ALONE, "+data@hydra.job.env_set=iris"),
        case("data into Hydra's logging", _ALONE, "+data@hydra.job_logging=iris"),
        case("a model over the launcher", _ALONE, "model@hydra.launcher=mlp"),
        case("swept launcher", _PLUGIN, "-m", "hydra.launcher._target_=evil.run,evil.x"),
        case("swept sweeper", _PLUGIN, "-m", "seed=1,2", "hydra.sweeper._target_=evil.run"),
        case("sweeper's words bring a callback", _PLUGIN, "-m", "+hydra.sweeper.params={hydra.callbacks.x._target_: evil.run}"),
        case("cfg hydra checks the same", _PLUGIN, "--cfg", "hydra", "+hydra.callbacks.x._target_=evil.run"),
        case("info checks the same", _ALONE, "--info", "config", "+hydra.hydra_logging.handlers={a: {class: evil.run}}"),
        case("hydra-help checks the same", _ALONE, "--hydra-help", "hydra.searchpath=[pkg://evil]"),
    ]  # fmt: skip


def _resolvers() -> list[Case]:
    environment = {"DLRUN_CANARY": "hush"}
    secret = "must not read the environment"
    told = [
        ("name", "${oc.env:DLRUN_CANARY}"),
        ("tags.x", "${oc.env:DLRUN_CANARY}"),
        ("name", "a${oc.env:DLRUN_CANARY}b"),
        ("name", "'${oc.decode:${oc.env:DLRUN_CANARY}}'"),
        ("name", "'${oc.env:${oc.decode:DLRUN_CANARY}}'"),
        ("name", "${oc.select:tracking.uri}"),
        ("name", "${tracking.uri}"),
        ("tags", "${tracking}"),
        ("tags.x", "${oc.dict.values:tracking}"),
        ("data", "${oc.env:DLRUN_CANARY}"),
        ("optimizer.learning_rate", "${oc.env:DLRUN_CANARY}"),
        ("model.layers", "[{dense: ${oc.env:DLRUN_CANARY}}]"),
    ]
    cases = [
        Case(
            f"secret {number} in {key}",
            ("config", "tracking.uri=http://me:${oc.env:DLRUN_CANARY}@127.0.0.1:9", f"++{key}={value}" if key != "data" else f"{key}={value}"),
            "must name an option" if key == "data" else secret,
            environment=environment,
        )
        for number, (key, value) in enumerate(told)
    ]  # fmt: skip
    foreign = "must call no resolver but OmegaConf's own"
    return cases + [
        case("a resolver of a plugin", foreign, "name=${evil:run}"),
        case("a resolver inside another", foreign, "name='${oc.decode:${evil:run}}'"),
        case("the clock", foreign, "name=${now:%H}"),
        case("a resolver in a list", foreign, "tags={a: [1, '${evil:run}']}"),
        case("a resolver for a launcher", foreign, "+hydra.launcher.x=${evil:run}"),
        case("a resolver by its name made up", "", "name=env", "tags={a: '${oc.${name}:HOME}'}"),
        case("a key that refers to itself", "must resolve", "name=${name}"),
        case("keys that refer to each other", "must resolve", "name=${tags.a}", "tags={a: '${name}'}"),
        case("everything inside itself", "must resolve", "tags={a: '${tags}'}"),
        case("a reference out of the config", "must resolve", "name=${.......a}"),
        case("Hydra's node by reference", foreign, "name=${hydra:runtime.cwd}"),
        Case("a secret that is resolved to be printed", ("--cfg", "job", "--resolve", "tracking.uri=http://me:${oc.env:DLRUN_CANARY}@127.0.0.1:9"), "${oc.env:DLRUN_CANARY}", environment=environment, is_harmless=True),
        Case("a secret in the printed config", ("config", "tracking.uri=http://me:${oc.env:DLRUN_CANARY}@127.0.0.1:9"), "${oc.env:DLRUN_CANARY}", environment=environment, is_harmless=True),
        Case("a secret in a wrong address", ("tracking.uri=ftp://${oc.env:DLRUN_CANARY}",), "${oc.env:DLRUN_CANARY}", environment=environment),
    ]  # fmt: skip


def _sizes() -> list[Case]:
    deep = "must nest at most"
    return [
        case("10,000 lists", deep, f"tags={'[' * 10_000}{']' * 10_000}"),
        case("10,000 lists left open", deep, f"tags={'[' * 10_000}"),
        case("9,000 mappings", deep, "tags=" + "{a: " * 9_000 + "1" + "}" * 9_000),
        case("10,000 interpolations", deep, "name=" + "${" * 10_000 + "a" + "}" * 10_000),
        case("9,000 calls", deep, "name=" + "str(" * 9_000 + "1" + ")" * 9_000),
        case("a word of 10 MB", "must be at most 50,000 characters", "name=" + "x" * 10_000_000),
        case("a key of 10 MB", "must be", "x" * 10_000_000 + "=1"),
        case("a key of 5,000 parts", "must have a key of at most 300 characters", ".".join(["a"] * 5000) + "=1"),
        case("a number of 5,000 digits", "must be", "seed=" + "9" * 5000),
        case("a number of 4,000 digits", "seed must be", "seed=" + "9" * 4000),
        case("a fraction of 5,000 digits", "must be", "optimizer.learning_rate=0." + "9" * 5000 + "e-9999999999"),
        case("a billion seeds", "must sweep over fewer values", "-m", "seed=range(0,1000000000)"),
        case("a billion seeds shuffled", "must sweep over fewer values", "-m", "seed=shuffle(range(0,1000000000))"),
        case("a billion seeds sorted", "must sweep over fewer values", "-m", "seed=sort(range(0,1000000000))"),
        case("seeds without end", "must", "-m", "seed=range(0,10,0)"),
        case("endless fine steps", "must sweep over fewer values", "-m", "model.dropout=range(0,0.9,1e-12)"),
        case("a million trials by four axes", "must sweep over fewer values", "-m", *(f"{key}=range(0,40)" for key in ("seed", "split.seed", "trainer.epochs", "trainer.batch_size"))),
        case("--seeds a billion", "must be at most 100,000", "--seeds", "1000000000"),
        case("--folds a billion", "must be at most 100,000", "--folds", "1000000000"),
        case("forty keys that nobody knows", "must be a key", *(f"+a{number}=1" for number in range(40))),
        case("a tower of powers", "too large", "model.layers=[{dense: '$9**9**9**9'}]"),
        case("powers in brackets", "too large", "model.layers=[{dense: '$((9**64)**64)**64'}]"),
        case("a text times a billion", "too large", "model.layers=[{dense: \"$'a' * 10**9\"}]"),
        case("a list times a billion", "too large", "model.hidden='$[1] * 10**9'", "model.layers=[{for: {u: $hidden}, layers: [dense: $u]}]"),
        case("a list that doubles", "too large", "model.layers=[{for: {u: \"$(([1]*9999 + [1]*9999) + ([1]*9999 + [1]*9999))\"}, layers: [{dense: $u}]}]"),
        case("a format of a billion", "too large", "model.layers=[{dense: \"$'%1000000000d' % 1\"}]"),
        case("an expression nested deep", "must", "model.layers=[{dense: '$" + "-" * 1900 + "1'}]"),
        case("an expression of 40,000 terms", "longer than", "model.layers=[{dense: '$" + "1+" * 20_000 + "1'}]"),
        case("an expression that calls", "is not allowed", "model.layers=[{dense: \"$(lambda: 1)()\"}]"),
        case("an expression that imports", "$__import__ is not", "model.layers=[{dense: \"$__import__('evil').run()\"}]"),
        case("an expression that reads attributes", "not allowed", "model.layers=[{dense: '$hidden.__class__.__mro__'}]"),
        case("an expression with a comprehension", "must", "model.layers=[{dense: '$[x for x in hidden]'}]"),
        case("an expression with a walrus", "must", "model.layers=[{dense: '$(x := 1)'}]"),
        case("an expression with an f-string", "not allowed", "model.layers=[{dense: \"$f'{1}'\"}]"),
        case("a billion layers", "layers", "model.layers=[{repeat: 1000000000, layers: [flatten]}]"),
        case("layers nested a billion", "layers", "model.layers=[{repeat: 1000, layers: [{repeat: 1000, layers: [{repeat: 1000, layers: [flatten]}]}]}]"),
    ]  # fmt: skip


def _look_alikes() -> list[Case]:
    """Keys that a reader takes for something else. Hydra's grammar takes none of them; experiments are in `files`."""
    odd = {
        "cyrillic target": "+optimizer._t\u0430rget_=evil.run",
        "full-width target": "+optimizer.\uff3ftarget\uff3f=evil.run",
        "cyrillic target in a mapping": "tags={_t\u0430rget_: evil.run}",
        "full-width target in a mapping": "tags={\uff3ftarget\uff3f: evil.run}",
        "target with a sign without width": "tags={_tar\u200bget_: evil.run}",
        "target turned around": "tags={\u202e_target_: evil.run}",
        "cyrillic option": "optimizer=\u0430dam",
        "full-width option": "optimizer=\uff41dam",
        "option with a sign without width": "optimizer=ad\u200bam",
        "cyrillic group": "\u043eptimizer=adam",
        "long dash": "\u2014config-dir=/tmp",
        "control characters in a key": "tags={a\x1b]0;x\x07: 1}",
    }
    return [case(name, "must", word) for name, word in odd.items()] + [
        case("a lone surrogate", "must", "name='\udcff'", "+zz=1"),
        case("control characters in a value", "got '\\x1b]0;x\\x07'", "optimizer.learning_rate='\x1b]0;x\x07'"),
        case("quoted option with a look-alike", "must name an option", "optimizer='\u0430dam'"),
    ]


def _names() -> list[Case]:
    outside = {"../../x": "up", "/etc/passwd": "absolute", "./adam": "here", "adam/../adam": "through", "adam.yaml": "with its ending", "~/x": "home", "..": "dots", "C:\\x": "drive", "file:///x": "address", "*": "star"}  # fmt: skip
    cases = [
        case(f"option {how}", "must", f"optimizer={name}", files=project({"x.yaml": "_target_: evil.run\n"}))
        for name, how in outside.items()
    ]
    return cases + [
        case("experiment up", "must name an option", "experiment=../x", files=project({"x.yaml": "# X\nseed: 1\n"})),
        case("experiment absolute", "must name an option", "experiment=/tmp/x"),
        case("callback up", "must name an option", "callback=[../../x]"),
        case("group up", "must be", "+../../x=y"),
        case("group absolute", "must be", "/tmp/x=y"),
        case("group that is a folder of the project", "must be a key", "+runs=x", files=project({"runs/x.yaml": "# X\na: 1\n"})),
        case("show up", "must", "show", "../../x"),
        case("show absolute", "must", "show", "/etc/passwd"),
        case("ls up", "must be a config group", "ls", "../.."),
        case("ls absolute", "must be a config group", "ls", "/tmp"),
        case("layer up", "must be a layer", "model.layers=['../../x']"),
        case("nested option up", "kernel_initializer", "model.layers=[{dense: {units: 1, kernel_initializer: ../../x}}]"),
    ]  # fmt: skip


def _flags() -> list[Case]:
    refused = "does not take"
    return [
        case("experimental-rerun", refused, "--experimental-rerun", "x.pickle"),
        case("experimental-rerun with =", refused, "--experimental-rerun=x.pickle"),
        case("experimental-rerun behind words", refused, "seed=1", "--experimental-rerun", "x.pickle"),
        case("experimental-rerun of train", refused, "train", "--experimental-rerun", "x.pickle"),
        case("config-dir", refused, "--config-dir", "evil"),
        case("config-dir with =", refused, "--config-dir=evil"),
        case("-cd", refused, "-cd", "evil"),
        case("-cd among words", refused, "seed=1", "-cd", "evil", "-m"),
        case("config-path", refused, "--config-path", "/tmp"),
        case("-cp", refused, "-cp", "/tmp"),
        case("config-name", refused, "--config-name", "evil"),
        case("-cn", refused, "-cn", "../../evil"),
        case("config-dir of config", "--config-dir", "config", "--config-dir", "evil"),
        case("-cd of config", "-cd", "config", "-cd", "evil"),
        case("config-path of ls", "--config-path", "ls", "--config-path", "evil"),
        case("abbreviated rerun", "must be a flag", "--experimental", "x"),
        case("run and multirun", "must", "--multirun", "-m", "+optimizer._target_=evil.run"),
        case("a flag behind two hyphens", refused, "--", "--config-dir=evil"),
        case("a file of words", "is no verb", "@evil.txt"),
        case("a verb that is a module", "is no verb", "evil"),
        case("a verb that is a path", "is no verb", "./evil.py"),
    ]


def _stores() -> list[Case]:
    uri = "tracking.uri"
    return [
        case("a driver that is a module", "needs the package", f"{uri}=mysql+evil://x"),
        case("a driver inside a module", "needs the package", f"{uri}=postgresql+evil.run://x"),
        case("a dialect of nobody", "must begin with", f"{uri}=evil://x"),
        case("a plain folder", "must name a database", f"{uri}=file:///etc"),
        case("a file that is no store", "must be an MLflow store", f"{uri}=sqlite:///evil.py"),
        case("a device for a store", "must be", f"{uri}=sqlite:////dev/null"),
        case("a store in memory", "must name a file", f"{uri}=sqlite:///:memory:"),
        case("a password in the address", "must not hold a password", f"{uri}=http://me:hush@127.0.0.1:9"),
    ]


CASES = [*_targets(), *_hydra(), *_resolvers(), *_sizes(), *_look_alikes(), *_names(), *_flags(), *_stores()]
