/* answer MODEL ADAPTER|- KEY=VALUE…: one request, and what came of it as pith-run generate --json writes it (but for text). In C99, against
 * an installed pith alone. */
#include <pith.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count_tokens(void* counts, const pith_token* token) {
  if (token->id >= 0) ++((int*)counts)[token->part];
  return 0;
}

static int set(pith_request* request, const char* key, const char* value) {
  static pith_logit_bias bias[4];
  static const char* stops[4];
  static int32_t stop_ids[4];
  if (strcmp(key, "user") == 0) request->user = value;
  else if (strcmp(key, "prompt") == 0) request->prompt = value;
  else if (strcmp(key, "system") == 0) request->system = value;
  else if (strcmp(key, "max_tokens") == 0) request->max_tokens = atoi(value);
  else if (strcmp(key, "budget") == 0) request->budget_tokens = atoi(value);
  else if (strcmp(key, "think") == 0) request->think_tokens = atoi(value);
  else if (strcmp(key, "answer") == 0) request->answer_tokens = atoi(value);
  else if (strcmp(key, "reserve") == 0) request->reserve_tokens = atoi(value);
  else if (strcmp(key, "close_text") == 0) request->close_text = value;
  else if (strcmp(key, "chains") == 0) request->chains = atoi(value);
  else if (strcmp(key, "temperature") == 0) request->temperature = atof(value);
  else if (strcmp(key, "top_p") == 0) request->top_p = atof(value);
  else if (strcmp(key, "seed") == 0) request->seed = (uint64_t)atoll(value);
  else if (strcmp(key, "min_p") == 0) request->min_p = atof(value);
  else if (strcmp(key, "top_k") == 0) request->top_k = atoi(value);
  else if (strcmp(key, "repetition_penalty") == 0) request->repetition_penalty = atof(value);
  else if (strcmp(key, "presence_penalty") == 0) request->presence_penalty = atof(value);
  else if (strcmp(key, "frequency_penalty") == 0) request->frequency_penalty = atof(value);
  else if (strcmp(key, "min_think") == 0) request->min_think_tokens = atoi(value);
  else if (strcmp(key, "seconds") == 0) request->seconds = atof(value);
  else if (strcmp(key, "pooled") == 0) request->pooled = atoi(value);
  else if (strcmp(key, "sentence") == 0) request->sentence = value;
  else if (strcmp(key, "announcement") == 0) request->announcement = value;
  else if (strcmp(key, "vote") == 0) request->vote = atoi(value);
  else if (strcmp(key, "scale") == 0) request->adapter_scale = atof(value);
  else if (strcmp(key, "stop") == 0 && request->num_stop < 4) {
    stops[request->num_stop++] = value;
    request->stop = stops;
  } else if (strcmp(key, "stop_id") == 0 && request->num_stop_ids < 4) {
    stop_ids[request->num_stop_ids++] = atoi(value);
    request->stop_ids = stop_ids;
  } else if (strcmp(key, "bias") == 0 && strchr(value, '=') != NULL) {
    if (request->num_logit_bias == 4) return 0;
    bias[request->num_logit_bias].token = atoi(value);
    bias[request->num_logit_bias++].bias = (float)atof(strchr(value, '=') + 1);
    request->logit_bias = bias;
  } else return 0;
  return 1;
}

static void print_text(const char* text) {
  putchar('"');
  for (const unsigned char* at = (const unsigned char*)text; *at; ++at) {
    if (*at < 0x20 || *at == '"' || *at == '\\') printf("\\u%04x", *at);
    else putchar(*at);
  }
  putchar('"');
}

static void print_chain(const pith_answer* answer, int chain) {
  size_t count;
  const int32_t* ids = pith_answer_tokens(answer, chain, &count);
  pith_usage usage = pith_usage_default();
  pith_answer_usage(answer, chain, &usage, NULL);
  printf("{\"token_ids\": [");
  for (size_t i = 0; i < count; ++i) printf(i == 0 ? "%d" : ", %d", (int)ids[i]);
  printf("], \"thinking_tokens\": %d, \"answer_tokens\": %d, \"forced_tokens\": %d, \"forced\": %s, ", (int)usage.thinking_tokens,
         (int)usage.answer_tokens, (int)usage.forced_tokens, usage.forced ? "true" : "false");
  if (usage.forced) printf("\"forced_by\": \"%s\", ", pith_forced_by_name(usage.forced_by));
  printf("\"finish\": \"%s\"}", pith_finish_name(usage.finish));
}

int main(int argc, char** argv) {
  pith_error error;
  pith_model_options options = pith_model_options_default();
  pith_model* model;
  pith_adapter* adapter = NULL;
  pith_answer* answer;
  pith_request request = pith_request_default();
  int parts[3] = {0, 0, 0};
  if (argc < 3) return 2;
  if (pith_model_open(argv[1], &options, &model, &error)) return fprintf(stderr, "%s\n", error.message), 2;
  if (strcmp(argv[2], "-") != 0 && pith_adapter_open(model, argv[2], NULL, &adapter, &error)) return fprintf(stderr, "%s\n", error.message), 2;
  request.adapter = adapter;
  for (int i = 3; i < argc; ++i) {
    char* equals = strchr(argv[i], '=');
    if (equals == NULL) return 2;
    *equals = '\0';
    if (!set(&request, argv[i], equals + 1)) return fprintf(stderr, "unknown: %s\n", argv[i]), 2;
  }
  if (pith_generate(model, &request, count_tokens, parts, &answer, &error)) return fprintf(stderr, "%s\n", error.message), 2;
  pith_vote vote = pith_vote_default();
  if (pith_answer_vote(answer, &vote, &error)) return fprintf(stderr, "%s\n", error.message), 2;
  printf("{\"parts\": [%d, %d, %d], \"text\": ", parts[0], parts[1], parts[2]);
  print_text(pith_answer_text(answer, vote.chain, NULL));
  printf(", \"chains\": [");
  for (int i = 0; i < pith_answer_chains(answer); ++i) {
    if (i > 0) printf(", ");
    print_chain(answer, i);
  }
  printf("], \"winner\": %d, \"vote\": ", (int)vote.chain);
  print_text(vote.answer);
  printf("}\n");
  pith_answer_free(answer);
  pith_adapter_close(adapter);
  return pith_model_close(model) == PITH_OK ? 0 : 1;
}
