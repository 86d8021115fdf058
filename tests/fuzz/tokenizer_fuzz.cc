// tokenizer.json: any bytes as the file; what loads must encode and decode any text without fault. Input: the JSON, a zero
// byte, a text (none: a fixed one).
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/error.h"
#include "data/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string text = zero == std::string::npos ? "It's 48 <think>  ▁clips\xFF é<|im_end|>\n" : input.substr(zero + 1);
  static const std::string path = "/tmp/pith-tokenizer-fuzz-" + std::to_string(getpid()) + ".json";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << input.substr(0, zero);
  try {
    const auto tokenizer = pith::Tokenizer::FromJson(path);
    for (const auto special : {pith::SpecialTokens::kAsText, pith::SpecialTokens::kParse}) {
      const std::vector<int32_t> ids = tokenizer->Encode(text, special);
      if (tokenizer->Encode(text, special) != ids) std::abort();
      tokenizer->Decode(ids, true);
    }
  } catch (const pith::UserError&) {
  }
  std::remove(path.c_str());
  return 0;
}
