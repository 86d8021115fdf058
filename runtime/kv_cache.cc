#include "runtime/kv_cache.h"

#include <sys/mman.h>

#include <cstring>

#include "base/error.h"

namespace pith {

KvCache::KvCache(const ModelConfig& config, int64_t tokens, KvType type)
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
  const int64_t pages = PagesFor(tokens);
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
    refs_.assign(static_cast<size_t>(pages), 0);
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
  PITH_CHECK_EQ(refs_[page], 0);
  refs_[page] = 1;
  if (page >= touched_) touched_ = page + 1;
  return page;
}

int32_t KvCache::Drop(int32_t page) {
  PITH_CHECK(refs_[page] > 0, "page ", page);
  return --refs_[page];
}

void KvCache::Return(int32_t page) {
  PITH_CHECK_EQ(refs_[page], 0);
  free_.push_back(page);
}

void KvCache::Write(int32_t page, int64_t layer, int64_t token, const float* k, const float* v) const {
  for (int64_t head = 0; head < kv_heads_; ++head, k += key_dim_, v += value_dim_) {
    StoreKv(type_, key_dim_, value_dim_, token, k, v, K(page, layer, head), V(page, layer, head));
  }
}

void KvCache::CopyPage(int32_t from, int32_t to) const {
  std::memcpy(memory_ + to * page_bytes_, memory_ + from * page_bytes_, static_cast<size_t>(page_bytes_));
}

}  // namespace pith
