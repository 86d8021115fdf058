#include "base/model/model_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

constexpr char kLlama[] = R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
  "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 320,
  "max_position_embeddings": 512, "rms_norm_eps": 1e-05, "rope_theta": 5000.0)";

class HfConfigTest : public testing::Test {
 protected:
  ModelConfig Read(const std::string& text) {
    Overwrite(folder_ / "config.json", text);
    return ModelConfigFromHf(folder_ / "config.json");
  }
  void ExpectRefused(const std::string& text, const std::string& part) {
    try {
      Read(text);
      ADD_FAILURE() << "accepted " << text;
    } catch (const UserError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(part), std::string::npos) << "got: " << text << "\nwanted: " << part;
    }
  }
  void ExpectOptionRefused(const std::string& option, const std::string& part) {
    ExpectRefused(std::string(kLlama) + ", " + option + "}", part);
  }
  TempFolder folder_;
};

TEST_F(HfConfigTest, ReadsLlama) {
  const ModelConfig c = Read(std::string(kLlama) + "}");
  EXPECT_EQ(c.arch, "llama");
  EXPECT_EQ(c.num_layers, 2);
  EXPECT_EQ(c.d_model, 64);
  EXPECT_EQ(c.num_heads, 4);
  EXPECT_EQ(c.num_kv_heads, 2);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.q_dim(), 64);
  EXPECT_EQ(c.k_dim(), 32);
  EXPECT_EQ(c.v_dim(), 32);
  EXPECT_EQ(c.d_ff, 128);
  EXPECT_EQ(c.vocab_size, 320);
  EXPECT_EQ(c.context_length, 512);
  EXPECT_EQ(c.rotaries[0].theta, 5000.0);
  EXPECT_EQ(c.rms_norm_eps, 1e-5);
  EXPECT_FALSE(c.tied_embeddings);
  EXPECT_FALSE(c.qkv_bias);
  EXPECT_EQ(c.rope, RopeLayout::kHalves);
}

TEST_F(HfConfigTest, ReadsQwen2AndTheRopeOfNewerFiles) {
  std::string text = std::string(kLlama) + R"(, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"},
    "tie_word_embeddings": true, "head_dim": 32, "use_sliding_window": false, "sliding_window": 4096,
    "rope_scaling": null, "layer_types": ["full_attention", "full_attention"]})";
  text.replace(text.find("Llama"), 5, "Qwen2");
  const ModelConfig c = Read(text);
  EXPECT_EQ(c.arch, "qwen2");
  EXPECT_EQ(c.rotaries[0].theta, 1e6);
  EXPECT_EQ(c.head_dim, 32);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_TRUE(c.qkv_bias);
}

TEST_F(HfConfigTest, RefusesByNameWhatIsNotImplemented) {
  ExpectOptionRefused(R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0})", "lacks rope_scaling.low_freq_factor");
  ExpectOptionRefused(R"("rope_scaling": {"type": "linear"})", "lacks rope_scaling.factor");
  ExpectOptionRefused(R"("rope_parameters": {"rope_type": "yarn"})", "lacks rope_parameters.factor");
  ExpectOptionRefused(R"("rope_parameters": {"rope_type": "proportional"})", "rope_parameters.rope_type = proportional");
  ExpectOptionRefused(R"("rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5})", "partial_rotary");
  ExpectOptionRefused(R"("use_sliding_window": true)", "use_sliding_window");
  ExpectOptionRefused(R"("layer_types": ["full_attention", "sliding_attention"])", "sliding_attention");
  ExpectOptionRefused(R"("attention_bias": true)", "attention_bias");
  ExpectOptionRefused(R"("mlp_bias": true)", "mlp_bias");
  ExpectOptionRefused(R"("hidden_act": "gelu")", "hidden_act = gelu");
  ExpectOptionRefused(R"("quantization_config": {"bits": 4})", "quantization_config");
  std::string mixtral(kLlama);
  mixtral.replace(mixtral.find("Llama"), 5, "Mixtral");
  ExpectRefused(mixtral + "}", "'MixtralForCausalLM'");
}

// transformers goes by model_type, llama.cpp's converter by the class.
TEST_F(HfConfigTest, ModelTypeSaysWhatItIs) {
  const auto with = [](const std::string& architectures, const std::string& type) {
    std::string text(kLlama);
    text.replace(text.find("[\"LlamaForCausalLM\"]"), std::strlen("[\"LlamaForCausalLM\"]"), architectures);
    return text + (type.empty() ? "}" : ", \"model_type\": \"" + type + "\"}");
  };
  EXPECT_EQ(Read(with("null", "llama")).arch, "llama");
  EXPECT_EQ(Read(with("[]", "qwen2")).arch, "qwen2");
  EXPECT_TRUE(Read(with("null", "qwen2")).qkv_bias);
  EXPECT_EQ(Read(with("[\"LlamaModel\"]", "llama")).arch, "llama");
  EXPECT_EQ(Read(with("[\"LlamaForCausalLM\"]", "house_llama")).arch, "llama");
  std::string missing(kLlama);
  missing.replace(missing.find("\"architectures\": [\"LlamaForCausalLM\"], "), std::strlen("\"architectures\": [\"LlamaForCausalLM\"], "), "");
  EXPECT_EQ(Read(missing + ", \"model_type\": \"llama\"}").arch, "llama");
  ExpectRefused(missing + "}", "architecture '' (model_type '')");
  EXPECT_EQ(Read(with("null", "mistral")).arch, "llama");  // of its GGUF
  EXPECT_EQ(Read(with("[\"LlamaForCausalLM\"]", "mistral")).arch, "llama");
  ExpectRefused(with("null", "mixtral"), "model_type 'mixtral'), which pith does not run; expected a model_type of llama, mistral");
  ExpectRefused(with("[\"LlamaForCausalLM\"]", "mixtral"), "model_type is 'mixtral' but architectures says LlamaForCausalLM");
  ExpectRefused(with("[\"DeepseekV2ForCausalLM\"]", "deepseek_v2"), "architecture 'DeepseekV2ForCausalLM'");
  ExpectRefused(with("\"LlamaForCausalLM\"", ""), "expected a list of one name");
}

TEST_F(HfConfigTest, TakesOptionsThatChangeNothing) {
  const char* const neutral[] = {
      R"("rope_scaling": {"type": "linear", "factor": 1.0})", R"("rope_scaling": {"rope_type": "yarn", "factor": 1})",
      R"("rope_scaling": {"rope_type": "llama3", "factor": 1.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0})",
      R"("rope_scaling": {"rope_type": "default"}, "rope_parameters": null)", R"("rope_scaling": {"type": null})",
      R"("rope_scaling": {"rope_type": "dynamic", "factor": 4.0})",  // beyond the context alone
      R"("rope_scaling": {}, "rope_parameters": {"rope_type": "default"})", R"("hidden_act": "swish")", R"("quantization_config": null)",
      R"("partial_rotary_factor": 1.0)", R"("use_sliding_window": false, "sliding_window": 16)"};
  for (const char* option : neutral) EXPECT_EQ(Read(std::string(kLlama) + ", " + option + "}").rotaries[0].theta, 5000.0) << option;
  // An older rope_scaling overrides rope_parameters, as in transformers.
  EXPECT_EQ(Read(std::string(kLlama) + R"(, "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 3.0},
    "rope_scaling": {"type": "linear", "factor": 1.0}})").rotaries[0].theta, 5000.0);
  ExpectOptionRefused(R"("rope_scaling": {"type": "linear", "factor": 0})", "rope_scaling.factor = 0");
  EXPECT_EQ(Read(std::string(kLlama) + R"(, "rope_scaling": {"type": "yarn", "factor": 1.0, "attention_factor": 2.0}})").rotaries[0].magnitude, 2);
  ExpectOptionRefused(R"("rope_parameters": {"full_attention": {"rope_type": "default"}})", "rope_parameters.full_attention");
  ExpectOptionRefused(R"("compression_config": {"format": "x"})", "compression_config");
  std::string without(kLlama);
  without.replace(without.find("\"max_position_embeddings\": 512, "), std::strlen("\"max_position_embeddings\": 512, "), "");
  EXPECT_EQ(Read(without + "}").context_length, 2048);  // LlamaConfig's
}

// As Qwen2Config of transformers has it: biases are the architecture's, windows those of the layers that slide.
TEST_F(HfConfigTest, Qwen2SlidesWhereItSays) {
  std::string qwen(kLlama);
  qwen.replace(qwen.find("Llama"), 5, "Qwen2");
  EXPECT_TRUE(Read(qwen + R"(, "attention_bias": true})").qkv_bias);
  Read(qwen + R"(, "use_sliding_window": true, "sliding_window": 512})");
  Read(qwen + R"(, "use_sliding_window": true, "sliding_window": null})");
  Read(qwen + R"(, "use_sliding_window": true, "sliding_window": 64, "max_window_layers": 2})");
  const std::vector<LayerConfig> last = {{0, 0}, {0, 64}};
  EXPECT_EQ(Read(qwen + R"(, "use_sliding_window": true, "sliding_window": 64, "max_window_layers": 1})").layers, last);
  EXPECT_EQ(Read(qwen + R"(, "use_sliding_window": true, "sliding_window": 64, "max_window_layers": 2,
    "layer_types": ["full_attention", "sliding_attention"]})").layers, last);
  ExpectRefused(qwen + R"(, "sliding_window": 64, "layer_types": ["full_attention", "sliding_attention"]})", "without use_sliding_window");
  ExpectRefused(qwen + R"(, "layer_types": ["full_attention"]})", "no list of 2 types");
  ExpectRefused(qwen + R"(, "layer_types": ["full_attention", "linear_attention"]})", "linear_attention");
}

TEST_F(HfConfigTest, RefusesContradictions) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = std::string(kLlama) + "}";
    return text.replace(text.find(from), from.size(), to);
  };
  ExpectRefused(with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"), "4 heads cannot share 3 KV heads");
  ExpectRefused(with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 0"), "KV heads is 0");
  ExpectRefused(with("\"num_attention_heads\": 4", "\"num_attention_heads\": 0"), "number of heads is 0");
  ExpectRefused(with("\"num_attention_heads\": 4", "\"num_attention_heads\": 5"), "not a multiple of 5 heads");
  ExpectRefused(with("\"hidden_size\": 64", "\"hidden_size\": 60"), "head size 15 is odd");
  ExpectRefused(with("\"hidden_size\": 64", "\"hidden_size\": \"64\""), "expected an integer");
  ExpectRefused(with("\"hidden_size\": 64", "\"hidden_size\": 64.5"), "expected an integer");
  ExpectRefused(with("\"hidden_size\": 64, ", ""), "lacks hidden_size");
  ExpectRefused(with("\"vocab_size\": 320", "\"v_head_dim\": 0, \"vocab_size\": 320"), "the head size of values is 0");
  ExpectRefused(with("\"vocab_size\": 320", "\"vocab_size\": -1"), "vocabulary size is -1");
  ExpectRefused(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000"), "number of layers is 1000000");
  ExpectRefused(with("\"rope_theta\": 5000.0", "\"rope_theta\": 0"), "rope theta is 0");
  ExpectRefused(with("\"rope_theta\": 5000.0", "\"rope_theta\": \"x\""), "expected a number");
  ExpectRefused("[]", "not a JSON object");
  ExpectRefused("{", "not a JSON object");
  ExpectRefused("{}", "architecture ''");
  ExpectRefused(R"({"architectures": []})", "expected a list");
}

class GgufConfigTest : public testing::Test {
 protected:
  // A model file with the metadata of a small model, as `change` leaves it.
  ModelConfig Read(const std::string& arch, const std::function<void(GgufWriter&)>& change, bool output = false) {
    GgufWriter writer;
    writer.Set("general.architecture", arch);
    writer.Set("general.name", std::string("small"));
    const std::pair<const char*, int64_t> integers[] = {
        {"block_count", 3},          {"embedding_length", 64},        {"feed_forward_length", 128},
        {"attention.head_count", 4}, {"attention.head_count_kv", 2}, {"context_length", 512}};
    for (const auto& [key, value] : integers) writer.Set(arch + "." + key, value);
    writer.Set(arch + ".attention.layer_norm_rms_epsilon", 0.5);
    writer.Add("token_embd.weight", TensorType::kF32, 10, 64, std::vector<uint8_t>(2560));
    if (output) writer.Add("output.weight", TensorType::kF32, 10, 64, std::vector<uint8_t>(2560));
    change(writer);
    writer.Write(folder_ / "m.gguf");
    return ModelConfigFromGguf(GgufFile(folder_ / "m.gguf"));
  }
  void ExpectRefused(const std::string& key, GgufValue value, const std::string& part) {
    try {
      Read("llama", [&](GgufWriter& writer) { writer.Set(key, value); });
      ADD_FAILURE() << "accepted " << key;
    } catch (const UserError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(part), std::string::npos) << "got: " << text << "\nwanted: " << part;
    }
  }
  TempFolder folder_;
};

TEST_F(GgufConfigTest, ReadsBothArchitectures) {
  const ModelConfig c = Read("llama", [](GgufWriter&) {});
  EXPECT_EQ(c.name, "small");
  EXPECT_EQ(c.num_layers, 3);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.value_head_dim, 16);
  EXPECT_EQ(c.vocab_size, 10);
  EXPECT_EQ(c.rms_norm_eps, 0.5);
  EXPECT_EQ(c.rotaries[0].theta, 10000.0);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_FALSE(c.qkv_bias);
  EXPECT_EQ(c.rope, RopeLayout::kInterleaved);

  const ModelConfig q = Read(
      "qwen2",
      [](GgufWriter& w) {
        w.Set("qwen2.attention.key_length", int64_t{32});
        w.Set("qwen2.attention.value_length", int64_t{32});
        w.Set("qwen2.rope.freq_base", 1e6);
        w.Add("blk.0.attn_q.bias", TensorType::kF32, 1, 128, std::vector<uint8_t>(512));
      },
      /*output=*/true);
  EXPECT_EQ(q.rope, RopeLayout::kHalves);
  EXPECT_EQ(q.head_dim, 32);
  EXPECT_EQ(q.rotaries[0].theta, 1e6);
  EXPECT_TRUE(q.qkv_bias);
  EXPECT_FALSE(q.tied_embeddings);
}

// Each by itself: the format has width / heads for the one that a file leaves out.
TEST_F(GgufConfigTest, KeysAndValuesHaveHeadSizesOfTheirOwn) {
  const ModelConfig keys = Read("llama", [](GgufWriter& w) { w.Set("llama.attention.key_length", int64_t{32}); });
  EXPECT_EQ(keys.head_dim, 32);
  EXPECT_EQ(keys.value_head_dim, 16);
  const ModelConfig values = Read("llama", [](GgufWriter& w) { w.Set("llama.attention.value_length", int64_t{5}); });
  EXPECT_EQ(values.head_dim, 16);
  EXPECT_EQ(values.value_head_dim, 5);
  EXPECT_EQ(values.qkv_dim(), 64 + 32 + 10);
  EXPECT_EQ(values.attention_dim(), 20);
}

TEST_F(GgufConfigTest, RefusesByName) {
  ExpectRefused("general.architecture", std::string("qwen2moe"), "architecture 'qwen2moe', which pith does not run; expected one of llama, qwen2");
  ExpectRefused("llama.rope.scaling.type", std::string("other"), "llama.rope.scaling.type = other");
  ExpectRefused("llama.rope.scaling.factor", -4.0, "llama.rope.scaling.factor = -4");
  ExpectRefused("llama.expert_count", int64_t{8}, "llama.expert_count = 8");
  ExpectRefused("llama.attention.scale", -0.5, "attention's scale is -0.5");
  ExpectRefused("llama.attention.causal", false, "attention.causal = false");
  ExpectRefused("llama.rope.dimension_count", int64_t{7}, "rope.dimension_count = 7");
  ExpectRefused("llama.rope.dimension_count", int64_t{32}, "rope.dimension_count = 32");
  ExpectRefused("llama.attention.sliding_window_pattern", std::vector<bool>{true}, "sliding_window_pattern has 1 values, but the model has 3 layers");
  ExpectRefused("llama.attention.value_length", int64_t{0}, "the head size of values is 0");
  ExpectRefused("llama.attention.value_length", int64_t{1} << 40, "the head size of values is 1099511627776");
  ExpectRefused("llama.attention.value_length", int64_t{1} << 24, "heads × head size of values is");
  ExpectRefused("llama.attention.head_count_kv", std::vector<int64_t>{2, 2, 4}, "head_count_kv = 2 in layer 0 and 4 in layer 2");
  ExpectRefused("llama.feed_forward_length", std::vector<int64_t>{128, 128}, "feed_forward_length has 2 values, but the model has 3 layers");
  ExpectRefused("llama.embedding_length", std::vector<int64_t>{64, 64, 64}, "is an array of integers, expected an integer");
  ExpectRefused("llama.rope.scaling.attn_factor", -1.5, "attention factor of rotary positions is -1.5");
  ExpectRefused("llama.attn_logit_softcapping", -50.0, "attn_logit_softcapping = -50");
  ExpectRefused("llama.attention.head_count_kv", int64_t{3}, "cannot share");
  ExpectRefused("llama.block_count", int64_t{0}, "number of layers is 0");
  ExpectRefused("llama.block_count", std::string("3"), "is a string, expected an integer");
}

// What the description has a place for is read, whatever the family.
TEST_F(GgufConfigTest, ReadsWhatStretchesAndLimits) {
  const ModelConfig c = Read("llama", [](GgufWriter& w) {
    w.Set("llama.attention.sliding_window", int64_t{256});
    w.Set("llama.attention.sliding_window_pattern", std::vector<bool>{true, false, true});
    w.Set("llama.attention.scale", 0.5);
    w.Set("llama.attn_logit_softcapping", 50.0);
    w.Set("llama.final_logit_softcapping", 30.0);
    w.Set("llama.rope.dimension_count", int64_t{8});
    w.Set("llama.rope.scaling.factor", 4.0);
  });
  EXPECT_EQ(c.layers, (std::vector<LayerConfig>{{0, 256}, {0, 0}, {0, 256}}));
  EXPECT_EQ(c.attention_scale, 0.5);
  EXPECT_EQ(c.attention_soft_cap, 50);
  EXPECT_EQ(c.logit_soft_cap, 30);
  ASSERT_EQ(c.rotaries[0].frequencies.size(), 4u);
  EXPECT_DOUBLE_EQ(c.rotaries[0].frequencies[1], 0.1 / 4);
  const ModelConfig yarn = Read("llama", [](GgufWriter& w) {
    w.Set("llama.rope.scaling.type", std::string("yarn"));
    w.Set("llama.rope.scaling.factor", 4.0);
    w.Set("llama.rope.scaling.original_context_length", int64_t{128});
  });
  EXPECT_DOUBLE_EQ(yarn.rotaries[0].magnitude, 0.1 * std::log(4.0) + 1);
  EXPECT_EQ(yarn.rotaries[0].frequencies.front(), 1);
  EXPECT_DOUBLE_EQ(yarn.rotaries[0].frequencies.back(), std::pow(10000.0, -7.0 / 8) / 4);
}

// What changes nothing is no reason to refuse a file: scaling by 1, windows as wide as the context, counts alike in all layers.
TEST_F(GgufConfigTest, TakesOptionsThatChangeNothing) {
  const std::pair<const char*, GgufValue> neutral[] = {
      {"rope.scaling.type", std::string("linear")}, {"rope.scaling.type", std::string("none")}, {"rope.scaling.factor", 1.0},
      {"rope.scaling.factor", 0.0}, {"rope.scale_linear", 1.0}, {"rope.scaling.attn_factor", 1.0}, {"expert_count", int64_t{0}},
      {"attention.sliding_window", int64_t{512}}, {"attention.scale", 0.25}, {"logit_scale", 0.0}, {"logit_scale", 1.0},
      {"attn_logit_softcapping", 0.0}, {"attention.causal", true}, {"attention.head_count_kv", std::vector<int64_t>{2, 2, 2}},
      {"attention.head_count", std::vector<int64_t>{4, 4, 4}}, {"feed_forward_length", std::vector<int64_t>{128, 128, 128}}};
  const ModelConfig plain = Read("llama", [](GgufWriter&) {});
  for (const auto& [key, value] : neutral) {
    const ModelConfig c = Read("llama", [&, name = Str("llama.", key), v = value](GgufWriter& writer) { writer.Set(name, v); });
    EXPECT_EQ(c.num_kv_heads, 2) << key;
    EXPECT_EQ(c.num_heads, 4) << key;
    EXPECT_EQ(c.d_ff, 128) << key;
    EXPECT_EQ(c.rotaries[0].theta, plain.rotaries[0].theta) << key;
  }
  Read("llama", [](GgufWriter& writer) {
    writer.Set("llama.rope.scaling.type", std::string("none"));  // a factor then counts for nothing
    writer.Set("llama.rope.scaling.factor", 4.0);
  });
  Read("llama", [](GgufWriter& writer) {
    writer.Set("llama.rope.scaling.type", std::string("yarn"));
    writer.Set("llama.rope.scaling.factor", 1.0);
  });
  Read("llama", [](GgufWriter& writer) {
    std::vector<float> ones(8, 1.0f);
    std::vector<uint8_t> bytes(ones.size() * 4);
    std::memcpy(bytes.data(), ones.data(), bytes.size());
    writer.Add("rope_freqs.weight", TensorType::kF32, 1, 8, std::move(bytes));
  });
}

TEST_F(GgufConfigTest, RefusesDivisorsThatAreNoneAndFilesWithoutAModel) {
  EXPECT_THROW(Read("llama",
                    [](GgufWriter& w) {
                      w.Add("rope_freqs.weight", TensorType::kF32, 1, 8, std::vector<uint8_t>(32));
                    }),
               UserError);
  GgufWriter adapter;
  adapter.Set("general.architecture", std::string("llama"));
  adapter.Write(folder_ / "a.gguf");
  EXPECT_THROW(ModelConfigFromGguf(GgufFile(folder_ / "a.gguf")), UserError);
}

}  // namespace
}  // namespace pith
