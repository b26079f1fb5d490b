"""Ten kinds of document: their titles, their topics, and the odds of what follows what.

Data only. The odds of a row need not sum to 1; how position, persona, tone and the cue in the title bend them is the
grammar's affair (`forepath.worlds.course`), and so are the closing habits, which may occur in every kind.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Kind

_RECIPE = Kind(
    name="recipe",
    weight=1.2,
    topic_pool="dishes",
    titles=(
        "How to make {thing}",
        "A simple recipe for {thing}",
        "My favourite {thing}",
        "The {thing} we cook in {city}",
        "Homemade {thing}, the easy way",
        "The famous {thing} of {hero}",
        "Notes on a good {thing}",
    ),
    flag_titles=(
        "The {thing} (nut-free, for {hero}, who has an allergy)",
        "An allergy-safe recipe for {thing}",
        "How to make {thing} for guests with an allergy",
        "My favourite {thing}, free of nuts and safe for {hero}",
        "Homemade {thing} for {hero}, who is allergic",
        "The {thing} for sensitive stomachs and allergies",
    ),
    flag_prob=0.4,
    payoff="warning",
    blank_prob=0.85,
    start={"ingredients": 0.88, "story": 0.1, "tip": 0.02},
    moves={
        "ingredients": {"instructions": 0.75, "story": 0.13, "rating": 0.07, "tip": 0.05},
        "instructions": {"tip": 0.39, "rating": 0.32, "story": 0.23, "ingredients": 0.03, "warning": 0.03},
        "story": {"ingredients": 0.45, "instructions": 0.27, "rating": 0.17, "tip": 0.11},
        "tip": {"rating": 0.47, "story": 0.22, "instructions": 0.27, "warning": 0.04},
        "warning": {"tip": 0.44, "rating": 0.35, "story": 0.21},
        "rating": {"tip": 0.5, "story": 0.32, "warning": 0.06, "comparison": 0.06, "thanks": 0.06},
    },
)

_REVIEW = Kind(
    name="review",
    weight=1.1,
    topic_pool="gadgets",
    titles=(
        "Review: the {thing} after one year",
        "The {thing}, tested at home in {city}",
        "Notes on the {thing}",
        "My {thing} and I",
        "A month with the {thing}",
        "What you should know about the {thing}",
        "Trying out the {thing}",
    ),
    flag_titles=(
        "Is the {thing} worth the money?",
        "The {thing} on a small budget",
        "Review: a cheap {thing} or a costly mistake?",
        "The {thing}, and what it really costs",
        "A {thing} for {hero}, who counts every penny",
        "Saving money on a {thing}",
    ),
    flag_prob=0.4,
    payoff="price",
    blank_prob=0.8,
    start={"features": 0.55, "story": 0.25, "rating": 0.12, "complaint": 0.08},
    moves={
        "features": {"complaint": 0.44, "rating": 0.27, "price": 0.05, "tip": 0.08, "comparison": 0.16},
        "story": {"features": 0.74, "complaint": 0.14, "rating": 0.12},
        "complaint": {"features": 0.34, "rating": 0.37, "price": 0.05, "tip": 0.11, "comparison": 0.13},
        "price": {"rating": 0.52, "features": 0.17, "comparison": 0.14, "complaint": 0.17},
        "rating": {"features": 0.33, "complaint": 0.19, "tip": 0.22, "conclusion": 0.19, "price": 0.07},
        "tip": {"rating": 0.48, "features": 0.24, "complaint": 0.11, "conclusion": 0.17},
        "comparison": {"rating": 0.55, "features": 0.23, "complaint": 0.11, "conclusion": 0.11},
        "conclusion": {"rating": 0.65, "tip": 0.35},
    },
)

_LAB_REPORT = Kind(
    name="lab_report",
    weight=1.0,
    topic_pool="samples",
    titles=(
        "Report on the {thing} series, {city} laboratory",
        "Analysis of {thing} by {technique}",
        "The effect of {factor} on {thing}",
        "A study of {thing}",
        "Laboratory notes: {thing}",
        "Changes in {thing} under {factor}",
    ),
    flag_titles=(
        "Handling toxic {thing}: a laboratory report",
        "A study of contaminated {thing}",
        "Analysis of {thing}, hazard class two",
        "Laboratory notes: {thing}, handle with gloves",
        "The effect of {factor} on harmful {thing}",
        "Report on the {thing} spill in {city}",
    ),
    flag_prob=0.4,
    payoff="warning",
    blank_prob=0.9,
    start={"background": 0.68, "method": 0.27, "conclusion": 0.05},
    moves={
        "background": {"method": 0.92, "results": 0.03, "measurements": 0.05},
        "method": {"measurements": 0.59, "results": 0.35, "background": 0.03, "warning": 0.03},
        "measurements": {"results": 0.85, "method": 0.12, "warning": 0.03},
        "results": {"conclusion": 0.39, "measurements": 0.22, "method": 0.11, "background": 0.09, "comparison": 0.19},
        "comparison": {"conclusion": 0.5, "results": 0.35, "background": 0.15},
        "conclusion": {"plan": 0.4, "references": 0.4, "thanks": 0.12, "warning": 0.08},
        "warning": {"results": 0.28, "method": 0.28, "conclusion": 0.44},
        "plan": {"references": 0.65, "thanks": 0.35},
        "references": {"thanks": 0.65, "plan": 0.35},
    },
)

_SUPPORT_EMAIL = Kind(
    name="support_email",
    weight=1.0,
    topic_pool="gadgets",
    titles=(
        "Trouble with my {thing}",
        "Question about the {thing}",
        "Order number {number}: {thing}",
        "My {thing} and I",
        "Help needed with a {thing}",
        "Faulty {thing}, bought in {city}",
    ),
    flag_titles=(
        "Urgent: I need the {thing} working by {weekday}",
        "My {thing} broke and I cannot wait for repairs",
        "Is there any quick fix for the {thing}?",
        "Urgent help with my {thing}, please",
        "How do I get by until the {thing} is repaired?",
        "Help needed today: {thing} out of order",
    ),
    flag_prob=0.4,
    payoff="workaround",
    blank_prob=0.85,
    start={"greeting": 0.86, "symptoms": 0.08, "complaint": 0.06},
    moves={
        "greeting": {"symptoms": 0.66, "complaint": 0.28, "request": 0.06},
        "symptoms": {"complaint": 0.42, "request": 0.4, "price": 0.1, "workaround": 0.08},
        "complaint": {"symptoms": 0.29, "request": 0.52, "price": 0.16, "workaround": 0.03},
        "price": {"request": 0.71, "complaint": 0.23, "symptoms": 0.06},
        "workaround": {"request": 0.58, "symptoms": 0.27, "signoff": 0.15},
        "request": {"signoff": 0.51, "price": 0.13, "complaint": 0.09, "symptoms": 0.11, "plan": 0.16},
        "plan": {"signoff": 0.68, "request": 0.32},
        "signoff": {"request": 0.49, "complaint": 0.17, "symptoms": 0.17, "thanks": 0.17},
        "thanks": {"signoff": 0.89, "request": 0.11},
    },
)

_TRAVEL_DIARY = Kind(
    name="travel_diary",
    weight=1.0,
    topic_pool="places",
    titles=(
        "Three days along the {thing}",
        "Diary of the {thing}, {month}",
        "With {hero} by the {thing}",
        "The {thing} at last",
        "Letters from the {thing}",
        "From {city} to the {thing}",
    ),
    flag_titles=(
        "The {thing} under a storm warning",
        "Diary of the {thing}, with storms in the forecast",
        "Three days along the {thing}, umbrella packed",
        "The {thing} in the rainy season",
        "With {hero} by the {thing}, watching the clouds",
        "From {city} to the {thing} before the great storm",
    ),
    flag_prob=0.4,
    payoff="weather",
    blank_prob=0.75,
    start={"place": 0.58, "encounter": 0.17, "food": 0.13, "plan": 0.12},
    moves={
        "place": {"food": 0.44, "encounter": 0.44, "weather": 0.04, "rating": 0.04, "plan": 0.04},
        "food": {"place": 0.38, "encounter": 0.31, "rating": 0.25, "plan": 0.06},
        "encounter": {"place": 0.51, "food": 0.42, "rating": 0.03, "weather": 0.04},
        "weather": {"place": 0.43, "food": 0.37, "encounter": 0.14, "plan": 0.06},
        "rating": {"place": 0.41, "encounter": 0.2, "plan": 0.31, "weather": 0.08},
        "plan": {"place": 0.59, "food": 0.22, "encounter": 0.19},
    },
)

_BUG_REPORT = Kind(
    name="bug_report",
    weight=1.0,
    topic_pool="software",
    titles=(
        "Bug: the {thing} shows {error}",
        "Crash in the {thing}, version {version}",
        "The {thing} freezes on {system}",
        "Issue {number}: {thing}",
        "Problem with the {thing}",
        "Error {error} in the {thing}",
    ),
    flag_titles=(
        "Regression: the {thing} broke in {version}",
        "Release blocker: {thing}, error {error}",
        "Urgent: the {thing} is down for the {city} office",
        "The {thing} worked before {version} and fails now",
        "Regression in the {thing} since {weekday}",
        "Critical: {thing} loses data",
    ),
    flag_prob=0.45,
    payoff="workaround",
    blank_prob=0.85,
    start={"symptoms": 0.62, "environment": 0.28, "reproduction": 0.1},
    moves={
        "symptoms": {"reproduction": 0.61, "environment": 0.32, "comparison": 0.03, "workaround": 0.04},
        "environment": {"reproduction": 0.49, "symptoms": 0.48, "workaround": 0.03},
        "reproduction": {"symptoms": 0.45, "environment": 0.21, "conclusion": 0.18, "plan": 0.11, "workaround": 0.05},
        "workaround": {"plan": 0.39, "symptoms": 0.2, "reproduction": 0.15, "thanks": 0.26},
        "comparison": {"reproduction": 0.43, "symptoms": 0.37, "environment": 0.2},
        "conclusion": {"plan": 0.48, "workaround": 0.1, "environment": 0.25, "thanks": 0.17},
        "plan": {"environment": 0.33, "thanks": 0.32, "reproduction": 0.24, "workaround": 0.11},
        "thanks": {"plan": 0.5, "environment": 0.5},
    },
)

_NEWS_BRIEF = Kind(
    name="news_brief",
    weight=1.0,
    topic_pool="civic",
    titles=(
        "New plans for the {thing} in {city}",
        "The {thing} to open in {month}",
        "Delay for the {thing}",
        "In {city}, the {thing} goes ahead",
        "The {thing}: where we stand",
        "News from {city}: {thing}",
    ),
    flag_titles=(
        "Anger over the {thing} in {city}",
        "Protest planned against the {thing}",
        "The {thing} divides {city}",
        "Row over the {thing} grows",
        "Residents of {city} split over the {thing}",
        "Storm of letters about the {thing}",
    ),
    flag_prob=0.4,
    payoff="reaction",
    blank_prob=0.75,
    start={"facts": 0.84, "quote": 0.16},
    moves={
        "facts": {"quote": 0.62, "decision": 0.16, "discussion": 0.16, "reaction": 0.06},
        "quote": {"facts": 0.57, "discussion": 0.19, "decision": 0.14, "reaction": 0.1},
        "decision": {"quote": 0.58, "facts": 0.3, "reaction": 0.12},
        "discussion": {"decision": 0.52, "quote": 0.28, "facts": 0.2},
        "reaction": {"quote": 0.52, "facts": 0.3, "comparison": 0.06, "plan": 0.12},
        "comparison": {"facts": 0.5, "quote": 0.5},
        "plan": {"quote": 0.5, "facts": 0.5},
    },
)

_SHORT_STORY = Kind(
    name="short_story",
    weight=1.0,
    topic_pool="tales",
    titles=(
        "The {thing}",
        "The tale of the {thing}",
        "The {thing} and the {animal}",
        "What {hero} did with the {thing}",
        "The {thing} of {city}",
        "The {worker} and the {thing}",
    ),
    flag_titles=(
        "The secret of the {thing}",
        "The riddle of the {thing}",
        "The {thing}, or what {hero} did not know",
        "The mystery of the {thing} in {city}",
        "Who stole the {thing}?",
        "The {thing} that was not what it seemed",
    ),
    flag_prob=0.45,
    payoff="twist",
    blank_prob=0.7,
    start={"setting": 0.8, "dialogue": 0.12, "conflict": 0.08},
    moves={
        "setting": {"conflict": 0.46, "dialogue": 0.37, "weather": 0.17},
        "weather": {"conflict": 0.48, "dialogue": 0.39, "setting": 0.13},
        "conflict": {"dialogue": 0.64, "weather": 0.12, "setting": 0.08, "moral": 0.1, "twist": 0.06},
        "dialogue": {"conflict": 0.58, "setting": 0.13, "weather": 0.1, "moral": 0.13, "twist": 0.06},
        "twist": {"moral": 0.52, "dialogue": 0.33, "conflict": 0.15},
        "moral": {"dialogue": 0.48, "setting": 0.24, "twist": 0.11, "joke": 0.17},
    },
)

_MINUTES = Kind(
    name="minutes",
    weight=0.9,
    topic_pool="civic",
    titles=(
        "Minutes: the {thing}, {date}",
        "Minutes of the {thing} committee, {city}",
        "Meeting about the {thing}",
        "The {thing}: where we stand",
        "Monthly meeting on the {thing}",
        "Minutes taken on {weekday}: {thing}",
    ),
    flag_titles=(
        "Meeting about the {thing}, with a vote",
        "The {thing}: final vote on {date}",
        "Minutes: the {thing}, motion to be put to the vote",
        "Minutes of the {thing} committee, ballot attached",
        "The {thing}: vote of the members in {city}",
        "Extraordinary meeting on the {thing}, vote required",
    ),
    flag_prob=0.4,
    payoff="decision",
    blank_prob=0.9,
    start={"attendance": 0.72, "agenda": 0.24, "discussion": 0.04},
    moves={
        "attendance": {"agenda": 0.78, "discussion": 0.17, "plan": 0.05},
        "agenda": {"discussion": 0.77, "attendance": 0.13, "quote": 0.1},
        "discussion": {"quote": 0.42, "decision": 0.09, "agenda": 0.11, "plan": 0.16, "conclusion": 0.22},
        "quote": {"discussion": 0.71, "decision": 0.09, "agenda": 0.05, "plan": 0.15},
        "decision": {"discussion": 0.45, "plan": 0.28, "thanks": 0.17, "quote": 0.1},
        "plan": {"discussion": 0.44, "thanks": 0.28, "conclusion": 0.28},
        "conclusion": {"plan": 0.46, "thanks": 0.36, "decision": 0.08, "discussion": 0.1},
        "thanks": {"plan": 0.65, "discussion": 0.35},
    },
)

_HOW_TO = Kind(
    name="how_to",
    weight=1.0,
    topic_pool="gadgets",
    titles=(
        "How to repair a {thing}",
        "Looking after your {thing}",
        "What you should know about the {thing}",
        "Notes on the {thing}",
        "A beginner's guide to the {thing}",
        "Trying out the {thing}",
        "Mending a {thing} with {hero}",
    ),
    flag_titles=(
        "How to repair a {thing} safely with children around",
        "Safety first: working on the {thing}",
        "Opening a {thing} without getting hurt",
        "A safe guide to the {thing} for {hero}",
        "The {thing} and its dangers, for beginners",
        "How to repair a {thing} and stay in one piece",
    ),
    flag_prob=0.4,
    payoff="warning",
    blank_prob=0.85,
    start={"tools": 0.6, "story": 0.14, "features": 0.14, "steps": 0.12},
    moves={
        "tools": {"steps": 0.92, "tip": 0.05, "warning": 0.03},
        "steps": {"tip": 0.66, "tools": 0.08, "features": 0.12, "conclusion": 0.1, "warning": 0.04},
        "tip": {"steps": 0.71, "tools": 0.05, "price": 0.09, "conclusion": 0.15},
        "features": {"steps": 0.52, "tools": 0.33, "price": 0.15},
        "story": {"tools": 0.59, "steps": 0.19, "features": 0.22},
        "price": {"steps": 0.44, "tools": 0.28, "tip": 0.28},
        "warning": {"steps": 0.61, "tip": 0.27, "tools": 0.12},
        "conclusion": {"tip": 0.58, "price": 0.27, "steps": 0.15},
    },
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _RECIPE,
        _REVIEW,
        _LAB_REPORT,
        _SUPPORT_EMAIL,
        _TRAVEL_DIARY,
        _BUG_REPORT,
        _NEWS_BRIEF,
        _SHORT_STORY,
        _MINUTES,
        _HOW_TO,
    )
}
"""10 kinds."""
