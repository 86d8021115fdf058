#include "train/supervised/teacher.h"

#include "adapters/peft.h"
#include "base/error.h"
#include "base/model_path.h"
#include "base/sha256.h"

namespace pith {
namespace {

constexpr char kTraces[] = "; use distill.mode: traces, which takes what the teacher writes as text";

// The number of tokens that both vocabularies have, which must be the same ones.
int64_t SharedTokens(const Tokenizer& student, const Tokenizer& teacher) {
  if (student.vocab_size() != teacher.vocab_size()) {
    ThrowUser("distill.teacher has a vocabulary of ", teacher.vocab_size(), " tokens and model.path one of ", student.vocab_size(),
              ": their distributions cannot be compared", kTraces);
  }
  for (int32_t id = 0; id < student.vocab_size(); ++id) {
    if (student.TokenBytes(id) == teacher.TokenBytes(id) && student.IsControl(id) == teacher.IsControl(id)) continue;
    ThrowUser("token ", id, " is '", teacher.TokenBytes(id), "' to distill.teacher and '", student.TokenBytes(id), "' to model.path: their distributions ",
              "cannot be compared", kTraces);
  }
  return student.vocab_size();
}

const LoraAdapter* AdapterOf(const Teacher& teacher) { return teacher.adapter ? &*teacher.adapter : nullptr; }

}  // namespace

std::string Teacher::Identity() const {
  Sha256 hash;
  hash.Update(base->Identity());
  if (adapter) {
    for (const auto& [name, pair] : adapter->pairs) {
      hash.Update(Str(name, adapter->scale(pair)));
      hash.Update(pair.a.data(), pair.a.size() * sizeof(float));
      hash.Update(pair.b.data(), pair.b.size() * sizeof(float));
    }
    for (int32_t id : adapter->invocation) hash.Update(Str(" ", id));
  }
  return hash.HexDigest();
}

Teacher LoadTeacher(const Session& session) {
  const DistillSettings& settings = session.config.distill;
  Teacher teacher;
  teacher.path = ResolveModelPath(settings.teacher);
  teacher.base = BaseModel::Load(teacher.path);
  teacher.prompter = Prompter::Load(teacher.path, session.config.data.now, session.config.data.chat_template_kwargs);
  if (!settings.teacher_adapter.empty()) {
    teacher.adapter = ReadPeft(settings.teacher_adapter);
    CheckAdapterFits(*teacher.adapter, teacher.base->config());
    CheckSameBase(*teacher.adapter, settings.teacher_adapter, *teacher.base, /*any_base=*/false);
    if (teacher.adapter->dora) ThrowUser("distill.teacher_adapter '", settings.teacher_adapter, "' is a DoRA; fuse it into its base (pith-export fuse) and name that as distill.teacher");
  } else if (session.fresh && teacher.base->Identity() == session.base->Identity()) {
    ThrowUser("distill.teacher is the student's own base, without an adapter: there is nothing to learn from it; name distill.teacher_adapter, or a larger model");
  }
  return teacher;
}

ScoringTeacher::ScoringTeacher(const Session& session, Teacher teacher)
    : teacher_(std::move(teacher)),
      num_tokens_(SharedTokens(session.prompter->tokenizer(), teacher_.prompter->tokenizer())),
      model_(teacher_.base, session.config.model.dtype == "float32" ? at::kFloat : at::kBFloat16, AdapterOf(teacher_)) {
  std::vector<const Prompt*> pointers;
  prompts_.reserve(session.problems.size());
  for (const PreparedProblem& p : session.problems) {
    Prompt prompt = p.prompt;
    if (teacher_.adapter && teacher_.adapter->activation == Activation::kAlways) {
      prompt.invocation_start = 0;
    } else if (teacher_.adapter) {
      const std::optional<int64_t> start = FindInvocation(prompt.ids, teacher_.adapter->invocation);
      if (!start) {
        ThrowUser("distill.teacher_adapter '", session.config.distill.teacher_adapter, "' acts from an invocation that the prompt of ",
                  NameOf(p.problem), " lacks; the teacher reads the student's prompts", kTraces);
      }
      prompt.invocation_start = *start;
    }
    prompts_.push_back(std::move(prompt));
    pointers.push_back(&prompts_.back());
  }
  model_.SetRanks(Ranks::World());
  encoder_ = std::make_unique<PromptEncoder>(model_, pointers);
}

std::vector<TrainSequence> ScoringTeacher::Sequences(std::span<const size_t> problems,
                                                     std::span<const std::vector<int32_t>* const> responses) const {
  std::vector<const Prompt*> prompts;
  for (size_t i : problems) prompts.push_back(&prompts_[i]);
  const std::vector<EncodedPrompt> encoded = encoder_->Encode(prompts);
  std::vector<TrainSequence> sequences;
  for (size_t i = 0; i < problems.size(); ++i) sequences.push_back(MakeSequence(encoded[i], *prompts[i], *responses[i]));
  return sequences;
}

}  // namespace pith
