// What the methods of strings are made of. Private to jinja_text_methods.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/template/jinja_runtime.h"

namespace pith::jinja_text {

const std::string& TextArg(const JinjaValue* value, const char* method);  // JinjaError unless a string

JinjaValue TextList(const std::vector<std::string>& parts, JinjaRuntime& rt);
JinjaValue Split(const std::string& text, const JinjaValue* separator, int64_t limit, bool from_right, JinjaRuntime& rt);
JinjaValue Partition(const std::string& text, const std::string& by, bool from_right, JinjaRuntime& rt);

struct TextPart {
  std::string_view text;
  int64_t first = 0;  // code points before it
};
// Python's text[start:end]; nothing where that is no part at all: it begins behind the text's end, or behind its own.
std::optional<TextPart> Bounded(const std::string& text, const JinjaValue* start, const JinjaValue* end, JinjaRuntime& rt);
// `with`: a text, or a tuple of which one will do.
bool StartsOrEnds(const std::string& text, const JinjaValue& with, const JinjaValue* start, const JinjaValue* end, bool starts, JinjaRuntime& rt);
// In code points; −1 where `part` is not there.
int64_t FindIn(const std::string& text, const std::string& part, const JinjaValue* start, const JinjaValue* end, bool from_right, JinjaRuntime& rt);

enum class Side { kLeft, kRight, kBoth };  // where the filling goes
std::string Padded(const std::string& text, int64_t width, const std::string& fill, Side side, JinjaRuntime& rt);
std::string ExpandTabs(const std::string& text, int64_t size, JinjaRuntime& rt);

// str.maketrans and str.translate.
JinjaValue MakeTranslation(const JinjaValue& from, const JinjaValue* to, const JinjaValue* removed, JinjaRuntime& rt);
std::string Translated(const std::string& text, const JinjaValue& table, JinjaRuntime& rt);

}  // namespace pith::jinja_text
