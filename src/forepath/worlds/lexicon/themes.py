"""All themes of the grammar by name, in a fixed order: the order is the index of a theme everywhere else.

Only gathers; the words are in the `themes_*` files. `end` (`forepath.records.END`) is not a theme of the content: the
engine adds it.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme
from forepath.worlds.lexicon.themes_closing import CLOSING_THEMES
from forepath.worlds.lexicon.themes_fiction import FICTION_THEMES
from forepath.worlds.lexicon.themes_goods import GOODS_THEMES
from forepath.worlds.lexicon.themes_kitchen import KITCHEN_THEMES
from forepath.worlds.lexicon.themes_meeting import MEETING_THEMES
from forepath.worlds.lexicon.themes_news import NEWS_THEMES
from forepath.worlds.lexicon.themes_science import SCIENCE_THEMES
from forepath.worlds.lexicon.themes_software import SOFTWARE_THEMES
from forepath.worlds.lexicon.themes_travel import TRAVEL_THEMES

THEMES: dict[str, Theme] = {
    theme.name: theme
    for theme in (
        *KITCHEN_THEMES,
        *GOODS_THEMES,
        *SOFTWARE_THEMES,
        *SCIENCE_THEMES,
        *TRAVEL_THEMES,
        *NEWS_THEMES,
        *FICTION_THEMES,
        *MEETING_THEMES,
        *CLOSING_THEMES,
    )
}
"""44 themes."""
