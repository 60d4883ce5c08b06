"""Options held against what they name: all of dlrun's own, and a user's right and wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlrun.config.build import arguments
from dlrun.config.buildable import Judge, check_options
from dlrun.config.catalog import Catalog
from dlrun.config.facts import FACTS, GIVEN, passed_names
from dlrun.config.roots import Roots
from dlrun.config.rules import MISSING
from dlrun.errors import ConfigError
from dlrun.planning import Planner
from dlrun.training.objective import Horizon

SCALE = """
from pathlib import Path
Path(__file__).with_suffix(".ran").touch()
import keras

@keras.saving.register_keras_serializable("mine")
class Scale(keras.layers.Layer):
    def __init__(self, factor, power=1.0, **kwargs):
        super().__init__(**kwargs)

class Plain:
    def __init__(self, factor): ...

def centred(samples): ...
"""


@pytest.fixture
def project(work: Path) -> Path:
    write(work, {"conf/project.yaml": "", "mine.py": SCALE})
    return work


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def problems(folder: Path, group: str, text: str) -> list[str]:
    """What is wrong with option `mine` of `group`."""
    write(folder, {f"conf/{group}/mine.yaml": f"# Mine\n{text}"})
    return [str(each).replace(f"{folder}/", "") for each in Judge(Catalog(Roots.of(folder))).problems(group, "mine")]


def every_option(catalog: Catalog) -> list[tuple[str, str]]:
    return [(group, name) for group in catalog.groups if group != "experiment" for name in catalog.names(group)]


def test_all_of_conf_can_be_built(catalog: Catalog) -> None:
    judge = Judge(catalog)
    every = every_option(catalog)
    assert len(every) > 100
    assert [str(problem) for group, name in every for problem in judge.problems(group, name)] == []


def test_what_is_judged_is_what_is_passed(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """`passed_names` is what `build.arguments` computes, for every option that is built from arguments."""
    monkeypatch.setattr("dlrun.config.build.build", lambda *_: None)
    names = {"run_directory": "x", "cache": "x", "classes": 3, "value_range": [0, 1], **Horizon(1, 2).names(0.1)}
    compared = 0
    for group, name in every_option(catalog):
        option = catalog.get(group, name)
        if "target" in option.facts and group != "model":
            values = {key: 1 if value == MISSING else value for key, value in option.defaults.items()}
            assert set(passed_names(option)) == set(arguments(catalog, option, values, names)), f"{group}/{name}"
            compared += 1
    assert compared > 90


def test_every_fact_of_conf_is_known_and_every_known_one_is_read(catalog: Catalog) -> None:
    used = {fact for group, name in every_option(catalog) for fact in catalog.get(group, name).facts}
    package = Path(__import__("dlrun").__file__ or "").parent
    sources = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path.stem != "facts")
    assert used <= FACTS
    assert [fact for fact in FACTS - used if f'"{fact}"' not in sources] == []


def test_what_expressions_may_read_is_what_they_are_given() -> None:
    assert set(Horizon(1, 1).names(0.1)) == GIVEN["schedule"]


RIGHT = [
    ("layer", "_target_: mine.Scale\nfactor: 1.0\n"),
    ("layer", "_target_: mine:Scale\nfactor: 1.0\npower: 2.0\nname: x\n"),
    ("activation", "defaults: [leaky_relu, _self_]\n"),
    ("optimizer", "_target_: tensorflow.keras.optimizers.Lion\nlearning_rate: 0.1\n"),
    ("optimizer", "defaults: [adam, _self_]\nlearning_rate: 0.1\n"),
    ("loss", "_target_: mine.unread\nfactor: 1.0\n"),  # mine/__init__ below: a name from a module that is not installed
    ("data", "_target_: mine.centred\n_task_: binary\n_classes_: 2\nsamples: 3\n"),
    ("trainer", "defaults: [default, _self_]\nepochs: 3\n"),
    ("schedule", "defaults: [cosine, _self_]\nalpha: 0.1\n"),
    ("model", "defaults: [base, _self_]\nwidth: 3\nlayers: [flatten, {dense: $width}]\n"),
    ("model", "defaults: [base, _self_]\nwidth: 3\ntwice: $2 * width   # int: x\nlayers: [{dense: $twice}]\n"),
]


@pytest.mark.parametrize(("group", "text"), RIGHT)
def test_a_right_option_is_left_alone(group: str, text: str, project: Path) -> None:
    guarded = "try:\n    from nowhere_at_all import unread\nexcept ImportError: ...\n"
    (project / "mine.py").write_text(SCALE + guarded, encoding="utf-8")
    assert problems(project, group, text) == []


WRONG = [
    ("layer", "_target_: mine.Scale\nfactr: 1.0\n", ["layer/mine: factr must be a parameter of mine.Scale (mine.py:7)"
     ". Did you mean factor? (conf/layer/mine.yaml:3)"]),
    ("layer", "_target_: mine.Scale\npower: 1.0\n", ["layer/mine: factor must be there: mine.Scale (mine.py:7) cannot"
     " be built without it. Write `factor: ???   # RULE: meaning`, or a default in place of `???`."
     " (conf/layer/mine.yaml)"]),
    ("layer", "_target_: mine.Plain\nfactor: 1.0\n", ["layer/mine: _target_ must be a keras.layers.Layer; got"
     " mine.Plain. Derive it from keras.layers.Layer. (conf/layer/mine.yaml:2)"]),
    ("loss", "_target_: mine.Scale\nfactor: 1.0\n", ["loss/mine: _target_ must be a keras.losses.Loss; got mine.Scale,"
     " a keras.layers.Layer. Move the file to conf/layer/, or name another class. (conf/loss/mine.yaml:2)"]),
    ("loss", "_target_: mine.Plain\nfactor: 1.0\n", ["loss/mine: _target_ must be a keras.losses.Loss; got mine.Plain."
     " Derive it from keras.losses.Loss. (conf/loss/mine.yaml:2)"]),
    ("layer", "_target_: mine.Scael\n", ["layer/mine: _target_ must name a class or function that is there; got"
     " mine.Scael. Did you mean mine.Scale? mine.py has no Scael. (conf/layer/mine.yaml:2)"]),
    ("layer", "_target_: mien.Scale\n", ["layer/mine: _target_ must name a class or function that is there; got"
     " mien.Scale. Did you mean mine.Scale? There is no mien.py in the project, and no installed package mien."
     " (conf/layer/mine.yaml:2)"]),
    ("layer", "_target_: pack.prat.Scale\n", ["layer/mine: _target_ must name a class or function that is there; got"
     " pack.prat.Scale. Did you mean pack.part.Scale? There is no pack/prat.py. (conf/layer/mine.yaml:2)"]),
    ("layer", "_target_: broken.Scale\n", ["broken.py must be Python: invalid syntax. (broken.py:2)"]),
    ("layer", "_target_: random.Scale\n", ["layer/mine: _target_ must name a class or function that is there; got"
     " random.Scale. Python finds random of Python's standard library in place of the project's random: give your"
     " module another name. (conf/layer/mine.yaml:2)"]),
    ("layer", "_target_: keras.layers.Dens\nunits: 1\n", ["layer/mine: _target_ must name a class or function that is"
     " there; got keras.layers.Dens. Did you mean keras.layers.Dense? keras.layers has no Dens."
     " (conf/layer/mine.yaml:2)"]),
    ("optimizer", "_target_: keras.layers.Lion\n", ["optimizer/mine: _target_ must name a class or function that is"
     " there; got keras.layers.Lion. Did you mean keras.optimizers.Lion? keras.layers has no Lion."
     " (conf/optimizer/mine.yaml:2)"]),
    ("optimizer", "defaults: [adam, _self_]\nlearning_rat: 0.1\n", ["optimizer/mine: learning_rat must be a parameter"
     " of keras.optimizers.Adam. Did you mean learning_rate? (conf/optimizer/mine.yaml:3)"]),
    ("activation", "_targt_: keras.layers.ReLU\n", ["activation/mine: _targt_ must be a fact that dlrun reads. Did you"
     " mean _target_? (conf/activation/mine.yaml:2)"]),
    ("activation", "slope: 1.0\n", ["activation/mine: _target_ must be there: it names the class or function that is"
     " built. Write `_target_: MODULE.NAME`. (conf/activation/mine.yaml)"]),
    ("trainer", "defaults: [default, _self_]\nepoch: 3\n", ["trainer/mine: epoch must be a key that dlrun reads in an"
     " option of trainer. Did you mean epochs? (conf/trainer/mine.yaml:3)"]),
    ("schedule", "defaults: [constant, _self_]\n_target_: keras.optimizers.schedules.ExponentialDecay\n_derived_:\n"
     "  initial_learning_rate: $learning_rat\n  decay_steps: 3\n  decay_rate: 0.5\n", ["schedule/mine:"
     " _derived_.initial_learning_rate must read names that are bound: $learning_rat is not. Did you mean"
     " $learning_rate? (conf/schedule/mine.yaml:5)"]),
    ("schedule", "_target_: keras.optimizers.schedules.ExponentialDecay\n_derived_:\n  initial_learning_rate: 0.1\n"
     "  decay_step: 3\n  decay_rate: 0.5\n", ["schedule/mine: _derived_.decay_step must be a parameter of"
     " keras.optimizers.schedules.ExponentialDecay. Did you mean decay_steps? (conf/schedule/mine.yaml:5)"]),
    ("model", "defaults: [base, _self_]\ndropuot: 0.3\nlayers: [flatten, dropout, {dense: $width}]\nwidth: 3\n",
     ["model/mine: dropuot must be read by a layer: nothing reads $dropuot. Did you mean dropout?"
     " (conf/model/mine.yaml:3)"]),
    ("model", "_target_: mine.centred\n", ["model/mine: _target_ must be a function of spec, input_shape and outputs:"
     " mine.centred (mine.py:14) is none; got mine.centred(samples). (conf/model/mine.yaml:2)"]),
    ("data", "_target_: mine.centred\nrows: 3\n", ["data/mine: rows must be a parameter of mine.centred (mine.py:14)."
     " It takes samples. (conf/data/mine.yaml:3)", "data/mine: samples must be there: mine.centred (mine.py:14)"
     " cannot be called without it. Write `samples: ???   # RULE: meaning`, or a default in place of `???`."
     " (conf/data/mine.yaml)"]),
]  # fmt: skip


@pytest.mark.parametrize(("group", "text", "told"), WRONG, ids=[f"{group}-{n}" for n, (group, *_) in enumerate(WRONG)])
def test_a_wrong_option_is_told(group: str, text: str, told: list[str], project: Path) -> None:
    write(project, {"broken.py": "x = 1\nclass Scale(:\n", "pack/part.py": SCALE, "random.py": SCALE})
    assert problems(project, group, text) == told


def test_the_module_of_a_user_is_not_imported(project: Path) -> None:
    write(project, {"conf/layer/mine.yaml": "# Mine\n_target_: mine.Scale\nfactor: 1.0\n"})
    words = ["config", "model.layers=[flatten,{mine: 2.0}]"]
    code = "import sys; from dlrun.cli.main import main; main(sys.argv[1:]); print({'mine', 'keras'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr
    assert not (project / "mine.ran").exists()


def refused(words: list[str]) -> list[str]:
    with pytest.raises(ConfigError) as told:
        Planner(Path.cwd()).plan(words, sweep=True)
    return [problem.key for problem in told.value.problems]


def test_options_are_judged_wherever_a_run_uses_them(project: Path) -> None:
    wrong: dict[str, str] = {
        "layer": "_target_: keras.layers.Dense\nunit: ???   # int: x\n",
        "initializer": "defaults: [constant, _self_]\nvalu: 1.0\n",
        "metric": "_target_: keras.metrics.AUC\n_tasks_: [multiclass]\n_goal_: max\ncurv: ROC\n",
        "callback": "defaults: [early_stopping@_here_, _self_]\npatient: 3\n",
    }
    write(project, {f"conf/{group}/bad_{group}.yaml": f"# Bad\n{text}" for group, text in wrong.items()})
    write(project, {"conf/layer/outer.yaml": "# Block\nwide: 3\nlayers: [{bad_layer: $wide}]\n"})
    assert refused(["model.layers=[flatten,{bad_layer: 3}]"]) == ["layer/bad_layer: unit"]
    assert refused(["model.layers=[flatten,{outer: 3}]"]) == ["layer/bad_layer: unit"]
    assert refused(["model.layers=[{dense: {units: 3, bias_initializer: bad_initializer}}]"]) == [
        "initializer/bad_initializer: valu"
    ]
    assert refused(["initializer=bad_initializer", "seed=0,1"]) == ["initializer/bad_initializer: valu"]
    assert refused(["metric=[bad_metric]", "+callback=[bad_callback]"]) == [
        "callback/bad_callback: patient",
        "metric/bad_metric: curv",
    ]
    assert refused(["initializer=bad_initializer", "trainer.epochs=0"]) == [
        "trainer.epochs",
        "initializer/bad_initializer: valu",
    ]


def test_what_a_run_does_not_use_is_not_judged(project: Path) -> None:
    write(project, {"conf/optimizer/mlp.yaml": "# Named as the model is\n_target_: nowhere.At\n"})
    assert Planner(project).plan(["model=mlp"], sweep=False).runs
    assert refused(["optimizer=mlp"]) == ["optimizer/mlp: _target_"]


def test_without_options_of_a_project_nothing_is_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.config.buildable.Judge", None)
    monkeypatch.setattr("dlrun.config.buildable.option_files", None)
    spec: Any = {"model": {"option": "mlp"}}
    assert check_options(spec, Catalog(Roots.of(project))) == []
    assert check_options(spec, Catalog(Roots.of(Path("/")))) == []


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ("super().__init__()", []),
        ("keras.losses.Loss.__init__(self)", []),
        ("self.begin()", []),  # which may call it
        ("self.power = float(2)", ["must call `super().__init__` in its `__init__`: own.Own (own.py:3) does not"]),
    ],
)
def test_a_class_must_start_its_base(project: Path, start: str, says: list[str]) -> None:
    lines = ["import keras", "", "class Own(keras.losses.Loss):", "    def __init__(self):", f"        {start}"]
    write(project, {"own.py": "\n".join(lines)})
    found = problems(project, "loss", "_target_: own.Own\n")
    assert len(found) == len(says)
    assert all(text in problem for text, problem in zip(says, found, strict=True))


def test_only_what_is_imported_whatever_happens_must_be_there(project: Path) -> None:
    guarded = "try:\n    import nowhere_1\nexcept ImportError:\n    nowhere_1 = None\n"
    text = f"import keras, json.decoder\nfrom . import mine\n{guarded}import mine as m\nimport nowhere_2.x\n"
    write(project, {"own.py": f"{text}class Own(keras.losses.Loss): ...\n"})
    (problem,) = problems(project, "loss", "_target_: own.Own\n")
    assert "own.py must import modules that are there; got nowhere_2. There is no nowhere_2.py" in problem
    assert problem.endswith("(own.py:8)")
