#include "runtime/capi/request.h"

#include <cmath>

#include "base/replace_all.h"

namespace pith::capi {
namespace {

constexpr int64_t kMostTokens = 1 << 20;
constexpr int64_t kMostBudget = 100'000'000;
constexpr int kMostChains = 256;
constexpr size_t kMostStops = 64, kMostIds = 4096;
constexpr double kMostSeconds = 86400, kMostScale = 16;
constexpr char kCloseText[] = "\n#### ";  // as rewards/budget.h has it

// The request's budget, with what the adapter was trained under where the caller leaves it open.
struct AskedBudget {
  std::optional<DecodeBudget> decode;
  std::string sentence;  // with its number
  std::string announcement;
};

// As pith-run's options of a budget go together (runtime/programs/budget_options.cc).
AskedBudget ReadBudget(const pith_request& r, const NamedAdapter& mode, const Tokenizer& tokenizer) {
  const auto count = [](int64_t value, const char* what) { CheckCount(value, 0, kMostBudget, what); };
  count(r.budget_tokens, "request.budget_tokens");
  count(r.think_tokens, "request.think_tokens");
  count(r.answer_tokens, "request.answer_tokens");
  count(r.reserve_tokens, "request.reserve_tokens");
  count(r.min_think_tokens, "request.min_think_tokens");
  CheckRange(r.seconds, 0, kMostSeconds, "request.seconds");
  const bool split = r.think_tokens > 0;
  if (split && r.budget_tokens > 0) ThrowUser("request.think_tokens and request.budget_tokens both say how long the response may be; give one of them");
  if (!split && r.answer_tokens > 0) ThrowUser("request.answer_tokens has no effect without request.think_tokens");
  if (split && r.reserve_tokens > 0) ThrowUser("request.reserve_tokens has no effect with request.think_tokens; request.answer_tokens says what is kept");
  const bool closes = r.budget_tokens > 0 || split || r.seconds > 0 || r.closable != 0;
  const std::optional<std::string> announcement = r.announcement != nullptr ? std::optional(Text(r.announcement, "request.announcement")) : std::nullopt;
  const bool announces = !announcement.value_or("").empty();
  if (announces && !mode.adapter) ThrowUser("request.announcement has no effect without request.adapter: the base has learned none");
  if (announces && r.budget_tokens == 0 && !split) ThrowUser("request.announcement has no effect without a budget of tokens; give .budget_tokens or .think_tokens");
  if (announces && !OptionalText(r.sentence, "request.sentence").empty()) ThrowUser("request.announcement and request.sentence both tell the budget; give one of them");
  if (r.budget_tokens == 0 && !split && !OptionalText(r.sentence, "request.sentence").empty()) {
    ThrowUser("request.sentence has no effect without a budget of tokens; give .budget_tokens or .think_tokens");
  }
  if (!closes) {
    if (r.reserve_tokens > 0 || r.min_think_tokens > 0 || r.pooled != 0 || r.close_text != nullptr) {
      ThrowUser("request.reserve_tokens, .min_think_tokens, .pooled and .close_text have no effect without .budget_tokens, .think_tokens, .seconds or .closable");
    }
    return {};
  }
  const AdapterBudget* stored = mode.adapter && mode.adapter->budget() ? &*mode.adapter->budget() : nullptr;
  std::string close_text = kCloseText;
  if (stored != nullptr && !stored->close_text.empty()) close_text = stored->close_text;
  if (r.close_text != nullptr) close_text = Text(r.close_text, "request.close_text");

  AskedBudget asked;
  DecodeBudget& decode = asked.decode.emplace(ClosedBy(close_text, r.close_text != nullptr, tokenizer));
  decode.tokens = r.budget_tokens;
  if (r.reserve_tokens > 0) {
    decode.reserve_tokens = r.reserve_tokens;
  } else if (stored != nullptr && stored->reserve_tokens > 0) {
    decode.reserve_tokens = stored->reserve_tokens;
  }
  if (split) decode.Split(r.think_tokens, r.answer_tokens);
  decode.min_think_tokens = r.min_think_tokens;
  decode.time_ms = 1e3 * r.seconds;
  decode.pooled = r.pooled != 0;
  if (decode.pooled && decode.tokens == 0) ThrowUser("request.pooled wants a budget of tokens; give .budget_tokens or .think_tokens");
  if (decode.pooled && r.chains <= 1) ThrowUser("request.pooled has no effect with one chain; give more .chains");
  if (decode.tokens > 0) {
    asked.sentence = r.sentence != nullptr ? Text(r.sentence, "request.sentence") : stored != nullptr && !announces ? stored->sentence : "";
    const bool raw = r.user == nullptr && r.conversation == nullptr;  // the prompt may hold the response's beginning
    if (r.encode_only == 0 && (announcement || !raw)) asked.announcement = AnnouncementOf(mode, announcement, asked.sentence);
    asked.sentence = ReplaceAll(asked.sentence, "{budget}", std::to_string(decode.tokens));
  }
  return asked;
}

SamplingParams ReadSampling(const pith_request& r) {
  SamplingParams sampling;
  sampling.temperature = r.temperature;
  sampling.top_k = r.top_k;
  if (r.top_p != 0) sampling.top_p = r.top_p;
  sampling.min_p = r.min_p;
  sampling.seed = r.seed;
  if (r.repetition_penalty != 0) sampling.repetition_penalty = r.repetition_penalty;
  sampling.presence_penalty = r.presence_penalty;
  sampling.frequency_penalty = r.frequency_penalty;
  CheckList(r.logit_bias, r.num_logit_bias, kMostIds, "request.logit_bias");
  for (size_t i = 0; i < r.num_logit_bias; ++i) sampling.logit_bias.emplace_back(r.logit_bias[i].token, r.logit_bias[i].bias);
  CheckSampling(sampling);
  if (sampling.temperature == 0 && (sampling.top_k != 0 || sampling.top_p != 1 || sampling.min_p != 0)) {
    ThrowUser("request.top_k, .top_p and .min_p have no effect at temperature 0; give .temperature");
  }
  return sampling;
}

std::vector<int32_t> RawPrompt(const pith_request& r, const Model& model) {
  if (r.prompt != nullptr) return model.tokenizer().Encode(Text(r.prompt, "request.prompt"), SpecialTokens::kParse);
  const auto context = static_cast<size_t>(model.base().config().context_length);
  if (r.num_prompt_ids > context) ThrowUser("request.prompt_ids has ", r.num_prompt_ids, " tokens, and the model's context ", context);
  CheckList(r.prompt_ids, r.num_prompt_ids, context, "request.prompt_ids");
  std::vector<int32_t> ids(r.prompt_ids, r.prompt_ids + r.num_prompt_ids);
  for (const int32_t id : ids) {
    if (id < 0 || id >= model.vocabulary()) ThrowUser("request.prompt_ids has the token ", id, ", and the vocabulary ", model.vocabulary());
  }
  return ids;
}

void WarnOfOtherTemplate(const pith_adapter& adapter, const Prompter& used, const Prompter* adapters) {
  if (adapters == nullptr || &used == adapters) return;
  const std::vector<ChatMessage> message = {{"user", "?"}};
  if (used.Encode(message) == adapters->Encode(message)) return;
  LogWarning(Str("adapter '", adapter.named.name, "' was trained with another time or other variables of the chat template than the conversation has; "
                 "open the conversation with the adapter in its options"));
}

GenerateRequest ReadPrompt(const std::shared_ptr<Model>& model, const pith_request& r, const NamedAdapter& mode, const AskedBudget& budget, Turn* turn) {
  const bool in_conversation = r.conversation != nullptr;
  const int sources = (r.user != nullptr || in_conversation) + (r.prompt != nullptr) + (r.prompt_ids != nullptr || r.num_prompt_ids > 0);
  if (sources != 1) ThrowUser("request has ", sources == 0 ? "nothing" : "several things", " to ask; give one of .user, .prompt and .prompt_ids");
  if (r.system != nullptr && (in_conversation || r.user == nullptr)) {
    ThrowUser("request.system has no effect ", in_conversation ? "in a conversation, which has its own" : "with a raw prompt, which leaves the chat template away");
  }
  GenerateRequest request;
  if (r.user == nullptr && !in_conversation) {
    if (r.sentence != nullptr && *r.sentence != '\0') ThrowUser("request.sentence has no effect with a raw prompt, which has no user's turn");
    Prompt prompt;
    prompt.ids = RawPrompt(r, *model);
    prompt.invocation_start = static_cast<int64_t>(prompt.ids.size());
    request.invocation_start = FindSwitch(mode, prompt, model->tokenizer(), "end the prompt with them, or give request.user");
    request.prompt = std::move(prompt.ids);
    request.adapter = mode.adapter;
    return request;
  }
  TurnOptions options;
  options.mode = mode;
  options.budget = budget.decode;
  options.budget_sentence = budget.sentence;
  const pith_adapter* adapter = r.adapter;
  if (!in_conversation) {
    const Prompter& models = model->prompter();
    const Prompter& used = adapter != nullptr && adapter->prompter ? *adapter->prompter : models;
    return Conversation(used, OptionalText(r.system, "request.system")).Ask(Text(r.user, "request.user"), options);
  }
  const pith_conversation& conversation = Get(r.conversation, "request.conversation");
  if (conversation.model != model) ThrowUser("request.conversation is another model's");
  return conversation.state->With([&](const Conversation& turns, uint64_t version) {
    if (r.user == nullptr) {
      if (r.encode_only == 0) ThrowUser("request.user is NULL; say what the user says");
      request.prompt = turns.KnownPrompt();
      request.invocation_start = static_cast<int64_t>(request.prompt.size());
      return request;
    }
    if (adapter != nullptr) WarnOfOtherTemplate(*adapter, conversation.state->prompter(), adapter->prompter.get());
    *turn = {conversation.state, version, Text(r.user, "request.user"), true};
    return turns.Ask(turn->user, options);
  });
}

void ReadStops(const pith_request& r, GenerateRequest* request) {
  CheckList(r.stop, r.num_stop, kMostStops, "request.stop");
  for (size_t i = 0; i < r.num_stop; ++i) request->stop.push_back(Text(r.stop[i], "a text of request.stop"));
  CheckList(r.stop_ids, r.num_stop_ids, kMostIds, "request.stop_ids");
  request->stop_ids.assign(r.stop_ids, r.stop_ids + r.num_stop_ids);
}

void CheckChains(const GenerateRequest& request) {
  if (request.num_samples > 1 && request.sampling.temperature == 0) {
    ThrowUser("request.chains: ", request.num_samples, " chains at temperature 0 would all be the same; give .temperature");
  }
}

void TakeVote(const pith_request& r, CheckedRequest* checked) {
  checked->vote = r.vote != 0;
  if (checked->vote && checked->request.num_samples == 1) ThrowUser("request.vote has no effect with one chain; give more .chains");
  if (r.vote == PITH_VOTE_WEIGHTED) checked->kind = VoteKind::kWeighted;
}

// Mode auto: what each arm would be asked, and the question before it. `common`: what holds for all of them.
void ReadAuto(const std::shared_ptr<Model>& model, const pith_request& r, const TurnOptions& common, CheckedRequest* checked) {
  constexpr char kAsked[] = "request.mode: PITH_MODE_AUTO";
  if (r.adapter == nullptr) ThrowUser(kAsked, " wants request.adapter, whose switcher chooses");
  const pith_adapter& adapter = *r.adapter;
  if (r.adapter_scale != 0 && r.adapter_scale != 1) ThrowUser(kAsked, " wants the adapter as its switcher was fitted on it; leave .adapter_scale at 0");
  if (r.user == nullptr || r.prompt != nullptr || r.prompt_ids != nullptr || r.num_prompt_ids > 0) ThrowUser(kAsked, " reads what the user says in the chat template; give request.user, and no raw prompt");
  if (r.encode_only != 0) ThrowUser(kAsked, " has no effect with .encode_only: nothing is answered");
  if (r.score != 0 || r.vote == PITH_VOTE_WEIGHTED) ThrowUser("request.score and a weighted vote want one adapter's verifier, and with ", kAsked, " the base may answer; leave them away");
  if (r.budget_tokens != 0 || r.think_tokens != 0 || r.answer_tokens != 0 || r.reserve_tokens != 0 || r.min_think_tokens != 0 || r.seconds != 0 || r.pooled != 0 || r.closable != 0 ||
      r.close_text != nullptr || r.sentence != nullptr || r.announcement != nullptr) {
    ThrowUser(kAsked, " chooses the budget; leave the fields of a budget as they are by default");
  }
  std::vector<NamedAdapter> others;
  for (const AdapterRef& open : model->open_adapters()) others.push_back({open->name(), open});
  auto automatic = std::make_shared<AutoMode>(adapter.named, others, kAsked, model->tokenizer());
  if (r.switch_cost > 0) automatic->SetMeanTokens(r.switch_cost);
  const auto ask = [&](const Conversation& turns, const std::string& user) { checked->routes = AskAuto(turns, user, common, *automatic, model->tokenizer()); };
  if (r.conversation == nullptr) {
    const Prompter& used = adapter.prompter ? *adapter.prompter : model->prompter();
    ask(Conversation(used, OptionalText(r.system, "request.system")), Text(r.user, "request.user"));
  } else {
    if (r.system != nullptr) ThrowUser("request.system has no effect in a conversation, which has its own");
    const pith_conversation& conversation = Get(r.conversation, "request.conversation");
    if (conversation.model != model) ThrowUser("request.conversation is another model's");
    conversation.state->With([&](const Conversation& turns, uint64_t version) {
      WarnOfOtherTemplate(adapter, conversation.state->prompter(), adapter.prompter.get());
      checked->turn = {conversation.state, version, Text(r.user, "request.user"), true};
      ask(turns, checked->turn.user);
    });
  }
  checked->automatic = std::move(automatic);
}

// A pith_mode.
bool IsAuto(const pith_request& r) {
  CheckReserved(r.reserved, "request.reserved");
  if (r.mode != PITH_MODE_ASKED && r.mode != PITH_MODE_AUTO) ThrowUser("request.mode is ", r.mode, ", expected a pith_mode");
  CheckRange(r.switch_cost, 0, 1e9, "request.switch_cost");
  if (r.mode == PITH_MODE_ASKED && r.switch_cost != 0) ThrowUser("request.switch_cost has no effect without request.mode: PITH_MODE_AUTO");
  return r.mode == PITH_MODE_AUTO;
}

}  // namespace

CheckedRequest ReadRequest(const std::shared_ptr<Model>& model, const pith_request* given) {
  const pith_request r = ReadStruct(NotNull(given, "request"), "request");
  CheckCount(r.chains, 0, kMostChains, "request.chains");
  CheckCount(r.max_tokens, 0, kMostTokens, "request.max_tokens");
  CheckRange(r.adapter_scale, -kMostScale, kMostScale, "request.adapter_scale");

  NamedAdapter mode = {"base", nullptr};
  if (r.adapter != nullptr) {
    const pith_adapter& adapter = Get(r.adapter, "request.adapter");
    if (adapter.model != model) ThrowUser("request.adapter was opened for another model");
    mode = {adapter.named.name, adapter.Scaled(r.adapter_scale == 0 ? 1.0f : static_cast<float>(r.adapter_scale))};
  } else if (r.adapter_scale != 0) {
    ThrowUser("request.adapter_scale has no effect without request.adapter");
  }
  CheckedRequest checked;
  if (IsAuto(r)) {
    TurnOptions common;
    common.sampling = ReadSampling(r);
    common.chains = r.chains == 0 ? 1 : r.chains;
    ReadAuto(model, r, common, &checked);
    for (GenerateRequest& arm : checked.routes.arms) {
      if (!arm.budget) arm.max_tokens = r.max_tokens > 0 ? r.max_tokens : DefaultTokens(arm, model->base().config().context_length);
      ReadStops(r, &arm);
    }
    checked.request = checked.routes.arms[0];
    CheckChains(checked.request);
    TakeVote(r, &checked);
    return checked;
  }
  const AskedBudget budget = ReadBudget(r, mode, model->tokenizer());
  checked.request = ReadPrompt(model, r, mode, budget, &checked.turn);
  GenerateRequest& request = checked.request;
  request.sampling = ReadSampling(r);
  request.budget = budget.decode;
  const int64_t limit = budget.decode ? budget.decode->tokens : 0;
  request.max_tokens = r.max_tokens > 0 ? r.max_tokens : std::max(kDefaultTokens, limit);
  if (limit > 0) request.max_tokens = std::min(request.max_tokens, limit);
  request.num_samples = r.chains == 0 ? 1 : r.chains;
  CheckChains(request);
  request.encode_only = r.encode_only != 0;
  Announce(budget.announcement, model->tokenizer(), &request);
  TakeVote(r, &checked);
  if (checked.kind == VoteKind::kWeighted || r.score != 0) {
    if (request.encode_only) ThrowUser("request.score and a weighted vote have no effect with .encode_only: nothing is answered");
    if (r.adapter_scale != 0 && r.adapter_scale != 1) ThrowUser("request.score and a weighted vote want the adapter as its verifier was fitted on it; leave .adapter_scale at 0");
    request.check = CheckOf(mode, checked.kind == VoteKind::kWeighted ? "request.vote: PITH_VOTE_WEIGHTED" : "request.score");
  }
  if (r.max_tokens == 0 && limit == 0) request.max_tokens = DefaultTokens(request, model->base().config().context_length);
  ReadStops(r, &request);
  return checked;
}

}  // namespace pith::capi
