"""Thin doors for people: command line, results, pictures. No science here."""
