#include "base/model/hf_rope.h"

#include <cmath>

#include "base/error.h"

namespace pith {
namespace {

// What rope_scaling or rope_parameters holds; the older one first.
std::optional<HfFields> Settings(const HfFields& config) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (auto part = config.Part(key)) return part;
  }
  return {};
}

std::string TypeOf(const HfFields& settings) { return settings.Text("rope_type", settings.Text("type", "default")); }

int64_t OriginalContext(const HfFields& config, const HfFields& settings, int64_t context) {
  return config.Int("original_max_position_embeddings", settings.Int("original_max_position_embeddings", context));
}

double PositiveFactor(const HfFields& settings, std::optional<double> missing = {}) {
  const double factor = settings.Number("factor", missing);
  if (!std::isfinite(factor) || factor <= 0) settings.Refuse("factor", Str(factor));
  return factor;
}

double MagnitudeOf(double factor, double share) { return factor <= 1 ? 1.0 : 0.1 * share * std::log(factor) + 1; }

void ReadYarn(const HfFields& config, const HfFields& settings, int64_t context, Rotary* rotary) {
  RopeScaling& s = rotary->scaling;
  s.kind = RopeScaling::Kind::kYarn;
  s.original_context = OriginalContext(config, settings, context);
  s.factor = PositiveFactor(settings);
  const auto or_usual = [&](const char* key, double usual) {  // as transformers, which takes 0 for none
    const double value = settings.Number(key, usual);
    return value == 0 ? usual : value;
  };
  s.beta_fast = or_usual("beta_fast", 32);
  s.beta_slow = or_usual("beta_slow", 1);
  s.truncate = settings.Bool("truncate", true);
  const double share = settings.Number("mscale", 0.0), share_all = settings.Number("mscale_all_dim", 0.0);
  const bool by_shares = share != 0 && share_all != 0;
  rotary->magnitude = settings.Number("attention_factor", by_shares ? MagnitudeOf(s.factor, share) / MagnitudeOf(s.factor, share_all)
                                                                    : YarnMagnitude(s.factor));
}

// The lists are chosen by the length of a text, and keys of both kinds cannot lie in one cache: pith runs the short one, within the
// context it is for.
void ReadLongRope(const HfFields& config, const HfFields& settings, int64_t context, int64_t rotary_dim, Rotary* rotary) {
  RopeScaling& s = rotary->scaling;
  s.kind = RopeScaling::Kind::kLongRope;
  s.original_context = OriginalContext(config, settings, context);
  s.divisors = settings.Floats("short_factor");
  s.long_divisors = settings.Floats("long_factor");
  for (const char* key : {"short_factor", "long_factor"}) {
    const int64_t count = static_cast<int64_t>(settings.Floats(key).size());
    if (count != rotary_dim / 2) settings.Refuse(key, Str("a list of ", count, " numbers for ", rotary_dim / 2, " pairs that turn"));
  }
  const double factor = s.original_context > 0 ? static_cast<double>(context) / static_cast<double>(s.original_context) : 1;
  s.factor = settings.Number("factor", factor);
  const double usual = s.factor <= 1 ? 1.0 : std::sqrt(1 + std::log(s.factor) / std::log(static_cast<double>(s.original_context)));
  rotary->magnitude = settings.Number("attention_factor", usual);
}

}  // namespace

Rotary ReadHfRotary(const HfFields& config, const HfFields& settings, int64_t context, int64_t rotary_dim, double theta) {
  Rotary rotary;
  rotary.theta = settings.Number("rope_theta", theta);
  RopeScaling& s = rotary.scaling;
  const std::string type = TypeOf(settings);
  if (type == "linear") {
    s.factor = PositiveFactor(settings);
    if (s.factor != 1) s.kind = RopeScaling::Kind::kLinear;
  } else if (type == "llama3") {
    const double factor = PositiveFactor(settings);
    if (factor != 1) {
      s.kind = RopeScaling::Kind::kDivisors;
      const double low = settings.Number("low_freq_factor"), high = settings.Number("high_freq_factor");
      s.divisors = Llama3Divisors(rotary.theta, rotary_dim, factor, low, high, OriginalContext(config, settings, context));
    }
  } else if (type == "longrope" || type == "su" || (type == "yarn" && settings.Has("short_factor"))) {
    ReadLongRope(config, settings, context, rotary_dim, &rotary);
  } else if (type == "yarn") {
    ReadYarn(config, settings, context, &rotary);
  } else if (type != "default" && type != "dynamic") {  // dynamic: changes frequencies beyond the context alone, where pith stops
    settings.Refuse("rope_type", type);
  }
  return rotary;
}

Rotary ReadHfRotary(const HfFields& config, int64_t context, int64_t rotary_dim, double default_theta) {
  const double theta = config.Number("rope_theta", default_theta);
  const auto settings = Settings(config);
  if (!settings) {
    Rotary rotary;
    rotary.theta = theta;
    return rotary;
  }
  for (const char* kind : {"full_attention", "sliding_attention"}) {
    if (settings->Has(kind)) settings->Refuse(kind, "rotary positions of its own for some layers");
  }
  return ReadHfRotary(config, *settings, context, rotary_dim, theta);
}

double ReadHfRotaryShare(const HfFields& config) {
  const auto settings = Settings(config);
  const double share = config.Number("partial_rotary_factor", 1.0);
  return settings ? settings->Number("partial_rotary_factor", share) : share;
}

}  // namespace pith
