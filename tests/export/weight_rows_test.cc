#include "export/weight_rows.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "adapters/peft.h"

namespace pith {
namespace {

// Several threads ask for the same tensor and for others at once.
TEST(WeightRows, ManyCallersAtOnce) {
  const auto base = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama");
  const LoraAdapter adapter = ReadPeft(PITH_TEST_GOLDEN "/tiny-lora");
  const std::vector<std::string> names = {"blk.0.attn_q.weight", "blk.1.ffn_down.weight", "token_embd.weight"};
  std::vector<WeightRows> rows;
  std::vector<std::vector<uint8_t>> expected;
  for (const std::string& name : names) {
    rows.emplace_back(*base, name, RopeLayout::kInterleaved, &adapter);
    expected.push_back(rows.back().ToBytes(TensorType::kQ8_0));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      for (size_t i = 0; i < 40; ++i) {
        const size_t which = (caller + i) % names.size();
        wrong += rows[which].ToBytes(TensorType::kQ8_0) != expected[which];
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace pith
