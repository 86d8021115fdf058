#include "export/measured_text.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "data/dataset.h"
#include "data/published.h"
#include "data/text/begin_token.h"
#include "data/text/tokenizer.h"

namespace pith {
namespace {

constexpr int64_t kShortestWindow = 16;
constexpr uint64_t kMaxTextBytes = uint64_t{256} << 20;

std::string TextOfProblems(const std::string& name) {
  DatasetSpec spec;
  spec.name = name;
  spec.split = "test";
  std::string text;
  for (const Problem& problem : LoadProblems(spec)) {
    text += problem.question + "\n" + (problem.solution.empty() ? problem.answer : problem.solution) + "\n\n";
  }
  return text;
}

std::string TextOf(const std::string& name) {
  if (IsPublished(name) || name.ends_with(".jsonl")) return TextOfProblems(name);
  if (!FileExists(name)) {
    ThrowUser("--measure is '", name, "', which is neither a data set (gsm8k, math500, svamp) nor a file; name one, a .jsonl of problems or a text file");
  }
  std::string text = ReadFile(name, kMaxTextBytes);
  if (text.find('\0') != std::string::npos) ThrowUser("--measure '", name, "' is no text: it holds a byte 0; name a text file");
  return text;
}

}  // namespace

MeasuredText ReadMeasuredText(const BaseModel& base, const std::string& name, int64_t max_tokens) {
  MeasuredText text;
  text.name = name;
  text.window = std::min(kMeasureWindow, base.config().context_length);
  if (text.window < kShortestWindow) ThrowUser("'", base.path(), "' has a context of ", text.window, " tokens, which is too short for --measure");
  if (max_tokens != 0 && max_tokens < text.window) {
    ThrowUser("--measure-tokens is ", max_tokens, ", less than one window of ", text.window, " tokens; give more, or 0 for the whole text");
  }
  const std::string whole = TextOf(name);
  text.ids = Tokenizer::Load(base.path())->Encode(whole);
  const std::optional<int32_t> begin = base.gguf() != nullptr ? BeginToken(*base.gguf(), base.config().vocab_size) : BeginToken(base.path());
  if (begin) text.ids.insert(text.ids.begin(), *begin);  // llama-perplexity's too, so that its windows are these
  const auto num_ids = static_cast<int64_t>(text.ids.size());
  text.num_in_text = num_ids / text.window;
  if (text.num_in_text == 0) {
    ThrowUser("--measure '", name, "' has ", num_ids, " tokens, less than one window of ", text.window, "; give a longer text");
  }
  text.num_windows = max_tokens == 0 ? text.num_in_text : std::min(text.num_in_text, max_tokens / text.window);
  text.ids.resize(static_cast<size_t>(text.num_windows * text.window));
  for (int64_t i = 0; begin && i < text.num_windows; ++i) text.ids[static_cast<size_t>(i * text.window)] = *begin;
  return text;
}

}  // namespace pith
