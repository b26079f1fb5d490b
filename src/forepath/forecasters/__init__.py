"""From activations to distributions over chains. Never sees a model or a text: only arrays and futures.

`LinearForecaster` is ours; `BaseRate` and `Markov` are the rivals that need no activations. A rival that reads the text
is `LinearForecaster` on the text's features; Monte Carlo is judged straight from the samples (`forepath.stats.judge`).
"""

from forepath.forecasters.base_rate import BaseRate
from forepath.forecasters.calibrated import Calibrated
from forepath.forecasters.chain import ChainForecaster
from forepath.forecasters.closed_form import ClosedForm
from forepath.forecasters.ensemble import Ensemble
from forepath.forecasters.fusion import Fusion
from forepath.forecasters.layers import LayersForecaster
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.markov import Markov
from forepath.forecasters.markov_variable import MarkovVariable
from forepath.forecasters.novelty import Novelty
from forepath.forecasters.prediction_sets import PredictionSets
from forepath.forecasters.saving import Origin

__all__ = [
    "BaseRate",
    "Calibrated",
    "ChainForecaster",
    "ClosedForm",
    "Ensemble",
    "Fusion",
    "LayersForecaster",
    "LinearForecaster",
    "Markov",
    "MarkovVariable",
    "Novelty",
    "Origin",
    "PredictionSets",
]
