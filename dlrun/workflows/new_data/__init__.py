"""Samples that a kept model has not seen: how they are read, and how they are held against what it learned from."""
