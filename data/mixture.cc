#include "data/mixture.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

constexpr int64_t kBlock = 256;
constexpr uint64_t kSourceStream = 0x6d6978, kOrderStream = 0x6d69786f;

// FNV-1a (Fowler, Noll, Vo).
uint64_t HashOf(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

Mixture::Mixture(std::vector<MixtureSource> sources, uint64_t seed) : sources_(std::move(sources)), seed_(seed), walks_(sources_.size()) {
  PITH_CHECK(!sources_.empty());
  double sum = 0;
  for (const MixtureSource& source : sources_) {
    PITH_CHECK(source.weight > 0 && std::isfinite(source.weight) && source.num_examples > 0, source.name, source.weight, source.num_examples);
    cumulated_.push_back(sum += source.weight);
  }
  before_.emplace_back(sources_.size(), 0);
}

double Mixture::share(size_t source) const { return sources_.at(source).weight / cumulated_.back(); }

size_t Mixture::SourceOf(int64_t slot) const {
  const double at = Rng(seed_, {kSourceStream, static_cast<uint64_t>(slot)}).Uniform() * cumulated_.back();
  const auto found = std::upper_bound(cumulated_.begin(), cumulated_.end(), at);
  return std::min(static_cast<size_t>(found - cumulated_.begin()), sources_.size() - 1);  // rounding may reach the very end
}

std::vector<int64_t> Mixture::CountsBefore(int64_t slot) {
  while (static_cast<int64_t>(before_.size()) <= slot / kBlock) {
    std::vector<int64_t> counts = before_.back();
    const int64_t begin = (static_cast<int64_t>(before_.size()) - 1) * kBlock;
    for (int64_t n = begin; n < begin + kBlock; ++n) ++counts[SourceOf(n)];
    before_.push_back(std::move(counts));
  }
  std::vector<int64_t> counts = before_[static_cast<size_t>(slot / kBlock)];
  for (int64_t n = slot / kBlock * kBlock; n < slot; ++n) ++counts[SourceOf(n)];
  return counts;
}

int64_t Mixture::Step(size_t source, int64_t k) {
  const MixtureSource& s = sources_[source];
  Walk& walk = walks_[source];
  if (k / s.num_examples != walk.pass) {
    walk.pass = k / s.num_examples;
    walk.order.resize(static_cast<size_t>(s.num_examples));
    std::iota(walk.order.begin(), walk.order.end(), int64_t{0});
    if (s.shuffle) Rng(seed_, {kOrderStream, HashOf(s.name), static_cast<uint64_t>(walk.pass)}).Shuffle(walk.order);
  }
  return walk.order[static_cast<size_t>(k % s.num_examples)];
}

std::vector<Mixture::Draw> Mixture::Slots(int64_t first, int64_t count) {
  PITH_CHECK(first >= 0 && count >= 0, first, count);
  std::vector<int64_t> counts = CountsBefore(first);
  std::vector<Draw> draws;
  for (int64_t n = first; n < first + count; ++n) {
    const size_t source = SourceOf(n);
    draws.push_back({source, Step(source, counts[source]++)});
  }
  return draws;
}

}  // namespace pith
