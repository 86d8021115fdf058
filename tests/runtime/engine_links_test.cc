// What a program that runs the engine needs: this one is linked with runtime, its kernels, adapters and data/text alone.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace pith {
namespace {

TEST(EngineLinks, NeitherYamlNorLibTorch) {
  std::ifstream maps("/proc/self/maps");
  const std::string loaded(std::istreambuf_iterator<char>(maps), {});
  ASSERT_NE(loaded.find("libstdc++"), std::string::npos) << "no libraries are listed: this test sees nothing";
  for (const char* library : {"libyaml-cpp", "libtorch", "libc10"}) EXPECT_EQ(loaded.find(library), std::string::npos) << library;
}

}  // namespace
}  // namespace pith
