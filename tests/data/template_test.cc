#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/rng.h"
#include "data/template/chat_template.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

Json Golden() { return Json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/data/templates.json")); }

// What the template gives, or "error: …".
std::string Rendered(const std::string& source, const std::string& messages, const TemplateOptions& options) {
  try {
    return ChatTemplate::FromSource(source)->RenderJson(messages, options);
  } catch (const UserError& error) {
    return std::string("error: ") + error.what();
  }
}
std::string Refused(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}
std::string Rendered(const std::string& source) { return Rendered(source, "[]", {}); }

void ExpectCase(const std::string& got, const Json& expected, const std::string& about) {
  if (expected.contains("error")) {
    EXPECT_TRUE(got.starts_with("error: chat template, line ")) << about << "\n" << got;
  } else {
    EXPECT_EQ(got, expected.at("text").get<std::string>()) << about;
  }
}

TEST(ChatTemplate, SnippetsRenderAsJinja2) {
  const Json golden = Golden();
  TemplateOptions options;
  options.kwargs_json = golden.at("data").dump();
  options.bos = "<s>";
  options.now = golden.at("now").get<std::string>();
  ASSERT_GT(golden.at("snippets").size(), 100u);
  for (const Json& snippet : golden.at("snippets")) {
    const auto source = snippet.at("template").get<std::string>();
    ExpectCase(Rendered(source, golden.at("snippet_messages").dump(), options), snippet, source);
  }
}

void ExpectModel(const std::string& name, const ChatTemplate& chat) {
  const Json golden = Golden();
  const Json& expected = golden.at("models").at(name);
  for (size_t i = 0; i < expected.size(); ++i) {
    const Json& c = golden.at("conversations").at(i);
    TemplateOptions options;
    options.add_generation_prompt = c.value("gen", false);
    if (c.contains("tools")) options.tools_json = c.at("tools").dump();
    if (c.contains("kwargs")) options.kwargs_json = c.at("kwargs").dump();
    options.bos = "<s>";
    options.eos = "</s>";
    options.now = golden.at("now").get<std::string>();
    std::string got;
    try {
      got = chat.RenderJson(c.at("messages").dump(), options);
    } catch (const UserError& error) {
      got = std::string("error: ") + error.what();
    }
    ExpectCase(got, expected.at(i), name + ", conversation " + std::to_string(i));
  }
}

TEST(ChatTemplate, DemoModelsTemplate) {
  if (!FileExists(PITH_DEMO_MODEL))
    GTEST_SKIP() << "needs the demo model at " << PITH_DEMO_MODEL << "; run ./pith setup";
  const auto chat = ChatTemplate::Load(PITH_DEMO_MODEL);
  ExpectModel("demo", *chat);
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  EXPECT_EQ(chat->Render(messages, true),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, RealTemplates) {
  const char* folder = std::getenv("PITH_TEMPLATES");
  if (folder == nullptr) GTEST_SKIP() << "PITH_TEMPLATES names no folder of chat templates (*.jinja)";
  const Json golden = Golden();
  for (const auto& [name, expected] : golden.at("models").items()) {
    if (name != "demo") ExpectModel(name, *ChatTemplate::FromSource(ReadFile(std::string(folder) + "/" + name)));
  }
}

// Templates after what model families use, over conversations; made by tests/tools/chat_features_golden.py.
TEST(ChatTemplate, FeaturesOfModelFamiliesRenderAsJinja2) {
  const Json golden = Json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/data/chat_features.json"));
  const auto expect = [&](const std::string& source, const Json& c, const Json& wanted) {
    TemplateOptions options;
    options.add_generation_prompt = c.at("gen").get<bool>();
    if (!c.at("tools").is_null()) options.tools_json = c.at("tools").dump();
    options.kwargs_json = c.at("kwargs").dump();
    options.now = golden.at("now").get<std::string>();
    std::string text;
    try {
      text = ChatTemplate::FromSource(source)->RenderJson(c.at("messages").dump(), options);
    } catch (const UserError& error) {
      EXPECT_TRUE(wanted.is_null()) << error.what() << "\n" << source << "\n" << c.dump();
      return;
    }
    EXPECT_EQ(Json(text), wanted) << source << "\n" << c.dump();
  };
  for (const Json& entry : golden.at("templates")) {
    for (size_t i = 0; i < entry.at("texts").size(); ++i) {
      expect(entry.at("source").get<std::string>(), golden.at("cases").at(i), entry.at("texts").at(i));
    }
  }
  for (const Json& entry : golden.at("snippets")) expect(entry.at("source").get<std::string>(), golden.at("plain"), entry.at("text"));
}

TEST(ChatTemplate, FromAFolder) {
  const std::string folder = Scratch("template_folder");
  MakeFolders(folder);
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  WriteFile(folder + "/tokenizer_config.json", R"({"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template":
      [{"name": "tool_use", "template": "no"}, {"name": "default",
       "template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}]})");
  EXPECT_EQ(ChatTemplate::Load(folder)->Render(messages, false), "<b>Hi<e>");
  WriteFile(folder + "/chat_template.jinja", "{{ messages[0].role }}{{ eos_token }}");
  auto chat = ChatTemplate::Load(folder);
  EXPECT_EQ(chat->Render(messages, false), "user<e>") << "chat_template.jinja goes first";
  chat->SetSpecial("", "<E>");
  EXPECT_EQ(chat->Render(messages, false), "user<E>");
  std::remove((folder + "/chat_template.jinja").c_str());
  WriteFile(folder + "/tokenizer_config.json", "{}");
  EXPECT_THROW(ChatTemplate::Load(folder), UserError);
}

// As good as none: the sentence is about the template, not about what an adapter would need of it.
TEST(ChatTemplate, OfNothingIsNone) {
  const std::string folder = Scratch("blank_template");
  MakeFolders(folder);
  for (const char* blank : {"", " \n"}) {
    WriteFile(folder + "/chat_template.jinja", blank);
    EXPECT_NE(Refused([&] { ChatTemplate::Load(folder); }).find("has no chat template"), std::string::npos);
    GgufWriter writer;
    writer.Set("general.architecture", std::string("llama"));
    writer.Set("tokenizer.chat_template", std::string(blank));
    writer.Write(folder + "/x.gguf");
    EXPECT_NE(Refused([&] { ChatTemplate::Load(folder + "/x.gguf"); }).find("has no chat template"), std::string::npos);
  }
}

TEST(ChatTemplate, TheClockCanBePinned) {
  const auto chat = ChatTemplate::FromSource("{{ strftime_now('%d %b %Y, %A') }}");
  chat->SetNow("2024-02-29");
  EXPECT_EQ(chat->Render({}, false), "29 Feb 2024, Thursday");
  TemplateOptions options;
  options.now = "1999-12-31T23:59:58";
  EXPECT_EQ(chat->RenderJson("[]", options), "31 Dec 1999, Friday");
  for (const char* bad : {"yesterday", "2024-13-01", "2024-01-01T25:00", "2024-01-01x", "2024-01"}) {
    EXPECT_THROW(chat->SetNow(bad), UserError) << bad;
  }
}

TEST(ChatTemplate, UnsupportedConstructsAreNamedWithTheirLine) {
  const struct {
    const char *source, *named;
  } cases[] = {
      {"a\nb\n{{ x|wordwrap(3) }}", "line 3: pith lacks the filter 'wordwrap'"},
      {"\n{% include 'x' %}", "line 2: pith lacks the statement '{% include %}'"},
      {"{% extends 'x' %}", "'{% extends %}'"},
      {"{{ 'a'.encode() }}", "pith lacks 'encode' of a str"},
      {"{{ ('a'|safe).striptags() }}", "pith lacks 'striptags' of a str"},
      {"{{ lipsum() }}", "pith lacks the function 'lipsum'"},
      {"\n{{ '\\N{BULLET} x' }}", "line 2: pith lacks '\\N{…}' in a string"},
      {"{% macro m(a) %}{% endmacro %}{{ m.arguments }}", "pith lacks 'arguments' of a Macro"},
      {"{% if x is escapable %}{% endif %}", "test 'escapable'"},
      {"{% for y in x %}\n{{ 'a'|nope }}\n{% endfor %}", "line 2: pith lacks the filter 'nope'"},
      {"{% if not x %}\n{{ 'a'|nope }}\n{% endif %}", "line 2: pith lacks the filter 'nope'"},
      {"{{ 2 ** 100 }}", "beyond 64 bits"},
      {"{{ (-8) ** 0.5 }}", "pith lacks complex numbers"},
      {"{{ '99999999999999999999'|int }}", "pith lacks integers beyond 64 bits"},
      {"{{ '{:#}'.format(1.5) }}", "pith lacks the format '#'"},
  };
  for (const auto& c : cases) EXPECT_NE(Rendered(c.source).find(c.named), std::string::npos) << Rendered(c.source);
}

// Not "undefined": that would send the reader to look for a variable.
TEST(ChatTemplate, AttributesThatAreNotThereAreNamedWithTheirType) {
  const struct {
    const char *source, *named;
  } cases[] = {
      {"{{ 'a'.nope() }}", "a str has no 'nope', and so cannot be called"},
      {"{{ {}.nope.x }}", "a dict has no 'nope', and so has no 'x'"},
      {"{{ [].append(1) }}", "a template may not reach 'append' of a list"},
      {"{{ ''.__class__.mro() }}", "a template may not reach '__class__' of a str"},
      {"{{ nope() }}", "'nope' is undefined, and so cannot be called"},
      {"{{ 'a'.split(1, 2, 3) }}", "'split' takes at most 2 arguments, not 3"},
      {"{{ 'a'.replace('b') }}", "'replace' needs the argument 'new'"},
      {"{{ 'a'.startswith(prefix='a') }}", "'startswith' has no use for the argument 'prefix'"},
  };
  for (const auto& c : cases) EXPECT_NE(Rendered(c.source).find(c.named), std::string::npos) << Rendered(c.source);
}

TEST(ChatTemplate, BadInputIsRefusedWithASentence) {
  const auto chat = ChatTemplate::FromSource("{{ messages }}");
  EXPECT_THROW(chat->RenderJson("{}", {}), UserError);
  EXPECT_THROW(chat->RenderJson("[1]", {}), UserError);
  EXPECT_THROW(chat->RenderJson("[", {}), UserError);
  EXPECT_THROW(chat->RenderJson("[{\"a\": 18446744073709551615}]", {}), UserError);
  EXPECT_THROW(chat->RenderJson(std::string(5000, '[') + std::string(5000, ']'), {}), UserError);
  EXPECT_TRUE(Rendered("", "[{\"role\": x}]", {}).ends_with("the messages: not valid JSON (column 11)")) << Rendered("", "[{\"role\": x}]", {});
  EXPECT_TRUE(Rendered("", "[{\n", {}).ends_with("the messages: not valid JSON (it breaks off at the end)")) << Rendered("", "[{\n", {});
  TemplateOptions options;
  options.kwargs_json = "[]";
  EXPECT_THROW(chat->RenderJson("[]", options), UserError);
}

std::string Times(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Each would hang, exhaust memory or overflow the stack if it were believed.
TEST(ChatTemplate, HostileTemplatesEndInAnError) {
  const std::string loops = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
  const std::string hostile[] = {
      loops,
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
      "{{ 'x' * 100000000000 }}",
      "{{ [1] * 100000000000 }}",
      "{{ 'x' * 60000000 }}",  // more than one text may have; then more than may be rendered
      "{{ 'x' * 20000000 }}{{ 'x' * 20000000 }}",
      "{% filter upper %}{{ 'x' * 20000000 }}{% for i in 'ab' %}{{ 'x' * 10000000 }}{% endfor %}{% endfilter %}",
      "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
      "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s.replace('x', 'xx') %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l "
      "}}{{ ns.l|string|length }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson "
      "}}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{{ " + Times("(", 100000) + "1" + Times(")", 100000) + " }}",
      "{{ " + Times("not ", 100000) + "1 }}",
      "{{ " + Times("-", 100000) + "1 }}",
      "{{ 1" + Times(" + 1", 100000) + " }}",
      "{{ a" + Times(".a", 100000) + " }}",
      Times("{% if true %}", 10000) + Times("{% endif %}", 10000),
      "{{ range(100000)|list|map('string')|list|join('" + std::string(10000, 'y') + "') }}",
      "{{ '%999999999d' % 1 }}",
      "{{ 'x'.zfill(100000000000) }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ (-9223372036854775807 - 1) // -1 }}",
      "{{ 3 ** 1000000000 }}",
      // Chains of things that hold lists without being lists.
      "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = [ns.x]|reverse %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = [ns.x.index] %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% for y in [ns.x] %}{% set ns.x = loop %}{% endfor %}{% endfor %}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{% for x in [1, 2] recursive %}{% for i in range(5) %}{{ loop([1, 2]) }}{% endfor %}{% endfor %}",
      "{{ 'x'.center(100000000000) }}",
      "{{ 'x'|center(9223372036854775807) }}",
      "{{ [1]|slice(100000000000)|list }}",
      "{{ 0xFFFFFFFFFFFFFFFFFF }}",
      "{{ 0 ** -1 }}",
      "{{ 'x'|indent(1000000000) }}",
      "{{ [1]|tojson(indent=1000000000) }}",
      // Much work for each step, were it not paid for by the length of the text.
      "{% set a = 'ab' * 500000 %}{% for i in range(100000) %}{% if ('ba' * 200000 ~ 'c') in a %}{% endif %}{% endfor %}",
      "{% set a = 'x' * 1000000 %}{% for i in range(100000) %}{% set b = a|length %}{% endfor %}",
      "{% set a = ' ' * 1000000 %}{% for i in range(100000) %}{% set b = a.strip() %}{% endfor %}",
      "{% set a = 'x' * 1200000 %}{{ ('\U0010FFFF' * 100000).translate(a) }}",
      "{{ ('a' * 300000).translate({98: 'b'}) }}{{ ('a' * 3000000).translate({97: 'b' * 1000}) }}",
      "{{ 'a\\t'.expandtabs(100000000000) }}",
      "{{ ('\\t' * 1000000).expandtabs(1000) }}",
      "{{ [1]|batch(9223372036854775807, 0)|list }}",
      "{{ '%*d' % (100000000000, 1) }}",
      "{{ '{:>{}}'.format(1, 100000000000) }}",
      "{{ range(0, 9000000000000000000, 5000000000000000000)[::3] }}",
      "{% set ns = namespace(x=1) %}{% for i in range(99999) %}{% set ns.x = cycler(ns.x) %}{% endfor %}",
      "{% set ns = namespace(x=1) %}{% for i in range(99999) %}{% set ns.x = joiner(ns.x) %}{% endfor %}",
      "{% set ns = namespace(x={}) %}{% for i in range(99999) %}{% set ns.x = {1: ns.x}.values() %}{% endfor %}",
      "{{ strftime_now('" + std::string(100000, 'x') + "') }}",
      std::string(2 << 20, 'x'),
  };
  for (const std::string& source : hostile) {
    EXPECT_TRUE(Rendered(source).starts_with("error: ")) << source.substr(0, 200);
  }
}

// Pieces of good templates, cut and shuffled: rendered, or refused by a UserError; never anything else.
TEST(ChatTemplate, RandomDamageNeverCrashes) {
  const Json golden = Golden();
  TemplateOptions options;
  options.kwargs_json = golden.at("data").dump();
  Rng rng(9);
  const auto pick = [&]() -> std::string {
    const Json& snippets = golden.at("snippets");
    return snippets.at(static_cast<size_t>(rng.Int(0, static_cast<int64_t>(snippets.size()) - 1)))
        .at("template")
        .get<std::string>();
  };
  int rendered = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string source = pick();
    for (int64_t n = rng.Int(0, 3); n > 0; --n) {
      const std::string other = pick();
      const auto at = static_cast<size_t>(rng.Int(0, static_cast<int64_t>(source.size())));
      const auto from = static_cast<size_t>(rng.Int(0, static_cast<int64_t>(other.size())));
      switch (rng.Int(0, 3)) {
        case 0: source.insert(at, other.substr(from, static_cast<size_t>(rng.Int(1, 12)))); break;
        case 1: source.erase(at, static_cast<size_t>(rng.Int(1, 6))); break;
        case 2: source += other; break;
        default: source.insert(at, 1, static_cast<char>(rng.Int(0, 255)));
      }
    }
    (Rendered(source, "[{\"role\": \"user\", \"content\": \"x\"}]", options).starts_with("error: ") ? refused
                                                                                                    : rendered) += 1;
  }
  EXPECT_GT(rendered, 300);
  EXPECT_GT(refused, 300);
}

// Cycles and long chains of namespaces, and macros that outlive their scope, neither leak nor crash.
TEST(ChatTemplate, OddButHarmless) {
  EXPECT_EQ(Rendered("{% set n = namespace() %}{% set n.self = n %}{{ n.self.self.x is defined }}"), "False");
  EXPECT_EQ(
      Rendered(
          "{% set h = namespace(n=none) %}{% for i in range(50000) %}{% set h.n = namespace(p=h.n) %}{% endfor %}ok"),
      "ok");
  EXPECT_EQ(Rendered("{% set h = namespace() %}{% for i in [7] %}{% macro m() %}{{ i }}{% endmacro %}{% set h.m = m "
                     "%}{% endfor %}{{ h.m() }}"),
            "7");
  EXPECT_EQ(Rendered("{% set h = namespace() %}{% for i in [7, 8] %}{% set h.l = loop %}{% endfor %}{{ h.l.length }}"),
            "2");
  EXPECT_EQ(Rendered("{{ -9223372036854775807 - 1 }} {{ (0 - 9223372036854775807 - 1) % -1 }}"),
            "-9223372036854775808 0");
}

}  // namespace
}  // namespace pith
