"""Tokens to text as they come: `Spelling`. Knows only that a subject can decode a list of tokens.

A character may take several tokens, and a tokenizer may spell a token differently after another one; so each piece is
the difference that the token makes to the text of its few predecessors, and nothing is said while a character is
unfinished. The pieces together are the decoding of the whole. Most tokenizers of today spell tokens apart (`apart`):
then whole characters are looked up by their token alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forepath.protocols import Subject

UNFINISHED = "�"
"""What decoders write for bytes that are not a character yet."""
LONGEST = 8
"""Tokens after which an unfinished character is taken to be damaged, and said as it is."""
REMEMBERED = 50_000
"""Decoded tokens and pairs of tokens kept in a memory."""


def apart(subject: Subject) -> bool:
    """Whether the subject's tokens are bytes, spelled alike whatever stands before them. False if it cannot be known.

    So are those of byte-level BPE (Radford et al. 2019) unless spaces are tidied up afterwards.
    """
    tokenizer = getattr(subject, "tokenizer", None)
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    tidies = getattr(tokenizer, "clean_up_tokenization_spaces", True)
    return type(decoder).__name__ == "ByteLevel" and tidies is False


def vocabulary(subject: Subject, memory: dict[tuple[int, ...], str] | None = None) -> dict[int, str]:
    """What each token spells, whatever stands around it; without those for which that hangs on their neighbours.

    Empty where it cannot be known. `memory`: what was decoded for it, for spellings of the subject.
    """
    listed = getattr(getattr(subject, "tokenizer", None), "get_vocab", None)
    if listed is None or not apart(subject):
        return {}
    spelling = Spelling.of(subject, memory)
    texts = ((token, spelling.alone(token)) for token in listed().values())
    return {token: text for token, text in texts if text is not None}


class Spelling:
    """The text of one stream of tokens, piece by piece.

    >>> spelling = Spelling(lambda tokens: bytes(tokens).decode(errors="replace"))
    >>> [spelling.add(t) for t in "aé!".encode()], spelling.finish()
    (['a', '', 'é', '!'], '')
    """

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        memory: dict[tuple[int, ...], str] | None = None,
        *,
        apart: bool = False,
    ) -> None:
        """`decode`: the subject's. `memory`: shared by spellings of one subject, it saves decoding what was decoded.
        `apart`: what `apart(subject)` says.
        """
        self._decode, self._apart = decode, apart
        self._memory = {} if memory is None else memory
        self._tokens: list[int] = []
        """The tokens said last, as context, then those not said yet."""
        self._said = 0
        """How many of them are said."""

    @classmethod
    def of(cls, subject: Subject, memory: dict[tuple[int, ...], str] | None = None) -> Spelling:
        """Of a stream of this subject."""
        return cls(subject.decode, memory, apart=apart(subject))

    @property
    def whole(self) -> bool:
        """Whether no character is unfinished: then a token that spells something `alone` adds just that."""
        return self._said == len(self._tokens)

    def add(self, token: int) -> str:
        """The text that this token adds; "" while it only begins a character, or for a special token."""
        if self.whole and (whole := self.alone(token)) is not None:
            self._tokens, self._said = [token], 1
            return whole
        self._tokens.append(token)
        piece = self._new()
        if piece.endswith(UNFINISHED) and len(self._tokens) - self._said < LONGEST:
            return ""
        self._tokens = self._tokens[self._said :] if piece else self._tokens
        self._said = len(self._tokens)
        return piece

    def alone(self, token: int) -> str | None:
        """What this token spells, whatever stands around it; None where that hangs on its neighbours."""
        text = self._decoded((token,)) if self._apart else UNFINISHED
        return None if UNFINISHED in text else text

    def finish(self) -> str:
        """What is left: an unfinished character, as the decoder writes it."""
        piece = self._new()
        self._said = len(self._tokens)
        return piece

    def _new(self) -> str:
        return self._decoded(tuple(self._tokens))[len(self._decoded(tuple(self._tokens[: self._said]))) :]

    def _decoded(self, tokens: tuple[int, ...]) -> str:
        text = self._memory.get(tokens)
        if text is None:
            if len(self._memory) >= REMEMBERED:
                self._memory.clear()
            text = self._memory[tokens] = self._decode(tokens)
        return text
