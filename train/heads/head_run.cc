#include "train/heads/head_run.h"

#include <algorithm>
#include <filesystem>

#include "adapters/card.h"
#include "base/error.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "configs/data_sources.h"
#include "train/session/card.h"

namespace pith {
namespace {

constexpr char kHiddenFile[] = "hidden.safetensors", kHiddenTensor[] = "hidden";

}  // namespace

std::string DatasetNames(const TrainConfig& config) {
  std::string names;
  for (size_t source = 0; source < NumSources(config.data); ++source) {
    names += (names.empty() ? "" : ", ") + std::filesystem::path(SourceSettings(config.data, source).dataset).filename().string();
  }
  return names;
}

std::string HeadInputsHash(const Session& session, const std::vector<int32_t>& asked, int32_t end_id) {
  Sha256 hash;
  hash.Update(Str(AdapterHash(session.initial), " ", session.base->Identity(), " ", ProblemsHash(session), " ", end_id));
  const auto update = [&](const std::vector<int32_t>& ids) {
    hash.Update(Str(" ", ids.size(), ":"));
    hash.Update(ids.data(), ids.size() * sizeof(int32_t));
  };
  update(asked);
  for (const PreparedProblem& p : session.problems) update(p.prompt.ids);
  return hash.HexDigest();
}

void ThrowOtherInputs() {
  ThrowUser("the adapter, the base, the problems or what the chat template makes of them are not those that this run began with; put them back as they were, or start anew with --overwrite");
}

int64_t HeadSteps(const Session& session, const HeadSettings& settings) {
  const auto n = static_cast<int64_t>(session.problems.size()), per_step = settings.problems_per_step;
  return (n + per_step - 1) / per_step;
}

void SaveHidden(const std::string& folder, size_t rows, size_t width, const std::vector<float>& x) {
  if (rows == 0) return;
  WriteSafetensors(folder + "/" + kHiddenFile, {{kHiddenTensor, {static_cast<int64_t>(rows), static_cast<int64_t>(width)}, TensorType::kF32, x.data()}});
}

std::vector<float> LoadHidden(const std::string& folder, size_t rows, size_t width, const std::string& of) {
  if (rows == 0) return {};
  const std::string path = folder + "/" + kHiddenFile;
  const SafetensorsFile file(path);
  const SafeTensor* tensor = file.Find(kHiddenTensor);
  if (tensor == nullptr || tensor->type != TensorType::kF32 || tensor->shape != std::vector<int64_t>{static_cast<int64_t>(rows), static_cast<int64_t>(width)}) {
    ThrowUser("'", path, "' does not hold the hidden states of the ", rows, " ", of, " of its state.json; remove this checkpoint to resume from an earlier one");
  }
  const auto* values = reinterpret_cast<const float*>(tensor->data);
  return {values, values + rows * width};
}

HeadStage::HeadStage(const Session& session, const HeadSettings& settings) : session_(session), total_(HeadSteps(session, settings)), head_settings_(settings) {
  for (const PreparedProblem& p : session.problems) session.verifiers->CheckKind(p.problem.kind, NameOf(p.problem));
}

StepRecord HeadStage::Step(int64_t step, Ledger* ledger) {
  const int64_t begin = step * head_settings_.problems_per_step, end = std::min(begin + head_settings_.problems_per_step, static_cast<int64_t>(session_.problems.size()));
  std::vector<size_t> problems;
  for (int64_t i = begin; i < end; ++i) problems.push_back(static_cast<size_t>(i));
  Ledger::Scope sampling = ledger->Time("sampling");
  GenerateStats stats;
  Answer(problems, &stats);
  sampling.End();
  StepRecord record;
  record.rate_tokens = stats.generated_tokens;
  {
    const Ledger::Scope judging = ledger->Time("judging");
    Take(problems, &record);
  }
  if (step + 1 == total_) {
    const Ledger::Scope fitting = ledger->Time("fit");
    Fit(&record.metrics);
  }
  return record;
}

}  // namespace pith
