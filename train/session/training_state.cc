#include "train/session/training_state.h"

#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/sha256.h"
#include "train/session/card.h"

namespace pith {
namespace {

constexpr char kRemedy[] = "; remove this checkpoint to resume from an earlier one";

// Of what the model reads: prompts, and the solutions that it learns from.
std::string HashOfTokens(const Session& session) {
  Sha256 hash;
  const auto update = [&](const std::vector<int32_t>& ids) {
    hash.Update(Str(ids.size(), ":"));
    hash.Update(ids.data(), ids.size() * sizeof(int32_t));
  };
  for (const PreparedProblem& p : session.problems) {
    update(p.prompt.ids);
    if (session.config.run.stage == "rl") continue;
    update(p.said.empty() ? session.prompter->tokenizer().Encode(p.problem.solution) : std::vector<int32_t>(p.said.begin(), p.said.end() - 1));
  }
  return hash.HexDigest();
}

std::string HashOf(const std::string& text) {
  Sha256 hash;
  hash.Update(text);
  return hash.HexDigest();
}

// What a checkpoint does not say, written by an earlier version, cannot differ.
bool Differs(const nlohmann::json& state, const char* key, const std::string& now) { return state.value(key, now) != now; }

}  // namespace

TrainingState::TrainingState(const Session& session, Model* model, Optimizer* optimizer)
    : model_(model), optimizer_(optimizer), start_(AdapterHash(session.initial)), problems_(ProblemsHash(session)),
      template_(HashOf(session.prompter->chat().source())), tokens_(HashOfTokens(session)) {}

std::string TrainingState::Save() const {
  return nlohmann::ordered_json{{"num_updates", optimizer_->num_updates()}, {"start_sha256", start_}, {"problems_sha256", problems_},
                                {"template_sha256", template_}, {"tokens_sha256", tokens_}}.dump();
}

void TrainingState::Load(const std::string& json) {
  const auto state = nlohmann::json::parse(json);
  num_updates_ = state.at("num_updates").get<int64_t>();
  if (num_updates_ < 0) ThrowUser("num_updates is negative", kRemedy);
  if (state.at("start_sha256") != start_) {
    ThrowUser("the adapter that this run started from is not the one that it starts from now; put init_adapter back as it was");
  }
  if (state.at("problems_sha256") != problems_) {
    ThrowUser("the problems that this run began with are not those that it has now; put the data back as they were (a run over a .jsonl file that an earlier version "
              "of pith began, which named problems by their place in it, is finished by that version)");
  }
  constexpr char kModel[] = "; put the model's files back as they were, or start a new run from this checkpoint's adapter (init_adapter)";
  if (Differs(state, "template_sha256", template_)) ThrowUser("the chat template that this run began with is not the one that the model has now", kModel);
  if (Differs(state, "tokens_sha256", tokens_)) ThrowUser("the tokenizer gives other tokens for the same prompts than when this run began", kModel);
}

void TrainingState::SaveFiles(const std::string& folder) const {
  WritePeft(model_->ToLora(), folder + "/adapter");
  optimizer_->Save(folder + "/optimizer.safetensors");
}

void TrainingState::Hold() {
  held_ = model_->ToLora();
  optimizer_->Hold();
}

void TrainingState::SaveHeld(const std::string& folder) const {
  WritePeft(held_, folder + "/adapter");
  optimizer_->SaveHeld(folder + "/optimizer.safetensors");
}

void TrainingState::LoadFiles(const std::string& folder) {
  const LoraAdapter adapter = ReadPeft(folder + "/adapter");
  CheckAdapterFits(adapter, model_->config());
  CheckSameBase(adapter, folder + "/adapter", model_->base(), /*any_base=*/false);
  if (!SameForm(adapter, model_->ToLora())) {
    ThrowUser(folder, "/adapter has another rank, scale, invocation or other layers than the run trains", kRemedy);
  }
  model_->SetValues(adapter);
  optimizer_->Load(folder + "/optimizer.safetensors", num_updates_);
}

}  // namespace pith
