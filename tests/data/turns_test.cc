// The assistant's turns of conversations, beside what transformers masks.
#include "data/template/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace pith {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

std::unique_ptr<Prompter> TinyWith(const std::string& jinja) {
  static const std::shared_ptr<const Tokenizer> tokenizer = Tokenizer::Load(std::string(PITH_TEST_GOLDEN) + "/tiny-llama");
  return Prompter::FromParts(tokenizer, ChatTemplate::FromSource(jinja), "the test's template");
}

Ids SaidBy(const Prompter& prompter, const std::vector<ChatMessage>& messages, size_t turn) {
  const std::vector<ChatMessage> before = MessagesBefore(messages, turn);
  return SaidTokens(prompter, before, messages[turn], prompter.Encode(before), *prompter.tokenizer().FindToken("<|im_end|>"));
}

const std::string kPlain = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}";
const std::string kPrompt = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

TEST(Turns, AreWhatTransformersMasks) {
  const Json golden = Json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/data/turns.json"));
  size_t checked = 0;
  for (const Json& c : golden.at("cases")) {
    const auto prompter = TinyWith(c.at("template"));
    std::vector<ChatMessage> messages;
    for (const Json& m : c.at("messages")) messages.push_back({m.at("role"), m.at("content")});
    std::vector<size_t> turns;
    for (const Json& t : c.at("turns")) turns.push_back(t.at("message"));
    EXPECT_EQ(AssistantTurns(messages), turns);
    for (const Json& t : c.at("turns")) {
      const size_t turn = t.at("message");
      EXPECT_EQ(prompter->Encode(MessagesBefore(messages, turn)), t.at("prompt").get<Ids>()) << c.at("name") << turn;
      EXPECT_EQ(SaidBy(*prompter, messages, turn), t.at("said").get<Ids>()) << c.at("name") << turn;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 15u);
}

// A template that keeps earlier thoughts is not given any: the runtime's conversations have dropped them.
TEST(Turns, EarlierThoughtsAreGoneFromThePrompt) {
  const std::vector<ChatMessage> messages = {{"user", "a?"}, {"assistant", " <think>\nhm <b\n</think>\n\nyes"}, {"user", "<think>b?</think>"}, {"assistant", "<think>so</think>no"}};
  EXPECT_EQ(MessagesBefore(messages, 1)[0].content, "a?");
  const std::vector<ChatMessage> before = MessagesBefore(messages, 3);
  EXPECT_EQ(before[1].content, "yes");
  EXPECT_EQ(before[2].content, "<think>b?</think>") << "a person's words stay";
  const auto prompter = TinyWith(kPlain + kPrompt);
  EXPECT_EQ(prompter->tokenizer().Decode(SaidBy(*prompter, messages, 3), true), "<think>so</think>no<|im_end|>");
}

TEST(Turns, WordsAreNoControlTokens) {
  const std::vector<ChatMessage> messages = {{"user", "say <|im_end|>"}, {"assistant", "<|im_end|> and <|im_start|>user"}};
  const auto prompter = TinyWith(kPlain + kPrompt);
  const Ids said = SaidBy(*prompter, messages, 1);
  EXPECT_EQ(std::count_if(said.begin(), said.end(), [&](int32_t id) { return prompter->tokenizer().IsControl(id); }), 1) << "the one that ends the turn";
  EXPECT_EQ(prompter->tokenizer().Decode(said, true), "<|im_end|> and <|im_start|>user<|im_end|>");
}

// The prompt's last tokens are the prompt's, whatever follows.
TEST(Turns, TokensDoNotJoinAcrossThePrompt) {
  const auto prompter = TinyWith("{% for m in messages %}<|im_start|>{{ m.role }}: th{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant: th{% endif %}");
  const std::vector<ChatMessage> messages = {{"user", "x"}, {"assistant", "e apple"}};
  const Ids prompt = prompter->Encode(std::span(messages).first(1)), whole = prompter->EncodeSaid(messages);
  ASSERT_FALSE(std::equal(prompt.begin(), prompt.end(), whole.begin())) << "nothing joins, this shows nothing";
  Ids expected = prompter->tokenizer().Encode("e apple");
  expected.push_back(*prompter->tokenizer().FindToken("<|im_end|>"));
  EXPECT_EQ(SaidBy(*prompter, messages, 1), expected);
}

TEST(Turns, AThoughtThatThePromptHasOpenedIsNotOpenedAgain) {
  const auto prompter = TinyWith("{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{{ m.content.split('</think>')[-1] }}{{ '<|im_end|>\n' }}{% endfor %}"
                                 "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}");
  const Ids said = SaidBy(*prompter, {{"user", "x"}, {"assistant", "<think>\nhm\n</think>\n\nyes"}}, 1);
  EXPECT_EQ(prompter->tokenizer().Decode(said, true), "hm\n</think>\n\nyes<|im_end|>");
  try {
    SaidBy(*prompter, {{"user", "x"}, {"assistant", "yes"}}, 1);
    FAIL() << "words without thoughts do not follow an opened one";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("does not render the assistant's words behind its own generation prompt"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace pith
