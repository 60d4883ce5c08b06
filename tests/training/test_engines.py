"""The two engines give the same bits: weights, optimizer state, every value of every epoch; and Keras's callbacks see
the same training under both."""

import pytest

from tests.test_contract import CATALOG, EVERY, plans
from tests.training.sameness import spec_of, trained

NO_PART_OF_TRAINING = {"experiment", "tracking", "search", "checkpoint", "probe"}
FEW = ["trainer.epochs=3", "trainer.limit_batches=5", "callback=[]"]


@pytest.fixture(scope="module")
def planner(tmp_path_factory):
    from dlrun.planning import Planner
    from tests.test_contract import CSV, write_folders

    folder = tmp_path_factory.mktemp("work")
    (folder / "table.csv").write_text(CSV, encoding="utf-8")
    write_folders(folder)
    return Planner(folder)


@pytest.fixture(scope="module")
def differences(tensorflow):
    """Train under both engines; what is not the same to the bit."""
    from dlrun.training.fit import FitEngine
    from dlrun.training.fused import FusedEngine

    def compare(spec, catalog=CATALOG):
        return trained(spec, catalog, FusedEngine()).differences(trained(spec, catalog, FitEngine()))

    return compare


def names(*groups):
    return [pytest.param(group, name, id=f"{group}-{name}") for group, name in EVERY if group in groups]


@pytest.mark.parametrize(("group", "name"), names("model", "optimizer"))
def test_every_model_and_every_optimizer(group, name, planner, differences):
    for run in plans(group, name, planner):
        assert differences(run.spec, planner.catalog) == []


@pytest.mark.slow
@pytest.mark.parametrize(("group", "name"), names(*{group for group, _ in EVERY} - NO_PART_OF_TRAINING))
def test_every_option(group, name, planner, differences):
    for run in plans(group, name, planner):
        assert differences(run.spec, planner.catalog) == []


@pytest.mark.parametrize(
    "words",
    [
        "model=mlp model.dropout=0.3 regularizer=l1_l2 trainer.batch_size=50",
        "model=mlp model.batch_norm=true optimizer=sgd optimizer.momentum=0.9 schedule=cosine",
        "model=cnn model.batch_norm=true model.dropout=0.2 augment=[random_translation,gaussian_noise]",
        "model=cnn augment=[random_rotation,random_flip,random_resized_crop,random_erasing,rand_augment]",
        "model=cnn augment=[random_brightness,random_sharpness,random_elastic_transform,solarization]",
        "model=cnn augment=[random_translation,cutmix] regularizer=l2 trainer.class_weight=balanced",
        "model=mlp data=diabetes augment=[mixup] model.dropout=0.1",
        "model=lstm data.layout=rows augment=[time_warp,time_shift,time_mask,random_scaling,random_jitter]",
        "model=lstm data.layout=rows model.dropout=0.2 model.recurrent_dropout=0.1 optimizer.clipnorm=0.5",
        "model=mlp trainer.precision=mixed_bfloat16 trainer.class_weight=balanced",
        "model=mlp optimizer.gradient_accumulation_steps=2 activation=gelu optimizer.weight_decay=0.01",
        "model=mlp data=diabetes model.dropout=0.1 optimizer=rmsprop",
        "model=mlp data=breast_cancer trainer.batch_size=full activation=prelu metric=[accuracy,auc,f1]",
        "model=mlp trainer.batch_size=1 constraint=max_norm",
    ],
    ids=lambda words: words.split(" ", 1)[1][:40],
)
def test_parts_together(words, tmp_path, differences):
    assert differences(spec_of(tmp_path, *FEW, *words.split())) == []


def test_callbacks_that_change_the_course(tmp_path, differences):
    words = ["callback=[reduce_lr_on_plateau,early_stopping]", "callback.early_stopping.patience=2"]
    words += ["callback.reduce_lr_on_plateau.patience=1", "optimizer.learning_rate=0.05", "trainer.epochs=12"]
    assert differences(spec_of(tmp_path, *words)) == []


SEEN = {
    "on_train_begin": "once",
    "on_epoch_begin": "every epoch",
    "on_train_batch_begin": "every block of steps",
    "on_train_batch_end": "every block of steps",
    "on_test_begin": "every epoch",
    "on_test_end": "every epoch",
    "on_epoch_end": "every epoch",
    "on_train_end": "once",
}
"""What docs/engines.md says that a callback is called for under both engines, in order."""


@pytest.fixture(scope="module")
def witness(tensorflow):
    """A callback that notes what it is called for, and with which epochs, steps and values."""
    import keras

    class Witness(keras.callbacks.Callback):
        sees_blocks = True

        def __init__(self):
            super().__init__()
            self.calls = []

    for hook in SEEN:

        def note(self, *given, logs=None, hook=hook):  # Keras gives the values by position or by name
            position = [each for each in given if isinstance(each, int)]
            values = [each for each in (*given, logs) if isinstance(each, dict)]
            self.calls.append(
                (hook, *position, {name: float(value) for each in values for name, value in each.items()})
            )

        setattr(Witness, hook, note)
    return Witness


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_callback_sees_the_same_under_both(epochs, tmp_path, witness, tensorflow):
    from dlrun.training.fit import FitEngine
    from dlrun.training.fused import FusedEngine

    spec = spec_of(tmp_path, "callback=[]", f"trainer.epochs={epochs}", "trainer.batch_size=100")
    seen = []
    for engine in (FitEngine(), FusedEngine()):
        witnesses = [witness()]
        trained(spec, CATALOG, engine, callbacks=witnesses)
        seen.append(witnesses[0].calls)
    assert [call[0] for call in seen[1]] == [call[0] for call in seen[0]]
    assert seen[1] == seen[0]
    assert list(dict.fromkeys(call[0] for call in seen[0])) == list(SEEN)
    counts = {hook: sum(call[0] == hook for call in seen[1]) for hook in SEEN}
    assert counts == {hook: 1 if often == "once" else epochs for hook, often in SEEN.items()}


def test_the_table_in_the_docs_is_this_one():
    from tests.conftest import REPOSITORY

    text = (REPOSITORY / "docs" / "engines.md").read_text(encoding="utf-8")
    for hook, often in SEEN.items():
        assert f"| `{hook}` | {often} |" in text


def test_a_callback_that_wants_batches_gets_every_one(tmp_path, witness, tensorflow):
    from dlrun.training.choose import choose

    class Eager(witness):
        sees_blocks = False

    spec = spec_of(tmp_path, "callback=[]", "trainer.epochs=2", "trainer.batch_size=400")
    eager = Eager()
    choice = choose("fused", [eager])
    assert (choice.engine.name, choice.why) == ("fit", "Eager looks at single batches, which fused has none of")
    trained(spec, CATALOG, choice.engine, callbacks=[eager])
    assert [call[1] for call in eager.calls if call[0] == "on_train_batch_end"] == [0, 1, 2] * 2


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_a_training_that_begins_in_the_middle_of_an_epoch(engine, tmp_path, witness, tensorflow):
    """The callbacks are told of the epoch it is in, and of the steps that are left of it."""
    from dlrun.training.choose import choose
    from dlrun.training.engine import Position

    spec = spec_of(tmp_path, "callback=[]", "trainer.epochs=4", "trainer.batch_size=100")
    watching = witness()
    trained(spec, CATALOG, choose(engine).engine, callbacks=[watching], start=Position(2, 5))
    epochs = [call[1] for call in watching.calls if call[0] == "on_epoch_begin"]
    steps = [call[1] for call in watching.calls if call[0] == "on_train_batch_begin"]
    assert (epochs, steps) == ([2, 3], [5, 0])
    assert sum(call[0] == "on_train_begin" for call in watching.calls) == 1
