#include "data/synthetic_words.h"

namespace pith {
namespace {

constexpr StoryPerson kPeople[] = {
    {"Mia", true},     {"Tom", false},    {"Ana", true},     {"Ben", false},    {"Lucy", true},    {"Omar", false},
    {"Sara", true},    {"Leo", false},    {"Nina", true},    {"Jack", false},   {"Emma", true},    {"Raj", false},
    {"Zoe", true},     {"Paul", false},   {"Ivy", true},     {"Sam", false},    {"Maya", true},    {"Carl", false},
    {"Ella", true},    {"Diego", false},  {"Rosa", true},    {"Hugo", false},   {"Anna", true},    {"Kofi", false},
    {"Lena", true},    {"Max", false},    {"Amira", true},   {"Noah", false},   {"Julia", true},   {"Peter", false},
    {"Grace", true},   {"Adam", false},   {"Priya", true},   {"David", false},  {"Clara", true},   {"Victor", false},
    {"Hana", true},    {"Oscar", false},  {"Kate", true},    {"Felix", false},  {"Olga", true},    {"Simon", false},
    {"Fatima", true},  {"Kevin", false},  {"Alice", true},   {"Marco", false},  {"Yuki", true},    {"Eric", false},
    {"Nora", true},    {"Daniel", false}, {"Tara", true},    {"Luke", false},   {"Wendy", true},   {"George", false},
    {"Irene", true},   {"Henry", false},  {"Paula", true},   {"Ali", false},    {"Susan", true},   {"Bruno", false},
};

constexpr StoryTheme kThemes[] = {
    {"apples", "baskets", "red", "green", "picks", ThemeKind::kFood, nullptr},
    {"cookies", "jars", "chocolate", "oatmeal", "bakes", ThemeKind::kFood, nullptr},
    {"muffins", "trays", "blueberry", "banana", "bakes", ThemeKind::kFood, nullptr},
    {"oranges", "bags", "large", "small", "buys", ThemeKind::kFood, nullptr},
    {"strawberries", "bowls", "ripe", "unripe", "picks", ThemeKind::kFood, nullptr},
    {"pears", "boxes", "yellow", "green", "picks", ThemeKind::kFood, nullptr},
    {"peaches", "crates", "white", "yellow", "picks", ThemeKind::kFood, nullptr},
    {"tomatoes", "baskets", "red", "yellow", "picks", ThemeKind::kFood, nullptr},
    {"cupcakes", "boxes", "vanilla", "lemon", "bakes", ThemeKind::kFood, nullptr},
    {"candies", "bags", "sour", "sweet", "buys", ThemeKind::kFood, nullptr},
    {"eggs", "cartons", "brown", "white", "collects", ThemeKind::kFood, nullptr},
    {"carrots", "bundles", "orange", "purple", "pulls up", ThemeKind::kFood, nullptr},
    {"marbles", "bags", "blue", "red", "wins", ThemeKind::kToy, nullptr},
    {"stickers", "sheets", "shiny", "plain", "buys", ThemeKind::kToy, nullptr},
    {"shells", "jars", "white", "pink", "finds", ThemeKind::kToy, nullptr},
    {"trading cards", "packs", "rare", "common", "buys", ThemeKind::kToy, nullptr},
    {"stamps", "envelopes", "foreign", "local", "collects", ThemeKind::kToy, nullptr},
    {"beads", "boxes", "glass", "wooden", "buys", ThemeKind::kToy, nullptr},
    {"buttons", "tins", "round", "square", "finds", ThemeKind::kToy, nullptr},
    {"toy cars", "boxes", "blue", "black", "buys", ThemeKind::kToy, nullptr},
    {"crayons", "boxes", "new", "old", "buys", ThemeKind::kToy, nullptr},
    {"pencils", "packs", "new", "used", "buys", ThemeKind::kToy, nullptr},
    {"balloons", "packs", "red", "yellow", "blows up", ThemeKind::kToy, nullptr},
    {"coins", "jars", "silver", "copper", "collects", ThemeKind::kToy, nullptr},
    {"postcards", "albums", "old", "new", "collects", ThemeKind::kToy, nullptr},
    {"stones", "buckets", "smooth", "rough", "finds", ThemeKind::kToy, nullptr},
    {"books", "shelves", "picture", "comic", "buys", ThemeKind::kToy, nullptr},
    {"paper cranes", "strings", "white", "gold", "folds", ThemeKind::kToy, nullptr},
    {"bracelets", "boxes", "leather", "cotton", "makes", ThemeKind::kToy, nullptr},
    {"rolls", "trays", "plain", "seeded", "bakes", ThemeKind::kTrade, "the baker"},
    {"loaves of bread", "racks", "white", "rye", "bakes", ThemeKind::kTrade, "the baker"},
    {"pumpkins", "rows", "small", "large", "harvests", ThemeKind::kTrade, "the farmer"},
    {"melons", "crates", "green", "yellow", "harvests", ThemeKind::kTrade, "the farmer"},
    {"roses", "buckets", "red", "white", "cuts", ThemeKind::kTrade, "the florist"},
    {"tulips", "bunches", "pink", "yellow", "cuts", ThemeKind::kTrade, "the florist"},
    {"candles", "shelves", "tall", "short", "makes", ThemeKind::kTrade, "the shopkeeper"},
    {"mugs", "crates", "blue", "white", "paints", ThemeKind::kTrade, "the potter"},
    {"chairs", "rows", "wooden", "metal", "builds", ThemeKind::kTrade, "the carpenter"},
};

constexpr StoryPlace kPlaces[] = {
    {"passengers", "on the bus", "get on", "get off", "rows"},
    {"passengers", "on the train", "get on", "get off", "cars"},
    {"people", "in the park", "arrive", "go home", "groups"},
    {"children", "at the playground", "come to play", "go home", "teams"},
    {"guests", "at the party", "arrive", "leave", "tables"},
    {"students", "in the library", "come in", "leave", "tables"},
    {"visitors", "in the museum", "come in", "leave", "groups"},
    {"birds", "in the tree", "join them", "fly away", "flocks"},
    {"ducks", "on the pond", "land on the water", "fly away", "groups"},
    {"cars", "in the parking lot", "drive in", "drive away", "rows"},
    {"swimmers", "in the pool", "jump in", "get out", "lanes"},
    {"bikes", "in the bike rack", "are added", "are taken out", "rows"},
    {"fish", "in the tank", "are put in", "are moved to another tank", "groups"},
    {"customers", "in the café", "walk in", "leave", "tables"},
};

constexpr StoryActivity kActivities[] = {
    {"pages", "read", "reads", "read", "{P}'s book has {n} pages", "{S} still has {v} pages to read",
     "how many pages {P} still has to read"},
    {"math problems", "solve", "solves", "solved", "{P}'s workbook has {n} math problems",
     "{S} still has {v} math problems to solve", "how many math problems {P} still has to solve"},
    {"miles", "run", "runs", "run", "{P} wants to run {n} miles in all", "{S} still has {v} miles to run",
     "how many miles {P} still has to run"},
    {"laps", "swim", "swims", "swum", "{P} plans to swim {n} laps in all", "{S} still has {v} laps to swim",
     "how many laps {P} still has to swim"},
    {"letters", "write", "writes", "written", "{P} has to write {n} letters in all",
     "{S} still has {v} letters to write",
     "how many letters {P} still has to write"},
    {"trees", "plant", "plants", "planted", "{P} wants to plant {n} trees in all", "{S} still has {v} trees to plant",
     "how many trees {P} still has to plant"},
    {"pictures", "draw", "draws", "drawn", "{P} needs {n} pictures for a calendar",
     "{S} still has {v} pictures to draw",
     "how many pictures {P} still has to draw"},
    {"minutes", "practice", "practices", "practiced", "{P} wants to practice {n} minutes in all",
     "{S} still has {v} minutes to practice", "how many minutes {P} still has to practice"},
    {"songs", "learn", "learns", "learned", "{P}'s songbook has {n} songs", "{S} still has {v} songs to learn",
     "how many songs {P} still has to learn"},
    {"fences", "paint", "paints", "painted", "{P} has to paint {n} fences in all", "{S} still has {v} fences to paint",
     "how many fences {P} still has to paint"},
};

}  // namespace

std::span<const StoryPerson> StoryPeople() { return kPeople; }
std::span<const StoryTheme> StoryThemes() { return kThemes; }
std::span<const StoryPlace> StoryPlaces() { return kPlaces; }
std::span<const StoryActivity> StoryActivities() { return kActivities; }

}  // namespace pith
