#include "runtime/programs/report_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "runtime/programs/report_format.h"

namespace pith {
namespace {

constexpr double kWidth = 820, kHeight = 400, kLeft = 62, kRight = 20, kTop = 16, kBottom = 86;
// Okabe and Ito's palette: told apart by colour-blind readers, on light and dark paper.
constexpr const char* kColours[] = {"#8a8f98", "#e69f00", "#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#0072b2", "#bfa800"};

// A step of 1, 2 or 5 × 10^k that gives at most `most` intervals.
double NiceStep(double range, int most) {
  const double rough = std::max(range, 1e-9) / most, power = std::pow(10, std::floor(std::log10(rough)));
  for (double m : {1.0, 2.0, 5.0}) {
    if (m * power >= rough) return m * power;
  }
  return 10 * power;
}

std::string Number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", std::abs(value) < 1e-9 ? 0.0 : value);
  return buffer;
}

struct Axis {
  double low, high, step, from, to;  // data range, tick step, pixel range
  double At(double v) const { return from + (v - low) / (high - low) * (to - from); }
};

Axis MakeAxis(double low, double high, double from, double to, int ticks) {
  const double step = NiceStep(high - low, ticks);
  Axis axis{std::floor(low / step) * step, std::ceil(high / step) * step, step, from, to};
  if (axis.high <= axis.low) axis.high = axis.low + step;
  return axis;
}

// A point of a row with its interval: a disc, larger without a budget; a square where the budget was told.
std::string Mark(const EvalRow& row, const Axis& x, const Axis& y, const char* colour) {
  const double px = x.At(row.mean_tokens), py = y.At(100 * row.accuracy), side = 7;
  std::string out = Str("<line stroke=\"", colour, "\" stroke-opacity=\".45\" x1=\"", px, "\" x2=\"", px, "\" y1=\"", y.At(100 * row.ci_low), "\" y2=\"", y.At(100 * row.ci_high), "\"/>");
  const std::string title = Str("<title>", EscapeHtml(row.mode), row.budget > 0 ? ", budget " + PointName(row.budget, row.curve) : ", no budget", ": ", Number(100 * row.accuracy), " %, ",
                                Number(row.mean_tokens), " tokens</title>");
  if (row.curve == Curve::kAnnounced) {
    return out + Str("<rect x=\"", px - side / 2, "\" y=\"", py - side / 2, "\" width=\"", side, "\" height=\"", side, "\" fill=\"", colour, "\">", title, "</rect>\n");
  }
  return out + Str("<circle cx=\"", px, "\" cy=\"", py, "\" r=\"", row.budget > 0 ? 3.5 : 7, "\" fill=\"", colour, "\">", title, "</circle>\n");
}

}  // namespace

std::string AccuracyLengthChart(const std::vector<EvalRow>& rows) {
  double most_tokens = 1, low = 1, high = 0;
  for (const EvalRow& row : rows) {
    most_tokens = std::max(most_tokens, row.mean_tokens);
    low = std::min(low, row.ci_low);
    high = std::max(high, row.ci_high);
  }
  const Axis x = MakeAxis(0, most_tokens * 1.05, kLeft, kWidth - kRight, 8);
  const Axis y = MakeAxis(100 * low, 100 * high, kHeight - kBottom, kTop, 6);
  std::string out = Str("<svg viewBox=\"0 0 ", kWidth, " ", kHeight, "\" role=\"img\" aria-label=\"accuracy against mean tokens\">\n");
  for (double v = y.low; v <= y.high + 1e-9; v += y.step) {
    out += Str("<line class=\"grid\" x1=\"", kLeft, "\" x2=\"", kWidth - kRight, "\" y1=\"", y.At(v), "\" y2=\"", y.At(v),
               "\"/><text class=\"soft\" text-anchor=\"end\" x=\"", kLeft - 8, "\" y=\"", y.At(v) + 4, "\">", Number(v), " %</text>\n");
  }
  for (double v = x.low; v <= x.high + 1e-9; v += x.step) {
    out += Str("<text class=\"soft\" text-anchor=\"middle\" x=\"", x.At(v), "\" y=\"", kHeight - kBottom + 18, "\">", Number(v), "</text>\n");
  }
  out += Str("<text text-anchor=\"middle\" x=\"", (kLeft + kWidth - kRight) / 2, "\" y=\"", kHeight - kBottom + 38,
             "\">mean tokens per answer</text>\n<text text-anchor=\"middle\" transform=\"translate(14 ", (kTop + kHeight - kBottom) / 2,
             ") rotate(-90)\">accuracy</text>\n");
  size_t series = 0;
  double legend_x = kLeft;
  for (size_t begin = 0; begin < rows.size(); ++series) {
    size_t end = begin;
    std::vector<const EvalRow*> points;
    while (end < rows.size() && rows[end].mode == rows[begin].mode) points.push_back(&rows[end++]);
    std::sort(points.begin(), points.end(), [](const EvalRow* a, const EvalRow* b) { return a->mean_tokens < b->mean_tokens; });
    const char* colour = kColours[series % std::size(kColours)];
    for (const Curve curve : {Curve::kCut, Curve::kAnnounced}) {
      std::string path;
      bool own = false;  // or there is but the point of no budget, which both lines pass through
      for (const EvalRow* p : points) {
        if (p->curve != curve && p->curve != Curve::kBoth) continue;
        own |= p->curve == curve;
        path += Str(path.empty() ? "" : " ", x.At(p->mean_tokens), ",", y.At(100 * p->accuracy));
      }
      if (!own) continue;
      out += Str("<polyline fill=\"none\" stroke=\"", colour, "\" stroke-width=\"1.5\"", curve == Curve::kAnnounced ? " stroke-dasharray=\"5 4\"" : "", " points=\"", path, "\"/>\n");
    }
    for (const EvalRow* p : points) out += Mark(*p, x, y, colour);
    const std::string name = EscapeHtml(rows[begin].mode);
    out += Str("<circle cx=\"", legend_x + 6, "\" cy=\"", kHeight - 18, "\" r=\"6\" fill=\"", colour, "\"/><text x=\"", legend_x + 18, "\" y=\"",
               kHeight - 14, "\">", name, "</text>\n");
    legend_x += 40 + 7.5 * static_cast<double>(rows[begin].mode.size());
    begin = end;
  }
  return out + "</svg>";
}

std::string AccuracyLengthSvgFile(const std::vector<EvaluatedSet>& sets) {
  constexpr double kTitle = 28;  // above each chart, where there are several
  const double title = sets.size() > 1 ? kTitle : 0, height = (kHeight + title) * static_cast<double>(sets.size());
  std::string out = Str("<svg viewBox=\"0 0 ", kWidth, " ", height, "\" xmlns=\"http://www.w3.org/2000/svg\"><style>text { font: 12px system-ui, sans-serif; fill: #1c2430; } "
                        ".soft { fill: #5c6878; } .grid { stroke: #d8dee6; }</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  double top = 0;
  for (const EvaluatedSet& set : sets) {
    if (title > 0) out += Str("<text x=\"", kLeft, "\" y=\"", top + 20, "\" font-weight=\"600\">", EscapeHtml(set.dataset), "</text>\n");
    const std::string chart = AccuracyLengthChart(set.rows);
    out += Str("<svg y=\"", top + title, "\" height=\"", kHeight, "\"", chart.substr(std::string_view("<svg").size()), "\n");
    top += kHeight + title;
  }
  return out + "</svg>\n";
}

}  // namespace pith
