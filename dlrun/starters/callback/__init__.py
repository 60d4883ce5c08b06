"""The worked example of `dlrun init --component callback`: option, component and test."""
