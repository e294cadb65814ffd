"""Errors that a user can do something about: each is one line that names the thing, the place and the way out."""


class KithError(Exception):
    """Something the user can mend. The command line prints it as one line and exits with `exit_code`."""

    exit_code = 2


class PassingError(KithError):
    """Something that may be over when the command is run again, without anybody mending anything."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h


class PopulationError(KithError):
    """The population folder breaks the input contract as a whole (single broken rows go to quarantine instead)."""


class LakeError(KithError):
    """The lake is missing, of another format, or cannot be written."""


class LakeMissingError(LakeError):
    """There is no lake there."""


class LakeLockedError(LakeError, PassingError):
    """Another writer holds the lake."""

    exit_code = PassingError.exit_code


class RayLostError(PassingError):
    """Ray cannot be reached, or its workers died."""


class ModelError(KithError):
    """A network's weights or calibration are missing, unknown or not what their hash says."""


class SettingsError(KithError):
    """A setting that makes no sense."""


class StoreError(KithError):
    """A profile store is missing, out of reach, of another kind or model, or cannot be written."""


class StoreConflictError(StoreError):
    """Another generation became active while this one was on its way."""


class PhotoError(KithError):
    """A single photo that somebody asked about cannot be looked at, or nobody is known who could be on it."""
