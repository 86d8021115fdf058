// A description from a Hugging Face folder's config.json.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/model/family.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/model/model_config_checks.h"

namespace pith {
namespace {

std::string ClassOf(const HfFields& config, const std::string& model_type) {
  const nlohmann::json* list = config.Find("architectures");
  if (list == nullptr || (list->is_array() && list->empty() && !model_type.empty())) return "";
  if (!list->is_array() || list->empty() || !list->front().is_string()) {
    ThrowUser("'", config.path(), "': architectures is ", list->dump(), ", expected a list of one name");
  }
  return list->front().get<std::string>();
}

// As transformers chooses: by model_type. Files that give none, or one of their own that names the family ("house_llama"), say by the
// class that made them, which is what llama.cpp's converter goes by. Where the two name different families, neither is believed.
const Family& FamilyOf(const HfFields& config) {
  const std::string type = config.Text("model_type", "");
  std::string known;
  for (const Family* family : Families()) {
    if (type == family->model_type) return *family;
    known += Str(known.empty() ? "" : ", ", family->model_type);
  }
  const std::string name = ClassOf(config, type);
  for (const Family* family : Families()) {
    if (name != family->hf_class) continue;
    if (type.empty() || type.find(family->model_type) != std::string::npos) return *family;
    ThrowUser("'", config.path(), "': model_type is '", type, "' but architectures says ", name, "; let model_type be '", family->model_type,
              "' where the model is one");
  }
  ThrowUser("'", config.path(), "' is of architecture '", name, "' (model_type '", type, "'), which pith does not run; expected a model_type of ", known);
}

std::string NameOf(const HfFields& config) {
  const std::string name = config.Text("_name_or_path", "");
  const bool is_local = name.empty() || std::string("/.~").find(name[0]) != std::string::npos;  // none, or a place on its maker's machine
  return is_local ? std::filesystem::absolute(config.path()).parent_path().filename().string() : name;
}

// Of transformers' activations relu2 alone goes without a gate, in families that have none.
FeedForward FeedForwardOf(const HfFields& config, const std::string& usual) {
  const std::string name = config.Text("hidden_act", usual);
  const bool is_gated = usual != "relu2";
  if (!is_gated && name == "relu2") return FeedForward::kReluSquared;
  if (is_gated && name == "gelu_pytorch_tanh") return FeedForward::kGeGlu;
  if (is_gated && (name == "silu" || name == "swish")) return FeedForward::kSwiGlu;
  config.Refuse("hidden_act", name);
}

}  // namespace

ModelConfig ModelConfigFromHf(const std::string& config_json_path) {
  const std::string& path = config_json_path;
  const std::string text = PythonJson(ReadFile(path, kMaxJsonBytes));
  if (const std::string problem = JsonObjectProblem(text, kMaxJsonDepth, RepeatedKeys::kLastCounts); !problem.empty()) ThrowUser("'", path, "' ", problem);
  const HfFields config(path, nlohmann::json::parse(text));
  const Family& family = FamilyOf(config);
  for (const char* key : {"quantization_config", "compression_config"}) {
    if (config.Has(key)) config.Refuse(key, "a quantised checkpoint");
  }
  ModelConfig c;
  c.arch = family.arch;
  c.name = NameOf(config);
  c.num_layers = config.Int("num_hidden_layers");
  c.d_model = config.Int("hidden_size");
  c.num_heads = config.Int("num_attention_heads");
  c.num_kv_heads = config.Int("num_key_value_heads", c.num_heads);
  const int64_t usual_head_dim = family.hf_defaults.head_dim;
  c.head_dim = config.Has("head_dim") ? config.Int("head_dim") : usual_head_dim != 0 ? usual_head_dim : HeadDimFor(path, c.d_model, c.num_heads);
  c.value_head_dim = config.Int("v_head_dim", c.head_dim);
  c.d_ff = config.Int("intermediate_size");
  c.vocab_size = config.Int("vocab_size");
  c.context_length = config.Int("max_position_embeddings", family.hf_defaults.context);
  c.rms_norm_eps = config.Number("rms_norm_eps", family.hf_defaults.rms_norm_eps);
  c.tied_embeddings = config.Bool("tie_word_embeddings", family.hf_defaults.tied_embeddings);
  c.feed_forward = FeedForwardOf(config, family.hf_defaults.hidden_act);
  CheckModelSizes(path, c);
  family.from_hf(config, &c);
  c.Finish();
  CheckModelConfig(path, c);
  return c;
}

}  // namespace pith
