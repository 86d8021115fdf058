#include "base/str_piece.h"

#include <cstdio>
#include <cstring>

namespace pith {
namespace {

// "%g", but for the point, which is the locale's there.
void AppendNumber(double value, std::string* out) {
  char text[64];
  const int size = std::snprintf(text, sizeof(text), "%g", value);
  bool in_point = false;
  for (int i = 0; i < size; ++i) {
    const bool known = std::strchr("0123456789+-einfa", text[i]) != nullptr;
    if (known) *out += text[i];
    else if (!in_point) *out += '.';
    in_point = !known;
  }
}

}  // namespace

void StrPiece::AppendTo(std::string* out) const {
  switch (kind_) {
    case Kind::kText: out->append(text_, size_); break;
    case Kind::kCharacter: out->push_back(static_cast<char>(unsigned_)); break;
    case Kind::kSigned: *out += std::to_string(static_cast<int64_t>(unsigned_)); break;
    case Kind::kUnsigned: *out += std::to_string(unsigned_); break;
    case Kind::kNumber: AppendNumber(number_, out); break;
  }
}

std::string Joined(std::initializer_list<StrPiece> pieces) {
  std::string text;
  for (const StrPiece& piece : pieces) piece.AppendTo(&text);
  return text;
}

}  // namespace pith
