// Chat templates: any bytes as the source. What parses must render or refuse, within its bounds, and twice the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "data/template/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 8192) return 0;
  const std::string source(reinterpret_cast<const char*>(data), size);
  constexpr const char* kMessages =
      R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2+3? é"},
          {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": [1, 2.5, null]}}}]},
          {"role": "tool", "content": "5"}])";
  pith::TemplateOptions options;
  options.add_generation_prompt = true;
  options.tools_json = R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "array"}}}}}])";
  options.bos = "<s>";
  options.eos = "</s>";
  options.now = "2024-07-26T09:05:03";
  std::string first, second;
  try {
    const auto chat = pith::ChatTemplate::FromSource(source);
    first = chat->RenderJson(kMessages, options);
    second = chat->RenderJson(kMessages, options);
  } catch (const pith::UserError&) {
    return 0;
  }
  if (first != second) std::abort();
  return 0;
}
