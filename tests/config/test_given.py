"""`data=FILE`: which option reads it, by what is in it, and what is said where none does."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlrun.cli.main import main
from dlrun.config.catalog import Catalog
from dlrun.config.given import spelled_out_files
from dlrun.config.roots import Roots
from dlrun.config.sniff import masked_crc
from dlrun.errors import ConfigError, ExitCode

TABLE = "a,b,kind\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(40))


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


ARRAY = np.zeros((3, 2))
NPY = saved(lambda stream: np.save(stream, ARRAY))
NPZ = saved(lambda stream: np.savez(stream, x=ARRAY))
PARQUET = saved(lambda stream: pd.DataFrame({"a": [1]}).to_parquet(stream))
LENGTH = struct.pack("<Q", 3)
RECORD = LENGTH + struct.pack("<I", masked_crc(LENGTH)) + b"abc\0\0\0\0"
OBJECT = json.dumps({"a": 1}).encode() + b"\n"
PNG = b"\x89PNG\r\n"

FILES: list[tuple[str, bytes, str]] = [
    ("flowers.csv", TABLE.encode(), "csv"),
    ("flowers.TSV", TABLE.encode(), "csv"),
    ("flowers.txt", TABLE.encode(), "csv"),
    ("flowers", TABLE.encode(), "csv"),
    ("flowers.data", TABLE.encode(), "csv"),
    ("flowers.csv.gz", b"\x1f\x8b\x08", "csv"),  # which says what to do about it
    ("flowers.xlsx", b"PK\x03\x04 xl/", "csv"),
    ("t.parquet", PARQUET, "parquet"),
    ("t.csv", PARQUET, "parquet"),
    ("t.jsonl", OBJECT, "jsonl"),
    ("t.ndjson", OBJECT, "jsonl"),
    ("t.json", OBJECT, "jsonl"),
    ("t.txt", OBJECT, "jsonl"),
    ("t.npz", NPZ, "npz"),
    ("t.zip", NPZ, "npz"),
    ("t.npy", NPY, "npy"),
    ("t", NPY, "npy"),
    ("t.tfrecord", RECORD, "tfrecord"),
    ("t.bin", RECORD, "tfrecord"),
    ("t.tfrecord-00000-of-00002", b"", "tfrecord"),
    ("a folder/my table.csv", TABLE.encode(), "csv"),
]


@pytest.fixture
def catalog_here(work: Path) -> Catalog:
    return Catalog(Roots.of(work))


@pytest.mark.parametrize(("name", "content", "option"), FILES, ids=[name for name, *_ in FILES])
def test_a_file_is_spelled_out(name: str, content: bytes, option: str, work: Path, catalog_here: Catalog) -> None:
    (work / name).parent.mkdir(exist_ok=True)
    (work / name).write_bytes(content)
    path = f'"{name}"' if " " in name else name
    assert spelled_out_files(["seed=1", f"data={name}", "model=mlp"], catalog_here) == [
        "seed=1", f"data={option}", f"data.path={path}", "model=mlp",
    ]  # fmt: skip


FOLDERS: list[tuple[list[str], str, str]] = [
    (["cat/1.png", "dog/2.JPG"], "images", "f/"),
    (["train/cat/1.png", "train/dog/1.png", "test/cat/1.png"], "images", "f/"),
    (["good/1.txt", "bad/2.txt"], "texts", "f/"),
    (["images/1.png", "masks/1.png"], "masks", "f/"),
    (["1.tfrecord", "2.tfrecord"], "tfrecord", '"f/*.tfrecord*"'),
]


@pytest.mark.parametrize(("files", "option", "path"), FOLDERS, ids=[option for _, option, _ in FOLDERS])
def test_a_folder_is_told_by_what_lies_in_it(
    files: list[str], option: str, path: str, work: Path, catalog_here: Catalog
) -> None:
    for name in [*files, ".hidden/1.csv"]:
        (work / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "f" / name).write_bytes(b"")
    assert spelled_out_files(["data=f/"], catalog_here) == [f"data={option}", f"data.path={path}"]


UNTOUCHED = [
    "data=digits",
    "data=digits,iris",
    "data=",
    "data=null",
    "data=dig",
    "data.path=t.csv",
    "+data=t.csv",
    "t.csv",
]


@pytest.mark.parametrize("word", [*UNTOUCHED, "data=glob(*)", "data=[a,b]", "data=" + "x" * 5000])
def test_other_words_stay(word: str, work: Path, catalog_here: Catalog) -> None:
    (work / "digits").write_text(TABLE)  # an option goes first
    (work / "t.csv").write_text(TABLE)
    assert spelled_out_files([word], catalog_here) == [word]


def test_an_option_of_that_name_goes_first(work: Path) -> None:
    (work / "conf" / "data").mkdir(parents=True)
    (work / "conf" / "project.yaml").write_text("")
    (work / "conf" / "data" / "t.csv.yaml").write_text("# Mine\n")
    (work / "t.csv").write_text(TABLE)
    assert spelled_out_files(["data=t.csv"], Catalog(Roots.of(work))) == ["data=t.csv"]


def test_several_files_of_one_kind_are_swept(work: Path, catalog_here: Catalog) -> None:
    for name in ("a.csv", "b.csv", "c, d.csv"):
        (work / name).write_text(TABLE)
    assert spelled_out_files(["data=a.csv,b.csv"], catalog_here) == ["data=csv", "data.path=a.csv,b.csv"]
    assert spelled_out_files(["data='a.csv','c, d.csv'"], catalog_here) == ["data=csv", 'data.path=a.csv,"c, d.csv"']
    assert spelled_out_files(["data=c, d.csv"], catalog_here) == ["data=csv", 'data.path="c, d.csv"']


REFUSED: list[tuple[str, str]] = [
    ("data=a.csv,digits", "must name files of one kind, whose options have the same keys; got a.csv (csv), digits (an"),
    ("data=a.csv,t.npy", "got a.csv (csv), t.npy (npy). Sweep over each kind in a command of its own."),
    ("data=picture.png", "must name an option, or a file or folder that can be read; got 'picture.png'. What can be"),
    ("data=./none", "got './none', which is not there."),
    ("data=empty", "got the folder 'empty', with neither images nor texts in folders by class."),
    ("data=tables", "Name a file in it: data=tables/a.csv"),
]


@pytest.mark.parametrize(("word", "says"), REFUSED, ids=[word for word, _ in REFUSED])
def test_what_nothing_reads_is_told(word: str, says: str, work: Path, catalog_here: Catalog) -> None:
    for name, content in {"a.csv": TABLE.encode(), "t.npy": NPY, "picture.png": PNG, "tables/a.csv": b"a"}.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_bytes(content + b"\0" * (name == "picture.png"))
    (work / "empty").mkdir()
    with pytest.raises(ConfigError) as raised:
        spelled_out_files([word], catalog_here)
    assert says in str(raised.value)


@pytest.mark.parametrize("verb", [["config", "--json"], ["check", "--json"], ["train", "--cfg", "job"]])
def test_every_verb_takes_it_and_echoes_what_it_stands_for(
    verb: list[str], work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "t.csv").write_text(TABLE)
    assert main([*verb, "data=t.csv"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    name = f" {verb[0]}" if verb[0] != "train" else ""
    assert f"= dlrun{name} data=csv data.path=t.csv\n" in err
    assert "t.csv" in out or verb[0] == "check"


def test_a_sweep_over_files(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.csv", "b.csv"):
        (work / name).write_text(TABLE + "100,1,x\n" * (name == "b.csv"))
    assert main(["config", "-m", "--json", "data=a.csv,b.csv"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert "= dlrun config -m data=csv data.path=a.csv,b.csv\n" in err
    assert len(json.loads(out)) == 2


def test_a_file_in_place_of_a_verb_is_told_the_short_form(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["my flowers.csv"]) == ExitCode.WRONG_CALL
    assert "'my flowers.csv' is no verb. Type dlrun 'data=my flowers.csv'." in capsys.readouterr().err
