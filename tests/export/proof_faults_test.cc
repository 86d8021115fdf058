// Faults of files and of what runs them: each that moves the change of the logits by more than the bound that docs/verify.md states must be seen,
// and named by its kind; the largest that is not seen is printed.
#include "tests/export/proof_faults.h"

namespace pith {
namespace {

class ProofFaultsTest : public ProofFaults {
 protected:
  void InjectIntoFiles();
  void InjectIntoRuns();
};

void ProofFaultsTest::InjectIntoFiles() {
  for (const double x : {1e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.03, 0.1, 0.3, 0.9}) {
    for (const double factor : {1 + x, 1 - x}) {
      LoraAdapter lora = lora_;
      lora.alpha *= factor;
      JudgeFile("scale by 1 ± x", lora, {"scale"});
    }
  }
  LoraAdapter dropped = lora_;
  dropped.alpha = static_cast<double>(dropped.rank);
  JudgeFile("alpha dropped", dropped, {"scale"});
  uint64_t number = 0;
  for (const auto& [name, pair] : lora_.pairs) {
    LoraAdapter lora = lora_;
    lora.pairs.erase(name);
    JudgeFile("pair missing", lora, {"pairs"});

    lora = lora_;
    lora.pairs[name].b.assign(pair.b.size(), 0);
    JudgeFile("pair zeroed", lora, {"pairs"});

    lora = lora_;
    for (int64_t r = 0; r < pair.rank; ++r) {
      for (int64_t i = 0; i < pair.in; ++i) lora.pairs[name].a[static_cast<size_t>(i * pair.rank + r)] = pair.a[static_cast<size_t>(r * pair.in + i)];
    }
    JudgeFile("lora_a transposed", lora, {"pairs"});

    lora = lora_;
    for (int64_t r = 0; r < pair.rank; ++r) lora.pairs[name].b[static_cast<size_t>(r)] *= -1;
    JudgeFile("sign of a row of lora_b", lora, {"pairs"});

    for (const auto& [other, twin] : lora_.pairs) {
      if (other <= name || twin.in != pair.in || twin.out != pair.out) continue;
      lora = lora_;
      std::swap(lora.pairs[name], lora.pairs[other]);
      JudgeFile("pairs swapped", lora, {"pairs"});
    }
    if (name.find("attn_q") != std::string::npos || name.find("attn_k") != std::string::npos) {
      lora = lora_;
      HalvesToInterleaved(pair.b.data(), lora.pairs[name].b.data(), pair.out, static_cast<size_t>(pair.rank) * sizeof(float), base_->config().head_dim);
      JudgeFile("rows of q and k in other order", lora, {"pairs"});
    }
    for (const double off : {0.01, 1.0, 100.0}) {
      lora = lora_;
      std::vector<float>& values = number % 2 == 0 ? lora.pairs[name].a : lora.pairs[name].b;
      Rng rng(7, {number++});
      values[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(values.size()) - 1))] += static_cast<float>(off * 0.1);
      JudgeFile("one element wrong", lora, {"pairs"});
    }
  }
}

void ProofFaultsTest::InjectIntoRuns() {
  Engine engine(base_, Options(proof_));
  for (const double x : {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5}) {
    LoraAdapter lora = lora_;
    lora.alpha *= 1 + x;
    JudgeRun("scale applied by 1 + x", Replay(engine, proof_, Pack(lora), right_.begins), {"scale", "logits"});
  }
  for (const int64_t off : {-8, -4, -2, -1, 1, 2, 3, 4}) {
    std::vector<int64_t> begins = right_.begins;
    for (int64_t& begin : begins) begin += off;
    JudgeRun("adapter begins elsewhere", Replay(engine, proof_, packed_, begins), {"logits", "scale"});
  }
  std::vector<int64_t> begins(right_.begins.size(), 0);
  JudgeRun("prompt's KV by the adapter", Replay(engine, proof_, packed_, begins), {"logits", "scale"});
  begins.assign(begins.size(), 1 << 20);
  JudgeRun("adapter off", Replay(engine, proof_, packed_, begins), {"effect"});
  // One prompt alone took over what another adapter had left: the prompt's KV, or that of the invocation.
  for (size_t p = 0; p < proof_.prompts.size(); ++p) {
    begins = right_.begins;
    begins[p] = 0;
    JudgeRun("one prompt's KV by the adapter", Replay(engine, proof_, packed_, begins), {"logits", "scale"});
    begins[p] = right_.begins[p] + 2;
    JudgeRun("one invocation's KV by the base", Replay(engine, proof_, packed_, begins), {"logits", "scale"});
  }
}

// Of the size of a trained adapter's change: a few hundredths of the weights.
LoraAdapter Small(const ModelConfig& config) {
  LoraAdapter lora = testing::RandomAdapter(config, 32, 3, 0.02);
  lora.activation = Activation::kInvocation;
  lora.invocation = Alora().invocation;
  return lora;
}

TEST_F(ProofFaultsTest, OfFilesAndRuns) {
  const ModelConfig config = base_->config();
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    for (const bool small : {false, true}) {
      ASSERT_NO_FATAL_FAILURE(Begin(small ? Small(config) : Alora(), type));
      InjectIntoFiles();
      Report(std::string(TypeName(type)) + (small ? ", small adapter, " : ", tiny-alora, ") + "files");
      InjectIntoRuns();
      Report(std::string(TypeName(type)) + ", runs");
    }
  }
  EXPECT_GE(total_, 1000);
}

}  // namespace
}  // namespace pith
