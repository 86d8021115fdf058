#include "runtime/programs/info_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string Scaled(double value, const char* const (&units)[4]) {
  int unit = 0;
  while (unit < 3 && std::round(value * 10) >= 10000) value /= 1000, ++unit;
  char text[64];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f%s" : "%.1f%s", value, units[unit]);
  return text;
}

}  // namespace

void InfoSheet::Set(const std::string& key, const std::string& text) { SetJson(key, Quoted(text)); }
void InfoSheet::Set(const std::string& key, int64_t number) { SetJson(key, std::to_string(number)); }
void InfoSheet::Set(const std::string& key, double number) { SetJson(key, Dump(Json(number))); }
void InfoSheet::Set(const std::string& key, bool value) { SetJson(key, value ? "true" : "false"); }
void InfoSheet::SetJson(const std::string& key, const std::string& json) { members_.emplace_back(key, json); }

std::string InfoSheet::AsJson() const {
  std::string text;
  for (const auto& [key, value] : members_) text += Str(text.empty() ? "{" : ", ", Quoted(key), ": ", value);
  return text + "}";
}

std::string InfoSheet::AsText() const {
  size_t width = 0;
  for (const auto& [label, text] : lines_) width = std::max(width, label.size());
  std::string page;
  for (const auto& [label, text] : lines_) page += label + std::string(width + 2 - label.size(), ' ') + text + "\n";
  return page;
}

std::string ShownBytes(int64_t bytes) { return Scaled(static_cast<double>(bytes), {" bytes", " kB", " MB", " GB"}); }

std::string ShownCount(int64_t count) {
  return count < 10000 ? std::to_string(count) : Scaled(static_cast<double>(count), {"", " k", " M", " G"});
}

std::string Quoted(std::string_view text) { return Dump(Json(text)); }

std::string ShownIds(const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return "[" + text + "]";
}

void TypeTable::Add(const std::string& type, int64_t values, int64_t bytes) {
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.type == type; });
  if (row == rows_.end()) row = rows_.insert(row, Row{.type = type});
  ++row->tensors;
  row->values += values;
  row->bytes += bytes;
}

int64_t TypeTable::values() const {
  int64_t sum = 0;
  for (const Row& row : rows_) sum += row.values;
  return sum;
}

int64_t TypeTable::bytes() const {
  int64_t sum = 0;
  for (const Row& row : rows_) sum += row.bytes;
  return sum;
}

void TypeTable::Write(InfoSheet* sheet) const {
  auto all = nlohmann::ordered_json::array();
  for (const Row& row : rows_) {
    all.push_back({{"type", row.type}, {"tensors", row.tensors}, {"parameters", row.values}, {"bytes", row.bytes}});
    sheet->Line("  " + row.type, Str(row.tensors, row.tensors == 1 ? " tensor, " : " tensors, ", ShownCount(row.values), " parameters, ",
                                     ShownBytes(row.bytes)));
  }
  sheet->SetJson("tensor_types", all.dump());
}

}  // namespace pith
