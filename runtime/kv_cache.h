// The memory of the KV cache: one pool of pages of kPageTokens tokens, mapped once and touched as pages come into use.
//
// A page holds keys and values of all layers: [layer][k or v][kv head] and then, of one head, what kernels/attention.h calls
// a page: keys [H][token], values [token][U]. Pages are counted references; what a page means is known to sequences and to the prefix cache.
#pragma once

#include <cstdint>
#include <vector>

#include "base/model/model_config.h"
#include "runtime/kernels/attention.h"

namespace pith {

class KvCache {
 public:
  static constexpr int64_t kPageTokens = kKvPageTokens;
  static int64_t PagesFor(int64_t tokens) { return (tokens + kPageTokens - 1) / kPageTokens; }
  static int64_t PageBytes(const ModelConfig& config, KvType type);

  // Of `tokens` tokens, or as many whole pages as `max_bytes` has room for, where that is not 0 and they are fewer. UserError when
  // `tokens` is not positive, `max_bytes` has no room for a page, or the memory cannot be mapped.
  KvCache(const ModelConfig& config, int64_t tokens, KvType type, int64_t max_bytes = 0);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  KvType type() const { return type_; }
  int64_t num_pages() const { return static_cast<int64_t>(pages_.size()); }
  int64_t num_free() const { return static_cast<int64_t>(free_.size()); }
  int64_t num_shared() const { return num_shared_; }  // pages of several references
  int64_t page_bytes() const { return page_bytes_; }
  // That the system had to give: whole pages of its own, for the pages that were in use since they were trimmed last.
  int64_t resident_bytes() const;

  int32_t Take();                              // a free page with one reference; −1 when there is none
  void Share(int32_t page) { num_shared_ += ++pages_[page].references == 2; }
  int32_t Drop(int32_t page);                  // returns the references left; at 0 the caller keeps or returns the page
  void Return(int32_t page);                   // to the free pages; never fails, as none of these does
  int32_t references(int32_t page) const { return pages_[page].references; }
  // Gives the memory of the free pages back to the system; returns the bytes.
  int64_t Trim();

  uint8_t* K(int32_t page, int64_t layer, int64_t head) const { return Layer(page, layer) + head * k_bytes_; }
  uint8_t* V(int32_t page, int64_t layer, int64_t head) const { return Layer(page, layer) + kv_heads_ * k_bytes_ + head * v_bytes_; }
  // Stores k and v of one token (KV heads × H and × U floats) in row `token` of the page.
  void Write(int32_t page, int64_t layer, int64_t token, const float* k, const float* v) const;
  void CopyPage(int32_t from, int32_t to) const;
  // A page's bytes out to memory, and in. Of a page with fewer than kPageTokens tokens the others go out as zeros.
  void CopyOut(int32_t page, int64_t tokens, uint8_t* out) const;
  void CopyIn(int32_t page, const uint8_t* in) const;

 private:
  uint8_t* Layer(int32_t page, int64_t layer) const { return memory_ + page * page_bytes_ + layer * kv_heads_ * (k_bytes_ + v_bytes_); }
  int64_t kv_heads_, key_dim_, value_dim_;
  KvType type_;
  int64_t k_bytes_, v_bytes_;  // of one head's keys and values in a page
  int64_t page_bytes_;
  int64_t num_shared_ = 0;
  uint8_t* memory_ = nullptr;
  struct Page {
    int32_t references = 0;
    bool is_free = true;
    bool is_resident = false;  // taken since it was trimmed last
  };
  std::vector<Page> pages_;
  std::vector<int32_t> free_;  // a stack: the page used last is taken first
};

}  // namespace pith
