"""Logic gates: every combination of inputs, and what the gate answers."""

from __future__ import annotations

import numpy as np

from dlrun.data.dataset import Content

__all__ = ["truth_table"]

# Each takes a boolean table of shape (rows, inputs) and answers row by row.
_GATES = {
    "and": lambda table: table.all(axis=1),
    "or": lambda table: table.any(axis=1),
    "nand": lambda table: ~table.all(axis=1),
    "xor": lambda table: table.sum(axis=1) % 2 == 1,
}


def truth_table(gate: str, inputs: int) -> Content:
    """All 2**inputs rows of a gate's truth table, counted up in binary.

    Args:
        gate: `and`, `or`, `nand` or `xor`; with more than two inputs `xor` answers whether an odd number is true.
    """
    table = (np.arange(2**inputs)[:, np.newaxis] >> np.arange(inputs)[::-1]) & 1
    answers = _GATES[gate](table.astype(bool))
    return Content(table, answers.astype(np.int64), ("0", "1"), tuple(f"x{i}" for i in range(1, inputs + 1)))
