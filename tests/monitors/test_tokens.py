"""What a subject's tokens spell, read once."""

from types import SimpleNamespace

from forepath.monitors.tokens import Tokens
from forepath.organisms import bundled
from forepath.subjects.huggingface import load
from forepath.subjects.spelling import vocabulary


def test_tokens_of_a_model_are_told_apart_by_what_they_spell():
    subject = load(bundled.path("documents"))
    known = Tokens.of(subject)
    assert {(token,) for token in known.texts} <= known.spelled.keys(), "nothing is decoded twice"
    assert 1500 < len(known.texts) <= len(subject.tokenizer) and not subject.end_ids & known.texts.keys()
    assert all(subject.decode([token]) == text and "�" not in text for token, text in known.texts.items())
    loud = {text for token, text in known.texts.items() if token not in known.quiet}
    assert {".", "?", "!", "\n\n"} <= loud and all(set(text) & set(".!?…\n") for text in loud)
    assert {known.texts[token] for token in known.blank} >= {" ", "\n\n"}
    assert not any(known.texts[token].strip() for token in known.blank)


def test_nothing_is_known_of_tokens_that_hang_on_their_neighbours():
    subject = SimpleNamespace(fingerprint="f", end_ids=frozenset(), decode=lambda tokens: "x" * len(tokens))
    bytewise = type("ByteLevel", (), {})()
    unlisted = SimpleNamespace(backend_tokenizer=SimpleNamespace(decoder=bytewise), clean_up_tokenization_spaces=False)
    assert vocabulary(SimpleNamespace(**vars(subject), tokenizer=unlisted)) == {}
    assert vocabulary(subject) == {} and Tokens.of(subject) == Tokens()
