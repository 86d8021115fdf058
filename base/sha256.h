// SHA-256 (FIPS 180-4), streaming.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/sha256_compress.h"

namespace pith {

class Sha256 {
 public:
  using Bytes = std::array<uint8_t, 32>;

  explicit Sha256(const Sha256Method& method = BestSha256Method());
  void Update(const void* data, size_t size_bytes);
  void Update(std::string_view text) { Update(text.data(), text.size()); }
  Bytes Digest();           // the object is spent afterwards
  std::string HexDigest();  // 64 lower-case hex digits; likewise

 private:
  decltype(Sha256Method::compress) compress_;
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> block_;
  uint64_t total_ = 0;
};

}  // namespace pith
