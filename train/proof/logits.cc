#include "train/proof/logits.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/log.h"
#include "base/model_path.h"
#include "data/template/prompt.h"
#include "train/session/session.h"

namespace pith {

std::vector<std::vector<float>> SequenceLogits(const Model& model, std::span<const int32_t> ids,
                                               std::optional<int64_t> adapter_begin) {
  at::NoGradGuard no_grad;
  const auto n = static_cast<int64_t>(ids.size());
  const int64_t begin = adapter_begin.value_or(n);
  std::vector<std::vector<float>> out;
  const auto run = [&](int64_t from, int64_t to, const std::vector<KvSpan>& prefix, bool adapter) {
    const ModelInput input = {ids.subspan(static_cast<size_t>(from), static_cast<size_t>(to - from)), prefix};
    Model::ForwardOptions options;
    options.adapter = adapter;
    const at::Tensor logits = model.head().Logits(model.Forward({&input, 1}, at::arange(to - from), options)).contiguous();
    for (int64_t i = 0; i < to - from; ++i) {
      const float* row = logits.data_ptr<float>() + i * logits.size(1);
      out.emplace_back(row, row + logits.size(1));
    }
  };
  std::vector<KvSpan> prefix;
  if (begin > 0) {
    run(0, begin, {}, false);
    if (begin < n) {
      const ModelInput input = {ids.first(static_cast<size_t>(begin)), {}};
      prefix = model.EncodeBase({&input, 1});
    }
  }
  if (begin < n) run(begin, n, prefix, true);
  return out;
}

std::string LogitsJson(const std::string& model_path, const std::string& peft_folder, const std::vector<int32_t>& ids,
                       bool any_base) {
  std::shared_ptr<const BaseModel> base = BaseModel::Load(ResolveModelPath(model_path));
  if (ids.empty()) ThrowUser("--ids is empty; give token ids such as --ids 1,2,3");
  for (int32_t id : ids) {
    if (id < 0 || id >= base->config().vocab_size) {
      ThrowUser("--ids holds ", id, ", but the vocabulary has ids 0 to ", base->config().vocab_size - 1);
    }
  }
  std::optional<int64_t> begin;
  std::optional<LoraAdapter> adapter;
  if (!peft_folder.empty()) {
    adapter = ReadPeft(peft_folder);
    CheckAdapterFits(*adapter, base->config());
    CheckSameBase(*adapter, peft_folder, *base, any_base);
    begin = adapter->activation == Activation::kAlways ? std::optional<int64_t>(0) : FindInvocation(ids, adapter->invocation);
    if (!begin) LogWarning("the adapter's invocation does not occur in --ids: the adapter stays off");
  }
  const Model model(base, at::kFloat, adapter ? &*adapter : nullptr);
  return nlohmann::json{{"logits", SequenceLogits(model, ids, begin)}}.dump();
}

}  // namespace pith
