#include "adapters/card.h"

#include <nlohmann/json.hpp>

#include "adapters/lora.h"
#include "base/error.h"
#include "base/gguf.h"
#include "base/json_text.h"
#include "base/sha256.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

// Adds what is known.
void Put(Json* json, const char* key, const std::string& text) {
  if (!text.empty()) (*json)[key] = text;
}
void Put(Json* json, const char* key, int64_t number) {
  if (number != 0) (*json)[key] = number;
}
void Put(Json* json, const char* key, const Json& part) {
  if (!part.empty()) (*json)[key] = part;
}

Json PointJson(const CardPoint& point) {
  Json json;
  json["from"] = point.from;
  json["mode"] = point.mode;
  Put(&json, "step", point.step);
  json["dataset"] = point.dataset;
  json["budget"] = point.budget_tokens > 0 ? Json(point.budget_tokens) : Json(nullptr);
  Put(&json, "n", point.num_problems);
  json["chains"] = point.chains;
  json["accuracy"] = point.accuracy;
  json["accuracy_lenient"] = point.accuracy_lenient;
  json["mean_tokens"] = point.mean_tokens;
  Put(&json, "curve", point.curve);
  return json;
}

Json SourceJson(const CardSource& source) {
  Json json;
  json["name"] = source.name;
  json["dataset"] = source.dataset;
  json["share"] = source.share;
  if (source.loss) json["loss"] = *source.loss;
  if (source.reward) json["reward"] = *source.reward;
  if (source.accuracy) json["accuracy"] = *source.accuracy;
  if (source.mean_tokens) json["mean_tokens"] = *source.mean_tokens;
  return json;
}

// An object of the card, and how messages call it. A missing field leaves the value as it is; null counts as missing.
class Fields {
 public:
  Fields(const std::string& origin, const std::string& name, const Json& json) : origin_(origin), name_(name), json_(json) {
    if (!json_.is_object()) Wrong(name_, json_, "an object");
  }

  void Read(const char* key, std::string* out) const {
    if (const Json* value = Find(key)) Take(value->is_string(), key, *value, "text", out);
  }
  void Read(const char* key, int64_t* out) const {
    if (const Json* value = Find(key)) Take(value->is_number_unsigned() && value->get<uint64_t>() <= INT64_MAX, key, *value, "a whole number", out);
  }
  void Read(const char* key, uint64_t* out) const {
    if (const Json* value = Find(key)) Take(value->is_number_unsigned(), key, *value, "a whole number", out);
  }
  void Read(const char* key, double* out) const {
    if (const Json* value = Find(key)) Take(value->is_number(), key, *value, "a number", out);
  }
  void Read(const char* key, std::optional<double>* out) const {
    if (Find(key) == nullptr) return;
    Read(key, &out->emplace());
  }
  void Read(const char* key, std::vector<std::string>* out) const {
    const Json* value = Find(key);
    if (value == nullptr) return;
    Check(value->is_array(), key, *value, "a list of texts");
    for (const Json& item : *value) {
      Check(item.is_string(), key, item, "a list of texts");
      out->push_back(item.get<std::string>());
    }
  }
  Fields Object(const char* key) const {
    static const Json kNone = Json::object();
    const Json* value = Find(key);
    return Fields(origin_, name_ + "." + key, value != nullptr ? *value : kNone);
  }
  std::vector<Fields> Objects(const char* key) const {
    std::vector<Fields> all;
    const Json* value = Find(key);
    if (value == nullptr) return all;
    Check(value->is_array(), key, *value, "a list of objects");
    for (const Json& item : *value) all.emplace_back(origin_, name_ + "." + key, item);
    return all;
  }

 private:
  const Json* Find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  template <class T>
  void Take(bool right, const char* key, const Json& value, const char* expected, T* out) const {
    Check(right, key, value, expected);
    *out = value.get<T>();
  }
  void Check(bool right, const char* key, const Json& value, const char* expected) const {
    if (!right) Wrong(name_ + "." + key, value, expected);
  }
  [[noreturn]] void Wrong(const std::string& what, const Json& value, const char* expected) const {
    ThrowUser("'", origin_, "': ", what, " is ", value.dump(-1, ' ', false, Json::error_handler_t::replace), ", expected ", expected);
  }
  const std::string& origin_;
  std::string name_;
  const Json& json_;
};

CardPoint ReadPoint(const Fields& fields) {
  CardPoint point;
  fields.Read("from", &point.from);
  fields.Read("mode", &point.mode);
  fields.Read("step", &point.step);
  fields.Read("dataset", &point.dataset);
  fields.Read("budget", &point.budget_tokens);
  fields.Read("n", &point.num_problems);
  fields.Read("chains", &point.chains);
  fields.Read("accuracy", &point.accuracy);
  fields.Read("accuracy_lenient", &point.accuracy_lenient);
  fields.Read("mean_tokens", &point.mean_tokens);
  fields.Read("curve", &point.curve);
  return point;
}

CardSource ReadSource(const Fields& fields) {
  CardSource source;
  fields.Read("name", &source.name);
  fields.Read("dataset", &source.dataset);
  fields.Read("share", &source.share);
  fields.Read("loss", &source.loss);
  fields.Read("reward", &source.reward);
  fields.Read("accuracy", &source.accuracy);
  fields.Read("mean_tokens", &source.mean_tokens);
  return source;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

}  // namespace

std::string AdapterHash(const LoraAdapter& adapter) {
  Sha256 hash;
  for (const auto& [name, pair] : adapter.pairs) {
    hash.Update(name);
    for (const std::vector<float>* values : {&pair.a, &pair.b, &pair.magnitude}) hash.Update(values->data(), values->size() * sizeof(float));
  }
  return hash.HexDigest();
}

std::string CardJson(const AdapterCard& card) {
  Json json = Json::object(), recipe, base, parent, hashes, curve, sources;
  Put(&recipe, "stage", card.stage);
  Put(&recipe, "loss", card.loss);
  Put(&recipe, "reward", card.reward);
  Put(&recipe, "budget_tokens", card.budget_tokens);
  Put(&recipe, "steps", card.steps);
  Put(&recipe, "stopped", card.stopped);
  Put(&recipe, "rank", card.rank);
  if (card.learning_rate != 0) recipe["learning_rate"] = card.learning_rate;
  if (!card.datasets.empty()) recipe["datasets"] = card.datasets;
  for (const CardSource& source : card.sources) sources.push_back(SourceJson(source));
  Put(&recipe, "sources", sources);
  if (!card.stage.empty()) recipe["seed"] = card.seed;
  Put(&base, "name", card.base_name);
  Put(&base, "sha256", card.base_sha256);
  Put(&parent, "path", card.parent_path);
  Put(&parent, "sha256", card.parent_sha256);
  Put(&hashes, "adapter", card.adapter_sha256);
  Put(&hashes, "data", card.data_sha256);
  Put(&hashes, "config", card.config_sha256);
  for (const CardPoint& point : card.curve) curve.push_back(PointJson(point));
  Put(&json, "name", card.name);
  Put(&json, "recipe", recipe);
  Put(&json, "base", base);
  Put(&json, "parent", parent);
  Put(&json, "sha256", hashes);
  Put(&json, "curve", curve);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AdapterCard ReadCard(const std::string& origin, const std::string& text) {
  if (const std::string problem = JsonObjectProblem(text); !problem.empty()) ThrowUser("'", origin, "': the adapter's card ", problem);
  const Json json = Json::parse(text);
  const Fields fields(origin, "card", json);
  const Fields recipe = fields.Object("recipe"), base = fields.Object("base"), parent = fields.Object("parent"), hashes = fields.Object("sha256");
  AdapterCard card;
  fields.Read("name", &card.name);
  recipe.Read("stage", &card.stage);
  recipe.Read("loss", &card.loss);
  recipe.Read("reward", &card.reward);
  recipe.Read("budget_tokens", &card.budget_tokens);
  recipe.Read("steps", &card.steps);
  recipe.Read("stopped", &card.stopped);
  for (const Fields& source : recipe.Objects("sources")) card.sources.push_back(ReadSource(source));
  recipe.Read("rank", &card.rank);
  recipe.Read("learning_rate", &card.learning_rate);
  recipe.Read("datasets", &card.datasets);
  recipe.Read("seed", &card.seed);
  base.Read("name", &card.base_name);
  base.Read("sha256", &card.base_sha256);
  parent.Read("path", &card.parent_path);
  parent.Read("sha256", &card.parent_sha256);
  hashes.Read("adapter", &card.adapter_sha256);
  hashes.Read("data", &card.data_sha256);
  hashes.Read("config", &card.config_sha256);
  for (const Fields& point : fields.Objects("curve")) card.curve.push_back(ReadPoint(point));
  return card;
}

std::string CardSentence(const AdapterCard& card) {
  std::string text = "LoRA adapter";
  if (card.rank > 0) text += Str(" of rank ", card.rank);
  if (!card.base_name.empty()) text += " for " + card.base_name;
  if (card.stage.empty()) return text;
  text += ", trained by " + card.stage;
  if (!card.loss.empty()) text += " (" + card.loss + ")";
  if (!card.datasets.empty()) text += " on " + Joined(card.datasets);
  if (card.steps > 0) text += Str(", ", card.steps, " steps");
  return text;
}

void SetCardMetadata(const AdapterCard& card, GgufWriter* writer) {
  writer->Set("general.description", CardSentence(card));
  if (!card.base_name.empty()) {
    writer->Set("general.base_model.count", int64_t{1});
    writer->Set("general.base_model.0.name", card.base_name);
  }
  if (!card.datasets.empty()) writer->Set("general.dataset.count", static_cast<int64_t>(card.datasets.size()));
  for (size_t i = 0; i < card.datasets.size(); ++i) writer->Set(Str("general.dataset.", i, ".name"), card.datasets[i]);
  writer->Set(kCardKey, CardJson(card));
}

}  // namespace pith
