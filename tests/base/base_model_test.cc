#include "base/base_model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/safetensors.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

std::string TinyLlama() { return std::string(PITH_TEST_GOLDEN) + "/tiny-llama"; }

// Keeps a test's identity cache away from the user's.
class BaseModelTest : public testing::Test {
 protected:
  BaseModelTest() { ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1); }
  ~BaseModelTest() override { ::unsetenv("XDG_CACHE_HOME"); }

  std::string ErrorOf(const std::string& path) {
    try {
      BaseModel::Load(path);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  // The tiny Hugging Face model as llama.cpp's converter would write it: q and k rows interleaved.
  void WriteGguf(const std::string& path, const std::function<void(GgufWriter&)>& change = [](GgufWriter&) {},
                 const std::string& leave_out = "") {
    const auto hf = BaseModel::Load(TinyLlama());
    const ModelConfig& c = hf->config();
    GgufWriter writer;
    writer.Set("general.architecture", std::string("llama"));
    writer.Set("llama.block_count", c.num_layers);
    writer.Set("llama.embedding_length", c.d_model);
    writer.Set("llama.feed_forward_length", c.d_ff);
    writer.Set("llama.attention.head_count", c.num_heads);
    writer.Set("llama.attention.head_count_kv", c.num_kv_heads);
    writer.Set("llama.context_length", c.context_length);
    writer.Set("llama.attention.layer_norm_rms_epsilon", c.rms_norm_eps);
    for (const std::string& name : hf->names()) {
      if (name == leave_out) continue;
      const TensorView view = hf->Tensor(name);
      std::vector<uint8_t> bytes(view.data, view.data + view.bytes());
      if (name.find("attn_q") != std::string::npos || name.find("attn_k") != std::string::npos) {
        HalvesToInterleaved(view.data, bytes.data(), view.rows, view.row_bytes(), c.head_dim);
      }
      writer.Add(name, view.type, view.rows, view.cols, std::move(bytes));
    }
    change(writer);
    writer.Write(path);
  }

  // The tiny model's folder, for a test to damage.
  std::string CopyFolder() {
    const std::string copy = folder_ / "hf";
    std::filesystem::copy(TinyLlama(), copy);
    return copy;
  }

  TempFolder folder_;
};

TEST_F(BaseModelTest, LoadsAHuggingFaceFolder) {
  const auto model = BaseModel::Load(TinyLlama());
  EXPECT_EQ(model->gguf(), nullptr);
  EXPECT_EQ(model->config().rope, RopeLayout::kHalves);
  EXPECT_EQ(model->names().size(), 2u + 2 * 9);
  EXPECT_TRUE(model->Has("blk.1.ffn_down.weight"));
  EXPECT_FALSE(model->Has("output.weight"));
  EXPECT_FALSE(model->Has("blk.2.ffn_down.weight"));
  const TensorView down = model->Tensor("blk.1.ffn_down.weight");
  EXPECT_EQ(down.rows, 64);
  EXPECT_EQ(down.cols, 128);
  EXPECT_EQ(down.type, TensorType::kBF16);
  const SafetensorsFile file(TinyLlama() + "/model.safetensors");
  EXPECT_EQ(std::memcmp(down.data, file.Find("model.layers.1.mlp.down_proj.weight")->data, down.bytes()), 0);
  EXPECT_EQ(model->Tensor("output_norm.weight").rows, 1);
}

TEST_F(BaseModelTest, GgufAndFolderGiveTheSameValues) {
  WriteGguf(folder_ / "m.gguf");
  const auto hf = BaseModel::Load(TinyLlama()), gguf = BaseModel::Load(folder_ / "m.gguf");
  EXPECT_EQ(gguf->config().rope, RopeLayout::kInterleaved);
  ASSERT_EQ(gguf->names(), hf->names());
  for (const std::string& name : hf->names()) EXPECT_EQ(gguf->LoadHalvesF32(name), hf->LoadHalvesF32(name)) << name;
  EXPECT_NE(gguf->Tensor("blk.0.attn_q.weight").ToF32(), hf->Tensor("blk.0.attn_q.weight").ToF32());
}

TEST_F(BaseModelTest, RowOrders) {
  std::vector<int> halves(16), interleaved(16), back(16);
  std::iota(halves.begin(), halves.end(), 0);
  HalvesToInterleaved(halves.data(), interleaved.data(), 16, sizeof(int), 8);
  EXPECT_EQ(interleaved, (std::vector<int>{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15}));
  InterleavedToHalves(interleaved.data(), back.data(), 16, sizeof(int), 8);
  EXPECT_EQ(back, halves);
}

TEST_F(BaseModelTest, BiasesAreReorderedToo) {
  const auto add_biases = [](GgufWriter& writer) {
    for (int layer = 0; layer < 2; ++layer) {
      for (const auto& [name, size] : {std::pair{"attn_q", 64}, {"attn_k", 32}, {"attn_v", 32}}) {
        std::vector<float> values(static_cast<size_t>(size));
        std::iota(values.begin(), values.end(), 0.0f);
        std::vector<uint8_t> bytes(values.size() * 4);
        std::memcpy(bytes.data(), values.data(), bytes.size());
        writer.Add(Str("blk.", layer, ".", name, ".bias"), TensorType::kF32, 1, size, std::move(bytes));
      }
    }
  };
  WriteGguf(folder_ / "m.gguf", add_biases);
  const auto model = BaseModel::Load(folder_ / "m.gguf");
  ASSERT_TRUE(model->config().qkv_bias);
  const std::vector<float> q = model->LoadHalvesF32("blk.1.attn_q.bias"), v = model->LoadHalvesF32("blk.1.attn_v.bias");
  EXPECT_EQ(std::vector<float>(q.begin(), q.begin() + 10), (std::vector<float>{0, 2, 4, 6, 8, 10, 12, 14, 1, 3}));
  EXPECT_EQ(q[16], 16);
  EXPECT_EQ(v[1], 1);
}

TEST_F(BaseModelTest, RefusesIncompleteOrForeignFiles) {
  const auto contains = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "got: " << text << "\nwanted: " << part;
  };
  WriteGguf(folder_ / "m.gguf", [](GgufWriter&) {}, "blk.1.attn_v.weight");
  contains(ErrorOf(folder_ / "m.gguf"), "lacks the tensor 'blk.1.attn_v.weight'");
  WriteGguf(folder_ / "m.gguf", [](GgufWriter& w) {
    w.Add("blk.0.attn_q_norm.weight", TensorType::kF32, 1, 16, std::vector<uint8_t>(64));
  });
  contains(ErrorOf(folder_ / "m.gguf"), "has the tensor 'blk.0.attn_q_norm.weight'");
  WriteGguf(folder_ / "m.gguf", [](GgufWriter& w) { w.Set("llama.feed_forward_length", int64_t{96}); });
  contains(ErrorOf(folder_ / "m.gguf"), "is 128×64, the model's description says 96×64");
  contains(ErrorOf(folder_ / "missing"), "cannot open");
  contains(ErrorOf(folder_.path()), "config.json");
  const std::string copy = CopyFolder();
  std::filesystem::remove(copy + "/model.safetensors");
  contains(ErrorOf(copy), "neither model.safetensors nor");
  Overwrite(copy + "/model.safetensors.index.json", R"({"weight_map": {"a": "../x.safetensors"}})");
  contains(ErrorOf(copy), "expected a file of the same folder");
  Overwrite(copy + "/model.safetensors.index.json", "3");
  contains(ErrorOf(copy), "is not a JSON object");
  Overwrite(copy + "/model.safetensors.index.json", "{\"weight_map\": 3}");
  contains(ErrorOf(copy), "weight_map");
}

TEST_F(BaseModelTest, LoadsShards) {
  const std::string copy = CopyFolder();
  const SafetensorsFile whole(TinyLlama() + "/model.safetensors");
  std::vector<SafeTensorToWrite> parts[2];
  nlohmann::json map;
  for (const auto& [name, tensor] : whole.tensors()) {
    const size_t part = map.size() % 2;
    parts[part].push_back({name, tensor.shape, tensor.type, tensor.data});
    map[name] = Str("part-", part, ".safetensors");
  }
  std::filesystem::remove(copy + "/model.safetensors");
  for (size_t i = 0; i < 2; ++i) WriteSafetensors(Str(copy, "/part-", i, ".safetensors"), parts[i]);
  Overwrite(copy + "/model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  const auto sharded = BaseModel::Load(copy), single = BaseModel::Load(TinyLlama());
  for (const std::string& name : single->names()) EXPECT_EQ(sharded->LoadHalvesF32(name), single->LoadHalvesF32(name));
  EXPECT_EQ(sharded->Identity(), single->Identity());
}

TEST_F(BaseModelTest, IdentityIsOfTheWeightsAlone) {
  WriteGguf(folder_ / "a.gguf");
  WriteGguf(folder_ / "b.gguf", [](GgufWriter& w) { w.Set("general.name", std::string("renamed")); });
  const std::string identity = BaseModel::Load(folder_ / "a.gguf")->Identity();
  EXPECT_EQ(identity.size(), 64u);
  EXPECT_EQ(BaseModel::Load(folder_ / "b.gguf")->Identity(), identity);

  std::string bytes = ReadFile(folder_ / "a.gguf");
  bytes[bytes.size() - 64] = static_cast<char>(bytes[bytes.size() - 64] ^ 1);
  WriteFile(folder_ / "c.gguf", bytes);
  EXPECT_NE(BaseModel::Load(folder_ / "c.gguf")->Identity(), identity);
}

// Values that transformers has after loading the same GGUF; it undoes llama.cpp's permutation by itself.
TEST_F(BaseModelTest, DemoModelMatchesTransformers) {
  if (!FileExists(PITH_DEMO_MODEL)) GTEST_SKIP() << "the demo model is absent; ./pith setup fetches it";
  const auto model = BaseModel::Load(PITH_DEMO_MODEL);
  EXPECT_EQ(model->config().num_layers, 30);
  EXPECT_EQ(model->config().head_dim, 64);
  EXPECT_EQ(model->config().rope_theta, 100000.0);
  EXPECT_EQ(model->config().vocab_size, 49152);
  EXPECT_TRUE(model->config().tied_embeddings);
  EXPECT_EQ(model->Tensor("token_embd.weight").type, TensorType::kQ8_0);
  const auto golden = nlohmann::json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/base/demo_rows.json"));
  for (const auto& [name, expected] : golden["tensors"].items()) {
    const std::vector<float> values = model->LoadHalvesF32(name);
    const int64_t rows = expected["shape"][0], cols = expected["shape"][1];
    ASSERT_EQ(static_cast<int64_t>(values.size()), rows * cols);
    double weighted_sum = 0, magnitude = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const float first = expected["first_column"][static_cast<size_t>(r)];
      EXPECT_EQ(values[static_cast<size_t>(r * cols)], first) << name << " row " << r;
      for (int64_t c = 0; c < cols; ++c) {
        weighted_sum += static_cast<double>(r) * static_cast<double>(values[static_cast<size_t>(r * cols + c)]);
        magnitude += static_cast<double>(r) * std::abs(static_cast<double>(values[static_cast<size_t>(r * cols + c)]));
      }
    }
    for (size_t c = 0; c < 16; ++c) EXPECT_EQ(values[static_cast<size_t>(cols) + c], expected["row_1"][c].get<float>());
    EXPECT_NEAR(weighted_sum, expected["weighted_sum"].get<double>(), 1e-10 * magnitude) << name;
  }
}

}  // namespace
}  // namespace pith
