#include "train/rollout/exchange.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace pith {
namespace {

template <class T>
void Put(const T& value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
void PutAll(const std::vector<T>& values, std::string* out) {
  Put(static_cast<uint64_t>(values.size()), out);
  out->append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
T Get(const std::string& bytes, size_t* at) {
  PITH_CHECK(*at + sizeof(T) <= bytes.size(), *at, " of ", bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + *at, sizeof value);
  *at += sizeof value;
  return value;
}

template <class T>
std::vector<T> GetAll(const std::string& bytes, size_t* at) {
  const auto count = static_cast<size_t>(Get<uint64_t>(bytes, at));
  PITH_CHECK(count <= (bytes.size() - *at) / sizeof(T), count, " values in ", bytes.size() - *at, " bytes");
  std::vector<T> values(count);
  std::memcpy(values.data(), bytes.data() + *at, count * sizeof(T));
  *at += count * sizeof(T);
  return values;
}

}  // namespace

std::string PackCompletions(const std::vector<Completion>& completions) {
  std::string out;
  Put(static_cast<uint64_t>(completions.size()), &out);
  for (const Completion& c : completions) {
    Put(c.sample, &out);
    PutAll(c.tokens, &out);
    PutAll(c.logprobs, &out);
    PutAll(c.near_ties, &out);
    Put(c.cut_bytes, &out);
    Put(c.announced, &out);
    Put(c.forced_begin, &out);
    Put(c.forced_end, &out);
    Put(c.finish, &out);
    Put(c.usage, &out);
    Put(c.prompt_opens_thoughts, &out);
    Put(c.ttft_ms, &out);
    Put(c.wall_ms, &out);
    Put(c.score.value_or(-1), &out);
    PutAll(c.hidden, &out);
    Put(c.check_ms, &out);
  }
  return out;
}

std::vector<Completion> UnpackCompletions(const std::string& bytes, size_t* at) {
  std::vector<Completion> completions(static_cast<size_t>(Get<uint64_t>(bytes, at)));
  for (Completion& c : completions) {
    c.sample = Get<int>(bytes, at);
    c.tokens = GetAll<int32_t>(bytes, at);
    c.logprobs = GetAll<float>(bytes, at);
    c.near_ties = GetAll<int64_t>(bytes, at);
    c.cut_bytes = Get<size_t>(bytes, at);
    c.announced = Get<int64_t>(bytes, at);
    c.forced_begin = Get<int64_t>(bytes, at);
    c.forced_end = Get<int64_t>(bytes, at);
    c.finish = Get<Finish>(bytes, at);
    c.usage = Get<Usage>(bytes, at);
    c.prompt_opens_thoughts = Get<bool>(bytes, at);
    c.ttft_ms = Get<double>(bytes, at);
    c.wall_ms = Get<double>(bytes, at);
    if (const auto score = Get<double>(bytes, at); score >= 0) c.score = score;
    c.hidden = GetAll<float>(bytes, at);
    c.check_ms = Get<double>(bytes, at);
  }
  return completions;
}

void ExchangeGroups(const Ranks& ranks, std::vector<std::vector<Completion>>* groups, GenerateStats* stats) {
  if (ranks.size() == 1) return;
  std::string mine;
  Put(*stats, &mine);
  for (size_t g = 0; g < groups->size(); ++g) {
    if (ranks.Owns(g)) mine += PackCompletions((*groups)[g]);
  }
  const std::vector<std::string> all = ranks.Gather(mine);
  std::vector<size_t> at(all.size(), 0);
  *stats = {};
  for (size_t r = 0; r < all.size(); ++r) {
    const auto theirs = Get<GenerateStats>(all[r], &at[r]);
    stats->prompt_tokens += theirs.prompt_tokens;
    stats->generated_tokens += theirs.generated_tokens;
    stats->seconds = std::max(stats->seconds, theirs.seconds);
  }
  for (size_t g = 0; g < groups->size(); ++g) {
    const size_t owner = g % all.size();
    (*groups)[g] = UnpackCompletions(all[owner], &at[owner]);
  }
}

void SumGradients(const Model& model) {
  const Ranks& ranks = model.ranks();
  if (ranks.size() == 1) return;
  std::vector<at::Tensor> gradients;
  for (const NamedParameter& p : model.parameters()) {
    at::Tensor tensor = p.tensor;
    if (!tensor.grad().defined()) tensor.mutable_grad() = at::zeros_like(tensor);  // this rank had no sequence
    gradients.push_back(tensor.grad());
  }
  std::vector<at::Tensor> flat;
  for (const at::Tensor& g : gradients) flat.push_back(g.reshape({-1}));
  const at::Tensor all = at::cat(flat);
  ranks.Sum(std::span(all.data_ptr<float>(), static_cast<size_t>(all.numel())));
  int64_t at = 0;
  for (at::Tensor& g : gradients) {
    g.copy_(all.narrow(0, at, g.numel()).view_as(g));
    at += g.numel();
  }
}

}  // namespace pith
