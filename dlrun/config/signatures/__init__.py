"""Signatures of classes and functions, read from their sources: nothing of theirs is imported."""

from __future__ import annotations

from dlrun.config.signatures.generated import known, public_names, reader_for
from dlrun.config.signatures.modules import Unreadable
from dlrun.config.signatures.reader import NotThere, Reader
from dlrun.config.signatures.signature import Parameter, Signature

__all__ = ["NotThere", "Parameter", "Reader", "Signature", "Unreadable", "known", "public_names", "reader_for"]
