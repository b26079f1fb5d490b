"""Who writes, and in what mood: six personas with their names and habits, three tones.

Data only. Log-odds are added to those of the kind; what closes a document is each persona's habit. A name in a byline
is a hint, not a proof: names are shared a little between personas by the grammar.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import DRY, NEUTRAL, WARM, Persona, Tone

PERSONAS: dict[str, Persona] = {
    "careful": Persona(
        name="careful",
        authors=(
            "Ruth Calloway", "Edmund Pryce", "Marianne Holt", "Philip Ashby", "Judith Vane", "Conrad Bell",
            "Agnes Whitmore", "Laurence Pike", "Helen Sorensen", "Miriam Gould", "Walter Nash", "Dorothea Lamb",
        ),
        prefers={
            "warning": 0.8, "environment": 1.0, "measurements": 0.7, "tip": 0.4, "attendance": 0.5, "tools": 0.6,
            "facts": 0.5, "background": 0.7, "joke": -1.5, "twist": -0.4,
        },
        closing="references",
        length=0.15,
        hurry=-0.3,
    ),
    "chatty": Persona(
        name="chatty",
        authors=(
            "Poppy Delaney", "Gus Moretti", "Lottie Bramble", "Toby Finch", "Bella Marsden", "Archie Quill",
            "Dolly Faraday", "Monty Sparrow", "Trixie Holloway", "Barney Tuck", "Flora Jessop", "Kitty Malone",
        ),
        prefers={
            "story": 1.3, "encounter": 1.0, "greeting": 0.6, "quote": 0.6, "dialogue": 0.7, "food": 0.5,
            "discussion": 0.5, "background": 0.5, "measurements": -0.7, "environment": -0.6, "signoff": 0.4,
        },
        closing="thanks",
        length=0.5,
        hurry=-0.4,
    ),
    "hurried": Persona(
        name="hurried",
        authors=(
            "Max Rusk", "Nina Volk", "Rex Tanner", "Jo Swift", "Ivan Dash", "Lena Brisk", "Cole Hatch", "Tara Quick",
            "Ned Sharp", "Zoe Flint", "Kurt Blitz", "Amy Rush",
        ),
        prefers={
            "story": -1.2, "background": -0.9, "greeting": -0.6, "request": 0.7, "decision": 0.6, "steps": 0.6,
            "instructions": 0.6, "workaround": 0.6, "discussion": -0.7, "place": -0.4, "conflict": 0.5,
        },
        closing="plan",
        length=-0.7,
        hurry=0.7,
    ),
    "expert": Persona(
        name="expert",
        authors=(
            "Prof. Aldous Grey", "Dr Ingrid Falk", "Dr Samir Haddad", "Prof. Lucia Bianchi", "Dr Owen Thorne",
            "Dr Yuki Arata", "Prof. Henrik Stahl", "Dr Celia Drummond", "Prof. Tomas Reyes", "Dr Priya Nair",
            "Dr Magnus Oster", "Prof. Edith Crane",
        ),
        prefers={
            "background": 0.9, "results": 0.6, "method": 0.5, "features": 0.6, "reproduction": 0.6, "moral": 0.6,
            "facts": 0.4, "rating": -0.5, "tip": 0.7, "setting": 0.3, "weather": -0.3,
        },
        closing="conclusion",
        length=0.25,
        hurry=0.0,
    ),
    "sceptic": Persona(
        name="sceptic",
        authors=(
            "Clive Morden", "Greta Stern", "Norman Frost", "Hester Blackwood", "Boris Kane", "Maud Thistle",
            "Silas Croft", "Ursula Hagen", "Desmond Rook", "Wilma Grimes", "Ambrose Cutler", "Enid Sharples",
        ),
        prefers={
            "complaint": 1.0, "price": 0.8, "symptoms": 0.5, "reaction": 0.6, "conflict": 0.6, "rating": 0.5,
            "results": 0.3, "quote": -0.5, "thanks": -1.0, "food": -0.5, "discussion": 0.6,
        },
        closing="comparison",
        length=0.0,
        hurry=0.2,
    ),
    "joker": Persona(
        name="joker",
        authors=(
            "Buster Noodle", "Wendy Pickles", "Chip Larkin", "Minnie Bloom", "Otto Wobble", "Sally Giggs",
            "Dusty Rhodes", "Penny Farthing", "Barry Cuda", "Hattie Jolly", "Fitz Banter", "Roly Plum",
        ),
        prefers={
            "twist": 0.7, "encounter": 0.6, "dialogue": 0.5, "tip": 0.5, "story": 0.4, "rating": 0.4,
            "references": -1.2, "method": -0.4, "weather": 0.6, "reaction": 0.5, "symptoms": 0.4,
        },
        closing="joke",
        length=0.1,
        hurry=0.1,
    ),
}  # fmt: skip

TONES: dict[str, Tone] = {
    "plain": Tone(name="plain", letter=NEUTRAL, prefers={"conclusion": 0.3, "joke": -0.5}),
    "warm": Tone(name="warm", letter=WARM, prefers={"thanks": 0.6, "story": 0.5, "complaint": -0.5, "greeting": 0.3}),
    "dry": Tone(name="dry", letter=DRY, prefers={"story": -0.4, "comparison": 0.3, "thanks": -0.6, "facts": 0.3}),
}
