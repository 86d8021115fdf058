#include "data/text/end_tokens.h"

#include <algorithm>

#include "data/text/vocabulary.h"

namespace pith {
namespace {

constexpr std::string_view kEndTexts[] = {
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|call|>", "<|calls|>", "<|flush|>", "<end_of_turn>", "<turn|>",
    "<|tool_response>", "<|endoftext|>", "<|end_of_text|>", "<end_of_utterance>", "</s>", "<eos>", "[EOS]", "<EOT>", "_<EOT>", "[EOT]",
    "<｜end▁of▁sentence｜>", "[e~[",
    // What models of code write between files and for padding: behind it begins something else.
    "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"};

}  // namespace

bool IsEndText(std::string_view text) { return std::find(std::begin(kEndTexts), std::end(kEndTexts), text) != std::end(kEndTexts); }

std::vector<int32_t> EndIds(const Vocabulary& vocabulary) {
  std::vector<int32_t> ends;
  const auto add = [&](int32_t id) {
    if (id >= 0 && std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
  };
  add(vocabulary.eos_id);
  for (const int32_t id : vocabulary.end_ids) add(id);

  std::vector<const AddedToken*> known;
  for (const AddedToken& token : vocabulary.added) {
    const bool control = vocabulary.kinds[static_cast<size_t>(token.id)] == TokenKind::kControl;
    if (IsEndText(token.text) && (control || token.text != "</s>")) known.push_back(&token);
  }
  std::sort(known.begin(), known.end(), [](const AddedToken* a, const AddedToken* b) { return a->id < b->id; });
  const auto has = [&](std::string_view text) {
    return std::any_of(known.begin(), known.end(), [&](const AddedToken* token) { return token->text == text; });
  };
  const bool messages = (has("<|return|>") || has("<|flush|>")) && (has("<|call|>") || has("<|calls|>"));
  for (const AddedToken* token : known) {
    if (token->text == "<|end|>" && messages) continue;
    if (token->text == "</s>" && has("<|tool_response>")) continue;
    add(token->id);
  }
  return ends;
}

}  // namespace pith
