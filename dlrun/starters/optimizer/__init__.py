"""The worked example of `dlrun init --component optimizer`: option, component and test."""
