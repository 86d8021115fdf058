// A thousand faults are put into files, bases and runs. Each that moves the change of the logits by more than the bound that docs/verify.md states must be
// seen, and named by its kind; the largest that is not seen is printed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>

#include "adapters/peft.h"
#include "adapters/proof_check.h"
#include "base/gguf.h"
#include "export/commands.h"
#include "export/prove.h"
#include "runtime/proof_replay.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using testing::RandomAdapter;

const std::string kGolden = std::string(PITH_TEST_GOLDEN) + "/";

// Shares of the change that a fault may take without being seen (docs/verify.md): of what a file holds, in roundings of its type; of what is computed, in float32.
constexpr double kHiddenRoundings = 30;
constexpr double kHiddenOfComputation = 2e-3;

double RmsOf(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

std::vector<float> ChangeOf(const ProofLogits& logits) {
  std::vector<float> change;
  for (size_t i = 0; i < logits.policy.size(); ++i) change.push_back(logits.policy[i] - logits.base[i]);
  return change;
}

class ProofFaultsTest : public ::testing::Test {
 protected:
  struct Tally {
    int injected = 0, seen = 0;
    double largest_hidden = 0;  // as a share of the change
  };

  ProofFaultsTest() {
    const std::string path = folder_ / "base.gguf";
    RunConvert({kGolden + "tiny-llama", {TensorType::kF32, {}}, path});
    base_ = BaseModel::Load(path);
  }

  static EngineOptions Options(const AdapterProof& proof) {
    EngineOptions options;
    options.num_threads = 1;
    options.activations = ActivationType::kF32;
    options.kv_type = KvType::kF32;
    options.kv_tokens = ReplayTokens(proof);
    options.share_prefixes = false;
    return options;
  }

  static std::vector<int64_t> BeginsOf(const AdapterProof& proof) {
    std::vector<int64_t> begins;
    for (const ProofPrompt& prompt : proof.prompts) begins.push_back(prompt.begin);
    return begins;
  }

  ProofEvidence Evidence(const AdapterProof& proof, const AdapterRef& adapter) {
    ProofEvidence evidence;
    evidence.pairs = StoredPairs(*adapter, base_->config());
    evidence.base_sha256 = base_->Identity();
    evidence.template_sha256 = proof.template_sha256;
    evidence.begins = BeginsOf(proof);
    Engine engine(base_, Options(proof));
    evidence.logits = Replay(engine, proof, adapter, evidence.begins);
    return evidence;
  }

  // What is right: adapter, type, proof, and what is computed with them.
  void Begin(const LoraAdapter& lora, TensorType type) {
    lora_ = lora;
    type_ = type;
    proof_ = ProveByEngine(base_, lora_);
    packed_ = Pack(lora_);
    ProveStored(base_, packed_, "test", &proof_);
    right_ = Evidence(proof_, packed_);
    const ProofResult result = CheckProof(proof_, right_);
    ASSERT_TRUE(result.ok()) << result.findings.front().sentence;
    rounding_ = result.figures.rounding;
  }

  AdapterRef Pack(const LoraAdapter& lora) { return PackedAdapter::FromLora(lora, base_->config(), type_); }

  // `kinds`: names that the fault may have.
  void Judge(const std::string& fault, const AdapterProof& proof, const ProofEvidence& evidence, double bound, const std::set<std::string>& kinds) {
    const std::vector<float> change = ChangeOf(evidence.logits), right = ChangeOf(right_.logits);
    const double size = RmsOf(change, right) / RmsOf(right, std::vector<float>(right.size()));
    const ProofResult result = CheckProof(proof, evidence);
    Tally& tally = tallies_[fault];
    ++tally.injected;
    tally.seen += !result.ok();
    if (result.ok()) tally.largest_hidden = std::max(tally.largest_hidden, size);
    if (!(size > bound)) return;
    EXPECT_FALSE(result.ok()) << fault << " of " << size << " of the change, " << TypeName(type_) << ", bound " << bound;
    bool named = false;
    std::string all;
    for (const ProofFinding& finding : result.findings) {
      named |= kinds.contains(finding.kind);
      all += finding.kind + ": " + finding.sentence + "\n";
    }
    EXPECT_TRUE(named) << fault << " of " << size << ", " << TypeName(type_) << ":\n" << all;
  }

  // A fault of the exporter: what it computes with its file is of the fault, too.
  void JudgeFile(const std::string& fault, const LoraAdapter& lora, const std::set<std::string>& kinds) {
    const ProofEvidence evidence = Evidence(proof_, Pack(lora));
    AdapterProof proof = proof_;
    proof.stored_logits = evidence.logits.policy;
    Judge(fault, proof, evidence, kHiddenRoundings * rounding_ + kHiddenOfComputation, kinds);
  }

  // A fault of what runs a good file: the file's marks are right, the logits are those of `logits`.
  void JudgeRun(const std::string& fault, const ProofLogits& logits, const std::set<std::string>& kinds) {
    ProofEvidence evidence = right_;
    evidence.logits = logits;
    Judge(fault, proof_, evidence, kHiddenOfComputation, kinds);
  }

  void InjectIntoFiles();
  void InjectIntoRuns();
  void Report(const std::string& title) {
    int injected = 0;
    std::printf("%s\n", title.c_str());
    for (const auto& [fault, tally] : tallies_) {
      std::printf("  %-34s %4d injected, %4d seen, largest hidden %.2g of the change\n", fault.c_str(), tally.injected, tally.seen, tally.largest_hidden);
      injected += tally.injected;
    }
    std::printf("  %d faults\n", injected);
    total_ += injected;
    tallies_.clear();
  }

  TempFolder folder_;
  std::shared_ptr<const BaseModel> base_;
  LoraAdapter lora_;
  TensorType type_ = TensorType::kF32;
  AdapterProof proof_;
  AdapterRef packed_;
  ProofEvidence right_;
  double rounding_ = 0;
  std::map<std::string, Tally> tallies_;
  int total_ = 0;
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

LoraAdapter Alora() { return ReadPeft(kGolden + "tiny-alora"); }

// Of the size of a trained adapter's change: a few hundredths of the weights.
LoraAdapter Small(const ModelConfig& config) {
  LoraAdapter lora = RandomAdapter(config, 32, 3, 0.02);
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
      Report(std::string(TypeName(type)) + (small ? ", small adapter, " : ", tiny-alora, ") + "files; rounding " + std::to_string(rounding_));
      InjectIntoRuns();
      Report(std::string(TypeName(type)) + ", runs");
    }
  }
  EXPECT_GE(total_, 1000);
}

}  // namespace
}  // namespace pith
