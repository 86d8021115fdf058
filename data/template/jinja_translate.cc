// str.maketrans and str.translate.
#include "data/template/jinja_globals.h"
#include "data/template/jinja_text_pieces.h"
#include "data/text/utf8.h"

namespace pith::jinja_text {
namespace {

JinjaValue Ordinal(int32_t c) { return JinjaValue(static_cast<int64_t>(c)); }

// The value that `table` has for a code point; nullptr where it has none.
const JinjaValue* Translation(const JinjaValue& table, int32_t c, JinjaValue* character, JinjaRuntime& rt) {
  rt.budget.Step();
  const auto place = static_cast<size_t>(c);
  if (table.IsDict()) return table.Find(Ordinal(c), rt.budget);
  if (table.IsString()) {
    const std::string& texts = table.AsString();
    rt.budget.Step(c / 16);
    size_t at = 0;
    for (size_t i = 0; i < place && at < texts.size(); ++i) at += DecodeUtf8(texts, at).size;
    if (at >= texts.size()) return nullptr;
    *character = JinjaValue(texts.substr(at, DecodeUtf8(texts, at).size));
    return character;
  }
  const auto view = table.As<JinjaView>();
  if (!table.IsList() && (view == nullptr || view->kind != JinjaView::kRange)) {
    ThrowJinja("translate needs a table, not '", table.TypeName(), "'");
  }
  const auto& items = view != nullptr ? view->items.Items() : table.Items();
  return place < items.size() ? &items[place] : nullptr;
}

}  // namespace

JinjaValue MakeTranslation(const JinjaValue& from, const JinjaValue* to, const JinjaValue* removed, JinjaRuntime& rt) {
  std::vector<std::pair<JinjaValue, JinjaValue>> table;
  if (to == nullptr) {
    if (!from.IsDict()) ThrowJinja("maketrans needs a dict, or two strings");
    for (const auto& [key, value] : from.Entries()) {
      if (key.IsInt() || key.IsBool()) {
        JinjaPut(table, key, value, rt);
        continue;
      }
      if (!key.IsString() || CountCodePoints(key.AsString()) != 1) ThrowJinja("maketrans needs keys that are integers or one character");
      JinjaPut(table, Ordinal(DecodeUtf8(key.AsString(), 0).value), value, rt);
    }
    return JinjaValue::Dict(std::move(table));
  }
  const std::string &left = TextArg(&from, "maketrans"), &right = TextArg(to, "maketrans");
  if (CountCodePoints(left) != CountCodePoints(right)) ThrowJinja("maketrans needs two strings of one length");
  for (size_t at = 0, other = 0; at < left.size();) {
    const CodePoint c = DecodeUtf8(left, at), d = DecodeUtf8(right, other);
    JinjaPut(table, Ordinal(c.value), Ordinal(d.value), rt);
    at += c.size;
    other += d.size;
  }
  if (removed != nullptr) {
    const std::string& gone = TextArg(removed, "maketrans");
    for (size_t at = 0; at < gone.size(); at += DecodeUtf8(gone, at).size) JinjaPut(table, Ordinal(DecodeUtf8(gone, at).value), JinjaValue(), rt);
  }
  return JinjaValue::Dict(std::move(table));
}

std::string Translated(const std::string& text, const JinjaValue& table, JinjaRuntime& rt) {
  if (table.IsUndefined()) ThrowJinja(table.UndefinedReason());
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    JinjaValue character;
    const JinjaValue* found = c.value < 0 ? nullptr : Translation(table, c.value, &character, rt);
    const size_t before = out.size();
    if (found == nullptr) {
      out.append(text, at, c.size);
    } else if (found->IsString()) {
      out += found->AsString();
    } else if (found->IsInt() || found->IsBool()) {
      const int64_t code = found->AsInt();
      if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) ThrowJinja("translate: no character has the number ", code);
      AppendUtf8(out, static_cast<int32_t>(code));
    } else if (!found->IsNone()) {
      ThrowJinja("translate needs characters, not '", found->TypeName(), "'");
    }
    rt.budget.Bytes(out.size() - before);
    rt.budget.Size(out.size());
    at += c.size;
  }
  return out;
}

}  // namespace pith::jinja_text
