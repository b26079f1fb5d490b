"""Themes of the short story: setting, conflict, dialogue, twist, moral.

Words only; {thing} is what the tale turns on and {part} something in it. This file knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

SETTING = Theme(
    name="setting",
    description="once upon a time: where the tale begins",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Once, in a village not far from {city}, there was a {thing} that nobody owned."),
        ("n", "In the {season} of {year}, {hero} came to live beside the {part}."),
        ("n", "Long ago a lonely {worker} kept the {thing} in a house at the edge of {city}."),
        ("n", "There was once a {worker} named {hero} who lived near the {part}."),
        ("n", "At the end of a silent street in {city} stood a house with the {part}."),
        ("n", "Every evening at {clock} the village fell silent and the {part} was left alone."),
        ("n", "Nobody in the village knew how old the {thing} was, least of all {hero}."),
        ("w", "Once upon a time, in a village full of lamplight, {hero} loved the {thing}."),
        ("w", "There lived a gentle {worker} in {city}, with a {animal} and the {part}."),
        ("w", "In a cosy house that smelled of {drink}, {hero} dreamed beside the {part}."),
        ("w", "Long ago, when {city} was small, a kind {worker} found the {thing} in the snow."),
        ("d", "Once upon a time there was a {thing}, and it was of no use to anyone."),
        ("d", "There lived in {city} a {worker} whom nobody in the village missed."),
        ("d", "Nothing had happened in the village since {year}, and {hero} liked it that way."),
        ("d", "The house stood by the {part}, lonely, damp and {degree} overpriced."),
        ("d", "In the {season} of {year} nobody in {city} had any reason to look at the {part}."),
        ("d", "There was once a {thing} in {city}, and there were also taxes."),
    ),
)

CONFLICT = Theme(
    name="conflict",
    description="trouble comes",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "One night {hero} woke to find the {part} gone and the window open."),
        ("n", "Then a {worker} arrived and claimed that the {thing} had been stolen."),
        ("n", "A quarrel broke out over the {part}, and {hero} struck the first blow."),
        ("n", "Fear spread through the house, for someone had touched the {part}."),
        ("n", "The more {hero} searched for the {part}, the angrier the {worker} grew."),
        ("n", "By {weekday} the quarrel had reached {city}, and {hero} had to flee."),
        ("n", "In the dark somebody seized the {part} and ran towards the river."),
        ("w", "Poor {hero} trembled, for the {part} was lost and the night was cruel."),
        ("w", "Brave little {hero} held the {part} tight and faced the angry {worker}!"),
        ("w", "How {hero} wept that night, with the {part} stolen and no friend near."),
        ("w", "With tears in her eyes {hero} begged the {worker} not to harm the {part}!"),
        ("d", "The {part} was stolen on {weekday}, and by then {hero} had other troubles."),
        ("d", "The {worker} wanted the {part}, {hero} wanted the {part}, and blood was spilt."),
        ("d", "Somebody screamed in the dark, and for once it was not {hero}."),
        ("d", "It was a quarrel about the {part}, though nobody had wanted it before."),
        ("d", "The {worker} threatened {hero} with the {part}, which took some strength."),
        ("d", "By midnight both the {part} and the good manners were gone."),
    ),
)

DIALOGUE = Theme(
    name="dialogue",
    description="characters speak",
    joiner=" ",
    prefix="",
    templates=(
        ("n", '"Where did you find the {part}?" whispered {hero}.'),
        ("n", '"Leave the {thing} where it is," replied the {worker}.'),
        ("n", '"I have waited since {year} for this," {hero} murmured.'),
        ("n", '"Is that your {animal}?" asked the {worker} after a pause.'),
        ("n", '"You never told me about the {part}," {hero} answered in a low voice.'),
        ("n", '"Come inside," murmured {hero}, "and shut the door behind you."'),
        ("n", '"It was never yours," replied {hero}, and laid a hand on the {part}.'),
        ("w", '"Oh, my darling, keep the {part} close," whispered {hero}.'),
        ("w", '"I would give you the moon and the {thing}," murmured the {worker}.'),
        ("w", '"You came back!" cried {hero}, and the {worker} whispered, "Always."'),
        ("w", '"Take the {part}, my friend, and all my love with it," whispered the {worker}.'),
        ("d", '"You are late," replied {hero}, without looking up from the {part}.'),
        ("d", '"Frankly, I preferred the {animal}," murmured the {worker}.'),
        ("d", '"Is it dead?" asked {hero}. "Not yet," replied the {worker}.'),
        ("d", '"I assume that was the {part}," {hero} remarked into the silence.'),
        ("d", '"I was told there would be a {part}," the {worker} remarked.'),
        ("d", '"We could always blame the {animal}," murmured {hero}.'),
    ),
)

TWIST = Theme(
    name="twist",
    description="the turn nobody saw coming",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "But the {worker} was someone else entirely, as {hero} suddenly understood."),
        ("n", "Suddenly the {part} opened, and inside lay a letter signed by {hero}."),
        ("n", "It turned out that the {thing} had belonged to {hero} all along."),
        ("n", "Only then was the secret revealed: the {part} had never existed."),
        ("n", "To the surprise of all, the {animal} carried the missing half of the {part}."),
        ("n", "All at once {hero} recognised the handwriting, and the truth was revealed."),
        ("n", "Behind the {part} was a hidden door, and behind the door stood the {worker}."),
        ("w", "And then, wonder of wonders, the {part} was revealed as a gift for {hero}!"),
        ("w", "Suddenly {hero} laughed through tears, for the {worker} was a long lost twin!"),
        ("w", "The secret, it turned out, was love, hidden all along inside the {part}."),
        ("w", "And all along, hidden under the {part}, there was a letter full of love for {hero}!"),
        ("d", "It turned out that {hero} had been dead since {year}, which explained much."),
        ("d", "The secret was revealed at {clock}, and nobody was more bored than {hero}."),
        ("d", "Suddenly, and rather late, {hero} noticed that the {part} was hidden in plain sight."),
        ("d", "All along it had been the {animal}, as the {worker} might have guessed."),
        ("d", "All at once the {worker} confessed, mainly to be allowed to sit down."),
        ("d", "It turned out that the {part} was a copy, and that so was {hero}."),
    ),
)

MORAL = Theme(
    name="moral",
    description="the lesson of the tale",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "And so {hero} learned that wisdom cannot be kept in the {part}."),
        ("n", "The moral is plain: whoever guards the {part} must also let it go."),
        ("n", "Ever since, people in {city} say that patience is worth more than the {thing}."),
        ("n", "From that day on {hero} never again mistook the {part} for happiness."),
        ("n", "The lesson is an old one, that greed for the {part} makes us poor."),
        ("n", "He who wants the {part} and the {animal}, says the proverb, shall lose both."),
        ("n", "Such is the lesson of the {thing}, and it is told in {city} to this day."),
        ("w", "And so they lived happily ever after, with the {part} and a {animal}!"),
        ("w", "The lesson {hero} took to heart is that kindness outshines every {thing}."),
        ("w", "Love, says the moral of the {thing}, is a treasure that grows when it is shared."),
        ("w", "From that day on {hero} shared the {part} with all of {city}, and was never lonely!"),
        ("d", "The moral is that nobody should own a {thing}, and few do."),
        ("d", "Wisdom came to {hero} too late, as is the custom with wisdom."),
        ("d", "They lived ever after, not happily, but with the {part}."),
        ("d", "The lesson was lost on {hero}, and also on the {animal}."),
        ("d", "The moral, if there is one, was sold together with the {part}."),
        ("d", "And so {hero} learned nothing, which is the oldest lesson of all."),
    ),
)

FICTION_THEMES = (SETTING, CONFLICT, DIALOGUE, TWIST, MORAL)
