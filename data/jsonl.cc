#include "data/jsonl.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "data/json_numbers.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {

using Json = nlohmann::json;

struct JsonRecord::Body {
  Json object;  // its numbers marked (data/json_numbers.h)
};

namespace {

std::string FieldNames(const Json& object) {
  std::string names;
  for (const auto& [key, value] : object.items()) names += (names.empty() ? "" : ", ") + key;
  return names.empty() ? "no fields" : names;
}

const char* TypeName(const Json& value) {
  return value.is_string() && MarkedNumber(value.get_ref<const std::string&>()) ? "number" : value.type_name();
}

JsonRecord MakeRecord(const std::string& place, Json value) {
  if (!value.is_object())
    ThrowUser(place, ": got a JSON ", TypeName(value), ", expected an object with named fields");
  return JsonRecord(place, std::make_shared<const JsonRecord::Body>(JsonRecord::Body{std::move(value)}));
}

Json Parse(const std::string& place, std::string_view text) {
  try {
    return Json::parse(MarkNumbers(text));
  } catch (const Json::exception&) {
    const std::string where = JsonBreak(text);  // without the marks, whose places nobody sees
    ThrowUser(place, ": not valid JSON", where.empty() ? "" : " (" + where + ")", "; expected one JSON object on each line");
  }
}

// Whether there is nothing to see in it.
bool IsBlank(std::string_view text) {
  static const CategoryMask format = CategoriesByName("Cf");  // zero-width spaces and the like
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (!IsWhitespace(c.value) && (CategoryOf(c.value) & format) == 0) return false;
    at += c.size;
  }
  return true;
}

}  // namespace

bool JsonRecord::Has(const std::string& field) const {
  const auto it = body_->object.find(field);
  if (it == body_->object.end() || it->is_null()) return false;
  return !it->is_string() || !IsBlank(it->get_ref<const std::string&>());
}

std::string JsonRecord::Text(const std::string& field) const {
  if (!Has(field)) {
    const auto it = body_->object.find(field);
    const char* what = it == body_->object.end() ? "is missing" : it->is_null() ? "is null" : "is blank";
    ThrowUser(place_, ": field '", field, "' ", what, " (the record has ", FieldNames(body_->object),
              "); name the right field or fix the file");
  }
  const Json& value = body_->object.at(field);
  if (value.is_string()) return Written(field);
  ThrowUser(place_, ": field '", field, "' is a JSON ", value.type_name(), ", expected a string or a number");
}

std::string JsonRecord::Written(const std::string& field) const {
  const auto it = body_->object.find(field);
  if (it == body_->object.end()) {
    ThrowUser(place_, ": field '", field, "' is missing (the record has ", FieldNames(body_->object), ")");
  }
  if (it->is_null()) return "";
  if (!it->is_string()) return UnmarkNumbers(it->dump());
  const std::string& text = it->get_ref<const std::string&>();
  return MarkedNumber(text).value_or(text);
}

std::string JsonRecord::JsonOf(const std::string& field) const {
  const auto it = body_->object.find(field);
  return it == body_->object.end() || it->is_null() ? "" : UnmarkNumbers(it->dump());
}

JsonRecord ParseJsonRecord(const std::string& place, std::string_view line) { return MakeRecord(place, Parse(place, line)); }

std::vector<JsonRecord> ReadJsonRecords(const std::string& path) {
  const std::string contents = ReadFile(path);
  const std::string_view text = WithoutByteOrderMark(contents);
  std::vector<JsonRecord> records;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '[') {
    Json array = Parse(path, text);
    for (size_t i = 0; i < array.size(); ++i)
      records.push_back(MakeRecord(Str(path, ", record ", i + 1), std::move(array[i])));
  } else {
    int64_t number = 1;
    for (size_t at = 0; at < text.size(); ++number) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, end - at);
      at = end + 1;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      records.push_back(ParseJsonRecord(Str(path, ", line ", number), line));
    }
  }
  if (records.empty()) ThrowUser(path, ": no records in it; expected one JSON object on each line");
  return records;
}

}  // namespace pith
