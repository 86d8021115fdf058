// A sequence's KV in a file: what computed it, its tokens, who wrote them, its pages. docs/kv-cache.md has the format.
//
// KV is worth something to the very base and adapters that computed it, by the very rules. All of these are named by their
// content, so that neither a path nor a name can pass one off as another.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/model/base_model.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/linear.h"

namespace pith {

// One thing that a file and an engine must agree on: {"KV type", "f16"}.
struct KvFact {
  std::string name, value;
};
// All of them. Nothing depends on the processor. Hashes the base where its identity is not known yet.
std::vector<KvFact> KvFacts(const BaseModel& base, KvType type, ActivationType activations);

struct KvFileWriter {
  std::string name;    // for people
  std::string sha256;  // AdapterContentHash()
};

struct KvFileHeader {
  std::vector<KvFact> facts;
  std::vector<KvFileWriter> writers;  // the adapters
  struct Run {
    int64_t end;
    int32_t writer;                   // 0: the base; i: writers[i − 1]
  };
  std::vector<int32_t> tokens;
  std::vector<Run> runs;              // from the first token to the last
  int32_t adapter = 0;                // of the tokens that follow, as in Run
  int64_t page_bytes = 0;
};

// UserError where a file lies at `path` that is no KV file of any version, and not empty: it is somebody's, and would be lost.
void CheckKvPlace(const std::string& path);

// `page(i)` is called once for each page of kKvPageTokens tokens, in order, and gives its page_bytes bytes, which are written
// before it is called again. UserError where the file cannot be written, or CheckKvPlace() says no; an older one is then as it was.
void WriteKvFile(const std::string& path, const KvFileHeader& header, const std::function<const uint8_t*(int64_t)>& page);

// A whole and undamaged file of this version; else UserError.
class KvFile {
 public:
  explicit KvFile(const std::string& path);

  const KvFileHeader& header() const { return header_; }
  int64_t num_pages() const;
  const uint8_t* page(int64_t index) const;  // page_bytes bytes

 private:
  MappedFile file_;
  KvFileHeader header_;
  size_t pages_begin_ = 0;
};

// UserError where the file's facts are not these.
void CheckKvFacts(const std::string& path, std::span<const KvFact> file, std::span<const KvFact> engine);

}  // namespace pith
