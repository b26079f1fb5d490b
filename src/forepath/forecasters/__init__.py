"""From activations to distributions over chains. Arrays and futures in, forecasts out; no model or text is looked at.

From little to much: `Uniform`, `BaseRate`, `Markov` and `MarkovVariable` need no activations; `Lens`,
`ClosedForm` (ridge, lda), `LinearForecaster` and `LayersForecaster` are linear; `ChainForecaster` and `retrofit` write
whole chains. All keep `forepath.checks.check_forecaster`. Behind the door of texts (`check_text_forecaster`):
`TextForecaster` puts any reader of prompts in front of any of these; `lora` and `encoder` train a language model, which
is their own machinery.

Around a forecaster: `Calibrated` makes its odds honest, `Cautious` learns on groups left out how far to trust them,
`PredictionSets` turns them into sets that keep their promise, `Ensemble` says how sure they are, `Novelty` whether the
prompt is like those before, `Fusion` updates them with real samples; `conditionals` puts what follows if into words,
`sweep` corrects for having looked at many layers. Monte Carlo is judged straight from the samples
(`forepath.stats.judge`). `loading.load` reads back what was saved.
"""

from forepath.forecasters.base_rate import BaseRate
from forepath.forecasters.calibrated import Calibrated
from forepath.forecasters.cautious import Cautious
from forepath.forecasters.chain import ChainForecaster, retrofit
from forepath.forecasters.closed_form import ClosedForm
from forepath.forecasters.ensemble import Ensemble
from forepath.forecasters.finetuned import FineTuned, encoder, lora
from forepath.forecasters.fusion import Fusion
from forepath.forecasters.layers import LayersForecaster
from forepath.forecasters.lens import Lens
from forepath.forecasters.linear import LinearForecaster
from forepath.forecasters.markov import Markov
from forepath.forecasters.markov_variable import MarkovVariable
from forepath.forecasters.novelty import Novelty
from forepath.forecasters.prediction_sets import PredictionSets
from forepath.forecasters.saving import Origin
from forepath.forecasters.texts import EmbeddingReader, SubjectReader, TextForecaster, TfidfReader
from forepath.forecasters.uniform import Uniform

__all__ = [
    "BaseRate",
    "Calibrated",
    "Cautious",
    "ChainForecaster",
    "ClosedForm",
    "EmbeddingReader",
    "Ensemble",
    "FineTuned",
    "Fusion",
    "LayersForecaster",
    "Lens",
    "LinearForecaster",
    "Markov",
    "MarkovVariable",
    "Novelty",
    "Origin",
    "PredictionSets",
    "SubjectReader",
    "TextForecaster",
    "TfidfReader",
    "Uniform",
    "encoder",
    "lora",
    "retrofit",
]
