// The trainer's model for every family: logits, loss and the gradient of every adapter tensor against PyTorch.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/families/family_golden.h"
#include "train/model/batch.h"
#include "train/stage/logits.h"

namespace pith::testing {
namespace {

using Adapter = FamilyGolden::Adapter;
using Gradients = std::map<std::string, std::vector<float>>;

// "blk.0.attn_q.weight.lora_a" → PEFT's name.
std::string PeftName(const std::string& name) {
  const size_t end = name.rfind(".lora_");
  return "base_model.model." + ModuleName(*ParseWeightName(name.substr(0, end))) + (name.ends_with("_a") ? ".lora_A" : ".lora_B") + ".weight";
}

// Of a fused layer's parts, which pith holds apart: they share A, whose gradient is the sum of theirs, and have B's rows in turn.
Gradients FuseParts(Gradients parts) {
  Gradients out;
  for (const auto& [fused, names] : std::map<std::string, std::vector<std::string>>{{"self_attn.qkv_proj", {"q_proj", "k_proj", "v_proj"}},
                                                                                    {"mlp.gate_up_proj", {"gate_proj", "up_proj"}}}) {
    for (const std::string& name : names) {  // in their order, since B's rows are appended
      const std::string part = fused.substr(0, fused.find('.') + 1) + name;
      for (auto at = parts.begin(); at != parts.end();) {
        const size_t found = at->first.find(part);
        if (found == std::string::npos) {
          ++at;
          continue;
        }
        std::vector<float>& whole = out[std::string(at->first).replace(found, part.size(), fused)];
        if (at->first.ends_with("lora_B.weight") || whole.empty()) {
          whole.insert(whole.end(), at->second.begin(), at->second.end());
        } else {
          for (size_t i = 0; i < whole.size(); ++i) whole[i] += at->second[i];
        }
        at = parts.erase(at);
      }
    }
  }
  out.merge(parts);
  return out;
}

class TrainFamilies : public ::testing::TestWithParam<std::string> {
 protected:
  TrainFamilies() : golden_(GetParam()) {}

  std::shared_ptr<const BaseModel> Load() const { return BaseModel::Load(golden_.WriteModel(folder_)); }
  static std::vector<float> Flat(const std::vector<std::vector<float>>& rows) {
    std::vector<float> out;
    for (const auto& row : rows) out.insert(out.end(), row.begin(), row.end());
    return out;
  }

  FamilyGolden golden_;
  TempFolder folder_;
};

TEST_P(TrainFamilies, LogitsAreThoseOfTransformersAndPeft) {
  const auto base = Load();
  const std::vector<int32_t> ids = golden_.ids();
  const Model plain(base, at::kFloat, nullptr);
  EXPECT_LT(Distance(Flat(SequenceLogits(plain, ids, {})), golden_.Values("logits")), kFamilyTolerance);
  for (const Adapter kind : {Adapter::kWhole, Adapter::kSplit}) {
    if (!golden_.Has(kind)) continue;
    const LoraAdapter adapter = golden_.ReadAdapter(folder_, kind);
    const Model model(base, at::kFloat, &adapter);
    EXPECT_LT(Distance(golden_.Last(Flat(SequenceLogits(model, ids, 0)), kind), golden_.LastLogits(kind)), kFamilyTolerance);
    EXPECT_LT(Distance(Flat(SequenceLogits(model, ids, {})), golden_.Values("logits")), kFamilyTolerance) << "the adapter off";
  }
}

// A prompt that the base encodes once, and a response that attends to it: an adapter that changes nothing there.
TEST_P(TrainFamilies, ResponsesAttendToTheirPrompt) {
  LoraAdapter adapter = golden_.ReadAdapter(folder_, Adapter::kWhole);
  for (auto& [name, pair] : adapter.pairs) std::ranges::fill(pair.b, 0.0f);
  const Model model(Load(), at::kFloat, &adapter);
  for (const int64_t begin : {5, 14, 25}) {
    EXPECT_LT(Distance(Flat(SequenceLogits(model, golden_.ids(), begin)), golden_.Values("logits")), kFamilyTolerance) << begin;
  }
}

TEST_P(TrainFamilies, GradientsAreThoseOfPyTorch) {
  const auto base = Load();
  const std::vector<int32_t> ids = golden_.ids();
  const std::vector<TrainSequence> sequences = {{{}, ids, 1}};
  const double count = static_cast<double>(ids.size() - 1);
  for (const Adapter kind : {Adapter::kWhole, Adapter::kSplit}) {
    if (!golden_.Has(kind)) continue;
    const LoraAdapter adapter = golden_.ReadAdapter(folder_, kind);
    const Model model(base, at::kFloat, &adapter);
    const at::Tensor logp = RunBatch(model, sequences, {}, [&](const at::Tensor& rows, const at::Tensor&, int64_t, int64_t) {
      return RowGradients{at::full({rows.size(0)}, -1 / count, at::kFloat), {}};
    });
    EXPECT_NEAR(-logp.sum().item<double>() / count, golden_.Loss(kind), 2e-5);
    Gradients got;
    for (const NamedParameter& p : model.parameters()) {
      const at::Tensor grad = p.tensor.grad().contiguous();
      got[PeftName(p.name)] = {grad.data_ptr<float>(), grad.data_ptr<float>() + grad.numel()};
    }
    const Gradients expected = golden_.Gradients(kind);
    if (kind == Adapter::kWhole && golden_.Has(Adapter::kSplit)) got = FuseParts(got);
    EXPECT_EQ(got.size(), expected.size());
    for (const auto& [name, values] : expected) EXPECT_LT(Distance(got[name], values), 3 * kFamilyTolerance) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(, TrainFamilies, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
