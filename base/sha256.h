// SHA-256 (FIPS 180-4), streaming.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pith {

class Sha256 {
 public:
  Sha256();
  void Update(const void* data, size_t size_bytes);
  void Update(std::string_view text) { Update(text.data(), text.size()); }
  std::string HexDigest();  // 64 lower-case hex digits; the object is spent afterwards

 private:
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> block_;
  uint64_t total_ = 0;
  void Compress(const uint8_t* block);
};

}  // namespace pith
