#include "runtime/kv_snapshot.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/adapter_hash.h"
#include "runtime/kv_file.h"

namespace pith {

namespace {

// The adapter of each of the file's writers, the base first.
std::vector<AdapterRef> FindWriters(const std::string& path, const KvFileHeader& header, const ModelConfig& config,
                                    std::span<const AdapterRef> adapters) {
  std::vector<AdapterRef> found{nullptr};
  std::vector<std::string> hashes;
  if (!header.writers.empty()) {
    for (const AdapterRef& adapter : adapters) hashes.push_back(adapter ? AdapterContentHash(*adapter, config) : "");
  }
  for (const KvFileWriter& writer : header.writers) {
    const auto place = std::find(hashes.begin(), hashes.end(), writer.sha256);
    if (place == hashes.end()) {
      ThrowUser("'", path, "' needs the adapter '", writer.name, "' (SHA-256 of its content ", writer.sha256, "), which is none of the ",
                adapters.size(), " given; give that very one, or compute the prompt anew");
    }
    found.push_back(adapters[static_cast<size_t>(place - hashes.begin())]);
  }
  return found;
}

void CheckTokens(const std::string& path, const KvFileHeader& header, const ModelConfig& config) {
  if (static_cast<int64_t>(header.tokens.size()) > config.context_length) {
    ThrowUser("'", path, "' has ", header.tokens.size(), " tokens, the model's context is ", config.context_length, "; save a shorter one");
  }
  for (const int32_t token : header.tokens) {
    if (token >= 0 && token < config.vocab_size) continue;
    ThrowUser("'", path, "': token id ", token, " is not in the model's vocabulary of ", config.vocab_size, " tokens; compute the prompt anew");
  }
}

}  // namespace

void SaveSequence(const Sequences& sequences, const KvCache& cache, const BaseModel& base, ActivationType activations, int32_t id,
                  const std::string& path) {
  const Sequence& s = sequences.Get(id);
  KvFileHeader header;
  header.facts = KvFacts(base, cache.type(), activations);
  header.tokens = s.tokens;
  header.page_bytes = cache.page_bytes();
  std::vector<AdapterRef> known{nullptr};
  const auto index = [&](const AdapterRef& adapter) {
    const auto place = std::find(known.begin(), known.end(), adapter);
    const auto i = static_cast<int32_t>(place - known.begin());
    if (place == known.end()) {
      known.push_back(adapter);
      header.writers.push_back({adapter->name(), AdapterContentHash(*adapter, base.config())});
    }
    return i;
  };
  for (const WriterRun& run : s.runs) header.runs.push_back({run.end, index(run.adapter)});
  header.adapter = index(s.adapter);

  std::vector<uint8_t> page(static_cast<size_t>(cache.page_bytes()));
  WriteKvFile(path, header, [&](int64_t i) {
    cache.CopyOut(s.pages[static_cast<size_t>(i)], s.length() - i * KvCache::kPageTokens, page.data());
    return page.data();
  });
}

int32_t RestoreSequence(Sequences& sequences, const KvCache& cache, const BaseModel& base, ActivationType activations,
                        const std::string& path, std::span<const AdapterRef> adapters) {
  const KvFile file(path);
  const KvFileHeader& header = file.header();
  CheckKvFacts(path, header.facts, KvFacts(base, cache.type(), activations));
  CheckTokens(path, header, base.config());
  if (header.page_bytes != cache.page_bytes()) {
    ThrowUser("'", path, "' has pages of ", header.page_bytes, " bytes, this engine's have ", cache.page_bytes(), "; compute the prompt anew");
  }
  const std::vector<AdapterRef> found = FindWriters(path, header, base.config(), adapters);
  std::vector<WriterSpan> writers;
  for (const KvFileHeader::Run& run : header.runs) writers.push_back({run.end, found[static_cast<size_t>(run.writer)]});
  const int32_t id = sequences.Restore(header.tokens, writers, found[static_cast<size_t>(header.adapter)],
                                       [&](int32_t page, int64_t i) { cache.CopyIn(page, file.page(i)); });
  if (id < 0) {
    ThrowUser("'", path, "' has ", header.tokens.size(), " tokens, the KV cache of ", cache.num_pages() * KvCache::kPageTokens, " tokens has room for ",
              sequences.num_pages_free() * KvCache::kPageTokens, "; make it larger, or end some sequences first");
  }
  return id;
}

}  // namespace pith
