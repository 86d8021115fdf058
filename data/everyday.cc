#include "data/everyday.h"

#include <cctype>
#include <unordered_set>

#include "base/error.h"
#include "data/everyday_words.h"
#include "data/synthetic.h"
#include "data/synthetic_words.h"

namespace pith {
namespace {

constexpr uint64_t kEverydayStream = 3;
constexpr int kMostDraws = 5000;  // for one request

std::string Drawn(Rng& rng, std::initializer_list<const char*> options) { return *(options.begin() + rng.Int(0, static_cast<int64_t>(options.size()) - 1)); }

// `pattern` with "{}" replaced.
std::string Put(const std::string& pattern, const std::string& text) {
  const size_t at = pattern.find("{}");
  return pattern.substr(0, at) + text + pattern.substr(at + 2);
}

std::string Capitals(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// "the green boat sails at noon": without a capital and a full stop.
std::string DrawSentence(Rng& rng) {
  const std::string who = Drawn(rng, {"boat", "bird", "train", "cat", "child", "farmer", "teacher", "horse", "dog", "doctor", "neighbour", "baker", "fox", "student", "driver", "rabbit"});
  const std::string how = Drawn(rng, {"green", "small", "old", "quiet", "happy", "young", "tired", "tall", "friendly", "brown", "careful", "clever"});
  const std::string what = Drawn(rng, {"waits", "sleeps", "sings", "stops", "works", "rests", "stays", "arrives", "walks", "plays", "eats", "leaves"});
  const std::string where = Drawn(rng, {"near the river", "in the garden", "by the window", "under the bridge", "behind the house", "at the station", "in the park", "on the hill",
                                        "next to the road", "in the kitchen", "at the market", "by the lake"});
  const std::string when = Drawn(rng, {"", " at noon", " in the morning", " every day", " after lunch", " on Sunday", " in winter", " at night"});
  return "the " + how + " " + who + " " + what + " " + where + when;
}

EverydayRequest Greeting(Rng& rng) {
  const auto people = StoryPeople();
  const std::string name = people[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(people.size()) - 1))].name;
  const std::string hello = Drawn(rng, {"Hello", "Hi", "Hey", "Good morning", "Good evening", "Good afternoon", "Hello there", "Hi there"});
  const std::string rest = Drawn(rng, {"!", ", I am {}.", ", my name is {}.", "! I'm {}.", ", how are you today? I'm {}.", ", nice to meet you. My name is {}.", "! This is {}.", ", {} here."});
  const bool named = rest.find("{}") != std::string::npos;
  EverydayRequest r;
  r.question = hello + (named ? Put(rest, name) : rest);
  r.answer = "hello|hi|hey|greetings|welcome|good morning|good evening|good afternoon|good day|how are you|i am fine|im fine|nice to meet you|pleased to meet you|glad to meet you|pleasure to meet you";
  r.kind = "mention";
  r.family = "greeting";
  r.about = "greeting " + hello + rest;
  return r;
}

EverydayRequest Copying(Rng& rng) {
  std::string sentence = DrawSentence(rng);
  EverydayRequest r;
  r.about = "copy " + sentence;
  sentence[0] = 'T';
  r.question = Put(Drawn(rng, {"Repeat this sentence exactly: {}.", "Copy this sentence and write nothing else: {}.", "Say exactly this: {}.", "Write this sentence again, word for word: {}."}), sentence);
  r.answer = sentence + ".";
  r.kind = "copy";
  r.family = "copy";
  return r;
}

EverydayRequest NameIn(Rng& rng) {
  const auto people = StoryPeople();
  const StoryPerson& person = people[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(people.size()) - 1))];
  const std::string does = Drawn(rng, {"walked to the river", "opened the window", "bought some bread", "called a friend", "read a long book", "painted the door", "waited for the bus", "planted a tree",
                                       "cooked the dinner", "lost a glove", "fed the cat", "wrote a letter", "fixed the bike", "swam in the lake", "sang a song", "cleaned the kitchen"});
  const std::string who = person.female ? Drawn(rng, {"girl", "woman", "person"}) : Drawn(rng, {"boy", "man", "person"});
  EverydayRequest r;
  r.question = Put(Drawn(rng, {"What is the name of the {} in this sentence? ", "What is the {} in this sentence called? ", "Give me the name of the {} in this sentence. "}), who) + person.name + " " + does + ".";
  r.answer = person.name;
  r.kind = "mention";
  r.family = "name";
  r.about = std::string("name ") + does + " " + who;
  return r;
}

EverydayRequest InCapitals(Rng& rng) {
  const std::string sentence = DrawSentence(rng);
  EverydayRequest r;
  r.question = Put(Drawn(rng, {"Write this in capital letters: {}", "Rewrite this text in upper case: {}", "Put this into capitals: {}"}), sentence);
  r.answer = Capitals(sentence);
  r.kind = "copy";
  r.family = "capitals";
  r.about = "capitals " + sentence;
  return r;
}

EverydayRequest Spelling(Rng& rng) {
  const auto words = SpelledWords();
  const std::string word = words[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(words.size()) - 1))];
  EverydayRequest r;
  r.question = Put(Drawn(rng, {"Spell the word \"{}\" letter by letter, with a hyphen between the letters.", "Spell \"{}\" with a hyphen after each letter but the last.",
                               "Write the letters of the word \"{}\", parted by hyphens.", "How is \"{}\" spelled? Put a hyphen between the letters."}),
                   word);
  r.answer = word;
  r.kind = "spelling";
  r.family = "spelling";
  r.about = "spelling " + word;
  return r;
}

EverydayRequest Fact(Rng& rng) {
  const auto facts = EverydayFacts();
  const EverydayFact& fact = facts[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(facts.size()) - 1))];
  EverydayRequest r;
  r.question = Put(Drawn(rng, {"{}", "{} Answer in one word.", "Please tell me: {}", "{} Be brief."}), rng.Int(0, 1) == 0 ? fact.question : fact.other);
  r.answer = fact.answer;
  r.kind = "mention";
  r.family = "fact";
  r.about = std::string("fact ") + fact.about;
  return r;
}

}  // namespace

// Weighted by what a small base can do.
EverydayRequest MakeEverydayRequest(Rng& rng) {
  const int64_t dice = rng.Int(0, 11);
  if (dice < 3) return Greeting(rng);
  if (dice < 6) return Copying(rng);
  if (dice < 8) return NameIn(rng);
  if (dice < 10) return Fact(rng);
  return dice == 10 ? InCapitals(rng) : Spelling(rng);
}

std::vector<Problem> GenerateEveryday(const DatasetSpec& spec) {
  if (spec.limit <= 0 || spec.limit > kMostEveryday) {
    ThrowUser("the everyday data set needs a limit, the number of requests to make: got ", spec.limit, ", expected 1 to ", kMostEveryday);
  }
  if (spec.split != "train" && spec.split != "test") ThrowUser("the everyday data set has the splits train and test: got '", spec.split, "'");
  const bool test = spec.split == "test";
  std::vector<Problem> problems;
  std::unordered_set<std::string> seen;
  for (int64_t index = 0; index < spec.limit; ++index) {
    Rng rng(spec.seed, {kEverydayStream, test, static_cast<uint64_t>(index)});
    bool found = false;
    for (int draw = 0; draw < kMostDraws && !found; ++draw) {  // of what is all used up, another family in time
      const EverydayRequest r = MakeEverydayRequest(rng);
      if (IsTestQuestion(NormaliseQuestion(r.about)) != test || !seen.insert(r.question).second) continue;
      Problem problem{Str("everyday-", spec.split, "-", spec.seed, "-", index), r.question, r.answer, "", r.kind};
      problem.domain = r.family;
      problems.push_back(std::move(problem));
      found = true;
    }
    PITH_CHECK(found, index);
  }
  return problems;
}

}  // namespace pith
