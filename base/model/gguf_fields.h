// The metadata of a GGUF under its architecture's name ("llama.block_count").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/gguf.h"

namespace pith {

class GgufFields {
 public:
  GgufFields(const GgufFile& file, std::string arch) : file_(file), arch_(std::move(arch)) {}

  const GgufFile& file() const { return file_; }
  const std::string& path() const { return file_.path(); }
  std::string Key(const std::string& name) const { return arch_ + "." + name; }
  bool Has(const std::string& name) const { return file_.Has(Key(name)); }
  template <class T>
  std::optional<T> Find(const std::string& name) const {
    return file_.Find<T>(Key(name));
  }
  template <class T>
  T Get(const std::string& name) const {
    return file_.Get<T>(Key(name));
  }
  // A count that a file may give for each layer; UserError where layers differ.
  std::optional<int64_t> FindPerLayer(const std::string& name, int64_t num_layers) const;
  int64_t GetPerLayer(const std::string& name, int64_t num_layers) const;

  // UserErrors: pith does not implement this; unless absent, or one of `neutral`.
  void RefuseNumber(const std::string& name, std::initializer_list<double> neutral) const;
  [[noreturn]] void Refuse(const std::string& name, const std::string& value) const;

 private:
  const GgufFile& file_;
  std::string arch_;
};

}  // namespace pith
