// What is counted in word problems: the nouns that stand behind numbers in GSM8K and MATH.
#include <algorithm>
#include <array>

#include "rewards/math/units.h"

namespace pith {
namespace {

// Singular, sorted.
constexpr std::array<std::string_view, 431> kThings = {
    "acorn", "adult", "album", "alligator", "angle", "animal", "ant", "apartment", "apple", "arrangement", "article", "baby", "bacteria", "bale",
    "ball", "balloon", "banana", "bandage", "bar", "barrel", "basket", "basketball", "batch", "bead", "bear", "bed", "bee", "berry", "bicycle",
    "bike", "bill", "bird", "biscuit", "block", "blueberry", "bone", "book", "bot", "bottle", "bouquet", "bowl", "box", "boy", "bracelet", "branch",
    "brick", "brother", "brownie", "bucket", "bug", "bulb", "bundle", "burger", "bus", "button", "cake", "calorie", "can", "candle", "candy", "cane",
    "cap", "car", "card", "carriage", "carrot", "carton", "case", "cat", "cell", "chair", "channel", "chapter", "cherry", "chicken", "child", "chip",
    "chocolate", "chord", "circle", "class", "classmate", "coat", "coconut", "code", "coin", "color", "coloring", "combination", "committee",
    "computer", "container", "cookie", "copy", "country", "cow", "crab", "cracker", "crate", "crayon", "cricket", "crow", "cube", "cup", "cupcake",
    "customer", "cycle", "daisy", "decoration", "diagonal", "dice", "digit", "dime", "dish", "divisor", "dog", "doll", "donut", "doughnut", "dress",
    "duck", "duckling", "ear", "edge", "egg", "element", "elephant", "email", "employee", "envelope", "episode", "eraser", "eye", "face", "factor",
    "family", "feather", "female", "firework", "fish", "flea", "flight", "flip", "floor", "flower", "fly", "flyer", "follower", "friend", "frog",
    "fruit", "fry", "function", "game", "gift", "girl", "glass", "gnome", "goal", "goat", "goose", "grandchild", "grape", "group", "guest",
    "gumball", "hamburger", "handshake", "hat", "hen", "hit", "hole", "home", "horse", "hotdog", "house", "individual", "insect", "integer",
    "intersection", "interval", "item", "jacket", "jar", "jellybean", "jump", "kid", "kitten", "knife", "lap", "leaf", "leg", "lemon", "lesson",
    "letter", "lion", "lizard", "load", "loaf", "locker", "log", "lollipop", "magazine", "male", "man", "mango", "marble", "mark", "marker",
    "marshmallow", "mask", "match", "matchstick", "matrix", "meal", "member", "message", "milkshake", "minnow", "mouse", "move", "movie", "muffin",
    "multiple", "mushroom", "nail", "necklace", "newspaper", "nickel", "night", "notebook", "number", "nut", "object", "onion", "orange", "order",
    "outcome", "oyster", "pack", "package", "packet", "page", "painting", "pair", "pamphlet", "pan", "pancake", "pants", "paper", "parent",
    "participant", "passenger", "password", "pastry", "path", "patient", "peach", "pear", "pebble", "pen", "pencil", "penny", "people", "pepper",
    "period", "permutation", "person", "peso", "pet", "petal", "phone", "photo", "picture", "pie", "piece", "pig", "pigeon", "pill", "pin", "pirate",
    "pizza", "plank", "plant", "plate", "player", "point", "pointer", "polygon", "polynomial", "popsicle", "position", "possibility", "poster",
    "pot", "potato", "problem", "pup", "puppy", "question", "rabbit", "rat", "record", "rectangle", "region", "revolution", "ride", "ring", "rock",
    "roll", "room", "root", "rose", "route", "row", "rung", "sack", "sale", "sandwich", "scoop", "seagull", "seashell", "season", "seat", "section",
    "seed", "segment", "sentence", "sequence", "serving", "set", "shark", "sheep", "sheet", "shell", "shirt", "shoe", "shot", "shrimp", "sibling",
    "side", "sister", "situp", "skip", "skirt", "slice", "snail", "snake", "sock", "soda", "solution", "song", "space", "spider", "spool", "spoon",
    "spot", "square", "stair", "stamp", "star", "step", "stick", "sticker", "stitch", "story", "strawberry", "string", "stripe", "student", "subset",
    "sum", "sweater", "sweet", "table", "tablespoon", "tadpole", "tangent", "teacher", "team", "teaspoon", "term", "test", "text", "ticket", "tile",
    "tiling", "tin", "tire", "tissue", "toddler", "token", "tomato", "tooth", "toss", "towel", "toy", "train", "tray", "treat", "tree", "trial",
    "triangle", "trip", "triple", "truck", "tub", "tulip", "tuple", "turn", "turtle", "twig", "value", "vampire", "vegetable", "vehicle", "vertex",
    "video", "visitor", "vote", "wall", "watermelon", "way", "wheel", "widget", "window", "woman", "word", "worker", "worm", "zero"};

// What may stand beside a unit or a thing: "5 more", "3 large red boxes", "8 inches long", "2 miles per hour in all".
constexpr std::array<std::string_view, 78> kBeside = {
    "a",      "additional", "ago",     "all",    "altogether", "an",    "apart",  "apiece",  "approx", "at",      "away",   "big",    "black",
    "blue",   "brown",      "cheaper", "deep",   "different",  "distinct", "each", "elapsed", "entire", "every",   "exactly", "extra",  "fewer",
    "for",    "full",       "gold",    "gray",   "green",      "high",  "in",     "large",   "left",   "less",    "long",   "male",   "more",
    "new",    "old",        "older",   "on",     "orange",     "per",   "pink",   "possible", "purple", "real",   "red",    "remaining", "respectively",
    "round",  "silver",     "small",   "square", "taller",     "tall",  "than",   "that",    "the",    "together", "total", "unique", "used",
    "wasted", "white",      "whole",   "wide",   "worth",      "yellow", "young", "younger", "heavy",  "female",  "positive", "ordered", "such"};

bool IsThing(std::string_view word) { return std::binary_search(kThings.begin(), kThings.end(), word); }

}  // namespace

bool IsCountedThing(std::string_view word) {
  if (IsThing(word)) return true;
  if (word.size() > 3 && word.ends_with("ies") && IsThing(std::string(word.substr(0, word.size() - 3)) + "y")) return true;
  if (word.size() > 3 && word.ends_with("es") && IsThing(word.substr(0, word.size() - 2))) return true;
  if (word.size() > 2 && word.ends_with("s") && IsThing(word.substr(0, word.size() - 1))) return true;
  constexpr std::array<std::string_view, 12> kPlurals = {"children", "men", "women", "feet", "teeth", "mice", "geese", "leaves", "loaves", "knives", "vertices", "matrices"};
  return std::find(kPlurals.begin(), kPlurals.end(), word) != kPlurals.end();
}

bool StandsBesideUnit(std::string_view word) { return std::find(kBeside.begin(), kBeside.end(), word) != kBeside.end(); }

}  // namespace pith
