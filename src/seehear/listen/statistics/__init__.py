"""Statistics of listening tests: arrays in, numbers out; each method in a file with its source.

Answers come as arrays [participants, clips, versions] with NaN where nobody answered. No file
here reads files, knows the kinds of tests or writes for people; `listen/report.py` does.
"""
