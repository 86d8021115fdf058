// What an adapter does here: its proof, and one whose values are no numbers. And memory that is given back.
#include <cstdint>
#include <thread>

#include "calls.h"

void Proofs(pith_model* model, pith_adapter* adapter) {
  pith_verification exact = pith_verification_default(), rounded = pith_verification_default();
  EXPECT_OK(pith_verify(adapter, nullptr, &exact, &error));
  EXPECT(exact.verdict <= PITH_WITHIN_QUANTISATION && exact.num_findings == 0 && exact.findings[0] == '\0');
  EXPECT(exact.prompts == 16 && std::string(exact.policy) == "exporter" && exact.change > 0 && exact.deviation <= exact.bound && exact.can_hide > 0);
  pith_verify_options options = pith_verify_options_default();
  options.as_run = 1;  // int8 activations: coarser
  EXPECT_OK(pith_verify(adapter, &options, &rounded, &error));
  EXPECT(rounded.num_findings == 0 && rounded.can_hide > exact.can_hide && rounded.base_deviation > exact.base_deviation);
  EXPECT(std::string(pith_verdict_name(exact.verdict)) != "unknown" && std::string(pith_verdict_name(PITH_WITHOUT_EFFECT)) == "without effect");
  EXPECT(std::string(pith_verdict_name(4)) == "unknown");
  EXPECT_REFUSED(pith_verify(nullptr, nullptr, &exact, &error), PITH_INVALID, "adapter is NULL");
  EXPECT_REFUSED(pith_verify(adapter, nullptr, nullptr, &error), PITH_INVALID, "verification is NULL");
  // Beside a request, whose tokens it does not change.
  const Result alone = Run(model, Ask("Count.", 60));
  std::thread beside([&] { EXPECT(pith_verify(adapter, nullptr, &exact, nullptr) == PITH_OK); });
  EXPECT(Run(model, Ask("Count.", 60)) == alone);
  beside.join();
}

// The file with the last of its values no numbers any more: its requests fail, by themselves; its proof tells.
void ABrokenAdapter(pith_model* model, const std::string& path) {
  const std::string file = Slurp(path);
  std::vector<uint64_t> held(file.size() / 8 + 1);
  std::memcpy(held.data(), file.data(), file.size());
  for (size_t at = file.size() - 512; at + 2 <= file.size(); at += 2) {
    const uint16_t nan = 0x7e00;  // of f16
    std::memcpy(reinterpret_cast<char*>(held.data()) + at, &nan, 2);
  }
  pith_adapter* broken = nullptr;
  EXPECT_OK(pith_adapter_open_memory(model, held.data(), file.size(), nullptr, &broken, &error));
  const pith_request good = Ask("Count.", 60);
  const Result alone = Run(model, good);
  pith_request bad = Ask("What is 12 times 7?");
  bad.adapter = broken;
  Gate gate;
  pith_callbacks callbacks = gate.Callbacks();
  pith_job* job = nullptr;
  EXPECT_OK(pith_submit(model, &good, &callbacks, &job, &error));
  gate.Reach();  // it runs
  pith_job *fails = nullptr, *third = nullptr;
  EXPECT_OK(pith_submit(model, &bad, nullptr, &fails, &error));
  EXPECT_OK(pith_submit(model, &good, nullptr, &third, &error));
  gate.Open();
  EXPECT_REFUSED(pith_job_wait(fails, -1, nullptr, &error), PITH_INVALID, "not finite");
  for (pith_job* one : {job, third}) {
    pith_answer* answer = nullptr;
    EXPECT_OK(pith_job_wait(one, -1, &answer, &error));
    EXPECT(Of(answer) == alone);
    pith_answer_free(answer);
    pith_job_free(one);
  }
  pith_job_free(fails);
  pith_verification told = pith_verification_default();
  EXPECT_OK(pith_verify(broken, nullptr, &told, &error));
  EXPECT(told.verdict == PITH_DIFFERENT && told.num_findings > 0 && std::strstr(told.findings, ": ") != nullptr);
  pith_adapter_close(broken);
}

void Memory(pith_model* model) {
  Run(model, Ask("Count.", 60));
  pith_memory before = pith_memory_default(), after = pith_memory_default();
  EXPECT_OK(pith_model_get_memory(model, &before, &error));
  int64_t freed = -1;
  EXPECT_REFUSED(pith_model_trim(model, -1, &freed, &error), PITH_INVALID, "keep_bytes");
  EXPECT_OK(pith_model_trim(model, before.kv_bytes, &freed, &error));
  EXPECT(freed == 0);
  EXPECT_OK(pith_model_trim(model, 0, &freed, &error));
  EXPECT_OK(pith_model_get_memory(model, &after, &error));
  EXPECT(before.kv_bytes > 0 && freed > 0 && after.kv_bytes == before.kv_bytes - freed && after.kv_tokens_free == after.kv_tokens);
  EXPECT_OK(pith_model_trim(model, 0, nullptr, &error));
}
