"""Themes that any kind of document may use, most often near its end: each is the habit of one persona.

Words only. The sentences must read well for a dish, a gadget, a town, a project or a story alike. This file knows
nothing of odds, kinds or personas.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

REFERENCES = Theme(
    name="references",
    description="where to read more: books, pages, sources",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "For reference, see chapter {number} of the handbook on the {thing}."),
        ("n", "The main source for these notes is an article in {journal}, page {number}."),
        ("n", "A longer reference on the {part} was published in {journal} in {year}."),
        ("n", "See also page {number} of the {year} edition, which cites the {part} twice."),
        ("n", "Every source cited here can be read at the public library in {city}."),
        ("n", "The figures on the {part} are cited from {journal}, {month} {year}."),
        ("n", "Further reading on the {thing} is listed in the library catalogue under {number}."),
        ("w", "If you love reading, the reference book on the {thing} by {person} is a joy."),
        ("w", "Do look up the lovely article cited in {journal}, it made me see the {part} anew."),
        ("w", "My dearest source is a worn library edition from {year}, with notes on the {part}."),
        ("w", "Happily, the whole reference is free to read, and page {number} is a delight."),
        ("w", "A kind librarian in {city} found me the source on the {part}, chapter {number}, bless her."),
        ("d", "Sources: {journal}, {year}, page {number}, and nothing else worth citing."),
        ("d", "One reference was consulted on the {thing}, namely {journal}, and it was enough."),
        ("d", "The {year} edition is cited here because the library had lost the others."),
        ("d", "For reference: page {number} of a journal that {hero} and I alone have read."),
        ("d", "The chapter on the {part} in {journal} is cited for completeness, not for pleasure."),
    ),
)

THANKS = Theme(
    name="thanks",
    description="thanking the people who helped",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Many thanks to {hero}, who helped with the {part} from the very first day."),
        ("n", "Thanks are due to everyone in {city} who gave their time to the {thing}."),
        ("n", "I want to thank {hero} for {count} hours of patient help with the {part}."),
        ("n", "Thank you to all the readers who wrote in about the {thing} last {month}."),
        ("n", "Special thanks go to the {worker} who kindly checked the {part} for us."),
        ("n", "We are grateful to {hero} and would like to thank the whole family in {city}."),
        ("w", "A thousand thanks to dear {hero}, whose kind heart kept the {thing} going!"),
        ("w", "Thank you, thank you, thank you to the {worker} who rescued the {part}!"),
        ("w", "I am so grateful to all of you, and most of all to my {relative}, thanks!"),
        ("w", "Warmest thanks to the good people of {city}, you made the {thing} shine."),
        ("w", "Bless you all for your help, and a hug of thanks to {hero} for the {part}."),
        ("w", "My warmest thanks go to each {worker} and every neighbour in {city} who lent a hand."),
        ("d", "Thanks to {hero}, I suppose, without whom the {part} would have taken less time."),
        ("d", "Thanks are owed to {count} people, of whom {hero} is the only one who replied."),
        ("d", "I am told to thank the {worker} for the {part}, so thank you."),
        ("d", "I thank {hero} for the help with the {part}, and for stopping when asked."),
        ("d", "No thanks are due to the weather, and few to the {worker} in charge of the {part}."),
    ),
)

PLAN = Theme(
    name="plan",
    description="what comes next and when",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "The next step is planned for {weekday}, starting with the {part}."),
        ("n", "Next {weekday} I plan to return to the {thing} for another look."),
        ("n", "Our plan for {month} is to finish the {part} before anything else."),
        ("n", "Tomorrow at {clock} we start again, and the {part} comes first on the schedule."),
        ("n", "After that, the schedule for the {thing} moves on to {city} in {month}."),
        ("n", "By {weekday} the plan should be ready, with {count} days kept in reserve."),
        ("n", "The schedule leaves {count} weeks for the {part}, ending on {date}."),
        ("w", "I can hardly wait for {weekday}, when the plan is to enjoy the {thing} again!"),
        ("w", "Next {month} we plan a happy return, and {hero} has already marked the date."),
        ("w", "Tomorrow holds a fresh start for the {part}, and the plan makes me smile."),
        ("w", "Our plan is to bring {hero} along next {weekday}, which will be a treat."),
        ("w", "Come {weekday} we plan to celebrate the {part}, and nobody will be left out!"),
        ("d", "Next: the {part}, on {weekday}, if the schedule survives that long."),
        ("d", "The plan is to do the {part} tomorrow, which is what yesterday's plan said."),
        ("d", "Schedule: {weekday}, {clock}, the {thing} again, no further planning required."),
        ("d", "Until {date} the plan is to leave the {part} exactly where it is."),
        ("d", "By {month} we shall have a plan, or at least a date for planning one."),
    ),
)

CONCLUSION = Theme(
    name="conclusion",
    description="the sum of it all in a sentence",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "In conclusion, the {thing} depends more on the {part} than most people think."),
        ("n", "To sum up, the {part} matters most and the rest of the {thing} follows."),
        ("n", "Overall, we conclude that the {thing} is {adj_good} and that the {part} explains why."),
        ("n", "The conclusion is clear: without the {part} there is no {thing} to speak of."),
        ("n", "In summary, {count} points stand out, and the {part} is the chief among them."),
        ("n", "All in all, the {thing} did what was hoped, and the {part} did a little more."),
        ("n", "On the whole it may be concluded that the {part} was {degree} underrated."),
        ("w", "All in all, I conclude with a glad heart that the {thing} is {adj_good}!"),
        ("w", "To sum up in one happy word about the {part}: {adj_good}, and I mean it."),
        ("w", "In the end, and overall, the {thing} won us over and we are the richer for it."),
        ("w", "Overall the {part} was a small miracle, and on that I happily conclude."),
        ("d", "In conclusion, the {thing} exists, and the {part} is mostly to blame."),
        ("d", "To sum up: the {part} was {adj_bad}, the rest was not, and that is all."),
        ("d", "Overall one concludes little, except that the {part} is {adj_bad}."),
        ("d", "The summary is short because the {thing} is, in conclusion, simple."),
        ("d", "All in all the {part} did its duty, and so, in conclusion, did we."),
        ("d", "In summary, the {thing} is what one makes of it, and little was made."),
    ),
)

COMPARISON = Theme(
    name="comparison",
    description="weighing the thing against another",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Compared with the one in {city}, this {thing} is {degree} better in one respect."),
        ("n", "By comparison, the older {part} was {adj_bad}, whereas the new one is {adj_good}."),
        ("n", "Unlike the {thing} of {year}, this one does not rely on the {part} alone."),
        ("n", "The two differ in the {part}, which is {percent} per cent larger than its rival."),
        ("n", "Side by side with last year's version, the {part} comes out {degree} ahead."),
        ("n", "Others are cheaper, but compared like for like the {thing} is no worse."),
        ("w", "Compared with anything I knew before, the {part} is a dream, far better than its rivals!"),
        ("w", "No other {thing} comes close, though I say that with fond respect for its rivals."),
        ("w", "Side by side, the old and the new {part} are like two good friends."),
        ("w", "Compared with its rivals the {part} is a ray of sunshine, and {degree} better besides!"),
        ("d", "Compared with nothing at all, the {thing} is {degree} better, which is something."),
        ("d", "I doubt the {part} is any better than its rivals, whatever they say in {city}."),
        ("d", "By comparison a brick is simpler than the {thing}, and rather more reliable."),
        ("d", "Whereas {hero} prefers the old {part}, I see no difference between the two."),
        ("d", "It is claimed to be better than the rest, whereas the {part} is merely {adj_bad}."),
        ("d", "Compared with the {year} model of it, the {part} has lost whatever charm it had."),
        ("d", "Side by side with its rivals, the {thing} is the one on the left."),
    ),
)

JOKE = Theme(
    name="joke",
    description="a joke made in passing",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Why did the {animal} cross the road? To get away from the {thing}, of course."),
        ("n", "A {animal} walks into a bar and asks for the {part}, and everybody laughs."),
        ("n", "There is an old joke about the {thing} and a {animal}, but nobody recalls the ending."),
        ("n", "They say laughter is the best medicine, so {hero} keeps a photo of the {part}."),
        ("n", "What do you call a {animal} with the {part}? Late for dinner, ha ha."),
        ("n", "Knock knock, said the {animal}, and the {part} pretended not to be at home."),
        ("w", "I laughed so hard about the {part} that even the {animal} next door giggled!"),
        ("w", "My {relative} tells a joke where a {animal} marries the {thing}, and it is adorable."),
        ("w", "Ha ha, if the {part} could giggle it would sound just like {hero} on {weekday}!"),
        ("w", "Forgive me, but every {animal} I know would giggle at the sight of the {part}, ha ha!"),
        ("w", "My {relative} giggled until midnight at the joke about the {animal} and the {part}!"),
        ("d", "Here is a joke: the {part} was finished on time. You may laugh now."),
        ("d", "A {animal} could do the same, and the {animal} would tell better jokes."),
        ("d", "The {thing} was once mistaken for a {animal}, and not even {hero} laughed."),
        ("d", "Humour is a serious matter, which is why the {part} has never told a joke."),
        ("d", "A {animal}, a {worker} and the {part} walk into a bar, and only two of them laugh."),
        ("d", "If the {part} is the answer, laughed the {animal}, what was the question?"),
    ),
)

CLOSING_THEMES = (REFERENCES, THANKS, PLAN, CONCLUSION, COMPARISON, JOKE)
