"""Comparison with stored outputs of the published systems; `python -m tests.golden.run --help`."""
