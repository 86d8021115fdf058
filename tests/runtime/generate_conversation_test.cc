// Conversations: each turn has the results of the whole conversation encoded afresh, whatever modes its turns were answered in.
#include "runtime/session/conversation.h"

#include "base/error.h"
#include "runtime/generation/generate.h"
#include "runtime/generation/scheduler.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

const Prompter& TinyPrompter() {
  static const std::unique_ptr<Prompter> prompter = Prompter::Load(Golden("tiny-llama"));
  return *prompter;
}

EngineOptions EngineFor(int64_t kv_tokens = 4096) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.num_threads = 1;
  options.kv_tokens = kv_tokens;
  return options;
}

// The tiny adapter, acting from the template's own invocation on.
AdapterRef Reasoning() {
  LoraAdapter lora = ReadPeft(Golden("tiny-alora"));
  lora.invocation = TinyPrompter().invocation();
  return PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kBF16);
}

Completion Answer(Engine& engine, const GenerateRequest& request) { return Generate(engine, TinyPrompter().tokenizer(), {&request, 1}, {})[0][0]; }

TEST(Conversation, EachTurnIsTheWholeConversationAfresh) {
  const AdapterRef adapter = Reasoning();
  Engine warm(TinyBase(), EngineFor());
  Scheduler scheduler(warm, TinyPrompter().tokenizer(), {});
  Conversation conversation(TinyPrompter(), "Be brief.");
  const char* const users[] = {"What is 3 + 4?", "And 5?", "Why?", "<think>Again</think>"};
  for (size_t turn = 0; turn < std::size(users); ++turn) {
    TurnOptions options;
    if (turn % 2 == 0) options.mode = {"short", adapter};
    options.sampling = {.temperature = 1, .seed = turn};
    options.max_tokens = 20;
    const GenerateRequest request = conversation.Ask(users[turn], options);
    Completion here;
    const int64_t hits = warm.kv_counters().hit_tokens;
    scheduler.Submit(request, {.on_done = [&](std::vector<Completion> done) { here = done[0]; }});
    while (scheduler.Step()) {
    }
    if (turn > 0) EXPECT_GT(warm.kv_counters().hit_tokens - hits, static_cast<int64_t>(request.prompt.size()) - 60) << "what is new alone";
    Engine cold(TinyBase(), EngineFor());
    const Completion afresh = Answer(cold, request);
    EXPECT_EQ(here.tokens, afresh.tokens);
    EXPECT_TRUE(SameBits(here.logprobs, afresh.logprobs)) << turn;
    // The same tokens as the rendered conversation, in which no text of people becomes a control token.
    std::vector<ChatMessage> messages = conversation.messages();
    messages.push_back({"user", users[turn]});
    EXPECT_EQ(request.prompt, TinyPrompter().Encode(messages));
    conversation.Keep(users[turn], here);
    GenerateRequest known;
    known.prompt = conversation.KnownPrompt();
    known.invocation_start = static_cast<int64_t>(known.prompt.size());
    known.encode_only = true;
    scheduler.Submit(known, {});
    while (scheduler.Step()) {
    }
    const std::vector<int32_t> next = conversation.Ask("Next", {}).prompt;
    ASSERT_GT(known.prompt.size(), 10u);
    EXPECT_TRUE(std::equal(known.prompt.begin(), known.prompt.end(), next.begin()));
  }
  EXPECT_EQ(conversation.turns(), 4);
  EXPECT_EQ(conversation.messages().size(), 9u);
  conversation.DropLast();
  EXPECT_EQ(conversation.messages().back().role, "assistant");
  conversation.Forget();
  EXPECT_EQ(conversation.messages().size(), 1u);
}

TEST(Conversation, KeepsAnswersAndDropsThoughts) {
  const Tokenizer& words = TinyPrompter().tokenizer();
  const auto kept = [&](const std::string& text, bool opened, size_t cut = 0) {
    Completion completion;
    completion.tokens = words.Encode(text);
    completion.prompt_opens_thoughts = opened;
    completion.cut_bytes = cut;
    return KeptAnswer(words, completion);
  };
  EXPECT_EQ(kept("It is 7.", false), "It is 7.");
  EXPECT_EQ(kept("so 7</think>\n\nIt is 7.", true), "It is 7.");
  EXPECT_EQ(kept("<think>so 7</think> It is 7.", false), "It is 7.");
  EXPECT_EQ(kept("so 7 and", true), "") << "it never came to an answer";
  EXPECT_EQ(kept("It is 7.STOP", false, 4), "It is 7.");
  EXPECT_EQ(kept("It is 7. <think>or", false), "It is 7. ");
}

TEST(Conversation, RefusesAnAdapterWithoutItsInvocation) {
  const Conversation conversation(TinyPrompter());
  TurnOptions options;
  LoraAdapter lora = ReadPeft(Golden("tiny-alora"));
  lora.invocation = {300, 301, 302, 303};
  options.mode = {"foreign", PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kBF16)};
  EXPECT_THROW(conversation.Ask("What?", options), UserError);
}

}  // namespace
}  // namespace pith::testing
