#include "base/model/gguf_fields.h"

#include <algorithm>

#include "base/error.h"
#include "base/model/model_config_checks.h"

namespace pith {

std::optional<int64_t> GgufFields::FindPerLayer(const std::string& name, int64_t num_layers) const {
  const std::string key = Key(name);
  if (!file_.IsArray(key)) return file_.Find<int64_t>(key);
  const auto values = file_.Get<std::vector<int64_t>>(key);
  if (values.empty() || static_cast<int64_t>(values.size()) != num_layers) {
    ThrowUser("'", path(), "': ", key, " has ", values.size(), " values, but the model has ", num_layers, " layers");
  }
  for (size_t layer = 1; layer < values.size(); ++layer) {
    if (values[layer] != values[0]) Refuse(name, Str(values[0], " in layer 0 and ", values[layer], " in layer ", layer));
  }
  return values[0];
}

int64_t GgufFields::GetPerLayer(const std::string& name, int64_t num_layers) const {
  const auto value = FindPerLayer(name, num_layers);
  return value ? *value : Get<int64_t>(name);
}

void GgufFields::RefuseNumber(const std::string& name, std::initializer_list<double> neutral) const {
  const std::optional<double> value = Find<double>(name);
  if (value && std::find(neutral.begin(), neutral.end(), *value) == neutral.end()) Refuse(name, Str(*value));
}

void GgufFields::Refuse(const std::string& name, const std::string& value) const { RefuseOption(path(), Key(name), value); }

}  // namespace pith
