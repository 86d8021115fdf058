#include "runtime/kv_cache.h"

#include <sys/mman.h>

#include <bit>
#include <cstring>

#include "base/error.h"
#include "runtime/clones.h"

namespace pith {

namespace {
constexpr int64_t kMaxHead = 1024;
}

// Selected by masks: branches would keep compilers from vectorising.
PITH_CLONES void FloatsToF16(const float* in, uint16_t* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(in[i]);
    const uint32_t u = bits & 0x7fffffffu;
    const uint32_t normal = (u - (112u << 23) + 0xfffu + ((u >> 13) & 1u)) >> 13;
    // Below 2^−14 the unit of f16 is 2^−24, which is the last bit of floats in [0.5, 1): adding 0.5 rounds to it.
    const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(u) + 0.5f) - 0x3f000000u;
    const uint32_t small = -static_cast<uint32_t>(u < (113u << 23));
    const uint32_t large = -static_cast<uint32_t>(u >= 0x477ff000u);  // 65520 and above round to infinity
    const uint32_t nan = -static_cast<uint32_t>(u > 0x7f800000u);
    uint32_t h = (subnormal & small) | (normal & ~small);
    h = (0x7c00u & large) | (h & ~large);
    h |= (0x200u | ((u >> 13) & 0x3ffu)) & nan;
    out[i] = static_cast<uint16_t>(((bits >> 16) & 0x8000u) | h);
  }
}

KvCache::KvCache(const ModelConfig& config, int64_t tokens, bool f16)
    : layers_(config.num_layers), kv_heads_(config.num_kv_heads), head_dim_(config.head_dim), f16_(f16) {
  if (tokens <= 0 || tokens > int64_t{1} << 32) {
    ThrowUser("the KV cache cannot hold ", tokens, " tokens; give a number from 1 to 2^32");
  }
  if (head_dim_ > kMaxHead) ThrowUser("heads of ", head_dim_, " values are beyond what pith runs; the most is ", kMaxHead);
  value_bytes_ = f16 ? 2 : 4;
  head_bytes_ = value_bytes_ * head_dim_ * kPageTokens;
  page_bytes_ = head_bytes_ * kv_heads_ * layers_ * 2;
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
  refs_.assign(static_cast<size_t>(pages), 0);
  free_.resize(static_cast<size_t>(pages));
  for (int64_t i = 0; i < pages; ++i) free_[i] = static_cast<int32_t>(pages - 1 - i);
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

namespace {

// One row of H values: k to column `token` of [H][kPageTokens], v to row `token` of [kPageTokens][H].
template <class T>
void StoreToken(const T* k, const T* v, int64_t head_dim, int64_t token, uint8_t* k_page, uint8_t* v_page) {
  T* column = reinterpret_cast<T*>(k_page) + token;
  for (int64_t i = 0; i < head_dim; ++i) column[i * KvCache::kPageTokens] = k[i];
  std::memcpy(v_page + token * head_dim * static_cast<int64_t>(sizeof(T)), v, static_cast<size_t>(head_dim) * sizeof(T));
}

}  // namespace

void KvCache::Write(int32_t page, int64_t layer, int64_t token, const float* k, const float* v) const {
  for (int64_t head = 0; head < kv_heads_; ++head, k += head_dim_, v += head_dim_) {
    uint8_t* k_page = K(page, layer, head);
    uint8_t* v_page = V(page, layer, head);
    if (!f16_) {
      StoreToken(k, v, head_dim_, token, k_page, v_page);
      continue;
    }
    uint16_t halves[2 * kMaxHead];
    FloatsToF16(k, halves, head_dim_);
    FloatsToF16(v, halves + kMaxHead, head_dim_);
    StoreToken(halves, halves + kMaxHead, head_dim_, token, k_page, v_page);
  }
}

void KvCache::CopyPage(int32_t from, int32_t to) const {
  std::memcpy(memory_ + to * page_bytes_, memory_ + from * page_bytes_, static_cast<size_t>(page_bytes_));
}

}  // namespace pith
