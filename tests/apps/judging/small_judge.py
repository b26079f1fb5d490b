"""What the tests of the judge ask for: a small run, and no rival that takes long."""

from forepath.apps.judging import rivals
from forepath.errors import MissingExtraError
from forepath.records import Policy

SMALL = {"samples": 6, "policy": Policy(max_tokens=8, stop=(" w4", " w5", " w6")), "horizon": 2, "prompts_per_item": 24}


def missing_extra(case):
    raise MissingExtraError("nothing", "nothing", "a rival of the test")


QUICK = {"lens": rivals.lensed, "markov_variable": rivals.markov_variable, "retrofit": missing_extra}
