"""The worked example of `dlrun init --component layer`: option, component and test."""
