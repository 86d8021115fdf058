// pith_submit, pith_generate, pith_job_…
#include <cmath>

#include "runtime/capi/request.h"

namespace pith::capi {
namespace {

std::unique_ptr<pith_job> Start(pith_model* model, const pith_request* request, const pith_callbacks& callbacks) {
  const std::shared_ptr<Model>& of = Get(model, "model").model;
  auto job = std::make_unique<pith_job>();
  job->model = of;
  job->state = std::make_shared<JobState>(callbacks);
  job->state->Submit(*of, ReadRequest(of, request));
  return job;
}

void RefuseInCallback(const Model& model, const char* what) {
  if (model.InOwnThread()) throw StatusError(PITH_IN_CALLBACK, Str(what, " in a callback would wait for the thread that calls it; use pith_submit and on_done"));
}

pith_answer* TakeAnswer(const JobState& job) {
  Failure failure;
  auto handle = std::make_unique<pith_answer>();
  handle->answer = job.answer(&failure);
  if (failure.status != PITH_OK) throw StatusError(failure.status, failure.sentence);
  return handle.release();
}

}  // namespace
}  // namespace pith::capi

using namespace pith::capi;

pith_status pith_generate(pith_model* model, const pith_request* request, pith_token_fn on_token, void* user_data, pith_answer** answer, pith_error* error) {
  if (answer != nullptr) *answer = nullptr;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(answer, "answer");
    RefuseInCallback(*Get(model, "model").model, "pith_generate");
    pith_callbacks callbacks = pith_callbacks_default();
    callbacks.on_token = on_token;
    callbacks.user_data = user_data;
    const auto job = Start(model, request, callbacks);
    job->state->Wait(-1);
    *answer = TakeAnswer(*job->state);
  });
}

pith_status pith_submit(pith_model* model, const pith_request* request, const pith_callbacks* callbacks, pith_job** job, pith_error* error) {
  if (job != nullptr) *job = nullptr;
  return Guarded(error, SinkOfHandle(model), [&] {
    NotNull(job, "job");
    *job = Start(model, request, ReadStruct(callbacks, "callbacks")).release();
  });
}

pith_status pith_job_wait(pith_job* job, double seconds, pith_answer** answer, pith_error* error) {
  if (answer != nullptr) *answer = nullptr;
  return Guarded(error, SinkOfHandle(job), [&] {
    const pith_job& of = Get(job, "job");
    if (std::isnan(seconds)) pith::ThrowUser("seconds is not a number");
    if (seconds != 0) RefuseInCallback(*of.model, "pith_job_wait");
    if (!of.state->Wait(seconds)) throw StatusError(PITH_TIMEOUT, pith::Str("the job is not done after ", seconds, " s"));
    pith_answer* taken = TakeAnswer(*of.state);
    answer != nullptr ? void(*answer = taken) : pith_answer_free(taken);
  });
}

pith_status pith_job_cancel(pith_job* job, int32_t chain, pith_error* error) {
  return Guarded(error, SinkOfHandle(job), [&] {
    const pith_job& of = Get(job, "job");
    of.state->Cancel(*of.model, chain);
  });
}

pith_status pith_job_close_now(pith_job* job, int32_t chain, pith_error* error) {
  return Guarded(error, SinkOfHandle(job), [&] {
    const pith_job& of = Get(job, "job");
    of.state->CloseNow(*of.model, chain);
  });
}

void pith_job_free(pith_job* job) {
  if (!Retire(job)) return;
  (void)Guarded(nullptr, &job->model->sink(), [&] { job->state->Cancel(*job->model, -1); });
  job->state->Mute(*job->model);
  delete job;
}
