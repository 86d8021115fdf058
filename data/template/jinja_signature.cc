#include "data/template/jinja_signature.h"

namespace pith {

JinjaSignature::JinjaSignature(const char* text) {
  const std::string_view whole = text;
  anything_ = whole == "*";
  for (size_t at = 0; at < whole.size() && !anything_;) {
    const size_t comma = std::min(whole.find(',', at), whole.size());
    std::string_view name = whole.substr(at, comma - at);
    at = comma + 1;
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    if (name == "/") {
      for (Parameter& parameter : parameters_) parameter.by_place_only = true;
      continue;
    }
    const bool optional = name.ends_with("=");
    parameters_.push_back({std::string(name.substr(0, name.size() - optional)), optional, false});
  }
}

JinjaBound JinjaSignature::Bind(std::string_view function, const JinjaArgs& args) const {
  JinjaBound bound;
  bound.all = &args;
  if (anything_) return bound;
  if (args.positional.size() > parameters_.size()) {
    ThrowJinja("'", function, "' takes at most ", parameters_.size(), " arguments, not ", args.positional.size());
  }
  for (size_t i = 0; i < parameters_.size(); ++i) bound.given.push_back(i < args.positional.size() ? &args.positional[i] : nullptr);
  for (const auto& [name, value] : args.named) {
    size_t at = 0;
    while (at < parameters_.size() && (parameters_[at].name != name || parameters_[at].by_place_only)) ++at;
    if (at == parameters_.size() || bound.given[at] != nullptr) ThrowJinja("'", function, "' has no use for the argument '", name, "'");
    bound.given[at] = &value;
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (bound.given[i] == nullptr && !parameters_[i].optional) ThrowJinja("'", function, "' needs the argument '", parameters_[i].name, "'");
  }
  return bound;
}

}  // namespace pith
