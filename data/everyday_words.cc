#include "data/everyday_words.h"

namespace pith {
namespace {

constexpr EverydayFact kFacts[] = {
    {"france", "What is the capital of France?", "Which city is the capital of France?", "Paris"},
    {"england", "What is the capital of England?", "Which city is the capital of England?", "London"},
    {"italy", "What is the capital of Italy?", "Which city is the capital of Italy?", "Rome"},
    {"japan", "What is the capital of Japan?", "Which city is the capital of Japan?", "Tokyo"},
    {"germany", "What is the capital of Germany?", "Which city is the capital of Germany?", "Berlin"},
    {"spain", "What is the capital of Spain?", "Which city is the capital of Spain?", "Madrid"},
    {"russia", "What is the capital of Russia?", "Which city is the capital of Russia?", "Moscow"},
    {"china", "What is the capital of China?", "Which city is the capital of China?", "Beijing"},
    {"egypt", "What is the capital of Egypt?", "Which city is the capital of Egypt?", "Cairo"},
    {"greece", "What is the capital of Greece?", "Which city is the capital of Greece?", "Athens"},
    {"moo", "Which animal says moo?", "What animal makes the sound moo?", "cow|cows"},
    {"dog", "What sound does a dog make?", "What noise does a dog make?", "bark|barks|barking|woof"},
    {"cat", "What sound does a cat make?", "What noise does a cat make?", "meow|meows|meowing|purr|purring"},
    {"milk", "Which farm animal gives us milk?", "What animal do we get most of our milk from?", "cow|cows"},
    {"wool", "Which animal gives us wool?", "What animal does wool come from?", "sheep"},
    {"honey", "Which insect makes honey?", "What insect do we get honey from?", "bee|bees|honeybee|honeybees"},
    {"king", "Which animal is called the king of the jungle?", "What animal do people call the king of the jungle?", "lion|lions"},
    {"sky", "What colour is the sky on a clear day?", "Which colour does a clear sky have by day?", "blue"},
    {"grass", "What colour is grass?", "Which colour does fresh grass have?", "green"},
    {"snow", "What colour is snow?", "Which colour does fresh snow have?", "white"},
    {"banana", "What colour is a ripe banana?", "Which colour does a ripe banana have?", "yellow"},
    {"blood", "What colour is blood?", "Which colour does blood have?", "red"},
    {"hot", "What is the opposite of hot?", "Which word means the opposite of hot?", "cold"},
    {"big", "What is the opposite of big?", "Which word means the opposite of big?", "small|little|tiny"},
    {"up", "What is the opposite of up?", "Which word means the opposite of up?", "down"},
    {"day", "What is the opposite of day?", "Which word means the opposite of day?", "night"},
    {"happy", "What is the opposite of happy?", "Which word means the opposite of happy?", "sad|unhappy"},
    {"fast", "What is the opposite of fast?", "Which word means the opposite of fast?", "slow"},
    {"open", "What is the opposite of open?", "Which word means the opposite of open?", "closed|close|shut"},
    {"week", "How many days are there in a week?", "How many days does a week have?", "seven|7"},
    {"year", "How many months are there in a year?", "How many months does a year have?", "twelve|12"},
    {"hour", "How many minutes are there in an hour?", "How many minutes does an hour have?", "sixty|60"},
    {"monday", "Which day comes after Monday?", "What day of the week follows Monday?", "Tuesday"},
    {"friday", "Which day comes after Friday?", "What day of the week follows Friday?", "Saturday"},
    {"march", "Which month comes after March?", "What month follows March?", "April"},
    {"june", "Which month comes after June?", "What month follows June?", "July"},
    {"first month", "What is the first month of the year?", "Which month does a year begin with?", "January"},
    {"last month", "What is the last month of the year?", "Which month does a year end with?", "December"},
    {"cold season", "Which season is the coldest?", "What is the coldest season of the year?", "winter"},
    {"hot season", "Which season is the hottest?", "What is the hottest season of the year?", "summer"},
    {"planet", "Which planet do we live on?", "What is the name of the planet that we live on?", "Earth"},
    {"largest planet", "Which planet of our solar system is the largest?", "What is the largest planet of our solar system?", "Jupiter"},
    {"red planet", "Which planet is called the red planet?", "What planet do people call the red planet?", "Mars"},
    {"star", "Which star does the Earth go around?", "What star is at the centre of our solar system?", "sun"},
    {"frozen", "What is frozen water called?", "What do we call water that has frozen?", "ice"},
    {"hamlet", "Who wrote Hamlet?", "Which writer wrote Hamlet?", "Shakespeare"},
    {"romeo", "Who wrote Romeo and Juliet?", "Which writer wrote Romeo and Juliet?", "Shakespeare"},
    {"mona lisa", "Who painted the Mona Lisa?", "Which artist painted the Mona Lisa?", "Leonardo|Vinci"},
    {"president", "Who was the first president of the United States?", "Which man was the first president of the United States?", "Washington"},
    {"tower", "In which city is the Eiffel Tower?", "Which city has the Eiffel Tower?", "Paris"},
    {"brazil", "Which language do people speak in Brazil?", "What is the main language of Brazil?", "Portuguese"},
    {"mexico", "Which language do people speak in Mexico?", "What is the main language of Mexico?", "Spanish"},
    {"see", "Which part of the body do we see with?", "What do we see with?", "eye|eyes"},
    {"hear", "Which part of the body do we hear with?", "What do we hear with?", "ear|ears"},
    {"smell", "Which part of the body do we smell with?", "What do we smell with?", "nose"},
    {"pump", "Which organ pumps blood through the body?", "What organ keeps our blood moving?", "heart"},
    {"triangle", "How many sides does a triangle have?", "How many sides are there in a triangle?", "three|3"},
    {"square", "How many sides does a square have?", "How many sides are there in a square?", "four|4"},
    {"spider", "How many legs does a spider have?", "How many legs are there on a spider?", "eight|8"},
    {"alphabet", "What is the first letter of the alphabet?", "Which letter does the alphabet begin with?", "A"},
    {"ocean", "What is the largest ocean on Earth?", "Which ocean is the largest?", "Pacific"},
    {"mammal", "What is the largest animal in the sea?", "Which sea animal is the largest?", "whale|whales"},
    {"neck", "Which animal has a very long neck?", "What animal is known for its long neck?", "giraffe|giraffes"},
    {"trunk", "Which animal has a trunk?", "What animal is known for its trunk?", "elephant|elephants"},
};

constexpr const char* kSpelled[] = {
    "cat",    "dog",    "sun",    "map",    "red",    "bus",    "cup",    "hat",    "pen",    "box",    "fish",   "bird",   "tree",   "book",   "door",   "milk",   "rain",
    "snow",   "star",   "moon",   "lamp",   "desk",   "ship",   "road",   "wolf",   "frog",   "corn",   "gold",   "wind",   "leaf",   "apple",  "bread",  "chair",  "table",
    "house",  "river",  "stone",  "cloud",  "horse",  "sheep",  "tiger",  "zebra",  "green",  "black",  "white",  "music",  "plant",  "grass",  "beach",  "ocean",  "garden",
    "window", "yellow", "orange", "purple", "silver", "bridge", "castle", "forest", "island", "market", "school", "winter", "summer", "spring", "autumn", "butter", "cheese",
    "cookie", "turtle", "rabbit", "monkey", "spider", "pencil", "flower", "planet", "rocket", "button", "carpet", "basket", "bottle", "candle", "doctor", "farmer", "teacher",
    "morning", "evening", "kitchen", "picture", "weather", "holiday", "chicken", "dolphin", "giraffe", "penguin", "village", "station", "library", "blanket", "thunder",
};

}  // namespace

std::span<const EverydayFact> EverydayFacts() { return kFacts; }
std::span<const char* const> SpelledWords() { return kSpelled; }

}  // namespace pith
