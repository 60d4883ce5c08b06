"""Answers from files alone: statistics, comparison, tables; imports no Keras."""
