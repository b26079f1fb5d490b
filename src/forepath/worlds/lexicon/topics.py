"""What documents are about: pools of topics, each a thing and six of its parts.

Words only. A thing is lower case without an article and begins with a consonant sound; parts are singular nouns that
work after "the". A pool may serve several kinds, so that a title alone does not always give the kind away.
"""

from __future__ import annotations

from forepath.worlds.lexicon.shapes import Topic

TOPICS: dict[str, tuple[Topic, ...]] = {
    "dishes": (
        Topic("lemon cake", ("flour", "butter", "sugar", "lemon zest", "cream", "egg white")),
        Topic("lentil soup", ("red lentil", "carrot", "celery", "stock", "garlic", "tomato paste")),
        Topic("mushroom risotto", ("rice", "dried mushroom", "broth", "parmesan", "shallot", "white wine")),
        Topic("beef stew", ("stewing beef", "potato", "parsnip", "gravy", "bacon", "pearl barley")),
        Topic("pumpkin pie", ("pumpkin", "pastry", "brown sugar", "evaporated milk", "molasses", "shortening")),
        Topic("fish curry", ("cod", "coconut milk", "curry paste", "lime juice", "coriander", "basmati rice")),
        Topic("rye bread", ("rye flour", "yeast", "caraway", "honey", "buttermilk", "bran")),
        Topic("tomato tart", ("puff pastry", "cherry tomato", "mustard", "goat cheese", "basil", "tapenade")),
        Topic("chicken pilaf", ("chicken thigh", "bulgur", "yoghurt", "dried apricot", "parsley", "chickpea")),
        Topic("chocolate mousse", ("dark chocolate", "whipped cream", "cocoa", "caster sugar", "espresso", "gelatine")),
        Topic("potato salad", ("new potato", "mayonnaise", "gherkin", "dill", "radish", "vinegar")),
        Topic("rhubarb crumble", ("rhubarb", "rolled oat", "demerara sugar", "custard", "strawberry", "margarine")),
        Topic("vegetable lasagne", ("pasta sheet", "spinach", "ricotta", "courgette", "mozzarella", "bechamel")),
        Topic("ginger biscuit", ("golden syrup", "wheat flour", "candied peel", "treacle", "lard", "baking powder")),
    ),
    "gadgets": (
        Topic("bread maker", ("kneading paddle", "lid", "display", "heating coil", "bread pan", "timer knob")),
        Topic("robot vacuum", ("dust bin", "side brush", "charging dock", "wheel", "motion sensor", "filter")),
        Topic("coffee machine", ("water tank", "grinder", "milk frother", "drip tray", "pump", "pressure gauge")),
        Topic("desk lamp", ("dimmer", "lampshade", "swivel arm", "base plate", "power cord", "touch panel")),
        Topic("wireless speaker", ("volume dial", "battery", "bass driver", "carrying strap", "grille", "pairing key")),
        Topic("digital camera", ("lens", "shutter", "viewfinder", "memory card", "flash", "tripod mount")),
        Topic("sewing machine", ("needle", "bobbin", "foot pedal", "thread guide", "drive belt", "stitch selector")),
        Topic("smart watch", ("strap", "crown", "heart monitor", "step counter", "glass cover", "vibration motor")),
        Topic("laser printer", ("toner drum", "paper tray", "feed roller", "control panel", "fuser", "rear hatch")),
        Topic("pocket radio", ("tuning dial", "telescopic rod", "loudspeaker", "headphone jack", "back cover", "clip")),
        Topic("treadmill", ("running belt", "handrail", "speed console", "motor hood", "safety key", "deck cushion")),
        Topic("pressure cooker", ("rubber seal", "steam valve", "handle", "steel pot", "locking ring", "float pin")),
        Topic("garden pump", ("hose", "float switch", "impeller", "suction basket", "nozzle", "motor housing")),
    ),
    "samples": (
        Topic(
            "river water", ("nitrate", "suspended silt", "dissolved oxygen", "surface film", "chloride", "bacterium")
        ),
        Topic("volcanic ash", ("glass fragment", "sulphur", "feldspar", "fine dust", "magnetite", "pumice grain")),
        Topic("sea salt", ("magnesium", "residual brine", "crystal lattice", "bromide", "trace metal", "moisture")),
        Topic("bee honey", ("fructose", "pollen", "beeswax", "proline", "water fraction", "glucose oxidase")),
        Topic(
            "copper alloy", ("tin content", "grain boundary", "surface layer", "lead phase", "zinc", "corrosion rate")
        ),
        Topic("peat soil", ("humic matter", "methane", "root fibre", "clay fraction", "pore water", "fungal mass")),
        Topic("glacier ice", ("trapped gas", "dust band", "meltwater", "firn layer", "deuterium", "soot particle")),
        Topic("leaf pigment", ("chlorophyll", "carotene", "xanthophyll", "cell wall", "stoma density", "tannin")),
        Topic("concrete dust", ("silica", "gypsum", "lime", "steel fibre", "fly residue", "gravel fragment")),
        Topic("silk protein", ("fibroin", "sericin", "peptide chain", "hydrogen bond", "crystal domain", "glycine")),
        Topic("motor lubricant", ("base fluid", "detergent", "viscosity", "wear metal", "sludge", "water content")),
        Topic("mineral clay", ("kaolin", "mica", "quartz", "swelling index", "plastic limit", "potash")),
    ),
    "places": (
        Topic("harbour town", ("fish market", "lighthouse", "quay", "sea wall", "sailors' chapel", "boatyard")),
        Topic("mountain pass", ("cable car", "summit cross", "mountain hut", "glacier lake", "sheepfold", "tunnel")),
        Topic("desert road", ("petrol station", "salt flat", "caravan camp", "palm grove", "date market", "dry well")),
        Topic("ferry crossing", ("landing stage", "customs house", "sandbank", "ticket booth", "sun deck", "pier")),
        Topic("canal path", ("lock gate", "towpath", "water mill", "barge mooring", "swing bridge", "willow bank")),
        Topic("cliff walk", ("bird colony", "coastguard hut", "stone stile", "hidden beach", "sea cave", "headland")),
        Topic("wine village", ("cellar door", "bell tower", "press house", "terrace", "village pump", "vineyard")),
        Topic(
            "night train", ("dining car", "sleeping cabin", "border station", "platform", "rear carriage", "viaduct")
        ),
        Topic(
            "forest trail", ("beech grove", "charcoal kiln", "deer meadow", "wooden footbridge", "spring", "lookout")
        ),
        Topic("spice bazaar", ("carpet hall", "tea house", "north gate", "copper alley", "mosque", "lamp stall")),
        Topic("lake district", ("rowing pier", "stone circle", "boathouse", "waterfall", "sheep fair", "slate quarry")),
        Topic("pilgrim route", ("hostel", "monastery", "Roman bridge", "wayside cross", "plaza", "shell marker")),
    ),
    "software": (
        Topic(
            "photo editor",
            ("crop tool", "layer panel", "export dialog", "colour picker", "brush palette", "filter list"),
        ),
        Topic("chat client", ("message box", "contact list", "emoji panel", "voice call", "login page", "status bar")),
        Topic("file browser", ("folder tree", "search bar", "preview pane", "trash folder", "path field", "tab strip")),
        Topic("music player", ("playlist", "shuffle button", "volume slider", "lyrics view", "queue", "mini window")),
        Topic(
            "mail reader", ("spam folder", "draft editor", "signature box", "inbox view", "sync service", "reply form")
        ),
        Topic("map viewer", ("route planner", "zoom control", "compass", "satellite layer", "place search", "legend")),
        Topic(
            "text editor", ("spell checker", "line counter", "macro recorder", "split view", "find bar", "syntax theme")
        ),
        Topic(
            "calendar tool",
            ("month view", "reminder popup", "event form", "time zone list", "week grid", "guest field"),
        ),
        Topic(
            "password vault",
            ("master prompt", "password generator", "lock screen", "backup file", "key list", "browser plugin"),
        ),
        Topic(
            "video cutter",
            ("timeline", "render queue", "subtitle track", "preview window", "codec list", "fade control"),
        ),
        Topic(
            "tax program",
            ("deduction form", "receipt scanner", "summary page", "print module", "wizard", "bank import"),
        ),
        Topic(
            "weather widget",
            ("radar layer", "city picker", "refresh button", "forecast card", "unit switch", "tray icon"),
        ),
    ),
    "civic": (
        Topic(
            "bridge repair", ("north pier", "toll booth", "footpath", "steel railing", "traffic plan", "night shift")
        ),
        Topic("school garden", ("greenhouse", "rain barrel", "vegetable plot", "tool shed", "compost scheme", "pond")),
        Topic("library roof", ("reading room", "skylight", "scaffold", "gutter", "copper dome", "fire exit")),
        Topic("bus line", ("night service", "timetable", "bus shelter", "ticket tariff", "turning loop", "depot")),
        Topic(
            "summer festival", ("main stage", "noise limit", "food court", "firework show", "parade", "volunteer rota")
        ),
        Topic("bike lane", ("parking ban", "traffic light", "kerb", "junction", "bicycle stand", "crossing")),
        Topic(
            "market hall", ("fish counter", "rent contract", "loading bay", "glass front", "clock tower", "cold store")
        ),
        Topic("town park", ("playground", "bandstand", "rose garden", "dog meadow", "public toilet", "skating rink")),
        Topic(
            "water main",
            ("pumping station", "leak detector", "pipe section", "reservoir", "valve chamber", "water tariff"),
        ),
        Topic(
            "housing plan",
            ("building height", "courtyard", "parking garage", "tenant fund", "zoning map", "day nursery"),
        ),
        Topic(
            "swimming pool", ("diving board", "changing room", "boiler", "ticket machine", "lifeguard rota", "sun lawn")
        ),
        Topic(
            "tram extension",
            ("terminus", "power line", "noise barrier", "bridge ramp", "rolling stock", "cost forecast"),
        ),
    ),
    "tales": (
        Topic("lost lantern", ("brass key", "map", "old compass", "candle", "sealed bottle", "logbook")),
        Topic("silver ring", ("jewel box", "wedding dress", "pearl", "velvet purse", "family portrait", "mirror")),
        Topic("paper boat", ("toy chest", "letter", "red ribbon", "music box", "tin soldier", "glass marble")),
        Topic("stopped clock", ("pendulum", "winding key", "carved case", "brass bell", "dial", "cuckoo")),
        Topic("winter garden", ("rose bush", "stone bench", "marble statue", "bird bath", "seed box", "watering can")),
        Topic("wooden horse", ("saddle", "bridle", "carousel", "sugar lump", "painted sign", "hay cart")),
        Topic("secret piano", ("music sheet", "ivory lid", "metronome", "candlestick", "piano stool", "song book")),
        Topic("green coat", ("torn pocket", "brass button", "fur collar", "train ticket", "leather glove", "hat box")),
        Topic("king's crown", ("ruby", "throne", "royal seal", "golden goblet", "treasure chest", "sceptre")),
        Topic("blind fiddler", ("violin", "bow", "coin purse", "walking stick", "fiddle case", "tuning fork")),
        Topic("haunted mill", ("millstone", "flour sack", "trapdoor", "water wheel", "lantern hook", "iron chain")),
        Topic("last dragon", ("dragon egg", "sword", "golden scale", "shield", "cave painting", "magic cup")),
    ),
}
