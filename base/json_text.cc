#include "base/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"

namespace pith {
namespace {

using Json = nlohmann::json;

// Of the byte that a parser, counting from 1, stopped at.
std::string LineAndColumn(std::string_view text, size_t position) {
  const std::string_view before = text.substr(0, position == 0 ? 0 : position - 1);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return Str("line ", lines + 1, ", column ", before.size() - line_begin + 1);
}

// The parser's events; false ends the parsing.
class Checker : public nlohmann::json_sax<Json> {
 public:
  Checker(std::string_view text, int max_depth, RepeatedKeys repeated)
      : text_(text), max_depth_(static_cast<size_t>(max_depth)), repeated_(repeated) {}
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
    if (repeated_ == RepeatedKeys::kLastCounts || keys_.back().insert(name).second) return true;
    return Stop(Str("has an object in which the key '", name, "' occurs twice"));
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return Stop(Str("is not a JSON object (", LineAndColumn(text_, position), ")"));
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
  RepeatedKeys repeated_;
  std::vector<std::set<std::string>> keys_;  // of every list (none) and object that is open
  std::string problem_;
};

class BreakFinder : public nlohmann::json_sax<Json> {
 public:
  explicit BreakFinder(std::string_view text) : text_(text) {}
  const std::string& found() const { return found_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool key(string_t&) override { return true; }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    if (dynamic_cast<const Json::out_of_range*>(&error) != nullptr) return false;
    const bool one_line = text_.find('\n') >= text_.find_last_not_of(" \t\r\n");
    const std::string place = LineAndColumn(text_, position);
    found_ = position > text_.size() ? "it breaks off at the end" : one_line ? place.substr(place.find("column")) : place;
    return false;
  }

 private:
  std::string_view text_;
  std::string found_;
};

}  // namespace

std::string JsonBreak(std::string_view text) {
  BreakFinder finder(text);
  Json::sax_parse(text, &finder);
  return finder.found();
}

std::string JsonErrorText(const std::exception& error) {
  const std::string text = error.what();
  const size_t end = text.find("] ");
  return text.starts_with("[json.exception") && end != std::string::npos ? text.substr(end + 2) : text;
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.substr(text.starts_with(kMark) ? kMark.size() : 0);
}

std::string PythonJson(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find_first_of("\"NI-", at), text.size());
    out += text.substr(at, end - at);
    at = end;
    if (at == text.size()) break;
    if (text[at] == '"') {
      for (end = at + 1; end < text.size() && text[end] != '"'; ++end) end += text[end] == '\\' ? 1 : 0;
      end = std::min(end + 1, text.size());
      out += text.substr(at, end - at);
    } else {
      end = at + 1;
      bool is_word = false;
      for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
        if (!text.substr(at).starts_with(word)) continue;
        end = at + word.size();
        const size_t next = text.find_first_not_of(" \t\r\n", end);
        is_word = next == std::string_view::npos || text[next] != ':';  // {NaN: 1} is none
      }
      const std::string_view piece = text.substr(at, end - at);
      out += is_word ? Str('"', piece, '"') : std::string(piece);
    }
    at = end;
  }
  return out;
}

std::string JsonObjectProblem(std::string_view text, int max_depth, RepeatedKeys repeated) {
  Checker checker(text, max_depth, repeated);
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
