#include "runtime/session/auto_mode.h"

#include <algorithm>

#include "base/error.h"

namespace pith {
namespace {

// As in rewards/budget.h and its command lines, where the adapter was trained without a budget.
constexpr char kPlainCloseText[] = "\n#### ";

NamedAdapter AdapterOfArm(const SwitchArm& arm, const NamedAdapter& carrier, std::span<const NamedAdapter> others, const std::string& asked) {
  if (arm.adapter.empty()) return {"base", nullptr};
  if (arm.adapter == kOwnAdapter) return carrier;
  for (const NamedAdapter& other : others) {
    if (other.adapter && other.adapter->card() && other.adapter->card()->adapter_sha256 == arm.adapter) return other;
  }
  ThrowUser(asked, " may choose '", arm.name, "', an adapter whose card has sha256 ", arm.adapter.substr(0, 12), "…, and none of those that were given is it; give it, too");
}

}  // namespace

AutoArm MakeAutoArm(const SwitchArm& arm, const NamedAdapter& answers, const std::string& origin, const Tokenizer& tokenizer) {
  AutoArm made{arm.name, answers, {}, ""};
  if (answers.adapter && answers.adapter->activation() == Activation::kAlways) {
    ThrowUser(origin, " reads prompts by the base, and '", answers.name, "' acts on the whole prompt, which it would have to read again; take an adapter with adapter.activation: invocation");
  }
  if (arm.budget_tokens == 0) return made;
  const AdapterBudget* stored = answers.adapter && answers.adapter->budget() ? &*answers.adapter->budget() : nullptr;
  DecodeBudget& budget = made.budget.emplace(ClosedBy(stored != nullptr && !stored->close_text.empty() ? stored->close_text : kPlainCloseText, /*given=*/false, tokenizer));
  budget.tokens = arm.budget_tokens;
  if (stored != nullptr && stored->reserve_tokens > 0) budget.reserve_tokens = stored->reserve_tokens;
  budget.reserve_tokens = std::min(budget.reserve_tokens, arm.budget_tokens / 2);
  CheckDecodeBudget(budget, arm.budget_tokens);
  if (!arm.told) return made;
  made.announcement = stored != nullptr ? stored->announcement : "";
  if (made.announcement.empty()) ThrowUser(origin, " tells '", answers.name, "' its budget, which that has learned no announcement of; fit the switcher again with stage: switcher");
  return made;
}

AutoMode::AutoMode(const NamedAdapter& carrier, std::span<const NamedAdapter> others, const std::string& asked, const Tokenizer& tokenizer) : carrier_(carrier) {
  if (!carrier.adapter) ThrowUser(asked, " wants an adapter with a switcher, and the base has none; give an adapter that stage: switcher of pith-train has fitted one for");
  if (!carrier.adapter->switcher()) {
    ThrowUser(asked, " wants an adapter with a switcher, and '", carrier.name, "' has none; fit one with stage: switcher of pith-train, and export it again");
  }
  for (const SwitchArm& arm : head().arms) arms_.push_back(MakeAutoArm(arm, AdapterOfArm(arm, carrier, others, asked), asked, tokenizer));
  price_ = head().price;
}

void AutoMode::SetMeanTokens(double tokens) { price_ = PriceFor(head(), tokens, carrier_.name); }

int64_t AutoMode::most_budget() const {
  int64_t most = 0;
  for (const AutoArm& arm : arms_) most = std::max(most, arm.budget ? arm.budget->tokens : 0);
  return most;
}

GenerateRequest AutoQuestion(std::span<const int32_t> ids, int64_t turn_begin, int64_t end) {
  PITH_CHECK(turn_begin >= 0 && turn_begin < end && end <= static_cast<int64_t>(ids.size()), turn_begin, " of ", end);
  GenerateRequest request;
  request.prompt.assign(ids.begin(), ids.begin() + end);
  request.invocation_start = end;
  request.encode_only = true;
  request.pool_tokens = end - turn_begin;
  return request;
}

GenerateRequest ArmRequest(const AutoArm& arm, const Prompt& prompt, const Tokenizer& tokenizer) {
  GenerateRequest request;
  request.prompt = prompt.ids;
  request.invocation_start = FindSwitch(arm.mode, prompt, tokenizer);
  request.adapter = arm.mode.adapter;
  request.budget = arm.budget;
  if (arm.budget) request.max_tokens = arm.budget->tokens;
  Announce(arm.announcement, tokenizer, &request);
  return request;
}

int64_t TurnBegin(std::span<const int32_t> ids, std::span<const int32_t> known, int64_t end) {
  PITH_CHECK(end > 0 && end <= static_cast<int64_t>(ids.size()), end);
  const auto before = ids.first(static_cast<size_t>(end));
  const auto [mine, theirs] = std::mismatch(before.begin(), before.end(), known.begin(), known.end());
  return std::min<int64_t>(mine - before.begin(), end - 1);
}

AutoRequests AskAuto(const Conversation& conversation, const std::string& user, const TurnOptions& common, const AutoMode& mode, const Tokenizer& tokenizer) {
  TurnOptions options = common;
  options.budget_sentence.clear();
  options.check = {};
  options.announcement.clear();
  options.budget.reset();
  options.mode = mode.carrier();
  const GenerateRequest asked = conversation.Ask(user, options);
  const Prompt prompt{asked.prompt, asked.invocation_start};
  AutoRequests requests;
  requests.question = AutoQuestion(prompt.ids, TurnBegin(prompt.ids, conversation.KnownPrompt(), prompt.invocation_start), prompt.invocation_start);
  for (const AutoArm& arm : mode.arms()) {
    GenerateRequest request = ArmRequest(arm, prompt, tokenizer);
    request.sampling = common.sampling;
    if (!arm.budget) request.max_tokens = common.max_tokens;
    request.num_samples = common.chains;
    request.stop = common.stop;
    requests.arms.push_back(std::move(request));
  }
  return requests;
}

}  // namespace pith
