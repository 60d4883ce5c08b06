"""Sources, splits and preprocessing: everything up to tensors; knows no model."""
