// CRC-32C (Castagnoli; RFC 3720, section 12.1 and appendix B.4).
#pragma once

#include <cstdint>
#include <string_view>

namespace pith {

uint32_t Crc32c(std::string_view bytes);

}  // namespace pith
