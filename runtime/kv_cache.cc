#include "runtime/kv_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace pith {

KvCache::KvCache(const ModelConfig& config, int64_t tokens, KvType type, int64_t max_bytes)
    : kv_heads_(config.num_kv_heads), key_dim_(config.head_dim), value_dim_(config.value_head_dim), type_(type) {
  if (tokens <= 0 || tokens > int64_t{1} << 32) {
    ThrowUser("the KV cache cannot hold ", tokens, " tokens; give a number from 1 to 2^32");
  }
  for (const int64_t head_dim : {key_dim_, value_dim_}) {
    if (type == KvType::kInt8 && head_dim % 32 != 0) {
      ThrowUser("an INT8 cache needs heads of a multiple of 32 values, and this model's have ", head_dim, "; use f16");
    }
    if (head_dim > kMaxHeadDim) ThrowUser("heads of ", head_dim, " values are beyond what pith runs; the most is ", kMaxHeadDim);
  }
  k_bytes_ = KvPageBytes(type, key_dim_);
  v_bytes_ = KvPageBytes(type, value_dim_);
  page_bytes_ = PageBytes(config, type);
  if (max_bytes < 0 || (max_bytes > 0 && max_bytes < page_bytes_)) {
    ThrowUser("a KV cache of at most ", max_bytes, " bytes was asked for; a page of ", kPageTokens, " tokens of this model takes ", page_bytes_,
              " bytes: allow one page or more, or 0 for no limit");
  }
  const int64_t pages = max_bytes == 0 ? PagesFor(tokens) : std::min(PagesFor(tokens), max_bytes / page_bytes_);
  void* memory = MAP_FAILED;
  if (pages < INT32_MAX && page_bytes_ <= (int64_t{1} << 46) / pages) {
    memory = mmap(nullptr, static_cast<size_t>(pages * page_bytes_), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  if (memory == MAP_FAILED) {
    ThrowUser("a KV cache of ", tokens, " tokens needs ", pages, " × ", page_bytes_,
              " bytes, which this machine does not give; ask for fewer tokens");
  }
  memory_ = static_cast<uint8_t*>(memory);
  try {
    pages_.resize(static_cast<size_t>(pages));
    free_.resize(static_cast<size_t>(pages));
  } catch (...) {  // no destructor runs for what was not constructed
    munmap(memory, static_cast<size_t>(pages * page_bytes_));
    throw;
  }
  for (int64_t i = 0; i < pages; ++i) free_[i] = static_cast<int32_t>(pages - 1 - i);
}

int64_t KvCache::PageBytes(const ModelConfig& config, KvType type) {
  return config.num_layers * config.num_kv_heads * (KvPageBytes(type, config.head_dim) + KvPageBytes(type, config.value_head_dim));
}

KvCache::~KvCache() { munmap(memory_, static_cast<size_t>(num_pages() * page_bytes_)); }

int32_t KvCache::Take() {
  if (free_.empty()) return -1;
  const int32_t page = free_.back();
  free_.pop_back();
  PITH_CHECK_EQ(pages_[page].references, 0);
  pages_[page] = {1, false, true};
  return page;
}

int32_t KvCache::Drop(int32_t page) {
  PITH_CHECK(pages_[page].references > 0, "page ", page);
  const int32_t left = --pages_[page].references;
  num_shared_ -= left == 1;
  return left;
}

void KvCache::Return(int32_t page) {
  PITH_CHECK_EQ(pages_[page].references, 0);
  pages_[page].is_free = true;
  free_.push_back(page);
}

int64_t KvCache::resident_bytes() const {
  const int64_t unit = sysconf(_SC_PAGESIZE);
  int64_t bytes = 0, counted = 0;  // up to where
  for (int64_t i = 0; i < num_pages(); ++i) {
    if (!pages_[i].is_resident) continue;
    const int64_t begin = std::max(counted, i * page_bytes_ / unit * unit);
    counted = ((i + 1) * page_bytes_ + unit - 1) / unit * unit;
    bytes += counted - begin;
  }
  return bytes;
}

// The system's pages need not be ours: of those at the ends of a row of free pages, what a page in use has a part of stays.
int64_t KvCache::Trim() {
  const int64_t unit = sysconf(_SC_PAGESIZE), before = resident_bytes();
  for (int64_t i = 0, end; i < num_pages(); i = end + 1) {
    for (end = i; end < num_pages() && pages_[end].is_free;) ++end;
    const bool is_last = end == num_pages();
    const int64_t from = (i * page_bytes_ + unit - 1) / unit * unit;
    const int64_t to = (end * page_bytes_ + (is_last ? unit - 1 : 0)) / unit * unit;
    // Memory that is locked stays. What was never in use goes too: huge pages may have brought it.
    if (from < to && madvise(memory_ + from, static_cast<size_t>(to - from), MADV_DONTNEED) != 0) continue;
    for (int64_t page = i; page < end; ++page) pages_[page].is_resident = false;
  }
  std::sort(free_.begin(), free_.end(), std::greater<int32_t>());  // the first are taken first again, so that rows stay long
  return before - resident_bytes();
}

void KvCache::Write(int32_t page, int64_t layer, int64_t token, const float* k, const float* v) const {
  for (int64_t head = 0; head < kv_heads_; ++head, k += key_dim_, v += value_dim_) {
    StoreKv(type_, key_dim_, value_dim_, token, k, v, K(page, layer, head), V(page, layer, head));
  }
}

void KvCache::CopyPage(int32_t from, int32_t to) const {
  std::memcpy(memory_ + to * page_bytes_, memory_ + from * page_bytes_, static_cast<size_t>(page_bytes_));
}

void KvCache::CopyIn(int32_t page, const uint8_t* in) const {
  std::memcpy(memory_ + page * page_bytes_, in, static_cast<size_t>(page_bytes_));
}

void KvCache::CopyOut(int32_t page, int64_t tokens, uint8_t* out) const {
  const uint8_t* from = memory_ + page * page_bytes_;
  std::memcpy(out, from, static_cast<size_t>(page_bytes_));
  const std::vector<float> zeros(static_cast<size_t>(std::max(key_dim_, value_dim_)));
  const int64_t layers = page_bytes_ / (kv_heads_ * (k_bytes_ + v_bytes_));
  for (int64_t token = tokens; token < kPageTokens; ++token) {
    for (int64_t i = 0; i < layers * kv_heads_; ++i) {
      const int64_t layer = i / kv_heads_, head = i % kv_heads_;
      StoreKv(type_, key_dim_, value_dim_, token, zeros.data(), zeros.data(), out + (K(page, layer, head) - from), out + (V(page, layer, head) - from));
    }
  }
}

}  // namespace pith
