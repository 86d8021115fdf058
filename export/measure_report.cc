// A measurement as text and as JSON.
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "export/measure.h"

namespace pith {
namespace {

// As llama.cpp orders and calls them.
struct NamedShare {
  const char* name;
  double share;
};
constexpr NamedShare kShares[] = {{"Maximum", 1},   {"99.9%", 0.999}, {"99.0%", 0.99}, {"95.0%", 0.95}, {"90.0%", 0.9},  {"75.0%", 0.75}, {"Median", 0.5},
                                  {"25.0%", 0.25}, {"10.0%", 0.1},   {"5.0%", 0.05},  {"1.0%", 0.01},  {"0.1%", 0.001}, {"Minimum", 0}};

std::string Fixed(double value, int decimals) {
  char text[400];  // a double may have 309 digits before the point
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string Padded(std::string text, size_t width) {
  while (text.size() < width) text.insert(text.begin(), ' ');
  return text;
}

// Names hold letters beyond ASCII: `width` counts characters.
std::string Label(std::string name, size_t width) {
  size_t characters = 0;
  for (const char c : name) characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return name + std::string(characters < width ? width - characters : 1, ' ');
}

std::string WithError(const Estimate& x, int decimals, double factor = 1) {
  return Str(Padded(Fixed(factor * x.value, decimals), 10), " ± ", Fixed(factor * x.error, decimals));
}

nlohmann::ordered_json JsonOf(const Estimate& x) { return {{"value", x.value}, {"error", x.error}}; }

nlohmann::ordered_json JsonOf(const Estimate& mean, const std::vector<double>& sorted) {
  nlohmann::ordered_json out = {{"mean", JsonOf(mean)}};
  for (const NamedShare& named : kShares) {
    std::string name = named.name;
    if (name.ends_with('%')) name = "p" + name.substr(0, name.size() - 1);
    if (name.ends_with(".0")) name.resize(name.size() - 2);
    name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
    out[name] = Percentile(sorted, named.share);
  }
  return out;
}

}  // namespace

std::string MeasurementText(const Measurement& m) {
  const Divergence& d = m.divergence;
  std::string out = Str("Q: ", Fixed(m.bits_per_weight, 2), " bits per weight, ", Fixed(static_cast<double>(m.file_bytes) / 1e6, 1), " MB\n", m.text, ": ",
                        m.num_windows, " of ", m.num_in_text, " windows of ", m.window, " tokens, of which ", d.num_tokens, " count\n\n");
  constexpr size_t kLabel = 31, kName = 9;
  const auto line = [&](const char* name, const std::string& value) { out += Label(name, kLabel) + value + "\n"; };
  line("Mean PPL(Q)", WithError(d.ppl_q, 6));
  line("Mean PPL(base)", WithError(d.ppl_base, 6));
  line("Cor(ln(PPL(Q)), ln(PPL(base)))", Padded(Fixed(100 * d.correlation, 3), 10) + " %");
  line("Mean ln(PPL(Q)/PPL(base))", WithError(d.ln_ppl_ratio, 6));
  line("Mean PPL(Q)/PPL(base)", WithError(d.ppl_ratio, 6));
  line("Mean PPL(Q)-PPL(base)", WithError(d.ppl_difference, 6));
  out += "\n" + Label("", kName) + Padded("KLD", 10) + std::string(14, ' ') + "Δp\n";
  out += Label("Mean", kName) + Label(WithError(d.mean_kld, 6), 22) + WithError(d.mean_delta_p, 3, 100) + " %\n";
  for (const NamedShare& named : kShares) {
    out += Label(named.name, kName) + Label(Padded(Fixed(Percentile(d.kld, named.share), 6), 10), 22) +
           Padded(Fixed(100 * Percentile(d.delta_p, named.share), 3), 10) + " %\n";
  }
  out += "\n";
  line("RMS Δp", WithError(d.rms_delta_p, 3, 100) + " %");
  line("Same top p", WithError(d.same_top, 3, 100) + " %");
  return out;
}

std::string MeasurementJson(const Measurement& m) {
  const Divergence& d = m.divergence;
  const nlohmann::ordered_json out = {{"text", m.text},
                                      {"window", m.window},
                                      {"windows", m.num_windows},
                                      {"windows_in_text", m.num_in_text},
                                      {"tokens_counted", d.num_tokens},
                                      {"bits_per_weight", m.bits_per_weight},
                                      {"file_bytes", m.file_bytes},
                                      {"ppl_q", JsonOf(d.ppl_q)},
                                      {"ppl_base", JsonOf(d.ppl_base)},
                                      {"cor_ln_ppl", d.correlation},
                                      {"ln_ppl_ratio", JsonOf(d.ln_ppl_ratio)},
                                      {"ppl_ratio", JsonOf(d.ppl_ratio)},
                                      {"ppl_difference", JsonOf(d.ppl_difference)},
                                      {"kld", JsonOf(d.mean_kld, d.kld)},
                                      {"delta_p", JsonOf(d.mean_delta_p, d.delta_p)},
                                      {"rms_delta_p", JsonOf(d.rms_delta_p)},
                                      {"same_top_p", JsonOf(d.same_top)}};
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace pith
