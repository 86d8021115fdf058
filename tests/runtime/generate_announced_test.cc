// Budgets told at the response's beginning: forced, counted, read by the model alone; the prompt's KV serves all of them.
#include <map>

#include "base/error.h"
#include "data/text/announcement.h"
#include "runtime/generation/generate.h"
#include "runtime/generation/scheduler.h"
#include "runtime/session/conversation.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

constexpr char kText[] = "budget {budget}:";

const Prompter& Prompts() {
  static const std::unique_ptr<Prompter> prompter = Prompter::Load(Golden("tiny-llama"));
  return *prompter;
}
const Tokenizer& Words() { return Prompts().tokenizer(); }

std::unique_ptr<Engine> NewEngine() {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.num_threads = 1;
  options.kv_tokens = 8192;
  return std::make_unique<Engine>(TinyBase(), options);
}

// The tiny adapter, acting from the template's own invocation on, with a budget that it announces.
NamedAdapter Trained(const std::string& announcement = kText) {
  LoraAdapter lora = ReadPeft(Golden("tiny-alora"));
  lora.invocation = Prompts().invocation();
  lora.budget = AdapterBudget{64, 16, "\n#### ", "", announcement};
  return {"trained", PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kBF16)};
}

DecodeBudget BudgetOf(int64_t tokens) { return {tokens, 16, Words().Encode("\n#### ")}; }

GenerateRequest Ask(const NamedAdapter& mode, int64_t budget, const std::string& question = "What is 3 + 4?") {
  TurnOptions options;
  options.mode = mode;
  options.sampling = {.temperature = 1, .seed = 5};
  options.max_tokens = 80;
  if (budget > 0) options.budget = BudgetOf(budget);
  options.announcement = AnnouncementOf(mode, {}, "");
  return Conversation(Prompts()).Ask(question, options);
}

std::vector<Completion> Answers(Engine& engine, const GenerateRequest& request) { return Generate(engine, Words(), {&request, 1}, {})[0]; }

TEST(Announced, WhoIsToldAndByWhat) {
  const NamedAdapter base = {"base", nullptr}, trained = Trained();
  EXPECT_EQ(AnnouncementOf(trained, {}, ""), kText);
  EXPECT_EQ(AnnouncementOf(trained, "of {budget}:", ""), "of {budget}:");
  EXPECT_EQ(AnnouncementOf(trained, "", ""), "");
  EXPECT_EQ(AnnouncementOf(trained, {}, "In {budget} tokens."), "") << "told by a sentence already";
  EXPECT_EQ(AnnouncementOf(base, kText, ""), "");
  EXPECT_EQ(AnnouncementOf({"plain", TinyAdapter("tiny-alora")}, {}, ""), "");

  GenerateRequest request = Ask(trained, 64);
  EXPECT_EQ(request.response_prefix, Words().Encode("budget 64:"));
  EXPECT_EQ(request.announced, static_cast<int64_t>(request.response_prefix.size()));
  EXPECT_EQ(Ask(trained, 0).announced, 0) << "no budget";
  EXPECT_EQ(Ask(base, 64).announced, 0);
  request.adapter = nullptr;
  Announce(kText, Words(), &request);
  EXPECT_EQ(request.announced, 0);
  EXPECT_TRUE(request.response_prefix.empty());
}

TEST(Announced, IsForcedAndCountedAndNobodyReadsIt) {
  const auto engine = NewEngine();
  GenerateRequest request = Ask(Trained(), 64);
  request.num_samples = 12;
  std::map<int, std::string> text, parts;
  std::map<int, std::vector<int32_t>> tokens;
  GenerateOptions options;
  options.on_token = [&](size_t, const TokenEvent& event) {
    text[event.sample] += event.text;
    if (event.token < 0) return;
    tokens[event.sample].push_back(event.token);
    parts[event.sample] += ResponsePartName(event.part)[0];
  };
  const std::vector<Completion> completions = Generate(*engine, Words(), {&request, 1}, options)[0];
  const std::vector<int32_t> told = Words().Encode("budget 64:");
  const auto announced = static_cast<int64_t>(told.size());
  int closed = 0;
  for (const Completion& c : completions) {
    EXPECT_EQ(c.announced, announced);
    ASSERT_GT(static_cast<int64_t>(c.tokens.size()), announced);
    EXPECT_LE(c.tokens.size(), 64u);
    EXPECT_TRUE(std::equal(told.begin(), told.end(), c.tokens.begin()));
    EXPECT_EQ(tokens[c.sample], c.tokens);
    for (int64_t t = 0; t < static_cast<int64_t>(c.tokens.size()); ++t) {
      const bool forced = t < announced || (t >= c.forced_begin && t < c.forced_end);
      EXPECT_EQ(parts[c.sample][static_cast<size_t>(t)] == 'f', forced) << t;
      EXPECT_EQ(c.logprobs[static_cast<size_t>(t)] == 0, forced) << t;
    }
    closed += c.forced_begin >= 0;
    EXPECT_LE(c.forced_end, 64 - 16) << "the answer keeps its reserve";
    EXPECT_EQ(c.usage.forced_tokens, announced + (c.forced_begin >= 0 ? c.forced_end - c.forced_begin : 0));
    EXPECT_EQ(c.usage.thinking_tokens + c.usage.answer_tokens, static_cast<int64_t>(c.tokens.size()));
    const std::string said = Words().Decode(Words().WithoutEnd(c.said()));
    EXPECT_EQ(ResponseText(Words(), c), said);
    EXPECT_EQ(JudgedText(Words(), c), said);
    EXPECT_EQ(text[c.sample].find("budget 64:"), std::string::npos) << text[c.sample];
    EXPECT_EQ(KeptAnswer(Words(), c).find("budget 64:"), std::string::npos);
  }
  EXPECT_GT(closed, 0);
}

// The model reads it as it would read the same ids at the prompt's end: the same logits to the bit, and penalties do not see it.
TEST(Announced, IsReadAsTheSameIdsInAPrompt) {
  const auto engine = NewEngine(), fresh = NewEngine();
  GenerateRequest announced = Ask(Trained(), 64);
  announced.sampling = {.temperature = 0, .presence_penalty = 1.5};  // a draw is named by its place in the response
  announced.budget.reset();
  announced.max_tokens = 40;
  Answers(*engine, Ask(Trained(), 128));  // another budget was here before
  const Completion told = Answers(*engine, announced)[0];
  GenerateRequest rendered = announced;
  rendered.prompt.insert(rendered.prompt.end(), announced.response_prefix.begin(), announced.response_prefix.end());
  rendered.announced = 0;
  rendered.response_prefix.clear();
  rendered.max_tokens = 40 - announced.announced;
  const Completion plain = Answers(*fresh, rendered)[0];
  EXPECT_EQ(std::vector<int32_t>(told.said().begin(), told.said().end()), plain.tokens);
  EXPECT_TRUE(SameBits(told.DrawnLogprobs(), plain.logprobs));
  EXPECT_GT(plain.tokens.size(), 10u);
  EXPECT_NE(plain.logprobs[3], 0.0f);
  rendered.prompt.resize(announced.prompt.size());
  EXPECT_NE(Answers(*fresh, rendered)[0].tokens, plain.tokens) << "this test compares nothing";
}

TEST(Announced, OnePromptServesEveryBudgetAndMode) {
  const auto engine = NewEngine();
  const NamedAdapter trained = Trained();
  const std::string question = "Tom has 3 boxes with 12 pens each, and gives 7 of them to his sister. How many pens does he keep?";
  const GenerateRequest first = Ask(trained, 64, question);
  const auto invocation = static_cast<int64_t>(first.prompt.size()) - first.invocation_start;
  Answers(*engine, first);
  for (const int64_t budget : {48, 128, 300, 0}) {
    const GenerateRequest request = Ask(trained, budget, question);
    EXPECT_EQ(request.prompt, first.prompt);
    const KvCounters before = engine->kv_counters();
    Answers(*engine, request);
    EXPECT_LE(engine->kv_counters().miss_tokens - before.miss_tokens, invocation + request.announced) << budget;
    EXPECT_GE(engine->kv_counters().hit_tokens - before.hit_tokens, first.invocation_start) << budget;
  }
  const KvCounters before = engine->kv_counters();
  Answers(*engine, Ask({"base", nullptr}, 64, question));
  EXPECT_LE(engine->kv_counters().miss_tokens - before.miss_tokens, invocation) << "the base takes up what it wrote";
  EXPECT_GE(engine->kv_counters().hit_tokens - before.hit_tokens, first.invocation_start);
}

TEST(Announced, TakesItsPartOfTheBudgetAndIsNoAnswer) {
  const DecodeBudget budget = BudgetOf(64);  // T = 48
  const auto closes_at = [&](int64_t announced, const std::string& text) {
    Closer closer(&Words(), &budget, Thoughts::kNone, 0, 0, nullptr);
    closer.Announced(announced);
    for (size_t i = 0; i < text.size(); ++i) {
      const int32_t token = Words().Encode(text.substr(i, 1)).at(0);
      if (closer.CloseBefore(token, 0, 0) != ForcedBy::kNone) return static_cast<int64_t>(i);
      closer.Append(token, false);
    }
    return int64_t{-1};
  };
  const std::string x(60, 'x');
  EXPECT_EQ(closes_at(0, x), 44);
  EXPECT_EQ(closes_at(10, x), 34);
  EXPECT_EQ(closes_at(10, "#### 7" + x), -1) << "an answer on a line of its own: nothing is known to stand before it";

  // So in a response, too: what is announced as an answer would be has none.
  const auto engine = NewEngine();
  GenerateRequest request = Ask(Trained("#### {budget}\n"), 64);
  request.num_samples = 8;
  int closed = 0;
  for (const Completion& c : Answers(*engine, request)) closed += c.forced_begin >= 0;
  EXPECT_GT(closed, 4);

  Closer thinking(&Words(), &budget, Thoughts::kOpen, 0, 0, nullptr);
  thinking.Announced(5);
  EXPECT_EQ(thinking.thinking_tokens(), 5);
}

TEST(Announced, MayOpenThoughts) {
  const auto engine = NewEngine();
  const Completion c = Answers(*engine, Ask(Trained("budget {budget}:\n<think>"), 80))[0];
  EXPECT_TRUE(c.prompt_opens_thoughts);
  EXPECT_GE(c.usage.thinking_tokens, c.announced);
  EXPECT_EQ(JudgedText(Words(), c).substr(0, 7), "<think>");
}

TEST(Announced, EachChainOfAPoolIsToldItsShare) {
  const auto engine = NewEngine();
  GenerateRequest request = Ask(Trained(), 300);
  request.num_samples = 5;
  request.budget->pooled = true;
  Announce(kText, Words(), &request);
  EXPECT_EQ(request.response_prefix, Words().Encode("budget 60:"));
  request.max_tokens = 300;
  for (const int32_t id : Words().end_ids()) request.sampling.logit_bias.emplace_back(id, -100.0f);  // none ends by itself
  int64_t total = 0;
  for (const Completion& c : Answers(*engine, request)) {
    EXPECT_EQ(c.announced, request.announced);
    total += static_cast<int64_t>(c.tokens.size());
  }
  EXPECT_LE(total, 300);
  EXPECT_GT(total, 300 - 5 * 12);
}

TEST(Announced, RefusesWhatLeavesNothingToThinkWith) {
  const auto engine = NewEngine();
  const auto refusal = [&](int64_t budget, int samples) -> std::string {
    GenerateRequest request = Ask(Trained("You have no more than {budget} tokens for all that, thoughts and answer:"), budget);
    request.num_samples = samples;
    request.budget->pooled = samples > 1;
    try {
      Answers(*engine, request);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal(40, 1).find("announcing the budget takes "), std::string::npos) << refusal(40, 1);
  EXPECT_EQ(refusal(128, 1), "");
  EXPECT_NE(refusal(200, 4).find("of each chain"), std::string::npos) << refusal(200, 4);
}

// A kept answer is what people read: no later prompt holds an announcement.
TEST(Announced, IsNoPartOfAConversation) {
  const auto engine = NewEngine();
  Conversation conversation(Prompts());
  TurnOptions options;
  options.mode = Trained();
  options.sampling = {.temperature = 1, .seed = 5};
  options.budget = BudgetOf(64);
  options.announcement = kText;
  const Completion c = Answers(*engine, conversation.Ask("What is 3 + 4?", options))[0];
  ASSERT_GT(c.announced, 0);
  conversation.Keep("What is 3 + 4?", c);
  EXPECT_EQ(conversation.messages().back().content, KeptAnswer(Words(), c));
  const std::string next = Words().Decode(conversation.Ask("And 5?", options).prompt, /*with_control=*/true);
  EXPECT_EQ(next.find("budget"), std::string::npos) << next;
}

}  // namespace
}  // namespace pith::testing
