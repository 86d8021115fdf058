// A decoder whose matrices have the block types that pith reads and has no kernels of its own for: the engine against the reference, and
// what converting from and to them gives.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/gguf.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "runtime/engine.h"
#include "runtime/kernels/linear.h"
#include "tests/base/random_blocks.h"

namespace pith {
namespace {

constexpr int64_t kWidth = 256, kForward = 512, kHeads = 4, kKvHeads = 2, kVocab = 96, kLayers = 2;
constexpr TensorType kRead[] = {TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ2_K, TensorType::kQ3_K,
                                TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K, TensorType::kIQ4_XS};

// Every matrix of type `type`, its rows of length about one.
void WriteModel(TensorType type, const std::string& path) {
  GgufWriter writer;
  writer.Set("general.architecture", std::string("llama"));
  const auto set = [&](const std::string& key, const GgufValue& value) { writer.Set("llama." + key, value); };
  set("block_count", kLayers);
  set("context_length", int64_t{128});
  set("embedding_length", kWidth);
  set("feed_forward_length", kForward);
  set("attention.head_count", kHeads);
  set("attention.head_count_kv", kKvHeads);
  set("attention.layer_norm_rms_epsilon", 1e-5);
  set("rope.dimension_count", kWidth / kHeads);
  set("rope.freq_base", 10000.0);
  uint64_t seed = static_cast<uint64_t>(type) * 100;
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t cols) {
    writer.Add(name + ".weight", type, rows, cols, RandomBlocks(type, rows * cols, 2.0f / std::sqrt(static_cast<float>(cols)), ++seed));
  };
  const auto norm = [&](const std::string& name) {
    std::vector<float> ones(kWidth, 1.0f);
    std::vector<uint8_t> bytes(ones.size() * 4);
    std::memcpy(bytes.data(), ones.data(), bytes.size());
    writer.Add(name + ".weight", TensorType::kF32, 1, kWidth, bytes);
  };
  matrix("token_embd", kVocab, kWidth);
  matrix("output", kVocab, kWidth);
  norm("output_norm");
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string blk = "blk." + std::to_string(layer) + ".";
    const int64_t kv = kWidth / kHeads * kKvHeads;
    norm(blk + "attn_norm");
    norm(blk + "ffn_norm");
    matrix(blk + "attn_q", kWidth, kWidth);
    matrix(blk + "attn_k", kv, kWidth);
    matrix(blk + "attn_v", kv, kWidth);
    matrix(blk + "attn_output", kWidth, kWidth);
    matrix(blk + "ffn_gate", kForward, kWidth);
    matrix(blk + "ffn_up", kForward, kWidth);
    matrix(blk + "ffn_down", kWidth, kForward);
  }
  writer.Write(path);
}

class BlockTypes : public testing::TestWithParam<TensorType> {
 protected:
  BlockTypes() : folder_((std::filesystem::temp_directory_path() / ("pith-block-types-" + std::to_string(::getpid()))).string()) {
    std::filesystem::create_directories(folder_);
    ::setenv("XDG_CACHE_HOME", (folder_ + "/cache").c_str(), 1);
  }
  ~BlockTypes() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

std::vector<float> EngineLogits(const std::string& path, ActivationType activations, const std::vector<int32_t>& ids) {
  EngineOptions options;
  options.activations = activations;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 64;
  Engine engine(BaseModel::Load(path), options);
  const SequenceId sequence = engine.NewSequence();
  std::vector<ForwardRow> rows;
  for (const int32_t id : ids) rows.push_back({sequence, id, true});
  std::vector<float> logits(ids.size() * kVocab);
  engine.Forward(rows, logits.data());
  return logits;
}

const std::vector<int32_t> kIds = {5, 90, 17, 3, 3, 64, 41};

TEST_P(BlockTypes, EngineAgreesWithTheReference) {
  WriteModel(GetParam(), Path("m.gguf"));
  const std::vector<float> expected = ReferenceLogits(*BaseModel::Load(Path("m.gguf")), nullptr, 0, kIds);
  const std::vector<float> got = EngineLogits(Path("m.gguf"), ActivationType::kF32, kIds);
  double squares = 0;
  for (const float v : expected) squares += static_cast<double>(v) * v;
  const double norm = std::sqrt(squares / static_cast<double>(expected.size()));
  ASSERT_GT(norm, 0.1);
  // As in engine_logits_test.cc: layers · sqrt(d_ff) roundings of the logits' norm, the worst of many.
  const double tolerance = 8 * kLayers * std::sqrt(static_cast<double>(kForward)) * 0x1p-24 * norm + 1e-6;
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], tolerance) << "token " << i / kVocab;
  const std::vector<float> int8 = EngineLogits(Path("m.gguf"), ActivationType::kInt8, kIds);
  if (!HasInt8Kernel(GetParam())) {  // takes bf16 instead
    EXPECT_EQ(int8, EngineLogits(Path("m.gguf"), ActivationType::kBF16, kIds));
    return;
  }
  double error = 0;  // rounding x to 1/127 of a group's largest moves a product by about 1 %, and a few of them follow each other
  for (size_t i = 0; i < int8.size(); ++i) error += std::pow(static_cast<double>(int8[i] - expected[i]), 2);
  EXPECT_LT(std::sqrt(error / static_cast<double>(int8.size())), 0.03 * norm);
  EXPECT_NE(int8, EngineLogits(Path("m.gguf"), ActivationType::kBF16, kIds)) << "the int8 kernel was not used";
}

TEST_P(BlockTypes, ConvertsToTheValuesThatItHolds) {
  WriteModel(GetParam(), Path("m.gguf"));
  RunConvert({Path("m.gguf"), {TensorType::kF32, {}}, Path("f32.gguf")});
  const auto from = BaseModel::Load(Path("m.gguf")), to = BaseModel::Load(Path("f32.gguf"));
  ASSERT_EQ(from->names(), to->names());
  for (const std::string& name : from->names()) {
    EXPECT_EQ(to->Tensor(name).type, TensorType::kF32);
    EXPECT_EQ(to->Tensor(name).ToF32(), from->Tensor(name).ToF32()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BlockTypes, testing::ValuesIn(kRead), [](const auto& info) { return std::string(TypeName(info.param)); });

class ConvertToBlockTypes : public BlockTypes {};

TEST_P(ConvertToBlockTypes, WritesWhatTheQuantiserMakes) {
  WriteModel(TensorType::kQ6_K, Path("m.gguf"));
  RunConvert({Path("m.gguf"), {TensorType::kF32, {}}, Path("f32.gguf")});
  testing::internal::CaptureStderr();
  RunConvert({Path("f32.gguf"), {GetParam(), {}}, Path("out.gguf")});
  EXPECT_EQ(testing::internal::GetCapturedStderr().find("warning"), std::string::npos);
  const auto from = BaseModel::Load(Path("f32.gguf")), to = BaseModel::Load(Path("out.gguf"));
  EXPECT_EQ(to->gguf()->Get<int64_t>("general.file_type"), GetParam() == TensorType::kQ4_K ? 14 : 18);
  for (const std::string& name : from->names()) {
    const TensorView view = to->Tensor(name);
    const bool head = name == "token_embd.weight" || name == "output.weight";
    ASSERT_EQ(view.type, view.rows == 1 ? TensorType::kF32 : head ? TensorType::kQ6_K : GetParam()) << name;
    const std::vector<float> values = from->Tensor(name).ToF32();
    std::vector<uint8_t> bytes(view.bytes());
    Quantise(view.type, values.data(), bytes.data(), view.rows * view.cols);
    EXPECT_EQ(std::memcmp(bytes.data(), view.data, bytes.size()), 0) << name;
  }
}

// Rows of 64 values: llama.cpp's substitutes, and one warning for all of them.
TEST_P(ConvertToBlockTypes, RowsThatDoNotFitTakeAnotherType) {
  const auto original = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama");
  testing::internal::CaptureStderr();
  RunConvert({PITH_TEST_GOLDEN "/tiny-llama", {GetParam(), {}}, Path("out.gguf")});
  const std::string warnings = testing::internal::GetCapturedStderr();
  const auto base = BaseModel::Load(Path("out.gguf"));
  const TensorType substitute = GetParam() == TensorType::kQ4_K ? TensorType::kQ5_0 : TensorType::kQ8_0;
  int64_t matrices = 0;
  for (const std::string& name : base->names()) {
    const TensorView view = base->Tensor(name);
    if (view.rows == 1) continue;
    ++matrices;
    EXPECT_EQ(view.type, name == "token_embd.weight" ? TensorType::kQ8_0 : substitute) << name;
  }
  ASSERT_EQ(matrices, 15);
  const size_t first = warnings.find("warning: ");
  ASSERT_NE(first, std::string::npos) << warnings;
  EXPECT_EQ(warnings.find("warning: ", first + 1), std::string::npos) << warnings;
  const std::string counted = GetParam() == TensorType::kQ4_K ? "14 became q5_0 instead of q4_k" : "15 became q8_0 instead of q6_k";
  EXPECT_NE(warnings.find(counted), std::string::npos) << warnings;
}

INSTANTIATE_TEST_SUITE_P(Types, ConvertToBlockTypes, testing::Values(TensorType::kQ4_K, TensorType::kQ6_K),
                         [](const auto& info) { return std::string(TypeName(info.param)); });

TEST(FittingType, IsLlamaCpps) {
  EXPECT_EQ(FittingType(TensorType::kQ4_K, 512), TensorType::kQ4_K);
  EXPECT_EQ(FittingType(TensorType::kQ4_K, 576), TensorType::kQ5_0);
  EXPECT_EQ(FittingType(TensorType::kQ6_K, 576), TensorType::kQ8_0);
  EXPECT_EQ(FittingType(TensorType::kQ6_K, 48), TensorType::kF16);
  EXPECT_EQ(FittingType(TensorType::kQ8_0, 48), TensorType::kF16);
  EXPECT_EQ(FittingType(TensorType::kBF16, 7), TensorType::kBF16);
}

}  // namespace
}  // namespace pith
