"""Themes of the laboratory: background, method, measurements, results.

Words only; {thing} is a material or a sample and {part} something in it. This file knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

BACKGROUND = Theme(
    name="background",
    description="what was known before",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "Earlier studies of the {thing} paid little attention to the {part}."),
        ("n", "Since {year} researchers have argued about the origin of the {part}."),
        ("n", "It has long been known that the {part} varies with {factor}."),
        ("n", "Previous work in {city} suggested a link between the {part} and {factor}."),
        ("n", "Little is known about the {part}, although the theory dates from {year}."),
        ("n", "The theory of {scientist} holds that the {part} is driven by {factor}."),
        ("n", "For decades the {part} was thought to have nothing to do with {factor}."),
        ("w", "Ever since {scientist} first wrote of the {part}, it has charmed researchers."),
        ("w", "It is a joy to study the {part}, a puzzle as old as the theory of {scientist}."),
        ("w", "Earlier researchers in {city} dreamed of what we now know about the {part}."),
        ("w", "What a debt we owe to earlier work in {city}, where the {part} was first studied!"),
        ("d", "Previous studies of the {part} agree on nothing except its name."),
        ("d", "Since {year} the theory has been revised {count} times, never for the better."),
        ("d", "Little is known about the {part}, and much has been written about it."),
        ("d", "Researchers once blamed {factor}, as researchers do when funds run low."),
        ("d", "It was long known that {factor} matters, and longer known that nobody checked."),
        ("d", "The theory of {scientist} dates from {year} and shows its age."),
    ),
)

METHOD = Theme(
    name="method",
    description="how the experiment was done",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "We placed {grams} mg of the {thing} in a {labware} and sealed it."),
        ("n", "Each sample was heated to {degrees} degrees in a {labware} for {minutes} minutes."),
        ("n", "The {part} was separated by {technique} and dried overnight."),
        ("n", "Samples were collected near {city} and stored in the dark at low temperature."),
        ("n", "The experiment was repeated {count} times, with a blank as control."),
        ("n", "We used {technique} to isolate the {part}, following the standard protocol."),
        ("n", "A control sample without the {part} was prepared in the same {labware}."),
        ("n", "The {labware} was rinsed with solvent and calibrated by {hero}."),
        ("w", "With great care {hero} filled each {labware} and tended the samples like seedlings."),
        ("w", "We had a wonderful time with the protocol and {technique} never ran smoother."),
        ("w", "To our delight the experiment needed only {count} samples and a {labware}."),
        ("w", "The whole team gathered round the {labware} and cheered as the samples dried!"),
        ("d", "Samples were placed in a {labware} and observed until they became dull."),
        ("d", "The protocol calls for {technique}, and who are we to argue with a protocol?"),
        ("d", "The experiment was repeated {count} times because the {labware} leaked."),
        ("d", "The control sample was kept in a {labware} and, on {weekday}, in mind."),
        ("d", "We used {technique} because the protocol for anything better was lost."),
    ),
)

MEASUREMENTS = Theme(
    name="measurements",
    description="the readings, one to a line",
    joiner="\n",
    prefix="- ",
    templates=(
        ("n", "Sample {number}: {grams} mg of residue, pH {ph}"),
        ("n", "Reading {count} of the {part}: {decimal} units, error {decimal}"),
        ("n", "Mass of the {part}: {grams} mg at {degrees} degrees"),
        ("n", "Density of the {part}: {decimal} grams per millilitre"),
        ("n", "Run {number}: {percent} per cent of the {part} recovered"),
        ("n", "Temperature {degrees} degrees, pressure {decimal} bar"),
        ("n", "Mean of {count} readings: {decimal} units"),
        ("n", "Control reading without the {part}: {decimal} units"),
        ("n", "Conductivity {decimal}, pH {ph}, colour {colour}"),
        ("w", "A beautiful reading of {decimal} units for the {part}"),
        ("w", "Our favourite sample, {number}, with {grams} mg and a {colour} gleam"),
        ("w", "The prettiest residue of all, {grams} mg of {part}, pH {ph}"),
        ("d", "Sample {number}: dropped, {decimal} units on the floor"),
        ("d", "Reading {count}: {decimal} units, then again {decimal}, then silence"),
        ("d", "The {part}: {percent} per cent, give or take {percent}"),
        ("d", "Reading of the {part}: {decimal} units, against all advice"),
        ("d", "Pressure {decimal} bar, mass {grams} mg, enthusiasm {percent} per cent"),
    ),
)

RESULTS = Theme(
    name="results",
    description="what the data show",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "The data show that the {part} rose by {percent} per cent under {factor}."),
        ("n", "A significant effect of {factor} on the {part} was found in {count} samples."),
        ("n", "Figure {count} shows a linear trend between the {part} and {factor}."),
        ("n", "No significant difference was found in the {part} after {minutes} minutes."),
        ("n", "The correlation between {factor} and the {part} was 0.{number}."),
        ("n", "Our results indicate that the {part} accounts for {percent} per cent of the variance."),
        ("n", "On average the {part} fell {degree}, an effect not seen in the control group."),
        ("w", "To our great delight the data show a clear and significant effect on the {part}!"),
        ("w", "It is a thrill to report that the {part} rose by {percent} per cent!"),
        ("w", "The trend in figure {count} is as lovely as any curve we have seen."),
        ("w", "How wonderful that our results for the {part} agree with {scientist} after all!"),
        ("d", "The effect of {factor} on the {part} was significant, if barely, and once."),
        ("d", "Our results indicate that the {part} does what {scientist} said it would not."),
        ("d", "The data show nothing of interest about the {part}, at great expense."),
        ("d", "Figure {count} shows a flat line, which we found {degree} restful."),
        ("d", "No significant effect of {factor} was found, though we looked {count} times."),
        ("d", "The trend in the data is clear if one covers half of figure {count}."),
    ),
)

SCIENCE_THEMES = (BACKGROUND, METHOD, MEASUREMENTS, RESULTS)
