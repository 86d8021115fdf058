#include "base/model/base_model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
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

// The tensors of the tiny model, for a test to change and to write back.
class HfTensorsTest : public BaseModelTest {
 protected:
  HfTensorsTest() : copy_(CopyFolder()) {
    for (const auto& [name, tensor] : whole_.tensors()) tensors_[name] = {name, tensor.shape, tensor.type, tensor.data};
  }
  SafeTensorToWrite Named(const std::string& name, SafeTensorToWrite tensor) {
    tensor.name = name;
    return tensor;
  }
  // What loading the folder prints, once the tensors are written. The model is kept.
  std::string Load() {
    std::vector<SafeTensorToWrite> tensors;
    for (const auto& [name, tensor] : tensors_) tensors.push_back(tensor);
    WriteSafetensors(copy_ + "/model.safetensors", tensors);
    return LoadFolder();
  }
  std::string LoadFolder() {
    testing::internal::CaptureStderr();
    std::string error;
    try {
      model_ = BaseModel::Load(copy_);
    } catch (const UserError& thrown) {
      error = thrown.what();
    }
    return testing::internal::GetCapturedStderr() + error;
  }
  void ExpectRefused(const std::string& name) {
    tensors_[name] = {name, {4}, TensorType::kF32, kZeros};
    const std::string got = Load();
    EXPECT_NE(got.find("has the tensor '" + name + "', which is no part"), std::string::npos) << got;
    tensors_.erase(name);
  }

  static constexpr float kZeros[4] = {};
  const SafetensorsFile whole_{TinyLlama() + "/model.safetensors"};
  const std::unique_ptr<BaseModel> single_ = BaseModel::Load(TinyLlama());
  std::string copy_;
  std::map<std::string, SafeTensorToWrite> tensors_;
  std::unique_ptr<BaseModel> model_;
};

constexpr char kEmbedding[] = "model.embed_tokens.weight", kHead[] = "lm_head.weight";

TEST_F(HfTensorsTest, ATiedModelMayBeStoredUnderTheHeadsNameAlone) {
  tensors_[kHead] = Named(kHead, tensors_[kEmbedding]);
  tensors_.erase(kEmbedding);
  ASSERT_EQ(Load(), "");
  EXPECT_TRUE(model_->config().tied_embeddings);
  EXPECT_FALSE(model_->Has("output.weight"));
  EXPECT_EQ(model_->LoadHalvesF32("token_embd.weight"), single_->LoadHalvesF32("token_embd.weight"));
  EXPECT_EQ(model_->Identity(), single_->Identity());
}

TEST_F(HfTensorsTest, ACopyOfATiedHeadIsNoTensorOfItsOwn) {
  tensors_[kHead] = Named(kHead, tensors_[kEmbedding]);
  ASSERT_EQ(Load(), "");
  EXPECT_FALSE(model_->Has("output.weight"));
  EXPECT_EQ(model_->Identity(), single_->Identity());
}

TEST_F(HfTensorsTest, AHeadThatDiffersIsTheHeadWhateverTheConfigurationSays) {
  std::vector<uint8_t> bytes(whole_.Find(kEmbedding)->bytes, 0x3f);
  tensors_[kHead] = Named(kHead, tensors_[kEmbedding]);
  tensors_[kHead].data = bytes.data();
  const std::string printed = Load();
  EXPECT_NE(printed.find("warning: "), std::string::npos) << printed;
  ASSERT_NE(model_, nullptr) << printed;
  EXPECT_NE(printed.find("config.json' says that the head is the embedding (tie_word_embeddings)"), std::string::npos) << printed;
  EXPECT_FALSE(model_->config().tied_embeddings);
  ASSERT_TRUE(model_->Has("output.weight"));
  EXPECT_EQ(std::memcmp(model_->Tensor("output.weight").data, bytes.data(), bytes.size()), 0);
  EXPECT_EQ(model_->LoadHalvesF32("token_embd.weight"), single_->LoadHalvesF32("token_embd.weight"));
}

TEST_F(HfTensorsTest, TheBareDecodersNamesWillDo) {
  std::map<std::string, SafeTensorToWrite> bare;
  for (const auto& [name, tensor] : tensors_) bare[name] = Named(name.substr(std::strlen("model.")), tensor);
  tensors_ = std::move(bare);
  ASSERT_EQ(Load(), "");
  EXPECT_EQ(model_->Identity(), single_->Identity());
  tensors_["q"] = {"layers.1.self_attn.q_norm.weight", {4}, TensorType::kF32, kZeros};
  EXPECT_NE(Load().find("q_norm.weight', which is no part"), std::string::npos);
}

TEST_F(HfTensorsTest, WhatNoModelOfTheKindReadsIsWarnedOfOnce) {
  for (const char* name : {"score.weight", "v_head.summary.bias", "model.layers.2.self_attn.q_proj.weight", "vision_tower.patch.weight"}) {
    tensors_[name] = {name, {4}, TensorType::kF32, kZeros};
  }
  tensors_["inv"] = {"model.layers.0.self_attn.rotary_emb.inv_freq", {4}, TensorType::kF32, kZeros};
  const std::string printed = Load();
  ASSERT_NE(model_, nullptr) << printed;
  EXPECT_NE(printed.find("has 4 tensors that are no part of a model of architecture 'llama' and not read: 'model.layers.2.self_attn.q_proj.weight', "
                         "'score.weight', 'v_head.summary.bias', …"), std::string::npos) << printed;
  EXPECT_EQ(printed.find("warning: "), printed.rfind("warning: ")) << printed;
  EXPECT_EQ(model_->Identity(), single_->Identity());
}

TEST_F(HfTensorsTest, WhatWouldChangeTheOutputIsRefusedByName) {
  for (const char* name : {"model.layers.0.mlp.up_proj.bias", "model.layers.1.self_attn.o_proj.bias", "model.layers.0.self_attn.q_norm.weight",
                           "model.layers.1.mlp.experts.0.up_proj.weight", "model.norm.bias", "lm_head.bias"}) {
    ExpectRefused(name);
  }
}

// Rewrites the header of the tiny model's file, with `extra` behind the others' bytes.
TEST_F(HfTensorsTest, TensorsOfOtherTypesAreTroubleOnlyWhereTheyAreNeeded) {
  const std::string file = ReadFile(TinyLlama() + "/model.safetensors");
  uint64_t header_bytes;
  std::memcpy(&header_bytes, file.data(), 8);
  const std::string data = file.substr(8 + header_bytes);
  const auto write = [&](const std::function<void(nlohmann::json&)>& change, const std::string& extra) {
    nlohmann::json header = nlohmann::json::parse(file.substr(8, header_bytes));
    change(header);
    const std::string text = header.dump();
    const uint64_t size = text.size();
    Overwrite(copy_ + "/model.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + text + data + extra);
    return LoadFolder();
  };
  const auto add = [&](const std::string& name, const char* dtype) {
    return [&data, name, dtype](nlohmann::json& header) {
      header[name] = {{"dtype", dtype}, {"shape", {1, 4}}, {"data_offsets", {data.size(), data.size() + 32}}};
    };
  };
  const std::string extra(32, 'x');
  const std::string printed = write(add("model.position_ids", "I64"), extra);
  ASSERT_NE(model_, nullptr) << printed;
  EXPECT_NE(printed.find("has 1 tensor that is no part of a model of architecture 'llama' and not read: 'model.position_ids'"), std::string::npos) << printed;
  EXPECT_EQ(model_->Identity(), single_->Identity());
  EXPECT_NE(write(add("model.layers.0.self_attn.mask", "I64"), extra).find("not read: 'model.layers.0.self_attn.mask'"), std::string::npos);
  EXPECT_NE(write(add("model.layers.0.self_attn.o_proj.bias", "F64"), extra).find("o_proj.bias', which is no part"), std::string::npos);
  const std::string needed = write([](nlohmann::json& header) { header["model.norm.weight"]["dtype"] = "I16"; }, "");
  EXPECT_NE(needed.find("tensor 'model.norm.weight' has type I16, expected F32, F16 or BF16"), std::string::npos) << needed;
}

TEST_F(BaseModelTest, UnreadTensorsOfAGguf) {
  const auto add = [](const char* name) {
    return [name](GgufWriter& w) { w.Add(name, TensorType::kF32, 1, 16, std::vector<uint8_t>(64)); };
  };
  for (const char* name : {"blk.0.attn_output.bias", "blk.1.ffn_up.bias", "output.bias", "output_norm.bias", "token_embd_norm.weight",
                           "rope_factors_long.weight", "position_embd.weight"}) {
    WriteGguf(folder_ / "m.gguf", add(name));
    EXPECT_NE(ErrorOf(folder_ / "m.gguf").find(Str("has the tensor '", name, "', which is no part")), std::string::npos) << name;
  }
  for (const char* name : {"cls.weight", "blk.2.attn_q.weight", "blk.0.attn_rot_embd.weight", "v.blk.0.ln1.weight"}) {
    WriteGguf(folder_ / "m.gguf", add(name));
    testing::internal::CaptureStderr();
    EXPECT_EQ(ErrorOf(folder_ / "m.gguf"), "") << name;
    EXPECT_NE(testing::internal::GetCapturedStderr().find(Str("not read: '", name, "'")), std::string::npos) << name;
  }
}

// Every second tensor in each part, as gguf-split would cut it: the model is the same.
TEST_F(BaseModelTest, ASplitGgufIsTheModelItWasCutFrom) {
  WriteGguf(folder_ / "whole.gguf");
  const GgufFile whole(folder_ / "whole.gguf");
  const std::string parts[] = {folder_ / "m-00001-of-00002.gguf", folder_ / "m-00002-of-00002.gguf"};
  for (size_t part = 0; part < 2; ++part) {
    GgufWriter writer;
    if (part == 0) writer.CopyMetadata(whole);
    writer.Set("split.no", static_cast<int64_t>(part));
    writer.Set("split.count", int64_t{2});
    writer.Set("split.tensors.count", static_cast<int64_t>(whole.tensors().size()));
    for (size_t i = part; i < whole.tensors().size(); i += 2) {
      writer.Add(whole.tensors()[i].name, whole.Tensor(whole.tensors()[i].name));
    }
    writer.Write(parts[part]);
  }
  const auto single = BaseModel::Load(folder_ / "whole.gguf");
  for (const std::string& given : parts) {
    const auto split = BaseModel::Load(given);
    ASSERT_EQ(split->names(), single->names());
    for (const std::string& name : single->names()) EXPECT_EQ(split->LoadHalvesF32(name), single->LoadHalvesF32(name)) << name;
    EXPECT_EQ(split->Identity(), single->Identity());
    EXPECT_EQ(split->files(), (std::vector<std::string>{parts[0], parts[1]}));
  }
  // A later part that changes is another base: the cache of identities looks at all of them.
  std::string bytes = ReadFile(parts[1]);
  bytes[bytes.size() - 64] = static_cast<char>(bytes[bytes.size() - 64] ^ 1);
  WriteFile(parts[1], bytes);
  EXPECT_NE(BaseModel::Load(parts[0])->Identity(), single->Identity());
}

TEST_F(BaseModelTest, NamesTheShardsThatAreMissing) {
  const std::string copy = CopyFolder();
  std::filesystem::remove(copy + "/model.safetensors");
  Overwrite(copy + "/model.safetensors.index.json", R"({"weight_map": {"a": "model-00002-of-00003.safetensors",
    "b": "model-00001-of-00003.safetensors", "c": "model-00003-of-00003.safetensors"}})");
  WriteSafetensors(copy + "/model-00002-of-00003.safetensors", {});
  EXPECT_NE(ErrorOf(copy).find("lacks model-00001-of-00003.safetensors, model-00003-of-00003.safetensors, which "
                               "model.safetensors.index.json names (3 files in all)"), std::string::npos) << ErrorOf(copy);
  std::filesystem::remove(copy + "/model.safetensors.index.json");
  Overwrite(copy + "/pytorch_model.bin", "x");
  EXPECT_NE(ErrorOf(copy).find("has its weights in pytorch_model.bin"), std::string::npos) << ErrorOf(copy);
}

TEST_F(BaseModelTest, ATensorInTwoShardsIsOneWhereTheyAgree) {
  const std::string copy = CopyFolder();
  std::filesystem::rename(copy + "/model.safetensors", copy + "/a.safetensors");
  Overwrite(copy + "/model.safetensors.index.json", R"({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}})");
  const SafetensorsFile whole(copy + "/a.safetensors");
  const SafeTensor norm = *whole.Find("model.norm.weight");
  WriteSafetensors(copy + "/b.safetensors", {{"model.norm.weight", norm.shape, norm.type, norm.data}});
  EXPECT_EQ(ErrorOf(copy), "");
  const std::vector<uint8_t> other(norm.bytes, 7);
  WriteSafetensors(copy + "/b.safetensors", {{"model.norm.weight", norm.shape, norm.type, other.data()}});
  EXPECT_NE(ErrorOf(copy).find("'model.norm.weight' is in another file of the folder too"), std::string::npos);
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
  EXPECT_EQ(model->config().rotaries[0].theta, 100000.0);
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
