// Mode auto: what is pooled, that nothing is encoded twice, and that the answer is the one that the chosen arm gives when it is asked by name.
#include "runtime/session/auto_mode.h"

#include "base/error.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

const Prompter& TinyPrompter() {
  static const std::unique_ptr<Prompter> prompter = Prompter::Load(Golden("tiny-llama"));
  return *prompter;
}

// A head that says `value` of every prompt.
LinearHead Says(double value) { return {std::vector<float>(64, 0.0f), static_cast<float>(value)}; }

LoraAdapter Carrier() {
  LoraAdapter lora = ReadPeft(Golden("tiny-alora"));
  lora.invocation = TinyPrompter().invocation();
  lora.budget = AdapterBudget{64, 8, "\n#### ", "", "budget {budget}:"};
  SwitcherHead head;
  head.arms = {{"base", "", 0, false, Says(0), Says(10), 0, 100}, {"adapter", kOwnAdapter, 0, false, Says(1), Says(50), 0, 100},
               {"adapter, budget 40", kOwnAdapter, 40, true, Says(0.5), Says(30), 0, 100}, {"adapter, cut at 32", kOwnAdapter, 32, false, Says(0.4), Says(30), 0, 100}};
  lora.switcher = head;
  return lora;
}

NamedAdapter Packed(const LoraAdapter& lora, const std::string& name = "a") { return {name, PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kBF16)}; }

std::string RefusalOf(const LoraAdapter& lora, std::span<const NamedAdapter> others = {}) {
  try {
    AutoMode(Packed(lora), others, "generate: --mode auto", Words());
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(AutoMode, ReadsTheUsersTurnAlone) {
  const Prompter& prompter = TinyPrompter();
  const AutoMode mode(Packed(Carrier()), {}, "x", Words());
  const std::string user = "What is 3 + 4?";
  const Conversation bare(prompter), told(prompter, "Be brief, and answer in one word.");
  Conversation later(prompter, "Be brief.");
  later.Keep("Hello!", "Hi.");
  std::vector<int32_t> turn;
  for (const Conversation* conversation : {&bare, &told, static_cast<const Conversation*>(&later)}) {
    const AutoRequests requests = AskAuto(*conversation, user, {}, mode, Words());
    const GenerateRequest& question = requests.question;
    EXPECT_TRUE(question.encode_only);
    EXPECT_FALSE(question.adapter);
    ASSERT_GT(question.pool_tokens, 0);
    ASSERT_LT(question.pool_tokens, static_cast<int64_t>(question.prompt.size()));
    const std::vector<int32_t> pooled(question.prompt.end() - question.pool_tokens, question.prompt.end());
    if (turn.empty()) turn = pooled;
    EXPECT_EQ(pooled, turn) << "whatever stands before it";
    EXPECT_NE(Words().Decode(pooled, true).find(user), std::string::npos);
    for (const GenerateRequest& arm : requests.arms) {
      ASSERT_EQ(arm.invocation_start, static_cast<int64_t>(question.prompt.size())) << "the invocation is not read";
      EXPECT_TRUE(std::equal(question.prompt.begin(), question.prompt.end(), arm.prompt.begin()));
    }
  }
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5}, known = {1, 2, 9}, all = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(TurnBegin(ids, known, 4), 2);
  EXPECT_EQ(TurnBegin(ids, all, 4), 3) << "at least one token";
  EXPECT_EQ(TurnBegin(ids, {}, 4), 0);
}

TEST(AutoMode, PoolsWhatTheBaseGivesTokenByToken) {
  const AutoMode mode(Packed(Carrier()), {}, "x", Words());
  const AutoRequests requests = AskAuto(Conversation(TinyPrompter(), "Be brief."), "Say something long, " + std::string(300, 'x') + "!", {}, mode, Words());
  const GenerateRequest& question = requests.question;
  EngineOptions options = NewEngine()->options();
  options.share_prefixes = false;
  Engine slow(TinyBase(), options);
  const SequenceId sequence = slow.NewSequence();
  std::vector<double> sum(64);
  for (size_t t = 0; t < question.prompt.size(); ++t) {
    std::vector<float> hidden(64);
    const ForwardRow row = {sequence, question.prompt[t], false, /*drafted=*/false, true};
    slow.Forward({&row, 1}, nullptr, hidden.data());
    for (size_t i = 0; i < 64 && static_cast<int64_t>(t) >= static_cast<int64_t>(question.prompt.size()) - question.pool_tokens; ++i) sum[i] += hidden[i];
  }
  std::vector<float> mean;
  for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(question.pool_tokens)));
  const auto engine = NewEngine();
  EXPECT_TRUE(SameBits(Completions(*engine, question)[0].hidden, mean));
}

TEST(AutoMode, AnswersAsTheArmThatItChooses) {
  const LoraAdapter lora = Carrier();
  const NamedAdapter carrier = Packed(lora);
  const AutoMode mode(carrier, {}, "x", Words());
  ASSERT_EQ(mode.arms().size(), 4u);
  EXPECT_EQ(mode.most_budget(), 40);
  TurnOptions common;
  common.max_tokens = 24;
  common.sampling = {.temperature = 1, .seed = 5};
  const Conversation conversation(TinyPrompter());
  const AutoRequests requests = AskAuto(conversation, "What is 3 + 4?", common, mode, Words());
  for (size_t k = 0; k < 4; ++k) {
    // As a caller would write it who wants this arm.
    TurnOptions direct = common;
    direct.mode = k == 0 ? NamedAdapter{"base", nullptr} : carrier;
    if (k >= 2) {
      direct.budget = BudgetFor(k == 2 ? 40 : 32, 8);
      direct.budget->think_close_ids = Words().Encode("</think>");
    }
    if (k == 2) direct.announcement = "budget {budget}:";
    const std::vector<Completion> expected = Completions(*NewEngine(), conversation.Ask("What is 3 + 4?", direct));
    const auto engine = NewEngine();
    Completions(*engine, requests.question);
    const KvCounters before = engine->kv_counters();
    const std::vector<Completion> answered = Completions(*engine, requests.arms[k]);
    EXPECT_EQ(answered[0].tokens, expected[0].tokens) << k;
    EXPECT_TRUE(SameBits(answered[0].logprobs, expected[0].logprobs)) << k;
    EXPECT_EQ(engine->kv_counters().hit_tokens - before.hit_tokens, static_cast<int64_t>(requests.question.prompt.size())) << "nothing is encoded twice";
    if (k == 2) {
      EXPECT_GT(answered[0].announced, 0);
    }
    if (k == 3) {
      EXPECT_EQ(answered[0].announced, 0);
    }
  }
}

TEST(AutoMode, FollowsThePriceAndTheCost) {
  LoraAdapter lora = Carrier();
  lora.switcher->curve = {{0, 50, 0.7f}, {0.01f, 30, 0.6f}, {0.1f, 10, 0.5f}};
  AutoMode mode(Packed(lora), {}, "x", Words());
  const std::vector<float> pooled(64, 1.0f);
  EXPECT_EQ(mode.Choose(pooled).arm, 1u) << "the likeliest";
  mode.SetMeanTokens(35);  // 0.5 − 0.1, 0.731 − 0.5, 0.622 − 0.3, 0.599 − 0.3
  EXPECT_EQ(mode.Choose(pooled).arm, 0u);
  mode.SetMeanTokens(10);
  EXPECT_EQ(mode.Choose(pooled).arm, 0u);
  EXPECT_THROW(mode.SetMeanTokens(5), UserError);
}

TEST(AutoMode, FindsOtherAdaptersByTheirCards) {
  LoraAdapter lora = Carrier(), other = ReadPeft(Golden("tiny-alora"));
  other.invocation = lora.invocation;
  other.pairs.begin()->second.b[0] += 1;
  other.card.emplace().adapter_sha256 = AdapterHash(other);
  lora.switcher->arms.push_back({"other", AdapterHash(other), 0, false, Says(9), Says(1), 0, 100});
  EXPECT_EQ(RefusalOf(lora), Str("generate: --mode auto may choose 'other', an adapter whose card has sha256 ", AdapterHash(other).substr(0, 12),
                                 "…, and none of those that were given is it; give it, too"));
  const NamedAdapter given[] = {Packed(lora), Packed(other, "b")};
  const AutoMode mode(given[0], given, "x", Words());
  EXPECT_EQ(mode.arms()[4].mode.adapter, given[1].adapter);
  EXPECT_EQ(mode.Choose(std::vector<float>(64, 1.0f)).arm, 4u);
}

TEST(AutoMode, RefusesWhatCannotBe) {
  LoraAdapter lora = Carrier();
  lora.switcher.reset();
  EXPECT_EQ(RefusalOf(lora), "generate: --mode auto wants an adapter with a switcher, and 'a' has none; fit one with stage: switcher of pith-train, and export it again");
  EXPECT_THROW(AutoMode({"base", nullptr}, {}, "x", Words()), UserError);
  lora = Carrier();
  lora.invocation.clear();
  lora.activation = Activation::kAlways;
  EXPECT_NE(RefusalOf(lora).find("reads prompts by the base, and 'a' acts on the whole prompt"), std::string::npos) << RefusalOf(lora);
  lora = Carrier();
  lora.budget->announcement.clear();
  EXPECT_NE(RefusalOf(lora).find("tells 'a' its budget, which that has learned no announcement of"), std::string::npos) << RefusalOf(lora);
}

}  // namespace
}  // namespace pith::testing
