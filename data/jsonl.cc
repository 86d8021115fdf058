#include "data/jsonl.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace pith {

using Json = nlohmann::json;

struct JsonRecord::Body {
  Json object;
};

namespace {

std::string FieldNames(const Json& object) {
  std::string names;
  for (const auto& [key, value] : object.items()) names += (names.empty() ? "" : ", ") + key;
  return names.empty() ? "no fields" : names;
}

JsonRecord MakeRecord(const std::string& place, Json value) {
  if (!value.is_object())
    ThrowUser(place, ": got a JSON ", value.type_name(), ", expected an object with named fields");
  return JsonRecord(place, std::make_shared<const JsonRecord::Body>(JsonRecord::Body{std::move(value)}));
}

Json Parse(const std::string& place, std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    ThrowUser(place, ": not valid JSON (", e.what(), "); expected one JSON object on each line");
  }
}

}  // namespace

bool JsonRecord::Has(const std::string& field) const {
  const auto it = body_->object.find(field);
  return it != body_->object.end() && !it->is_null();
}

std::string JsonRecord::Text(const std::string& field) const {
  if (!Has(field)) {
    ThrowUser(place_, ": field '", field, "' is missing (the record has ", FieldNames(body_->object),
              "); name the right field or fix the file");
  }
  const Json& value = body_->object.at(field);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::abs(number) < 1e15 && number == std::floor(number)) return std::to_string(static_cast<int64_t>(number));
    char digits[64];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  }
  if (value.is_number()) return value.dump();
  ThrowUser(place_, ": field '", field, "' is a JSON ", value.type_name(), ", expected a string or a number");
}

std::vector<JsonRecord> ReadJsonRecords(const std::string& path) {
  const std::string text = ReadFile(path);
  std::vector<JsonRecord> records;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') {
    Json array = Parse(path, text);
    for (size_t i = 0; i < array.size(); ++i)
      records.push_back(MakeRecord(Str(path, ", record ", i + 1), std::move(array[i])));
  } else {
    int64_t number = 1;
    for (size_t at = 0; at < text.size(); ++number) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line(text.data() + at, end - at);
      at = end + 1;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const std::string place = Str(path, ", line ", number);
      records.push_back(MakeRecord(place, Parse(place, line)));
    }
  }
  if (records.empty()) ThrowUser(path, ": no records in it; expected one JSON object on each line");
  return records;
}

}  // namespace pith
