// Tests: `x is defined`.
#include <map>

#include "data/template/jinja_filters.h"
#include "data/template/jinja_markup.h"
#include "data/template/jinja_signature.h"
#include "data/template/python_characters.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;

struct Test {
  JinjaSignature signature;
  bool (*body)(const V&, const B&, R&);
};

bool RemainderIs(const V& value, const V& by, int64_t remainder, R& rt) {
  return JinjaEqual(JinjaBinary("%", value, by, rt), V(remainder), rt.budget);
}

template <char kFirst, char kSecond>
bool Comparison(const V& v, const B& a, R& rt) {
  constexpr char kOp[] = {kFirst, kSecond, 0};
  return JinjaCompare(kOp, v, *a[0], rt);
}

template <bool (*kWanted)(int32_t)>
bool IsOfCase(const V& v, const B&, R& rt) {
  return PythonIsOfCase(JinjaToString(v, rt.budget), kWanted);
}

bool IsSequence(const V& v) {
  const auto view = v.As<JinjaView>();
  return view != nullptr ? view->kind == JinjaView::kRange : !v.IsObject() && JinjaIsIterable(v);
}

const std::map<std::string, Test, std::less<>>& Tests() {
  static const std::map<std::string, Test, std::less<>> tests = {
      {"defined", {"", [](const V& v, const B&, R&) { return !v.IsUndefined(); }}},
      {"undefined", {"", [](const V& v, const B&, R&) { return v.IsUndefined(); }}},
      {"none", {"", [](const V& v, const B&, R&) { return v.IsNone(); }}},
      {"string", {"", [](const V& v, const B&, R&) { return v.IsString(); }}},
      {"number", {"", [](const V& v, const B&, R&) { return v.IsNumber(); }}},
      {"integer", {"", [](const V& v, const B&, R&) { return v.IsInt(); }}},
      {"float", {"", [](const V& v, const B&, R&) { return v.IsFloat(); }}},
      {"boolean", {"", [](const V& v, const B&, R&) { return v.IsBool(); }}},
      {"true", {"", [](const V& v, const B&, R&) { return v.IsBool() && v.AsBool(); }}},
      {"false", {"", [](const V& v, const B&, R&) { return v.IsBool() && !v.AsBool(); }}},
      {"mapping", {"", [](const V& v, const B&, R&) { return v.IsDict(); }}},
      {"iterable", {"", [](const V& v, const B&, R&) { return JinjaIsIterable(v) || v.As<JinjaLoop>() != nullptr; }}},
      {"sequence", {"", [](const V& v, const B&, R&) { return IsSequence(v); }}},
      {"callable", {"", [](const V& v, const B&, R&) { return v.IsUndefined() || (v.IsObject() && v.Object()->Callable()); }}},
      {"odd", {"", [](const V& v, const B&, R& rt) { return RemainderIs(v, V(int64_t{2}), 1, rt); }}},
      {"even", {"", [](const V& v, const B&, R& rt) { return RemainderIs(v, V(int64_t{2}), 0, rt); }}},
      {"divisibleby", {"num", [](const V& v, const B& a, R& rt) { return RemainderIs(v, *a[0], 0, rt); }}},
      {"==", {"other, /", Comparison<'=', '='>}},
      {"eq", {"other, /", Comparison<'=', '='>}},
      {"equalto", {"other, /", Comparison<'=', '='>}},
      {"!=", {"other, /", Comparison<'!', '='>}},
      {"ne", {"other, /", Comparison<'!', '='>}},
      {"<", {"other, /", Comparison<'<', 0>}},
      {"lt", {"other, /", Comparison<'<', 0>}},
      {"lessthan", {"other, /", Comparison<'<', 0>}},
      {"<=", {"other, /", Comparison<'<', '='>}},
      {"le", {"other, /", Comparison<'<', '='>}},
      {">", {"other, /", Comparison<'>', 0>}},
      {"gt", {"other, /", Comparison<'>', 0>}},
      {"greaterthan", {"other, /", Comparison<'>', 0>}},
      {">=", {"other, /", Comparison<'>', '='>}},
      {"ge", {"other, /", Comparison<'>', '='>}},
      {"in", {"seq", [](const V& v, const B& a, R& rt) { return JinjaContains(*a[0], v, rt); }}},
      {"sameas", {"other", [](const V& v, const B& a, R&) { return v.IsSame(*a[0]); }}},
      {"upper", {"", IsOfCase<IsPythonUpper>}},
      {"lower", {"", IsOfCase<IsPythonLower>}},
      {"escaped", {"", [](const V& v, const B&, R&) { return v.IsMarkup(); }}},
      {"filter",
       {"",
        [](const V& v, const B&, R&) {
          JinjaCheckHashable(v);
          return v.IsString() && (JinjaHasFilter(v.AsString()) || JinjaLacksFilter(v.AsString()));
        }}},
      {"test",
       {"",
        [](const V& v, const B&, R&) {
          JinjaCheckHashable(v);
          return v.IsString() && JinjaHasTest(v.AsString());
        }}},
  };
  return tests;
}

}  // namespace

bool JinjaHasTest(std::string_view name) { return Tests().count(name) != 0; }

bool JinjaTest(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step(value.IsString() && (name == "upper" || name == "lower") ? 1 + static_cast<int64_t>(value.AsString().size() / 32) : 1);
  const auto found = Tests().find(name);
  if (found == Tests().end()) ThrowJinja("pith lacks the test '", name, "'");
  return found->second.body(value, found->second.signature.Bind(name, args), rt);
}

}  // namespace pith
