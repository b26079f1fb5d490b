"""Small models trained on purpose, and the checkpoints that come with the package."""
