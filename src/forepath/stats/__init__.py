"""Scores of forecasts, their intervals and what they are worth in samples. Knows records, not forecasters."""
