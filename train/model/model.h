// A decoder (base/model/model_config.h) for training: frozen base, trainable LoRA, sequences packed without padding.
//
// The part of a sequence before its adapter acts (the prompt before the invocation) is encoded once, by the base and without
// gradient, and shared by all samples that continue it; the rest runs with the adapter and attends to it.
//
// Shape suffixes: M rows (tokens of all sequences, one sequence after the other), D model, V vocabulary.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/lora.h"
#include "adapters/torch/lora_linear.h"
#include "base/model/base_model.h"
#include "train/model/attention.h"
#include "train/model/head.h"
#include "train/ranks/ranks.h"

namespace pith {

// A sequence that continues `prefix` by `ids`.
struct ModelInput {
  std::span<const int32_t> ids;
  std::vector<KvSpan> prefix;
};

// A named float32 master of the adapter: "blk.0.attn_q.weight.lora_a", and .lora_b, and with DoRA .magnitude. Of a pair that was
// started by PiSSA, lora_a and lora_b are the steps from the start.
struct NamedParameter {
  std::string name;
  at::Tensor tensor;
};

class Model {
 public:
  // dtype: bfloat16 or float32. `adapter`, where given, becomes the trainable LoRA (its pairs' values are copied). num_ids: the head normalises over
  // the first so many rows of the embedding, those that the tokenizer has a token for, as the sampler does: what pads an embedding is never sampled. 0: all.
  // `layers`: only the first so many, for who measures what a layer takes; 0: all.
  Model(std::shared_ptr<const BaseModel> base, at::ScalarType dtype, const LoraAdapter* adapter, int64_t num_ids = 0, int64_t layers = 0);
  ~Model();

  // The processes that train it together, each on a part of every batch (train/model/batch.h); one alone unless it was told. They outlive it.
  void SetRanks(const Ranks& ranks);
  const Ranks& ranks() const;

  const ModelConfig& config() const;
  const BaseModel& base() const;

  // Keys and values of the base alone for each input; span i covers input i's own ids.
  std::vector<KvSpan> EncodeBase(std::span<const ModelInput> inputs) const;

  struct ForwardOptions {
    bool adapter = true;
    double dropout = 0.0;
    std::optional<at::Generator> generator;
    bool gradient_checkpointing = false;  // same gradients, less memory, more time (train/model/recompute.h); the model outlives the graph
  };
  // Hidden states of the chosen rows (indices into M, int64) after the final norm: rows × D. Differentiable in the
  // adapter while gradients are on.
  at::Tensor Forward(std::span<const ModelInput> inputs, const at::Tensor& rows, const ForwardOptions& options) const;
  const Head& head() const;  // V × D, untied where the model says so

  // Masters, in a fixed order. After changing their values: AdapterChanged().
  const std::vector<NamedParameter>& parameters() const;
  void AdapterChanged();
  // The present values in the form of `adapter` as given to the constructor.
  LoraAdapter ToLora() const;
  // Replaces the values. The adapter has the form of the present one (SameForm).
  void SetValues(const LoraAdapter& adapter);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pith
