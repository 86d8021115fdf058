// What a judge reads: the tags of thoughts are known by their tokens, whatever kind the vocabulary gives them.
#include "data/text/response_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/gguf.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

constexpr int64_t kNormal = 1, kControl = 3, kUserDefined = 4;
constexpr int32_t kOpen = 12, kClose = 13, kEnd = 14, kOther = 15;
using Ids = std::vector<int32_t>;

// a … l are ids 0 … 11.
std::unique_ptr<Tokenizer> WithTags(int64_t type) {
  const std::string path = Scratch("response_text.gguf");
  std::vector<std::string> tokens;
  std::vector<int64_t> types(12, kNormal);
  for (char c = 'a'; c <= 'l'; ++c) tokens.emplace_back(1, c);
  for (const char* text : {"<think>", "</think>"}) {
    tokens.emplace_back(text);
    types.push_back(type);
  }
  for (const char* text : {"<|im_end|>", "<|other|>"}) {
    tokens.emplace_back(text);
    types.push_back(kControl);
  }
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", std::string("gpt2"));
  writer.Set("tokenizer.ggml.pre", std::string("gpt-2"));
  writer.Set("tokenizer.ggml.tokens", tokens);
  writer.Set("tokenizer.ggml.token_type", types);
  writer.Set("tokenizer.ggml.merges", std::vector<std::string>{});
  writer.Set("tokenizer.ggml.eos_token_id", int64_t{kEnd});
  writer.Write(path);
  return Tokenizer::Load(path);
}

TEST(ResponseText, TagsOfThoughtsStayWhateverTheirKind) {
  for (const int64_t type : {kControl, kUserDefined}) {
    const auto tokenizer = WithTags(type);
    EXPECT_EQ(JudgedText(*tokenizer, false, Ids{0, kClose, 1, kEnd}), "a</think>b") << type;
    EXPECT_EQ(JudgedText(*tokenizer, false, Ids{kOpen, 0, kClose, 1, kOther, 2, kEnd}), "<think>a</think>bc") << type;
    EXPECT_EQ(JudgedText(*tokenizer, false, Ids{0, kClose, kEnd}), "a</think>") << type;
    EXPECT_EQ(JudgedText(*tokenizer, false, Ids{}), "") << type;
  }
  EXPECT_EQ(WithTags(kControl)->Decode(Ids{0, kClose, 1}), "ab") << "what people see";
}

TEST(ResponseText, ThoughtsThatThePromptOpensAreOpen) {
  for (const int64_t type : {kControl, kUserDefined}) {
    const auto tokenizer = WithTags(type);
    EXPECT_EQ(ThoughtsAtEnd(*tokenizer, Ids{0, kOpen}), Thoughts::kOpen);
    EXPECT_EQ(ThoughtsAtEnd(*tokenizer, Ids{kOpen, kClose, 0}), Thoughts::kClosed) << "closed by the prompt";
    EXPECT_EQ(ThoughtsAtEnd(*tokenizer, Ids{0, 1}), Thoughts::kNone);
    EXPECT_EQ(JudgedText(*tokenizer, true, Ids{1, kClose, 2}), "<think>b</think>c");
    EXPECT_EQ(JudgedText(*tokenizer, true, Ids{1, 2}), "<think>bc");
    EXPECT_TRUE(EndsInThoughts("<think>bc"));
    EXPECT_TRUE(EndsInThoughts("<think>b</think><think>c"));
    EXPECT_FALSE(EndsInThoughts("<think>b</think>c"));
    EXPECT_FALSE(EndsInThoughts("bc"));
  }
}

TEST(ResponseText, WithoutTagsItIsTheText) {
  const auto tokenizer = WithTags(kNormal);
  EXPECT_EQ(JudgedText(*tokenizer, false, Ids{2, 3, kEnd}), "cd");
}

}  // namespace
}  // namespace pith
