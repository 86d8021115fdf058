// The trainer's model for every family: logits, loss and the gradient of every adapter tensor against PyTorch.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/lora_names.h"
#include "adapters/peft.h"
#include "tests/families/family_golden.h"
#include "train/model/batch.h"
#include "train/proof/logits.h"

namespace pith::testing {
namespace {

using Gradients = std::map<std::string, std::vector<float>>;

// "blk.0.attn_q.weight.lora_a" → PEFT's name.
std::string PeftName(const std::string& name) {
  const size_t end = name.rfind(".lora_");
  return "base_model.model." + ModuleName(*ParseWeightName(name.substr(0, end))) + (name.ends_with("_a") ? ".lora_A" : ".lora_B") + ".weight";
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

  struct Step {
    double loss;
    Gradients gradients;  // by PEFT's names
  };
  Step Run(at::ScalarType type) const {
    const LoraAdapter adapter = ReadPeft(golden_.WriteAdapter(folder_));
    const Model model(Load(), type, &adapter);
    const std::vector<int32_t> ids = golden_.ids();
    const Prompt first = {{ids[0]}, 0};  // all others are learned from
    const std::vector<TrainSequence> sequences = {MakeSequence(EncodedPrompt(), first, std::span(ids).subspan(1))};
    const double count = static_cast<double>(sequences[0].response_length());
    const at::Tensor logp = RunBatch(model, sequences, {}, [&](const at::Tensor& rows, const at::Tensor&, int64_t, int64_t) {
      return RowGradients{at::full({rows.size(0)}, -1 / count, at::kFloat), {}};
    });
    Step step{-logp.sum().item<double>() / count, {}};
    for (const NamedParameter& p : model.parameters()) {
      const at::Tensor grad = p.tensor.grad().contiguous();
      step.gradients[PeftName(p.name)] = {grad.data_ptr<float>(), grad.data_ptr<float>() + grad.numel()};
    }
    return step;
  }

  FamilyGolden golden_;
  TempFolder folder_;
};

TEST_P(TrainFamilies, LogitsAreThoseOfTransformersAndPeft) {
  const auto base = Load();
  const std::vector<int32_t> ids = golden_.ids();
  const Model plain(base, at::kFloat, nullptr);
  EXPECT_LT(Distance(Flat(SequenceLogits(plain, ids, {})), golden_.Values("logits")), kFamilyTolerance);
  const LoraAdapter adapter = ReadPeft(golden_.WriteAdapter(folder_));
  const Model model(base, at::kFloat, &adapter);
  EXPECT_LT(golden_.AdapterDistance(Flat(SequenceLogits(model, ids, 0))), kFamilyTolerance);
  EXPECT_LT(Distance(Flat(SequenceLogits(model, ids, {})), golden_.Values("logits")), kFamilyTolerance) << "the adapter off";
}

// A prompt that the base encodes once, and a response that attends to it: an adapter that changes nothing there.
TEST_P(TrainFamilies, ResponsesAttendToTheirPrompt) {
  LoraAdapter adapter = ReadPeft(golden_.WriteAdapter(folder_));
  for (auto& [name, pair] : adapter.pairs) std::ranges::fill(pair.b, 0.0f);
  const Model model(Load(), at::kFloat, &adapter);
  for (const int64_t begin : {5, 14, 25}) {
    EXPECT_LT(Distance(Flat(SequenceLogits(model, golden_.ids(), begin)), golden_.Values("logits")), kFamilyTolerance) << begin;
  }
}

TEST_P(TrainFamilies, GradientsAreThoseOfPyTorch) {
  const Gradients expected = golden_.Gradients();
  const Step step = Run(at::kFloat);
  EXPECT_NEAR(step.loss, golden_.loss(), 2e-5);
  ASSERT_EQ(step.gradients.size(), expected.size());
  for (const auto& [name, values] : step.gradients) EXPECT_LT(Distance(values, expected.at(name)), 3 * kFamilyTolerance) << name;
}

// What training runs in; some of its steps are kernels of their own.
TEST_P(TrainFamilies, Bfloat16IsNear) {
  const Gradients expected = golden_.Gradients();
  const Step step = Run(at::kBFloat16);
  EXPECT_NEAR(step.loss, golden_.loss(), 0.05);
  for (const auto& [name, values] : step.gradients) EXPECT_LT(MeanDistance(values, expected.at(name)), 0.15) << name;
}

INSTANTIATE_TEST_SUITE_P(, TrainFamilies, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
