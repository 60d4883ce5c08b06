"""The command line: verbs, tables and messages."""
