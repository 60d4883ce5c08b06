"""Write predictions as they come: CSV, Parquet or JSON lines, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from dlrun.errors import UserError
from dlrun.training.atomic import storage_errors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SUFFIXES", "TableWriter", "require_free", "to_file", "to_stream"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")


class TableWriter(Protocol):
    """Takes tables of the same columns, one below the other."""

    def write(self, table: pd.DataFrame) -> None:
        """Write more rows."""

    def close(self) -> None:
        """Write what is left."""


def to_stream(stream: TextIO, columns: Sequence[str]) -> TableWriter:
    """CSV to an open stream, which stays open; its header is written at once."""
    return _Csv(stream, columns, ",")


@contextlib.contextmanager
def to_file(path: Path, columns: Sequence[str], is_text: Collection[str]) -> Iterator[TableWriter]:
    """A file in the format of its suffix, written aside and renamed when all went well.

    Args:
        is_text: the columns that hold text; the others hold numbers.

    Raises:
        StorageError: it cannot be written; what was there before is untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with storage_errors(path):
        try:
            with _opened(aside, path.suffix.lower(), columns, is_text) as writer:
                yield writer
            aside.replace(path)
        finally:
            with contextlib.suppress(OSError):
                aside.unlink()


def require_free(path: Path, force: bool) -> None:
    """See that predictions can be written to a file of this name.

    Args:
        force: whether a file that is there is replaced.

    Raises:
        UserError: its suffix is none of `SUFFIXES`, it is there, or its folder is not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--out must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}; got {path.name}.")
    if path.is_dir():
        raise UserError(f"--out must be a file; got the folder {path}. Type a name in it: {path / 'predictions.csv'}.")
    if path.exists() and not force:
        raise UserError(f"{path} is there already: nothing was written. Choose another name, or add --force.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--out must be in a folder that is there; got {path}. Make it: mkdir -p {path.parent}.")


@contextlib.contextmanager
def _opened(path: Path, suffix: str, columns: Sequence[str], is_text: Collection[str]) -> Iterator[TableWriter]:
    if suffix == ".parquet":
        parquet = _Parquet(path, columns, is_text)
        try:
            yield parquet
        finally:
            parquet.close()
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        yield _JsonLines(stream) if suffix == ".jsonl" else _Csv(stream, columns, "\t" if suffix == ".tsv" else ",")
        stream.flush()
        os.fsync(stream.fileno())


class _Csv:
    def __init__(self, stream: TextIO, columns: Sequence[str], separator: str) -> None:
        import pandas as pd

        self._stream, self._separator = stream, separator
        pd.DataFrame(columns=list(columns)).to_csv(stream, sep=separator, index=False, lineterminator="\n")

    def write(self, table: pd.DataFrame) -> None:
        _single(table).to_csv(self._stream, sep=self._separator, index=False, header=False, lineterminator="\n")
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


class _JsonLines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, table: pd.DataFrame) -> None:
        for row in _single(table).to_dict(orient="records"):
            self._stream.write(
                json.dumps({name: _plain(cell) for name, cell in row.items()}, ensure_ascii=False) + "\n"
            )

    def close(self) -> None:
        self._stream.flush()


class _Parquet:
    def __init__(self, path: Path, columns: Sequence[str], is_text: Collection[str]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        # said beforehand: a first batch without a single prediction would make its column one of nulls
        self._schema = pa.schema([(name, pa.string() if name in is_text else pa.float32()) for name in columns])
        self._writer: Any = parquet.ParquetWriter(path, self._schema)

    def write(self, table: pd.DataFrame) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pandas(_single(table), schema=self._schema, preserve_index=False))

    def close(self) -> None:
        self._writer.close()


def _single(table: pd.DataFrame) -> pd.DataFrame:
    """With numbers in float32, as networks have them: their shortest text has no digits that mean nothing."""
    return table.astype(dict.fromkeys(table.select_dtypes("float64").columns, "float32"))


def _plain(cell: Any) -> Any:
    """A cell as JSON has it: NaN is no JSON, and a float32 is the shortest number that gives it back."""
    if not isinstance(cell, float):
        return cell
    import numpy as np

    return float(str(np.float32(cell))) if math.isfinite(cell) else None
