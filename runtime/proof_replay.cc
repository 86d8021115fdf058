#include "runtime/proof_replay.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"

namespace pith {
namespace {

// Appends ids[from, to) to the sequence; of those from `wanted` on the logits go to the end of `logits`.
void Append(Engine& engine, SequenceId sequence, const std::vector<int32_t>& ids, int64_t from, int64_t to, int64_t wanted, std::vector<float>* logits) {
  const int64_t split = std::clamp(wanted, from, to);
  if (split > from) engine.Prefill(sequence, std::span(ids).subspan(static_cast<size_t>(from), static_cast<size_t>(split - from)), nullptr);
  if (split == to) return;
  std::vector<ForwardRow> rows;
  for (int64_t i = split; i < to; ++i) rows.push_back({sequence, ids[static_cast<size_t>(i)], true});
  const size_t at = logits->size();
  logits->resize(at + rows.size() * static_cast<size_t>(engine.config().vocab_size));
  engine.Forward(rows, logits->data() + at);
}

void CheckReplayable(const Engine& engine, const AdapterProof& proof) {
  const ModelConfig& c = engine.config();
  const auto check = [&](int32_t id) {
    if (id >= c.vocab_size) ThrowUser("the adapter's proof holds the token ", id, ", and the base's vocabulary has ", c.vocab_size, "; the adapter belongs to another base");
  };
  for (const ProofPrompt& prompt : proof.prompts) {
    std::for_each(prompt.ids.begin(), prompt.ids.end(), check);
    if (static_cast<int64_t>(prompt.ids.size()) > c.context_length) {
      ThrowUser("the adapter's proof has a prompt of ", prompt.ids.size(), " tokens, and the base's context is ", c.context_length, "; the adapter belongs to another base");
    }
  }
  std::for_each(proof.top_ids.begin(), proof.top_ids.end(), check);
}

double Norm(std::span<const float> x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }

// How far apart the head's values lie with such hidden states.
double SpreadOf(const LinearHead& head, std::span<const float> hidden_D) { return Norm(head.weights) * Norm(hidden_D) / std::sqrt(static_cast<double>(hidden_D.size())); }

// The mean of the base's hidden states over the tokens.
std::vector<float> PooledByBase(Engine& engine, std::span<const int32_t> ids) {
  constexpr size_t kTogether = 256;
  const auto d = static_cast<size_t>(engine.config().d_model);
  const SequenceId sequence = engine.NewSequence();
  std::vector<double> sum(d);
  for (size_t begin = 0; begin < ids.size(); begin += kTogether) {
    std::vector<ForwardRow> rows;
    for (const int32_t id : ids.subspan(begin, std::min(kTogether, ids.size() - begin))) rows.push_back({sequence, id, false, /*drafted=*/false, true});
    std::vector<float> hidden_MD(rows.size() * d);
    engine.Forward(rows, nullptr, hidden_MD.data());
    for (size_t i = 0; i < hidden_MD.size(); ++i) sum[i % d] += hidden_MD[i];
  }
  engine.Free(sequence);
  std::vector<float> mean;
  for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(ids.size())));
  return mean;
}

}  // namespace

int64_t ReplayTokens(const AdapterProof& proof, const std::optional<VerifierHead>& verifier) {
  size_t longest = 0;
  for (const ProofPrompt& prompt : proof.prompts) longest = std::max(longest, prompt.ids.size());
  const size_t check = verifier ? verifier->check_ids.size() + 1 : 0;
  return 2 * static_cast<int64_t>(longest) + static_cast<int64_t>(check) + 4 * Engine::kPageTokens;  // two sequences, and pages that they share in part
}

VerifierReplay ReplayVerifier(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins) {
  CheckReplayable(engine, proof);
  const VerifierHead& head = *adapter->verifier();
  VerifierReplay replay;
  std::vector<float> hidden(static_cast<size_t>(engine.config().d_model));
  for (size_t p = 0; p < proof.prompts.size(); ++p) {
    std::vector<int32_t> response = proof.prompts[p].ids;
    const auto begin = std::min(static_cast<size_t>(begins[p]), response.size());
    const std::vector<int32_t> before(response.begin(), response.begin() + static_cast<std::ptrdiff_t>(begin));
    response.erase(response.begin(), response.begin() + static_cast<std::ptrdiff_t>(begin));
    if (response.empty() || response.back() != head.end_id) response.push_back(head.end_id);
    if (static_cast<int64_t>(before.size() + response.size() + head.check_ids.size()) > engine.config().context_length) continue;  // a context as short leaves room for no check
    const SequenceId sequence = engine.NewSequence();
    if (!before.empty()) engine.Prefill(sequence, before, nullptr);
    engine.SetAdapter(sequence, adapter);
    engine.Prefill(sequence, response, nullptr);
    if (head.by_base) engine.SetAdapter(sequence, nullptr);
    std::vector<ForwardRow> rows;
    for (const int32_t id : head.check_ids) rows.push_back({sequence, id, false});
    rows.back().want_hidden = true;
    engine.Forward(rows, nullptr, hidden.data());
    engine.Free(sequence);
    replay.logits.push_back(static_cast<float>(HeadLogit(head, hidden)));
    replay.spreads.push_back(SpreadOf(head, hidden));
  }
  return replay;
}

SwitcherReplay ReplaySwitcher(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins) {
  CheckReplayable(engine, proof);
  SwitcherReplay replay;
  for (size_t p = 0; p < proof.prompts.size(); ++p) {
    const std::vector<int32_t>& ids = proof.prompts[p].ids;
    const auto before = std::span(ids).first(std::min(static_cast<size_t>(begins[p]), ids.size()));
    if (before.empty()) continue;
    const std::vector<float> pooled = PooledByBase(engine, before);
    for (const SwitchArm& arm : adapter->switcher()->arms) {
      replay.logits.push_back(static_cast<float>(HeadLogit(arm.right, pooled)));
      replay.tokens.push_back(static_cast<float>(HeadLogit(arm.tokens, pooled)));
      replay.logit_spreads.push_back(SpreadOf(arm.right, pooled));
      replay.token_spreads.push_back(SpreadOf(arm.tokens, pooled));
    }
  }
  return replay;
}

void ReplayRows(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins, const ProofRow& row) {
  CheckReplayable(engine, proof);
  const auto vocab = static_cast<size_t>(engine.config().vocab_size);
  for (size_t p = 0; p < proof.prompts.size(); ++p) {
    const std::vector<int32_t>& ids = proof.prompts[p].ids;
    const auto length = static_cast<int64_t>(ids.size()), wanted = length - proof.positions;
    const int64_t begin = std::min(begins[p], length);
    std::vector<float> policy, base;
    const SequenceId sequence = engine.NewSequence();
    Append(engine, sequence, ids, 0, begin, wanted, &policy);
    base = policy;
    const SequenceId bare = begin > 0 ? engine.Fork(sequence) : engine.NewSequence();
    Append(engine, bare, ids, begin, length, wanted, &base);
    engine.SetAdapter(sequence, adapter);
    Append(engine, sequence, ids, begin, length, wanted, &policy);
    engine.Free(bare);
    engine.Free(sequence);
    for (size_t at = 0; at < policy.size(); at += vocab) row(p, std::span(policy).subspan(at, vocab), std::span(base).subspan(at, vocab));
  }
}

ProofLogits Replay(Engine& engine, const AdapterProof& proof, const AdapterRef& adapter, std::span<const int64_t> begins) {
  ProofLogits logits;
  ReplayRows(engine, proof, adapter, begins, [&](size_t, std::span<const float> policy_V, std::span<const float> base_V) {
    for (int64_t k = 0; k < proof.top; ++k) {
      const auto id = static_cast<size_t>(proof.top_ids[logits.policy.size()]);
      logits.policy.push_back(policy_V[id]);
      logits.base.push_back(base_V[id]);
    }
  });
  return logits;
}

bool WarmIsCold(std::shared_ptr<const BaseModel> base, EngineOptions options, const AdapterProof& proof, const AdapterRef& adapter,
                std::span<const int64_t> begins, size_t num_prompts, const ProofLogits& cold) {
  AdapterProof some = proof;
  num_prompts = std::min(num_prompts, proof.prompts.size());
  some.prompts.resize(num_prompts);
  options.share_prefixes = true;
  options.kv_tokens = 0;
  for (const ProofPrompt& prompt : some.prompts) options.kv_tokens += 3 * (static_cast<int64_t>(prompt.ids.size()) + 2 * Engine::kPageTokens);
  options.kv_tokens += ReplayTokens(some);
  Engine engine(std::move(base), options);
  for (const ProofPrompt& prompt : some.prompts) {
    for (const AdapterRef& writer : {adapter, AdapterRef()}) {
      const SequenceId sequence = engine.NewSequence();
      engine.SetAdapter(sequence, writer);
      engine.Prefill(sequence, prompt.ids, nullptr);
      engine.Free(sequence);
    }
  }
  const ProofLogits warm = Replay(engine, some, adapter, begins.first(num_prompts));
  const auto same = [](const std::vector<float>& a, const std::vector<float>& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; };
  return same(warm.policy, cold.policy) && same(warm.base, cold.base);
}

double ArithmeticNoise(const EngineOptions& options) {
  const double activations = options.activations == ActivationType::kF32 ? 0 : options.activations == ActivationType::kBF16 ? 2e-2 : 1e-1;
  const double kv = options.kv_type == KvType::kF32 ? 0 : options.kv_type == KvType::kF16 ? 2e-3 : 5e-2;
  return kFloat32Noise + activations + kv;
}

}  // namespace pith
