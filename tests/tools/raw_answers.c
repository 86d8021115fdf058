/* raw_answers MODEL ADAPTER|- TOKENS THREADS: greedy answers to prompts on standard input, each ended by a zero byte; a line of token ids for each, all decoded
 * together. Activations and KV in float32. For greedy_agreement.py, which builds it against libpith. */
#include <pith.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 4096

int main(int argc, char** argv) {
  static char text[1 << 22];
  static pith_job* jobs[MOST];
  pith_error error;
  pith_model* model;
  pith_adapter* adapter = NULL;
  if (argc < 5) return 2;
  pith_model_options options = pith_model_options_default();
  options.activations = PITH_ACTIVATIONS_F32;
  options.kv_type = PITH_KV_F32;
  options.threads = atoi(argv[4]);
  options.max_batch = 16;
  options.kv_tokens = 16384;
  options.log = pith_log_to_stderr;
  pith_adapter_options any = pith_adapter_options_default();
  any.any_base = 1;
  if (pith_model_open(argv[1], &options, &model, &error)) return fprintf(stderr, "%s\n", error.message), 2;
  if (strcmp(argv[2], "-") != 0 && pith_adapter_open(model, argv[2], &any, &adapter, &error)) return fprintf(stderr, "%s\n", error.message), 2;
  const size_t bytes = fread(text, 1, sizeof(text) - 1, stdin);
  int count = 0;
  for (const char* at = text; at < text + bytes && count < MOST; at += strlen(at) + 1, ++count) {
    pith_request request = pith_request_default();
    request.prompt = at;
    request.adapter = adapter;
    request.max_tokens = atoi(argv[3]);
    if (pith_submit(model, &request, NULL, &jobs[count], &error)) return fprintf(stderr, "%s\n", error.message), 2;
  }
  for (int i = 0; i < count; ++i) {
    pith_answer* answer;
    size_t tokens;
    if (pith_job_wait(jobs[i], -1, &answer, &error)) return fprintf(stderr, "%s\n", error.message), 2;
    const int32_t* ids = pith_answer_tokens(answer, 0, &tokens);
    for (size_t t = 0; t < tokens; ++t) printf("%d ", (int)ids[t]);
    printf("\n");
    pith_answer_free(answer);
    pith_job_free(jobs[i]);
  }
  pith_adapter_close(adapter);
  return pith_model_close(model) == PITH_OK ? 0 : 1;
}
