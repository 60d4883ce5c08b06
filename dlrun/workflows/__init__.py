"""What is done with runs and configs beside training: look before, open a stranger's, predict, export."""
