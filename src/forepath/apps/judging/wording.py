"""What each table means, and how it can fool its reader: the sentences of the report. Sources in docs/judge.md."""

from __future__ import annotations

MEANS = {
    "standing": "Cross-entropy in nats per theme on the samples of n test prompts, lower is better, with the 95 % "
    "bootstrap interval over prompts. ± fits: standard deviation over further fits, each to half of the prompts. "
    "expl.: 0 is the base rate, 1 the model's own distribution. k raw: samples of the prompt that a forecast is worth; "
    "k*: samples shrunk towards the base rate, the honest count. main is: the run's forecaster against this row.",
    "tests": "Differences of per-prompt cross-entropy on the same prompts; below 0 the first is better. Student's t "
    "over prompts (or groups); q is adjusted for all tests of this table (Benjamini and Hochberg).",
    "decay": "What is left of the skill at each step: its horizon is where the interval reaches 0.",
    "courses": "Nats of a sampled chain by the chain rule, as far as it was observed; and how many themes must be put "
    "in, taken out or changed, on average, to turn a chain drawn from the forecast (of those it lists) into a sample. "
    "own samples: two samples of one prompt, what a perfect forecast has. linear steps takes the steps as independent.",
    "rare": "Of themes that at most 2 in 100 samples go to next: the chance that a sample that does was given higher "
    "odds of it than one that does not, mean over those themes. 0.5 is chance.",
    "shifts": "On the left of each arrow the same prompts as they were, on the right shifted; the forecasters stay as "
    "they were fitted, except for leave-group-out, where each was fitted without the prompts' own group. "
    "There, blind is what is explained from the base rate of the prompts it was fitted to; cautious learned "
    "on groups left out within those how far to trust itself, cautious@nothing does so without reading the "
    "prompt; described is cautious, and told what its site, read with the model's unembedding, says of the themes' "
    "examples in the codebook. In a codebook that was discovered these quote training texts of every group, the one "
    "left out among them: it has seen what that group's themes look like, not where they come. reachable knows all but "
    "which of the themes that the other groups hardly ever wrote comes. At another temperature the forecast is the "
    "same and the truth moves.",
    "groups": "The run's forecaster on each group's test prompts: fitted with the group, and without it.",
    "sites": "One head per site and normalisation, fitted on the training prompts; mean over the steps. The choice was "
    "made by the validation column alone.",
    "sizes": "The head on fewer training prompts, and on fewer samples of each; mean over the steps. Rows with as many "
    "texts cost as much to sample.",
    "calibration": "Mean over themes of how far stated odds are from observed shares, debiased. The forecaster was "
    "fitted to the training prompts and each map of its odds learned on the validation prompts; both are judged on the "
    "test prompts. none: its odds as they are.",
    "promises": "Conformal sets, calibrated on validation prompts (each has one vote): the share of samples in their "
    "prompt's set, wanted 0.90, and the mean size beside that of the smallest sets if the world's odds were known.",
    "savings": "The forecast as a prior that samples update: how many samples reach the mean squared error that the "
    "raw samples of the second column have, shrunk towards the base rate, or fused with the forecast.",
    "strangers": "Prompts of groups that were left out, told from prompts of known groups by their activations alone. "
    "0.5 is chance. Flagged: less familiar than 95 in 100 known prompts that were kept aside.",
    "labels": "How well two independent rounds of samples of the same prompts agree: no forecast can agree better.",
    "costs": "Measured on this machine when the run was scored; operations are 2 × parameters × tokens.",
}
FOOLS = {
    "standing": "k raw flatters: the base rate alone is worth several samples. A row near `logits` may read the next "
    "word, not the course; a row near `tfidf` or `length` classifies the prompt. If `shuffled` beats the base rate, or "
    "`random_weights` comes near, something leaks or the prompts are too easy. cheat@K has one sample as its target "
    "and can pass the ceiling.",
    "tests": "Not told apart is not equal: look at the interval. The tests take prompts as independent; prompts of one "
    "source are not, unless they were grouped.",
    "decay": "A step is judged on the texts that reached it within the token limit; what has ended stays ended, which "
    "makes late steps easier where texts are short.",
    "courses": "Forecasts list chains above 0.2 %: the rest is left out of the edit distance, which flatters the broad "
    "ones. A sharp wrong guess can be nearer than the truth's own spread: read the nats first.",
    "rare": "Telling prompts apart is easy where a theme belongs to one kind of text; whether its odds are right, the "
    "calibration says. No interval: few prompts have one.",
    "shifts": "Few prompts: mind the intervals before reading a ranking. The codebook saw training prompts of every "
    "group, so a group left out is new to the forecaster, not to the themes. explained compares with the base rate of "
    "the known prompts, which is itself off on shifted ones.",
    "groups": "Small groups swing widely, and there are many of them: the extreme ones are extreme by luck.",
    "sites": "The best of many is too good on the validation column, on which it was best.",
    "sizes": "Smaller sets are one draw each. The penalty is chosen anew at every point.",
    "calibration": "Averaged over many rare themes the error is small whatever happens to the frequent ones; see the "
    "curves. Calibrated is not informative: the base rate is calibrated, too.",
    "promises": "Coverage is on average over prompts from where these came from: on other kinds it drops, and a "
    "group can be covered badly while the average holds. Sets of everything are always right.",
    "savings": "Beside raw samples the base rate saves much, too: read the column that compares with shrunk ones. "
    "Saved 1.00 says that the forecast alone is as good; it does not say that it is good.",
    "strangers": "A prompt can look familiar and still be new in what matters; one site is read. Kinds that differ in "
    "their first line are easy to tell apart.",
    "labels": "Agreement of rounds does not see what the labeller gets wrong in the same way twice.",
    "costs": "Seconds change with batch and machine. Sampling pays for itself only if somebody wants the samples' "
    "odds, not their texts.",
}
