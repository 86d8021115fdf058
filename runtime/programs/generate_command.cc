// generate: answer one prompt, with or without an adapter and a budget, streaming or as JSON; several chains with a vote.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/model_path.h"
#include "data/template/prompt.h"
#include "data/text/stream_decoder.h"
#include "rewards/answers/answer.h"
#include "runtime/evaluation/attempt.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

// Tokens up to and including </think>; 0 for a response without it: then the whole response is the answer.
int64_t CountThinking(const Completion& completion, const Tokenizer& tokenizer) {
  const auto close = tokenizer.FindToken("</think>");
  if (!close) return 0;
  for (size_t i = 0; i < completion.tokens.size(); ++i) {
    if (completion.tokens[i] == *close) return static_cast<int64_t>(i) + 1;
  }
  return 0;
}

struct VoteResult {
  size_t chain = 0;    // that gives the answer first; the first of all where none gives one
  std::string answer;  // empty: none
};

// The answer most chains give. The earliest wins a tie.
VoteResult Vote(const std::vector<std::string>& texts) {
  std::vector<VoteResult> answers;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (const auto answer = ExtractAnswer(texts[i], Reading::kLenient)) answers.push_back({i, *answer});
  }
  size_t best = 0, best_votes = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    size_t votes = 0;
    for (const VoteResult& other : answers) votes += AnswersEqual(answers[i].answer, other.answer);
    if (votes > best_votes) best = i, best_votes = votes;
  }
  return answers.empty() ? VoteResult() : answers[best];
}

Json Describe(const Completion& completion, const std::string& text, const std::string& mode, int64_t budget,
              const Tokenizer& tokenizer) {
  const int64_t thinking = CountThinking(completion, tokenizer);
  Json json;
  json["text"] = text;
  json["token_ids"] = completion.tokens;
  json["mode"] = mode;
  json["budget"] = budget > 0 ? Json(budget) : Json(nullptr);
  json["thinking_tokens"] = thinking;
  json["answer_tokens"] = static_cast<int64_t>(completion.tokens.size()) - thinking;
  json["forced"] = completion.forced_begin >= 0;
  json["finish"] = FinishName(completion.finish);
  json["ttft_ms"] = completion.ttft_ms;
  json["tok_per_s"] = completion.wall_ms > 0 ? 1000.0 * static_cast<double>(completion.tokens.size()) / completion.wall_ms : 0.0;
  return json;
}

}  // namespace

int GenerateCommand(const Arguments& args) {
  ModelOptions model;
  Budget budget;
  SamplingParams sampling;
  std::string prompt_text, system;
  TemplateOptionsOfRun told;
  int64_t max_tokens = 512;
  int chains = 1;
  bool raw = false, json = false;
  CLI::App app("Answers a prompt; the chat template is applied unless --raw.", "generate");
  model.AddTo(app, /*many_adapters=*/false);
  app.add_option("--prompt", prompt_text, "the user's text")->required();
  app.add_option("--system", system, "system message");
  told.AddTo(app);
  app.add_flag("--raw", raw, "the prompt as it is, special tokens included; an invocation adapter needs its invocation in it");
  AddNumber(app, "--budget", &budget.tokens, BudgetTokens(), "tokens to spend; 0: none");
  AddNumber(app, "--reserve", &budget.reserve_tokens, BudgetTokens(), "tokens kept for closing and answering (R; default: the adapter's, else 32)");
  app.add_option("--close-text", budget.close_text, "closes the reasoning of a model without </think> (default: the adapter's)");
  app.add_option("--sentence", budget.sentence, "ends the user's turn; {budget} becomes the budget (default: the adapter's)");
  AddNumber(app, "--chains", &chains, Between(1, 256), "answers sampled over one prompt, and a vote");
  AddSampling(app, &sampling.temperature, "0: greedy (default)", &sampling);
  AddNumber(app, "--max-tokens", &max_tokens, TokenCount(), "most tokens of an answer (default 512, or --budget where that is more)");
  app.add_flag("--json", json, "one JSON object instead of text; of several chains it is that of the vote's winner, with all of them in it");
  if (!ParseArguments(app, args)) return 0;
  CheckSamplingOptions(app, sampling);
  if (budget.tokens == 0) RefuseUnused(app, {"--reserve", "--close-text", "--sentence"}, "without --budget");
  if (raw) RefuseUnused(app, {"--system", "--sentence", "--now", "--chat-template-kwargs"}, "with --raw, which leaves the chat template away");
  if (app.count("--max-tokens") == 0) max_tokens = std::max(max_tokens, budget.tokens);
  if (chains > 1 && sampling.temperature == 0) {
    ThrowUser("generate: ", chains, " chains at temperature 0 would all be the same; give --temperature");
  }

  const std::string path = ResolveModelPath(model.model);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  const auto adapters = LoadAdapters(model, *base);
  if (budget.tokens > 0) TakeStoredBudget(app, adapters, &budget);
  if (raw) budget.sentence.clear();  // the prompt is taken as it is
  const auto tokenizer = raw ? Tokenizer::Load(path) : nullptr;
  const auto prompter = raw ? nullptr : LoadPrompter(app, path, adapters, told);
  const Tokenizer& words = raw ? *tokenizer : prompter->tokenizer();

  Prompt prompt;
  if (raw) {
    prompt.ids = words.Encode(prompt_text, SpecialTokens::kParse);
    prompt.invocation_start = static_cast<int64_t>(prompt.ids.size());
  } else {
    prompt = prompter->Build(UserTurn(prompt_text, budget), system);
  }
  if (prompt.ids.empty()) ThrowUser("the prompt is empty; give some text with --prompt");
  GenerateRequest request;
  request.prompt = prompt.ids;
  request.invocation_start = prompt.invocation_start;
  if (!adapters.empty()) {
    request.adapter = adapters[0].adapter;
    request.invocation_start = FindSwitch(adapters[0], prompt, words);
  }
  request.sampling = sampling;
  request.max_tokens = max_tokens;
  request.num_samples = chains;
  if (budget.tokens > 0) {
    request.budget = MakeDecodeBudget(budget, app.count("--close-text") > 0, words);
    request.max_tokens = std::min(max_tokens, budget.tokens);
  }

  GenerateOptions options;
  options.max_batch = std::min(chains, 64);
  StreamDecoder stream;
  const bool streaming = !json && chains == 1;
  if (streaming) {
    options.on_token = [&](size_t, int, int32_t token) {
      if (!words.IsControl(token) && !words.IsEnd(token)) std::cout << stream.Push(words.TokenBytes(token)) << std::flush;
    };
  }
  const int64_t room = static_cast<int64_t>(request.prompt.size()) + request.max_tokens + 64;
  Engine engine(base, model.Engine(room * (options.max_batch + 1)));
  const GenerateRequest requests[] = {request};
  const std::vector<Completion> completions = Generate(engine, words, requests, options)[0];

  const std::string mode = adapters.empty() ? "base" : adapters[0].name;
  std::vector<std::string> texts;
  for (const Completion& completion : completions) texts.push_back(words.Decode(words.WithoutEnd(completion.tokens)));
  if (streaming) {
    std::cout << stream.Flush() << "\n";
    return 0;
  }
  std::vector<std::string> judged;
  for (const Completion& completion : completions) judged.push_back(JudgedText(words, completion));
  const VoteResult vote = chains > 1 ? Vote(judged) : VoteResult();
  if (json) {
    Json out = Describe(completions[vote.chain], texts[vote.chain], mode, budget.tokens, words);
    Json all = Json::array();
    for (size_t i = 0; i < completions.size(); ++i) all.push_back(Describe(completions[i], texts[i], mode, budget.tokens, words));
    out["chains"] = chains > 1 ? all : Json::array();
    out["vote"] = vote.answer.empty() ? Json(nullptr) : Json(vote.answer);
    std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  for (size_t i = 0; i < texts.size(); ++i) std::cout << "--- chain " << i + 1 << "\n" << texts[i] << "\n";
  std::cout << "--- vote: " << (vote.answer.empty() ? "no chain gives an answer" : vote.answer) << "\n";
  return 0;
}

}  // namespace pith
