#include "data/template/jinja_markup.h"

namespace pith {
std::string JinjaEscape(const JinjaValue& value, JinjaRuntime& rt) {
  std::string out;
  for (const char c : JinjaToString(value, rt.budget)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

JinjaValue JinjaToMarkup(const JinjaValue& value, JinjaRuntime& rt) {
  if (value.IsMarkup()) return value;
  return JinjaValue::Markup(rt.Text(JinjaEscape(value, rt)));
}

JinjaValue JinjaMarkupLike(const JinjaValue& self, const JinjaValue& value, JinjaRuntime& rt) {
  if (!self.IsMarkup()) return value;
  if (value.IsString()) return JinjaValue::Markup(value);
  if (!value.IsList() || value.IsGroup()) return value;
  std::vector<JinjaValue> items;
  for (const JinjaValue& item : value.Items()) items.push_back(JinjaMarkupLike(self, item, rt));
  return rt.List(std::move(items), value.IsTuple());
}

JinjaArgs JinjaMarkupArgs(std::string_view method, const JinjaArgs& args, JinjaRuntime& rt) {
  JinjaArgs escaped = args;
  if (method == "join" && !args.positional.empty()) {
    std::vector<JinjaValue> items;
    for (const JinjaValue& item : JinjaIterate(args.positional[0], rt.budget)) items.push_back(JinjaToMarkup(item, rt));
    escaped.positional[0] = rt.List(std::move(items));
  }
  const bool second = method == "replace" || method == "ljust" || method == "rjust" || method == "center";
  if (second && args.positional.size() > 1) escaped.positional[1] = JinjaToMarkup(args.positional[1], rt);
  return escaped;
}

}  // namespace pith
