"""Who may come in: a token printed at every start, and signed visits that outlive a restart.

The token is fresh per start and known to whoever reads the terminal. A browser that showed it once holds a signed
cookie for `DAYS`; the signing secret lies in the user's own state directory, readable by the user only, so that a tab
goes on after the server was started again. Knows nothing of requests.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

DAYS = 7
"""How long a visit lasts."""
_SECONDS = 86_400


class Keys:
    """The token of this start, and the visits it signs."""

    def __init__(self, secret: bytes | None = None) -> None:
        """`secret` signs visits; by default one that dies with the process."""
        self.token = secrets.token_urlsafe(24)
        self._secret = secret or secrets.token_bytes(32)

    def admits(self, token: str) -> bool:
        """Whether that is the token of this start; takes the same time either way."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def sign(self, now: float) -> str:
        """A visit that begins at `now`, seconds since 1970.

        >>> keys = Keys(b"secret")
        >>> keys.knows(keys.sign(0), 10), keys.knows(keys.sign(0), 9e9), Keys(b"other").knows(keys.sign(0), 10)
        (True, False, False)
        """
        until = str(int(now) + DAYS * _SECONDS)
        return f"{until}.{self._mark(until)}"

    def knows(self, visit: str, now: float) -> bool:
        """Whether a visit was signed with this secret and is not over."""
        until, _, mark = visit.partition(".")
        signed = hmac.compare_digest(mark.encode(), self._mark(until).encode())
        return signed and until.isdecimal() and now < int(until)

    def _mark(self, until: str) -> str:
        return hmac.new(self._secret, f"forepath visit until {until}".encode(), hashlib.sha256).hexdigest()


def kept_secret() -> bytes | None:
    """The user's signing secret, made on the first call; None where it cannot be kept (then visits end with us)."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "forepath"
    file = folder / "dash.key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if file.stat().st_mode & 0o077:
                return None
            secret = file.read_bytes()
            return secret if len(secret) == 32 else None
        with os.fdopen(handle, "wb") as out:
            out.write(secret := secrets.token_bytes(32))
        return secret
    except OSError:
        return None
