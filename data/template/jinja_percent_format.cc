// 'a format' % values.
#include <algorithm>
#include <cmath>
#include <utility>

#include "data/template/jinja_formats.h"
#include "data/template/jinja_literals.h"
#include "data/template/jinja_markup.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

class PercentFormat {
 public:
  PercentFormat(const JinjaValue& text, const JinjaValue& values, JinjaRuntime& rt)
      : format_(text.AsString()), markup_(text.IsMarkup()), values_(values), rt_(rt) {}

  std::string Run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      Append(format_.substr(at_, percent - at_));
      at_ = percent + 1;
      if (percent < format_.size()) Place();
    }
    if (next_ < NumValues() && !IsMapping()) ThrowJinja("a format has fewer places than values");
    return std::move(out_);
  }

 private:
  const std::string& format_;
  const bool markup_;  // what is put in is escaped
  const JinjaValue& values_;
  JinjaRuntime& rt_;
  std::string out_;
  size_t at_ = 0, next_ = 0;

  // What may stand right of '%' without being used up.
  bool IsMapping() const {
    const auto view = values_.As<JinjaView>();
    return values_.IsDict() || values_.IsUndefined() || (values_.IsList() && !values_.IsTuple()) || (view != nullptr && view->kind == JinjaView::kRange);
  }
  size_t NumValues() const { return values_.IsTuple() ? values_.Items().size() : 1; }
  const JinjaValue& NextValue() {
    if (next_ >= NumValues()) ThrowJinja("a format has more places than values");
    return values_.IsTuple() ? values_.Items()[next_++] : (++next_, values_);
  }
  char Here() const {
    if (at_ >= format_.size()) ThrowJinja("a format ends in the middle of a place");
    return format_[at_];
  }
  void Append(const std::string& piece) {
    rt_.budget.Bytes(piece.size());
    rt_.budget.Size(out_.size() + piece.size());
    out_ += piece;
  }

  const JinjaValue& Named() {
    int open = 1;
    const size_t begin = ++at_;
    for (; open > 0; ++at_) open += Here() == '(' ? 1 : Here() == ')' ? -1 : 0;
    const std::string name = format_.substr(begin, at_ - 1 - begin);
    if (!values_.IsDict()) ThrowJinja("a format names '", name, "', but its values are no dictionary");
    const JinjaValue* value = values_.Find(JinjaValue(name), rt_.budget);
    if (value == nullptr) ThrowJinja("a format names '", name, "', which its dictionary lacks");
    next_ = 1;
    return *value;
  }

  // A width or precision: digits, or '*' for the next value.
  int64_t Number(bool* negative) {
    int64_t number = 0;
    if (Here() == '*') {
      ++at_;
      number = JinjaToInt(NextValue(), "'*' of a format");
      *negative = number < 0;
      if (number < -kMaxFormatWidth) number = kMaxFormatWidth + 1;
      number = std::abs(number);
    }
    for (; IsDigit(Here()); ++at_) number = std::min(number * 10 + (Here() - '0'), kMaxFormatWidth + 1);
    if (number > kMaxFormatWidth) ThrowJinja("pith lacks formats wider than ", kMaxFormatWidth);
    return number;
  }

  void Place() {
    const size_t begin = at_;
    if (Here() == '%') {
      ++at_;
      return Append("%");
    }
    const JinjaValue* named = Here() == '(' ? &Named() : nullptr;
    JinjaFormatSpec spec;
    bool left = false;
    for (; std::string_view("-+ #0").find(Here()) != std::string_view::npos; ++at_) {
      const char flag = Here();
      left = left || flag == '-';
      if (flag == '+' || (flag == ' ' && spec.sign == 0)) spec.sign = flag;
      spec.alternate = spec.alternate || flag == '#';
      spec.zero = spec.zero || flag == '0';
    }
    bool negative = false;
    spec.width = Number(&negative);
    left = left || negative;
    if (Here() == '.') {
      ++at_;
      negative = false;
      spec.precision = Number(&negative);
      if (negative) spec.precision = 0;
    }
    if (std::string_view("hlL").find(Here()) != std::string_view::npos) ++at_;
    const char kind = Here();
    ++at_;
    spec.align = left ? '<' : '>';
    const std::string_view shown = std::string_view(format_).substr(begin, at_ - begin);
    Append(Written(named != nullptr ? *named : NextValue(), kind, spec, shown));
  }

  std::string Written(const JinjaValue& value, char kind, JinjaFormatSpec spec, std::string_view shown) {
    if (kind == 's' || kind == 'r' || kind == 'a' || kind == 'c') {
      std::string text = kind == 'c' ? Character(value, shown) : kind == 'r' ? JinjaRepr(value, rt_.budget) : kind == 'a' ? JinjaAscii(value, rt_.budget) : JinjaToString(value, rt_.budget);
      if (markup_ && !(kind == 's' && value.IsMarkup())) text = JinjaEscape(JinjaValue(std::move(text)), rt_);
      JinjaFormatSpec plain;
      plain.width = spec.width;
      plain.align = spec.align;
      if (kind != 'c') plain.precision = spec.precision;
      return JinjaFormatText(text, shown, plain);
    }
    if (spec.zero && spec.align == '>') {
      spec.fill = "0";
      spec.align = '=';
    }
    spec.zero = false;
    if (value.IsUndefined()) ThrowJinja(value.UndefinedReason());
    if (!value.IsNumber()) ThrowJinja("the format '%", shown, "' needs a number, not '", value.TypeName(), "'");
    if (std::string_view("diuoxX").find(kind) != std::string_view::npos) return Integer(value, kind, spec, shown);
    if (std::string_view("eEfFgG").find(kind) == std::string_view::npos) ThrowJinja("'%", shown, "' is no format");
    spec.type = kind;
    return JinjaFormatFloat(value.AsDouble(), shown, spec);
  }

  std::string Character(const JinjaValue& value, std::string_view shown) {
    if (value.IsInt() || value.IsBool()) return JinjaCharacter(value.AsInt());
    if (!value.IsString() || CountCodePoints(value.AsString()) != 1) ThrowJinja("the format '%", shown, "' needs one character");
    return value.AsString();
  }

  std::string Integer(const JinjaValue& value, char kind, JinjaFormatSpec spec, std::string_view shown) {
    const bool decimal = kind == 'd' || kind == 'i' || kind == 'u';
    if (value.IsFloat() && !decimal) ThrowJinja("the format '%", shown, "' needs an integer, not 'float'");
    if (value.IsFloat() && !(std::fabs(value.AsDouble()) < 0x1p63)) ThrowJinja("pith lacks integers beyond 64 bits, such as '%", shown, "' of ", PythonFloat(value.AsDouble()));
    const int64_t number = value.IsFloat() ? static_cast<int64_t>(value.AsDouble()) : value.AsInt();
    spec.type = decimal ? 'd' : kind;
    const int64_t least = std::exchange(spec.precision, -1);
    if (least <= 0) return JinjaFormatInteger(number, shown, spec);
    // The precision is a least number of digits, filled up by zeros; the width counts sign and prefix, too.
    JinjaFormatSpec digits = spec;
    digits.width = 0;
    const auto head = static_cast<int64_t>(JinjaFormatInteger(number < 0 ? -1 : 0, shown, digits).size()) - 1;
    digits.width = spec.align == '=' ? std::max(least + head, spec.width) : least + head;
    digits.align = '=';
    digits.fill = "0";
    JinjaFormatSpec outer;
    outer.width = spec.width;
    outer.align = spec.align == '<' ? '<' : '>';
    return JinjaFormatText(JinjaFormatInteger(number, shown, digits), shown, outer);
  }
};

}  // namespace

JinjaValue JinjaPercentFormat(const JinjaValue& format, const JinjaValue& values, JinjaRuntime& rt) {
  return JinjaMarkupLike(format, rt.Text(PercentFormat(format, values, rt).Run()), rt);
}

}  // namespace pith
