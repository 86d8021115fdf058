// pith-run verify on files as they are and as they should not be.
#include <functional>

#include "base/gguf.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

using nlohmann::json;

class VerifyTest : public RunProgramTest {
 protected:
  std::string Export(TensorType type, const std::string& name = "a.gguf") {
    AdapterOptions options{kAlora, model_, type, folder_ / name};
    RunAdapter(options);
    return options.out;
  }

  // A copy of a GGUF, as `change` leaves its metadata and tensors.
  using Tensors = std::map<std::string, std::vector<float>>;
  std::string Changed(const std::string& from, const std::function<void(GgufWriter*, Tensors*)>& change) {
    const GgufFile file(from);
    GgufWriter writer;
    writer.CopyMetadata(file);
    Tensors values;
    std::map<std::string, TensorView> views;
    for (const GgufTensor& tensor : file.tensors()) {
      views[tensor.name] = file.Tensor(tensor.name);
      values[tensor.name] = views[tensor.name].ToF32();
    }
    change(&writer, &values);
    for (auto& [name, data] : values) {
      TensorView view = views[name];
      view.type = TensorType::kF32;
      view.data = reinterpret_cast<const uint8_t*>(data.data());
      writer.Add(name, view);
    }
    writer.Write(folder_ / "changed.gguf");
    return folder_ / "changed.gguf";
  }

  json Verify(const std::string& model, const std::string& adapter, int code, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"verify", "--model", model, "--adapter", adapter, "--threads", "1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err << outcome.out;
    return json::parse(outcome.out);
  }

  void ExpectFinding(const json& result, const std::string& kind, const std::string& words) {
    for (const json& finding : result["findings"]) {
      if (finding["kind"] == kind && finding["sentence"].get<std::string>().find(words) != std::string::npos) return;
    }
    ADD_FAILURE() << "wants " << kind << ": " << words << "\n" << result.dump(1);
  }
};

TEST_F(VerifyTest, AGoodFile) {
  const std::string exact = Export(TensorType::kF32);
  const json equal = Verify(model_, exact, 0);
  EXPECT_EQ(equal["verdict"], "equal");
  EXPECT_EQ(equal["policy"], "exporter");
  EXPECT_EQ(equal["prompts"], 16);
  EXPECT_LT(equal["can_hide"], 1e-4);
  const json q8 = Verify(model_, Export(TensorType::kQ8_0, "q8.gguf"), 0);
  EXPECT_EQ(q8["verdict"], "within quantisation");
  EXPECT_GT(q8["deviation"], q8["equal_bound"]);
  for (const char* activations : {"bf16", "int8"}) {
    for (const char* kv : {"f16", "f32"}) {
      EXPECT_EQ(Verify(model_, exact, 0, {"--activations", activations, "--kv", kv})["verdict"], "within quantisation") << activations << " " << kv;
    }
  }
  const Outcome text = Run({"verify", "--model", model_, "--adapter", exact, "--threads", "1"});
  EXPECT_EQ(text.code, 0);
  EXPECT_EQ(text.out.rfind("equal\nproof          16 prompts by the exporter, change ", 0), 0u) << text.out;
  EXPECT_NE(Run({"info", exact}).out.find("16 prompts by the exporter, change "), std::string::npos);
}

TEST_F(VerifyTest, WhatIsWrongIsNamed) {
  const std::string good = Export(TensorType::kF32);
  const auto wrong = [&](const std::function<void(GgufWriter*, Tensors*)>& change) { return Verify(model_, Changed(good, change), 1); };
  const std::string q = "blk.0.attn_q.weight", k1 = "blk.1.attn_k.weight", k0 = "blk.0.attn_k.weight";

  EXPECT_EQ(Verify(model_, Changed(good, [](GgufWriter*, Tensors*) {}), 0)["verdict"], "equal");
  const json doubled = wrong([](GgufWriter* writer, Tensors*) { writer->Set("adapter.lora.alpha", 32.0); });
  EXPECT_EQ(doubled["verdict"], "different");
  ExpectFinding(doubled, "scale", "off by a factor of 2");
  ExpectFinding(wrong([&](GgufWriter*, Tensors* tensors) {
    tensors->erase(q + ".lora_a");
    tensors->erase(q + ".lora_b");
  }), "pairs", q + " is missing");
  ExpectFinding(wrong([&](GgufWriter*, Tensors* tensors) {
    std::swap((*tensors)[k0 + ".lora_a"], (*tensors)[k1 + ".lora_a"]);
    std::swap((*tensors)[k0 + ".lora_b"], (*tensors)[k1 + ".lora_b"]);
  }), "pairs", k0 + " holds what belongs to " + k1);
  ExpectFinding(wrong([&](GgufWriter*, Tensors* tensors) { (*tensors)[q + ".lora_b"][77] += 1; }), "pairs", q + " holds other values");
  ExpectFinding(wrong([](GgufWriter* writer, Tensors*) { writer->Set("adapter.alora.invocation_tokens", std::vector<int64_t>{67, 270}); }), "invocation", "begins to act elsewhere");
  const json nothing = wrong([](GgufWriter*, Tensors* tensors) {
    for (auto& [name, values] : *tensors) {
      if (name.ends_with(".lora_b")) values.assign(values.size(), 0);
    }
  });
  EXPECT_EQ(nothing["verdict"], "without effect");
  ExpectFinding(nothing, "effect", "changes nothing");
}

TEST_F(VerifyTest, AnotherBaseOrTemplateIsNamed) {
  const std::string good = Export(TensorType::kF16);
  RunConvert({kFolder, {TensorType::kQ8_0, {}}, folder_ / "q8.gguf"});
  const json other = Verify(folder_ / "q8.gguf", good, 1);
  EXPECT_EQ(other["verdict"], "different");
  ExpectFinding(other, "base", "the base is another");
  EXPECT_EQ(Verify(folder_ / "q8.gguf", good, 0, {"--any-base"})["verdict"], "within quantisation");

  const std::string rendered = Changed(model_, [&](GgufWriter* writer, Tensors*) {
    writer->Set("tokenizer.chat_template", "{{ ' ' }}" + GgufFile(model_).Get<std::string>("tokenizer.chat_template"));
  });
  ExpectFinding(Verify(rendered, good, 1), "template", "renders the proof's prompts otherwise");
}

TEST_F(VerifyTest, Refusals) {
  ExpectRefusal({"verify", "--model", model_, "--adapter", Adapter("old.gguf", "")}, "carries no proof");
  ExpectRefusal({"verify", "--model", model_}, "--adapter is missing");
  ExpectRefusal({"verify", "--model", model_, "--adapter", kAlora}, "is a PEFT folder");
}

}  // namespace
}  // namespace pith
