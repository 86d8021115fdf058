#include "train/session.h"

#include <malloc.h>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "base/model_path.h"
#include "base/thread_pool.h"
#include "data/dataset.h"

namespace pith {
namespace {

DatasetSpec Spec(const DataSettings& d) {
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

std::string Ids(const std::vector<int32_t>& ids) {
  std::string text;
  for (int32_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return "[" + text + "]";
}

LoraAdapter StartingAdapter(const TrainConfig& config, const BaseModel& base, const std::vector<int32_t>& invocation) {
  const Activation activation = config.adapter.activation == "always" ? Activation::kAlways : Activation::kInvocation;
  LoraAdapter adapter;
  if (config.run.init_adapter.empty()) {
    adapter = FreshAdapter(base.config(), config.adapter.targets, config.adapter.rank, config.adapter.alpha,
                           config.adapter.rslora, config.run.seed);
    adapter.activation = activation;
    if (activation == Activation::kInvocation) adapter.invocation = invocation;
  } else {
    const std::string& path = config.run.init_adapter;
    adapter = ReadPeft(path);
    CheckAdapterFits(adapter, base.config());
    if (adapter.rank != config.adapter.rank || adapter.alpha != config.adapter.alpha || adapter.rslora != config.adapter.rslora) {
      ThrowUser("init_adapter '", path, "' has rank ", adapter.rank, ", alpha ", adapter.alpha, ", rslora ",
                adapter.rslora ? "true" : "false", ", but the configuration says rank ", config.adapter.rank, ", alpha ",
                config.adapter.alpha, ", rslora ", config.adapter.rslora ? "true" : "false", "; make them agree");
    }
    if (adapter.activation != activation) {
      ThrowUser("init_adapter '", path, "' and adapter.activation: ", config.adapter.activation, " do not agree");
    }
    if (activation == Activation::kInvocation && adapter.invocation != invocation) {
      ThrowUser("init_adapter '", path, "' acts from ", Ids(adapter.invocation), " on, but this run's invocation is ",
                Ids(invocation), "; set adapter.invocation");
    }
    for (const LinearKind& kind : kLinearKinds) {
      bool wanted = false, present = false;
      for (const std::string& target : config.adapter.targets) wanted |= target == kind.target;
      for (const auto& [name, pair] : adapter.pairs) present |= name.ends_with(Str(".", kind.gguf, ".weight"));
      if (wanted != present) {
        ThrowUser("init_adapter '", path, "' ", present ? "acts" : "does not act", " on ", kind.target,
                  ", unlike adapter.targets; make them agree");
      }
    }
    if (!adapter.base_sha256.empty() && adapter.base_sha256 != base.Identity()) {
      ThrowUser("init_adapter '", path, "' was trained on another base than ", base.path(), " (their identities differ)");
    }
  }
  adapter.dropout = config.adapter.dropout;
  adapter.base_sha256 = base.Identity();
  adapter.base_path = base.path();
  return adapter;
}

}  // namespace

int32_t EndOfTurn(const Tokenizer& tokenizer) {
  for (const char* text : {"<|im_end|>", "<|eot_id|>", "<|end|>"}) {
    if (const auto id = tokenizer.FindToken(text)) return *id;
  }
  if (tokenizer.eos_id() < 0) ThrowUser("the tokenizer names no token that ends a turn");
  return tokenizer.eos_id();
}

std::string UserText(const TrainConfig& config, const std::string& question) {
  std::string sentence = config.budget.sentence;
  if (config.budget.tokens == 0 || sentence.empty()) return question;
  const std::string mark = "{budget}";
  for (size_t at; (at = sentence.find(mark)) != std::string::npos;) {
    sentence.replace(at, mark.size(), std::to_string(config.budget.tokens));
  }
  return question + " " + sentence;
}

void PrepareProcess(int threads) {
  // glibc gives blocks above 128 KiB back to the kernel at once; faulting them in again costs more than filling them.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 2000 << 20);
  at::set_num_threads(threads > 0 ? threads : NumCores());
}

Session OpenSession(const TrainConfig& config) {
  Session s;
  s.config = config;
  const std::string path = ResolveModelPath(config.model.path);
  s.base = BaseModel::Load(path);
  s.prompter = Prompter::Load(path);
  s.invocation.assign(config.adapter.invocation.begin(), config.adapter.invocation.end());
  for (int32_t id : s.invocation) {
    if (id < 0 || id >= s.base->config().vocab_size) ThrowUser("adapter.invocation holds ", id, ", which the vocabulary lacks");
  }
  const bool named = !s.invocation.empty();
  if (!named) s.invocation = s.prompter->invocation();
  for (Problem& problem : LoadProblems(Spec(config.data))) {
    PreparedProblem p;
    p.prompt = s.prompter->Build(UserText(config, problem.question), config.data.system);
    if (named) {
      const auto start = FindInvocation(p.prompt.ids, s.invocation);
      if (!start) ThrowUser("adapter.invocation ", Ids(s.invocation), " does not occur in the prompt of problem ", problem.id);
      p.prompt.invocation_start = *start;
    }
    if (config.adapter.activation == "always") p.prompt.invocation_start = 0;
    p.problem = std::move(problem);
    s.problems.push_back(std::move(p));
  }
  if (s.problems.empty()) ThrowUser("data: ", config.data.dataset, " (", config.data.split, ") has no problems");
  s.initial = StartingAdapter(config, *s.base, s.invocation);
  s.fresh = config.run.init_adapter.empty();
  return s;
}

std::unique_ptr<Model> MakeModel(const Session& session) {
  const auto dtype = session.config.model.dtype == "float32" ? at::kFloat : at::kBFloat16;
  return std::make_unique<Model>(session.base, dtype, &session.initial);
}

}  // namespace pith
