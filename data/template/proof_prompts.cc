#include "data/template/proof_prompts.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "data/template/prompt.h"

namespace pith {
namespace {

constexpr char kProofNow[] = "2024-07-26T10:00:00";
constexpr uint64_t kDrawnSeed = 16;
constexpr size_t kDrawnTokens = 40, kDrawnAnswer = 8;

struct ProofText {
  const char *question, *answer;
};
constexpr ProofText kProofTexts[] = {
    {"Ann has 12 pens and gives 5 of them away. How many are left?", "12 - 5 = 7"},
    {"A book costs 8 dollars. What do 6 books cost?", "6 * 8 = 48"},
    {"Tom reads 15 pages a day. How many does he read in 4 days?", "15 * 4 = 60"},
    {"36 apples are shared by 9 children. How many does each get?", "36 / 9 = 4"},
    {"A train leaves at 3 and arrives at 11. How long is the ride?", "It takes 8 hours"},
    {"Mia is 7 and her brother twice as old. How old is he?", "He is 14"},
    {"There are 25 birds, 9 fly away and 4 come back. How many are there?", "25 - 9 + 4 = 20"},
    {"A box holds 24 eggs, half of them are broken. How many are whole?", "24 / 2 = 12"},
    {"Sam runs 3 km on Monday and 5 km on Friday. How far in all?", "3 + 5 = 8 km"},
    {"A shirt of 40 dollars is sold for a quarter less. What is its price?", "40 - 10 = 30"},
    {"Five bags hold 11 marbles each. How many marbles are there?", "5 * 11 = 55"},
    {"Leo saves 2 dollars a week. After how many weeks has he 18?", "18 / 2 = 9 weeks"},
    {"A garden is 6 m long and 4 m wide. What is its area?", "6 * 4 = 24"},
    {"Of 30 pupils 13 are girls. How many are boys?", "30 - 13 = 17"},
    {"A cake is cut into 8 pieces, and 3 are eaten. What is left?", "5 pieces are left"},
    {"What is the sum of 19, 6 and 5?", "19 + 6 + 5 = 30"},
};

void AddPrompt(std::vector<int32_t> ids, const std::vector<int32_t>& answer, int64_t context, std::span<const int32_t> invocation, ProofPrompts* prompts) {
  if (!invocation.empty() && !FindInvocation(ids, invocation)) ids.insert(ids.end(), invocation.begin(), invocation.end());
  ids.insert(ids.end(), answer.begin(), answer.end());
  const auto room = static_cast<size_t>(context);
  if (ids.size() > room) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(room));
  prompts->begins.push_back(invocation.empty() ? 0 : FindInvocation(ids, invocation).value_or(static_cast<int64_t>(ids.size())));
  prompts->ids.push_back(std::move(ids));
}

ProofPrompts Drawn(int64_t vocab_size, int64_t context, std::span<const int32_t> invocation) {
  ProofPrompts prompts;
  for (uint64_t p = 0; p < std::size(kProofTexts); ++p) {
    Rng rng(kDrawnSeed, {p});
    const auto draw = [&](size_t count) {
      std::vector<int32_t> ids(count);
      for (int32_t& id : ids) id = static_cast<int32_t>(rng.Int(0, vocab_size - 1));
      return ids;
    };
    const std::vector<int32_t> ids = draw(kDrawnTokens);
    AddPrompt(ids, draw(kDrawnAnswer), context, invocation, &prompts);
  }
  return prompts;
}

}  // namespace

ProofPrompts MakeProofPrompts(const std::string& path, int64_t vocab_size, int64_t context, const std::string& now, const std::string& kwargs_json,
                              std::span<const int32_t> invocation) {
  std::unique_ptr<Prompter> prompter;
  try {
    prompter = Prompter::Load(path);
  } catch (const UserError&) {  // what it lacks is said where a prompt is wanted; a proof does without
  }
  return MakeProofPrompts(prompter.get(), vocab_size, context, now, kwargs_json, invocation);
}

ProofPrompts MakeProofPrompts(const Prompter* prompter, int64_t vocab_size, int64_t context, const std::string& now, const std::string& kwargs_json,
                              std::span<const int32_t> invocation) {
  if (prompter == nullptr) return Drawn(vocab_size, context, invocation);
  ProofPrompts prompts;
  Sha256 hash;
  try {
    const auto told = prompter->Told(now.empty() ? kProofNow : now, kwargs_json);
    for (const ProofText& text : kProofTexts) {
      const std::string rendered = told->Render(text.question);
      hash.Update(Str(rendered.size(), ":", rendered));
      AddPrompt(told->Encode(text.question), told->tokenizer().Encode(text.answer), context, invocation, &prompts);
      for (const int32_t id : prompts.ids.back()) {
        if (id < 0 || id >= vocab_size) return Drawn(vocab_size, context, invocation);
      }
    }
  } catch (const UserError&) {  // a template that cannot do with a time, these variables or a question
    return Drawn(vocab_size, context, invocation);
  }
  prompts.template_sha256 = hash.HexDigest();
  return prompts;
}

}  // namespace pith
