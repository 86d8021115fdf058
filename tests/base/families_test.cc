// What base/model/family.h promises of all families, and that nobody else knows them.
#include "base/model/family.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <tuple>

#include "base/file.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

// Runtime, reference, exporter, adapters and trainer interpret descriptions. (Tokenizers have names of their own, some of them the same.)
TEST(Families, TheirNamesStandInTheirFilesAlone) {
  std::string names;
  for (const Family* family : Families()) {
    for (const char* name : {family->arch, family->model_type, family->hf_class}) names += std::string(names.empty() ? "" : "|") + name;
  }
  const std::regex literal("\"(" + names + ")[.\"]");
  int seen = 0;
  for (const char* room : {"base", "adapters", "runtime", "export", "train", "configs"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(PITH_TEST_SOURCE) / room)) {
      const fs::path& path = entry.path();
      if (path.extension() != ".cc" && path.extension() != ".h") continue;
      ++seen;
      const std::string text = ReadFile(path.string());
      std::smatch found;
      const bool named = std::regex_search(text, found, literal);
      if (path.parent_path().filename() == "model" && path.parent_path().parent_path().filename() == "base") continue;
      EXPECT_FALSE(named) << path << " has " << (named ? found.str() : "");
    }
  }
  EXPECT_GT(seen, 300);
}

TEST(Families, AreToldApartByTheirNames) {
  std::set<std::string> types, classes;
  for (const Family* family : Families()) {
    EXPECT_TRUE(types.insert(family->model_type).second) << family->model_type;
    EXPECT_TRUE(classes.insert(family->hf_class).second) << family->hf_class;
    for (const Family* other : Families()) {  // a GGUF says its architecture alone
      if (std::string(other->arch) == family->arch) EXPECT_EQ(other->to_gguf, family->to_gguf) << family->model_type;
    }
  }
}

// What config.json says survives GGUF: also what a family's GGUF takes for granted where nothing is said.
TEST(Families, AGgufSaysWhatTheFolderSays) {
  const std::string common = R"("hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 7, "num_attention_heads": 4, "num_key_value_heads": 2,
                                "head_dim": 8, "vocab_size": 10, "max_position_embeddings": 128, "tie_word_embeddings": true)";
  for (const std::string more : {
           R"("model_type": "gemma2", "sliding_window": 16)", R"("model_type": "gemma2", "sliding_window": 128)",
           R"("model_type": "gemma2", "query_pre_attn_scalar": 8, "attn_logit_softcapping": null, "final_logit_softcapping": null)",
           R"("model_type": "gemma3_text", "sliding_window": 16)", R"("model_type": "gemma3_text", "sliding_window": 512)",
           R"("model_type": "gemma3_text", "sliding_window": 16, "sliding_window_pattern": 3, "rope_local_base_freq": 5000)",
           R"("model_type": "gemma3_text", "sliding_window": 512, "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention",
              "full_attention", "sliding_attention", "full_attention"])",
           R"("model_type": "gemma3_text", "sliding_window_pattern": 1, "rope_scaling": {"rope_type": "linear", "factor": 8.0})",
           R"("model_type": "mistral", "sliding_window": 16)", R"("model_type": "mistral", "sliding_window": null)",
           R"("model_type": "ministral", "sliding_window": 16, "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention",
              "full_attention", "sliding_attention", "full_attention"])",
           R"("model_type": "qwen2", "use_sliding_window": true, "sliding_window": 16, "max_window_layers": 3)", R"("model_type": "smollm3")",
           R"("model_type": "qwen3", "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "beta_fast": 16})",
           R"("model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 32})",
           R"("model_type": "arcee")",
           R"("model_type": "llama", "v_head_dim": 12)", R"("model_type": "phi3", "v_head_dim": 6)",
           R"("model_type": "phi3", "sliding_window": 16, "partial_rotary_factor": 0.5)",
           R"("model_type": "phi3", "original_max_position_embeddings": 32, "rope_scaling": {"type": "longrope", "short_factor": [1, 1.5, 2, 3],
              "long_factor": [2, 3, 4, 5]})"}) {
    SCOPED_TRACE(more);
    const TempFolder folder;
    WriteFile(folder / "config.json", "{" + common + ", " + more + "}");
    const ModelConfig hf = ModelConfigFromHf(folder / "config.json");
    GgufWriter writer;
    WriteModelMetadata(hf, &writer);
    WriteModelTables(hf, &writer);
    writer.Add("token_embd.weight", TensorType::kF32, 10, 32, std::vector<uint8_t>(1280));
    if (hf.qkv_bias) writer.Add("blk.0.attn_q.bias", TensorType::kF32, 1, 32, std::vector<uint8_t>(128));
    writer.Write(folder / "m.gguf");
    const ModelConfig gguf = ModelConfigFromGguf(GgufFile(folder / "m.gguf"));
    EXPECT_EQ(gguf.layers, hf.layers);
    EXPECT_EQ(std::tuple(gguf.head_dim, gguf.value_head_dim), std::tuple(hf.head_dim, hf.value_head_dim));
    EXPECT_EQ(gguf.context_length, hf.context_length);
    EXPECT_EQ(gguf.stated_context, hf.stated_context);
    EXPECT_FLOAT_EQ(static_cast<float>(gguf.attention_scale), static_cast<float>(hf.attention_scale));
    EXPECT_EQ(gguf.attention_soft_cap, hf.attention_soft_cap);
    EXPECT_EQ(gguf.logit_soft_cap, hf.logit_soft_cap);
    EXPECT_EQ(gguf.embedding_scale, hf.embedding_scale);
    EXPECT_EQ(gguf.rotary_dim, hf.rotary_dim);
    EXPECT_EQ(std::tuple(gguf.qkv_bias, gguf.qk_norm, gguf.post_norms, gguf.feed_forward, gguf.tied_embeddings),
              std::tuple(hf.qkv_bias, hf.qk_norm, hf.post_norms, hf.feed_forward, hf.tied_embeddings));
    ASSERT_EQ(gguf.rotaries.size(), hf.rotaries.size());
    for (size_t r = 0; r < hf.rotaries.size(); ++r) {
      EXPECT_FLOAT_EQ(static_cast<float>(gguf.rotaries[r].magnitude), static_cast<float>(hf.rotaries[r].magnitude));
      ASSERT_EQ(gguf.rotaries[r].frequencies.size(), hf.rotaries[r].frequencies.size());
      for (size_t i = 0; i < hf.rotaries[r].frequencies.size(); ++i) {
        EXPECT_NEAR(gguf.rotaries[r].frequencies[i] / hf.rotaries[r].frequencies[i], 1, 1e-6) << r << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace pith
