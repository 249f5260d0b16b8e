"""The errors a user can cause. `cli.main` prints them as one line and exits with status 2, without a traceback."""


class UserError(Exception):
    """Something the user can put right; the message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A wrong flag, key, type or value."""


class DataError(UserError):
    """A file or folder of data that is missing, damaged, refused or of the wrong shape."""


class TrainingError(UserError):
    """Training that cannot go on."""


class CheckpointError(UserError):
    """A checkpoint that is missing, damaged or does not fit the model."""
