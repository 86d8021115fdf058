#include "train/model/batch.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "train/ranks/ranks.h"

namespace pith {

PromptEncoder::PromptEncoder(const Model& model, std::span<const Prompt* const> all_prompts) : model_(model) {
  PITH_CHECK(!all_prompts.empty());
  const Prompt& first = *all_prompts[0];
  int64_t common = first.invocation_start;
  for (const Prompt* p : all_prompts) {
    common = std::min(common, p->invocation_start);
    int64_t i = 0;
    while (i < common && p->ids[i] == first.ids[i]) ++i;
    common = i;
  }
  common_length_ = common;
  if (common > 0) {
    const ModelInput input = {std::span(first.ids).first(static_cast<size_t>(common)), {}};
    common_ = model_.EncodeBase({&input, 1});
  }
}

struct PromptsOfAStep {
  const PromptEncoder& encoder;
  std::vector<const Prompt*> prompts;
  int64_t chunk_tokens;
  std::vector<std::optional<std::vector<KvSpan>>> prefixes;  // of the prompts that were needed so far

  void Need(std::span<const size_t> places) {
    std::vector<size_t> missing;
    std::vector<const Prompt*> wanted;
    for (size_t place : places) {
      if (prefixes[place] || std::find(missing.begin(), missing.end(), place) != missing.end()) continue;
      missing.push_back(place);
      wanted.push_back(prompts[place]);
    }
    if (missing.empty()) return;
    std::vector<std::vector<KvSpan>> computed = encoder.Compute(wanted, chunk_tokens);
    for (size_t i = 0; i < missing.size(); ++i) prefixes[missing[i]] = std::move(computed[i]);
  }

  // Together, so that they share passes.
  static void NeedOf(std::span<const TrainSequence> sequences) {
    std::map<PromptsOfAStep*, std::vector<size_t>> places;
    for (const TrainSequence& s : sequences) {
      if (s.prompt.step_) places[s.prompt.step_.get()].push_back(s.prompt.place_);
    }
    for (auto& [step, wanted] : places) step->Need(wanted);
  }
};

const std::vector<KvSpan>& EncodedPrompt::prefix() const {
  static const std::vector<KvSpan> none;
  if (!step_) return none;
  step_->Need({&place_, 1});
  return *step_->prefixes[place_];
}

std::vector<EncodedPrompt> PromptEncoder::Encode(std::span<const Prompt* const> prompts, int64_t chunk_tokens) const {
  const auto step = std::make_shared<PromptsOfAStep>(*this, std::vector<const Prompt*>(prompts.begin(), prompts.end()), chunk_tokens,
                                                     std::vector<std::optional<std::vector<KvSpan>>>(prompts.size()));
  std::vector<EncodedPrompt> encoded(prompts.size());
  std::vector<size_t> all;
  for (size_t i = 0; i < prompts.size(); ++i) {
    PITH_CHECK(prompts[i]->invocation_start >= common_length_, "a prompt that the encoder was not made for");
    encoded[i].length_ = prompts[i]->invocation_start;
    encoded[i].step_ = step;
    encoded[i].place_ = i;
    all.push_back(i);
  }
  if (model_.ranks().size() == 1) step->Need(all);
  return encoded;
}

std::vector<std::vector<KvSpan>> PromptEncoder::Compute(std::span<const Prompt* const> prompts, int64_t chunk_tokens) const {
  std::vector<std::vector<KvSpan>> out(prompts.size());
  std::vector<ModelInput> inputs;
  std::vector<size_t> owners;
  int64_t tokens = 0;
  const auto flush = [&] {
    if (inputs.empty()) return;
    const std::vector<KvSpan> spans = model_.EncodeBase(inputs);
    for (size_t i = 0; i < owners.size(); ++i) out[owners[i]].push_back(spans[i]);
    inputs.clear(), owners.clear(), tokens = 0;
  };
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Prompt& p = *prompts[i];
    out[i] = common_;
    const int64_t own = p.invocation_start - common_length_;
    if (own == 0) continue;
    if (tokens + own > chunk_tokens) flush();
    inputs.push_back({std::span(p.ids).subspan(static_cast<size_t>(common_length_), static_cast<size_t>(own)), common_});
    owners.push_back(i);
    tokens += own;
  }
  flush();
  return out;
}

TrainSequence MakeSequence(const EncodedPrompt& encoded, const Prompt& prompt, std::span<const int32_t> response, std::span<const uint8_t> learned) {
  PITH_CHECK(learned.empty() || learned.size() == response.size(), learned.size(), " of ", response.size(), " tokens");
  TrainSequence s;
  s.prompt = encoded;
  s.ids.assign(prompt.ids.begin() + prompt.invocation_start, prompt.ids.end());
  const auto begin = static_cast<int64_t>(s.ids.size());
  PITH_CHECK(begin > 0, "an empty invocation");
  s.ids.insert(s.ids.end(), response.begin(), response.end());
  for (size_t i = 0; i < response.size(); ++i) {
    if (learned.empty() || learned[i] != 0) s.targets.push_back(begin + static_cast<int64_t>(i));
  }
  return s;
}

namespace {

// The last token predicts nothing: it is not run.
int64_t RunTokens(const TrainSequence& s) { return static_cast<int64_t>(s.ids.size()) - 1; }

// A rank's part of the sequences: neighbours, of about as many tokens as other ranks' parts.
struct Part {
  size_t begin = 0, end = 0;
  int64_t first_token = 0;  // response tokens before it
};

Part PartOf(const Ranks& ranks, std::span<const TrainSequence> sequences) {
  int64_t total = 0, before = 0;
  for (const TrainSequence& s : sequences) total += static_cast<int64_t>(s.ids.size());
  const auto owner = [&](int64_t ids_before) { return ids_before * ranks.size() / std::max<int64_t>(1, total); };
  Part part;
  for (const TrainSequence& s : sequences) {
    const int64_t rank = owner(before);
    before += static_cast<int64_t>(s.ids.size());
    if (rank < ranks.rank()) ++part.begin, part.first_token += s.response_length();
    if (rank <= ranks.rank()) ++part.end;
  }
  return part;
}

}  // namespace

PackedSequences Pack(std::span<const TrainSequence> sequences) {
  PackedSequences packed;
  std::vector<int64_t> rows, targets;  // row i of the packed ids predicts token i + 1 of its sequence
  int64_t row = 0;
  for (const TrainSequence& s : sequences) {
    const auto run = static_cast<size_t>(RunTokens(s));
    packed.inputs.push_back({std::span(s.ids).first(run), s.prompt.prefix()});
    for (const int64_t i : s.targets) {
      rows.push_back(row + i - 1);
      targets.push_back(s.ids[static_cast<size_t>(i)]);
    }
    row += static_cast<int64_t>(run);
  }
  packed.rows = at::tensor(rows, at::kLong);
  packed.ids = at::tensor(targets, at::kLong);
  return packed;
}

void ForEachMicroBatch(const Ranks& ranks, std::span<const TrainSequence> sequences, const MicroBatchLimit& limit,
                       const std::function<void(size_t begin, size_t end, int64_t token)>& body) {
  PITH_CHECK(limit.sequences > 0 && limit.tokens > 0, limit.sequences, " sequences, ", limit.tokens, " tokens");
  const Part mine = PartOf(ranks, sequences);
  PromptsOfAStep::NeedOf(sequences.subspan(mine.begin, mine.end - mine.begin));
  int64_t token = mine.first_token;
  for (size_t begin = mine.begin, end; begin < mine.end; begin = end) {
    int64_t count = 0, tokens = 0;
    for (end = begin; end < mine.end && end < begin + static_cast<size_t>(limit.sequences); ++end) {
      tokens += RunTokens(sequences[end]);
      if (end > begin && tokens > limit.tokens) break;
      count += sequences[end].response_length();
    }
    if (count > 0) body(begin, end, token);
    token += count;
  }
}

at::Tensor RunBatch(const Model& model, std::span<const TrainSequence> sequences, const BatchOptions& options,
                    const TokenGradient& gradient, at::Tensor* entropy) {
  int64_t total = 0;
  for (const TrainSequence& s : sequences) total += s.response_length();
  at::Tensor logp = at::zeros({total});
  if (entropy != nullptr) *entropy = at::zeros({total});
  ForEachMicroBatch(model.ranks(), sequences, options.micro_batch, [&](size_t begin, size_t end, int64_t token) {
    const PackedSequences packed = Pack(sequences.subspan(begin, end - begin));
    const int64_t count = packed.ids.size(0);
    const at::AutoGradMode grad_mode(static_cast<bool>(gradient));
    const at::Tensor hidden = model.Forward(packed.inputs, packed.rows, options.forward);
    RowGradientFunction rows_gradient;
    if (gradient) {
      rows_gradient = [&](const at::Tensor& l, const at::Tensor& h, int64_t from, int64_t to) { return gradient(l, h, token + from, token + to); };
    }
    const HeadResult head = model.head().Run(hidden.detach(), packed.ids, options.temperature, rows_gradient, entropy != nullptr,
                                             options.whole_sequences);
    logp.narrow(0, token, count).copy_(head.logp);
    if (entropy != nullptr) entropy->narrow(0, token, count).copy_(head.entropy);
    if (gradient) hidden.backward(head.g_hidden);
  });
  const Ranks& ranks = model.ranks();
  ranks.Sum(std::span(logp.data_ptr<float>(), static_cast<size_t>(total)));  // each rank left the others' at zero
  if (entropy != nullptr) ranks.Sum(std::span(entropy->data_ptr<float>(), static_cast<size_t>(total)));
  return logp;
}

}  // namespace pith
