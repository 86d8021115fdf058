#include "runtime/programs/speculation_bench.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/evaluation/stats.h"
#include "runtime/generation/generate.h"

namespace pith {

namespace {

struct QuestionKind {
  std::string name;
  std::vector<std::string> users;
};

std::vector<QuestionKind> QuestionKinds() {
  const std::string garden =
      "The old garden behind the library opens at eight in the morning. Visitors may walk along the gravel paths, sit under the two lime trees, and read "
      "until the bell rings at six. Dogs are welcome on a lead. Please do not pick the flowers, and leave the gate as you found it.";
  const std::string recipe =
      "Put 250 grams of flour, 3 eggs and half a litre of milk into a bowl. Whisk until the batter is smooth, then let it rest for twenty minutes. Heat a "
      "little butter in a pan, pour in a thin layer of batter, and turn the pancake when its edges are brown.";
  const std::string code =
      "def mean(values):\n    total = 0\n    for value in values:\n        total = total + value\n    return total / len(values)\n\n"
      "def variance(values):\n    middle = mean(values)\n    total = 0\n    for value in values:\n        total = total + (value - middle) ** 2\n    return total / len(values)\n";
  return {{"repeats its prompt",
           {"Repeat the following text word for word, and say nothing else:\n\n" + garden, "Copy this text exactly as it is:\n\n" + recipe,
            "Rewrite this program with the name 'total' changed to 'sum':\n\n" + code,
            "Correct the spelling of this text and give the whole text back:\n\n" + garden}},
          {"ordinary",
           {"What is the capital of France, and what is it known for?", "Explain in a few sentences why the sky is blue.",
            "Write a short story about a boy who finds a boat.", "A pen costs 3 dollars. What do 12 pens cost?",
            "Give three tips for sleeping better.", "What is the difference between a virus and a bacterium?"}}};
}

}  // namespace

std::vector<SpeculationBench::Text> SpeculationBench::Texts(const Prompter& prompter, const NamedAdapter& mode, int64_t gen, int64_t context) {
  std::vector<Text> texts;
  for (const QuestionKind& kind : QuestionKinds()) {
    texts.push_back({kind.name, {}});
    for (const std::string& user : kind.users) {
      const Prompt prompt = prompter.Build(user);
      const auto size = static_cast<int64_t>(prompt.ids.size());
      if (size + gen > context) ThrowUser("a question of the benchmark has ", size, " tokens in this vocabulary, which with ", gen, " of --gen pass the model's context of ", context);
      GenerateRequest request;
      request.prompt = prompt.ids;
      request.invocation_start = FindSwitch(mode, prompt, prompter.tokenizer());
      request.adapter = mode.adapter;
      request.max_tokens = gen;
      texts.back().questions.push_back(std::move(request));
    }
  }
  return texts;
}

int64_t SpeculationBench::KvTokens(const std::vector<Text>& texts) {
  int64_t tokens = 0;
  for (const Text& text : texts) {
    for (const GenerateRequest& question : text.questions) tokens += static_cast<int64_t>(question.prompt.size()) + question.max_tokens + 2 * Engine::kPageTokens;
  }
  return tokens;
}

SpeculationBench::Answered SpeculationBench::Answer(const GenerateRequest& question, const std::shared_ptr<Drafter>& drafter, bool always) {
  GenerateStats stats;
  const Completion done = Generate(engine_, tokenizer_, {&question, 1}, {.drafter = drafter, .draft_always = always}, &stats)[0][0];
  return {done.wall_ms - done.ttft_ms, stats.drafted_tokens, stats.accepted_tokens, stats.steps, done.tokens};
}

SpeculationBench::Figures SpeculationBench::Measure(const Text& text, const std::shared_ptr<Drafter>& drafter, bool always, int rounds) {
  Figures figures;
  std::vector<double> plain, speculating, ratios;
  for (const GenerateRequest& question : text.questions) Answer(question, drafter, always);  // prompts come into the cache, and memory to the process
  for (int round = 0; round < rounds; ++round) {
    double plain_ms = 0, drafted_ms = 0, tokens = 0;
    figures.tokens = figures.drafted = figures.accepted = figures.passes = 0;
    for (size_t i = 0; i < text.questions.size(); ++i) {  // one after the other, so that what the machine does beside hits both
      Answered with, without;
      const bool drafts_first = (static_cast<size_t>(round) + i) % 2 == 0;
      for (const bool drafts : {drafts_first, !drafts_first}) (drafts ? with : without) = Answer(text.questions[i], drafts ? drafter : nullptr, always);
      PITH_CHECK(with.tokens == without.tokens, "drafts have changed the answer to question ", i);
      plain_ms += without.ms;
      drafted_ms += with.ms;
      tokens += static_cast<double>(with.tokens.size()) - 1;
      figures.tokens += static_cast<int64_t>(with.tokens.size());
      figures.drafted += with.drafted;
      figures.accepted += with.accepted;
      figures.passes += with.passes;
    }
    plain.push_back(1e3 * tokens / plain_ms);
    speculating.push_back(1e3 * tokens / drafted_ms);
    ratios.push_back(plain_ms / drafted_ms);
  }
  figures.plain = Quantile(plain, 0.5);
  figures.speculating = Quantile(speculating, 0.5);
  figures.ratio = Quantile(ratios, 0.5);
  figures.lowest = *std::min_element(ratios.begin(), ratios.end());
  figures.highest = *std::max_element(ratios.begin(), ratios.end());
  return figures;
}

}  // namespace pith
