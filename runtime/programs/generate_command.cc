// generate: answer one prompt, with or without an adapter and a budget, streaming or as JSON; several chains with a vote.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/model_path.h"
#include "data/template/prompt.h"
#include "runtime/generation/generate.h"
#include "runtime/kv_file.h"
#include "runtime/programs/auto_option.h"
#include "runtime/programs/budget_options.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/speculate_option.h"
#include "runtime/session/conversation.h"
#include "runtime/session/vote.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

Json Describe(const Completion& completion, const std::string& text, const std::string& mode, int64_t budget) {
  const Usage& usage = completion.usage;
  Json json;
  json["text"] = text;
  json["token_ids"] = completion.tokens;
  json["mode"] = mode;
  json["budget"] = budget > 0 ? Json(budget) : Json(nullptr);
  json["thinking_tokens"] = usage.thinking_tokens;
  json["answer_tokens"] = usage.answer_tokens;
  json["announced_tokens"] = completion.announced;
  json["forced_tokens"] = usage.forced_tokens;
  json["forced"] = completion.forced_begin >= 0;
  json["forced_by"] = completion.forced_begin >= 0 ? Json(ForcedByName(usage.forced_by)) : Json(nullptr);
  json["drafted_tokens"] = usage.drafted_tokens;
  json["accepted_tokens"] = usage.accepted_tokens;
  json["finish"] = FinishName(completion.finish);
  if (completion.score) json["score"] = *completion.score;
  json["ttft_ms"] = completion.ttft_ms;
  json["tok_per_s"] = completion.wall_ms > 0 ? 1000.0 * static_cast<double>(completion.tokens.size()) / completion.wall_ms : 0.0;
  return json;
}

// Of mode auto: what was expected of each arm.
void DescribeChoice(const AutoMode& mode, const SwitchChoice& choice, Json* json) {
  (*json)["arm"] = mode.arms()[choice.arm].name;
  (*json)["chance"] = choice.right[choice.arm];
  (*json)["expected_tokens"] = choice.tokens[choice.arm];
  Json arms = Json::array();
  for (size_t k = 0; k < mode.arms().size(); ++k) arms.push_back({{"arm", mode.arms()[k].name}, {"chance", choice.right[k]}, {"expected_tokens", choice.tokens[k]}});
  (*json)["arms"] = arms;
}

std::string ShownScore(const Completion& completion) {
  char text[32] = "";
  if (completion.score) std::snprintf(text, sizeof text, ", score %.3f", *completion.score);
  return text;
}

// The prompt up to where the adapter begins to act; of one that always acts, all of it. It is in the cache.
void SavePrompt(Engine& engine, const GenerateRequest& request, const std::string& path) {
  const bool always = request.adapter && request.adapter->activation() == Activation::kAlways;
  const auto end = always ? request.prompt.size() : static_cast<size_t>(request.invocation_start);
  const SequenceId sequence = engine.NewSequence();
  if (always) engine.SetAdapter(sequence, request.adapter);
  if (end > 0) engine.Prefill(sequence, std::span(request.prompt).first(end), nullptr);
  engine.SaveKv(sequence, path);
  engine.Free(sequence);
}

}  // namespace

int GenerateCommand(const Arguments& args) {
  ModelOptions model;
  BudgetOptions closing;
  const Budget& budget = closing.budget;
  SamplingParams sampling;
  std::string prompt_text, system;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_ids;
  TemplateOptionsOfRun told;
  SpeculateOption speculate;
  AutoOption automatic;
  int64_t max_tokens = kDefaultTokens;
  int chains = 1;
  std::string save_kv, load_kv;
  bool raw = false, json = false, score = false;
  VoteKind kind = VoteKind::kMajority;
  CLI::App app("Answers a prompt; the chat template is applied unless --raw.", "generate");
  model.AddTo(app, /*many_adapters=*/false);
  app.add_option("--prompt", prompt_text, "the user's text")->required();
  app.add_option("--system", system, "system message");
  told.AddTo(app);
  app.add_flag("--raw", raw, "the prompt as it is, special tokens included; an invocation adapter needs its invocation in it");
  closing.AddTo(app);
  automatic.AddTo(app, "auto: the adapter's switcher chooses for this prompt whether the base or the adapter answers, and the budget");
  AddNumber(app, "--chains", &chains, Between(1, 256), "answers sampled over one prompt, and a vote");
  AddVote(app, &kind);
  app.add_flag("--score", score, "how likely each answer is right, by the adapter's verifier");
  AddSampling(app, &sampling.temperature, "0: greedy (default)", &sampling);
  app.add_option("--stop", stop, "a text that ends the answer, and is no part of it; may be given more than once");
  app.add_option_function<std::vector<std::string>>("--stop-id", [&](const std::vector<std::string>& ids) {
    for (const std::string& id : ids) stop_ids.push_back(static_cast<int32_t>(ParseNumber<int64_t>("generate: --stop-id", id, Between(0, 2147483647))));
  }, "the same, a token's id")->type_name("ID");
  AddNumber(app, "--max-tokens", &max_tokens, TokenCount(), "most tokens of an answer (default: --budget, else 512 or what the context has room for)");
  speculate.AddTo(app, SpeculateOption::kNgram);
  app.add_option("--save-kv", save_kv, "a file for the keys and values of the prompt, as far as all modes share it: for --load-kv")->type_name("FILE");
  app.add_option("--load-kv", load_kv, "takes up the prompt as far as it begins as the one in this file")->type_name("FILE");
  app.add_flag("--json", json, "one JSON object instead of text; of several chains it is that of the vote's winner, with all of them in it");
  if (!ParseArguments(app, args)) return 0;
  CheckSamplingOptions(app, sampling);
  automatic.Check(app);
  if (automatic.on() && (score || kind == VoteKind::kWeighted)) ThrowUser("generate: --score and --vote weighted want one adapter's verifier, and with --mode auto the base may answer; leave them away");
  if (raw) RefuseUnused(app, {"--system", "--sentence", "--now", "--chat-template-kwargs"}, "with --raw, which leaves the chat template away");
  if (chains > 1 && sampling.temperature == 0) {
    ThrowUser("generate: ", chains, " chains at temperature 0 would all be the same; give --temperature");
  }

  if (chains == 1) RefuseUnused(app, {"--vote"}, "with one chain; give --chains");

  if (!save_kv.empty()) CheckKvPlace(save_kv);  // before anything is computed
  const std::string path = ResolveModelPath(model.model);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  const auto adapters = LoadAdapters(model, *base);
  closing.Complete(app, adapters);
  if (raw) {  // the prompt is taken as it is, and may hold the response's beginning
    closing.budget.sentence.clear();
    if (!closing.announcement) closing.announcement = "";
  }
  if (closing.pooled && chains == 1) ThrowUser("generate: --pool has no effect with one chain; give --chains");
  if (app.count("--max-tokens") == 0) max_tokens = std::max(max_tokens, budget.tokens);
  if (chains > 1 && app.count("--speculate") == 0) speculate.kind = SpeculateOption::kNone;  // how far a chain is that a vote stops would hang on the clock
  const auto tokenizer = raw ? Tokenizer::Load(path) : nullptr;
  const auto prompter = raw ? nullptr : LoadPrompter(app, path, adapters, told);
  const Tokenizer& words = raw ? *tokenizer : prompter->tokenizer();

  const std::unique_ptr<AutoMode> switcher = automatic.Make(app, adapters, words);
  AutoRequests routes;
  if (switcher) {
    TurnOptions common;
    common.sampling = sampling;
    common.chains = chains;
    common.stop = stop;
    routes = AskAuto(Conversation(*prompter, system), prompt_text, common, *switcher, words);
    for (GenerateRequest& arm : routes.arms) {
      arm.stop_ids = stop_ids;
      if (!arm.budget) arm.max_tokens = app.count("--max-tokens") > 0 ? max_tokens : DefaultTokens(arm, base->config().context_length);
    }
  }
  const NamedAdapter asked = adapters.empty() ? NamedAdapter{"base", nullptr} : adapters[0];
  GenerateRequest request;
  if (!switcher) {
    Prompt prompt;
    if (raw) {
      prompt.ids = words.Encode(prompt_text, SpecialTokens::kParse);
      prompt.invocation_start = static_cast<int64_t>(prompt.ids.size());
    } else {
      prompt = prompter->Build(UserTurn(prompt_text, budget), system);
    }
    if (prompt.ids.empty()) ThrowUser("the prompt is empty; give some text with --prompt");
    request.prompt = prompt.ids;
    request.invocation_start = prompt.invocation_start;
    if (!adapters.empty()) {
      request.adapter = adapters[0].adapter;
      request.invocation_start = FindSwitch(adapters[0], prompt, words);
    }
    request.sampling = sampling;
    request.max_tokens = max_tokens;
    request.num_samples = chains;
    request.stop = stop;
    request.stop_ids = stop_ids;
    request.budget = closing.Make(app, words);
    if (budget.tokens > 0) request.max_tokens = std::min(max_tokens, budget.tokens);
    if (!adapters.empty()) Announce(AnnouncementOf(adapters[0], closing.announcement, budget.sentence), words, &request);

    if (kind == VoteKind::kWeighted || score) request.check = CheckOf(asked, kind == VoteKind::kWeighted ? "generate: --vote weighted" : "generate: --score");
    if (app.count("--max-tokens") == 0 && budget.tokens == 0) request.max_tokens = DefaultTokens(request, base->config().context_length);
  } else {  // the longest, for the room; who answers is chosen below
    request = *std::max_element(routes.arms.begin(), routes.arms.end(), [](const auto& one, const auto& other) { return one.max_tokens < other.max_tokens; });
  }

  GenerateOptions options;
  options.max_batch = std::min(chains, 64);
  const bool streaming = !json && chains == 1;
  if (streaming) options.on_token = [&](size_t, const TokenEvent& event) { std::cout << event.text << std::flush; };
  Vote vote(static_cast<size_t>(chains), kind);
  if (chains > 1) {  // those that cannot change the vote any more are not waited for
    options.on_completion = [&](size_t, const Completion& completion) {
      vote.Add(static_cast<size_t>(completion.sample), JudgedText(words, completion), completion.score.value_or(1));
    };
    options.enough = [&](size_t) { return vote.Decided(); };
  }
  const int64_t room = static_cast<int64_t>(request.prompt.size() + request.check.ids.size()) + request.max_tokens + 64;
  const int64_t loaded = load_kv.empty() ? 0 : static_cast<int64_t>(KvFile(load_kv).header().tokens.size());
  Engine engine(base, model.Engine(room * (options.max_batch + 1) + loaded));
  if (!load_kv.empty()) {
    std::vector<AdapterRef> writers;
    for (const NamedAdapter& mode : adapters) writers.push_back(mode.adapter);
    engine.Free(engine.RestoreKv(load_kv, writers));  // as a prefix for who comes
  }
  std::optional<SwitchChoice> choice;
  double choosing_ms = 0;
  if (switcher) {
    const auto begin = std::chrono::steady_clock::now();
    choice = switcher->Choose(Generate(engine, words, {&routes.question, 1}, {})[0][0].hidden);
    choosing_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    request = routes.arms[choice->arm];
  }
  options.drafter = speculate.Make(engine, words);
  const GenerateRequest requests[] = {request};
  std::vector<Completion> completions = Generate(engine, words, requests, options)[0];
  for (Completion& completion : completions) {  // what was waited for before is the prompt's encoding
    completion.ttft_ms += choosing_ms;
    completion.wall_ms += choosing_ms;
  }
  const int64_t cached = engine.kv_counters().hit_tokens;
  if (!save_kv.empty()) SavePrompt(engine, request, save_kv);

  const std::string mode = switcher ? kAutoMode : asked.name;
  const int64_t spent = request.budget ? request.budget->tokens : 0;
  std::vector<std::string> texts;
  for (const Completion& completion : completions) texts.push_back(ResponseText(words, completion));
  if (streaming) {
    std::cout << "\n";
    if (choice) std::cerr << "[" << ChoiceText(*switcher, *choice) << "]\n";
    if (score) std::cout << "---" << ShownScore(completions[0]).substr(1) << "\n";
    return 0;
  }
  const Vote::Result winner = vote.Winner();
  if (json) {
    Json out = Describe(completions[winner.chain], texts[winner.chain], mode, spent);
    Json all = Json::array();
    for (size_t i = 0; i < completions.size(); ++i) all.push_back(Describe(completions[i], texts[i], mode, spent));
    out["chains"] = chains > 1 ? all : Json::array();
    if (!load_kv.empty()) out["cached_tokens"] = cached;
    if (choice) DescribeChoice(*switcher, *choice, &out);
    out["vote"] = winner.answer.empty() ? Json(nullptr) : Json(winner.answer);
    if (kind == VoteKind::kWeighted) {
      out["vote_kind"] = VoteKindName(kind);
      out["vote_weight"] = winner.weight;
    }
    std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  if (choice) std::cerr << "[" << ChoiceText(*switcher, *choice) << "]\n";
  for (size_t i = 0; i < texts.size(); ++i) std::cout << "--- chain " << i + 1 << ShownScore(completions[i]) << "\n" << texts[i] << "\n";
  std::cout << "--- vote: " << (winner.answer.empty() ? "no chain gives an answer" : winner.answer) << "\n";
  return 0;
}

}  // namespace pith
