// The model that a student is distilled from.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/lora.h"
#include "base/model/base_model.h"
#include "configs/train_config.h"
#include "data/template/prompt.h"
#include "train/model/batch.h"
#include "train/model/model.h"
#include "train/session/session.h"

namespace pith {

struct Teacher {
  std::string path;                     // of the model
  std::shared_ptr<const BaseModel> base;
  std::unique_ptr<Prompter> prompter;   // its own tokenizer and template
  std::optional<LoraAdapter> adapter;

  std::string Identity() const;         // SHA-256 over the base's and the adapter's
};

// UserError for a model or adapter that cannot be read, an adapter of another base, and a teacher that is the student itself.
Teacher LoadTeacher(const Session& session);

// A teacher that scores what the student is trained on, token by token.
class ScoringTeacher {
 public:
  // UserError when the two vocabularies differ in a token, naming it, or when the teacher's adapter acts from an invocation that
  // a prompt of the session lacks: the teacher reads the student's prompts.
  ScoringTeacher(const Session& session, Teacher teacher);

  const Model& model() const { return model_; }
  int64_t num_tokens() const { return num_tokens_; }  // of the shared vocabulary
  // The same tokens as the teacher runs them, for the session's problems[i] followed by responses[i].
  std::vector<TrainSequence> Sequences(std::span<const size_t> problems, std::span<const std::vector<int32_t>* const> responses) const;

 private:
  Teacher teacher_;
  int64_t num_tokens_;
  Model model_;
  std::vector<Prompt> prompts_;  // of the session's problems, with the teacher's invocation_start
  std::unique_ptr<PromptEncoder> encoder_;
};

}  // namespace pith
