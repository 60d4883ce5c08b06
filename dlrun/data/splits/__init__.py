"""Splits: which rows train, which validate and which test; a way of splitting a module."""
