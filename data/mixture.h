// Draws from several sources of examples by weight, while each keeps an order of its own.
//
// Slot n of a run takes the source that Rng(seed, {…, n}) draws from the weights. It is the k-th slot of that source, k counting the
// slots before n that drew the same, and takes the k-th example of the source's walk: each example once per pass, shuffled
// anew in each pass by (seed, name, pass). So the example of a slot is a function of the seed, the sources and n, and there is nothing
// to save; and which examples a source gives, and in what order, depends neither on its weight nor on the other sources.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pith {

struct MixtureSource {
  std::string name;          // unique; part of what its order depends on
  double weight = 1.0;       // more than 0, relative to the others
  int64_t num_examples = 0;  // at least 1
  bool shuffle = true;       // false: each pass in the order of the data
};

class Mixture {
 public:
  Mixture(std::vector<MixtureSource> sources, uint64_t seed);

  struct Draw {
    size_t source = 0;
    int64_t example = 0;  // below the source's num_examples
    bool operator==(const Draw&) const = default;
  };
  // Slots first … first + count − 1, in any order of calls. Not thread-safe: it remembers what it counted and shuffled.
  std::vector<Draw> Slots(int64_t first, int64_t count);
  double share(size_t source) const;  // expected, of all slots

 private:
  struct Walk {
    int64_t pass = -1;
    std::vector<int64_t> order;
  };
  std::vector<MixtureSource> sources_;
  uint64_t seed_;
  std::vector<double> cumulated_;             // weights
  std::vector<std::vector<int64_t>> before_;  // [b][source]: slots before slot b · kBlock that drew the source
  std::vector<Walk> walks_;                   // the pass that each source is in

  size_t SourceOf(int64_t slot) const;
  std::vector<int64_t> CountsBefore(int64_t slot);
  int64_t Step(size_t source, int64_t k);
};

}  // namespace pith
