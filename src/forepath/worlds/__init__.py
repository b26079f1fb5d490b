"""Processes whose answer is known exactly.

Start at `documents.document_grammar()`: it writes documents (`grammar`), and `posterior.posterior(grammar, text)` says
exactly what follows any beginning of one, as a `belief.Belief`; `exact` says it for many prompts as a `Forecast`.
`entropy` bounds what a language model can reach, `recognise` reads true themes off text, `clashes` shows that text can
be read in one way only. The words are in `lexicon`, the odds of the theme chain in `course`.
"""
