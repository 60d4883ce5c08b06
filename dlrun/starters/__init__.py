"""Worked examples that `dlrun init` writes into a project, and what writes them.

Each folder holds one: an option file, a component and its test, all of which work where they are. In a project they get
the name that the user chooses.
"""
