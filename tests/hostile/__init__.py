"""Configs and calls that want run, read or written what is not theirs; `python -m tests.hostile` tries all."""
