// A place in a template's tokens: what is here, take it, expect it, or fail with the line.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/template/jinja_lexer.h"
#include "data/template/jinja_value.h"

namespace pith {

class JinjaCursor {
 public:
  using T = JinjaToken;

  explicit JinjaCursor(std::string_view source) : tokens_(LexJinja(source)) {}

  const JinjaToken& Now() const { return tokens_[at_]; }
  const JinjaToken& After() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  JinjaToken Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool IsOp(std::string_view op) const { return Now().Is(T::kOperator, op); }
  bool IsName(std::string_view name) const { return Now().Is(T::kName, name); }
  bool SkipOp(std::string_view op) { return IsOp(op) && (Take(), true); }
  bool SkipName(std::string_view name) { return IsName(name) && (Take(), true); }

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    throw JinjaError(Str(args...), Now().line);
  }

  std::string Shown() const {
    switch (Now().kind) {
      case T::kEnd: return "the end of the template";
      case T::kBlockEnd: return "the end of the tag '%}'";
      case T::kOutputEnd: return "the end of the tag '}}'";
      default: return "'" + Now().text.substr(0, 40) + "'";
    }
  }
  void ExpectOp(std::string_view op) {
    if (!SkipOp(op)) Fail("expected '", op, "', got ", Shown());
  }
  std::string ExpectName() {
    if (Now().kind != T::kName) Fail("expected a name, got ", Shown());
    return Take().text;
  }
  void ExpectBlockEnd() {
    if (Now().kind != T::kBlockEnd) Fail("expected '%}', got ", Shown());
    Take();
  }

 private:
  std::vector<JinjaToken> tokens_;
  size_t at_ = 0;
};

}  // namespace pith
