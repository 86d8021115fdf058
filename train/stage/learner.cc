#include "train/stage/learner.h"

#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/error.h"
#include "train/stage/card.h"

namespace pith {
namespace {

constexpr char kRemedy[] = "; remove this checkpoint to resume from an earlier one";

}  // namespace

Learner::Learner(const Session& session, Model* model, Optimizer* optimizer)
    : model_(model), optimizer_(optimizer), start_(AdapterHash(session.initial)), problems_(ProblemsHash(session)) {}

std::string Learner::Save() const {
  return nlohmann::ordered_json{{"num_updates", optimizer_->num_updates()}, {"start_sha256", start_}, {"problems_sha256", problems_}}.dump();
}

void Learner::Load(const std::string& json) {
  const auto state = nlohmann::json::parse(json);
  num_updates_ = state.at("num_updates").get<int64_t>();
  if (num_updates_ < 0) ThrowUser("num_updates is negative", kRemedy);
  if (state.at("start_sha256") != start_) {
    ThrowUser("the adapter that this run started from is not the one that it starts from now; put init_adapter back as it was");
  }
  if (state.at("problems_sha256") != problems_) {
    ThrowUser("the problems that this run began with are not those that it has now; put the data back as they were");
  }
}

void Learner::SaveFiles(const std::string& folder) const {
  WritePeft(model_->ToLora(), folder + "/adapter");
  optimizer_->Save(folder + "/optimizer.safetensors");
}

void Learner::LoadFiles(const std::string& folder) {
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
