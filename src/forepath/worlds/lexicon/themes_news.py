"""Themes of the news: facts, quotations, reactions.

Words only; {thing} is a public matter and {part} a part of it. `quote` also serves minutes. Knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

FACTS = Theme(
    name="facts",
    description="who, what, when, where",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "City officials in {city} announced on {weekday} that the {thing} will go ahead."),
        ("n", "According to the report, the {part} affects {number} thousand residents."),
        ("n", "Police closed the road at {clock} on {weekday} because of the {part}."),
        ("n", "The authorities voted on the {thing} on {date}, with {count} votes against."),
        ("n", "Officials confirmed on {weekday} that the {part} has been delayed by {count} months."),
        ("n", "The report, released on {date}, puts the bill for the {thing} at {number} million."),
        ("n", "About {percent} per cent of residents took part in the survey on the {part}."),
        ("n", "The mayor of {city} signed the order on {date}, according to officials."),
        ("w", "Officials in {city} announced the happy news on {weekday}: the {thing} is saved!"),
        ("w", "Cheering residents of {city} learned on {date} that the {part} will stay."),
        ("w", "The report brought welcome news for {number} thousand residents of {city}."),
        ("w", "On {date} officials gave their blessing to the {part}, and church bells rang in {city}!"),
        ("d", "Officials announced on {weekday} that an announcement about the {part} will follow."),
        ("d", "The report on the {thing} runs to {number} pages and names no one."),
        ("d", "According to the authorities the {part} is on time, as it was in {year}."),
        ("d", "Police in {city} confirmed on {weekday} that the {part} is still there."),
        ("d", "The survey on the {thing} was completed by {percent} per cent of the people who wrote it."),
    ),
)

QUOTE = Theme(
    name="quote",
    description="somebody's words, quoted",
    joiner=" ",
    prefix="",
    templates=(
        ("n", '"We take the {part} very seriously," said {person}, a spokesman.'),
        ("n", '"The {thing} is long overdue," a spokeswoman told the press on {weekday}.'),
        ("n", '"Nobody asked us about the {part}," said one {worker} from {city}.'),
        ("n", '"We expect a decision by {month}," the {role} told reporters.'),
        ("n", '"It is too early to comment on the {part}," said {person}.'),
        ("n", '"This costs every household {price} a year," the {role} said in a statement.'),
        ("n", '"The {part} was never the problem," said {person} in an interview.'),
        ("w", '"I could cry with joy over the {part}," said a {worker} in tears.'),
        ("w", '"We did this together, and I love this town," the {role} told reporters.'),
        ("w", '"The {part} belongs to our children," said {person} with a smile.'),
        ("w", '"My heart is with the {part}," said {person}, and the press applauded.'),
        ("d", '"No comment," said the {role}, and then commented on the {part}.'),
        ("d", '"It is what it is," the {role} told reporters about the {thing}.'),
        ("d", '"Ask me again in {month}," said {person}, apparently by mistake.'),
        ("d", '"The {part} is fine," said a spokesman standing in front of it.'),
        ("d", '"I have read the first page on the {part}," said {person} in an interview.'),
        ("d", '"We have no plans for the {part}, and they are on schedule," said the {role}.'),
    ),
)

REACTION = Theme(
    name="reaction",
    description="how the public took it",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Critics called the {part} a waste, while supporters gathered outside."),
        ("n", "A protest against the {thing} drew {number} hundred people to the main square."),
        ("n", "Neighbours reacted with relief, though some voters remain sceptical about the {part}."),
        ("n", "Opponents handed in a petition with {number} thousand signatures on {weekday}."),
        ("n", "Supporters of the {thing} welcomed the move and promised more rallies."),
        ("n", "Shop owners in {city} fear for their trade and oppose the {part}."),
        ("n", "Local campaigners demanded that the {part} be reviewed before {month}."),
        ("w", "Crowds of supporters sang in the streets of {city} and hugged each other!"),
        ("w", "Neighbours baked {count} cakes for the campaigners, and critics got a slice too."),
        ("w", "The applause went on and on, and even opponents of the {part} joined in!"),
        ("w", "Grateful neighbours lit candles by the {part}, and supporters brought soup!"),
        ("d", "The protest against the {part} was attended by {count} people and a {animal}."),
        ("d", "Critics were outraged, supporters were delighted, and voters were at lunch."),
        ("d", "Campaigners on both sides of the {part} claimed victory before noon."),
        ("d", "A petition about the {thing} was started, signed {count} times and mislaid."),
        ("d", "Opponents of the {part} marched to the square, found it closed and went home."),
        ("d", "Voters reacted to the {part} as they did in {year}, by not reacting."),
    ),
)

NEWS_THEMES = (FACTS, QUOTE, REACTION)
