// The typed values of a Hugging Face config.json; null counts as absent.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace pith {

class HfFields {
 public:
  // A part of the file at `path` has a name ("rope_scaling"), which goes before those of its fields in messages.
  HfFields(std::string path, nlohmann::json json, std::string part = "") : path_(std::move(path)), json_(std::move(json)), part_(std::move(part)) {}

  const std::string& path() const { return path_; }
  bool Has(const char* key) const { return Find(key) != nullptr; }
  bool HasNull(const char* key) const { return json_.contains(key) && json_[key].is_null(); }
  const nlohmann::json* Find(const char* key) const;  // nullptr when absent

  // UserError when the value is of another kind, or absent where no `missing` is given.
  int64_t Int(const char* key, std::optional<int64_t> missing = {}) const;
  double Number(const char* key, std::optional<double> missing = {}) const;
  bool Bool(const char* key, bool missing) const;
  std::string Text(const char* key, const std::string& missing) const;
  std::vector<float> Floats(const char* key) const;
  // An object inside; nothing when absent or empty.
  std::optional<HfFields> Part(const char* key) const;

  // UserErrors: pith does not implement this.
  [[noreturn]] void Refuse(const char* key, const std::string& value) const;
  void RefuseTrue(const char* key) const;

 private:
  std::string path_;
  nlohmann::json json_;
  std::string part_;

  std::string Name(const char* key) const { return part_.empty() ? key : part_ + "." + key; }
  [[noreturn]] void Mistyped(const char* key, const nlohmann::json& value, const char* expected) const;
};

}  // namespace pith
