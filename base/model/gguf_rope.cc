#include "base/model/gguf_rope.h"

#include <cmath>
#include <cstring>

#include "base/error.h"

namespace pith {
namespace {

constexpr char kDivisors[] = "rope_freqs.weight", kShort[] = "rope_factors_short.weight", kLong[] = "rope_factors_long.weight";

std::vector<float> ReadDivisors(const GgufFields& fields, const char* name, int64_t pairs) {
  std::vector<float> divisors = fields.file().Tensor(name).ToF32();
  if (static_cast<int64_t>(divisors.size()) != pairs) {
    ThrowUser("'", fields.path(), "': '", name, "' has ", divisors.size(), " values, expected ", pairs, ", one for each pair that turns");
  }
  for (const float divisor : divisors) {
    if (!std::isfinite(divisor) || divisor <= 0) ThrowUser("'", fields.path(), "': '", name, "' divides frequencies by ", divisor, ", expected positive numbers");
  }
  return divisors;
}

void AddDivisors(const char* name, const std::vector<float>& divisors, GgufWriter* writer) {
  std::vector<uint8_t> bytes(divisors.size() * sizeof(float));
  std::memcpy(bytes.data(), divisors.data(), bytes.size());
  writer->Add(name, TensorType::kF32, 1, static_cast<int64_t>(divisors.size()), std::move(bytes));
}

void ReadYarn(const GgufFields& fields, int64_t context, double factor, Rotary* rotary) {
  RopeScaling& s = rotary->scaling;
  s.kind = RopeScaling::Kind::kYarn;
  s.factor = factor;
  s.original_context = fields.Find<int64_t>("rope.scaling.original_context_length").value_or(context);
  s.beta_fast = fields.Find<double>("rope.scaling.yarn_beta_fast").value_or(32.0);
  s.beta_slow = fields.Find<double>("rope.scaling.yarn_beta_slow").value_or(1.0);
  fields.RefuseNumber("rope.scaling.yarn_ext_factor", {-1, 1});
  rotary->magnitude *= YarnMagnitude(factor);
}

}  // namespace

Rotary ReadGgufRotary(const GgufFields& fields, int64_t context, int64_t rotary_dim) {
  Rotary rotary;
  RopeScaling& s = rotary.scaling;
  rotary.theta = fields.Find<double>("rope.freq_base").value_or(10000.0);
  for (const char* name : {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor"}) {
    rotary.magnitude *= fields.Find<double>(name).value_or(1.0);
  }
  // As in llama.cpp, a factor without a type is linear, and 0 is no factor.
  const std::string type = fields.Find<std::string>("rope.scaling.type").value_or("linear");
  const char* factor_key = fields.Has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  double factor = fields.Find<double>(factor_key).value_or(1);
  if (factor == 0) factor = 1;
  if (type != "none" && !(std::isfinite(factor) && factor > 0)) fields.Refuse(factor_key, Str(factor));
  if (type == "yarn") {
    if (factor != 1) ReadYarn(fields, context, factor, &rotary);
  } else if (type == "linear") {
    if (factor != 1) s.kind = RopeScaling::Kind::kLinear, s.factor = factor;
  } else if (type != "none" && type != "longrope") {
    fields.Refuse("rope.scaling.type", type);
  }
  const bool has_divisors = fields.file().FindTensor(kDivisors) != nullptr, has_lists = fields.file().FindTensor(kShort) != nullptr;
  if (!has_divisors && !has_lists) return rotary;
  if (s.kind != RopeScaling::Kind::kNone) {
    fields.Refuse("rope.scaling.type", Str(type, " beside the tensor ", has_lists ? kShort : kDivisors));
  }
  s.divisors = ReadDivisors(fields, has_lists ? kShort : kDivisors, rotary_dim / 2);
  s.kind = has_lists ? RopeScaling::Kind::kLongRope : RopeScaling::Kind::kDivisors;
  if (!has_lists) return rotary;
  s.original_context = fields.Find<int64_t>("rope.scaling.original_context_length").value_or(context);
  if (fields.file().FindTensor(kLong) != nullptr) s.long_divisors = ReadDivisors(fields, kLong, rotary_dim / 2);
  return rotary;
}

void WriteGgufRotary(const std::string& arch, const Rotary& rotary, GgufWriter* writer) {
  const RopeScaling& s = rotary.scaling;
  const auto set = [&](const char* name, const GgufValue& value) { writer->Set(arch + ".rope." + name, value); };
  set("freq_base", rotary.theta);
  double magnitude = rotary.magnitude;
  switch (s.kind) {
    case RopeScaling::Kind::kNone: break;
    case RopeScaling::Kind::kLinear:
      set("scaling.type", std::string("linear"));
      set("scaling.factor", s.factor);
      break;
    case RopeScaling::Kind::kDivisors: break;
    case RopeScaling::Kind::kYarn:
      if (!s.truncate) ThrowUser("rotary positions scaled by YaRN without truncation cannot be told in a GGUF; use the Hugging Face folder as it is");
      set("scaling.type", std::string("yarn"));
      set("scaling.factor", s.factor);
      set("scaling.original_context_length", s.original_context);
      if (s.beta_fast != 32) set("scaling.yarn_beta_fast", s.beta_fast);
      if (s.beta_slow != 1) set("scaling.yarn_beta_slow", s.beta_slow);
      magnitude /= YarnMagnitude(s.factor);
      break;
    case RopeScaling::Kind::kLongRope:
      set("scaling.original_context_length", s.original_context);
      break;
  }
  if (std::abs(magnitude - 1) > 1e-9) set("scaling.attn_factor", magnitude);
}

std::vector<std::string> GgufDivisorNames(const Rotary& rotary) {
  if (rotary.scaling.kind == RopeScaling::Kind::kDivisors) return {kDivisors};
  if (rotary.scaling.kind == RopeScaling::Kind::kLongRope) return {kShort, kLong};
  return {};
}

void WriteGgufDivisors(const Rotary& rotary, GgufWriter* writer) {
  const RopeScaling& s = rotary.scaling;
  if (s.kind == RopeScaling::Kind::kDivisors) AddDivisors(kDivisors, s.divisors, writer);
  if (s.kind != RopeScaling::Kind::kLongRope) return;
  AddDivisors(kShort, s.divisors, writer);
  if (!s.long_divisors.empty()) AddDivisors(kLong, s.long_divisors, writer);
}

}  // namespace pith
