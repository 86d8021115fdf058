#include "data/synthetic.h"

#include <cctype>
#include <unordered_set>

#include "base/error.h"
#include "data/synthetic_words.h"

namespace pith {
namespace {

constexpr int kMaxSteps = 8;
constexpr int64_t kMinNumber = 10, kMaxNumber = 1'000'000;
constexpr int kMaxAttempts = 20'000;  // for one problem, before the settings count as exhausted
constexpr uint64_t kQuestionStream = 1, kStyleStream = 2;

void CheckSettings(const DatasetSpec& spec) {
  if (spec.limit <= 0) {
    ThrowUser("the synthetic data set needs a limit, the number of problems to make: got ", spec.limit,
              ", expected at least 1");
  }
  if (spec.split != "train" && spec.split != "test") {
    ThrowUser("the synthetic data set has the splits train and test: got '", spec.split, "'");
  }
  if (spec.min_steps < 1 || spec.max_steps < spec.min_steps || spec.max_steps > kMaxSteps) {
    ThrowUser("synthetic problems have 1 to ", kMaxSteps, " steps: got min_steps ", spec.min_steps, " and max_steps ",
              spec.max_steps);
  }
  if (spec.max_number < kMinNumber || spec.max_number > kMaxNumber) {
    ThrowUser("max_number of synthetic problems must lie in ", kMinNumber, " to ", kMaxNumber, ": got ",
              spec.max_number);
  }
  if (!(spec.distractor_rate >= 0 && spec.distractor_rate <= 1)) {
    ThrowUser("distractor_rate must lie in 0 to 1: got ", spec.distractor_rate);
  }
  if (!(spec.brief_rate >= 0 && spec.brief_rate <= 1))
    ThrowUser("brief_rate must lie in 0 to 1: got ", spec.brief_rate);
  if (spec.verbosity != "verbose" && spec.verbosity != "mixed" && spec.verbosity != "short") {
    ThrowUser("verbosity must be verbose, mixed or short: got '", spec.verbosity, "'");
  }
}

int DrawLevel(const DatasetSpec& spec, Rng& rng) {
  if (rng.Uniform() < spec.brief_rate || spec.verbosity == "short") return 0;
  const double dice = rng.Uniform();
  if (spec.verbosity == "verbose") return dice < 0.5 ? 2 : 3;
  return dice < 0.38 ? 1 : dice < 0.72 ? 2 : 3;
}

const std::unordered_set<std::string>& Names() {
  static const auto* names = [] {
    auto* set = new std::unordered_set<std::string>;
    for (const StoryPerson& person : StoryPeople()) {
      std::string name = person.name;
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      set->insert(name);
    }
    return set;
  }();
  return *names;
}

}  // namespace

std::string NormaliseQuestion(const std::string& question) {
  std::string out, word;
  const auto flush = [&] {
    if (word.empty()) return;
    if (Names().contains(word)) {
      word = "name";
    } else if (word == "she" || word == "he") {
      word = "they";
    } else if (word == "her" || word == "his" || word == "him") {
      word = "their";
    }
    out += (out.empty() ? "" : " ") + word;
    word.clear();
  };
  for (const char c : question) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte)) {
      word += byte < 0x80 ? static_cast<char>(std::tolower(byte)) : c;
    } else {
      flush();
    }
  }
  flush();
  return out;
}

bool IsTestQuestion(const std::string& normalised) {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a, then a final mix so that the low bits are good
  for (const char c : normalised) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdull;
  hash ^= hash >> 33;
  return hash % 4 == 0;
}

std::vector<Problem> GenerateProblems(const DatasetSpec& spec) {
  CheckSettings(spec);
  const bool test = spec.split == "test";
  std::vector<Problem> problems;
  std::unordered_set<std::string> seen;
  for (int64_t index = 0; index < spec.limit; ++index) {
    const auto at = static_cast<uint64_t>(index);
    Rng rng(spec.seed, {kQuestionStream, test, at});
    // Drawn once per problem, not per attempt: stories that often fail must not thin out their kind.
    const int steps = static_cast<int>(rng.Int(spec.min_steps, spec.max_steps));
    const bool distractor = rng.Uniform() < spec.distractor_rate;
    bool found = false;
    for (int attempt = 0; attempt < kMaxAttempts && !found; ++attempt) {
      const Story story = MakeStory(rng, steps, spec.max_number, distractor);
      if (story.steps.empty()) continue;
      Problem problem{Str("synthetic-", spec.split, "-", spec.seed, "-", index), story.Text(),
                      std::to_string(story.answer()), ""};
      std::string key = NormaliseQuestion(problem.question);
      if (IsTestQuestion(key) != test || !seen.insert(std::move(key)).second) continue;
      Rng style(spec.seed, {kStyleStream, test, at});
      const int level = DrawLevel(spec, style);
      problem.solution = WriteSolution(story, level, style);
      problem.level = std::to_string(steps);
      problems.push_back(std::move(problem));
      found = true;
    }
    if (!found) {
      ThrowUser("only ", index, " different synthetic problems exist with min_steps ", spec.min_steps, ", max_steps ",
                spec.max_steps, " and max_number ", spec.max_number, " (", spec.limit,
                " were asked for): raise max_number or max_steps, or lower the limit");
    }
  }
  return problems;
}

}  // namespace pith
