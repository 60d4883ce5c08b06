"""The worked example of `dlrun init --component loss`: option, component and test."""
