// Faults of the base that an adapter is run on, of its chat template, and of where the adapter begins.
#include <filesystem>

#include "base/file.h"
#include "base/gguf.h"
#include "data/template/proof_prompts.h"
#include "tests/export/proof_faults.h"

namespace pith {
namespace {

class ProofBasesTest : public ProofFaults {
 protected:
  // The base with all values of one tensor times 1 + x.
  std::shared_ptr<const BaseModel> Changed(const std::string& tensor, double x) {
    const GgufFile& file = *base_->gguf();
    GgufWriter writer;
    writer.CopyMetadata(file);
    std::vector<float> values = file.Tensor(tensor).ToF32();
    for (float& value : values) value = static_cast<float>(value * (1 + x));
    for (const GgufTensor& each : file.tensors()) {
      TensorView view = file.Tensor(each.name);
      if (each.name == tensor) view.data = reinterpret_cast<const uint8_t*>(values.data());
      writer.Add(each.name, view);
    }
    const std::string path = folder_ / "changed.gguf";
    writer.Write(path);
    return BaseModel::Load(path);
  }

  ProofEvidence On(std::shared_ptr<const BaseModel> base) {
    ProofEvidence evidence = right_;
    evidence.base_sha256 = base->Identity();
    Engine engine(std::move(base), Options(proof_));
    evidence.logits = Replay(engine, proof_, packed_, right_.begins);
    return evidence;
  }
};

TEST_F(ProofBasesTest, OfWeights) {
  ASSERT_NO_FATAL_FAILURE(Begin(Alora(), TensorType::kQ8_0));
  for (const char* tensor : {"token_embd.weight", "blk.0.attn_q.weight", "blk.0.attn_v.weight", "blk.1.attn_output.weight", "blk.1.ffn_up.weight", "output_norm.weight"}) {
    for (const double x : {1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, -0.5}) {
      ProofEvidence evidence = On(Changed(tensor, x));
      const bool same = evidence.base_sha256 == proof_.base_sha256;  // 1e-7 changes no float
      Judge("base's tensor times 1 + x", proof_, evidence, same ? unseen_ : 0, {"base"});
      if (!same) EXPECT_FALSE(CheckProof(proof_, evidence).ok()) << tensor << " " << x;
      evidence.base_sha256 = proof_.base_sha256;  // as a file might say of itself
      Judge("the same behind the right hash", proof_, evidence, unseen_, {"base"});
    }
  }
  for (const TensorType type : {TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    const std::string path = folder_ / "other.gguf";
    RunConvert({kProofGolden + "tiny-llama", {type, {}}, path});
    const ProofEvidence evidence = On(BaseModel::Load(path));
    Judge("base of another type", proof_, evidence, 0, {"base"});
  }
  Report("bases");
}

// Another type of the same base, where that is meant: what it does to the base's logits is what it may do to the change.
TEST_F(ProofBasesTest, AnyBaseWidensTheBounds) {
  ASSERT_NO_FATAL_FAILURE(Begin(Alora(), TensorType::kQ8_0));
  for (const TensorType type : {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    const std::string path = folder_ / "other.gguf";
    RunConvert({kProofGolden + "tiny-llama", {type, {}}, path});
    ProofEvidence evidence = On(BaseModel::Load(path));
    evidence.any_base = true;
    const ProofResult result = CheckProof(proof_, evidence);
    EXPECT_EQ(result.verdict, ProofVerdict::kWithinQuantisation) << TypeName(type) << " " << result.figures.deviation << " of " << result.figures.bound;
  }
}

TEST_F(ProofBasesTest, OfTemplates) {
  ASSERT_NO_FATAL_FAILURE(Begin(Alora(), TensorType::kF16));
  const std::string other = folder_ / "other";
  std::filesystem::copy(kProofGolden + "tiny-llama", other);
  const std::string source = ReadFile(other + "/chat_template.jinja");
  const auto hash = [&](const std::string& text) {
    WriteFile(other + "/chat_template.jinja", text);
    const ModelConfig& c = base_->config();
    return MakeProofPrompts(other, c.vocab_size, c.context_length, "", "", lora_.invocation).template_sha256;
  };
  EXPECT_EQ(hash(source), proof_.template_sha256);
  for (const std::string& text : {source + " ", "{{ 'x' }}" + source, std::string(source).replace(source.find("do sums"), 7, "do not")}) {
    ProofEvidence evidence = right_;
    evidence.template_sha256 = hash(text);
    const ProofResult result = CheckProof(proof_, evidence);
    ASSERT_EQ(result.findings.size(), 1u) << text;
    EXPECT_EQ(result.findings[0].kind, "template");
    EXPECT_EQ(result.verdict, ProofVerdict::kDifferent);
  }
}

TEST_F(ProofBasesTest, OfWhereItBegins) {
  ASSERT_NO_FATAL_FAILURE(Begin(Alora(), TensorType::kF16));
  for (const int64_t off : {-3, -1, 1, 2}) {
    ProofEvidence evidence = right_;
    for (int64_t& begin : evidence.begins) begin += off;
    Engine engine(base_, Options(proof_));
    evidence.logits = Replay(engine, proof_, packed_, evidence.begins);
    Judge("another invocation in the file", proof_, evidence, 0, {"invocation"});
  }
  Report("invocations");
}

// The engine's cache, filled by others with the same ids, gives the bits of an empty one; and a replay that took over foreign keys and values would not.
TEST_F(ProofBasesTest, WarmCachesAreCold) {
  ASSERT_NO_FATAL_FAILURE(Begin(Alora(), TensorType::kQ8_0));
  EXPECT_TRUE(WarmIsCold(base_, Options(proof_), proof_, packed_, right_.begins, 16, right_.logits));
  const std::vector<int64_t> always(right_.begins.size(), 0);
  Engine engine(base_, Options(proof_));
  EXPECT_FALSE(WarmIsCold(base_, Options(proof_), proof_, packed_, right_.begins, 16, Replay(engine, proof_, packed_, always)));
  ProofEvidence evidence = right_;
  evidence.stale_kv = true;
  ASSERT_EQ(CheckProof(proof_, evidence).findings.size(), 1u);
  EXPECT_EQ(CheckProof(proof_, evidence).findings[0].kind, "stale KV");
}

}  // namespace
}  // namespace pith
