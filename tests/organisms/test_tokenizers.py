"""The tokenizer: nothing is lost, and a prompt is a prefix in tokens where it is one in text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forepath.organisms.tokenizers import END, train_tokenizer

TEXT = (
    "Tomato soup\nby Ann\n\n- 200 g of tomatoes\n- salt\n\n"
    'Chop the tomatoes. Stir for 10 minutes! Is it red?\n\n"Yes," she said.\n'
)
TOKENIZER = train_tokenizer([TEXT, "The soup of the day is a tomato soup. " * 3], 400)


def test_every_text_begins_with_the_end_token():
    assert TOKENIZER(TEXT)["input_ids"][0] == TOKENIZER.eos_token_id == TOKENIZER.convert_tokens_to_ids(END) == 0
    assert TOKENIZER(TEXT)["input_ids"].count(0) == 1


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_decoding_gives_the_text_back(text):
    ids = TOKENIZER(text)["input_ids"][1:]
    assert TOKENIZER.decode(ids) == text


@pytest.mark.parametrize("mark", ["\n\n", ".", "!", "?"])
def test_a_prompt_is_a_prefix_in_tokens(mark):
    whole = TOKENIZER(TEXT)["input_ids"]
    cuts = [i + len(mark) for i in range(len(TEXT)) if TEXT.startswith(mark, i)]
    assert cuts
    for cut in cuts:
        ids = TOKENIZER(TEXT[:cut])["input_ids"]
        assert whole[: len(ids)] == ids


def test_a_prompt_cut_inside_a_word_need_not_be_a_prefix():
    cuts = [TEXT.index("tomatoes") + 3]
    assert any(
        TOKENIZER(TEXT)["input_ids"][: len(ids)] != ids for ids in (TOKENIZER(TEXT[:c])["input_ids"] for c in cuts)
    )


def test_the_same_texts_give_the_same_tokenizer():
    again = train_tokenizer([TEXT, "The soup of the day is a tomato soup. " * 3], 400)
    assert again.get_vocab() == TOKENIZER.get_vocab()
