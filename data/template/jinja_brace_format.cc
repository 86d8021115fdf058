// 'a format'.format(…) and .format_map(…), as Python's string.Formatter reads them.
#include <algorithm>

#include "data/template/jinja_formats.h"
#include "data/template/jinja_markup.h"

namespace pith {
namespace {

bool AllDigits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

int64_t ToIndex(std::string_view digits) {
  if (digits.size() > 9) ThrowJinja("a format's number '", digits, "' is too large");
  return std::stoll(std::string(digits));
}

class BraceFormat {
 public:
  BraceFormat(bool markup, const JinjaArgs& args, const JinjaValue* mapping, JinjaRuntime& rt) : markup_(markup), args_(args), mapping_(mapping), rt_(rt) {}

  // `depth`: how often a field may stand in another's specification.
  std::string Run(std::string_view format, int depth) {
    std::string out;
    const auto append = [&](std::string_view piece) {
      rt_.budget.Bytes(piece.size());
      rt_.budget.Size(out.size() + piece.size());
      out += piece;
    };
    for (size_t at = 0; at < format.size();) {
      const size_t brace = std::min(format.find_first_of("{}", at), format.size());
      append(format.substr(at, brace - at));
      if (brace == format.size()) break;
      if (brace + 1 < format.size() && format[brace + 1] == format[brace]) {
        append(format.substr(brace, 1));
        at = brace + 2;
        continue;
      }
      if (format[brace] == '}') ThrowJinja("a format has '}' without '{'");
      at = FieldEnd(format, brace + 1);
      append(Field(format.substr(brace + 1, at - brace - 2), depth));
    }
    return out;
  }

 private:
  const bool markup_;  // what is put in is escaped
  const JinjaArgs& args_;
  const JinjaValue* mapping_;
  JinjaRuntime& rt_;
  enum { kOpen, kAutomatic, kNumbered } numbering_ = kOpen;
  int64_t next_ = 0;

  // Behind the brace that closes the field which begins at `at`.
  static size_t FieldEnd(std::string_view format, size_t at) {
    int open = 1;
    for (bool bracket = false, name = true; at < format.size(); ++at) {
      const char c = format[at];
      if (name && (bracket ? c == ']' : c == '[')) bracket = !bracket;
      if (bracket) continue;
      if (c == ':' || c == '!') name = false;
      open += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (open == 0) return at + 1;
    }
    ThrowJinja("a format has '{' without '}'");
  }

  // name[!conversion][:specification]
  std::string Field(std::string_view field, int depth) {
    size_t end = 0;
    for (bool bracket = false; end < field.size(); ++end) {
      if (bracket ? field[end] == ']' : field[end] == '[') bracket = !bracket;
      if (!bracket && (field[end] == ':' || field[end] == '!')) break;
    }
    const std::string_view name = field.substr(0, end);
    if (name.find('{') != std::string_view::npos) ThrowJinja("a format has '{' in the name of a field");
    char conversion = 0;
    if (end < field.size() && field[end] == '!') {
      if (end + 1 >= field.size()) ThrowJinja("a format ends in '!'");
      conversion = field[end + 1];
      end += 2;
      if (end < field.size() && field[end] != ':') ThrowJinja("a format has more than one character behind '!'");
    }
    JinjaValue value = Converted(Value(name), conversion);
    if (depth == 0) ThrowJinja("a format's fields are nested too deeply");
    const std::string spec = end < field.size() ? Run(field.substr(end + 1), depth - 1) : "";
    if (!markup_) return JinjaFormatted(value, spec, rt_);
    if (!value.IsMarkup()) return JinjaEscape(JinjaValue(JinjaFormatted(value, spec, rt_)), rt_);
    if (!spec.empty()) ThrowJinja("a format has a specification, '", spec, "', for markup");
    return value.AsString();
  }

  JinjaValue Converted(const JinjaValue& value, char conversion) {
    switch (conversion) {
      case 0: return value;
      case 's': return JinjaValue(JinjaToString(value, rt_.budget));
      case 'r': return JinjaValue(JinjaRepr(value, rt_.budget));
      case 'a': return JinjaValue(JinjaAscii(value, rt_.budget));
      default: ThrowJinja("a format has no conversion '!", conversion, "'");
    }
  }

  JinjaValue Value(std::string_view name) {
    const size_t first = std::min(name.find_first_of(".["), name.size());
    JinjaValue value;
    if (name.empty()) {
      if (numbering_ == kNumbered) ThrowJinja("a format has places with and without numbers");
      numbering_ = kAutomatic;
      value = Positional(next_++);
    } else if (AllDigits(name.substr(0, first))) {
      if (first == name.size()) {
        if (numbering_ == kAutomatic) ThrowJinja("a format has places with and without numbers");
        numbering_ = kNumbered;
      }
      value = Positional(ToIndex(name.substr(0, first)));
    } else {
      value = Named(std::string(name.substr(0, first)));
    }
    for (size_t at = first; at < name.size();) {
      const bool item = name[at] == '[';
      if (!item && name[at] != '.') ThrowJinja("a format has neither '.' nor '[' behind ']'");
      const size_t end = item ? name.find(']', at) : std::min(name.find_first_of(".[", at + 1), name.size());
      if (end == std::string_view::npos) ThrowJinja("a format has '[' without ']'");
      const std::string_view key = name.substr(at + 1, end - at - 1);
      if (key.empty()) ThrowJinja("a format has an attribute without a name");
      if (item && AllDigits(key)) {
        value = JinjaItem(value, JinjaValue(ToIndex(key)), rt_);
      } else {
        value = item ? JinjaItem(value, JinjaValue(std::string(key)), rt_) : JinjaAttribute(value, std::string(key), rt_);
      }
      at = end + item;
    }
    return value;
  }

  JinjaValue Positional(int64_t index) {
    if (index >= static_cast<int64_t>(args_.positional.size())) ThrowJinja("a format has more places than values");
    return args_.positional[static_cast<size_t>(index)];
  }

  JinjaValue Named(const std::string& name) {
    if (mapping_ != nullptr) {
      if (!mapping_->IsDict()) ThrowJinja("format_map needs a dict, not '", mapping_->TypeName(), "'");
      if (const JinjaValue* found = mapping_->Find(JinjaValue(name), rt_.budget)) return *found;
    }
    for (const auto& [given, value] : args_.named) {
      if (given == name) return value;
    }
    ThrowJinja("a format names '", name, "', which it is not given");
  }
};

}  // namespace

std::string JinjaBraceFormat(const JinjaValue& format, const JinjaArgs& args, const JinjaValue* mapping, JinjaRuntime& rt) {
  return BraceFormat(format.IsMarkup(), args, mapping, rt).Run(format.AsString(), 2);
}

}  // namespace pith
