// safetensors for mutations: from a JSON header that need not say how long it is and data that need not be complete, the
// file as it would have to be. A header that is no good stays no good.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace pith::fuzz {

inline std::string FramedTensors(std::string_view header, std::string data) {
  constexpr uint64_t kMostData = 1 << 16;
  uint64_t end = 0;
  const auto json = nlohmann::json::parse(header, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    for (const auto& entry : json) {
      if (!entry.is_object() || !entry.contains("data_offsets")) continue;
      const auto& offsets = entry["data_offsets"];
      if (offsets.is_array() && offsets.size() == 2 && offsets[1].is_number_unsigned()) end = std::max(end, offsets[1].get<uint64_t>());
    }
  }
  if (end <= kMostData) data.resize(end, '\x3c');  // 0x3c3c…: a small number in each of the three types
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)).append(header).append(data);
}

}  // namespace pith::fuzz
