"""Themes of things that go wrong: symptoms, environment, reproduction, workaround.

Words only; {thing} is a program or a gadget and {part} a part of it. This file knows nothing of odds.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Theme

SYMPTOMS = Theme(
    name="symptoms",
    description="what goes wrong, as seen by the user",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "The {part} freezes for {count} seconds and then shows error {error}."),
        ("n", "After a restart the {part} crashes with the message {error}."),
        ("n", "Whenever I touch the {part}, the screen flickers and goes blank."),
        ("n", "Error {error} appears at random, mostly while the {part} is busy."),
        ("n", "The {thing} hangs on start and the {part} never responds."),
        ("n", "About {percent} per cent of the time the {part} shows an error and shuts down."),
        ("n", "It crashed {count} times on {weekday}, always with error {error}."),
        ("w", "My poor {thing} freezes and blinks at me as if it were crying for help!"),
        ("w", "I was so happily at work when the {part} crashed with error {error}."),
        ("w", "The {part} hangs, bless it, and error {error} greets me every morning."),
        ("w", "Error {error} popped up with the {part} just as I was smiling at the screen."),
        ("d", "The {part} shows error {error}, then an error about the error."),
        ("d", "It crashes on {weekday} only, which rules out every reasonable cause."),
        ("d", "The {part} freezes, and the {thing} goes blank in sympathy."),
        ("d", "Instead of a result there is error {error}, delivered {degree} quickly."),
        ("d", "The screen flickers {count} times, which {hero} takes to be a message."),
        ("d", "The {part} never crashes while anybody from support is watching."),
    ),
)

ENVIRONMENT = Theme(
    name="environment",
    description="versions, systems and settings in use",
    joiner="\n",
    prefix="- ",
    templates=(
        ("n", "Version {version} of the {thing}, default settings"),
        ("n", "Operating system: {system}, version {version}"),
        ("n", "Installed on {date}, updated to {version} in {month}"),
        ("n", "Browser: {browser} {version}, no extensions"),
        ("n", "Memory: {number} GB, disk {percent} per cent full"),
        ("n", "The {part} runs with the default configuration"),
        ("n", "Network: home router in {city}, firewall on"),
        ("n", "Same behaviour on {system} and {system}"),
        ("n", "Firmware {version}, serial number {number}"),
        ("w", "My faithful old laptop with {system} {version}, still going strong"),
        ("w", "The shiny new version {version}, lovingly installed by {hero}"),
        ("w", "Our dear home network in {city}, with {count} happy machines"),
        ("d", "Operating system: {system}, not by choice"),
        ("d", "Version {version}, because {version} was worse"),
        ("d", "Configuration of the {part}: whatever the installer felt like"),
        ("d", "Browser: {browser} {version}, as the manual forbids"),
        ("d", "Firmware {version}, installed by accident on {date}"),
    ),
)

REPRODUCTION = Theme(
    name="reproduction",
    description="the steps that make the fault happen again",
    joiner="\n",
    prefix="- ",
    templates=(
        ("n", "Open the {part} and click on {menu}"),
        ("n", "Click {menu} {count} times in a row"),
        ("n", "Log in as {hero} and select the {part}"),
        ("n", "Select any file, then choose {menu} from the menu"),
        ("n", "Type {number} into the {part} and press enter"),
        ("n", "Scroll down, select the {part} and drag it to the left"),
        ("n", "Repeat until the {part} fails, usually within {count} clicks"),
        ("n", "Close the window, open it again and click {menu}"),
        ("n", "Wait {minutes} minutes, then click on the {part}"),
        ("w", "Click on the lovely {colour} icon next to {menu}"),
        ("w", "Open {menu}, cross your fingers and select the {part}"),
        ("w", "Select the {part} with a smile and then click {menu}"),
        ("d", "Click {menu} and observe that nothing is observed"),
        ("d", "Open the {part}, which is the last thing it will do today"),
        ("d", "Click anywhere, in fact, as {hero} did on {weekday}"),
        ("d", "Press enter, wait {minutes} minutes, press enter as though you meant it"),
        ("d", "Select {menu}, then explain to {hero} what became of the {part}"),
    ),
)

WORKAROUND = Theme(
    name="workaround",
    description="how to live with the fault until it is mended",
    joiner=" ",
    prefix="",
    templates=(
        ("n", "As a workaround, disable the {part} and restart the {thing}."),
        ("n", "Until a fix arrives, switching back to version {version} avoids the problem."),
        ("n", "For now we bypass the {part} by restarting every {minutes} minutes."),
        ("n", "A temporary fix is to reset the {part} to its defaults each {weekday}."),
        ("n", "The problem can be avoided by leaving the {part} switched off."),
        ("n", "Clearing the memory of the {part} helps for about {count} hours."),
        ("n", "In the meantime {hero} makes do with a patched one, without the {part}."),
        ("w", "Happily there is a workaround: reset the {part} and all is well for {count} hours!"),
        ("w", "My clever {relative} found a temporary fix, namely to disable the {part} first."),
        ("w", "Do not despair, a patched {part} gets you through until the fix arrives!"),
        ("w", "Until the fix comes, a gentle reset of the {part} keeps everybody happy."),
        ("w", "A sweet little workaround from {hero}: restart before breakfast and the {part} behaves!"),
        ("d", "The workaround is to disable the {part}, or the {thing}, or both."),
        ("d", "A temporary fix has been in place since {year} and avoids most of the {part}."),
        ("d", "For now, bypass the {part} and do as {hero} does, namely something else."),
        ("d", "Until the fix arrives, the problem is best avoided by avoiding the {part}."),
        ("d", "The temporary fix is permanent, in so far as it disables the {part}."),
    ),
)

SOFTWARE_THEMES = (SYMPTOMS, ENVIRONMENT, REPRODUCTION, WORKAROUND)
