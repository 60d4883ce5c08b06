"""Sweeps under attack, from outside: nothing here knows how dlrun's processes are made.

`make chaos` runs it. Processes are found by a variable that they inherit and by the process ids in the runs' journals.
"""
