"""Everything that can go wrong, as one tree. Every message says what was given, what was wanted and what to do.

ForepathError
  InputError             what the user handed over cannot be used
    PromptError          prompts: empty file, unknown column, longer than the context
    CodebookError        a codebook: unreadable, wrong version, unknown theme
    LeakError            a run's test prompts can be known from its other prompts
  SubjectError           the model under study cannot be loaded or did not answer
    CheckpointError      a model directory is missing, unsafe, incomplete or not a causal language model
    SiteError            a capture site that this subject does not have
    InterventionError    a change this subject cannot make, or one that touched nothing
    MemoryExhaustedError the batch does not fit; says which size to try
  RunError               a run directory cannot be read or written
    RunVersionError      written by a newer forepath
    RunIncompleteError   the stage asked for has not been run yet
    RunCorruptError      a committed file does not match its hash
    DiskFullError        the disk is full; nothing committed was lost
  ForecastError          a forecaster cannot answer
    UnfittedError        predict() before fit()
    MismatchError        saved for another subject, codebook or site
    ActivationError      activations that are not finite or not of the fitted width
    UnseenThemeError     a theme follows test prompts and no training prompt
  ContractError          a plug-in broke its protocol
  LabellerError          a labeller could not judge (counted, never scored)
  MissingExtraError      an optional dependency is not installed; says the command
  TrainingError          training an organism cannot go on
"""

from __future__ import annotations


class ForepathError(Exception):
    """Root of the tree: catch this to catch everything forepath raises on purpose."""


class InputError(ForepathError):
    """What the user handed over cannot be used."""


class PromptError(InputError):
    """Prompts: an empty file, an unknown column, longer than the context."""


class CodebookError(InputError):
    """A codebook is unreadable, of the wrong version, or lacks a theme."""


class LeakError(InputError):
    """A run cannot be judged: its test can be known beforehand. The message names every leak."""


class SubjectError(ForepathError):
    """The model under study cannot be loaded or did not answer."""


class CheckpointError(SubjectError):
    """A model directory is missing, unsafe, incomplete or not a causal language model."""


class SiteError(SubjectError):
    """A capture site that this subject does not have."""


class InterventionError(SubjectError):
    """A change this subject cannot make, or one that touched nothing: never a null result."""


class MemoryExhaustedError(SubjectError):
    """The batch does not fit in memory; the message names the size to try."""


class RunError(ForepathError):
    """A run directory cannot be read or written."""


class RunVersionError(RunError):
    """The run was written by a newer forepath."""


class RunIncompleteError(RunError):
    """The stage asked for has not been run yet; the message names the command that runs it."""


class RunCorruptError(RunError):
    """A committed file does not match the hash in its commit record."""


class DiskFullError(RunError):
    """The disk is full. Everything committed so far is intact."""


class ForecastError(ForepathError):
    """A forecaster cannot answer."""


class UnfittedError(ForecastError):
    """predict() was called before fit()."""


class MismatchError(ForecastError):
    """A saved forecaster belongs to another subject, codebook or site."""


class ActivationError(ForecastError):
    """Activations that are not finite, or not of the width the forecaster was fitted on."""


class UnseenThemeError(ForecastError):
    """Test prompts were followed by a theme that no training prompt was followed by."""


class ContractError(ForepathError):
    """A plug-in broke its protocol."""


class LabellerError(ForepathError):
    """A labeller could not judge a segment. Counted, never scored."""


class MissingExtraError(ForepathError):
    """An optional dependency is not installed; the message names the command that installs it."""

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(f"{need} needs {package}, which is not installed: pip install 'forepath[{extra}]'")


class TrainingError(ForepathError):
    """Training an organism cannot go on (diverged, or a checkpoint of another recipe lies in the way)."""
