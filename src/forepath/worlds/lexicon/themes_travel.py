"""Themes of the road: weather, places, food, encounters.

Words only; {thing} is a place or a route and {part} something along it. `weather` and `encounter` also serve tales and
news. This file knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

WEATHER = Theme(
    name="weather",
    description="sky, wind, rain and sun",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "It rained all {weekday}, and the wind blew hard from the {direction}."),
        ("n", "The sky over {city} was {sky} by {clock}, with a light breeze."),
        ("n", "A storm came up from the {direction} and lasted {count} hours."),
        ("n", "By noon the clouds had cleared and the sun stood over the {part}."),
        ("n", "The temperature fell to {number} degrees overnight, with frost on the {part}."),
        ("n", "Fog hid the {part} until {clock}, when the wind turned {direction}."),
        ("n", "Thunder rolled over {city} and the rain came down in sheets."),
        ("w", "What glorious sunshine, with a soft breeze and a {sky} sky over the {part}!"),
        ("w", "The rain smelled so sweet on the {part} that we danced in the puddles!"),
        ("w", "A rainbow stood over the {part} after the storm, and {hero} made a wish."),
        ("w", "Snow fell on {city} all night, soft as feathers under a {sky} sky."),
        ("w", "A golden sun broke through the clouds and warmed the {part} like a blessing!"),
        ("d", "It rained on the {part}, then on {city}, then on the rain."),
        ("d", "Wind from the {direction}, clouds from everywhere, sunshine from nowhere."),
        ("d", "The forecast promised sun, so naturally the storm lasted {count} hours."),
        ("d", "The sky was {sky}, the wind was {direction}, and the umbrella was at home."),
        ("d", "Fog came in at {clock} and improved the look of the {part}."),
    ),
)

PLACE = Theme(
    name="place",
    description="what the place looks like",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "We walked from the {part} to the old quarter, along narrow cobbled streets."),
        ("n", "The view from the {part} reaches over the valley as far as {city}."),
        ("n", "Behind the {part} lies a square with a fountain and {colour} shutters."),
        ("n", "The path climbs past the {part} to a ruined tower on the hill."),
        ("n", "We arrived in {city} at {clock} and found the {part} around the corner."),
        ("n", "The {part} was built in {year} and stands at the end of a cobbled lane."),
        ("n", "From the hill the roofs look {colour}, with the {part} in the middle."),
        ("w", "Oh, the view from the {part}, all {colour} roofs and winding streets below!"),
        ("w", "I lost my heart to a tiny square with a fountain, just behind the {part}."),
        ("w", "The whole valley glowed {colour} at dusk and the {part} looked enchanted!"),
        ("w", "We wandered hand in hand through cobbled lanes as far as the {part}."),
        ("w", "Every cobbled street led us back to the {part}, and we never minded once!"),
        ("d", "There is a fountain, a tower and a {part}, and then there is the car park."),
        ("d", "The view from the {part} is of {city}, which is best seen from afar."),
        ("d", "The square was built in {year} and has been closed for repairs since."),
        ("d", "The tower leans, the {part} leans, and after the hill so did we."),
        ("d", "A cobbled lane leads to the {part}, and a wider one leads away from it."),
    ),
)

FOOD = Theme(
    name="food",
    description="what was eaten and drunk on the way",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "For lunch we ate {meal} at a small restaurant by the {part}."),
        ("n", "Dinner was {meal} with a glass of {drink}, served at {clock}."),
        ("n", "Breakfast came with {drink} and fresh bread from the baker."),
        ("n", "A waiter near the {part} recommended the {meal}, followed by {drink}."),
        ("n", "We were hungry after the walk and shared a plate of {meal}."),
        ("n", "The restaurant in {city} serves {meal} on {weekday} and nothing else."),
        ("n", "The cook makes {meal} to a recipe from {year} and serves it with {drink}."),
        ("w", "The {meal} was heavenly, and the cook blew us a kiss with the dessert!"),
        ("w", "Never have I eaten such {meal}, I could have hugged the waiter!"),
        ("w", "With {drink} in hand and {meal} on the table, we were hungry for nothing more."),
        ("w", "Our hostess filled the plates with {meal} until we begged for mercy!"),
        ("w", "We raised our glasses of {drink} to the cook, whose {meal} was pure poetry!"),
        ("d", "Lunch was {meal}, or so the menu in {city} claimed."),
        ("d", "The restaurant was out of {meal}, so we dined on {drink} and bread."),
        ("d", "Dinner at the {part} consisted of {meal}, twice, neither time hot."),
        ("d", "The waiter brought {drink}, then the bill, then the {meal}."),
        ("d", "Breakfast was bread, lunch was bread, and dinner was bread with {meal}."),
    ),
)

ENCOUNTER = Theme(
    name="encounter",
    description="meeting somebody on the way",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Near the {part} we met a {worker} who had lived there for {number} years."),
        ("n", "A stranger with a {colour} hat stopped us and asked for the way to {city}."),
        ("n", "At the {part} an old {worker} nodded to us and began to talk."),
        ("n", "We fell into company with a {worker} and a {animal} on the way."),
        ("n", "A young {worker} from {city} introduced herself and pointed to the {part}."),
        ("n", "By chance {hero} ran into a former neighbour beside the {part}."),
        ("n", "Two strangers greeted us at the {part}, one of them leading a {animal}."),
        ("w", "A dear old {worker} took my arm at the {part} and called me a friend."),
        ("w", "We met the kindest {worker}, who shared her umbrella all the way to the {part}!"),
        ("w", "A little {animal} followed us from the {part} and would not say goodbye."),
        ("w", "Such company we met, a {worker}, a {worker} and a very friendly {animal}!"),
        ("w", "By the {part} a laughing {worker} waved to us and would not let us pay!"),
        ("d", "A stranger at the {part} introduced himself at length and without being asked."),
        ("d", "We met a {worker} who disliked strangers, which we respected."),
        ("d", "The only person we met by the {part} was a {animal}."),
        ("d", "An old {worker} told us the way to the {part}, twice, both times wrong."),
        ("d", "Among the strangers at the {part} was a {animal} with better manners."),
    ),
)

TRAVEL_THEMES = (WEATHER, PLACE, FOOD, ENCOUNTER)
