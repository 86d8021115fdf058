/* pith: a language model on this device, with LoRA reasoning adapters that are switched over one KV cache.
 *
 * C99 and C++. docs/c-api.md has a program of sixty lines, and how to build with what `cmake --install` lays down.
 *
 * Handles. pith_model, pith_adapter, pith_conversation, pith_job and pith_answer are the library's; whoever made one frees it, once, by
 * the function that the handle names, and not while another thread uses it. NULL is freed by doing nothing. They may be freed in any
 * order: what one needs of another lives on inside; after pith_model_close the others answer PITH_CLOSED. A handle that was freed, or is
 * of another kind, is refused where that can be told.
 *
 * Structs that you fill in begin with their size and are zero else: zero is every field's default. So a program that was built with an
 * older header goes on with a newer library. The functions pith_…_default() below make such structs:
 *
 *     pith_request request = pith_request_default();
 *     request.user = "What is 12 times 7?";
 *
 * Structs that you have filled in for you (pith_usage, pith_memory, pith_adapter_info, pith_model_info, pith_verification, pith_vote) begin with their size, too: set
 * it, or make them by their pith_…_default().
 *
 * Texts are UTF-8 and end in a zero byte. What you give is copied before a function returns, unless it says otherwise; what is given
 * to you lives as long as is said there. Strings that are not UTF-8 are refused.
 *
 * Errors. Functions that can fail return a pith_status; a last argument of type pith_error*, which may be NULL, receives it too, with a
 * sentence that says what was got, what was expected and what to do. Nothing throws or aborts across this interface, and where a
 * function fails it has done nothing: pointers that it would have set are NULL.
 *
 * Threads. Every function may be called from any thread at any time, but for freeing what another uses. A model has one thread of its own that
 * runs it, beside those that compute; it calls your callbacks. In a callback you may call everything but pith_generate, pith_job_wait
 * and pith_model_close, which would wait for the very thread that calls them and return PITH_IN_CALLBACK. A callback should be
 * short: no model goes on while it runs.
 *
 * There is no global state: models share nothing but read-only pages of the same file. Nothing is written to stdout or stderr unless
 * you pass pith_log_to_stderr.
 */
#ifndef PITH_H_
#define PITH_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Counts incompatible changes of this header; the shared library has it in its name (libpith.so.1). */
#define PITH_ABI 1

#if defined(__GNUC__)
#define PITH_API __attribute__((visibility("default")))
#else
#define PITH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version, errors ------------------------------------------------------------------------------------------------------- */

PITH_API const char* pith_version(void); /* "0.2.0" */
PITH_API int32_t pith_abi(void);         /* the library's PITH_ABI: differs from yours where you were built for another */

typedef enum pith_status {
  PITH_OK = 0,
  PITH_INVALID = 1,     /* an argument, a file or a request that cannot be used: the sentence says why */
  PITH_NO_MEMORY = 2,
  PITH_INTERNAL = 3,    /* a fault in pith, or of the system */
  PITH_TIMEOUT = 4,     /* pith_job_wait: not yet */
  PITH_CLOSED = 5,      /* the model was closed */
  PITH_IN_CALLBACK = 6  /* would wait for the thread that calls it */
} pith_status;

typedef struct pith_error {
  int32_t status;     /* a pith_status */
  char message[1020]; /* one sentence, cut where it is longer; "" with PITH_OK */
} pith_error;

PITH_API const char* pith_status_name(int32_t status); /* "ok", "invalid", "no memory", …; "unknown" */

/* ---- Log ------------------------------------------------------------------------------------------------------------------- */

typedef enum pith_log_level { PITH_LOG_INFO = 0, PITH_LOG_WARNING = 1 } pith_log_level;

/* A line without its end. Called by whichever thread has something to say of the model that it was given to, maybe by two at a time.
 * It must not call pith. */
typedef void (*pith_log_fn)(void* user_data, int32_t level, const char* text);
/* One to give: writes "pith: text" and "pith: warning: text". user_data is not looked at. */
PITH_API void pith_log_to_stderr(void* user_data, int32_t level, const char* text);

/* ---- Models ---------------------------------------------------------------------------------------------------------------- */

typedef struct pith_model pith_model; /* pith_model_close */

typedef enum pith_activations { PITH_ACTIVATIONS_INT8 = 0, PITH_ACTIVATIONS_BF16 = 1, PITH_ACTIVATIONS_F32 = 2 } pith_activations;
typedef enum pith_kv_type { PITH_KV_F16 = 0, PITH_KV_INT8 = 1, PITH_KV_F32 = 2 } pith_kv_type;

typedef struct pith_model_options {
  size_t struct_bytes;
  pith_log_fn log; /* NULL: nothing is told */
  void* log_user_data;
  const char* cpus;            /* where it runs: "4-7", "0,2", "all"; NULL: where cores differ the fast ones, else all. The calling thread stays where it is */
  int32_t threads;             /* that compute, 1 to 1024; 0: one for each of those CPUs */
  int32_t activations;         /* a pith_activations: what weights are multiplied by */
  int32_t kv_type;             /* a pith_kv_type: keys and values */
  int32_t max_batch;           /* sequences decoded together, 1 to 1024; 0: 32 */
  int64_t kv_tokens;           /* capacity of the KV cache over all requests and conversations, up to 16777216; 0: 8192. Memory is taken as it fills */
  double max_stall;            /* a step that also reads prompts lasts at most so many plain ones (more than 1); 0: no bound */
  const char* template_now;    /* time that the chat template tells: "2024-07-26T10:00:00"; NULL: the real one */
  const char* template_kwargs; /* further variables of the chat template, a JSON object: {"enable_thinking": false}; NULL: none. The log is told of those
                                  that it does not ask for, and of a time likewise */
  int64_t kv_max_bytes;        /* memory that keys and values may take: as many tokens as have room in both; 0: no limit but kv_tokens */
} pith_model_options;

/* A GGUF file (of a split model: any part), or a Hugging Face folder. The file is mapped, not read: it must not be written to or cut
 * short while the model is open. options may be NULL. */
PITH_API pith_status pith_model_open(const char* path, const pith_model_options* options, pith_model** model, pith_error* error);
/* A GGUF file that lies in an open file, such as an APK's asset that is stored uncompressed: `bytes` from `offset` on, a multiple of 4
 * (0 bytes: to the end). The descriptor stays yours, and may be closed as soon as this returns. */
PITH_API pith_status pith_model_open_fd(int fd, uint64_t offset, uint64_t bytes, const pith_model_options* options, pith_model** model,
                                        pith_error* error);
/* A GGUF file in memory, used in place: it must stay as it is until pith_model_close has returned. At an address that is a multiple of 4. */
PITH_API pith_status pith_model_open_memory(const void* data, size_t bytes, const pith_model_options* options, pith_model** model,
                                            pith_error* error);
/* Ends what runs (those who wait get PITH_CLOSED), then frees. Callbacks of the model have all returned when this does, and may use it until then. */
PITH_API pith_status pith_model_close(pith_model* model);
/* Cancels all requests of the model. */
PITH_API pith_status pith_model_cancel(pith_model* model, pith_error* error);

typedef struct pith_model_info {
  size_t struct_bytes;
  const char* architecture; /* as the file names it; these texts live as long as the model */
  const char* name;         /* as the file says; "" where it does not */
  int64_t context_tokens;   /* of a sequence, prompt and answer together */
  int64_t vocabulary;       /* tokens */
  int64_t layers;
  int32_t has_chat_template; /* without one requests are prompts, raw texts or token ids */
  int32_t has_think_token;   /* </think> is one token: thoughts can be closed by it */
} pith_model_info;
PITH_API pith_status pith_model_get_info(const pith_model* model, pith_model_info* info, pith_error* error);
/* Identity of the base: SHA-256 of its tensors, 64 hex digits, which adapters name. The first call may read the whole file. The text
 * lives as long as the model. */
PITH_API pith_status pith_model_identity(pith_model* model, const char** sha256, pith_error* error);

typedef struct pith_memory {
  size_t struct_bytes;
  int64_t weights_mapped_bytes; /* pages of the file, which the system may drop and read again */
  int64_t kv_bytes;             /* of the KV cache, as far as it was used */
  int64_t scratch_bytes;
  int64_t kv_tokens;            /* its capacity */
  int64_t kv_tokens_free;       /* cached prefixes that nobody uses count as free */
  int64_t kv_used_bytes;        /* of kv_bytes: by what runs. The rest are cached prefixes, and pages that are free */
  int64_t kv_hit_tokens;        /* of the prompts since the model was opened: found in the cache … */
  int64_t kv_miss_tokens;       /* … and computed */
  int64_t kv_evicted_bytes;     /* of cached prefixes that made room for others */
} pith_memory;
/* Waits for the end of the model's present step. */
PITH_API pith_status pith_model_get_memory(pith_model* model, pith_memory* memory, pith_error* error);
/* Gives memory back to the system: cached prefixes that no request uses are dropped, the one unused longest first, until the KV cache holds no more
 * than keep_bytes (0: all of them), and what is free then goes. *freed_bytes, which may be NULL, receives how much that was. Waits likewise. */
PITH_API pith_status pith_model_trim(pith_model* model, int64_t keep_bytes, int64_t* freed_bytes, pith_error* error);

/* Token ids of a text into ids[0 … capacity), as many as fit, and into *count how many there are. ids may be NULL with capacity 0.
 * special: whether "<|im_end|>" is one token (as in a raw prompt) or plain text (as in what a user says). */
PITH_API pith_status pith_tokenize(const pith_model* model, const char* text, int32_t special, int32_t* ids, size_t capacity, size_t* count,
                                   pith_error* error);
/* The bytes of one token, which need not be whole characters; not ended by a zero byte; they live as long as the model. */
PITH_API pith_status pith_token_bytes(const pith_model* model, int32_t id, const char** bytes, size_t* num_bytes, pith_error* error);

/* ---- Adapters -------------------------------------------------------------------------------------------------------------- */

typedef struct pith_adapter pith_adapter; /* pith_adapter_close */

typedef struct pith_adapter_options {
  size_t struct_bytes;
  const char* name;  /* in messages and lists; NULL: what the file is called */
  int32_t any_base;  /* not 0: goes on, with a warning, where the adapter was trained on another base */
  int32_t reserved;  /* 0 */
} pith_adapter_options;

/* A GGUF LoRA for this model, mapped and used in place; the same three sources as for models. It acts only where a request names it.
 * An adapter that names its base is held against pith_model_identity. options may be NULL. */
PITH_API pith_status pith_adapter_open(pith_model* model, const char* path, const pith_adapter_options* options, pith_adapter** adapter,
                                       pith_error* error);
PITH_API pith_status pith_adapter_open_fd(pith_model* model, int fd, uint64_t offset, uint64_t bytes, const pith_adapter_options* options,
                                          pith_adapter** adapter, pith_error* error);
/* The memory must stay until the adapter is closed and no request runs with it. */
PITH_API pith_status pith_adapter_open_memory(pith_model* model, const void* data, size_t bytes, const pith_adapter_options* options,
                                              pith_adapter** adapter, pith_error* error);
/* Requests that run with it go on to their ends. */
PITH_API void pith_adapter_close(pith_adapter* adapter);

typedef struct pith_adapter_info {
  size_t struct_bytes;
  const char* name;           /* these texts live as long as the adapter */
  const char* base_sha256;    /* identity of the base that it was trained on; "": it names none */
  const char* close_text;     /* of the budget that it was trained under; "": none */
  const char* sentence;       /* that announces it, with {budget}; "": none */
  int64_t bytes;              /* of its tensors */
  int64_t rank;               /* the largest of its matrices */
  int64_t budget_tokens;      /* that it was trained under; 0: none */
  int64_t reserve_tokens;
  int32_t always;             /* 0: acts from its invocation on (the prompt's KV is the base's); 1: on all tokens */
  int32_t has_verifier;       /* 1: tells how likely its responses are right (pith_request.score, PITH_VOTE_WEIGHTED) */
  const char* announcement;   /* instead of the sentence; "": none */
  double verifier_auc;        /* on problems that it was not fitted on: a right response's score is above a wrong one's so often; 0 without one … */
  double verifier_error;      /* … and its calibration error there: how far scores and shares of right ones lie apart */
  int32_t switcher_arms;      /* among so many its switcher chooses (PITH_MODE_AUTO); 0: it has none */
  int32_t reserved;
  double switcher_accuracy;   /* on problems that it was not fitted on: share of right answers … */
  double switcher_tokens;     /* … and mean tokens of an answer */
} pith_adapter_info;
PITH_API pith_status pith_adapter_get_info(const pith_adapter* adapter, pith_adapter_info* info, pith_error* error);

/* The open adapters of a model, in the order in which they were opened, into adapters[0 … capacity), as many as fit, and into *count how
 * many there are. They are the handles that pith_adapter_open gave. */
PITH_API pith_status pith_model_list_adapters(pith_model* model, pith_adapter** adapters, size_t capacity, size_t* count, pith_error* error);

/* ---- Proofs ---------------------------------------------------------------------------------------------------------------- */

typedef enum pith_verdict { PITH_EQUAL = 0, PITH_WITHIN_QUANTISATION = 1, PITH_DIFFERENT = 2, PITH_WITHOUT_EFFECT = 3 } pith_verdict;
PITH_API const char* pith_verdict_name(int32_t verdict); /* "equal", "within quantisation", "different", "without effect" */

typedef struct pith_verify_options {
  size_t struct_bytes;
  int32_t as_run;   /* 0: computed in float32, which sees the smallest faults; not 0: with the model's own activations and kv_type */
  int32_t reserved; /* 0 */
} pith_verify_options;

/* What `pith-run verify` prints; docs/verify.md says what the numbers are. In units of logits, unless it says otherwise. */
typedef struct pith_verification {
  size_t struct_bytes;
  int32_t verdict;          /* a pith_verdict */
  int32_t num_findings;     /* what is wrong; 0 with the first two verdicts */
  const char* policy;       /* whose forward pass the proof holds: "trainer" or "exporter"; lives as long as the adapter */
  int64_t prompts;          /* that were replayed */
  double change;            /* that the adapter makes here, root mean square … */
  double expected_change;   /* … and by its proof */
  double deviation;         /* between the two, of the prompt where it comes closest to its bound … */
  double equal_bound;       /* … up to which they are equal … */
  double bound;             /* … and up to which within quantisation */
  double stored_deviation;  /* from what the exporter computed with this very file … */
  double stored_bound;      /* … allowed up to; 0: the file does not say */
  double base_deviation;    /* of the base's own logits … */
  double base_bound;        /* … allowed up to */
  double rounding;          /* of the adapter by the types that it is stored in, as a share of it */
  double scale;             /* of the change here on the expected one: 1 where all is well */
  double can_hide;          /* the largest fault of the computation that would not be seen, as a share of the change */
  char findings[1536];      /* "kind: sentence", a line each, cut where they are longer; "": none */
  double verifier_deviation; /* of the adapter's verifier, between its logits here and those that its exporter computed … */
  double verifier_bound;    /* … allowed up to; 0: the file has none to compare */
  double switcher_deviation; /* of its switcher likewise, of what it says of the proof's prompts … */
  double switcher_bound;    /* … allowed up to; 0: the file has none to compare */
} pith_verification;

/* Replays the proof that an adapter carries, on this device: whether base, adapter and engine do what its maker computed. It takes seconds and
 * the memory of an engine of its own, on the model's CPUs and beside its requests; pith_model_close waits for it. Whatever the verdict, that it
 * was found is PITH_OK; PITH_INVALID where the adapter carries no proof. options may be NULL. */
PITH_API pith_status pith_verify(const pith_adapter* adapter, const pith_verify_options* options, pith_verification* verification, pith_error* error);

/* ---- Conversations --------------------------------------------------------------------------------------------------------- */

/* Turns that have been kept, each without its thoughts. Each new turn is read behind them as if all had been read by the base; what is in
 * the KV cache already costs nothing. */
typedef struct pith_conversation pith_conversation; /* pith_conversation_free */

typedef struct pith_conversation_options {
  size_t struct_bytes;
  const char* system;          /* the system message; NULL: none */
  const pith_adapter* adapter; /* whose stored template variables hold where the next two are NULL; may be NULL */
  const char* template_now;    /* as in pith_model_options; NULL: the adapter's, else the model's */
  const char* template_kwargs; /* likewise; "{}": none */
} pith_conversation_options;

PITH_API pith_status pith_conversation_open(pith_model* model, const pith_conversation_options* options, pith_conversation** conversation,
                                            pith_error* error);
PITH_API void pith_conversation_free(pith_conversation* conversation);
PITH_API int64_t pith_conversation_turns(const pith_conversation* conversation); /* −1 where the handle is none */
/* A turn that was had elsewhere: what the user said, and the answer without its thoughts. */
PITH_API pith_status pith_conversation_add(pith_conversation* conversation, const char* user, const char* answer, pith_error* error);
PITH_API pith_status pith_conversation_drop_last(pith_conversation* conversation, pith_error* error); /* the last turn; nothing where there is none */
PITH_API pith_status pith_conversation_forget(pith_conversation* conversation, pith_error* error);    /* all turns; the system message stays */
/* The keys and values of all that the conversation's next prompt begins with, as the base reads it, in a file: a program that is started again
 * takes them up with pith_model_load_kv instead of computing them. (Its turns are yours to keep, for pith_conversation_add.) What is not in the cache is
 * computed first, while requests wait. The file holds the text as token ids; it replaces an older KV file, or an empty one, and no other. */
PITH_API pith_status pith_conversation_save_kv(const pith_conversation* conversation, const char* path, pith_error* error);
/* Takes a KV file into the cache, where prompts that begin so find it; *tokens, which may be NULL, receives how many tokens it holds. It is of
 * this very base and of the model's kv_type and activations, or PITH_INVALID; what adapters wrote in it wants these among the open ones. */
PITH_API pith_status pith_model_load_kv(pith_model* model, const char* path, int64_t* tokens, pith_error* error);

/* ---- Requests -------------------------------------------------------------------------------------------------------------- */

typedef struct pith_logit_bias {
  int32_t token;
  float bias; /* −100 to 100, added to its logit; each token may be named once */
} pith_logit_bias;

typedef enum pith_vote_kind {
  PITH_VOTE_NONE = 0,
  PITH_VOTE_MAJORITY = 1, /* each chain has one vote */
  PITH_VOTE_WEIGHTED = 2  /* as much as its score; wants an adapter with a verifier */
} pith_vote_kind;

typedef enum pith_mode {
  PITH_MODE_ASKED = 0, /* who answers is said by `adapter` */
  PITH_MODE_AUTO = 1   /* the adapter's switcher chooses */
} pith_mode;

typedef struct pith_request {
  size_t struct_bytes;

  /* What is asked, one of the three:
   *   user: what a user says, put into the chat template, in a conversation or by itself. It can never become a control token;
   *   prompt: a raw text, special tokens in it parsed, without the template;
   *   prompt_ids: token ids. */
  const char* user;
  const pith_conversation* conversation; /* NULL: `user` is all there is, with `system` */
  const char* system;                    /* where there is no conversation; NULL: none */
  const char* prompt;
  const int32_t* prompt_ids;
  size_t num_prompt_ids;

  /* Who answers. The prompt is read by the base; the adapter acts from its invocation on (see pith_adapter_info.always). */
  const pith_adapter* adapter; /* NULL: the base */
  double adapter_scale;        /* times the adapter's own, −16 to 16; 0: 1, which is to the bit the adapter as it is */

  /* How many. Chains share their prompt's KV and differ by their random streams. */
  int32_t chains;      /* 1 to 256; 0: 1 */
  int32_t encode_only; /* not 0: nothing is answered, the prompt is in the cache afterwards; with a conversation and no `user` all that the
                          next prompt will begin with */
  int64_t max_tokens;  /* of an answer, thoughts, forced tokens and its end included, up to 1048576; 0: the budget, else 512 or what the context has room for */

  /* The budget: how long a response may think and answer. Counts every token behind the prompt. All 0: none. Where it runs out thoughts
   * are closed at the end of a sentence, by </think> or the closing text, and the answer keeps its reserve. */
  int64_t budget_tokens;    /* thinking and answer together, at least twice the reserve */
  int64_t think_tokens;     /* instead: thinking … */
  int64_t answer_tokens;    /* … and answer (0: the reserve) */
  int64_t reserve_tokens;   /* of budget_tokens, kept for the answer; 0: the adapter's, else 32 */
  int64_t min_think_tokens; /* before which neither thinking nor response ends, by a stop text or token either */
  double seconds;           /* from the moment that the request is begun on */
  int32_t pooled;           /* not 0: budget_tokens are for all chains together */
  int32_t closable;         /* not 0: without any limit, thoughts are closed by pith_job_close_now, and where the model repeats itself */
  const char* close_text;   /* closes reasoning; NULL: </think> for thoughts that a tag has opened, else the adapter's text, else "\n#### " */
  const char* sentence;     /* ends the user's turn and tells its budget of tokens: {budget} in it becomes the number; NULL: the adapter's; "": none */

  /* How tokens are drawn. */
  double temperature;        /* 0 (greedy) to 100 */
  double top_p;              /* in (0, 1]; 0: 1, off */
  double min_p;              /* in [0, 1); 0: off */
  int64_t top_k;             /* 0: off */
  uint64_t seed;             /* the same request with the same seed gives the same tokens, whatever runs beside it */
  double repetition_penalty; /* in (0, 10]; 0: 1, off */
  double presence_penalty;   /* −2 to 2 */
  double frequency_penalty;  /* −2 to 2 */
  const pith_logit_bias* logit_bias;
  size_t num_logit_bias; /* up to 4096 */

  /* What ends an answer, beside the model's own end: texts, which are no part of it, and tokens. */
  const char* const* stop;
  size_t num_stop; /* up to 64 */
  const int32_t* stop_ids;
  size_t num_stop_ids; /* up to 4096 */

  /* Tells an adapter its budget of tokens instead of `sentence`: forced tokens at the response's beginning, {budget} in the text becomes the number, of
   * a pooled budget each chain's share. The prompt stays the same, and so its KV. They count, and stand in no text. NULL: the adapter's, but nothing
   * where `sentence` tells it or the prompt is raw; "": nothing. */
  const char* announcement;
  int32_t vote;     /* a pith_vote_kind, what is neither 0 nor 2 being 1: chains that cannot change the vote (pith_answer_vote) any more are cancelled; with
                       more than one chain */
  int32_t score;    /* not 0: the adapter's verifier tells how likely each chain is right (pith_usage.score); PITH_VOTE_WEIGHTED implies it */
  int32_t mode;     /* a pith_mode. AUTO: the switcher of `adapter` chooses who answers, from how the base reads what the user says; it says with which budget, so
                       the fields of a budget stay as they are by default. Adapters that it may choose beside its own are found among the model's open ones */
  int32_t reserved; /* 0 */
  double switch_cost; /* of mode AUTO: tokens that an answer may cost on average; 0: what the switcher was fitted for */
} pith_request;

typedef enum pith_part { PITH_THINKING = 0, PITH_ANSWER = 1, PITH_FORCED = 2 } pith_part;
PITH_API const char* pith_part_name(int32_t part); /* "thinking", "answer", "forced" */

typedef struct pith_token {
  size_t struct_bytes; /* set by the library */
  int32_t chain;       /* from 0 */
  int32_t id;          /* −1: none; text that was held back comes at the end */
  int32_t part;        /* a pith_part */
  int32_t reserved;
  const char* text;    /* what can be shown by now: whole characters, nothing that may be a stop text's beginning; may be ""; until the callback returns */
  size_t text_bytes;
} pith_token;

/* Each token as it comes. Not 0: cancels the request; the callback does not come again, the answer may hold one token more. */
typedef int (*pith_token_fn)(void* user_data, const pith_token* token);

typedef struct pith_answer pith_answer; /* pith_answer_free */

/* Asks and waits. on_token may be NULL. An answer that was cancelled is PITH_OK and holds what there was. With encode_only the answer is empty. */
PITH_API pith_status pith_generate(pith_model* model, const pith_request* request, pith_token_fn on_token, void* user_data,
                                   pith_answer** answer, pith_error* error);

/* ---- Requests that run beside you ------------------------------------------------------------------------------------------ */

typedef struct pith_job pith_job; /* pith_job_free */

/* A request has come to its end. With PITH_OK answer is not NULL, and lives until the callback returns; else message says what went wrong. */
typedef void (*pith_done_fn)(void* user_data, int32_t status, const pith_answer* answer, const char* message);

typedef struct pith_callbacks {
  size_t struct_bytes;
  pith_token_fn on_token; /* each may be NULL */
  pith_done_fn on_done;   /* called once, after the last on_token; not after pith_job_free */
  void* user_data;
} pith_callbacks;

/* Returns at once. callbacks may be NULL. What request points to may go when this returns. Callbacks may come before it does. */
PITH_API pith_status pith_submit(pith_model* model, const pith_request* request, const pith_callbacks* callbacks, pith_job** job,
                                 pith_error* error);
/* Until the job is done, at most so many seconds (negative: however long; 0: only looks). answer may be NULL. Any number of threads may wait, and again:
 * each gets an answer of its own to free. */
PITH_API pith_status pith_job_wait(pith_job* job, double seconds, pith_answer** answer, pith_error* error);
/* Ends a chain (−1: all): at most one more token comes. Nothing happens to what is done. */
PITH_API pith_status pith_job_cancel(pith_job* job, int32_t chain, pith_error* error);
/* Closes the thoughts of a chain (−1: all), after at most one more token, and has it answer; where it has not begun, before its first token.
 * PITH_INVALID where the request has no budget and is not closable. */
PITH_API pith_status pith_job_close_now(pith_job* job, int32_t chain, pith_error* error);
/* Cancels what is not done. When it returns none of the job's callbacks runs, and none will: it waits for one that does, unless it is
 * called by a callback of the model. */
PITH_API void pith_job_free(pith_job* job);

/* ---- Answers --------------------------------------------------------------------------------------------------------------- */

typedef enum pith_finish { PITH_FINISH_STOP = 0, PITH_FINISH_LENGTH = 1, PITH_FINISH_CANCELLED = 2 } pith_finish;
PITH_API const char* pith_finish_name(int32_t finish); /* "stop", "length", "cancelled" */
typedef enum pith_forced_by {
  PITH_FORCED_BY_NONE = 0,
  PITH_FORCED_BY_BUDGET = 1,
  PITH_FORCED_BY_TIME = 2,
  PITH_FORCED_BY_LOOP = 3,   /* the model repeated itself */
  PITH_FORCED_BY_REQUEST = 4 /* pith_job_close_now */
} pith_forced_by;
PITH_API const char* pith_forced_by_name(int32_t forced_by); /* "none", "budget", "time", "loop", "request" */

typedef struct pith_usage {
  size_t struct_bytes;
  int64_t prompt_tokens;
  int64_t thinking_tokens; /* thoughts with their tags; where think_tokens was given and there are none, all up to the closing text or the answer's mark */
  int64_t answer_tokens;   /* the rest: both together are all tokens of the response */
  int64_t forced_tokens;   /* of both: the budget's announcement and the closing text */
  int32_t forced;          /* 1: the closing text was forced in … */
  int32_t forced_by;       /* … because of this, a pith_forced_by */
  int32_t finish;          /* a pith_finish. STOP: a natural end, or a stop text or token */
  int32_t reserved;
  double ttft_ms;          /* from the beginning of work on the request to the first token */
  double wall_ms;          /* … to the last */
  int64_t announced_tokens; /* of forced_tokens: the first so many tokens of the response, which announce its budget and stand in no text */
  double score;            /* how likely the response is right, 0 to 1, by the adapter's verifier; −1: it was not asked, or not to its end */
  double check_ms;         /* that asking took, behind wall_ms */
  const char* arm;         /* of mode AUTO who was chosen, as the switcher calls it: "base", "adapter", "adapter-64"; lives as long as the answer. NULL: another mode, or it was
                              cancelled before … */
  double chance;           /* … and how likely the switcher held it to be right, 0 to 1 … */
  double expected_tokens;  /* … in how many tokens */
} pith_usage;

PITH_API int32_t pith_answer_chains(const pith_answer* answer); /* 0 where the handle is none */
/* The response as people read it, its thoughts included: without the announcement of its budget, and the token or text that ended it. NULL for a chain that there is not.
 * num_bytes, which may be NULL, receives its length. Lives as long as the answer. */
PITH_API const char* pith_answer_text(const pith_answer* answer, int32_t chain, size_t* num_bytes);
/* The same without thoughts: what a conversation keeps. "" while they are open. */
PITH_API const char* pith_answer_kept(const pith_answer* answer, int32_t chain, size_t* num_bytes);
/* Its tokens, announcement and end-of-turn token included; NULL for a chain that there is not. */
PITH_API const int32_t* pith_answer_tokens(const pith_answer* answer, int32_t chain, size_t* count);
/* The logarithm of each one's probability, under the temperature and before top_k, top_p and min_p; 0 for forced ones. */
PITH_API const float* pith_answer_logprobs(const pith_answer* answer, int32_t chain, size_t* count);
PITH_API pith_status pith_answer_usage(const pith_answer* answer, int32_t chain, pith_usage* usage, pith_error* error);
typedef struct pith_vote {
  size_t struct_bytes;
  const char* answer; /* that most chains give, as its first chain writes it. Lives as long as the pith_answer */
  size_t answer_bytes; /* its length, for it may hold zero bytes; 0: no chain gives one */
  int32_t chain;      /* the first that gives it, from 0; of a weighted vote the one with the highest score */
  int32_t votes;      /* chains that do */
  int32_t voters;     /* chains that gave an answer at all; cancelled ones do not */
  int32_t kind;       /* a pith_vote_kind: weighted where the request asked for that, else majority */
  double weight;      /* of a weighted vote the sum of those chains' scores; else their number */
  double all_weight;  /* the same of all voters */
} pith_vote;
/* The vote of its chains, weighted where the request asked for that: equal answers are one ("1/2" and "0.5"), of equal votes the first chain's wins. The first call reads all chains. */
PITH_API pith_status pith_answer_vote(const pith_answer* answer, pith_vote* vote, pith_error* error);
/* Makes a turn of it, in the conversation that it answered. PITH_INVALID where that has gone on since, or the request had none. */
PITH_API pith_status pith_conversation_keep(pith_conversation* conversation, const pith_answer* answer, int32_t chain, pith_error* error);
PITH_API void pith_answer_free(pith_answer* answer);

/* ---- Structs as they begin: their size, and zeros --------------------------------------------------------------------------- */

#define PITH_DEFAULT_(name)                   \
  static inline name name##_default(void) {   \
    name value;                               \
    memset(&value, 0, sizeof(value));         \
    value.struct_bytes = sizeof(value);       \
    return value;                             \
  }
PITH_DEFAULT_(pith_model_options)
PITH_DEFAULT_(pith_model_info)
PITH_DEFAULT_(pith_memory)
PITH_DEFAULT_(pith_adapter_options)
PITH_DEFAULT_(pith_adapter_info)
PITH_DEFAULT_(pith_verify_options)
PITH_DEFAULT_(pith_verification)
PITH_DEFAULT_(pith_conversation_options)
PITH_DEFAULT_(pith_request)
PITH_DEFAULT_(pith_callbacks)
PITH_DEFAULT_(pith_usage)
PITH_DEFAULT_(pith_vote)
#undef PITH_DEFAULT_

#ifdef __cplusplus
}
#endif

#endif /* PITH_H_ */
