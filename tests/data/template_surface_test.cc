// The whole surface of jinja2 and of Python's types, as tests/tools/jinja_surface_golden.py asked jinja2 about it.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "data/template/chat_template.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

Json Golden(const std::string& name) { return Json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/data/" + name)); }

// What pith refuses although jinja2 renders it, by the first words of the sentence.
constexpr const char* kRefused[] = {
    "pith lacks ",
    "'missing' is undefined, and so has no '__class__'",
};

std::string Template(const std::string& value, const std::string& form) {
  return (value.empty() ? "" : "{% set v = " + value + " %}") + (form.find("{%") != std::string::npos ? form : "{{ " + form + " }}");
}

TEST(JinjaSurface, EqualsJinja2OrIsRefusedByName) {
  const Json golden = Golden("jinja_surface.json");
  TemplateOptions options;
  options.now = golden.at("now").get<std::string>();
  options.kwargs_json = golden.at("context").dump();
  int equal = 0, refused = 0;
  for (const Json& group : golden.at("groups")) {
    for (size_t i = 0; i < group.at("values").size(); ++i) {
      for (size_t k = 0; k < group.at("forms").size(); ++k) {
        const std::string source = Template(group.at("values")[i].get<std::string>(), group.at("forms")[k].get<std::string>());
        const Json& wanted = group.at("texts")[i][k];
        const std::string about = group.at("name").get<std::string>() + ": " + source;
        try {
          const std::string got = ChatTemplate::FromSource(source)->RenderJson("[]", options);
          EXPECT_EQ(Json(got), wanted) << about;
          ++equal;
        } catch (const UserError& error) {
          const std::string text = error.what();
          bool known = wanted.is_number();
          for (const char* words : kRefused) known = known || text.find(words) != std::string::npos;
          EXPECT_TRUE(known) << about << "\nwanted " << wanted << "\n" << text;
          refused += !wanted.is_number();
        }
      }
    }
  }
  EXPECT_GT(equal, 8000);
  EXPECT_LT(refused, 400);
  RecordProperty("equal", equal);
  RecordProperty("refused", refused);
}

// Code points by the block that they are in.
std::map<int64_t, std::string> Blocks(const std::string& ranges, int64_t size) {
  std::map<int64_t, std::string> blocks;
  for (size_t at = 0; at < ranges.size();) {
    const size_t comma = std::min(ranges.find(',', at), ranges.size());
    const std::string range = ranges.substr(at, comma - at);
    const size_t dash = range.find('-');
    const int64_t first = std::stoll(range, nullptr, 16), last = dash == std::string::npos ? first : std::stoll(range.substr(dash + 1), nullptr, 16);
    for (int64_t c = first; c <= last; ++c) AppendUtf8(blocks[c / size * size], static_cast<int32_t>(c));
    at = comma + 1;
  }
  return blocks;
}

TEST(JinjaSurface, EveryCodePointIsWhatPythonSaysOfIt) {
  const Json golden = Golden("jinja_unicode.json");
  std::vector<std::unique_ptr<ChatTemplate>> forms;
  for (const Json& form : golden.at("forms")) forms.push_back(ChatTemplate::FromSource(form.get<std::string>()));
  const auto blocks = Blocks(golden.at("assigned").get<std::string>(), golden.at("block").get<int64_t>());
  ASSERT_EQ(blocks.size(), golden.at("digests").size());
  auto digests = golden.at("digests").begin();
  for (const auto& [first, text] : blocks) {
    TemplateOptions options;
    options.kwargs_json = Json{{"text", text}}.dump();
    const auto wanted = (digests++)->get<std::string>();
    for (size_t i = 0; i < forms.size(); ++i) {
      Sha256 hash;
      hash.Update(forms[i]->RenderJson("[]", options));
      EXPECT_EQ(hash.HexDigest().substr(0, 4), wanted.substr(i * 4, 4)) << "from " << std::hex << first << ": " << golden.at("forms")[i];
    }
  }
}

}  // namespace
}  // namespace pith
