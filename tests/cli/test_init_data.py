"""`dlrun init FILE|FOLDER`: what it tells, what it writes, and that what it writes works as it is."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.errors import UserError
from dlrun.planning import Planner
from dlrun.workflows.intake.guesses import guess_target, option_name
from dlrun.workflows.intake.study import study
from dlrun.workflows.intake.written import option_text

Call = Callable[..., subprocess.CompletedProcess[str]]


def passengers(count: int = 300) -> str:
    """A table as one finds them: a number of each row, empty cells, words, a name."""
    draw = random.Random(1)
    lines = ["PassengerId,Survived,Sex,Age,Fare,Deck,Ship"]
    for i in range(count):
        sex, age = draw.choice(("male", "female")), draw.gauss(35, 12)
        survived = int(draw.random() < (0.75 if sex == "female" else 0.2))
        filled = "" if draw.random() < 0.2 else f"{age:.1f}"
        lines.append(
            f"{i + 1},{survived},{sex},{filled},{draw.lognormvariate(3, 0.6):.2f},{draw.choice('ABC')},Titanic"
        )
    return "\n".join(lines) + "\n"


def takings(count: int = 240) -> str:
    """A table of another country, in order of its dates."""
    draw = random.Random(2)
    lines = ["Datum;Wetter;Umsatz"]
    for i in range(count):
        amount = f"{draw.gauss(900, 90):.2f}".replace(".", ",")
        lines.append(f"{i % 28 + 1:02d}.{i // 28 + 1:02d}.2023;{draw.choice(('Sonne', 'Regen'))};{amount}")
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def test_a_table_is_told_and_written_and_trains_as_it_is(dlrun: Call, work: Path) -> None:
    (work / "titanic.csv").write_text(passengers(), encoding="utf-8")
    told = dlrun("init", "titanic.csv")
    assert told.returncode == 0, told.stderr
    assert "300 samples, binary, 2 classes" in told.stdout
    assert "To predict: Survived (it is called 'Survived'; --target COLUMN says otherwise)" in told.stdout
    lines = {line.split()[0]: line for line in told.stdout.splitlines() if line.strip()}
    assert lines["PassengerId"].endswith("left out: it names or numbers the rows")
    assert lines["Ship"].endswith("left out: it never changes")
    assert "category" in lines["Sex"] and "learned from" in lines["Sex"]
    assert "number" in lines["Age"] and "16%" in lines["Age"]
    assert (work / "conf" / "project.yaml").is_file()
    written = (work / "conf" / "data" / "titanic.yaml").read_text(encoding="utf-8")
    assert 'target: "Survived"' in written and 'path: "titanic.csv"' in written
    trained = dlrun("data=titanic", "trainer.epochs=2", "tracking=none")
    assert trained.returncode == 0, trained.stderr
    assert "column 'Age'" in trained.stdout and "PassengerId" not in trained.stdout


@pytest.fixture
def seen(work: Path) -> Callable[..., str]:
    """The option's file that comes of a table, which the config's own contract must allow."""

    def write(content: str, target: str | None = None) -> str:
        (work / "t.csv").write_text(content, encoding="utf-8", newline="")
        text = option_text(study("t.csv", target, Roots.of(work)), "t.csv", "t.csv")
        (work / "conf" / "data").mkdir(parents=True, exist_ok=True)
        (work / "conf" / "project.yaml").touch()
        (work / "conf" / "data" / "mine.yaml").write_text(text, encoding="utf-8")
        option = Catalog(Roots.of(work)).get("data", "mine")
        assert option.parameters["path"].rule.is_path, "the parent's rules come along"
        (run,) = Planner(work).plan(["data=mine"], sweep=False).runs
        assert run.spec["data"]["path"] == "t.csv"
        return text

    return write


def test_decimal_commas_and_an_order_of_dates_are_settled(seen: Callable[..., str]) -> None:
    text = seen(takings())
    assert 'decimal: "comma"' in text
    assert 'time: "Datum"' in text and "override /split@_global_.split: time" in text
    assert 'target: "Umsatz"' in text


def test_rows_of_one_patient_are_kept_together(seen: Callable[..., str]) -> None:
    draw = random.Random(0)
    rows = "".join(f"P{i % 40},{draw.gauss(70, 9):.1f},{draw.choice(('yes', 'no'))}\n" for i in range(240))
    text = seen(f"patient_id,pulse,sick\n{rows}")
    assert 'group: "patient_id"' in text and "override /split@_global_.split: grouped" in text


def test_a_copy_of_the_target_is_left_out(seen: Callable[..., str]) -> None:
    draw = random.Random(0)
    amounts = [draw.gauss(200, 20) for _ in range(200)]
    rows = "".join(f"{draw.gauss(9, 1):.2f},{amount * 100:.0f},{amount:.2f}\n" for amount in amounts)
    assert 'drop: ["cents"]' in seen(f"size,cents,euros\n{rows}")


def test_the_index_that_pandas_writes_is_left_out(seen: Callable[..., str]) -> None:
    draw = random.Random(0)
    rows = "".join(f"{i},{draw.gauss(9, 1):.2f},{draw.choice('ab')}\n" for i in range(100))
    assert 'drop: ["column_1"]' in seen(f",size,kind\n{rows}")


def test_the_target_can_be_said(seen: Callable[..., str]) -> None:
    assert 'target: "Sex"' in seen(passengers(), "Sex")


def test_nothing_is_replaced_without_a_yes(dlrun: Call, work: Path) -> None:
    (work / "t.csv").write_text(passengers(60), encoding="utf-8")
    place = work / "conf" / "data" / "mine.yaml"
    assert dlrun("init", "t.csv", "--name", "mine").returncode == 0
    place.write_text("# changed by hand\n", encoding="utf-8")
    refused = dlrun("init", "t.csv", "--name", "mine")
    assert refused.returncode == 2
    assert "--yes answers. It would replace conf/data/mine.yaml" in refused.stderr
    assert place.read_text(encoding="utf-8") == "# changed by hand\n"
    assert dlrun("init", "t.csv", "--name", "mine", "--yes").returncode == 0
    assert "path:" in place.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "words", "says"),
    [
        (None, ["nowhere.csv"], "data.path must be an existing file; got 'nowhere.csv'"),
        (b"", ["t.csv"], "must hold a header and rows"),
        (b"a,b\n1,2,3\n4,5\n", ["t.csv"], "must have 2 cells in every row"),
        (b"a,kind\n1,\xe4\n", ["t.csv"], "must be UTF-8 text"),
        (b"a,kind\n1,x\n2,y\n3,x\n", ["t.csv", "--target", "knd"], "Did you mean --target kind?"),
        (b"a,kind\n1,x\n2,y\n3,x\n", ["t.csv", "--name", "My Data"], "Did you mean my_data?"),
        (b"a,kind\n1,x\n2,y\n3,x\n", ["t.csv", "--name", "iris"], "Did you mean my_iris?"),
        (None, ["iris"], "must be a file or folder that is there"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_written(
    content: bytes | None, words: list[str], says: str, dlrun: Call, work: Path
) -> None:
    if content is not None:
        (work / "t.csv").write_bytes(content)
    told = dlrun("init", *words)
    assert told.returncode == 2, told.stdout
    assert says in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr
    assert {path.name for path in work.iterdir()} <= {"t.csv"}


def test_a_folder_that_is_not_trusted_does_not_become_a_project(dlrun: Call, work: Path) -> None:
    (work / "t.csv").write_text(passengers(60), encoding="utf-8")
    (work / "conf" / "data").mkdir(parents=True)
    (work / "conf" / "data" / "strange.yaml").write_text("_target_: os.system\n", encoding="utf-8")
    told = dlrun("init", "t.csv")
    assert told.returncode == 2
    assert "touch conf/project.yaml" in told.stderr


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (["a", "Target", "b"], "Target"),
        (["label", "target"], "target"),
        (["x", "house_class", "z"], "house_class"),
        (["x", "y", "z"], "y"),
        (["length", "width", "petals"], "petals"),
    ],
)
def test_the_target_is_guessed_by_its_name_else_it_is_the_last(names: list[str], target: str) -> None:
    assert guess_target(names)[0] == target


def test_an_option_is_called_after_its_file() -> None:
    assert option_name(Path("My Data (2).CSV")) == "my_data_2"
    assert option_name(Path("2024.csv")) == "data_2024"


def flowers(first: str = "length,width,petals,petal_width,kind") -> str:
    draw = random.Random(3)
    return (
        first + "\n" + "".join(",".join(f"{draw.gauss(5, 1):.1f}" for _ in range(4)) + f",{i % 3}\n" for i in range(60))
    )


def refused(content: str, target: str | None = None, words: tuple[str, ...] = ()) -> list[str]:
    Path("t.csv").write_text(content, encoding="utf-8", newline="")
    with pytest.raises(UserError) as told:
        study("t.csv", target, Roots.of(Path.cwd()), words)
    return [str(problem) for problem in getattr(told.value, "problems", ())]


@pytest.mark.parametrize("first", ["60,4,setosa,versicolor,virginica", "60,4,a,b", "60,4,a,b,c,d"])
def test_a_first_line_that_is_no_header_is_replaced_by_the_command_that_is_told(first: str, work: Path) -> None:
    (problem,) = refused(flowers(first), "virginica")
    assert "must have a first line that names its" in problem
    command = problem[problem.index("sed -i.bak") : problem.index(" (t.csv:1)")]
    subprocess.run(command, shell=True, check=True)  # as a user pastes it
    assert study("t.csv", None, Roots.of(work)).target == ("column_5", "it is the last column")


def test_a_row_of_numbers_for_a_header_gets_names_above_it(work: Path) -> None:
    (problem,) = refused("".join(f"{i}.5 {i % 7} {i % 3}\n" for i in range(3, 40)))
    command = problem[problem.index("cp t.csv") : problem.index(" (t.csv:1)")]
    subprocess.run(command, shell=True, check=True)
    assert study("t.csv", None, Roots.of(work)).dataset.samples == 37


@pytest.mark.parametrize("first", ["2019,2020,2018,region,kind", "0,1,2,name,kind", "0.1,0.5,0.9,a,kind"])
def test_columns_called_by_years_or_by_growing_numbers_are_a_header(first: str, work: Path) -> None:
    (work / "t.csv").write_text(flowers(first), encoding="utf-8")
    found = study("t.csv", None, Roots.of(work))
    assert found.target is not None and found.target[0] == "kind"


def test_spaces_are_found_between_cells_that_nothing_else_cuts(seen: Callable[..., str]) -> None:
    draw = random.Random(3)
    rows = "".join(f" {draw.gauss(70, 9):5.1f}   {i % 9}  {draw.gauss(50, 5):.0f} \r\n" for i in range(50))
    assert 'target: "Pulse"' in seen(f"Weight Waist Pulse\r\n{rows}")
    assert study("t.csv", None, Roots.of(Path.cwd())).dataset.x.shape == (50, 2)


def test_words_behind_the_file_are_written_into_the_option(dlrun: Call, work: Path) -> None:
    (work / "t.csv").write_text(passengers(60), encoding="utf-8")
    words = ("data.kinds={Deck: text}", "data.drop=[Fare]", "data.missing=drop_rows", "data.target=Sex")
    told = dlrun("init", "t.csv", *words)
    assert told.returncode == 0, told.stderr
    written = (work / "conf" / "data" / "t.yaml").read_text(encoding="utf-8")
    assert 'kinds: {"Deck": "text"}' in written and 'missing: "drop_rows"' in written and 'target: "Sex"' in written
    assert 'drop: ["Fare"' in written


def test_what_is_said_is_not_settled_otherwise(work: Path) -> None:
    (problem,) = refused(takings(), None, ("data.decimal=point",))
    assert "The decimal sign is a comma" in problem


def test_what_is_settled_is_told_once_and_in_plain_words(dlrun: Call, work: Path) -> None:
    lines = "".join(f"{i % 7},5;{i % 9},25;{i % 3},5\n" for i in range(60))
    (work / "iris.csv").write_text(f"a;b;preis\n{lines}1,5;2,5;\n", encoding="utf-8")
    told = dlrun("init", "iris.csv")
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("decimal: comma") == 1
    assert "missing: drop_unlabelled (rows without preis are left out: 1 empty cell)" in told.stdout
    assert "It is called my_iris: data=iris is dlrun's own" in told.stdout


def test_the_problems_that_are_settled_are_not_told_beside_those_that_are_not(work: Path) -> None:
    (problem,) = refused("a;b;preis\n" + "".join(f"{i},5;{i}_000;{i},5\n" for i in range(60)))
    assert "'b'" in problem and "decimal" not in problem


def test_a_few_files_that_cannot_be_read_are_passed_over_and_named(dlrun: Call, work: Path) -> None:
    for name in ("good", "bad"):
        (work / "texts" / name).mkdir(parents=True)
        for i in range(20):
            (work / "texts" / name / f"{i}.txt").write_text(f"{name} words {i}", encoding="utf-8")
    (work / "texts" / "bad" / "none.txt").touch()
    (work / "texts" / "good" / "latin.txt").write_bytes(b"caf\xe9")
    told = dlrun("init", "texts", "--name", "words")
    assert told.returncode == 0, told.stderr
    assert "2 files are passed over: texts/bad/none.txt, an empty file; texts/good/latin.txt, byte 0xe9" in told.stdout
    written = (work / "conf" / "data" / "words.yaml").read_text(encoding="utf-8")
    assert 'unreadable: "skip"' in written
    again = dlrun("init", "texts", "--name", "words", "--yes")
    assert again.returncode == 0, again.stderr
    for i in range(10):
        (work / "texts" / "bad" / f"none{i}.txt").touch()
    many = dlrun("init", "texts", "--name", "words", "--yes")
    assert many.returncode == 2 and "data.unreadable=skip" in many.stderr
    assert dlrun("init", "texts", "data.unreadable=skip", "--name", "words", "--yes").returncode == 0


def test_a_folder_whose_option_is_there_is_looked_at_again(work: Path) -> None:
    (work / "conf" / "data").mkdir(parents=True)
    (work / "conf" / "project.yaml").touch()
    (work / "conf" / "data" / "notes.yaml").write_text("defaults: [texts, _self_]\npath: notes\n", encoding="utf-8")
    for name in ("good", "bad"):
        (work / "notes" / name).mkdir(parents=True)
        for i in range(20):
            (work / "notes" / name / f"{i}.txt").write_text(f"{name} words {i}", encoding="utf-8")
    assert study("notes", None, Roots.of(work)).option == "texts"


def test_a_folder_of_tables_names_what_to_type(dlrun: Call, work: Path) -> None:
    (work / "tables").mkdir()
    (work / "tables" / "a.csv").write_text(passengers(60), encoding="utf-8")
    told = dlrun("init", "tables")
    assert told.returncode == 2
    assert "Name a file in it: dlrun init tables/a.csv" in " ".join(told.stderr.split())


def test_a_time_that_is_learned_from_says_so(work: Path) -> None:
    (work / "t.csv").write_text(takings(), encoding="utf-8")
    uses = {seen.name: seen.use for seen in study("t.csv", None, Roots.of(work)).seen}
    assert uses["Datum"] == "says when, learned from"


def test_signs_that_are_no_part_of_numbers_are_taken_out_by_the_commands_that_are_told(work: Path) -> None:
    lines = "".join(f"{i};1.{i:03d},50 \u20ac;gr\u00fcn {i % 5};{i % 2}\n" for i in range(100, 160))
    (problem, *_) = refused(f"nr;preis;farbe;ok\n{lines}")
    subprocess.run(problem[problem.index("sed") : problem.index(" (t.csv")], shell=True, check=True)
    (problem,) = refused((work / "t.csv").read_text(encoding="utf-8"))
    command = problem[problem.index("sed") : problem.index("t.csv", problem.index("sed")) + len("t.csv")]
    subprocess.run(command, shell=True, check=True)
    assert "1100,50;gr\u00fcn 0" in (work / "t.csv").read_text(encoding="utf-8")
    assert study("t.csv", None, Roots.of(work)).keys["decimal"] == "comma"


def test_help_says_what_init_is_for(dlrun: Call) -> None:
    assert "Look at a file or folder of yours, and write the config for it." in dlrun("--help").stdout
    told = dlrun("init", "--help").stdout
    assert told.index("CSV, Parquet") < told.index("data.decimal=comma") < told.index("--component KIND NAME")
