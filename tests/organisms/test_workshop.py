"""From a name to a finished model and its card; a checkpoint in the package is what its card says."""

import hashlib
import json

import pytest
from toys import TINY, TINY_LIBRARY, books, write_corpus

from forepath.errors import CheckpointError, InputError
from forepath.organisms import bundled, documents, workshop
from forepath.organisms.cards import write_card
from forepath.worlds.documents import document_grammar


def test_documents_from_name_to_card(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "TOKENIZER_TEXTS", 200)
    seen = []
    folder = workshop.train_organism("documents", tmp_path, recipe=TINY, device="cpu", seed=4, report=seen.append)
    assert seen[-1].step == TINY.steps and seen[-1].validation is not None
    again = workshop.train_organism("documents", tmp_path, recipe=TINY, device="cpu", seed=4)  # Nothing left to do.
    assert again == folder and (folder / "losses.png").exists()
    record = json.loads((folder / "training.json").read_text())
    assert record["recipe"]["seed"] == 4 and record["origin"]["world"] == documents.fingerprint(document_grammar())
    record["origin"]["world"] = "another"
    (folder / "training.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="has changed since"):
        write_card(folder)


def test_library_from_name_to_card(tmp_path):
    corpus = write_corpus(tmp_path / "c.jsonl.gz", books(titles=8))
    folder = workshop.train_organism("library", tmp_path, recipe=TINY_LIBRARY, data=corpus, device="cpu")
    text = write_card(folder, data=corpus).read_text()
    card = json.loads((folder / "card.json").read_text())
    assert "kneser_ney_5" in text and len(card["measured"]["rates"]) == 4 and card["origin"]["books"] == 8
    assert card["recipe"]["name"] == "library" and len(card["measured"]["test_books"]) == 4
    other = write_corpus(tmp_path / "o.jsonl.gz", books(titles=7))
    with pytest.raises(InputError, match="not the corpus"):
        write_card(folder, data=other)
    with pytest.raises(InputError, match="--data FILE"):
        write_card(folder)


def test_clear_errors(tmp_path):
    with pytest.raises(InputError, match="there are: documents, library"):
        workshop.train_organism("novels", tmp_path)
    with pytest.raises(InputError, match="--data FILE"):
        workshop.train_organism("library", tmp_path)
    with pytest.raises(CheckpointError, match=r"has no training\.json"):
        write_card(tmp_path)
    with pytest.raises(CheckpointError, match="no bundled model 'novels'"):
        bundled.path("novels")


@pytest.mark.parametrize("name", bundled.names())
def test_a_bundled_model_is_what_its_card_says(name):
    folder = bundled.path(name)
    card = json.loads((folder / "card.json").read_text())
    weights = (folder / "model.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(weights).hexdigest() and card["bytes"] == len(weights)
    assert len(weights) <= {"documents": 12_000_000, "library": 20_000_000}[name]
    assert {"README.md", "losses.png", "tokenizer.json", "config.json"} <= {p.name for p in folder.iterdir()}


@pytest.mark.skipif("documents" not in bundled.names(), reason="no documents checkpoint yet")
def test_the_grammar_is_the_one_that_documents_was_trained_on():
    card = json.loads((bundled.path("documents") / "card.json").read_text())
    assert card["origin"]["world"] == documents.fingerprint(document_grammar())


@pytest.mark.skipif("documents" not in bundled.names(), reason="no documents checkpoint yet")
def test_the_figures_on_the_card_are_measured_ones():
    from forepath.organisms.against_grammar import measure_loss
    from forepath.subjects.huggingface import load

    card = json.loads((bundled.path("documents") / "card.json").read_text())["measured"]["loss"]
    found = measure_loss(load(bundled.path("documents"), device="cpu"), document_grammar(), documents=60, seed=5)
    assert found.model == pytest.approx(card["model"], rel=0.1)
    assert found.exact == pytest.approx(card["exact"], rel=0.1)
    assert found.ratio == pytest.approx(card["ratio"], abs=0.03)
