#include "adapters/packed_adapter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>

#include "base/file.h"
#include "base/gguf.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::RandomAdapter;
using testing::Refusal;
using testing::TinyConfig;

class PackedAdapterTest : public ::testing::Test {
 protected:
  PackedAdapterTest() : path_((fs::temp_directory_path() / ("pith-packed-" + std::to_string(::getpid()) + ".gguf")).string()) {}
  ~PackedAdapterTest() override { fs::remove(path_); }

  // Writes a small GGUF LoRA (rank 2, blk.0.attn_v alone), changed by `change`; the sentence of loading it.
  std::string LoadChanged(const std::function<void(GgufWriter&)>& change, bool with_pair = true) {
    GgufWriter writer;
    writer.Set("general.architecture", std::string("llama"));
    writer.Set("general.type", std::string("adapter"));
    writer.Set("adapter.type", std::string("lora"));
    writer.Set("adapter.lora.alpha", 4.0);
    if (with_pair) Put(writer, "blk.0.attn_v.weight", 2, 64, 32, 2);
    change(writer);
    writer.Write(path_);
    return Refusal([&] { loaded_ = PackedAdapter::FromGguf(path_, TinyConfig()); });
  }
  static void PutOne(GgufWriter& writer, const std::string& name, int64_t rows, int64_t cols) {
    writer.Add(name, TensorType::kF32, rows, cols, std::vector<uint8_t>(static_cast<size_t>(rows * cols) * 4));
  }
  static void Put(GgufWriter& writer, const std::string& weight, int64_t rank_a, int64_t in, int64_t out, int64_t rank_b) {
    PutOne(writer, weight + ".lora_a", rank_a, in);
    PutOne(writer, weight + ".lora_b", out, rank_b);
  }

  std::string path_;
  std::shared_ptr<const PackedAdapter> loaded_;
};

// x → B (A x) in double precision.
std::vector<double> Apply(const std::vector<float>& a, const std::vector<float>& b, int64_t rank, const std::vector<double>& x) {
  std::vector<double> hidden(static_cast<size_t>(rank)), y(b.size() / static_cast<size_t>(rank));
  for (size_t i = 0; i < a.size(); ++i) hidden[i / x.size()] += a[i] * x[i % x.size()];
  for (size_t i = 0; i < b.size(); ++i) y[i / hidden.size()] += b[i] * hidden[i % hidden.size()];
  return y;
}

TEST_F(PackedAdapterTest, GgufRoundTripForEachType) {
  const ModelConfig config = TinyConfig();
  LoraAdapter lora = RandomAdapter(config, 32, 3);
  lora.activation = Activation::kInvocation;
  lora.invocation = {1, 67};
  lora.base_sha256 = std::string(64, 'c');
  lora.budget = AdapterBudget{64, 8, "\n#### ", "Use {budget} tokens."};
  lora.template_now = "2024-07-26T10:00:00";
  lora.template_kwargs = R"({"enable_thinking":false})";
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    const auto packed = PackedAdapter::FromLora(lora, config, type);
    packed->WriteGguf(path_);
    const auto read = PackedAdapter::FromGguf(path_, config);
    EXPECT_EQ(read->activation(), Activation::kInvocation);
    EXPECT_EQ(read->invocation(), lora.invocation);
    EXPECT_EQ(read->base_sha256(), lora.base_sha256);
    EXPECT_EQ(packed->budget(), lora.budget);
    EXPECT_EQ(read->budget(), lora.budget);
    EXPECT_EQ(read->template_now(), lora.template_now);
    EXPECT_EQ(read->template_kwargs(), lora.template_kwargs);
    EXPECT_EQ(read->pair(1, 3).scale, 2.0f);
    EXPECT_EQ(read->rank(), 32);
    EXPECT_EQ(read->name(), fs::path(path_).stem().string());
    for (int64_t layer = 0; layer < config.num_layers; ++layer) {
      for (int kind = 0; kind < kNumLinearKinds; ++kind) {
        const PackedPair &x = packed->pair(layer, kind), &y = read->pair(layer, kind);
        ASSERT_EQ(y.a.type, type);
        ASSERT_EQ(y.b.type, type);
        EXPECT_EQ(std::vector<uint8_t>(x.a.data, x.a.data + x.a.bytes()), std::vector<uint8_t>(y.a.data, y.a.data + y.a.bytes()));
        EXPECT_EQ(std::vector<uint8_t>(x.b.data, x.b.data + x.b.bytes()), std::vector<uint8_t>(y.b.data, y.b.data + y.b.bytes()));
        // Against the factors themselves; a q4_0 block is off by at most one step of max/8.
        const LoraPair& truth = lora.pairs.at(WeightName({layer, kind}));
        const std::vector<float> a = y.a.ToF32();
        const double tolerance = type == TensorType::kF32 ? 0 : type == TensorType::kQ4_0 ? 0.07 : 3e-3;
        for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], truth.a[i], tolerance) << TypeName(type);
      }
    }
  }
}

TEST_F(PackedAdapterTest, KeepsAnAnnouncement) {
  LoraAdapter lora = RandomAdapter(TinyConfig(), 4, 3);
  lora.budget = AdapterBudget{64, 8, "\n#### ", "", "budget {budget}:"};
  PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kF16)->WriteGguf(path_);
  const auto read = PackedAdapter::FromGguf(path_, TinyConfig());
  EXPECT_EQ(read->budget(), lora.budget);
  EXPECT_EQ(PackedAdapter::Scaled(read, 2)->budget(), lora.budget);
  EXPECT_EQ(GgufFile(path_).Get<std::string>("pith.budget.announcement"), "budget {budget}:");
  lora.budget->announcement = "";
  PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kF16)->WriteGguf(path_);
  EXPECT_FALSE(GgufFile(path_).Has("pith.budget.announcement"));
}

TEST_F(PackedAdapterTest, FileIsAsLlamaCppReadsIt) {
  LoraAdapter lora = RandomAdapter(TinyConfig(), 8, 3);
  lora.rslora = true;
  lora.alpha = 4;
  lora.activation = Activation::kInvocation;
  lora.invocation = {5, 6, 7};
  PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kQ8_0)->WriteGguf(path_);
  const GgufFile file(path_);
  EXPECT_EQ(file.Get<std::string>("general.type"), "adapter");
  EXPECT_EQ(file.Get<std::string>("general.architecture"), "llama");
  EXPECT_EQ(file.Get<std::string>("adapter.type"), "lora");
  EXPECT_EQ(file.Get<double>("adapter.lora.alpha"), static_cast<float>(4 * std::sqrt(8.0))) << "rsLoRA is folded in";
  EXPECT_EQ(file.Get<std::vector<int64_t>>("adapter.alora.invocation_tokens"), (std::vector<int64_t>{5, 6, 7}));
  EXPECT_EQ(file.tensors().size(), 28u);
  EXPECT_EQ(file.Tensor("blk.1.ffn_down.weight.lora_a").type, TensorType::kQ8_0);
  EXPECT_EQ(file.Tensor("blk.1.ffn_down.weight.lora_b").type, TensorType::kF16) << "rank 8 has no blocks of 32";
  EXPECT_EQ(file.Tensor("blk.1.ffn_down.weight.lora_a").cols, 128);
  EXPECT_EQ(file.Tensor("blk.1.ffn_down.weight.lora_b").rows, 64);
  // The u32 of the array (type 4) right behind its key and the array's own type (9).
  const std::string bytes = ReadFile(path_), key = "adapter.alora.invocation_tokens";
  const size_t at = bytes.find(key) + key.size();
  EXPECT_EQ(bytes.substr(at, 8), std::string("\x09\0\0\0\x04\0\0\0", 8));
}

TEST_F(PackedAdapterTest, InterleavedFactorsGiveInterleavedOutput) {
  const LoraAdapter lora = RandomAdapter(TinyConfig(), 4, 9);
  const auto halves = PackedAdapter::FromLora(lora, TinyConfig(RopeLayout::kHalves), TensorType::kF32);
  const auto interleaved = PackedAdapter::FromLora(lora, TinyConfig(RopeLayout::kInterleaved), TensorType::kF32);
  Rng rng(5);
  for (int kind = 0; kind < kNumLinearKinds; ++kind) {
    std::vector<double> x(static_cast<size_t>(LinearCols(TinyConfig(), kind)));
    for (double& value : x) value = rng.Normal();
    const auto y = [&](const PackedAdapter& adapter) {
      const PackedPair& pair = adapter.pair(1, kind);
      return Apply(pair.a.ToF32(), pair.b.ToF32(), 4, x);
    };
    std::vector<double> expected = y(*halves);
    if (kind < 2) {  // head of 16: values i and i + 8 of a head become neighbours 2i and 2i + 1
      const std::vector<double> before = expected;
      for (size_t i = 0; i < expected.size(); ++i) {
        const size_t head = i / 16 * 16, in_head = i % 16;
        expected[i] = before[head + in_head / 2 + (in_head % 2) * 8];
      }
    }
    EXPECT_EQ(y(*interleaved), expected) << kLinearKinds[kind].gguf;
  }
  EXPECT_NE(Refusal([&] { halves->WriteGguf(path_); }).find("row order"), std::string::npos);
}

// A file is for GGUF bases, whoever wrote it: for a Hugging Face folder of the llama family its rows of q and k change places.
TEST_F(PackedAdapterTest, FilesFitBasesOfEitherOrder) {
  for (const char* arch : {"llama", "qwen2"}) {
    const RopeLayout order = std::string(arch) == "llama" ? RopeLayout::kInterleaved : RopeLayout::kHalves;
    ModelConfig gguf = TinyConfig(order), folder = TinyConfig(RopeLayout::kHalves);
    gguf.arch = folder.arch = arch;
    gguf.gguf_rope = folder.gguf_rope = order;
    const LoraAdapter lora = RandomAdapter(gguf, 32, 9);
    for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
      PackedAdapter::FromLora(lora, gguf, type)->WriteGguf(path_);
      const auto of_folder = PackedAdapter::FromGguf(path_, folder), of_gguf = PackedAdapter::FromGguf(path_, gguf);
      const auto expected = PackedAdapter::FromLora(lora, folder, type);
      for (int64_t layer = 0; layer < folder.num_layers; ++layer) {
        for (int kind = 0; kind < kNumLinearKinds; ++kind) {
          const PackedPair &want = expected->pair(layer, kind), &got = of_folder->pair(layer, kind);
          EXPECT_EQ(got.scale, want.scale);
          ASSERT_EQ(got.b.type, type);
          EXPECT_EQ(std::memcmp(got.a.data, want.a.data, want.a.bytes()), 0);
          EXPECT_EQ(std::memcmp(got.b.data, want.b.data, want.b.bytes()), 0) << arch << " " << TypeName(type) << " " << kLinearKinds[kind].gguf;
          const bool moved = std::string(arch) == "llama" && kind < 2;
          EXPECT_EQ(std::memcmp(of_gguf->pair(layer, kind).b.data, want.b.data, want.b.bytes()) != 0, moved) << kLinearKinds[kind].gguf;
        }
      }
    }
  }
}

TEST_F(PackedAdapterTest, ActsOnlyWhereItHasFactors) {
  ASSERT_EQ(LoadChanged([](GgufWriter&) {}), "");
  EXPECT_TRUE(loaded_->pair(0, 2).a);
  EXPECT_FALSE(loaded_->pair(0, 1).a);
  EXPECT_FALSE(loaded_->pair(1, 2).b);
  EXPECT_EQ(loaded_->pair(0, 2).scale, 2.0f);
  EXPECT_EQ(loaded_->activation(), Activation::kAlways);
  EXPECT_EQ(loaded_->base_sha256(), "");
  ASSERT_EQ(LoadChanged([](GgufWriter& w) { w.Set("adapter.lora.alpha", 0.0); }), "");
  EXPECT_EQ(loaded_->pair(0, 2).scale, 1.0f) << "as llama.cpp has it";
}

TEST_F(PackedAdapterTest, RefusesByName) {
  const auto expect = [&](const std::string& part, const std::function<void(GgufWriter&)>& change, bool with_pair = true) {
    const std::string sentence = LoadChanged(change, with_pair);
    EXPECT_NE(sentence.find(part), std::string::npos) << "wanted '" << part << "', got: " << sentence;
  };
  expect("general.type", [](GgufWriter& w) { w.Set("general.type", std::string("model")); });
  expect("adapter.type", [](GgufWriter& w) { w.Set("adapter.type", std::string("dora")); });
  expect("qwen2", [](GgufWriter& w) { w.Set("general.architecture", std::string("qwen2")); });
  expect("invocation token 320", [](GgufWriter& w) { w.Set("adapter.alora.invocation_tokens", std::vector<int64_t>{1, 320}); });
  expect("invocation token -1", [](GgufWriter& w) { w.Set("adapter.alora.invocation_tokens", std::vector<int64_t>{-1}); });
  expect("invocation_tokens", [](GgufWriter& w) { w.Set("adapter.alora.invocation_tokens", std::string("x")); });
  expect("adapter.lora.alpha", [](GgufWriter& w) { w.Set("adapter.lora.alpha", std::nan("")); });
  expect("adapter.lora.alpha", [](GgufWriter& w) { w.Set("adapter.lora.alpha", std::string("8")); });
  expect("64", [](GgufWriter& w) { w.Set("pith.base.sha256", std::string("abc")); });
  const auto budget = [](GgufWriter& w, int64_t tokens, int64_t reserve) {
    w.Set("pith.budget.tokens", tokens);
    w.Set("pith.budget.reserve_tokens", reserve);
    w.Set("pith.budget.close_text", std::string(""));
    w.Set("pith.budget.sentence", std::string(""));
  };
  expect("pith.template.now is 'yesterday'", [](GgufWriter& w) { w.Set("pith.template.now", std::string("yesterday")); });
  expect("has 0 tokens", [&](GgufWriter& w) { budget(w, 0, 8); });
  expect("has 100000001 tokens", [&](GgufWriter& w) { budget(w, 100000001, 8); });
  expect("reserves -1 tokens", [&](GgufWriter& w) { budget(w, 64, -1); });
  expect("pith.budget.reserve_tokens", [](GgufWriter& w) { w.Set("pith.budget.tokens", int64_t{64}); });
  expect("pith.budget.tokens", [](GgufWriter& w) { w.Set("pith.budget.sentence", std::string("x")); });
  expect("pith.budget.tokens", [](GgufWriter& w) { w.Set("pith.budget.announcement", std::string("x")); });
  expect("pith.budget.sentence", [&](GgufWriter& w) { budget(w, 64, 8), w.Set("pith.budget.sentence", int64_t{1}); });
  expect("pith.budget.announcement", [&](GgufWriter& w) { budget(w, 64, 8), w.Set("pith.budget.announcement", int64_t{1}); });
  expect("a sentence and an announcement", [&](GgufWriter& w) {
    budget(w, 64, 8), w.Set("pith.budget.sentence", std::string("a")), w.Set("pith.budget.announcement", std::string("b"));
  });
  ASSERT_EQ(LoadChanged([&](GgufWriter& w) { budget(w, 64, 0); }), "") << "an empty text is a text";
  EXPECT_EQ(loaded_->budget(), (AdapterBudget{64, 0, "", ""})) << "older files announce nothing";
  const auto untold = [](GgufWriter& w) {
    w.Set("pith.budget.tokens", int64_t{64});
    w.Set("pith.budget.reserve_tokens", int64_t{8});
    w.Set("pith.budget.close_text", std::string("so"));
  };
  ASSERT_EQ(LoadChanged(untold), "") << "a budget need not be told";
  EXPECT_EQ(loaded_->budget(), (AdapterBudget{64, 8, "so", ""}));
  ASSERT_EQ(LoadChanged([](GgufWriter&) {}), "");
  EXPECT_FALSE(loaded_->budget().has_value());
  expect("no tensors", [](GgufWriter&) {}, false);
  expect("lacks 'blk.1.attn_q.weight.lora_b'", [](GgufWriter& w) { PutOne(w, "blk.1.attn_q.weight.lora_a", 2, 64); });
  expect("lacks 'blk.1.attn_q.weight.lora_a'", [](GgufWriter& w) { PutOne(w, "blk.1.attn_q.weight.lora_b", 64, 2); });
  for (const char* name : {"output.weight.lora_a", "blk.2.attn_q.weight.lora_a", "blk.0.attn_v.weight", "blk.00.attn_q.weight.lora_a",
                           "blk.0.attn_v.bias.lora_a", "x", "blk.99999999999999999999.attn_q.weight.lora_a", "blk.-1.attn_q.weight.lora_a",
                           "blk.0.attn_norm.weight", "blk.", "blk.0", ".lora_a"}) {
    expect(name, [&](GgufWriter& w) { PutOne(w, name, 2, 64); });
  }
  expect("32 columns", [](GgufWriter& w) { Put(w, "blk.1.attn_q.weight", 2, 32, 64, 2); });
  expect("32 rows", [](GgufWriter& w) { Put(w, "blk.1.attn_q.weight", 2, 64, 32, 2); });
  expect("rank 2 and 3", [](GgufWriter& w) { Put(w, "blk.1.attn_q.weight", 2, 64, 64, 3); });
  ASSERT_EQ(LoadChanged([](GgufWriter& w) { Put(w, "blk.1.attn_q.weight", 3, 64, 64, 3); }), "") << "ranks may differ";
  EXPECT_EQ(loaded_->pair(0, 2).scale, 2.0f);
  EXPECT_EQ(loaded_->pair(1, 0).scale, 4.0f / 3);
  EXPECT_EQ(loaded_->rank(), 3);
}

TEST_F(PackedAdapterTest, SurvivesDamagedFiles) {
  PackedAdapter::FromLora(RandomAdapter(TinyConfig(), 2, 3), TinyConfig(), TensorType::kF16)->WriteGguf(path_);
  const std::string good = ReadFile(path_);
  Rng rng(17);
  for (int trial = 0; trial < 300; ++trial) {
    std::string bad = good;
    if (trial % 3 == 0) {
      bad.resize(static_cast<size_t>(rng.Int(0, static_cast<int64_t>(good.size()) - 1)));
    } else {
      for (int flips = 0; flips < 3; ++flips) bad[static_cast<size_t>(rng.Int(0, 2500))] ^= static_cast<char>(1 << rng.Int(0, 7));
    }
    WriteFile(path_, bad);
    Refusal([&] { PackedAdapter::FromGguf(path_, TinyConfig()); });  // loads or refuses; anything else ends the test
  }
}

TEST_F(PackedAdapterTest, AnotherScaleSharesTheTensors) {
  LoraAdapter lora = RandomAdapter(TinyConfig(), 2, 4);
  lora.budget = AdapterBudget{100, 20, "so", ""};
  std::shared_ptr<const PackedAdapter> whole = PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kF16);
  EXPECT_EQ(PackedAdapter::Scaled(whole, 1), whole);
  const int64_t bytes = whole->bytes();
  const PackedPair before = whole->pair(1, 2);
  const auto half = PackedAdapter::Scaled(whole, 0.5f);
  whole.reset();  // they live on
  EXPECT_EQ(half->pair(1, 2).scale, 0.5f * before.scale);
  EXPECT_EQ(half->pair(1, 2).a.data, before.a.data);
  EXPECT_EQ(half->pair(1, 2).b.ToF32().size(), static_cast<size_t>(before.b.rows * before.b.cols));
  EXPECT_TRUE(half->bytes() == bytes && half->rank() == 2 && half->budget() == lora.budget && half->name() == "trainer");
  int64_t expected = 0;
  for (const auto& [name, pair] : lora.pairs) expected += 2 * pair.rank * (pair.in + pair.out);
  EXPECT_EQ(bytes, expected);
  EXPECT_NE(Refusal([&] { half->WriteGguf(path_); }).find("scale was changed"), std::string::npos);
}

TEST_F(PackedAdapterTest, NamesItsBase) {
  LoraAdapter lora = RandomAdapter(TinyConfig(), 2, 3);
  const std::string right(64, '1'), wrong(64, '2');
  ::testing::internal::CaptureStderr();
  for (const std::string& base : {wrong, std::string()}) CheckSameBase(*PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kF16), base, false);
  const std::string warnings = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(warnings.find("does not name", warnings.find("does not name") + 1), std::string::npos) << warnings;
  lora.base_sha256 = right;
  const auto adapter = PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kF16);
  CheckSameBase(*adapter, right, false);
  CheckSameBase(*adapter, wrong, true);
  EXPECT_NE(Refusal([&] { CheckSameBase(*adapter, wrong, false); }).find("--any-base"), std::string::npos);
}

}  // namespace
}  // namespace pith
