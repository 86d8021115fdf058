#include <algorithm>
#include <utility>

#include "base/error.h"
#include "data/synthetic.h"
#include "data/synthetic_builder.h"
#include "data/synthetic_words.h"

namespace pith {
namespace {

struct Distractor {
  const char* clause;
  const char* topic;
  int64_t low, high;
  bool needs_person;  // a named person is in the story
};

constexpr Distractor kDistractors[] = {
    {"{P} is {d} years old", "{P}'s age", 7, 14, true},
    {"{P} also has {d} {others}", "the number of {others}", 2, 20, true},
    {"{O} has {d} {others}", "the number of {others}", 2, 20, false},
    {"{O} is {d} years old", "{O}'s age", 7, 14, false},
    {"the walk home takes {d} minutes", "the walk home", 5, 30, false},
    {"it is {d} degrees outside", "the temperature", 10, 30, false},
    {"there are {d} benches nearby", "the number of benches", 2, 12, false},
    {"a cup of tea costs {d} dollars", "the price of the tea", 2, 6, false},
    {"the whole afternoon takes {d} hours", "the length of the afternoon", 3, 6, false},
};

constexpr const char* kOthers[] = {"ribbons", "storybooks", "puzzles", "umbrellas",
                                   "scarves", "notebooks",  "kites",   "hats"};

void AddDistractor(StoryBuilder& b, bool person) {
  for (;;) {
    const Distractor& d = kDistractors[b.rng().Int(0, std::size(kDistractors) - 1)];
    if (d.needs_person && !person) continue;
    b.Set("others", kOthers[b.rng().Int(0, std::size(kOthers) - 1)]);
    b.Set("d", b.Draw(d.low, std::min(d.high, b.max_number())));
    b.Distract(d.clause, b.Fill(d.topic));
    return;
  }
}

}  // namespace

std::string Capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string Story::Text() const {
  std::string text;
  for (const std::string& sentence : sentences) text += sentence + " ";
  return text + question;
}

StoryBuilder::StoryBuilder(Rng& rng, int64_t max_number) : rng_(rng), max_number_(max_number) {}

int64_t StoryBuilder::max_factor() const { return std::clamp<int64_t>(max_number_ / 3, 3, 9); }

std::string StoryBuilder::Fill(std::string_view pattern) const {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const size_t end = pattern[i] == '{' ? pattern.find('}', i) : std::string_view::npos;
    const auto word = end == std::string_view::npos ? words_.end() : words_.find(pattern.substr(i + 1, end - i - 1));
    if (word == words_.end()) {
      out += pattern[i];
    } else {
      out += word->second;
      i = end;
    }
  }
  return out;
}

std::string StoryBuilder::Pick(std::initializer_list<const char*> options) {
  return options.begin()[rng_.Int(0, static_cast<int64_t>(options.size()) - 1)];
}

int64_t StoryBuilder::Draw(int64_t low, int64_t high) {
  if (low > high) {
    Fail();
    return std::max<int64_t>(low, 2);
  }
  return rng_.Int(low, high);
}

int64_t StoryBuilder::DrawDivisor(int64_t of) {
  std::vector<int64_t> divisors;
  for (int64_t k = 2; k <= max_factor(); ++k) {
    if (of % k == 0 && of / k >= 2) divisors.push_back(k);
  }
  if (divisors.empty()) {
    Fail();
    return 1;
  }
  return divisors[rng_.Int(0, static_cast<int64_t>(divisors.size()) - 1)];
}

// The first {S} is the name or the pronoun, later ones are the pronoun.
std::string StoryBuilder::Resolve(std::string text, bool name) const {
  for (size_t at; (at = text.find("{S}")) != std::string::npos; name = false) {
    text.replace(at, 3, name ? story.subject : story.pronoun);
  }
  return text;
}

bool StoryBuilder::MentionsOthers(std::string_view clause) const {
  for (const char* word : {"{F}", "{G}", "{E}", "{R}", "{O}"}) {
    if (clause.find(word) != std::string_view::npos) return true;
  }
  return clause.find("{S}") == std::string_view::npos && clause.find("{P}") == std::string_view::npos;
}

void StoryBuilder::Say(std::string_view clause, bool later) {
  const bool name = name_next_ || rng_.Uniform() < 0.35;
  last_clause_ = Resolve(Fill(clause), name);
  name_next_ = MentionsOthers(clause);
  story.facts.push_back(story.facts.empty() ? Resolve(Fill(clause), true) : last_clause_);
  std::string adverb;
  if (later && rng_.Uniform() < 0.6) {
    adverb = Pick({"then ", "later, ", "after that, ", "the next day, ", "in the afternoon, "});
    if (adverb == last_adverb_) adverb.clear();
    last_adverb_ = adverb;
  }
  story.sentences.push_back(Capitalised(adverb + last_clause_ + "."));
}

void StoryBuilder::Scene(std::string_view clause) {
  story.sentences.push_back(Capitalised(Resolve(Fill(clause), true) + "."));
  name_next_ = MentionsOthers(clause);
}

void StoryBuilder::Distract(std::string_view clause, const std::string& topic) {
  Scene(clause);
  story.distraction = topic;
  name_next_ = true;
}

void StoryBuilder::Compute(char op, int64_t a, int64_t b, const Frame& frame) {
  PITH_CHECK(!story.facts.empty(), "an operation needs a fact before it");
  if (failed_) return;
  if (op == '/' && a % b != 0) return Fail();
  const int64_t value = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
  if (a < 2 || b < 2 || value < 2 || value > cap()) return Fail();
  value_ = value;
  story.steps.push_back(
      {op, a, b, value, Fill(frame.result), Fill(frame.aim), static_cast<int>(story.facts.size()) - 1});
  questions_.clear();
  for (const std::string& question : frame.questions) questions_.push_back(Fill(question));
}

void StoryBuilder::Finish(bool join) {
  if (failed_ || questions_.empty()) {
    story.steps.clear();
    return;
  }
  story.question = questions_[rng_.Int(0, static_cast<int64_t>(questions_.size()) - 1)];
  if (join && rng_.Uniform() < 0.4) {
    story.sentences.pop_back();
    story.question[0] = 'h';  // every question starts with "How"
    story.question = "If " + last_clause_ + ", " + story.question;
  }
}

Story MakeStory(Rng& rng, int steps, int64_t max_number, bool distractor) {
  StoryBuilder b(rng, max_number);
  const std::span<const StoryPerson> people = StoryPeople();
  std::vector<int64_t> cast;
  while (cast.size() < 5) {
    const int64_t who = rng.Int(0, static_cast<int64_t>(people.size()) - 1);
    if (std::find(cast.begin(), cast.end(), who) == cast.end()) cast.push_back(who);
  }
  const StoryPerson& hero = people[cast[0]];
  b.Set("P", hero.name);
  b.Set("he", hero.female ? "she" : "he");
  b.Set("his", hero.female ? "her" : "his");
  b.Set("him", hero.female ? "her" : "him");
  b.Set("F", people[cast[1]].name);  // somebody to compare with at the start
  b.Set("G", people[cast[2]].name);  // who gives and takes
  b.Set("E", people[cast[3]].name);  // somebody to compare with at the end
  b.Set("O", people[cast[4]].name);  // who does not matter
  StoryFamily& family = PickFamily(b);
  b.Set("R", b.Fill(b.Pick({"{his} aunt", "{his} uncle", "{his} grandmother", "{his} brother", "{his} neighbor",
                            "{his} mother"})));
  b.story.subject = b.Fill("{P}");
  b.story.pronoun = b.Fill("{he}");

  const int start = static_cast<int>(rng.Int(0, std::min(steps, family.max_start())));
  const int end = static_cast<int>(rng.Int(0, std::min(steps - start, family.max_end())));
  family.Start(b, start);
  const bool early = rng.Uniform() < 0.6;
  if (distractor && early) AddDistractor(b, b.story.subject == hero.name);
  for (int left = steps - start - end; left > 0 && !b.failed();) left -= family.Event(b, left);
  if (distractor && !early) AddDistractor(b, b.story.subject == hero.name);
  if (end > 0 && !b.failed()) family.End(b, end);
  b.Finish(end > 0);
  return std::move(b.story);
}

}  // namespace pith
