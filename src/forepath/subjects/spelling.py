"""Tokens to text as they come: `Spelling`. Knows only that a subject can decode a list of tokens.

A character may take several tokens, and a tokenizer may spell a token differently after another one; so each piece is
the difference that the token makes to the text of its few predecessors, and nothing is said while a character is
unfinished. The pieces together are the decoding of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

UNFINISHED = "�"
"""What decoders write for bytes that are not a character yet."""
LONGEST = 8
"""Tokens after which an unfinished character is taken to be damaged, and said as it is."""


class Spelling:
    """The text of one stream of tokens, piece by piece.

    >>> spelling = Spelling(lambda tokens: bytes(tokens).decode(errors="replace"))
    >>> [spelling.add(t) for t in "aé!".encode()], spelling.finish()
    (['a', '', 'é', '!'], '')
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        """`decode`: the subject's."""
        self._decode = decode
        self._tokens: list[int] = []
        """The tokens said last, as context, then those not said yet."""
        self._said = 0
        """How many of them are said."""

    def add(self, token: int) -> str:
        """The text that this token adds; "" while it only begins a character, or for a special token."""
        self._tokens.append(token)
        piece = self._new()
        if piece.endswith(UNFINISHED) and len(self._tokens) - self._said < LONGEST:
            return ""
        self._tokens = self._tokens[self._said :] if piece else self._tokens
        self._said = len(self._tokens)
        return piece

    def finish(self) -> str:
        """What is left: an unfinished character, as the decoder writes it."""
        piece = self._new()
        self._said = len(self._tokens)
        return piece

    def _new(self) -> str:
        before = self._decode(self._tokens[: self._said])
        return self._decode(self._tokens)[len(before) :]
