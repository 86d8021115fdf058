#include "runtime/programs/report_format.h"

#include <cstdio>

namespace pith {

std::string EscapeHtml(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string Format(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string Percent(double share) { return Format("%.1f %%", 100 * share); }

std::string BudgetName(int64_t budget) { return budget > 0 ? std::to_string(budget) : "none"; }

std::string PointName(int64_t budget, Curve curve) { return BudgetName(budget) + (curve == Curve::kAnnounced ? ", told" : ""); }

std::string PairName(int64_t budget, Curve first, Curve second) {
  if (first == second) return PointName(budget, first);
  return BudgetName(budget) + (first == Curve::kAnnounced ? ", told to the first" : ", told to the second");
}

}  // namespace pith
