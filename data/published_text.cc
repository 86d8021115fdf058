#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include "data/published.h"

namespace pith {
namespace {

// expression := number | ( expression op expression ), tokens apart by spaces.
class EquationReader {
 public:
  explicit EquationReader(const std::string& text) : in_(text) {}
  std::optional<double> Read() {
    const std::optional<double> value = Expression(0);
    std::string rest;
    if (in_ >> rest) return std::nullopt;
    return value;
  }
  const std::string& steps() const { return steps_; }

 private:
  std::istringstream in_;
  std::string steps_;

  std::optional<double> Expression(int depth) {
    std::string token;
    if (depth > 16 || !(in_ >> token)) return std::nullopt;
    if (token != "(") {
      double value = 0;
      const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
      if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
      return value;
    }
    const std::optional<double> a = Expression(depth + 1);
    std::string op, close;
    if (!a || !(in_ >> op)) return std::nullopt;
    const std::optional<double> b = Expression(depth + 1);
    if (!b || !(in_ >> close) || close != ")") return std::nullopt;
    std::optional<double> value;
    if (op == "+") value = *a + *b;
    if (op == "-") value = *a - *b;
    if (op == "*") value = *a * *b;
    if (op == "/" && *b != 0) value = *a / *b;
    if (value) steps_ += ShortestNumber(*a) + " " + op + " " + ShortestNumber(*b) + " = " + ShortestNumber(*value) + "\n";
    return value;
  }
};

}  // namespace

std::string ShortestNumber(double value) {
  if (std::abs(value) < 1e15 && value == std::floor(value)) return std::to_string(static_cast<int64_t>(value));
  char digits[64];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

std::string LastBoxed(const std::string& solution) {
  size_t at = solution.rfind("\\boxed");
  const size_t frame = solution.rfind("\\fbox");
  size_t start = at == std::string::npos ? at : at + 6;
  if (frame != std::string::npos && (at == std::string::npos || frame > at)) start = frame + 5;
  if (start == std::string::npos) return "";
  while (start < solution.size() && solution[start] == ' ') ++start;
  if (start >= solution.size()) return "";
  if (solution[start] != '{') {  // "\boxed 7": up to the end of the formula
    return solution.substr(start, solution.find_first_of("$ \n", start) - start);
  }
  int depth = 0;
  for (size_t i = start; i < solution.size(); ++i) {
    if (solution[i] == '\\') {
      ++i;  // \{ and \} are characters of the answer
    } else if (solution[i] == '{') {
      ++depth;
    } else if (solution[i] == '}' && --depth == 0) {
      return solution.substr(start + 1, i - start - 1);
    }
  }
  return "";
}

std::string WithoutCalculatorMarks(const std::string& text) {
  std::string out;
  size_t at = 0;
  for (size_t open; (open = text.find("<<", at)) != std::string::npos;) {
    const size_t close = text.find(">>", open);
    if (close == std::string::npos) break;
    out += text.substr(at, open - at);
    at = close + 2;
  }
  return out + text.substr(at);
}

std::string JoinSvampQuestion(std::string body, std::string question) {
  const auto trim = [](std::string& text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    text.erase(0, text.find_first_not_of(" \t\n"));
  };
  trim(body);
  trim(question);
  if (body.empty()) return question;
  const char last = body.back();
  if (last == '.' || last == '?' || last == '!' || last == ',') return body + " " + question;
  const size_t sentence = body.find_last_of(".?!");
  const size_t start = sentence == std::string::npos ? 0 : body.find_first_not_of(' ', sentence + 1);
  // A body that breaks off in a condition runs on into the question.
  if (body.compare(start, 3, "If ") != 0) return body + ". " + question;
  if (question.starts_with("How ") || question.starts_with("What ") || question.starts_with("Which ")) {
    question[0] = static_cast<char>(std::tolower(question[0]));
  }
  return body + ", " + question;
}

std::string SolveSvampEquation(const std::string& equation, const std::string& answer) {
  EquationReader reader(equation);
  const std::optional<double> value = reader.Read();
  if (!value || ShortestNumber(*value) != answer) return "";
  return reader.steps() + "#### " + answer;
}

}  // namespace pith
