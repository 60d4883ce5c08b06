"""What goes with a kept model to where it is served."""
