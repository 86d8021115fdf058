// What `pith-run info` found, for people and for machines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pith {

class InfoSheet {
 public:
  // For machines: members of one object, in the order in which they come.
  void Set(const std::string& key, const std::string& text);
  void Set(const std::string& key, const char* text) { Set(key, std::string(text)); }
  void Set(const std::string& key, int64_t number);
  void Set(const std::string& key, double number);
  void Set(const std::string& key, bool value);
  void SetJson(const std::string& key, const std::string& json);  // JSON text of any value
  // For people.
  void Line(const std::string& label, const std::string& text) { lines_.emplace_back(label, text); }

  std::string AsJson() const;  // the object on one line
  std::string AsText() const;  // a line each, texts beneath each other

 private:
  std::vector<std::pair<std::string, std::string>> members_, lines_;
};

std::string ShownBytes(int64_t bytes);    // "98.9 MB", of 10^6 bytes
std::string ShownCount(int64_t count);    // "134.5 M"; exact below 10000
std::string Quoted(std::string_view text);  // as JSON has it: one line, control characters escaped
std::string ShownIds(const std::vector<int32_t>& ids);  // "[1, 67, 270]"

// Tensors and their bytes, by type.
class TypeTable {
 public:
  void Add(const std::string& type, int64_t values, int64_t bytes);
  int64_t values() const;
  int64_t bytes() const;
  // "tensor_types", and a line per type.
  void Write(InfoSheet* sheet) const;

 private:
  struct Row {
    std::string type;
    int64_t tensors = 0, values = 0, bytes = 0;
  };
  std::vector<Row> rows_;  // in order of first appearance
};

}  // namespace pith
