"""What we study: language models and fakes; sampling and capture."""
