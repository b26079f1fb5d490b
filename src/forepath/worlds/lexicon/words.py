"""The word lists that fill the slots of templates: uniform draws, written so that "a" and "the" always fit.

Words only. Nouns and adjectives begin with a consonant sound because templates say "a {worker}", "a {animal}".
"""

from __future__ import annotations

LISTS: dict[str, tuple[str, ...]] = {
    "hero": (
        "Anna", "Ben", "Clara", "David", "Elsa", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Karin", "Leo",
        "Mira", "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Simon", "Tessa", "Ulla", "Victor", "Wanda", "Yusuf",
    ),
    "city": (
        "Ashford", "Bergen", "Calder", "Dunmore", "Eastvale", "Fairhaven", "Granada", "Harwich", "Ipswich", "Jarrow",
        "Kendal", "Lisbon", "Marlow", "Norwich", "Oakham", "Porto", "Ravenna", "Selby", "Trieste", "Whitby",
    ),
    "person": (
        "Alan Marsh", "Beth Okafor", "Carl Jensen", "Dora Pym", "Eric Vance", "Fay Lindgren", "Gwen Price",
        "Hal Norris", "Irene Castle", "Jack Doyle", "Kate Ferris", "Lars Holm", "Maud Ellery", "Neil Barrow",
        "Olga Winter", "Pete Sandoval", "Rita Cole", "Sam Ng", "Tove Berg", "Una Walsh", "Vera Stone", "Will Tate",
    ),
    "adj_good": (
        "delightful", "reliable", "splendid", "well made", "remarkable", "pleasant", "superb", "charming", "solid",
        "first-rate", "lovely", "very good",
    ),
    "adj_bad": (
        "disappointing", "dull", "doubtful", "mediocre", "tiresome", "forgettable", "puzzling", "second-rate", "bland",
        "drab", "poor", "hopeless",
    ),
    "degree": (
        "surprisingly", "remarkably", "noticeably", "decidedly", "unexpectedly", "distinctly", "markedly", "strangely",
        "pleasantly", "suspiciously",
    ),
    "manner": ("slowly", "gently", "steadily", "carefully", "firmly", "calmly", "evenly", "patiently"),
    "count": ("two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "high": ("six", "seven", "eight", "nine", "ten"),
    "number": (
        "11", "12", "14", "15", "17", "18", "19", "21", "22", "24", "26", "27", "28", "31", "33", "35", "36", "38",
        "42", "44", "47", "52", "56", "63",
    ),
    "minutes": ("5", "8", "10", "12", "15", "20", "25", "30", "40", "45", "50", "60"),
    "grams": ("40", "60", "75", "90", "100", "120", "150", "180", "200", "225", "250", "300", "350", "400", "500"),
    "percent": ("6", "9", "13", "16", "23", "29", "34", "37", "41", "46", "53", "58", "62", "69", "74"),
    "decimal": ("0.12", "0.27", "0.35", "0.48", "0.61", "0.79", "1.04", "1.32", "1.57", "2.08", "2.46", "3.19"),
    "degrees": ("80", "110", "140", "160", "170", "180", "190", "200", "210", "220"),
    "ph": ("5.4", "5.9", "6.3", "6.8", "7.0", "7.2", "7.6", "8.1"),
    "price": ("$9", "$14", "$19", "$25", "$32", "$39", "$48", "$55", "$64", "$72", "$85", "$99", "$120", "$149"),
    "date": (
        "3 January", "9 February", "14 March", "21 April", "2 May", "17 June", "8 July", "26 August", "11 September",
        "30 October", "5 November", "19 December", "23 March", "28 May", "12 October", "7 April",
    ),
    "month": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "clock": (
        "half past seven", "eight o'clock", "a quarter past nine", "ten o'clock", "half past ten", "eleven o'clock",
        "half past two", "three o'clock", "a quarter to four", "five o'clock", "half past six",
    ),
    "year": (
        "1897", "1912", "1924", "1936", "1948", "1953", "1961", "1967", "1972", "1978", "1983", "1989", "1994", "1999",
        "2003", "2008", "2012", "2016",
    ),
    "season": (
        "spring", "summer", "autumn", "winter", "early spring", "late summer", "late autumn", "mild winter",
    ),
    "relative": (
        "grandmother", "grandfather", "mother", "father", "sister", "brother", "great-aunt", "cousin", "godmother",
        "stepfather", "neighbour",
    ),
    "worker": (
        "baker", "fisherman", "teacher", "blacksmith", "postman", "shepherd", "carpenter", "librarian", "gardener",
        "nurse", "bus driver", "piano tuner", "ferryman", "tailor", "lighthouse keeper", "schoolgirl", "beekeeper",
        "clockmaker",
    ),
    "animal": (
        "goat", "donkey", "cat", "parrot", "hedgehog", "goose", "squirrel", "penguin", "rabbit", "hen", "fox",
        "turtle", "pony", "camel", "badger",
    ),
    "colour": (
        "red", "blue", "green", "yellow", "black", "white", "silver", "grey", "purple", "brown", "copper", "turquoise",
    ),
    "tool": (
        "screwdriver", "pair of pliers", "spanner", "hammer", "small torch", "hex key", "soft brush", "clamp",
        "file", "chisel", "knife", "magnet",
    ),
    "spice": (
        "salt", "pepper", "cinnamon", "nutmeg", "ginger", "paprika", "cumin", "thyme", "saffron", "vanilla", "cardamom",
    ),
    "vessel": (
        "bowl", "saucepan", "baking tin", "casserole", "frying pan", "glass dish", "pie dish", "mixing bowl",
        "stockpot", "roasting tray",
    ),
    "heat": ("low", "medium", "gentle", "moderate", "high"),
    "prep": (
        "finely chopped", "sifted twice", "lightly toasted", "cut into small cubes", "freshly ground",
        "soaked overnight", "cold from the fridge", "gently warmed", "thinly sliced",
    ),
    "harm": (
        "a rash", "burns", "dizziness", "swelling", "nausea", "a bad cough", "headaches", "shortness of breath",
        "fainting", "sore eyes",
    ),
    "hazard": (
        "ground nuts", "bleach", "boiling water", "loose wires", "broken glass", "an open flame", "latex gloves",
        "strong acid", "mould", "cleaning spray",
    ),
    "team": (
        "customer service team", "support team", "repair desk", "sales department", "after-sales team",
        "service centre", "complaints office", "warranty department",
    ),
    "system": ("Windows", "Linux", "macOS", "Android", "FreeBSD", "iOS", "ChromeOS", "Debian"),
    "browser": ("Firefox", "Chrome", "Safari", "Edge", "Opera", "Brave", "Vivaldi", "Konqueror"),
    "version": (
        "1.0.3", "1.2.0", "1.4.7", "2.0.1", "2.3.5", "2.8.0", "3.1.4", "3.6.2", "4.0.0", "4.2.9", "5.1.1", "6.0.8",
        "7.3.3",
    ),
    "error": ("E101", "E117", "E204", "E230", "E308", "E319", "E404", "E412", "E500", "E512", "E603", "E717"),
    "menu": (
        "Save as", "Preferences", "Import", "Sync now", "Undo", "Print preview", "Find and replace", "Share",
        "Full screen", "New folder", "Sign out", "Help",
    ),
    "factor": (
        "light", "heat", "humidity", "pressure", "salinity", "age", "vibration", "acidity", "oxygen", "frost",
        "altitude", "ultraviolet light",
    ),
    "technique": (
        "filtration", "distillation", "chromatography", "centrifugation", "titration", "mass spectrometry",
        "sieving", "freeze-drying", "microscopy",
    ),
    "labware": (
        "beaker", "test tube", "flask", "Petri dish", "glass vial", "crucible", "steel chamber", "quartz cell",
        "plastic tray",
    ),
    "scientist": (
        "Halvorsen", "Mbeki", "Tanaka", "Rossi", "Lindqvist", "Dubois", "Petrov", "Castellanos", "Whitlock", "Nakamura",
    ),
    "journal": (
        "the Annals of Practice", "the Northern Review", "the Quarterly Digest", "Modern Notes",
        "the Proceedings of Kendal", "the Household Almanac", "the Open Companion", "Letters and Methods",
        "the Morning Bulletin", "the Yearbook of Matters",
    ),
    "direction": ("north", "south", "east", "west", "north-east", "south-west", "north-west", "south-east"),
    "sky": ("cloudless", "leaden", "pale", "starry", "rosy", "milky", "pearly", "violet", "golden"),
    "meal": (
        "grilled fish", "onion soup", "lamb stew", "stuffed peppers", "goat cheese", "fried squid", "bean casserole",
        "roast chicken", "mushroom dumplings", "tomato pasta", "pea soup", "plum tart",
    ),
    "drink": (
        "red wine", "black coffee", "mint tea", "cold beer", "apple cider", "hot chocolate", "lemonade", "iced tea",
        "mulled wine",
    ),
    "role": (
        "treasurer", "mayor", "secretary", "deputy mayor", "town clerk", "head teacher", "parish priest",
        "fire chief", "councillor", "site manager",
    ),
}  # fmt: skip
