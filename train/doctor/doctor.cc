#include "train/doctor/doctor.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "configs/data_sources.h"
#include "rewards/reward.h"
#include "train/ranks/ranks.h"
#include "train/session/told_budgets.h"

namespace pith {
namespace {

constexpr size_t kPrompts = 16, kSolutions = 200;     // that are looked at
constexpr double kGap = 0.15, kInt8Gap = 0.4;         // nats per token: some ten times what rounding makes on the demo model (0.017), and what int8 activations do (0.06)

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
  return text;
}

std::string Nats(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

// What the chat template writes behind an assistant's answer, without white space before it; empty where it cannot be told.
std::string TemplateEnd(const ChatTemplate& chat) {
  const std::string answer = "Forty-two";
  const ChatMessage messages[] = {{"user", "What is 6 times 7?"}, {"assistant", answer}};
  try {
    const std::string text = chat.Render(messages, /*add_generation_prompt=*/false);
    const size_t at = text.rfind(answer);
    const size_t begin = at == std::string::npos ? at : text.find_first_not_of(" \t\r\n", at + answer.size());
    return begin == std::string::npos ? "" : text.substr(begin);
  } catch (const UserError&) {
    return "";  // a template that takes no answers
  }
}

bool SpreadIsOfGroups(const RlSettings& rl) { return rl.advantage != "reinforce_pp"; }

}  // namespace

std::string PromptFinding(const Session& session) {
  const LoraAdapter& adapter = session.initial;
  const auto prompter = session.prompter->Told(adapter.template_now, adapter.template_kwargs);
  const size_t step = std::max<size_t>(session.problems.size() / kPrompts, 1);
  for (size_t i = 0; i < session.problems.size(); i += step) {
    const PreparedProblem& p = session.problems[i];
    if (p.problem.question.empty() && p.problem.messages.empty()) continue;  // a conversation that the assistant begins
    Budget budget = MakeBudget(session.config.budget);
    budget.tokens = p.budget_tokens;
    std::vector<ChatMessage> conversation = p.problem.messages;
    if (!conversation.empty()) TellInPrompt(budget, &conversation);
    const std::vector<int32_t> asked = conversation.empty() ? prompter->Encode(UserTurn(p.problem.question, budget), session.config.data.system) : prompter->Encode(conversation);
    if (p.prompt.ids == asked) continue;
    return Str("the prompt of problem ", p.problem.id, " is '", session.prompter->tokenizer().Decode(p.prompt.ids, /*with_control=*/true), "', which is not what the "
               "chat template makes of its question with data.system and what the adapter will say of the template; set data.chat_template_kwargs and data.now alike");
  }
  return "";
}

std::string EndFinding(const Session& session, const std::vector<int32_t>& last_targets) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const std::string wanted = TemplateEnd(session.prompter->chat());
  for (const int32_t id : last_targets) {
    const std::string text = tokenizer.Decode(std::vector<int32_t>{id}, /*with_control=*/true);
    if (!tokenizer.IsEnd(id)) {
      return Str("an example's last target is '", text, "', which ends no response: what is trained so would never stop; take a tokenizer that names the token that "
                 "ends a turn (eos_token)");
    }
    if (!wanted.empty() && !wanted.starts_with(text)) {
      return Str("an example's last target is '", text, "', but the chat template ends an answer with '", wanted.substr(0, 40), "'; take the tokenizer and the chat "
                 "template of one model");
    }
  }
  return "";
}

std::string TruncationFinding(const Session& session) {
  if (session.config.run.stage == "distill" && session.config.distill.mode == "traces") return "";  // the teacher's are learned, not these
  const int64_t limit = session.config.sft.max_length;
  int64_t seen = 0, dropped = 0, over = 0, largest = 0;
  for (size_t i = 0; i < session.problems.size() && seen < static_cast<int64_t>(kSolutions); i += session.num_variants()) {
    const PreparedProblem& p = session.problems[i];
    const int64_t most = SourceSettings(session.config.data, p.source).max_response_tokens;
    if (p.said.empty()) continue;
    ++seen;
    dropped += static_cast<int64_t>(p.prompt.ids.size() + p.announcement.size() + p.said.size()) > limit;
    over += p.breaks_budget() && (most == 0 || static_cast<int64_t>(p.said.size()) <= most);
    largest = std::max(largest, p.budget_tokens);
  }
  if (2 * over > seen) {
    return Str(over, " of the first ", seen, " solutions take more tokens than the largest budget, ", largest, ", and are left out: what is learned is the short ones; name a "
               "larger one in budget.choices, or 0 (none, and none is told), or say by data.max_response_tokens that short ones are wanted");
  }
  if (2 * dropped <= seen) return "";
  return Str(dropped, " of the first ", seen, " solutions are longer than sft.max_length = ", limit, " tokens and are left out: what is learned is the short ones; "
             "raise sft.max_length");
}

std::string CompletionsFinding(const Session& session, const Metrics& metrics) {
  const TrainConfig& c = session.config;
  const bool may_end = c.rollout.min_completion_tokens < c.rollout.max_completion_tokens;  // else they are asked to be cut
  if (may_end && FindMetric(metrics, "completions/clipped_ratio").value_or(0) == 1) {
    return Str("none of the first step's completions came to an end within ", FindMetric(metrics, "completions/max_length").value_or(0), " tokens, so the token that ends a turn "
               "is never learned from; raise rollout.max_completion_tokens, or warm up with stage: sft");
  }
  const bool flat = SpreadIsOfGroups(c.rl) ? FindMetric(metrics, "frac_reward_zero_std").value_or(0) == 1 : FindMetric(metrics, "reward_std").value_or(1) == 0;
  if (!flat) return "";
  return Str("no group of the first step has spread: all of a group's rewards are equal (", Percent(FindMetric(metrics, "accuracy").value_or(0)),
             " of the answers are right), so nothing can be learned; take problems that are now and then solved, a larger rl.group_size or rl.prompts_per_step, or "
             "rl.dynamic_sampling: true");
}

std::string UpdateFinding(const Session& session, const Model& model, const Optimizer& optimizer) {
  if (optimizer.num_updates() == 0) return "the first step made no update: there was nothing to learn from; see rl.mask_truncated and the rewards in metrics.jsonl";
  const LoraAdapter now = model.ToLora();
  std::vector<std::string> unreached, still;
  const std::vector<std::string> untouched = optimizer.WithoutGradient();
  for (const auto& [name, pair] : now.pairs) {
    const auto starts = [&, stem = name + "."](const auto& parameter) { return std::string_view(parameter).starts_with(stem); };
    const auto of_pair = std::count_if(model.parameters().begin(), model.parameters().end(), [&](const NamedParameter& p) { return starts(p.name); });
    if (std::count_if(untouched.begin(), untouched.end(), starts) == of_pair) unreached.push_back(name);
    if (pair.b == session.initial.pairs.at(name).b) still.push_back(name);
  }
  const size_t all = now.pairs.size();
  if (!unreached.empty()) {
    return Str("the gradient of ", unreached.size(), " of ", all, " adapted layers is zero (", unreached.front(), "): they would never learn; their factors may both be zero in "
               "init_adapter, or name others in adapter.targets");
  }
  if (!still.empty()) {
    return Str("B of ", still.size(), " of ", all, " adapted layers is to the bit what it was (", still.front(), ") after an update with optimizer.learning_rate ",
               *session.config.optimizer.learning_rate, "; raise it");
  }
  return "";
}

std::string GapFinding(const Session& session, const Metrics& metrics) {
  const double gap = FindMetric(metrics, "sampling/sampling_logp_difference/mean").value_or(0);
  const double bound = session.config.rollout.activations == "int8" ? kInt8Gap : kGap;
  if (gap <= bound) return "";
  return Str("sampler and trainer differ by ", Nats(gap), " nats per token, where rounding alone stays below ", Nats(bound), ": they do not run the same policy on the same "
             "prompts; take rollout.activations: bf16 or f32, and report this if it stays");
}

Doctor::Doctor(const Session& session, const Model* model, const Optimizer* optimizer, std::vector<int32_t> last_targets)
    : session_(session), model_(model), optimizer_(optimizer), last_targets_(std::move(last_targets)) {}

void Doctor::After(StepRecord* record, Ledger*) {
  if (record->step != 1) return;
  const bool rl = session_.config.run.stage == "rl";
  std::vector<std::string> findings = {PromptFinding(session_)};
  if (rl) {
    findings.push_back(GapFinding(session_, record->metrics));
    findings.push_back(CompletionsFinding(session_, record->metrics));
  } else {
    findings.push_back(EndFinding(session_, last_targets_));
    findings.push_back(TruncationFinding(session_));
  }
  findings.push_back(UpdateFinding(session_, *model_, *optimizer_));
  for (const std::string& finding : findings) {
    if (!finding.empty()) ThrowUser("after the first step: ", finding, " (--no-doctor goes on without this look)");
  }
  if (!Ranks::World().first()) return;
  std::string line = Str("doctor: all is well: prompts are the chat template's, ends of turns are learned from, all ", model_->ToLora().pairs.size(), " adapted layers have a gradient and moved");
  if (rl) {
    line += Str(", ", Percent(1 - FindMetric(record->metrics, "frac_reward_zero_std").value_or(0)), " of the groups have spread, sampler and trainer are ",
                Nats(FindMetric(record->metrics, "sampling/sampling_logp_difference/mean").value_or(0)), " nats per token apart");
  }
  LogInfo(line);
}

}  // namespace pith
