"""Arrays of numbers that NumPy has saved, as samples and labels."""
