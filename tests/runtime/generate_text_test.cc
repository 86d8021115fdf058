// What comes of the scheduler's tokens: text as it is shown, texts and tokens that stop, penalties and biases.
#include <map>

#include "data/text/stream_decoder.h"
#include "runtime/generation/penalties.h"
#include "runtime/generation/stop_text.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

std::string Shown(const std::string& text) {
  StreamDecoder decoder;
  std::string shown = decoder.Push(text);
  return shown += decoder.Flush();
}

TEST(Scheduler, ShowsTextAndSaysWhatItIs) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 4;
  request.max_tokens = 80;
  request.budget = BudgetFor(80, 20);
  const auto engine = NewEngine();
  std::map<int, std::string> text, parts;
  std::map<int, size_t> tokens;
  GenerateOptions options;
  options.on_token = [&](size_t, const TokenEvent& event) {
    text[event.sample] += event.text;
    if (event.token < 0) return;
    ++tokens[event.sample];
    parts[event.sample] += ResponsePartName(event.part)[0];
  };
  const auto completions = Generate(*engine, Words(), {&request, 1}, options)[0];
  for (const Completion& c : completions) {
    EXPECT_EQ(tokens[c.sample], c.tokens.size());
    EXPECT_EQ(text[c.sample], Shown(ResponseText(Words(), c)));
    for (int64_t t = 0; t < static_cast<int64_t>(c.tokens.size()); ++t) {
      EXPECT_EQ(parts[c.sample][static_cast<size_t>(t)] == 'f', t >= c.forced_begin && t < c.forced_end) << t;
    }
  }
}

TEST(Scheduler, StopsAtTextsAndTokens) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 1;
  request.max_tokens = 60;
  const auto engine = NewEngine();
  const Completion whole = Completions(*engine, request)[0];
  const std::string text = ResponseText(Words(), whole);
  for (const size_t at : {size_t{0}, size_t{7}, text.size() / 2, text.size() - 3}) {
    GenerateRequest stopped = request;
    stopped.stop = {"no such text", text.substr(at, 3)};
    std::string shown;
    const Completion c = Generate(*engine, Words(), {&stopped, 1}, {.on_token = [&](size_t, const TokenEvent& event) { shown += event.text; }})[0][0];
    const size_t first = text.find(stopped.stop[1]);
    EXPECT_EQ(c.finish, Finish::kStop);
    EXPECT_EQ(ResponseText(Words(), c), text.substr(0, first));
    EXPECT_EQ(JudgedText(Words(), c), text.substr(0, first)) << "no judge, and no vote, reads what is no part of the answer";
    EXPECT_EQ(shown, Shown(text.substr(0, first)));
    EXPECT_TRUE(std::equal(c.tokens.begin(), c.tokens.end(), whole.tokens.begin()));
  }
  GenerateRequest by_token = request;
  by_token.stop_ids = {whole.tokens[20]};
  const Completion c = Generate(*engine, Words(), {&by_token, 1}, {})[0][0];
  const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), whole.tokens[20]);
  EXPECT_EQ(c.tokens, std::vector<int32_t>(whole.tokens.begin(), first + 1));
  EXPECT_EQ(c.finish, Finish::kStop);
  EXPECT_EQ(ResponseText(Words(), c), Words().Decode(std::vector<int32_t>(whole.tokens.begin(), first)));
}

TEST(Scheduler, StopTextsAreHeldBackWhileTheyMayCome) {
  const std::vector<std::string> stops = {"abab", "b!", "xyz"};
  StopText stop(&stops);
  EXPECT_FALSE(stop.Append("aba"));
  EXPECT_EQ(stop.Held(), 3u);
  EXPECT_FALSE(stop.Append("c"));
  EXPECT_EQ(stop.Held(), 0u);
  EXPECT_FALSE(stop.Append("ab"));
  EXPECT_EQ(stop.Held(), 2u);
  EXPECT_TRUE(stop.Append("ab!z"));
  EXPECT_EQ(stop.found(), 0) << "it begins first";
  EXPECT_EQ(stop.cut_bytes(), 6u);
}

TEST(Scheduler, StopTextsThatAreSkippedEndNothing) {
  const std::vector<std::string> stops = {"abc", "b"};
  StopText stop(&stops);
  stop.Skip("xb");
  EXPECT_EQ(stop.Held(), 0u);
  EXPECT_FALSE(stop.Append("x"));
  stop.Skip("ab");
  EXPECT_EQ(stop.Held(), 2u) << "it may become one";
  EXPECT_FALSE(stop.Append("x")) << "the b was skipped";
  stop.Skip("ab");
  EXPECT_TRUE(stop.Append("cd")) << "it ends behind what was skipped";
  EXPECT_EQ(stop.found(), 0);
  EXPECT_EQ(stop.cut_bytes(), 4u);
  stop.Skip("e");
  EXPECT_EQ(stop.cut_bytes(), 4u);
}

TEST(Scheduler, PenaltiesAndBiases) {
  SamplingParams params;
  params.repetition_penalty = 2;
  params.presence_penalty = 0.5;
  params.frequency_penalty = 0.25;
  params.logit_bias = {{3, 1.5f}};
  std::vector<float> logits = {4, -4, 3, 1, 0};
  const std::vector<int32_t> prompt = {0, 1}, response = {2, 2, 1}, banned = {4};
  ChangeLogits(params, prompt, response, banned, logits);
  EXPECT_FLOAT_EQ(logits[0], 2);
  EXPECT_FLOAT_EQ(logits[1], -8 - 0.25f - 0.5f);
  EXPECT_FLOAT_EQ(logits[2], 1.5f - 0.5f - 0.5f);
  EXPECT_FLOAT_EQ(logits[3], 2.5f);
  EXPECT_TRUE(std::isinf(logits[4]) && logits[4] < 0);
  EXPECT_FALSE(ChangesLogits({}));
  GenerateRequest request = Requests(1)[0];
  request.sampling.logit_bias = {{123, 100}};
  request.num_samples = 1;
  const Tokens biased = Alone(request);
  for (const int32_t id : biased[0]) EXPECT_EQ(id, 123);
  request.sampling.repetition_penalty = 10;
  request.sampling.frequency_penalty = 2;
  request.sampling.temperature = 1;
  request.max_tokens = 100;
  const Tokens varied = Alone(request);
  EXPECT_LT(std::count(varied[0].begin(), varied[0].end(), 123), 80);
}

}  // namespace
}  // namespace pith::testing
