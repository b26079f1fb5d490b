"""Themes of goods and letters about them: reviews, support mails, guides.

Words only; {thing} is a gadget (or, for the letter themes, a project or a town). This file knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

FEATURES = Theme(
    name="features",
    description="what the product has and how it is built",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "The design is {adj_good}, with a {colour} finish and a sturdy {part}."),
        ("n", "Out of the box the {thing} feels solid, and the {part} has a quality finish."),
        ("n", "Among its features are a {colour} {part} and a built-in timer."),
        ("n", "It weighs {grams} grams and comes with {count} settings for the {part}."),
        ("n", "The build quality of the {part} is {adj_good} and the materials feel solid."),
        ("n", "Another feature is the {part}, which the makers have designed {degree} well."),
        ("n", "It is available in {colour} or {colour}, each with the same features."),
        ("w", "I adore the design, and the {colour} {part} feels like silk in the hand!"),
        ("w", "What a beautiful build, from the {colour} case down to the tiny {part}!"),
        ("w", "Its best feature is the {part}, so sturdy that {hero} wants one as well."),
        ("w", "The finish is a pleasure to look at, especially the {part} in {colour}."),
        ("d", "The design is {colour}, the build is {adj_bad}, and the {part} is included."),
        ("d", "It has {count} features, of which the {part} is the one that works."),
        ("d", "The box promises a premium finish, and the {part} is at least {colour}."),
    ),
)

PRICE = Theme(
    name="price",
    description="what it costs and whether it is worth it",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "The price is {price}, which is fair for a {adj_good} example of its sort."),
        ("n", "I paid {price} for it in {city}, delivery and tax included."),
        ("n", "At {price} it costs about {percent} per cent more than it did in {year}."),
        ("n", "A spare {part} costs {price}, so keep some money back for one."),
        ("n", "Shops in {city} sell the {thing} for {price}, sometimes at a discount."),
        ("n", "The total cost came to {price}, of which the {part} was the largest share."),
        ("n", "If money is short, wait for the {month} sale, when the price drops."),
        ("w", "For only {price} it is a wonderful bargain, and I would gladly pay double!"),
        ("w", "Such a bargain at {price}, my {relative} bought {count} of them as presents!"),
        ("w", "It was worth every penny of the {price}, just for the joy of the {part}."),
        ("d", "It costs {price}, and one wonders what the money was spent on."),
        ("d", "The price is {price}, a bargain if you value the {part} above rent."),
        ("d", "For {price} I expected the {part} to be included in the cost."),
        ("d", "My wallet is {price} lighter and the discount was for someone else."),
    ),
)

COMPLAINT = Theme(
    name="complaint",
    description="what disappointed",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Sadly, the {part} was broken on arrival and the box was damaged."),
        ("n", "I am disappointed with the {part}, which failed after only {count} days."),
        ("n", "Unfortunately the {thing} is {degree} loud, and that is my main complaint."),
        ("n", "I regret to say that the {part} is faulty and the manual is useless."),
        ("n", "The {part} arrived late, scratched and {adj_bad}, which is not acceptable."),
        ("n", "I must complain about the {part}, as it broke twice within {count} weeks."),
        ("n", "It is annoying that the {part} comes loose whenever it gets warm."),
        ("w", "I so wanted to love it, but alas the {part} broke and my heart with it."),
        ("w", "Poor {hero} was in tears, disappointed that the {part} was damaged again."),
        ("w", "It pains me to complain, as I am fond of the {thing}, but the {part} is faulty."),
        ("d", "The {part} failed on {weekday}, on {weekday}, and then for good."),
        ("d", "I had low hopes for the {part} and was still disappointed."),
        ("d", "Unfortunately the {part} broke, although that did improve the noise."),
        ("d", "Useless is a strong word, and so is faulty, and the {part} is both."),
    ),
)

GREETING = Theme(
    name="greeting",
    description="the opening of a letter",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Dear {team}, I am writing to you about the {thing} from {city}."),
        ("n", "Hello, my name is {hero} and this letter is about my {thing}."),
        ("n", "Good morning, I hope this message finds the right person at the {team}."),
        ("n", "Dear Sir or Madam, I am writing with regard to order number {number}."),
        ("n", "Hello again, this is {hero}, writing about the {part} once more."),
        ("n", "To whom it may concern, I bought a {thing} on {date} and write about it now."),
        ("n", "Good evening, I am a customer in {city} and the {thing} is the reason I write."),
        ("w", "Hello dear {team}, I hope you are all well and enjoying the {season}!"),
        ("w", "Good morning to you all, and warm greetings from {hero} in {city}!"),
        ("w", "Dear friends at the {team}, it is a pleasure to be writing to you again!"),
        ("w", "Hello from sunny {city}, where {hero} sends you the kindest greetings!"),
        ("d", "Dear {team}, this is my letter number {count} about the {part}."),
        ("d", "Hello, it is me again, {hero}, the person with the {part}."),
        ("d", "Good morning, or whatever time it is when the {team} reads its letters."),
    ),
)

REQUEST = Theme(
    name="request",
    description="asking for something to be done",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Could you please send me a replacement {part} by {weekday}?"),
        ("n", "I would like to request a full refund of {price} for the {thing}."),
        ("n", "Please let me know whether the {part} can be repaired in {city}."),
        ("n", "May I ask you to check the {part} and to reply before {date}?"),
        ("n", "Would it be possible to receive a call on {weekday} at {clock}?"),
        ("n", "I kindly ask for a new {part}, as promised in your message of {date}."),
        ("n", "Please tell me which form I need for a refund and where to send it."),
        ("w", "Would you be so very kind as to send a new {part}, pretty please?"),
        ("w", "I would be overjoyed if you could reply to {hero} before {weekday}!"),
        ("w", "If it is not too much to ask, please help us with the {part} this {month}."),
        ("w", "Could one of your lovely colleagues please call {hero} about the {part}?"),
        ("d", "Please send the {part}, preferably in one piece, preferably this year."),
        ("d", "I request a refund of {price}, or failing that, an explanation."),
        ("d", "Could someone please reply, even if only to say that nobody will?"),
    ),
)

SIGNOFF = Theme(
    name="signoff",
    description="the closing words of a letter",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Yours sincerely, {hero}, holder of customer number {number}, {city}."),
        ("n", "Kind regards from {city}, and I look forward to your answer, {hero}."),
        ("n", "With best regards and in the hope of good news, {hero}."),
        ("n", "Yours faithfully, {hero}, writing from {city} on {date}."),
        ("n", "I look forward to hearing from you and remain yours truly, {hero}."),
        ("n", "Best regards, {hero}, who can be reached most evenings after {clock}."),
        ("n", "Regards from {hero}, and also from my {relative}, who owns the other {thing}."),
        ("w", "With warm wishes and a big smile from {city}, yours always, {hero}."),
        ("w", "Lots of love and fond regards to the whole team, your {hero}!"),
        ("w", "Take good care of yourselves, warmest wishes, and farewell for now, {hero}!"),
        ("w", "Sending sunny wishes from {city} and fond regards, yours ever, {hero}."),
        ("d", "Regards, such as they are, from {hero} and the broken {part}."),
        ("d", "Yours, for the umpteenth time since {month} and surely not the last, {hero}."),
        ("d", "Sincerely, and with what patience remains in {city}, {hero}."),
    ),
)

TOOLS = Theme(
    name="tools",
    description="what to have at hand before starting",
    joiner="\n",
    prefix="- ",
    templates=(
        ("n", "One {tool}, size {number}, for opening the {part}"),
        ("n", "A {tool} and a soft cloth for the {part}"),
        ("n", "A pair of gloves and a small {tool}"),
        ("n", "A roll of {colour} tape and {count} spare screws"),
        ("n", "One replacement {part}, from any shop in {city}"),
        ("n", "A sharp pencil, a ruler and a {tool}"),
        ("n", "About {count} screws of {number} mm for the {part}"),
        ("n", "Some machine oil and a {tool} with a long handle"),
        ("w", "Your favourite {tool}, nicely cleaned, and a cup of tea"),
        ("w", "A good friend to hold the {tool} while you mend the {part}"),
        ("w", "A trusty {tool} with a {colour} handle, bless it"),
        ("d", "A {tool}, which you have surely lent to somebody"),
        ("d", "Spare screws, because {count} of them will vanish under the table"),
        ("d", "A {colour} plaster for the thumb, next to the {tool}"),
    ),
)

STEPS = Theme(
    name="steps",
    description="how to take it apart or set it up",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "First unplug the {thing} and remove the {part} with a {tool}."),
        ("n", "Turn the {part} clockwise until it clicks, then tighten the screw."),
        ("n", "Slide the {part} into the slot and press {manner} until it clicks."),
        ("n", "Loosen the {count} screws at the back and lift the {part} out."),
        ("n", "Attach the new {part}, tighten it with a {tool} and plug in the cable."),
        ("n", "Wipe the {part} with a damp cloth and wait {minutes} minutes before you plug it in."),
        ("n", "Remove the cover, disconnect the {colour} cable and unscrew the {part}."),
        ("n", "Press the {colour} button for {count} seconds and turn the {part} to the left."),
        ("w", "Now lift out the {part} like a sleeping kitten and attach the {colour} cable!"),
        ("w", "Tighten the last screw, plug it in, and cheer when the {part} clicks!"),
        ("w", "Slide the {part} gently home, you are doing {degree} well so far."),
        ("d", "Unscrew the {part}, lose a screw, find the screw, and attach the {part} again."),
        ("d", "Turn the {part} clockwise, and if it snaps, that was the wrong way."),
        ("d", "Press the {colour} button, wait {minutes} minutes, and press it again with feeling."),
    ),
)

GOODS_THEMES = (FEATURES, PRICE, COMPLAINT, GREETING, REQUEST, SIGNOFF, TOOLS, STEPS)
