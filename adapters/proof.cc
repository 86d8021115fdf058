// R rank; the vectors of signs are called u (out) and v (in).
#include "adapters/proof.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>

#include "adapters/lora.h"
#include "adapters/lora_names.h"
#include "adapters/packed_adapter.h"
#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

constexpr uint64_t kSignSeed = 0x70726f6f66;

// The first `count` signs of side 0 (u) or 1 (v) of a sketch.
std::vector<float> Signs(int sketch, int side, int64_t count) {
  Rng rng(kSignSeed, {static_cast<uint64_t>(sketch), static_cast<uint64_t>(side)});
  std::vector<float> signs(static_cast<size_t>(count));
  uint64_t bits = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (i % 64 == 0) bits = rng.Next();
    signs[static_cast<size_t>(i)] = (bits >> (i % 64)) & 1 ? 1.0f : -1.0f;
  }
  return signs;
}

struct Factors {
  int64_t rank, in, out;
  const float* a;  // rank × in
  const float* b;  // out × rank
  double scale;
};

double Dot(const float* a, const float* b, size_t count) {  // products in double, too
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Of each sketch uᵀB and Av.
struct Halves {
  std::array<std::vector<double>, kProofSketches> u_b, a_v;
};

Halves HalvesOf(const Factors& f) {
  Halves halves;
  for (int s = 0; s < kProofSketches; ++s) {
    const std::vector<float> u = Signs(s, 0, f.out), v = Signs(s, 1, f.in);
    std::vector<double>&u_b = halves.u_b[static_cast<size_t>(s)], &a_v = halves.a_v[static_cast<size_t>(s)];
    u_b.assign(static_cast<size_t>(f.rank), 0);
    a_v.assign(static_cast<size_t>(f.rank), 0);
    for (int64_t o = 0; o < f.out; ++o) {
      for (int64_t r = 0; r < f.rank; ++r) u_b[static_cast<size_t>(r)] += static_cast<double>(u[static_cast<size_t>(o)]) * f.b[o * f.rank + r];
    }
    for (int64_t r = 0; r < f.rank; ++r) {
      for (int64_t i = 0; i < f.in; ++i) a_v[static_cast<size_t>(r)] += static_cast<double>(v[static_cast<size_t>(i)]) * f.a[r * f.in + i];
    }
  }
  return halves;
}

// ‖B·A‖² = Σ over r, q of (BᵀB)rq · (AAᵀ)rq: exactly zero where each product of a column of B and a row of A is.
double ProductNorm(const Factors& f) {
  const auto rank = static_cast<size_t>(f.rank), in = static_cast<size_t>(f.in);
  std::vector<double> b_gram(rank * rank);
  for (int64_t o = 0; o < f.out; ++o) {
    const float* row = f.b + o * f.rank;
    for (size_t r = 0; r < rank; ++r) {
      for (size_t q = r; q < rank; ++q) b_gram[r * rank + q] += static_cast<double>(row[r]) * row[q];
    }
  }
  double squares = 0;
  for (size_t r = 0; r < rank; ++r) {
    for (size_t q = r; q < rank; ++q) {
      if (b_gram[r * rank + q] == 0) continue;
      const double dot = Dot(f.a + r * in, f.a + q * in, in);
      squares += (q == r ? 1 : 2) * b_gram[r * rank + q] * dot;
    }
  }
  return std::sqrt(std::max(squares, 0.0));
}

PairMark Mark(const std::string& weight, const Factors& f, const Halves& halves) {
  PairMark mark{weight, std::abs(f.scale) * ProductNorm(f), {}};
  for (size_t s = 0; s < kProofSketches; ++s) {
    mark.sketches[s] = f.scale * std::inner_product(halves.u_b[s].begin(), halves.u_b[s].end(), halves.a_v[s].begin(), 0.0);
  }
  return mark;
}

// Variance of rounding to a float of `bits` significant bits whose smallest step is `smallest`.
double FloatVariance(float x, int bits, double smallest) {
  int exponent = 0;
  std::frexp(x, &exponent);
  const double step = std::max(std::ldexp(1.0, exponent - bits), smallest);
  return x == 0 ? 0 : step * step / 12;
}

// Variance that rounding to a tensor's type left in each of its values: that of an error uniform over the type's step there. float32 is what was
// stored in the first place. Rows are whole blocks.
std::vector<double> RoundingVariances(const TensorView& view, const std::vector<float>& values) {
  std::vector<double> variance(values.size());
  const auto cols = static_cast<size_t>(view.cols);
  for (size_t i = 0; i < variance.size(); ++i) {
    double step = 0;
    switch (view.type) {
      case TensorType::kF32: continue;
      case TensorType::kF16: variance[i] = FloatVariance(values[i], 11, std::ldexp(1.0, -24)); continue;
      case TensorType::kBF16: variance[i] = FloatVariance(values[i], 8, 0); continue;
      case TensorType::kQ8_0: step = F16ToF32(reinterpret_cast<const BlockQ8_0*>(view.data)[i / kBlockSize].d); break;
      case TensorType::kQ4_0: step = F16ToF32(reinterpret_cast<const BlockQ4_0*>(view.data)[i / kBlockSize].d); break;
      default: {  // which pith-export does not write: four bits of the largest value around
        const size_t row = i / cols * cols, begin = row + (i - row) / 32 * 32, end = std::min(begin + 32, row + cols);
        for (size_t j = begin; j < end; ++j) step = std::max(step, std::abs(values[j]) / 8.0);
      }
    }
    variance[i] = step * step / 12;
  }
  return variance;
}

// Share of the values' norm that q4_0 may have clipped away.
double ClippedShare(const TensorView& view, const std::vector<float>& values) {
  if (view.type != TensorType::kQ4_0) return 0;
  double clipped = 0, all = 0;
  const auto* blocks = reinterpret_cast<const BlockQ4_0*>(view.data);  // rows are whole blocks
  for (size_t i = 0; i < values.size(); ++i) {
    const double squared = static_cast<double>(values[i]) * values[i], step = F16ToF32(blocks[i / kBlockSize].d);
    all += squared;
    if (step != 0 && values[i] / step > 6.5) clipped += squared;
  }
  return all > 0 ? clipped / all / 7 : 0;
}

// How much of a factor rounding may have moved one way, as a share of its norm. Errors of different values are taken for independent, but what is stored as
// one value may have been one before: after Adam's first step all of B is plus or minus the rate, and rounds by the same factor. Told by the leading bits.
double MovedTogether(const std::vector<float>& values, const std::vector<double>& variances) {
  constexpr double kMinShare = 1.0 / 16;  // of the squares: values of a drawn or a trained factor lie with at most 1 % of them
  struct Alike {
    double squares = 0, moved = 0;
  };
  std::vector<Alike> alike(1 << 15);
  double all = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double size = std::abs(values[i]);
    Alike& group = alike[std::bit_cast<uint32_t>(std::abs(values[i])) >> 16];
    group.squares += size * size;
    group.moved += size * std::sqrt(3 * variances[i]);  // half a step
    all += size * size;
  }
  double moved = 0;
  for (const Alike& group : alike) {
    if (group.squares > kMinShare * all) moved += group.moved;
  }
  return all > 0 ? moved / all : 0;
}

StoredPair Stored(const std::string& weight, const PackedPair& pair, bool interleaved, int64_t head_dim) {
  const std::vector<float> a = pair.a.ToF32();
  std::vector<float> b = pair.b.ToF32();
  const auto rank = static_cast<size_t>(pair.a.rows), in = static_cast<size_t>(pair.a.cols);
  const std::vector<double> a_variances = RoundingVariances(pair.a, a), b_variances = RoundingVariances(pair.b, b);
  std::vector<double> a_variance(rank), b_variance(rank), a_squares(rank), b_squares(rank);  // sums over in, and over out
  for (size_t r = 0; r < rank; ++r) {
    a_variance[r] = std::accumulate(&a_variances[r * in], &a_variances[r * in] + in, 0.0);
    a_squares[r] = Dot(&a[r * in], &a[r * in], in);
  }
  for (size_t i = 0; i < b.size(); ++i) {
    b_variance[i % rank] += b_variances[i];
    b_squares[i % rank] += static_cast<double>(b[i]) * b[i];
  }
  const double one_way = ClippedShare(pair.a, a) + ClippedShare(pair.b, b) + MovedTogether(a, a_variances) + MovedTogether(b, b_variances);
  if (interleaved) {
    const std::vector<float> file_order = b;
    InterleavedToHalves(file_order.data(), b.data(), pair.b.rows, rank * sizeof(float), head_dim);
  }
  const Factors f{pair.a.rows, pair.a.cols, pair.b.rows, a.data(), b.data(), pair.scale};
  const Halves halves = HalvesOf(f);
  StoredPair stored{Mark(weight, f, halves), 0, {}, one_way};
  double variance = 0;
  for (size_t r = 0; r < rank; ++r) variance += b_squares[r] * a_variance[r] + a_squares[r] * b_variance[r];
  stored.norm_noise = std::abs(f.scale) * std::sqrt(variance);
  for (size_t s = 0; s < kProofSketches; ++s) {
    double sum = 0;
    for (size_t r = 0; r < rank; ++r) {
      const double u_b = halves.u_b[s][r], a_v = halves.a_v[s][r];
      sum += u_b * u_b * a_variance[r] + a_v * a_v * b_variance[r];
    }
    stored.sketch_noise[s] = std::abs(f.scale) * std::sqrt(sum);
  }
  return stored;
}

}  // namespace

std::vector<PairMark> MarksOf(const LoraAdapter& adapter) {
  PITH_CHECK(!adapter.dora, "a DoRA changes rows beyond s·B·A");
  std::vector<PairMark> marks;
  for (const auto& [name, pair] : adapter.pairs) {
    const Factors f{pair.rank, pair.in, pair.out, pair.a.data(), pair.b.data(), adapter.scale(pair)};
    marks.push_back(Mark(name, f, HalvesOf(f)));
  }
  return marks;
}

bool HasNoEffect(std::span<const PairMark> marks) {
  return std::all_of(marks.begin(), marks.end(), [](const PairMark& mark) { return mark.norm == 0; });
}

std::vector<StoredPair> StoredPairs(const PackedAdapter& adapter, const ModelConfig& base) {
  std::map<std::string, StoredPair> pairs;
  for (int64_t layer = 0; layer < base.num_layers; ++layer) {
    for (const int kind : ModuleKinds(base)) {
      const PackedPair& pair = adapter.module_pair(layer, kind);
      if (!pair.a) continue;
      const bool interleaved = kind < 2 && base.rope == RopeLayout::kInterleaved;  // attn_q, attn_k
      const std::string name = WeightName({layer, kind});
      pairs.emplace(name, Stored(name, pair, interleaved, base.head_dim));
    }
  }
  std::vector<StoredPair> sorted;
  for (auto& [name, pair] : pairs) sorted.push_back(std::move(pair));
  return sorted;
}

AdapterProof StartProof(const LoraAdapter& adapter, const BaseModel& base, const std::vector<std::vector<int32_t>>& ids, std::span<const int64_t> begins,
                        const std::string& template_sha256, const std::string& policy) {
  AdapterProof proof;
  proof.policy = policy;
  proof.adapter_sha256 = AdapterHash(adapter);
  proof.base_sha256 = base.Identity();
  proof.template_sha256 = template_sha256;
  for (size_t p = 0; p < ids.size(); ++p) proof.prompts.push_back({ids[p], begins[p]});
  proof.pairs = MarksOf(adapter);
  std::array<double, kNumModuleKinds> changes{}, weights{};
  for (const PairMark& mark : proof.pairs) {
    const LinearPlace place = *ParseWeightName(mark.weight);
    const auto kind = static_cast<size_t>(place.kind);
    changes[kind] += mark.norm * mark.norm;
    const std::vector<float> weight = base.LoadModuleF32(place.layer, place.kind);
    weights[kind] += Dot(weight.data(), weight.data(), weight.size());
  }
  for (size_t kind = 0; kind < kNumModuleKinds; ++kind) {
    if (weights[kind] > 0) proof.norms.push_back({kLinearKinds[kind].target, std::sqrt(changes[kind] / weights[kind])});
  }
  return proof;
}

void AddProofRow(std::span<const float> policy_V, std::span<const float> base_V, AdapterProof* proof) {
  PITH_CHECK_EQ(policy_V.size(), base_V.size());
  std::vector<int32_t> order(policy_V.size());
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](int32_t x, int32_t y) {
    const float at_x = policy_V[static_cast<size_t>(x)], at_y = policy_V[static_cast<size_t>(y)];
    return at_x != at_y ? at_x > at_y : x < y;
  };
  const auto top = std::min(static_cast<std::ptrdiff_t>(proof->top), static_cast<std::ptrdiff_t>(order.size()));
  std::partial_sort(order.begin(), order.begin() + top, order.end(), likelier);
  for (int64_t k = 0; k < proof->top; ++k) {
    const int32_t id = order[static_cast<size_t>(std::min<int64_t>(k, top - 1))];
    proof->top_ids.push_back(id);
    proof->logits.policy.push_back(policy_V[static_cast<size_t>(id)]);
    proof->logits.base.push_back(base_V[static_cast<size_t>(id)]);
  }
}

}  // namespace pith
