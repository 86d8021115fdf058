#include "data/json_numbers.h"

#include <algorithm>

namespace pith {
namespace {

constexpr std::string_view kMark = "\xef\xb7\x90";  // U+FDD0, which Unicode keeps free for uses inside a program
constexpr std::string_view kDigits = "0123456789";

// RFC 8259, section 6.
bool IsNumber(std::string_view text) {
  const auto digits = [&] {
    const size_t count = std::min(text.find_first_not_of(kDigits), text.size());
    text.remove_prefix(count);
    return count;
  };
  const auto skip = [&](std::string_view any) {
    const bool found = !text.empty() && any.find(text[0]) != std::string_view::npos;
    if (found) text.remove_prefix(1);
    return found;
  };
  skip("-");
  const bool zero = text.starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (skip(".") && digits() == 0) return false;
  if (skip("eE")) {
    skip("+-");
    if (digits() == 0) return false;
  }
  return text.empty();
}

// Behind the string that begins at `begin`, its quotes included.
size_t EndOfString(std::string_view json, size_t begin) {
  for (size_t i = begin + 1; i < json.size(); ++i) {
    if (json[i] == '\\') {
      ++i;
    } else if (json[i] == '"') {
      return i + 1;
    }
  }
  return json.size();
}

}  // namespace

std::string MarkNumbers(std::string_view json) {
  std::string out;
  for (size_t at = 0; at < json.size();) {
    size_t end = at + 1;
    bool number = false;
    if (json[at] == '"') {
      end = EndOfString(json, at);
    } else if (json[at] == '-' || kDigits.find(json[at]) != std::string_view::npos) {
      end = std::min(json.find_first_not_of("0123456789+-.eE", at), json.size());
      const size_t next = json.find_first_not_of(" \t\r\n", end);
      const bool key = next != std::string_view::npos && json[next] == ':';  // {1: 2} is none
      number = !key && IsNumber(json.substr(at, end - at));
    }
    if (number) (out += '"') += kMark;
    out += json.substr(at, end - at);
    if (number) out += '"';
    at = end;
  }
  return out;
}

std::optional<std::string> MarkedNumber(std::string_view text) {
  if (!text.starts_with(kMark) || !IsNumber(text.substr(kMark.size()))) return std::nullopt;
  return std::string(text.substr(kMark.size()));
}

std::string UnmarkNumbers(std::string_view json) {
  std::string out;
  for (size_t at = 0; at < json.size();) {
    const size_t end = json[at] == '"' ? EndOfString(json, at) : at + 1;
    const std::string_view piece = json.substr(at, end - at);
    const std::optional<std::string> number = piece.size() > 2 ? MarkedNumber(piece.substr(1, piece.size() - 2)) : std::nullopt;
    out += number ? std::string_view(*number) : piece;
    at = end;
  }
  return out;
}

}  // namespace pith
