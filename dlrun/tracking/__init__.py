"""The journal of a run, and the writer that projects journals into MLflow."""
