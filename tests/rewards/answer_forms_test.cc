// Every kind of answer in many forms, made from drawn numbers: each form is accepted, each perturbed one refused. A form is a
// rewriting of its kind (at least 3) times a dress that responses wear (8), so at least 24 for each kind and draw.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

// Of the same value; a rewritten form may have work left in it.
bool IsSame(Verdict verdict) { return verdict == Verdict::kCorrect || verdict == Verdict::kUnsimplified; }

struct Forms {
  std::string gold;
  std::vector<std::string> same, different;
};

class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}
  int In(int low, int high) { return low + static_cast<int>(random_() % static_cast<uint32_t>(high - low + 1)); }
  int Signed(int low, int high) { return random_() % 2 ? In(low, high) : -In(low, high); }

 private:
  std::mt19937 random_;
};

std::string S(int64_t value) { return std::to_string(value); }
std::string Frac(const std::string& a, const std::string& b) { return "\\frac{" + a + "}{" + b + "}"; }
std::string Plus(int value) { return value < 0 ? S(value) : "+" + S(value); }
std::string Grouped(int64_t value, const std::string& separator) {
  std::string digits = S(value);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, separator);
  return digits;
}

struct Kind {
  std::string name;
  std::function<Forms(Draw&)> make;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"integer", [](Draw& d) -> Forms {
         const int n = d.Signed(2, 400);
         return {S(n), {S(n), S(n) + ".0", Frac(S(3 * n), "3"), S(n + 7) + "-7", "x = " + S(n)}, {S(-n), S(n + 1), S(n) + "0", S(n) + "x", S(n) + "i", S(n) + ", 1"}};
       }},
      {"decimal", [](Draw& d) -> Forms {
         const int n = d.In(1, 99), w = d.In(1, 50);
         const std::string digits = (n < 10 ? "0" : "") + S(n);
         return {S(w) + "." + digits, {S(w) + "." + digits + "0", Frac(S(w * 100 + n), "100"), S(w) + "+" + Frac(S(n), "100")},
                 {S(w) + "." + digits + "1", "-" + S(w) + "." + digits, S(w), S(w + 1) + "." + digits}};
       }},
      {"fraction", [](Draw& d) -> Forms {
         const int a = d.In(1, 9) * 7 + 1, b = d.In(2, 9) * 7;
         return {Frac(S(a), S(b)), {S(a) + "/" + S(b), "\\dfrac{" + S(2 * a) + "}{" + S(2 * b) + "}", Frac(S(-a), S(-b)), "\\tfrac{" + S(a) + "}{" + S(b) + "}"},
                 {Frac(S(b), S(a)), "-" + Frac(S(a), S(b)), Frac(S(a + 1), S(b)), S(a)}};
       }},
      {"mixed number", [](Draw& d) -> Forms {
         const int w = d.In(1, 20), b = d.In(3, 9), a = d.In(1, b - 1);
         return {S(w) + Frac(S(a), S(b)), {S(w) + " " + S(a) + "/" + S(b), Frac(S(w * b + a), S(b)), S(w) + "\\tfrac" + S(a) + S(b), S(w) + " + " + S(a) + "/" + S(b)},
                 {S(w + 1) + Frac(S(a), S(b)), "-" + S(w) + Frac(S(a), S(b)), S(w) + " \\cdot " + Frac(S(a), S(b)) + "+" + S(w)}};
       }},
      {"percent", [](Draw& d) -> Forms {
         const int n = d.In(2, 99);
         return {S(n) + "\\%", {S(n) + "%", S(n) + " percent", Frac(S(n), "100"), S(n), S(n) + ".0\\%"}, {S(n + 1) + "\\%", "-" + S(n) + "\\%", S(100 * n)}};
       }},
      {"thousands", [](Draw& d) -> Forms {
         const int64_t n = d.In(1001, 99999999);
         return {Grouped(n, ","), {S(n), Grouped(n, "{,}"), Grouped(n, ",\\!"), Grouped(n, "\\,"), S(n) + ".00"}, {S(n + 1), S(n / 10), "-" + Grouped(n, ",")}};
       }},
      {"scientific", [](Draw& d) -> Forms {
         const int a = d.In(1, 9), b = d.In(1, 9), e = d.In(3, 12);
         const std::string m = S(a) + "." + S(b);
         return {m + " \\times 10^{" + S(e) + "}", {m + "e" + S(e), m + "\\cdot 10^{" + S(e) + "}", S(10 * a + b) + " \\times 10^{" + S(e - 1) + "}", S(10 * a + b) + std::string(static_cast<size_t>(e - 1), '0')},
                 {m + " \\times 10^{" + S(e + 1) + "}", m + " \\times 10^{-" + S(e) + "}", "-" + m + "e" + S(e)}};
       }},
      {"currency", [](Draw& d) -> Forms {
         const int n = d.In(2, 900);
         return {"\\$" + S(n) + ".50", {S(n) + ".5", "$" + S(n) + ".50", S(n) + ".50 dollars", S(100 * n + 50) + " cents", "USD " + S(n) + ".50"}, {"\\$" + S(n) + ".05", "-\\$" + S(n) + ".50", "€" + S(n) + ".50"}};
       }},
      {"unit", [](Draw& d) -> Forms {
         const int n = d.In(2, 300);
         return {S(n) + "\\text{ cm}", {S(n), S(n) + " cm", S(n) + "\\ \\mathrm{cm}", S(10 * n) + " mm", S(n) + " centimeters"}, {S(n + 1) + " cm", S(n) + " kg", S(n) + " m", "-" + S(n) + " cm"}};
       }},
      {"degrees", [](Draw& d) -> Forms {
         const int n = d.In(1, 359);
         return {S(n) + "^\\circ", {S(n), S(n) + "°", S(n) + " degrees", S(n) + "^{\\circ}", Frac(S(n) + "\\pi", "180")}, {S(n + 1) + "^\\circ", "-" + S(n) + "^\\circ"}};
       }},
      {"root", [](Draw& d) -> Forms {
         const int a = d.In(2, 30), b = d.In(0, 1) ? 2 : 7;
         return {S(a) + "\\sqrt{" + S(b) + "}", {"\\sqrt{" + S(a * a * b) + "}", Frac(S(a * b), "\\sqrt{" + S(b) + "}"), S(a) + "*sqrt(" + S(b) + ")", S(a) + " \\cdot " + S(b) + "^{1/2}"},
                 {S(a), S(a) + "\\sqrt{" + S(b + 1) + "}", "-" + S(a) + "\\sqrt{" + S(b) + "}", "\\sqrt{" + S(a * b) + "}"}};
       }},
      {"power", [](Draw& d) -> Forms {
         const int a = d.In(2, 9), n = d.In(5, 60);
         return {S(a) + "^{" + S(n) + "}", {S(a) + "^" + S(n), S(a) + "\\cdot " + S(a) + "^{" + S(n - 1) + "}", "(" + S(a * a) + ")^{" + S(n) + "/2}"}, {S(a) + "^{" + S(n + 1) + "}", S(a) + "^{-" + S(n) + "}", S(a) + "^{" + S(n) + "}+1"}};
       }},
      {"pi", [](Draw& d) -> Forms {
         const int a = d.In(2, 90);
         return {S(a) + "\\pi", {S(a) + "π", S(a) + " pi", Frac(S(2 * a) + "\\pi", "2"), "\\pi \\cdot " + S(a)}, {S(a), "-" + S(a) + "\\pi", S(a + 1) + "\\pi", S(a) + "\\pi^2"}};
       }},
      {"e", [](Draw& d) -> Forms {
         const int a = d.In(2, 9);
         return {"e^{" + S(a) + "}", {"\\exp(" + S(a) + ")", "e\\cdot e^{" + S(a - 1) + "}", Frac("1", "e^{-" + S(a) + "}")}, {S(a) + "e", "e^{-" + S(a) + "}", "e^{" + S(a + 1) + "}"}};
       }},
      {"logarithm", [](Draw& d) -> Forms {
         const int a = d.In(2, 9), b = a + d.In(1, 20);
         return {"\\log_{" + S(a) + "} " + S(b), {Frac("\\ln " + S(b), "\\ln " + S(a)), "\\log_{" + S(a) + "}(" + S(b) + ")", Frac("\\log " + S(b), "\\log " + S(a))},
                 {"\\log_{" + S(b) + "} " + S(a), "\\log_{" + S(a) + "} " + S(b + 1), "-\\log_{" + S(a) + "} " + S(b), "\\ln " + S(b)}};
       }},
      {"trigonometry", [](Draw& d) -> Forms {
         const int a = d.In(1, 80);
         return {"\\sin " + S(a) + "^\\circ", {"\\cos " + S(90 - a) + "^\\circ", "\\sin(" + S(a) + "°)", "\\sin " + Frac(S(a) + "\\pi", "180")}, {"\\sin " + S(a + 1) + "^\\circ", "-\\sin " + S(a) + "^\\circ", "\\tan " + S(a) + "^\\circ"}};
       }},
      {"factorial", [](Draw& d) -> Forms {
         const int a = d.In(5, 2000);
         return {S(a) + "!", {S(a) + " \\cdot " + S(a - 1) + "!", Frac(S(a + 1) + "!", S(a + 1)), "(" + S(a) + ")!"}, {S(a + 1) + "!", S(a), "-" + S(a) + "!", Frac("1", S(a) + "!")}};
       }},
      {"binomial", [](Draw& d) -> Forms {
         const int n = d.In(7, 40), k = d.In(2, 3);
         return {"\\binom{" + S(n) + "}{" + S(k) + "}", {"\\dbinom{" + S(n) + "}{" + S(n - k) + "}", Frac(S(n) + "!", S(k) + "!" + S(n - k) + "!"), "{" + S(n) + " \\choose " + S(k) + "}"},
                 {"\\binom{" + S(n + 1) + "}{" + S(k) + "}", Frac(S(n), S(k)), "-\\binom{" + S(n) + "}{" + S(k) + "}"}};
       }},
      {"complex", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 20), b = d.In(2, 20);
         return {S(a) + "+" + S(b) + "i", {S(b) + "i" + Plus(a), S(a) + " - (-" + S(b) + "i)", Frac(S(2 * a) + "+" + S(2 * b) + "i", "2")}, {S(a) + "-" + S(b) + "i", S(-a) + "+" + S(b) + "i", S(a) + "+" + S(b)}};
       }},
      {"base", [](Draw& d) -> Forms {
         const int n = d.In(9, 200);
         std::string binary;
         for (int m = n; m > 0; m /= 2) binary.insert(binary.begin(), static_cast<char>('0' + m % 2));
         return {binary + "_2", {binary + "_{2}", binary, S(n), binary + " (base 2)"}, {binary + "0_2", binary + "_3", "-" + binary + "_2"}};
       }},
      {"equation", [](Draw& d) -> Forms {
         const int a = d.In(2, 9), b = d.Signed(1, 9);
         return {"y = " + S(a) + "x" + Plus(b), {"y = " + S(b) + "+" + S(a) + "x", S(a) + "x - y" + Plus(b) + " = 0", S(a) + "x" + Plus(b), "2y = " + S(2 * a) + "x" + Plus(2 * b)},
                 {"y = " + S(a) + "x" + Plus(-b), "y = -" + S(a) + "x" + Plus(b), S(a) + "x + y" + Plus(b) + " = 0", "0"}};
       }},
      {"set", [](Draw& d) -> Forms {
         const int a = d.In(1, 9), b = a + d.In(1, 9), c = b + d.In(1, 9);
         return {"\\{" + S(a) + "," + S(b) + "," + S(c) + "\\}", {"\\{" + S(c) + ", " + S(a) + ", " + S(b) + "\\}", S(b) + ", " + S(a) + ", " + S(c), "\\left\\{" + S(a) + "," + S(b) + "," + Frac(S(2 * c), "2") + "\\right\\}"},
                 {"\\{" + S(a) + "," + S(b) + "\\}", "\\{" + S(a) + "," + S(b) + "," + S(c + 1) + "\\}", "\\{" + S(a) + "," + S(b) + "," + S(-c) + "\\}", "\\{0," + S(a) + "," + S(b) + "," + S(c) + "\\}"}};
       }},
      {"several answers", [](Draw& d) -> Forms {
         const int a = d.In(1, 40), b = -d.In(1, 40);
         return {S(a) + ", " + S(b), {S(b) + "," + S(a), S(a) + " or " + S(b), "x = " + S(a) + ", x = " + S(b), S(b) + "\\text{ and }" + S(a)}, {S(a), S(b), S(a) + ", " + S(-b), S(a) + ", " + S(b) + ", 0"}};
       }},
      {"tuple", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 9), b = a + d.In(1, 9), c = d.Signed(1, 9);
         return {"(" + S(a) + "," + S(b) + "," + S(c) + ")", {"\\left(" + S(a) + ", " + S(b) + ", " + S(c) + "\\right)", S(a) + ", " + S(b) + ", " + S(c), "(" + Frac(S(2 * a), "2") + "," + S(b) + ".0," + S(c) + ")", "x=" + S(a) + ", y=" + S(b) + ", z=" + S(c)},
                 {"(" + S(b) + "," + S(a) + "," + S(c) + ")", "(" + S(a) + "," + S(b) + ")", "(" + S(a) + "," + S(b) + "," + S(-c) + ")"}};
       }},
      {"interval", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 9), b = a + d.In(1, 9);
         return {"[" + S(a) + "," + S(b) + ")", {S(a) + " \\le x < " + S(b), "x \\in [" + S(a) + "," + S(b) + ")", "\\left[" + S(a) + "," + S(b) + "\\right)", S(b) + " > x \\ge " + S(a)},
                 {"(" + S(a) + "," + S(b) + ")", "[" + S(a) + "," + S(b) + "]", "[" + S(a) + "," + S(b + 1) + ")", S(a) + " < x \\le " + S(b)}};
       }},
      {"inequality", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 30);
         return {"x > " + S(a), {S(a) + " < x", "(" + S(a) + ", \\infty)", "2x > " + S(2 * a), "-x < " + S(-a)}, {"x \\ge " + S(a), "x < " + S(a), "[" + S(a) + ",\\infty)", S(a), "x > " + S(a + 1)}};
       }},
      {"union", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 9), b = a + d.In(1, 9);
         return {"(-\\infty," + S(a) + ")\\cup(" + S(b) + ",\\infty)", {"(" + S(b) + ",\\infty)\\cup(-\\infty," + S(a) + ")", "x < " + S(a) + " or x > " + S(b), "\\mathbb{R} \\setminus [" + S(a) + "," + S(b) + "]"},
                 {"(-\\infty," + S(a) + "]\\cup(" + S(b) + ",\\infty)", "(-\\infty," + S(a) + ")", "(-\\infty," + S(a) + ")\\cup(" + S(b + 1) + ",\\infty)"}};
       }},
      {"matrix", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 9), b = a + 1, c = d.In(1, 9), e = c + 2;
         const std::string cells = S(a) + "&" + S(b) + "\\\\" + S(c) + "&" + S(e);
         return {"\\begin{pmatrix}" + cells + "\\end{pmatrix}", {"\\begin{bmatrix} " + cells + " \\end{bmatrix}", "[[" + S(a) + "," + S(b) + "],[" + S(c) + "," + S(e) + "]]", "\\frac12\\begin{pmatrix}" + S(2 * a) + "&" + S(2 * b) + "\\\\" + S(2 * c) + "&" + S(2 * e) + "\\end{pmatrix}"},
                 {"\\begin{pmatrix}" + S(b) + "&" + S(a) + "\\\\" + S(c) + "&" + S(e) + "\\end{pmatrix}", "-\\begin{pmatrix}" + cells + "\\end{pmatrix}", "\\begin{pmatrix}" + S(a) + "&" + S(b) + "\\end{pmatrix}"}};
       }},
      {"vector", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 9), b = a + 3;
         return {"\\begin{pmatrix}" + S(a) + "\\\\" + S(b) + "\\end{pmatrix}", {"\\langle " + S(a) + "," + S(b) + "\\rangle", "(" + S(a) + "," + S(b) + ")", "\\begin{bmatrix}" + S(a) + "\\\\" + S(b) + "\\end{bmatrix}"},
                 {"\\begin{pmatrix}" + S(b) + "\\\\" + S(a) + "\\end{pmatrix}", "\\begin{pmatrix}" + S(a) + "\\\\" + S(b) + "\\\\0\\end{pmatrix}", "\\langle " + S(-a) + "," + S(b) + "\\rangle"}};
       }},
      {"polynomial", [](Draw& d) -> Forms {
         const int a = d.In(1, 9), b = a + d.In(1, 9);
         return {"x^2-" + S(a + b) + "x+" + S(a * b), {"(x-" + S(a) + ")(x-" + S(b) + ")", S(a * b) + "-" + S(a + b) + "x+x^2", "x(x-" + S(a + b) + ")+" + S(a * b), "(" + S(a) + "-x)(" + S(b) + "-x)"},
                 {"x^2+" + S(a + b) + "x+" + S(a * b), "x^2-" + S(a + b) + "x-" + S(a * b), "(x-" + S(a) + ")(x+" + S(b) + ")", "x^2-" + S(a + b) + "x+" + S(a * b) + "=0"}};
       }},
      {"rational expression", [](Draw& d) -> Forms {
         const int a = d.In(1, 9), b = a + d.In(1, 9);
         return {Frac("x+" + S(a), "x+" + S(b)), {"(x+" + S(a) + ")/(x+" + S(b) + ")", "1-" + Frac(S(b - a), "x+" + S(b)), Frac("-x-" + S(a), "-x-" + S(b))}, {Frac("x+" + S(b), "x+" + S(a)), Frac("x-" + S(a), "x+" + S(b)), Frac(S(a), S(b))}};
       }},
      {"plus-minus", [](Draw& d) -> Forms {
         const int a = d.Signed(1, 9), b = d.In(2, 9);
         return {S(a) + " \\pm \\sqrt{" + S(b * b + 1) + "}", {S(a) + "+\\sqrt{" + S(b * b + 1) + "}, " + S(a) + "-\\sqrt{" + S(b * b + 1) + "}", S(a) + " \\mp \\sqrt{" + S(b * b + 1) + "}", "x = " + S(a) + " \\pm \\sqrt{" + S(b * b + 1) + "}"},
                 {S(a) + " + \\sqrt{" + S(b * b + 1) + "}", S(-a) + " \\pm \\sqrt{" + S(b * b + 1) + "}", S(a) + " \\pm \\sqrt{" + S(b * b + 2) + "}"}};
       }},
      {"words", [](Draw& d) -> Forms {
         const std::vector<std::string> days = {"Monday", "Tuesday", "Friday", "Sunday"};
         const size_t i = static_cast<size_t>(d.In(0, 3));
         return {"\\text{" + days[i] + "}", {days[i], "\\textbf{" + days[i] + "}", "\\mathrm{" + days[i] + "}"}, {days[(i + 1) % 4], "\\text{" + days[(i + 2) % 4] + "}", "5"}};
       }},
      {"choice", [](Draw& d) -> Forms {
         const int i = d.In(0, 4);
         const std::string c(1, static_cast<char>('A' + i)), other(1, static_cast<char>('A' + (i + 1) % 5));
         return {"(" + c + ")", {c, "\\text{(" + c + ")}", "\\textbf{" + c + "}", "(" + c + ") 17"}, {other, "(" + other + ")", "(" + other + ") 17"}};
       }},
      {"time", [](Draw& d) -> Forms {
         const int h = d.In(1, 11), m = d.In(10, 58);
         const std::string t = S(h) + ":" + S(m);
         return {t + "\\text{ p.m.}", {t + " p.m.", t + " PM", S(h + 12) + ":" + S(m), t}, {t + " a.m.", S(h) + ":" + S(m + 1) + " p.m.", S(h + 1) + ":" + S(m) + " p.m."}};
       }},
  };
  return kinds;
}

std::vector<std::string> Dressed(const std::string& answer) {
  return {answer, "$" + answer + "$", "\\boxed{" + answer + "}", "Therefore the answer is $\\boxed{" + answer + "}$.", "Some work with 77.\n#### " + answer,
          "  " + answer + " ", "\\(" + answer + "\\)", "The final answer is: $" + answer + "$."};
}

TEST(AnswerForms, EveryFormOfEveryKindIsAcceptedAndEveryPerturbedOneRefused) {
  for (const Kind& kind : Kinds()) {
    Draw draw(20261121);
    for (int round = 0; round < 25; ++round) {
      const Forms forms = kind.make(draw);
      ASSERT_GE(forms.same.size(), 3u) << kind.name;
      for (const std::string& form : forms.same) {
        // A second dollar sign around "$5" would be no form that anyone reads.
        for (const std::string& response : form[0] == '$' ? std::vector<std::string>{form, "\\boxed{" + form + "}"} : Dressed(form)) {
          const Grade grade = GradePrediction(forms.gold, response);
          EXPECT_TRUE(IsSame(grade.verdict)) << VerdictName(grade.verdict) << " " << kind.name << ": " << forms.gold << " | " << response << " [" << grade.extracted << "]";
        }
        EXPECT_TRUE(IsSame(GradePrediction("$" + forms.gold + "$", form).verdict)) << kind.name << ": $" << forms.gold << "$ | " << form;
      }
      for (const std::string& form : forms.different) {
        for (const std::string& response : Dressed(form)) {
          EXPECT_FALSE(IsSame(GradePrediction(forms.gold, response).verdict)) << kind.name << ": " << forms.gold << " | " << response;
        }
      }
    }

  }
}

}  // namespace
}  // namespace pith
