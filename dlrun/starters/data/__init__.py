"""The worked example of `dlrun init --component data`: option, component and test."""
