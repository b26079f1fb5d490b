"""Processes whose answer is known exactly."""
