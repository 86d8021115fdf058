// What the methods of strings are made of. Private to jinja_text_methods.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/template/jinja_runtime.h"

namespace pith::jinja_text {

using Bound = std::vector<const JinjaValue*>;  // as JinjaArgs::Bind gives it

const std::string& TextArg(const JinjaValue* value, const char* method);  // JinjaError unless a string
int64_t IntArg(const JinjaValue* value, int64_t missing, const char* method);

JinjaValue TextList(const std::vector<std::string>& parts, JinjaRuntime& rt);
JinjaValue Split(const std::string& text, const JinjaValue* separator, int64_t limit, bool from_right, JinjaRuntime& rt);
JinjaValue Partition(const std::string& text, const std::string& by, bool from_right, JinjaRuntime& rt);
bool StartsOrEnds(const std::string& text, const JinjaValue* with, bool starts);
// The part of `text` that Python's text[start:end] is, and where in `text` it begins, in code points.
std::string_view Bounded(const std::string& text, const JinjaValue* start, const JinjaValue* end, int64_t* skipped, JinjaRuntime& rt);
int64_t FindIn(const std::string& text, const std::string& part, const Bound& args, bool from_right, JinjaRuntime& rt);
std::string Padded(const std::string& text, const Bound& args, const char* method, JinjaRuntime& rt);
std::string SwapCase(const std::string& text);
std::string Title(const std::string& text);
bool IsAlpha(int32_t code_point);
bool IsNumeric(int32_t code_point);
bool IsCased(const std::string& text, bool upper);
// True when the text is not empty and every code point passes.
bool All(const std::string& text, bool (*passes)(int32_t));

}  // namespace pith::jinja_text
