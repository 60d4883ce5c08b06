"""The worked example of `dlrun init --component metric`: option, component and test."""
