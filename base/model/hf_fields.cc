#include "base/model/hf_fields.h"

#include "base/error.h"
#include "base/model/model_config_checks.h"

namespace pith {

const nlohmann::json* HfFields::Find(const char* key) const {
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

void HfFields::Mistyped(const char* key, const nlohmann::json& value, const char* expected) const {
  ThrowUser("'", path_, "': ", Name(key), " is ", value.dump(), ", expected ", expected);
}

int64_t HfFields::Int(const char* key, std::optional<int64_t> missing) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) {
    if (missing) return *missing;
    ThrowUser("'", path_, "' lacks ", Name(key));
  }
  const bool fits = value->is_number_integer() && !(value->is_number_unsigned() && value->get<uint64_t>() >> 63 != 0);
  if (!fits) Mistyped(key, *value, "an integer");
  return value->get<int64_t>();
}

double HfFields::Number(const char* key, std::optional<double> missing) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) {
    if (missing) return *missing;
    ThrowUser("'", path_, "' lacks ", Name(key));
  }
  if (!value->is_number()) Mistyped(key, *value, "a number");
  return value->get<double>();
}

bool HfFields::Bool(const char* key, bool missing) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return missing;
  if (!value->is_boolean()) Mistyped(key, *value, "true or false");
  return value->get<bool>();
}

std::string HfFields::Text(const char* key, const std::string& missing) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return missing;
  if (!value->is_string()) Mistyped(key, *value, "a string");
  return value->get<std::string>();
}

std::vector<float> HfFields::Floats(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) ThrowUser("'", path_, "' lacks ", Name(key));
  if (!value->is_array()) Mistyped(key, *value, "a list of numbers");
  std::vector<float> floats;
  for (const nlohmann::json& item : *value) {
    if (!item.is_number()) Mistyped(key, item, "numbers alone");
    floats.push_back(item.get<float>());
  }
  return floats;
}

std::optional<HfFields> HfFields::Part(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr || (value->is_object() && value->empty())) return {};
  if (!value->is_object()) Mistyped(key, *value, "an object");
  return HfFields(path_, *value, Name(key));
}

void HfFields::Refuse(const char* key, const std::string& value) const { RefuseOption(path_, Name(key), value); }

void HfFields::RefuseTrue(const char* key) const {
  if (Bool(key, false)) Refuse(key, "true");
}

}  // namespace pith
