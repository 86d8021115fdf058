#include "train/heads/phone_engine.h"

#include "base/error.h"

namespace pith {
namespace {

ActivationType ActivationsOf(const std::string& name) {
  if (name == "f32") return ActivationType::kF32;
  if (name == "bf16") return ActivationType::kBF16;
  PITH_CHECK_EQ(name, "int8");
  return ActivationType::kInt8;
}

KvType KvTypeOf(const std::string& name) {
  if (name == "f32") return KvType::kF32;
  if (name == "int8") return KvType::kInt8;
  PITH_CHECK_EQ(name, "f16");
  return KvType::kF16;
}

}  // namespace

TensorType HeadTypeOf(const std::string& name) {
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kF16, TensorType::kBF16, TensorType::kF32}) {
    if (name == TypeName(type)) return type;
  }
  PITH_CHECK(false, name);
  return TensorType::kQ8_0;
}

EngineOptions PhoneEngine(const HeadSettings& settings, int threads) {
  EngineOptions options;
  options.num_threads = threads;
  options.activations = ActivationsOf(settings.activations);
  options.kv_type = KvTypeOf(settings.kv_type);
  return options;
}

}  // namespace pith
