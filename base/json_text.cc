#include "base/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"

namespace pith {
namespace {

using Json = nlohmann::json;

// The parser's events; false ends the parsing.
class Checker : public nlohmann::json_sax<Json> {
 public:
  Checker(std::string_view text, int max_depth) : text_(text), max_depth_(static_cast<size_t>(max_depth)) {}
  const std::string& problem() const { return problem_; }

  bool null() override { return Value(); }
  bool boolean(bool) override { return Value(); }
  bool number_integer(number_integer_t) override { return Value(); }
  bool number_unsigned(number_unsigned_t) override { return Value(); }
  bool number_float(number_float_t, const string_t&) override { return Value(); }
  bool string(string_t&) override { return Value(); }
  bool binary(binary_t&) override { return Value(); }

  bool start_object(size_t) override { return Open(); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return keys_.empty() ? Value() : Open(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    return Stop(Str("has an object in which the key '", name, "' occurs twice"));
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    const std::string_view before = text_.substr(0, position == 0 ? 0 : position - 1);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return Stop(Str("is not a JSON object (line ", lines + 1, ", column ", before.size() - line_begin + 1, ")"));
  }

 private:
  bool Stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool Value() { return !keys_.empty() || Stop("is not a JSON object"); }
  bool Open() {
    if (keys_.size() == max_depth_) return Stop(Str("nests lists and objects more than ", max_depth_, " deep"));
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    keys_.pop_back();
    return true;
  }

  std::string_view text_;
  size_t max_depth_;
  std::vector<std::set<std::string>> keys_;  // of every list (none) and object that is open
  std::string problem_;
};

}  // namespace

std::string_view WithoutByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.substr(text.starts_with(kMark) ? kMark.size() : 0);
}

std::string JsonObjectProblem(std::string_view text, int max_depth) {
  Checker checker(text, max_depth);
  Json::sax_parse(text, &checker);
  return checker.problem();
}

std::string WithMember(std::string object, std::string_view key, std::string_view json) {
  PITH_CHECK(object.size() >= 2 && object.front() == '{' && object.back() == '}', object);
  object.pop_back();
  if (object.size() > 1) object += ',';
  object += Str('"', key, "\":");
  object += json;
  return object + "}";
}

}  // namespace pith
