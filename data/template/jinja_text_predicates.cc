// str.isdigit and its like: what all characters of a text are.
#include <algorithm>

#include "data/template/jinja_lexer.h"
#include "data/template/jinja_methods.h"
#include "data/template/python_characters.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

// False of an empty text, but for isascii and isprintable.
template <bool (*kPasses)(int32_t), bool kEmpty = false>
JinjaValue All(const JinjaValue& self, const JinjaBound&, JinjaRuntime&) {
  const std::string& text = self.AsString();
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (!kPasses(c.value)) return JinjaValue(false);
    at += c.size;
  }
  return JinjaValue(kEmpty || !text.empty());
}

bool IsAscii(int32_t c) { return c >= 0 && c < 0x80; }
bool IsSpace(int32_t c) { return c >= 0 && IsPythonSpace(c); }

// Whether all cased characters are of one case, and there is one.
template <bool (*kWanted)(int32_t)>
JinjaValue AllCased(const JinjaValue& self, const JinjaBound&, JinjaRuntime&) {
  return JinjaValue(PythonIsOfCase(self.AsString(), kWanted));
}

// Each run of cased characters begins with a capital or title letter and goes on with small ones.
JinjaValue IsTitle(const JinjaValue& self, const JinjaBound&, JinjaRuntime&) {
  const std::string& text = self.AsString();
  bool any = false, inside = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    at += c.size;
    const bool head = IsPythonUpper(c.value) || IsPythonTitle(c.value), small = !head && IsPythonLower(c.value);
    if (head ? inside : small && !inside) return JinjaValue(false);
    inside = head || small;
    any = any || inside;
  }
  return JinjaValue(any);
}

JinjaValue IsIdentifier(const JinjaValue& self, const JinjaBound&, JinjaRuntime&) {
  const std::string& text = self.AsString();
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (at == 0 ? !IsPythonIdentifierStart(c.value) : !IsPythonIdentifierPart(c.value)) return JinjaValue(false);
    at += c.size;
  }
  return JinjaValue(!text.empty());
}

}  // namespace

bool PythonIsOfCase(std::string_view text, bool (*wanted)(int32_t)) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    at += c.size;
    if (wanted(c.value)) {
      any = true;
    } else if (IsPythonCased(c.value)) {
      return false;
    }
  }
  return any;
}

const JinjaMethodTable& JinjaTextPredicates() {
  static const JinjaMethodTable methods = {
      {"isalnum", {"", All<IsPythonAlnum>}},
      {"isalpha", {"", All<IsPythonAlpha>}},
      {"isascii", {"", All<IsAscii, true>}},
      {"isdecimal", {"", All<IsPythonDecimal>}},
      {"isdigit", {"", All<IsPythonDigit>}},
      {"isidentifier", {"", IsIdentifier}},
      {"islower", {"", AllCased<IsPythonLower>}},
      {"isnumeric", {"", All<IsPythonNumeric>}},
      {"isprintable", {"", All<IsPythonPrintable, true>}},
      {"isspace", {"", All<IsSpace>}},
      {"istitle", {"", IsTitle}},
      {"isupper", {"", AllCased<IsPythonUpper>}},
  };
  return methods;
}

}  // namespace pith
