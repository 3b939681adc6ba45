"""The whole exception tree, and the exit code that the command line gives each branch.

    SeehearError                 exit 1
    ├── UsageError               exit 2   the call itself is wrong (option, value, combination)
    ├── InputError               exit 1   a file or an array is not what it has to be
    ├── OutputError              exit 1   the result cannot be written (exists, disk full, no rights)
    ├── ConfigError              exit 2   unknown key, wrong type or contradiction in a configuration
    ├── ModelError               exit 1   unknown id, hash mismatch, weights that do not fit
    ├── MissingDependency        exit 1   an optional package is needed; the message names the extra
    └── Cancelled                exit 130 the user or the operating system asked us to stop

Every message is one sentence: what was expected, what came, what to do next.
"""


class SeehearError(Exception):
    """Root of all errors that this package raises on purpose."""

    exit_code = 1


class UsageError(SeehearError):
    """The call is wrong: an unknown option, a value out of range, options that exclude each other."""

    exit_code = 2


class InputError(SeehearError):
    """A file or an array handed in is unreadable or does not have the expected content."""


class OutputError(SeehearError):
    """The result cannot be written under its name."""


class ConfigError(SeehearError):
    """A configuration has an unknown key, a value of the wrong type or a contradiction."""

    exit_code = 2


class ModelError(SeehearError):
    """A model id is unknown, or weights do not match their hash, their names or their shapes."""


class MissingDependency(SeehearError):
    """An optional package is not installed.

    Args:
        package: import name of the missing package.
        extra: the extra of this project that brings it.
        purpose: what it is needed for, as a noun phrase.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"pip install 'seehear[{extra}]'"
        )


class Cancelled(SeehearError):
    """Work was stopped from outside; state that allows `--resume` is kept."""

    exit_code = 130
