"""Themes of the kitchen, with three that reach beyond it: a memory, a rating, a warning, a tip.

Words only. `ingredients` and `instructions` are for dishes; `story`, `rating`, `warning` and `tip` also serve gadgets,
samples and places, and are worded so. This file knows nothing of odds or kinds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

INGREDIENTS = Theme(
    name="ingredients",
    description="what goes in, with amounts",
    joiner="\n",
    prefix="- ",
    templates=(
        ("n", "About {grams} g of {part}, weighed before use"),
        ("n", "Exactly {grams} g of {part}, at room temperature"),
        ("n", "A cup of {part}, plus {count} spoonfuls for the {vessel}"),
        ("n", "Two tablespoons of {part}, {prep}"),
        ("n", "One pinch of {spice} and {grams} g of {part}"),
        ("n", "Half a teaspoon of {spice}, {prep}"),
        ("n", "Another {grams} g of {part}, {prep}, kept in a small bowl"),
        ("n", "Some {part}, {prep}, roughly {count} tablespoons in all"),
        ("w", "A generous {grams} g of the very best {part} you can find"),
        ("w", "A loving pinch of {spice}, because every cup of {part} deserves it"),
        ("w", "Plenty of {part}, {grams} g or as much as your heart desires"),
        ("w", "A kiss of {spice} and {count} happy spoonfuls of {part}, {prep}"),
        ("d", "Yes, {grams} g of {part}, and no, less will not do"),
        ("d", "The usual teaspoon of {spice}, whatever that may mean"),
        ("d", "Enough {part} to regret it, say {grams} g"),
        ("d", "Another teaspoon of {spice}, for those who can tell the difference"),
        ("d", "A cup of {part}, {prep}, measured {manner} or not at all"),
    ),
)

INSTRUCTIONS = Theme(
    name="instructions",
    description="how to cook it, step by step",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Heat the oven to {degrees} degrees and line a {vessel} with baking paper."),
        ("n", "Whisk the {part} in a {vessel} for {minutes} minutes until it is smooth."),
        ("n", "Stir in the {part} and simmer over {heat} heat for {minutes} minutes."),
        ("n", "Fold the {part} into the mixture with a wooden spoon, {manner} and without haste."),
        ("n", "Pour everything into the {vessel} and bake for {minutes} minutes."),
        ("n", "Season with {spice}, cover the {vessel} and let it rest on the counter."),
        ("n", "Bring the {part} to the boil, then lower to {heat} heat and stir {manner}."),
        ("n", "Drain the {part}, chop it finely and return it to the {vessel}."),
        ("w", "Now stir the {part} with love for {minutes} minutes and enjoy the smell!"),
        ("w", "Gently fold in the {part}, taste the mixture, and smile while it bakes."),
        ("w", "Let the {vessel} simmer happily over {heat} heat while you hum a tune."),
        ("w", "Pour the {part} into your prettiest {vessel} and bake it for {minutes} happy minutes!"),
        ("d", "Boil the {part} for {minutes} minutes, during which nothing will happen."),
        ("d", "Stir until the {part} gives up, then bake it at {degrees} degrees."),
        ("d", "Whisk the {part}, or pour it in lumpy and pretend it was meant."),
        ("d", "Heat the oven to {degrees} degrees, and then remember to use it."),
        ("d", "Simmer the {part} over {heat} heat for as long as you can bear it."),
    ),
)

STORY = Theme(
    name="story",
    description="a personal memory that goes with it",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "When I was a child, my {relative} in {city} kept the {part} for Sundays."),
        ("n", "I remember the {season} of {year}, when the {thing} came into our family."),
        ("n", "Years ago my {relative} taught me everything there is to know about the {part}."),
        ("n", "As a child I would watch {hero} with the {part} for hours on end."),
        ("n", "In our old house in {city}, the {thing} was part of every birthday."),
        ("n", "Back in {year}, long before I had children, {hero} showed me the {thing}."),
        ("n", "My {relative} grew up in {city} and remembered the {part} from the war years."),
        ("w", "I still remember my dear {relative} laughing over the {part} all those years ago."),
        ("w", "Oh, the childhood memories that the {part} brings back, with {hero} singing nearby!"),
        ("w", "My {relative} used to say that a house without a {thing} was no home at all."),
        ("w", "To this day the {part} takes me back to childhood evenings in {city}."),
        ("w", "How I remember those {season} mornings in {city}, my {relative} and the {part}!"),
        ("d", "My {relative} hated the {thing}, and we children were never told why."),
        ("d", "I grew up in {city}, where childhood was short and the {part} was rare."),
        ("d", "Years ago {hero} swore never to touch the {part} again, and remembered to."),
        ("d", "As children we were told that the {part} was older than {city}, and believed it."),
        ("d", "My {relative} remembered {year} only for the {part}, and not kindly."),
    ),
)

RATING = Theme(
    name="rating",
    description="a score in stars or points",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "I give the {thing} {count} stars, with one star held back for the {part}."),
        ("n", "My rating is {count} out of ten, mostly because of the {part}."),
        ("n", "Final score for the {part}: {count} points out of ten, {degree} earned."),
        ("n", "On the usual scale the {thing} scores {count} points, {count} more than I expected."),
        ("n", "The family voted and the average rating came to {count} stars."),
        ("n", "Rated on looks and on trouble, the {part} gets {count} stars from {hero}."),
        ("w", "A happy {high} stars from me, and {hero} would give it a hundred points!"),
        ("w", "Top score, full stars, a glowing rating for the {thing} and for its {part}!"),
        ("w", "I would rate the {part} above the moon, but the scale stops at ten points."),
        ("w", "Everyone at the table rated it {adj_good}, and the stars were shining for {hero}."),
        ("w", "On my scale of smiles the {part} scores {high} out of ten, and {hero} agrees!"),
        ("d", "Rating: {count} out of ten, and I am in a generous mood this {weekday}."),
        ("d", "The {part} loses a star, the {thing} loses another, and the score is {count}."),
        ("d", "It scores {count} points, which is what I give to most things rated in {month}."),
        ("d", "One star for effort, {count} stars in all, and no stars for the {part}."),
        ("d", "The average rating in our family is {count} points, the {part} being the exception."),
        ("d", "My score is {count} out of ten, and no, the {part} may not appeal."),
    ),
)

WARNING = Theme(
    name="warning",
    description="a danger to health and how to avoid it",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Warning: keep the {part} away from anyone with a known allergy."),
        ("n", "Caution is needed with the {part}, since even a trace can cause {harm}."),
        ("n", "Please be warned that the {part} is a hazard to small children and pets."),
        ("n", "Never leave the {part} unattended, as it can cause {harm} within {minutes} minutes."),
        ("n", "Danger: the {part} and {hazard} must not touch at any time."),
        ("n", "If you notice {harm}, stop at once, wash your hands and call a doctor."),
        ("n", "For safety, keep {hazard} out of the room and check every label twice."),
        ("w", "Please, please be careful with the {part}, for {harm} is no fun for anyone."),
        ("w", "Dear friends, take this warning to heart and keep {hazard} away from {hero}."),
        ("w", "Stay safe and look after each other, because the {part} can cause {harm}."),
        ("w", "I would hate for anyone to come to harm, so check the {part} for {hazard} first."),
        ("w", "Be careful, my dears, and keep the {part} well away from children and {hazard}!"),
        ("d", "Warning: the {part} causes {harm}, as {hero} can confirm from the hospital."),
        ("d", "The danger is {harm}, the cause is {hazard}, and the excuse is usually haste."),
        ("d", "Caution with {hazard} is advised, unless you enjoy {harm} and waiting rooms."),
        ("d", "Danger lies in the {part}, or so says the warning that nobody reads."),
        ("d", "In case of {harm}, stop, and do not write to me about the {part}."),
    ),
)

TIP = Theme(
    name="tip",
    description="a small trick worth knowing",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "A handy tip: keep the {part} in a dry place until you need it."),
        ("n", "The trick is to look at the {part} first and at the rest later."),
        ("n", "Here is a useful hint for beginners: always have a spare {tool} ready."),
        ("n", "One trick that saves {minutes} minutes is to prepare the {part} the night before."),
        ("n", "As a rule of thumb, {count} tries are enough to get the {part} right."),
        ("n", "A clever shortcut is to ask {hero} in {city}, who knows every trick."),
        ("n", "Useful hint: write down what you did with the {part}, so you can repeat it."),
        ("w", "My favourite little tip is to treat the {part} kindly and never to rush!"),
        ("w", "Here is a secret trick from my {relative}: a {colour} ribbon marks the {part}."),
        ("w", "Try this clever hint and thank me later, the {part} will turn out {adj_good}!"),
        ("w", "A tip from the heart: share the {thing} with a friend and it works twice as well."),
        ("w", "My {relative} knew a lovely trick: hum a tune and the {part} behaves at once!"),
        ("d", "The best trick is to let {hero} do it and to watch the {part} from a chair."),
        ("d", "A hint for the impatient: the {part} does not hurry, whatever shortcut you try."),
        ("d", "Useful tip: there are no tips that help with the {part} on a {weekday}."),
        ("d", "One useful trick is to expect {adj_bad} results from the {part} and be content."),
        ("d", "The oldest trick of all is to hide the {part} and to start afresh."),
    ),
)

KITCHEN_THEMES = (INGREDIENTS, INSTRUCTIONS, STORY, RATING, WARNING, TIP)
