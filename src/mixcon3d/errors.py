"""The errors a user can cause. `cli.main` prints them as one line and exits with status 2, without a traceback."""

from typing import Self


class UserError(Exception):
    """Something the user can put right; the message says what is wrong, where, and what to do."""

    # True if every process raises it in the same words, so that one may speak for all.
    is_on_all_ranks = False

    def on_all_ranks(self) -> Self:
        """Marks an error that every process raises."""
        self.is_on_all_ranks = True
        return self


class ConfigError(UserError):
    """A wrong flag, key, type or value."""


class DataError(UserError):
    """A file or folder of data that is missing, damaged, refused or of the wrong shape."""


class TrainingError(UserError):
    """Training that cannot go on."""


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged or does not fit the model."""


class StoppedBySignal(BaseException):
    """A signal asked the run to end. Not an error, as KeyboardInterrupt is none: the run can go on later."""
