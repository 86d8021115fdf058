// Whether a response has given its answer already, by a mark that people and judges know.
#pragma once

#include <string>
#include <string_view>

namespace pith {

// Reads along while a text grows. Marks are a whole \boxed{…}, and `marker`: the text that closes the reasoning of a model without
// tags, without the white space around it ("####", "The answer is").
class AnswerMark {
 public:
  explicit AnswerMark(std::string marker) : marker_(std::move(marker)) {}

  // `text` has grown by its last `added` bytes.
  void Read(std::string_view text, size_t added);
  bool found() const { return boxed_ || marked_; }

 private:
  std::string marker_;
  size_t after_marker_ = std::string_view::npos;  // where the text behind the last marker begins
  bool boxed_ = false, marked_ = false;
};

// Whether an answer stands behind a "####": `rest` is the text behind it. A heading of Markdown ("#### Step 2: add", "#### 1. Add
// them", "#### Solution" with text on the lines below) is none. While nothing has come yet, an answer is expected.
bool AnswerFollowsHashes(std::string_view rest);

}  // namespace pith
