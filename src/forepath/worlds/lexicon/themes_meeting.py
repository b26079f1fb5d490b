"""Themes of the meeting: attendance, agenda, discussion, decision.

Words only; {thing} is a project and {part} an item of it. This file knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

ATTENDANCE = Theme(
    name="attendance",
    description="who was there",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Present were {hero} (chair), {person} and {count} members of the committee."),
        ("n", "Apologies for absence were received from {person} and the {role}."),
        ("n", "The meeting opened at {clock} with {count} members present."),
        ("n", "In attendance: the {role}, the {role} and {person}, who took notes."),
        ("n", "The chair noted that {person} would attend from {city} by telephone."),
        ("n", "A quorum of {count} was present when {hero} opened the meeting."),
        ("n", "Absent without apology: the {role} and {count} members from {city}."),
        ("w", "It was lovely to see {person} present again after such a long absence!"),
        ("w", "All members were present, smiling, and {hero} had brought {drink} for everyone!"),
        ("w", "The chair warmly welcomed {person}, attending for the very first time."),
        ("w", "How good it was to see {count} new members present, and {person} back in the chair!"),
        ("d", "Present: {hero}, under protest. Absent: everyone with a better idea."),
        ("d", "The {role} attended in body, {person} attended by mistake."),
        ("d", "The meeting opened at {clock}, that is, {minutes} minutes late, with apologies from none."),
        ("d", "A quorum was reached once the {role} had been found asleep."),
        ("d", "Apologies were received from {person}, and accepted with relief."),
        ("d", "In attendance were {count} members, {count} coats and the {role}."),
    ),
)

AGENDA = Theme(
    name="agenda",
    description="the items to be dealt with",
    joiner="\n",
    prefix="- ",
    templates=(
        ("n", "Item {number}: the {part}, presented by {person}"),
        ("n", "Approval of the minutes of {date}"),
        ("n", "Report on the {part}, {minutes} minutes"),
        ("n", "Item {number}: motion of the {role} on the {part}"),
        ("n", "Any other business, including the {part}"),
        ("n", "Election of a new {role}, item carried over from {month}"),
        ("n", "Matters arising from the meeting in {city}"),
        ("n", "Questions to the {role}, {minutes} minutes"),
        ("n", "Date of the next meeting, proposed for {date}"),
        ("w", "Item {number}: a cheerful report on the {part}, with cake"),
        ("w", "Birthday wishes for the {role}, before any other business"),
        ("w", "A big welcome to our new {role}, followed by any other business"),
        ("d", "Item {number}: the {part}, again"),
        ("d", "Any other business, kept under {minutes} minutes this time"),
        ("d", "Matters arising that should have stayed where they were"),
        ("d", "Item {number}: why item {number} was dropped"),
        ("d", "Approval of the minutes of {date}, which nobody has read"),
    ),
)

DISCUSSION = Theme(
    name="discussion",
    description="what was argued back and forth",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Members discussed the {part} at length and raised {count} concerns."),
        ("n", "A question was raised by {person} as to who is responsible for the {part}."),
        ("n", "The {role} argued that the {part} should wait until {month}."),
        ("n", "It was pointed out that the {part} had been over budget since {date}."),
        ("n", "There was a long debate about the {part}, with views on both sides."),
        ("n", "In the debate {person} expressed concern about {city} and the {part}."),
        ("n", "The {role} presented {count} options for the {part} and answered questions."),
        ("n", "Several members felt that the {thing} lacks a clear owner."),
        ("w", "A lively and good-humoured debate followed, and {person} raised a splendid point!"),
        ("w", "Members shared their hopes for the {part}, and the {role} listened kindly."),
        ("w", "It was touching how {person} spoke up for the {part} in the debate."),
        ("w", "In a warm and friendly debate, {person} praised the {part} and everyone behind it."),
        ("d", "The {part} was discussed until nobody could recall the question."),
        ("d", "The {role} raised a concern, and then raised it again in other words."),
        ("d", "A debate took place about whether there should be a debate on the {part}."),
        ("d", "The concern about the {part} was noted, which is what happens to concerns."),
        ("d", "Members debated the {part} for {minutes} minutes and the biscuits for longer."),
    ),
)

DECISION = Theme(
    name="decision",
    description="what was resolved, and by how many votes",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "It was agreed to approve the {part} by {high} votes to {count}."),
        ("n", "The committee resolved to postpone the {part} until {date}."),
        ("n", "The motion on the {part} was carried, with {count} abstentions."),
        ("n", "It was unanimously decided that {person} will take charge of the {part}."),
        ("n", "The motion was rejected, and the {part} goes back to the {role}."),
        ("n", "Action: {person} to settle the {part} by {weekday}, as agreed."),
        ("n", "It was resolved to spend {price} on the {part}, subject to approval."),
        ("w", "To warm applause the motion was carried, and the {part} may begin!"),
        ("w", "Unanimously and gladly it was agreed to honour {person} for the {part}."),
        ("w", "The committee happily approved the {part} and toasted it with {drink}."),
        ("w", "With cheers all round the committee approved the {part} by {count} votes!"),
        ("d", "It was agreed to agree on the {part} at some later date."),
        ("d", "The motion was carried because the {role} had gone home."),
        ("d", "It was resolved to form a committee on the {part} and never to ask again."),
        ("d", "Action: {person} to find out what was decided about the {part}."),
        ("d", "The motion on the {part} was postponed until {date}, along with the next one."),
        ("d", "It was resolved that the {role} will look into it, then look away."),
    ),
)

MEETING_THEMES = (ATTENDANCE, AGENDA, DISCUSSION, DECISION)
