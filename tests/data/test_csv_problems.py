"""A CSV file that cannot be used: each fault is told with place, rule, value and a way out, all of them at once."""

from __future__ import annotations

import gzip
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlrun.data.declare import declare
from dlrun.data.load import load
from dlrun.data.tables.layout import as_override
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    from tests.data.conftest import CsvFolder

GOOD = "a,b,kind\n" + "".join(f"{i},{i * 0.5},{'yes' if i % 2 else 'no'}\n" for i in range(10))
ROWS = GOOD.removeprefix("a,b,kind\n")
WIDE = 12


@dataclass(frozen=True)
class Fault:
    """A file, the node's values, and what the problem says."""

    id: str
    content: str | bytes | None
    says: Problem
    values: dict[str, Any] = field(default_factory=dict)


def place(line: int | None = None) -> str:
    return "table.csv" if line is None else f"table.csv:{line}"


FAULTS = [
    Fault("missing file", None, Problem("data.path", "must be an existing file", "'table.csv'", "Looked from {work}.")),
    Fault(
        "missing file with a near name",
        GOOD,
        Problem("data.path", "must be an existing file", "'tabel.csv'", "Did you mean data.path=table.csv? "),
        {"path": "tabel.csv"},
    ),
    Fault(
        "folder",
        GOOD,
        Problem("data.path", "must be a CSV file", "the folder '.'", "Name a file in it: data.path=table.csv"),
        {"path": "."},
    ),
    Fault(
        "no regular file", None, Problem("data.path", "must be a regular file", "'/dev/null'"), {"path": "/dev/null"}
    ),
    Fault("empty", "", Problem("data.path", "must hold a header and rows", "0 bytes", None, place())),
    Fault(
        "blank", "\n \n", Problem("data.path", "must hold a header and rows", "3 bytes of blank lines", None, place())
    ),
    Fault(
        "not UTF-8",
        GOOD.encode() + "3,4,größer\n".encode("latin-1"),
        Problem(
            "data.path", "must be UTF-8 text", f"byte 0xf6 at offset {len(GOOD) + 6}, in line 12", "iconv", place(12)
        ),
    ),
    Fault(
        "UTF-16",
        GOOD.encode("utf-16"),
        Problem("data.path", "must be UTF-8 text", "byte 0xff at offset 0, in line 1", "iconv -f UTF-16", place(1)),
    ),
    Fault(
        "open quote", GOOD + '1,"2,no\n', Problem("data.path", "must follow the quoting of CSV", None, "", place(12))
    ),
    Fault("gzip", gzip.compress(GOOD.encode()), Problem("data.path", "must be a CSV file", "a gzip file", "gunzip -k")),
    Fault(
        "Excel",
        b"PK\x03\x04\x14\x00\xb6xl/workbook.xml",
        Problem("data.path", "must be a CSV file", "an Excel file", "Save it as CSV."),
    ),
    Fault("zip", b"PK\x03\x04\x14\x00\xb6t.csv", Problem("data.path", "must be a CSV file", "a zip archive", "unzip ")),
    Fault(
        "web page",
        "<!DOCTYPE html>\n<title>a, b</title>\n",
        Problem("data.path", "must be a CSV file", "a web page", "the raw one", place()),
    ),
    Fault(
        "address",
        None,
        Problem(
            "data.path", "must be a file on this machine", "the address 'https://x.org/a.csv'", "Download it first"
        ),
        {"path": "https://x.org/a.csv"},
    ),
    Fault("header only", "a,b\n", Problem("data.path", "must hold rows below its header", "none", None, place())),
    Fault("too few rows", "a,b\n1,2\n3,4\n", Problem("data.path", "must hold 3 rows or more", "2", None, place())),
    Fault(
        "wrong separator",
        GOOD,
        Problem("data.path", "must have two columns or more", "'a,b,kind'", "data.separator=", place(1)),
        {"separator": "semicolon"},
    ),
    Fault(
        "no header",
        ROWS.replace("yes", "1").replace("no", "0"),
        Problem("data.path", "must start with the names of its columns", "a line of data: 0, 0.0, 0", None, place(1)),
    ),
    Fault(
        "misspelt target",
        GOOD,
        Problem("data.target", "must name a column of table.csv", "'knid'", "Did you mean data.target=kind?"),
        {"target": "knid"},
    ),
    Fault(
        "unknown feature",
        GOOD,
        Problem("data.features", "must name a column of table.csv", "'c'", "The columns are a, b, kind."),
        {"features": ["a", "c"]},
    ),
    Fault("unknown dropped", GOOD, Problem("data.drop", "must name a column of table.csv", "'z'"), {"drop": ["z"]}),
    Fault(
        "target dropped",
        GOOD,
        Problem("data.drop", "must not leave out the target", "'b'"),
        {"target": "b", "drop": ["b", "kind"]},
    ),
    Fault(
        "target among features",
        GOOD,
        Problem("data.features", "must not hold the target", "'kind'"),
        {"target": "kind", "features": ["a", "kind"]},
    ),
    Fault(
        "feature dropped",
        GOOD,
        Problem("data.features", "must not hold a column of data.drop", "'a'"),
        {"features": ["a", "b"], "drop": ["a"]},
    ),
    Fault(
        "nothing to learn from",
        GOOD,
        Problem("data.path", "must leave a column to learn from", "none", "a, b, kind", place(1)),
        {"drop": ["a", "b"]},
    ),
    Fault(
        "repeated column",
        GOOD.replace("a,b,", "a,a,", 1),
        Problem("data.path", "must name each column once", "a more than once", "data.drop=[a]", place(1)),
    ),
    Fault(
        "unnamed column",
        GOOD.replace("a,b,", ",b,", 1),
        Problem("data.path", "must name every column", "an empty name for column_1", "data.drop=[column_1]", place(1)),
    ),
    Fault(
        "ragged rows",
        GOOD + "1,2\n1,2\n1,2,no,4\n",
        Problem("data.path", "must have 3 cells in every row", "2 cells in row 11 (3 such rows)", None, place(12)),
    ),
    Fault(
        "text in a numeric column",
        GOOD + "old,2,no\n",
        Problem("data.path", "must hold numbers in column 'a'", "'old' in row 11", "data.drop=[a]", place(12)),
    ),
    Fault(
        "text after a quoted line break",
        'a,kind\n1,"x\ny"\nold,no\n3,no\n4,"x\ny"\n',
        Problem("data.path", "must hold numbers in column 'a'", "'old' in row 2", "data.drop=[a]", place(4)),
        {"kinds": {"a": "number"}},
    ),
    Fault(
        "decimal comma",
        GOOD.replace(",", ";").replace(".", ","),
        Problem("data.path", "must hold numbers in column 'b'", "'0,0' in row 1 (10 such cells)", "data.decimal=comma"),
    ),
    Fault(
        "decimal comma in the target",
        "a;b\n" + "".join(f"{i};{i},5\n" for i in range(30)),
        Problem("data.path", "must hold numbers in column 'b', which is to be predicted", None, "data.decimal=comma"),
    ),
    Fault(
        "many columns of text",
        ",".join(f"c{i}" for i in range(WIDE))
        + ",y\n"
        + "".join(f"{i}," * WIDE + f"{i % 2}\n" for i in range(20))
        + "t," * WIDE
        + "1\n",
        Problem("data.path", "must hold numbers in more columns", "4: c8, c9, c10, c11", "data.drop=[c0,", place()),
    ),
    Fault(
        "empty cells",
        GOOD + ",2,no\nNA,2,no\n",
        Problem(
            "data.path",
            "must have a value in every row of column 'a'",
            "2 empty cells, the first ('') in row 11",
            "Leave out the rows with data.missing=drop_rows, or the columns with data.drop=[a]",
            place(12),
        ),
        {"missing": "refuse"},
    ),
    Fault(
        "NaN in the target",
        GOOD + "1,2,NaN\n",
        Problem(
            "data.path",
            "must have a value in every row of column 'kind'",
            "1 empty cell, the first ('NaN') in row 11",
            "Leave out the rows with data.missing=drop_unlabelled.",
            place(12),
        ),
    ),
    Fault(
        "infinite",
        GOOD + "inf,2,no\n",
        Problem("data.path", "must hold finite numbers", "inf in row 11", "data.drop=[a]", place(12)),
    ),
    Fault("beyond float32", GOOD + "1e39,2,no\n", Problem("data.path", "must hold finite numbers", "1e39 in row 11")),
    Fault(
        "too few rows left",
        "a,b\n1,2\n,4\n5,\n7,8\n",
        Problem("data.path", "must hold 3 rows or more", "2 usable of 4", "2 rows have an empty cell", place()),
        {"missing": "drop_rows"},
    ),
    Fault(
        "one class",
        GOOD.replace("yes", "no"),
        Problem("data.path", "must hold two classes or more in column 'kind'", "'no' in every row", "data.target"),
    ),
    Fault(
        "constant target",
        GOOD.replace("yes", "2.5").replace("no", "2.5"),
        Problem("data.path", "must vary in column 'kind'", "2.5 in every row", "data.target", place()),
    ),
    Fault(
        "text for a regression",
        GOOD,
        Problem("data.path", "must hold numbers in column 'kind'", "'no' in row 1 (10 such cells)", "data.task=auto"),
        {"task": "regression"},
    ),
    Fault(
        "a mistake among numbers to predict",
        "a,price\n" + "".join(f"{i},{i * 1.5}\n" for i in range(40)) + "40,free\n",
        Problem(
            "data.path", "must hold numbers in column 'price'", "'free' in row 41", "data.task=multiclass", place(42)
        ),
    ),
    Fault(
        "names to predict",
        "a,name\n" + "".join(f"{i},person {i}\n" for i in range(40)),
        Problem(
            "data.path", "must repeat its classes in column 'name'", "40 different values in 40 rows", "data.target"
        ),
    ),
    Fault(
        "a number for a name",
        GOOD,
        Problem("data.target", "must name a column", "'1'", "counted from 0, this one is data.target=b. The columns"),
        {"target": 1},
    ),
    Fault(
        "no header, and a number for a name",
        ROWS,
        Problem("data.path", "must start with the names of its columns", "a line of data: 0, 0.0, no", None, place(1)),
        {"target": 2, "drop": [1]},
    ),
    Fault(
        "thousands beside decimal points",
        "a,b,y\n" + "".join(f'"{i},000",{i}.5,{i % 2}\n' for i in range(9)),
        Problem("data.path", "must hold numbers in column 'a'", "'0,000'", "The comma groups thousands: take it out"),
    ),
    Fault(
        "a comma that may be either",
        "a,y\n" + "".join(f'"{i},000",{i % 2}\n' for i in range(9)),
        Problem(
            "data.path", "must hold numbers in column 'a'", "'0,000'", "data.decimal=comma. If it groups thousands,"
        ),
    ),
    Fault(
        "a decimal comma beside decimal points",
        "a,b,y\n" + "".join(f'"{i},5",{i}.5,{i % 2}\n' for i in range(9)),
        Problem("data.path", "must hold numbers in column 'a'", "'0,5'", "write it here too, as in 0.5."),
    ),
    Fault(
        "thousands points to predict",
        "a;price\n" + "".join(f"{i};1.{i:03d},50\n" for i in range(40)),
        Problem(
            "data.path", "must hold numbers in column 'price'", "'1.000,50'", "take it out of the cells, as in 1000,50"
        ),
        {"decimal": "comma"},
    ),
    Fault(
        "thousands points and decimal commas to predict",
        "a;price\n" + "".join(f"{i};{i % 2 or ''}{'.' * (i % 2)}{i + 100},50\n" for i in range(40)),
        Problem("data.path", "must hold numbers in column 'price'", None, "The point groups thousands: "),
    ),
    Fault(
        "a currency",
        "a,y\n" + "".join(f"${i},{i % 2}\n" for i in range(9)),
        Problem("data.path", "must hold numbers in column 'a'", "'$0'", "Take $ out of the cells"),
    ),
    Fault(
        "names for a regression",
        "a,name\n" + "".join(f"{i},person {i}\n" for i in range(40)),
        Problem("data.path", "must hold numbers in column 'name'", None, "choose another column with data.target."),
        {"task": "regression"},
    ),
    Fault(
        "one class in two spellings",
        GOOD + "1,2,Yes\n",
        Problem("data.path", "must spell each class in one way in column 'kind'", "'Yes' and 'yes'"),
        {"task": "binary"},
    ),
    Fault(
        "more classes than binary",
        GOOD + "1,2,perhaps\n",
        Problem("data.task", "must fit column 'kind' of table.csv", "binary for 3 classes (no, perhaps, yes)", "auto"),
        {"task": "binary"},
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault_is_told(csv_folder: CsvFolder, fault: Fault) -> None:
    if fault.content is not None:
        csv_folder.write(fault.content)
    declaration = declare(csv_folder.node(**fault.values), csv_folder.catalog)
    expected = fault.says
    matching = [p for p in declaration.problems if p.key == expected.key and p.rule.startswith(expected.rule)]
    assert len(matching) == 1, [str(problem) for problem in declaration.problems]
    found = matching[0]
    assert (found.got or "").startswith(expected.got or "")
    assert found.got, "the value is shown"
    assert found.mend, "there is a way out"
    assert (expected.mend or "").replace("{work}", str(csv_folder.folder)) in found.mend
    assert expected.place in (None, found.place)
    with pytest.raises(DataError):
        load(csv_folder.node(**fault.values), csv_folder.catalog)


def test_one_fault_is_one_problem(csv_folder: CsvFolder) -> None:
    """No fault drags in others that only follow from it."""
    for fault in FAULTS:
        if fault.content is not None and fault.id != "many columns of text":
            csv_folder.write(fault.content)
            problems = declare(csv_folder.node(**fault.values), csv_folder.catalog).problems
            assert len(problems) == 1, (fault.id, [str(problem) for problem in problems])


def test_all_faults_are_told_at_once(csv_folder: CsvFolder) -> None:
    csv_folder.write("a,b,c,d,kind\n1,x,3,4,no\n1,2,inf,,no\n1,2\n1,y,3,4,no\n", "table.csv")
    node = csv_folder.node(drop=["e"], kinds={"b": "number"}, missing="refuse")
    problems = declare(node, csv_folder.catalog).problems
    rules = [problem.rule for problem in problems]
    expected = ["name a column", "5 cells", "column 'b'", "column 'd'", "column 'c'", "two classes"]
    assert len(rules) == len(expected), rules
    for words in expected:
        assert any(words in rule for rule in rules), (words, rules)


def test_a_proposal_holds_no_refused_name(csv_folder: CsvFolder) -> None:
    csv_folder.write(GOOD + "old,2,no\n")
    name, cells = declare(csv_folder.node(drop=["B", "B"]), csv_folder.catalog).problems
    assert (name.got, name.mend) == ("'B'", "Did you mean 'b'? The columns are a, b, kind.")
    assert "data.drop=[b,a], " in str(cells.mend)


def test_a_message_reads_as_a_sentence(csv_folder: CsvFolder) -> None:
    csv_folder.write(GOOD + "old,2,no\n")
    (problem,) = declare(csv_folder.node(), csv_folder.catalog).problems
    assert str(problem) == (
        "data.path must hold numbers in column 'a'; got 'old' in row 11. "
        "If 'old' says that there is none: data.missing_words=[old]. Else correct the file, or leave out what holds "
        "text: data.drop=[a], or take numbers for words too: 'data.kinds={a: category}' (table.csv:12)"
    )


@pytest.mark.parametrize(
    ("content", "values", "task"),
    [
        ("0,1,2\n" + "".join(f"{i},{i}.5,{'no' if i % 2 else 'yes'}\n" for i in range(9)), {"target": 2}, "binary"),
        ("0,1,2\n" + "".join(f"{i % 2},old,3\n" for i in range(9)), {"target": 0, "drop": [1]}, "binary"),
        ("a,y\n" + "".join(f"{i},{i % 3 * 5}%\n" for i in range(9)), {}, "multiclass"),
        ("a,y\n" + "".join(f"{i},{'aA'[i % 2]}\n" for i in range(9)), {}, "binary"),
    ],
    ids=["target by a counted name", "drop by a counted name", "shares as classes", "letters as classes"],
)
def test_what_looks_like_a_fault_and_is_none(
    csv_folder: CsvFolder, content: str, values: dict[str, Any], task: str
) -> None:
    csv_folder.write(content)
    declaration = declare(csv_folder.node(**values), csv_folder.catalog)
    assert (declaration.task, declaration.problems) == (task, [])


def test_an_edited_file_is_looked_at_again(csv_folder: CsvFolder) -> None:
    csv_folder.write(GOOD.replace("yes", "no"))
    assert declare(csv_folder.node(), csv_folder.catalog).problems
    csv_folder.write(GOOD)
    assert not declare(csv_folder.node(), csv_folder.catalog).problems


def test_problems_of_one_call_are_not_shared_with_the_next(csv_folder: CsvFolder) -> None:
    csv_folder.write(GOOD.replace("yes", "no"))
    declare(csv_folder.node(), csv_folder.catalog).problems.clear()
    assert declare(csv_folder.node(), csv_folder.catalog).problems


def test_file_is_found_from_the_project_too(csv_folder: CsvFolder, tmp_path: Path) -> None:
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    csv_folder.write(GOOD)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "project.yaml").write_text("{}\n")
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    assert declare(csv_folder.node(), Catalog(Roots.of(inside))).samples == 10


def test_nothing_heavy_is_imported(csv_folder: CsvFolder) -> None:
    csv_folder.write(GOOD)
    code = """
import sys
from pathlib import Path
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data import declare
from dlrun.data.encoding import check
from dlrun.data.splits import split
catalog = Catalog(Roots.of(Path.cwd()))
spec = {g: {"option": o, **catalog.get(g, o).defaults} for g, o in
    {"data": "csv", "split": "kfold", "preprocess": "auto", "model": "mlp"}.items()}
spec["data"]["path"] = "table.csv"
assert declare.declare(spec["data"], catalog).task == "binary"
assert not split.check(spec, catalog)
assert not check.check(spec, declare.declare(spec["data"], catalog), catalog)
assert check.shape_behind(spec, declare.declare(spec["data"], catalog), catalog) == (2,)
heavy = {"numpy", "pandas", "sklearn", "scipy", "tensorflow", "keras", "mlflow"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=csv_folder.folder)


@pytest.mark.parametrize(
    "name", ["a", "petal length (cm)", "größe", "null", "it's", 'say "x"', "back\\slash", "end\\", "a,b", "1", "a]"]
)
def test_proposed_override_is_what_hydra_reads(name: str) -> None:
    import shlex

    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    for key, value, expected in (("data.drop", ["b", name], ["b", name]), ("data.target", name, name)):
        (word,) = shlex.split(as_override(key, value))
        assert parser.parse_override(word).value() == expected
