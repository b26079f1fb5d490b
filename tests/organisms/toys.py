"""Small things the tests of this room share: a grammar model of a few thousand parameters, a corpus of nine books."""

import gzip
import json
from dataclasses import replace

from forepath.organisms import documents, library

TINY = replace(documents.RECIPE, vocab_size=400, width=32, layers=1, heads=2, rows=4, steps=6, warmup=2, name_steps=0)
TINY_LIBRARY = replace(
    library.RECIPE, vocab_size=300, width=32, layers=1, heads=2, context=64, rows=2, steps=4, warmup=2
)
PLACES = ("harbour", "orchard", "mill", "chapel", "quarry", "bridge", "meadow", "tower", "well", "forge")


def books(kinds=("tale", "letter"), titles=7):
    """Books whose paragraphs name their title, so that no two share one."""
    made = []
    for kind in kinds:
        for t in range(titles):
            text = "\n\n".join(
                f"{kind.title()} {t}, part {i}: the {PLACES[(i * 3 + t) % 10]} lay beyond the {PLACES[(i + t) % 10]}, "
                f"and nobody of the {PLACES[i % 10]} had ever gone there before the winter of {1700 + i}."
                for i in range(30)
            )
            made.append(library.Book(kind, f"Author {t % 3}", f"{kind} {t}", text))
    return made


def write_corpus(path, made):
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        for b in made:
            stream.write(json.dumps({"kind": b.kind, "author": b.author, "title": b.title, "text": b.text}) + "\n")
    return path
