#include "adapters/proof_check.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace pith {
namespace {

// Noise as large as a change does not hide it where the two point the same way: over hundreds of logits noise alone comes to 0.1 or 0.2.
constexpr double kMinCorrelation = 0.5;
// How much of the rounding of weights may arrive in the logits of a prompt; docs/verify.md has the measurements of this and the next.
constexpr double kRoundingFactor = 8;
// The change is a difference of two computed logits. What the arithmetic does to the base's is seen; to the policy's it does as much in proportion.
constexpr double kNoiseFactor = 2;
// A head's weights look where hidden states differ least, so noise weighs more there. Chosen, not measured yet.
constexpr double kHeadFactor = 8;

double Rms(const std::vector<double>& values) {
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0) / static_cast<double>(values.size()));
}

std::vector<double> Difference(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<double> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = static_cast<double>(a[i]) - b[i];
  return out;
}

std::string Shown(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

std::string Short(const std::string& sha256) { return sha256.empty() ? "unknown" : sha256.substr(0, 12) + "…"; }

std::vector<double> Part(const std::vector<double>& all, size_t prompt, size_t size) {
  return {all.begin() + static_cast<std::ptrdiff_t>(prompt * size), all.begin() + static_cast<std::ptrdiff_t>((prompt + 1) * size)};
}

double RoundingOf(const std::vector<StoredPair>& pairs) {
  double rounding = 0, norm = 0;
  for (const StoredPair& pair : pairs) {
    rounding += pair.norm_noise * pair.norm_noise;
    norm += pair.mark.norm * pair.mark.norm;
  }
  return norm > 0 ? std::sqrt(rounding / norm) : 0;
}

// A change held against an expected one, prompt by prompt. NaN is within no bound.
struct ChangeCheck {
  bool within = true;
  double deviation = 0, bound = 0;  // of the prompt that comes closest to its bound
  double scale = 1;                 // by least squares over all prompts
  bool within_scaled = true;        // within the bounds of `scale` times the expected change
};

ChangeCheck HoldAgainst(const std::vector<double>& change, const std::vector<double>& expected, size_t size, double noise, double rounding) {
  ChangeCheck check;
  const double xx = std::inner_product(expected.begin(), expected.end(), expected.begin(), 0.0), all = Rms(expected);
  if (xx > 0) check.scale = std::inner_product(expected.begin(), expected.end(), change.begin(), 0.0) / xx;
  double worst = -1;
  for (size_t p = 0; p * size < change.size(); ++p) {
    const std::vector<double> got = Part(change, p, size), want = Part(expected, p, size);
    std::vector<double> off(size), off_scaled(size);
    for (size_t i = 0; i < size; ++i) {
      off[i] = got[i] - want[i];
      off_scaled[i] = got[i] - check.scale * want[i];
    }
    const double deviation = Rms(off), bound = noise + rounding * std::max(all, Rms(want));
    check.within &= deviation <= bound;
    check.within_scaled &= Rms(off_scaled) <= bound;
    if (!(deviation / bound <= worst)) {
      worst = deviation / bound;
      check.deviation = deviation;
      check.bound = bound;
    }
  }
  return check;
}

struct Compared {
  ProofFigures figures;
  bool equal = false, policy_within = false, stored_within = true, base_within = false, effect = false, expects_effect = false, off_by_scale = false;
};

Compared Compare(const AdapterProof& proof, const ProofEvidence& evidence) {
  Compared c;
  ProofFigures& f = c.figures;
  const size_t size = static_cast<size_t>(proof.positions * proof.top);
  const std::vector<double> change = Difference(evidence.logits.policy, evidence.logits.base), expected = Difference(proof.logits.policy, proof.logits.base);
  const std::vector<double> base_off = Difference(evidence.logits.base, proof.logits.base);
  const double spread = Rms({proof.logits.policy.begin(), proof.logits.policy.end()});
  f.change = Rms(change);
  f.expected_change = Rms(expected);
  f.rounding = RoundingOf(evidence.pairs);
  f.equal_bound = kFloat32Noise * spread;
  f.base_bound = evidence.arithmetic_noise * spread;
  c.base_within = true;
  for (size_t p = 0; p < proof.prompts.size(); ++p) {
    const double off = Rms(Part(base_off, p, size));
    c.base_within &= off <= f.base_bound;
    if (!(off <= f.base_deviation)) f.base_deviation = off;
  }
  // What the base's logits show of this arithmetic's noise. Beyond its bound it is a fault, which widens nothing.
  const double shown = evidence.any_base ? f.base_deviation : std::min(f.base_deviation, f.base_bound);
  const bool float32 = evidence.arithmetic_noise <= kFloat32Noise && !evidence.any_base;
  const double base_spread = Rms({proof.logits.base.begin(), proof.logits.base.end()});
  const double noise = f.equal_bound + (float32 ? 0 : kNoiseFactor * shown * std::hypot(1.0, base_spread > 0 ? spread / base_spread : 1.0));
  const ChangeCheck policy = HoldAgainst(change, expected, size, noise, kRoundingFactor * f.rounding);
  f.deviation = policy.deviation;
  f.bound = policy.bound;
  f.scale = policy.scale;
  c.equal = HoldAgainst(change, expected, size, f.equal_bound, 0).within;
  c.policy_within = policy.within;
  c.off_by_scale = policy.within_scaled;
  double hidden = policy.bound;
  if (!proof.stored_logits.empty() && !evidence.any_base) {
    const ChangeCheck stored = HoldAgainst(change, Difference(proof.stored_logits, proof.logits.base), size, noise, 0);
    f.stored_deviation = stored.deviation;
    f.stored_bound = hidden = stored.bound;
    f.scale = stored.scale;
    c.stored_within = stored.within;
    c.off_by_scale = stored.within_scaled;
  }
  const double xy = std::inner_product(change.begin(), change.end(), expected.begin(), 0.0) / static_cast<double>(change.size());
  c.effect = f.change > f.equal_bound && xy > kMinCorrelation * f.change * f.expected_change;
  if (f.expected_change > 0) f.unseen = hidden / f.expected_change;
  for (size_t p = 0; p < proof.prompts.size(); ++p) {
    c.effect |= !(Rms(Part(change, p, size)) <= noise);
    c.expects_effect |= Rms(Part(expected, p, size)) > noise;
  }
  return c;
}

void CheckInputs(const AdapterProof& proof, const ProofEvidence& evidence, std::vector<ProofFinding>* findings) {
  if (evidence.base_sha256 != proof.base_sha256 && !evidence.any_base) {
    findings->push_back({"base", Str("the base is another: the proof was made on ", Short(proof.base_sha256), ", this one is ", Short(evidence.base_sha256))});
  }
  if (evidence.template_sha256 && *evidence.template_sha256 != proof.template_sha256) {
    findings->push_back({"template", "the base's chat template renders the proof's prompts otherwise than when the adapter was made"});
  } else if (!evidence.same_ids) {
    findings->push_back({"tokenizer", "the base's tokenizer makes other ids of the proof's prompts than when the adapter was made"});
  }
  for (size_t p = 0; p < proof.prompts.size(); ++p) {
    if (evidence.begins[p] == proof.prompts[p].begin) continue;
    const auto shown = [&](int64_t begin) {
      return begin >= static_cast<int64_t>(proof.prompts[p].ids.size()) ? std::string("nowhere") : Str("at token ", begin);
    };
    findings->push_back({"invocation", Str("the adapter begins to act elsewhere: in prompt ", p + 1, " ", shown(evidence.begins[p]), ", by its proof ", shown(proof.prompts[p].begin))});
    return;
  }
}

}  // namespace

const char* ProofVerdictName(ProofVerdict verdict) {
  switch (verdict) {
    case ProofVerdict::kEqual: return "equal";
    case ProofVerdict::kWithinQuantisation: return "within quantisation";
    case ProofVerdict::kDifferent: return "different";
    case ProofVerdict::kWithoutEffect: return "without effect";
  }
  return "";
}

ProofResult CheckProof(const AdapterProof& proof, const ProofEvidence& evidence) {
  PITH_CHECK_EQ(evidence.logits.policy.size(), proof.num_logits());
  PITH_CHECK_EQ(evidence.logits.base.size(), proof.num_logits());
  PITH_CHECK_EQ(evidence.begins.size(), proof.prompts.size());
  ProofResult result;
  std::vector<ProofFinding>& findings = result.findings;
  CheckInputs(proof, evidence, &findings);
  const std::vector<ProofFinding> pairs = CheckPairs(proof.pairs, evidence.pairs);
  findings.insert(findings.end(), pairs.begin(), pairs.end());
  const Compared c = Compare(proof, evidence);
  const ProofFigures& f = result.figures = c.figures;
  if (evidence.stale_kv) findings.push_back({"stale KV", "keys and values that another adapter had left in the cache were taken over: a warm cache gives other logits than a cold one"});
  if (!c.base_within && !evidence.any_base) {
    findings.push_back({"base", Str("the base computes other logits than the proof's, by ", Shown(f.base_deviation), " where this arithmetic's noise is ", Shown(f.base_bound), " at most")});
  }
  if (!c.effect) {
    findings.push_back({"effect", c.expects_effect ? Str("the adapter changes nothing: its logits are the base's, where the proof has a change of ", Shown(f.expected_change))
                                                   : Str("the proof's own change, ", Shown(f.expected_change), ", is not above the noise of this arithmetic")});
  } else if (!(c.policy_within && c.stored_within) && findings.empty()) {
    // Its marks are right, so what is off is how the file is run, unless it runs as it did for the exporter.
    const bool off_stored = !c.stored_within;
    if (!off_stored && f.stored_bound > 0) {
      findings.push_back({"pairs", Str("what the file holds changes the logits otherwise than the policy did, by ", Shown(f.deviation), " where the rounding of its types allows ", Shown(f.bound))});
    } else if (c.off_by_scale) {
      findings.push_back({"scale", Str("the adapter is applied with a scale off by a factor of ", f.scale)});
    } else {
      findings.push_back({"logits", Str("the file holds what it should, but what is computed with it is off by ", Shown(off_stored ? f.stored_deviation : f.deviation), " where ",
                                        Shown(off_stored ? f.stored_bound : f.bound), " is allowed: suspect where the adapter begins, keys and values of others, the kernels")});
    }
  }
  if (!c.effect) {
    result.verdict = ProofVerdict::kWithoutEffect;
  } else if (!findings.empty()) {
    result.verdict = ProofVerdict::kDifferent;
  } else {
    result.verdict = c.equal ? ProofVerdict::kEqual : ProofVerdict::kWithinQuantisation;
  }
  return result;
}

namespace {

// How far a head's values lie from those that its exporter computed, root mean square, and how far they may.
struct HeadDistance {
  double deviation = 0, bound = 0;
  double ratio() const { return bound > 0 ? deviation / bound : deviation > 0 ? INFINITY : 0; }
};

HeadDistance DistanceOf(std::span<const float> values, std::span<const float> expected, std::span<const double> spreads, double arithmetic_noise) {
  PITH_CHECK_EQ(values.size(), spreads.size());
  return {Rms(Difference({values.begin(), values.end()}, {expected.begin(), expected.end()})), kHeadFactor * arithmetic_noise * Rms({spreads.begin(), spreads.end()})};
}

void HeadDiffers(const char* kind, const std::string& how, ProofResult* result) {
  result->findings.push_back({kind, how});
  if (result->ok()) result->verdict = ProofVerdict::kDifferent;
}

}  // namespace

void CheckVerifier(const VerifierHead& head, std::span<const float> logits, std::span<const double> spreads, double arithmetic_noise, ProofResult* result) {
  if (head.proof_logits.empty()) return;
  if (logits.size() != head.proof_logits.size()) {
    return HeadDiffers("verifier", Str("the verifier has scores for ", head.proof_logits.size(), " of the proof's prompts, and ", logits.size(), " were replayed"), result);
  }
  const HeadDistance off = DistanceOf(logits, head.proof_logits, spreads, arithmetic_noise);
  result->figures.verifier_deviation = off.deviation;
  result->figures.verifier_bound = off.bound;
  if (off.deviation <= off.bound) return;
  HeadDiffers("verifier", Str("the verifier scores otherwise than its exporter computed, its logits off by ", Shown(off.deviation), " where ", Shown(off.bound), " is allowed"), result);
}

void CheckSwitcher(const SwitcherHead& head, const SwitcherReplay& replay, double arithmetic_noise, ProofResult* result) {
  if (head.proof_logits.empty()) return;
  if (replay.logits.size() != head.proof_logits.size()) {
    return HeadDiffers("switcher", Str("the switcher has ", head.proof_logits.size(), " values for the proof's prompts, and ", replay.logits.size(), " were replayed"), result);
  }
  const HeadDistance logits = DistanceOf(replay.logits, head.proof_logits, replay.logit_spreads, arithmetic_noise);
  const HeadDistance tokens = DistanceOf(replay.tokens, head.proof_tokens, replay.token_spreads, arithmetic_noise);
  const bool of_logits = logits.ratio() >= tokens.ratio();
  const HeadDistance& off = of_logits ? logits : tokens;
  result->figures.switcher_deviation = off.deviation;
  result->figures.switcher_bound = off.bound;
  if (off.deviation <= off.bound) return;
  HeadDiffers("switcher", Str("the switcher sees otherwise than its exporter computed, its ", of_logits ? "logits" : "lengths", " off by ", Shown(off.deviation), " where ",
                              Shown(off.bound), " is allowed"), result);
}

}  // namespace pith
