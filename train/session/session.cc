#include "train/session/session.h"

#include <ATen/Parallel.h>

#include <malloc.h>

#include <algorithm>
#include <cmath>

#include "adapters/peft_config.h"
#include "base/error.h"
#include "base/iso_time.h"
#include "base/log.h"
#include "base/model_path.h"
#include "base/thread_pool.h"
#include "data/text/announcement.h"
#include "rewards/reward.h"
#include "runtime/evaluation/eval_budget.h"
#include "train/advice/rate_check.h"
#include "train/advice/warnings.h"
#include "train/ranks/ranks.h"
#include "train/session/card.h"
#include "train/session/judging.h"
#include "train/session/prepare.h"
#include "train/session/starting_adapter.h"

namespace pith {
namespace {

// Whether a head is fitted to a trained adapter's answers, and the adapter stays as it is.
bool FitsHead(const TrainConfig& config) { return config.run.stage == "verifier" || config.run.stage == "switcher"; }

// How many steps go through the problems so often.
void ResolveSteps(size_t num_problems, TrainConfig* config) {
  RlSettings& rl = config->rl;
  if (config->run.stage != "rl" || rl.epochs == 0 || num_problems == 0) return;
  const double steps = std::ceil(rl.epochs * static_cast<double>(num_problems) / static_cast<double>(rl.prompts_per_step));
  constexpr double kMost = 1e9;
  if (steps > kMost) ThrowUser("rl.epochs: ", rl.epochs, " passes over ", num_problems, " problems are ", steps, " steps, expected at most ", kMost);
  rl.steps = static_cast<int64_t>(steps);
}

// Fills in a rate that the configuration leaves open, and warns of one that is known to go wrong.
void ResolveRate(const LoraAdapter& adapter, const ModelConfig& model, TrainConfig* config) {
  RateFacts facts;
  facts.stage = config->run.stage;
  facts.d_model = model.d_model;
  for (const auto& [name, pair] : adapter.pairs) {
    const double rank = static_cast<double>(pair.rank) / (adapter.pissa() ? 2 : 1);
    facts.scaled_rank = std::max(facts.scaled_rank, adapter.scale(pair) * rank);
  }
  facts.pissa = adapter.pissa();
  facts.batch_size = facts.stage == "rl" ? config->rl.prompts_per_step * config->rl.group_size : config->sft.batch_size;
  if (!config->optimizer.learning_rate) config->optimizer.learning_rate = SuitableLearningRate(facts);
  facts.learning_rate = *config->optimizer.learning_rate;
  for (const std::string& warning : RateWarnings(facts)) LogWarning(warning);
}

void CheckLengths(const Session& session) {
  const TrainConfig& c = session.config;
  const int64_t context = session.base->config().context_length;
  if (FitsHead(c)) return;
  if (c.run.stage != "rl") {
    if (c.sft.max_length > context) {
      ThrowUser("sft.max_length is ", c.sft.max_length, ", but the model's context is ", context, " tokens; lower it");
    }
    return;
  }
  for (const PreparedProblem& p : session.problems) {
    const auto announced = static_cast<int64_t>(p.announcement.size());
    if (announced < c.rollout.max_completion_tokens) continue;
    ThrowUser("budget.announcement takes ", announced, " tokens, which leaves nothing of rollout.max_completion_tokens = ", c.rollout.max_completion_tokens,
              "; raise that, or announce budgets in fewer words");
  }
}

// Settles what the chat template is told: data.now where it asks for the time, data.chat_template_kwargs.
std::unique_ptr<Prompter> LoadPrompter(const std::string& path, bool has_initial, TrainConfig* config) {
  const LoraAdapter initial = has_initial ? ReadPeftConfig(config->run.init_adapter).adapter : LoraAdapter();
  if (config->data.chat_template_kwargs.empty()) config->data.chat_template_kwargs = initial.template_kwargs;
  std::string now = config->data.now;
  if (now.empty() && has_initial) now = initial.template_now;
  if (now.empty()) now = Ranks::World().FromFirst(IsoTime(LocalTime()));
  auto prompter = Prompter::Load(path, now, config->data.chat_template_kwargs);
  for (const std::string& name : prompter->chat().UnusedKwargs()) {
    LogWarning(Str("data.chat_template_kwargs: ", name, " has no effect: the chat template of '", path, "' does not ask for it"));
  }
  if (prompter->chat().TellsTime()) {
    config->data.now = now;
  } else if (!config->data.now.empty()) {
    LogWarning(Str("data.now has no effect: the chat template of '", path, "' asks for no time"));
  }
  return prompter;
}

// How completions under a budget of so many tokens are closed, as pith-run closes them under --budget, or under --think and --answer.
std::optional<DecodeBudget> ClosingOf(const TrainConfig& config, int64_t tokens, const Tokenizer& tokenizer) {
  if (config.run.stage != "rl" || config.rollout.close != "forced" || tokens == 0) return std::nullopt;
  const int64_t answer = config.rollout.answer_tokens;
  Budget budget = MakeBudget(config.budget);
  budget.tokens = tokens;
  if (answer > 0) budget.reserve_tokens = std::min(answer, tokens / 2);  // as DecodeBudget::Split has it
  DecodeBudget closing = MakeDecodeBudget(budget, /*close_text_given=*/false, tokenizer);
  if (answer > 0) closing.Split(tokens - answer, answer);
  CheckDecodeBudget(closing, config.rollout.max_completion_tokens);
  CheckAnnouncement(closing, static_cast<int64_t>(AnnouncementIds(tokenizer, budget.announcement, tokens).size()), /*num_samples=*/1);
  return closing;
}

void WarnOfCuts(const TrainConfig& config) {
  const RolloutSettings& r = config.rollout;
  if (config.run.stage != "rl" || (r.top_k == 0 && r.top_p == 1 && r.min_p == 0 && r.min_completion_tokens == 0)) return;
  LogWarning("rollout.top_k, top_p, min_p or min_completion_tokens cuts the distribution that is sampled from, while the ratio of trainer to sampler is "
             "taken of probabilities before the cut; expect a biased gradient, or leave them off");
}

// Of budgets that decoding would refuse to an adapter that has learned of them.
void WarnOfBudgets(const BudgetSettings& settings) {
  if (const std::string warning = DecodingWarning(MakeBudget(settings)); !warning.empty()) return LogWarning(warning);
  const int64_t reserve = settings.reserve_tokens;
  const auto small = std::find_if(settings.choices.begin(), settings.choices.end(), [&](int64_t b) { return b > 0 && b / 2 < reserve; });
  if (small == settings.choices.end()) return;
  LogWarning(Str("budget.choices has ", *small, ", less than twice budget.reserve_tokens (", reserve, "), which decoding refuses unless it is told a smaller reserve; set budget.reserve_tokens to ",
                 *small / 2, " or less"));
}

}  // namespace

DatasetSpec SpecOf(const DatasetSettings& d) {
  DatasetSpec spec;
  spec.name = d.dataset;
  spec.split = d.split;
  spec.limit = d.limit;
  spec.seed = d.seed;
  spec.shuffle = d.shuffle;
  spec.question_field = d.question_field;
  spec.answer_field = d.answer_field;
  spec.solution_field = d.solution_field;
  spec.min_steps = d.min_steps;
  spec.max_steps = d.max_steps;
  spec.max_number = d.max_number;
  spec.distractor_rate = d.distractor_rate;
  spec.brief_rate = d.brief_rate;
  spec.verbosity = d.verbosity;
  return spec;
}

std::vector<size_t> Session::sources() const {
  std::vector<size_t> out;
  for (size_t p = 0; p < problems.size(); p += num_variants()) out.push_back(problems[p].source);
  return out;
}

void CheckIds(const Session& session, std::span<const int32_t> ids, const std::string& what) {
  const int64_t rows = session.base->config().vocab_size;
  for (int32_t id : ids) {
    if (id >= 0 && id < rows) continue;
    ThrowUser(what, " holds the token ", id, ", but the embedding of '", session.base->path(), "' has ", rows,
              " rows; the tokenizer belongs to another model, or its added tokens were never trained");
  }
}

int32_t EndOfTurn(const Tokenizer& tokenizer) {
  for (const char* text : {"<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>"}) {
    if (const auto id = tokenizer.FindToken(text)) return *id;
  }
  if (tokenizer.eos_id() < 0) ThrowUser("the tokenizer names no token that ends a turn");
  return tokenizer.eos_id();
}

std::string UserText(const TrainConfig& config, const std::string& question) {
  return UserTurn(question, MakeBudget(config.budget));
}

std::vector<size_t> WithBudgets(const Session& session, int64_t step, int64_t first_place, std::vector<size_t> problems) {
  const size_t variants = session.num_variants();
  for (size_t i = 0; i < problems.size(); ++i) {
    PITH_CHECK(problems[i] < session.num_problems(), problems[i], " of ", session.num_problems());
    problems[i] *= variants;
    if (variants > 1) problems[i] += DrawBudget(variants, session.config.run.seed, step, first_place + static_cast<int64_t>(i));
  }
  return problems;
}

void PrepareProcess(int threads) {
  // glibc gives blocks above 128 KiB back to the kernel at once; faulting them in again costs more than filling them.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 2000 << 20);
  at::set_num_threads(threads > 0 ? threads : NumCores());
}

Session OpenSession(const TrainConfig& config, Inputs inputs) {
  Session s;
  s.config = config;
  if (inputs == Inputs::kAnnounced) s.missing = FindMissingInputs(config);
  const auto lacks = [&](const std::string& key) {
    return std::any_of(s.missing.begin(), s.missing.end(), [&](const MissingInput& input) { return input.key.starts_with(key); });
  };
  const std::string path = ResolveModelPath(config.model.path);
  s.base = BaseModel::Load(path);
  s.fresh = config.run.init_adapter.empty();
  const bool has_initial = !s.fresh && !lacks("init_adapter");
  s.prompter = LoadPrompter(path, has_initial, &s.config);
  s.invocation.assign(config.adapter.invocation.begin(), config.adapter.invocation.end());
  for (int32_t id : s.invocation) {
    if (id < 0 || id >= s.base->config().vocab_size) ThrowUser("adapter.invocation holds ", id, ", which the vocabulary lacks");
  }
  const bool fits_head = FitsHead(config) && has_initial;  // to an adapter that stays as it is
  if (fits_head) s.initial = ReadTrained(config, *s.base);
  const bool always = fits_head ? s.initial.activation == Activation::kAlways : config.adapter.activation == "always";
  if (fits_head) s.invocation = s.initial.invocation;
  if (!always && s.invocation.empty()) s.invocation = s.prompter->invocation();
  std::vector<int64_t> budgets = config.budget.choices;
  if (budgets.empty()) budgets = {config.budget.tokens};
  for (const int64_t tokens : budgets) {
    s.closings.push_back(ClosingOf(s.config, tokens, s.prompter->tokenizer()));
    if (s.closings.back()) CheckIds(s, s.closings.back()->close_ids, "budget.close_text");
  }
  s.verifiers = MakeSharedVerifiers(config);
  if (!lacks("data.")) PrepareProblems(&s);
  if (fits_head) return s;
  s.initial = StartingAdapter(config, *s.base, s.invocation, !has_initial);
  s.initial.template_now = s.prompter->chat().TellsTime() ? s.config.data.now : "";
  s.initial.template_kwargs = s.config.data.chat_template_kwargs;
  ResolveRate(s.initial, s.base->config(), &s.config);
  ResolveSteps(s.num_problems(), &s.config);
  s.initial.card = CardOf(s);
  CheckLengths(s);
  WarnOfCuts(config);
  if (config.run.stage == "rl") {
    for (const std::string& warning : PolicyWarnings(config.rl)) LogWarning(warning);
  }
  WarnOfBudgets(config.budget);
  return s;
}

std::unique_ptr<Model> MakeModel(const Session& session) {
  const auto dtype = session.config.model.dtype == "float32" ? at::kFloat : at::kBFloat16;
  auto model = std::make_unique<Model>(session.base, dtype, &session.initial, session.prompter->tokenizer().vocab_size());
  model->SetRanks(Ranks::World());
  return model;
}

}  // namespace pith
